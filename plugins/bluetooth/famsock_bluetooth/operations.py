"""Operations of Bluetooth sockets: one class for each protocol, whose methods the socket gains.

Sources: net/bluetooth/{l2cap,rfcomm,sco,iso,hci}_sock.c of Linux; Core Specification vol 3 part A
(L2CAP) and vol 4 part E (HCI).
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterable
from socket import SOCK_RAW
from typing import Any

import attrs

from famsock.plugin import Message, socket
from famsock_bluetooth import constants as c
from famsock_bluetooth import ioctls, options, packets
from famsock_bluetooth.addresses import HciAddress, L2capAddress
from famsock_bluetooth.ioctls import HciConnInfo, HciDevInfo, InquiryInfo
from famsock_bluetooth.mgmt import Management
from famsock_bluetooth.options import BtCodec, BtIsoQos, BtSecurity, HciFilter
from famsock_bluetooth.packets import CommandComplete, CommandStatus, HciEvent, HciPacket


class _LinkOperations:
    """What the protocols above a link share."""

    def __init__(self, sock: socket) -> None:
        self.sock = sock

    def security(self) -> BtSecurity:
        """The security level asked for, and the key size of a connected link (BT_SECURITY)."""
        return self.sock.get_option(options.BT_SECURITY)

    def set_security(self, level: int, key_size: int = 0) -> None:
        """Ask for a security level (BT_SECURITY_*), before connect or listen or on a connection.

        ``key_size`` is for BT_SECURITY_FIPS and LE links: at least so many bytes (7-16), 0 for any.
        """
        self.sock.set_option(options.BT_SECURITY, BtSecurity(level, key_size))

    def set_defer_setup(self, on: bool) -> None:
        """Leave it to this listening socket's owner to let peers in (BT_DEFER_SETUP).

        An accepted connection is then completed by the first ``recv`` on it, and refused by close.
        """
        self.sock.set_option(options.BT_DEFER_SETUP, on)

    def phys(self) -> int:
        """The radio modes of a connected link: a mask of BT_PHY_* (BT_PHY)."""
        return self.sock.get_option(options.BT_PHY)


class L2capOperations(_LinkOperations):
    """Operations of L2CAP sockets, BR/EDR and Low Energy alike."""

    def is_le(self) -> bool:
        """Whether the socket is bound to a Low Energy address type."""
        local = self.sock.local_address
        return isinstance(local, L2capAddress) and local.bdaddr_type != c.BDADDR_BREDR

    def outgoing_mtu_bytes(self) -> int:
        """The greatest message that the peer takes; of an LE channel once it is connected."""
        if self.is_le():
            return self.sock.get_option(options.BT_SNDMTU)
        return self.sock.get_option(options.L2CAP_OPTIONS).omtu

    def incoming_mtu_bytes(self) -> int:
        """The greatest message that this end takes."""
        if self.is_le():
            return self.sock.get_option(options.BT_RCVMTU)
        return self.sock.get_option(options.L2CAP_OPTIONS).imtu

    def set_incoming_mtu(self, size_bytes: int) -> None:
        """The greatest message to take, after bind and before connect or listen.

        48-65535 bytes for BR/EDR, 23-65535 for LE; an accepted socket has its listener's.
        """
        if self.is_le():
            self.sock.set_option(options.BT_RCVMTU, size_bytes)
        else:
            self.set_l2cap_options(imtu=size_bytes)

    def mode(self) -> int:
        """The channel's mode (L2CAP_MODE_*), of BR/EDR channels."""
        return self.sock.get_option(options.L2CAP_OPTIONS).mode

    def set_mode(self, mode: int) -> None:
        """Set the mode of a BR/EDR channel before connect or listen.

        L2CAP_MODE_BASIC for SOCK_SEQPACKET; L2CAP_MODE_ERTM (retransmission) or
        L2CAP_MODE_STREAMING for SOCK_STREAM and SOCK_SEQPACKET.
        """
        self.set_l2cap_options(mode=mode)

    def l2cap_options(self) -> options.L2capOptions:
        """All parameters of a BR/EDR channel (L2CAP_OPTIONS); EINVAL for a bound LE one."""
        return self.sock.get_option(options.L2CAP_OPTIONS)

    def set_l2cap_options(self, **changes: int) -> None:
        """Change parameters of a BR/EDR channel by the names of `L2capOptions`, before connect."""
        now: Any = self.l2cap_options()
        self.sock.set_option(options.L2CAP_OPTIONS, attrs.evolve(now, **changes))

    def connection_info(self) -> options.L2capConninfo:
        """The HCI handle and the peer's class of device; ENOTCONN without a connection."""
        return self.sock.get_option(options.L2CAP_CONNINFO)


