"""Sockets of HCI: controllers, their packets, and the way to the management interface.

Sources: net/bluetooth/hci_sock.c of Linux; Core Specification vol 4 part E.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from errno import EBADFD
from socket import SOCK_RAW
from typing import TYPE_CHECKING

from famsock.plugin import Message, socket
from famsock_bluetooth import _hints, _ioctls, _waiting, options, packets
from famsock_bluetooth import constants as c
from famsock_bluetooth._fields import check_octets
from famsock_bluetooth._ioctls import HciConnInfo, HciDevInfo, HciDevStats, InquiryInfo
from famsock_bluetooth.addresses import HciAddress
from famsock_bluetooth.packets import (
    CommandComplete,
    CommandStatus,
    HciEvent,
    HciPacket,
    MonitorMessage,
)
from famsock_bluetooth.structs import HciFilter

if TYPE_CHECKING:
    from famsock_bluetooth.mgmt import Management

__all__ = [
    "HciConnInfo",
    "HciDevInfo",
    "HciDevStats",
    "HciSocket",
    "InquiryInfo",
]


_LONGEST_BYTES = 1 + c.HCI_MAX_FRAME_SIZE
"""The size of a packet's type byte and the longest packet of the kernel."""
_RECORD_BYTES_MAX = c.HCI_MON_HDR_SIZE + 0xFFFF


class _Channel:
    """The channel of a socket, as far as it is known."""

    __slots__ = ("gives_packets",)

    def __init__(self) -> None:
        self.gives_packets = False


class HciSocket(
    socket[HciAddress, int | tuple[int, int]],
    family=c.AF_BLUETOOTH,
    type=SOCK_RAW,
    proto=c.BTPROTO_HCI,
):
    """A socket of HCI: controllers, their packets, and the management interface."""

    __slots__ = ()

    # Controllers: any HCI socket, bound or not

    def devices(self) -> tuple[int, ...]:
        """The indices of all controllers, powered on or not."""
        return _ioctls.devices(self.fileno())

    def device_info(self, dev: int) -> HciDevInfo:
        """A controller's name, address, state, MTUs, counters; OSError ENODEV if there is none."""
        return _ioctls.device_info(self.fileno(), dev)

    def connections(self, dev: int) -> tuple[HciConnInfo, ...]:
        """The links of a controller."""
        return _ioctls.connections(self.fileno(), dev)

    def device_up(self, dev: int) -> None:
        """Power a controller on (HCIDEVUP); EALREADY if it is. Needs CAP_NET_ADMIN."""
        _ioctls.control_device(self.fileno(), c.HCIDEVUP, dev)

    def device_down(self, dev: int) -> None:
        """Power a controller off (HCIDEVDOWN). Needs CAP_NET_ADMIN."""
        _ioctls.control_device(self.fileno(), c.HCIDEVDOWN, dev)

    def device_reset(self, dev: int) -> None:
        """Reset a controller that is up (HCIDEVRESET). Needs CAP_NET_ADMIN.

        Linux then forgets the controller's buffers, and sends no data until it has been down.
        """
        _ioctls.control_device(self.fileno(), c.HCIDEVRESET, dev)

    def set_scan(self, dev: int, *, inquiry: bool, page: bool) -> None:
        """Set whether inquiries find the controller and pages reach it (HCISETSCAN).

        Needs CAP_NET_ADMIN.
        """
        mode = (c.SCAN_INQUIRY if inquiry else 0) | (c.SCAN_PAGE if page else 0)
        _ioctls.device_request(self.fileno(), c.HCISETSCAN, dev, mode)

    def set_sco_mtu(self, dev: int, mtu_bytes: int, packets: int) -> None:
        """Override the controller's own values for its SCO buffers (HCISETSCOMTU).

        ``mtu_bytes`` and ``packets`` are 1-65535. Needs CAP_NET_ADMIN.
        """
        word = struct.unpack("=I", struct.pack("=HH", packets, mtu_bytes))[0]
        _ioctls.device_request(self.fileno(), c.HCISETSCOMTU, dev, word)

    def inquiry(
        self,
        dev: int,
        *,
        length: int = 8,
        max_responses: int = 0,
        lap: int = _ioctls.GENERAL_INQUIRY,
        flush: bool = True,
    ) -> tuple[InquiryInfo, ...]:
        """Return the BR/EDR devices that answer an inquiry.

        It lasts and blocks for ``length`` (1-48) times 1.28 s; ``max_responses`` (1-255, 0: no
        limit) ends it earlier; ``lap`` is the 24-bit access code; ``flush`` forgets the results of
        an earlier one.
        """
        return _ioctls.inquiry(self.fileno(), dev, length, max_responses, lap, flush)

    # Packets: a socket bound to the raw or the user channel

    def filter(self) -> HciFilter:
        """Return what a raw socket receives: types of packets and codes of events."""
        return self.get_option(options.HCI_FILTER)

    def set_filter(self, types: Iterable[int], events: Iterable[int] = (), opcode: int = 0) -> None:
        """Receive packets of ``types`` (HCI_EVENT_PKT …), of events those with codes in ``events``.

        With ``opcode``, only events that answer this command are received. Packets that wait to be
        received stay: set the filter before ``bind``. A new socket receives nothing. Without
        CAP_NET_RAW the kernel removes types and events for privileged users.
        """
        self.set_option(options.HCI_FILTER, HciFilter.of(types, events, opcode))

    def enable_data_direction(self, on: bool) -> None:
        """Add its direction to each packet (control message HCI_CMSG_DIR)."""
        self.set_option(options.HCI_DATA_DIR, on)

    def enable_timestamps(self, on: bool) -> None:
        """Add its time to each packet (control message HCI_CMSG_TSTAMP)."""
        self.set_option(options.HCI_TIME_STAMP, on)

    def send_packet(self, packet: HciPacket) -> int:
        """Send one packet to the controller; return its size in bytes. TypeError if it is none."""
        if not isinstance(packet, HciPacket):
            raise TypeError(
                "an HCI packet must be HciCommand, AclData, ScoData, IsoData or OtherPacket, "
                f"not {type(packet).__name__}"
            )
        try:
            return self.send(packet.pack())
        except OSError as error:
            _hints.explain(error, _hints.HCI, "send")
            raise

    def recv_packet(self) -> HciPacket:
        """Return the next packet that the filter lets through, of the raw or the user channel.

        Packets that came before `set_filter` arrive all the same. ValueError if one is truncated,
        and on a channel that gives no packets: `recv_monitor` and `management` are for those.
        """
        self._check_gives_packets("recv_packet")
        return packets.unpack(self.recv(_LONGEST_BYTES))

    def recv_packet_message(self) -> tuple[HciPacket, Message[HciAddress]]:
        """Return the next packet, and the message with its control messages (direction, time)."""
        self._check_gives_packets("recv_packet_message")
        message = self.recv_message(_LONGEST_BYTES)
        return packets.unpack(message.data), message

    def _check_gives_packets(self, operation: str) -> None:
        """Raise ValueError if the socket's channel has another content; look once.

        The kernel names the controller and the channel only of a socket that is bound to one
        controller. It has a filter only for sockets of the raw channel.
        """
        channel = self.protocol_state(_Channel)
        if channel.gives_packets:
            return
        try:
            self.getsockname()
        except OSError:
            try:
                self.getsockopt(c.SOL_HCI, c.HCI_FILTER, HciFilter.layout.size)
            except OSError as error:
                if error.errno != EBADFD:
                    raise
                raise ValueError(
                    f"{operation}(): this channel gives no packets: recv_monitor() is for the "
                    "monitor channel, management() for the control channel"
                ) from None
        else:
            channel.gives_packets = True

    # The monitor channel

    def recv_monitor(self) -> MonitorMessage:
        """Return the next record of the monitor channel: the packets and commands of everybody.

        For a socket bound to ``HciAddress(HCI_DEV_NONE, HCI_CHANNEL_MONITOR)``, which needs
        CAP_NET_RAW. ValueError if a record is truncated.
        """
        return MonitorMessage.unpack(self.recv(_RECORD_BYTES_MAX))

    # Commands

    def send_command(
        self, opcode: int, parameters: bytes = b"", timeout_s: float | None = 5.0
    ) -> CommandComplete | CommandStatus:
        """Send a command to the controller that this raw socket is bound to, and give its answer.

        ``opcode`` is 0-65535 (`famsock_bluetooth.packets.opcode`), ``parameters`` up to 255 bytes.
        The answer comes on another socket, so this socket's queue and filter do not change. Only
        what comes after the kernel has handed the command over counts: no late answer to an earlier
        one, if the process has CAP_NET_RAW to see that. A status other than 0 is not raised: it is
        the answer's ``status``. TimeoutError if the controller does not answer in ``timeout_s``
        (None: for ever); OSError ENETDOWN if it is off, EPERM without CAP_NET_RAW.
        """
        command = packets.HciCommand(opcode, check_octets("parameters", parameters))
        try:
            local = self.getsockname()
        except OSError as error:
            error.add_note("this socket names no controller: bind it to one first")
            raise
        if not isinstance(local, int):
            raise ValueError(f"send_command needs a socket bound to a raw channel, not {local}")
        types = (c.HCI_COMMAND_PKT, c.HCI_EVENT_PKT)
        answers = (c.HCI_EV_CMD_COMPLETE, c.HCI_EV_CMD_STATUS)
        with HciSocket() as sending, HciSocket() as hearing:
            hearing.set_option(options.HCI_FILTER, HciFilter.of(types, answers, opcode))
            for sock in (sending, hearing):
                sock.bind(local)
            is_sent = not hearing.filter().type_mask >> c.HCI_COMMAND_PKT & 1
            sending.send_packet(command)
            until = _waiting.deadline(timeout_s)
            while _waiting.is_readable(hearing.fileno(), until):
                packet = packets.unpack(hearing.recv(_LONGEST_BYTES))
                is_sent = is_sent or packet == command
                answer = _answer(packet) if is_sent else None
                if answer is not None and answer.opcode == opcode:
                    return answer
        raise TimeoutError(f"no answer to HCI command 0x{opcode:04X} within {timeout_s} s")

    # The control channel

    def management(self) -> Management:
        """Return the management interface on this socket, bound to the control channel."""
        from famsock_bluetooth.mgmt import Management

        return Management(self)


def _answer(packet: HciPacket) -> CommandComplete | CommandStatus | None:
    if not isinstance(packet, HciEvent):
        return None
    if packet.code == c.HCI_EV_CMD_COMPLETE:
        return CommandComplete.of(packet)
    return CommandStatus.of(packet)