class RfcommOperations(_LinkOperations):
    """Operations of RFCOMM sockets."""

    def connection_info(self) -> options.RfcommConninfo:
        """The HCI handle and the peer's class of device; ENOTCONN without a connection."""
        return self.sock.get_option(options.RFCOMM_CONNINFO)


class ScoOperations(_LinkOperations):
    """Operations of SCO sockets (voice)."""

    def mtu_bytes(self) -> int:
        """The greatest packet; ENOTCONN without a connection."""
        return self.sock.get_option(options.SCO_OPTIONS).mtu

    def voice(self) -> int:
        """The voice setting, of BT_VOICE_*."""
        return self.sock.get_option(options.BT_VOICE).setting

    def set_voice(self, setting: int) -> None:
        """Set the voice setting (BT_VOICE_CVSD_16BIT, BT_VOICE_TRANSPARENT …) before connect."""
        self.sock.set_option(options.BT_VOICE, options.BtVoice(setting))

    def set_packet_status(self, on: bool) -> None:
        """Have each received packet carry its status (control message BT_SCM_PKT_STATUS)."""
        self.sock.set_option(options.BT_PKT_STATUS, on)

    def codecs(self) -> tuple[BtCodec, ...]:
        """The codecs of the controller; EOPNOTSUPP unless codec offload is switched on."""
        return self.sock.get_option(options.BT_CODEC)

    def connection_info(self) -> options.ScoConninfo:
        """The HCI handle and the peer's class of device; ENOTCONN without a connection."""
        return self.sock.get_option(options.SCO_CONNINFO)


class IsoOperations(_LinkOperations):
    """Operations of ISO sockets (LE Audio)."""

    def qos(self) -> BtIsoQos:
        """How the stream is scheduled."""
        return self.sock.get_option(options.BT_ISO_QOS)

    def set_qos(self, qos: BtIsoQos) -> None:
        """Set how the stream is to be scheduled, before connect or listen."""
        self.sock.set_option(options.BT_ISO_QOS, qos)

    def base(self) -> bytes:
        """The broadcast audio announcement (BASE), up to 248 bytes."""
        return self.sock.get_option(options.BT_ISO_BASE)

    def set_base(self, base: bytes) -> None:
        """Set the broadcast audio announcement (BASE), up to 248 bytes, before connect."""
        self.sock.set_option(options.BT_ISO_BASE, base)


class HciOperations:
    """Operations of HCI sockets: controllers, their packets, and the management interface."""

    def __init__(self, sock: socket) -> None:
        self.sock = sock

    # Controllers: any HCI socket, bound or not

    def devices(self) -> tuple[int, ...]:
        """The indices of all controllers, powered on or not."""
        return ioctls.devices(self.sock.fileno())

    def device_info(self, dev: int) -> HciDevInfo:
        """A controller's name, address, state, MTUs and counters; OSError ENODEV if it is none."""
        return ioctls.device_info(self.sock.fileno(), dev)

    def connections(self, dev: int) -> tuple[HciConnInfo, ...]:
        """The links of a controller."""
        return ioctls.connections(self.sock.fileno(), dev)

    def device_up(self, dev: int) -> None:
        """Power a controller on (HCIDEVUP); EALREADY if it is. Needs CAP_NET_ADMIN."""
        ioctls.control_device(self.sock.fileno(), c.HCIDEVUP, dev)

    def device_down(self, dev: int) -> None:
        """Power a controller off (HCIDEVDOWN). Needs CAP_NET_ADMIN."""
        ioctls.control_device(self.sock.fileno(), c.HCIDEVDOWN, dev)

    def device_reset(self, dev: int) -> None:
        """Reset a controller that is up (HCIDEVRESET). Needs CAP_NET_ADMIN."""
        ioctls.control_device(self.sock.fileno(), c.HCIDEVRESET, dev)

    def set_scan(self, dev: int, *, inquiry: bool, page: bool) -> None:
        """Whether inquiries find the controller and pages reach it (HCISETSCAN).

        Needs CAP_NET_ADMIN.
        """
        mode = (c.SCAN_INQUIRY if inquiry else 0) | (c.SCAN_PAGE if page else 0)
        ioctls.device_request(self.sock.fileno(), c.HCISETSCAN, dev, mode)

    def set_sco_mtu(self, dev: int, mtu_bytes: int, packets: int) -> None:
        """Overrule what the controller said of its SCO buffers (HCISETSCOMTU).

        ``mtu_bytes`` and ``packets`` are 1-65535. Needs CAP_NET_ADMIN.
        """
        word = struct.unpack("=I", struct.pack("=HH", packets, mtu_bytes))[0]
        ioctls.device_request(self.sock.fileno(), c.HCISETSCOMTU, dev, word)

    def inquiry(
        self,
        dev: int,
        *,
        length: int = 8,
        max_responses: int = 0,
        lap: int = ioctls.GENERAL_INQUIRY,
        flush: bool = True,
    ) -> tuple[InquiryInfo, ...]:
        """The BR/EDR devices that answer an inquiry.

        It lasts ``length`` (1-48) times 1.28 s and blocks so long; ``max_responses`` (1-255, 0: no
        limit) ends it earlier; ``lap`` is the 24-bit access code; ``flush`` forgets what an earlier
        one found.
        """
        return ioctls.inquiry(self.sock.fileno(), dev, length, max_responses, lap, flush)

    # Packets: a socket bound to the raw or the user channel

    def filter(self) -> HciFilter:
        """Which packets a raw socket receives."""
        return self.sock.get_option(options.HCI_FILTER)

    def set_filter(self, types: Iterable[int], events: Iterable[int] = (), opcode: int = 0) -> None:
        """Receive packets of ``types`` (HCI_EVENT_PKT …), of events those with codes in ``events``.

        ``opcode`` keeps of the events that answer a command only those of this one. A new socket
        receives nothing. Without CAP_NET_RAW the kernel clears what only the privileged may see.
        """
        self.sock.set_option(options.HCI_FILTER, HciFilter.of(types, events, opcode))

    def set_data_direction(self, on: bool) -> None:
        """Have each packet carry its direction (control message HCI_CMSG_DIR)."""
        self.sock.set_option(options.HCI_DATA_DIR, on)

    def set_time_stamps(self, on: bool) -> None:
        """Have each packet carry its time (control message HCI_CMSG_TSTAMP)."""
        self.sock.set_option(options.HCI_TIME_STAMP, on)

    def send_packet(self, packet: HciPacket) -> int:
        """Send one packet to the controller; the number of bytes."""
        return self.sock.send(packet.pack())

    def receive_packet(self) -> HciPacket:
        """The next packet that the filter lets through; ValueError for one cut short."""
        return packets.unpack(self.sock.recv(c.HCI_MAX_FRAME_SIZE))

    def receive_message(self) -> tuple[HciPacket, Message]:
        """The next packet, and the message with its control messages (direction, time)."""
        message: Message = self.sock.recv_message(c.HCI_MAX_FRAME_SIZE)
        return packets.unpack(message.data), message

    def send_command(
        self, opcode: int, parameters: bytes = b"", timeout_s: float = 5.0
    ) -> CommandComplete | CommandStatus:
        """Send a command to the controller that this raw socket is bound to, and give its answer.

        ``opcode`` is 0-65535 (`famsock_bluetooth.packets.opcode`), ``parameters`` up to 255 bytes.
        The answer comes on a socket of its own, so that nothing that is queued or filtered here is
        disturbed. A status other than 0 is not raised: it is the answer's ``status``. TimeoutError
        if the controller does not answer; OSError ENETDOWN if it is off, EPERM without CAP_NET_RAW.
        """
        command = packets.HciCommand(opcode, parameters).pack()
        local = self.sock.local_address
        if not isinstance(local, HciAddress) or local.channel != c.HCI_CHANNEL_RAW:
            raise ValueError(f"send_command needs a socket bound to a raw channel, not {local}")
        answers = (c.HCI_EV_CMD_COMPLETE, c.HCI_EV_CMD_STATUS)
        with socket(c.AF_BLUETOOTH, SOCK_RAW, c.BTPROTO_HCI) as other:
            other.set_option(options.HCI_FILTER, HciFilter.of((c.HCI_EVENT_PKT,), answers, opcode))
            other.bind(local)
            other.settimeout(timeout_s)
            other.send(command)
            deadline = time.monotonic() + timeout_s
            while time.monotonic() < deadline:
                answer = _answer(packets.unpack(other.recv(c.HCI_MAX_FRAME_SIZE)))
                if answer is not None and answer.opcode == opcode:
                    return answer
        raise TimeoutError(f"no answer to HCI command 0x{opcode:04X} within {timeout_s} s")

    # The control channel

    def management(self) -> Management:
        """The management interface on this socket, which must be bound to the control channel."""
        return Management(self.sock)


def _answer(packet: HciPacket) -> CommandComplete | CommandStatus | None:
    if not isinstance(packet, HciEvent):
        return None
    if packet.code == c.HCI_EV_CMD_COMPLETE:
        return CommandComplete.of(packet)
    return CommandStatus.of(packet)
