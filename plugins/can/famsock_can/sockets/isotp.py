"""Sockets of CAN_ISOTP: settings before bind, and received messages."""

from __future__ import annotations

from errno import ETIMEDOUT
from socket import MSG_TRUNC, SOCK_DGRAM
from typing import Any

from famsock.plugin import Option, control
from famsock_can import _hints
from famsock_can import constants as c
from famsock_can import options as rows
from famsock_can.addresses import IsotpAddress
from famsock_can.isotp import (
    IsotpFlowControl,
    IsotpLinkLayer,
    IsotpOptions,
    IsotpPdu,
    IsotpTimeoutError,
)
from famsock_can.sockets.arrival import ARRIVAL, CONTROL_BYTES, _TransferSocket

__all__ = [
    "IsotpSocket",
]

_MAX_PDU_BYTES = 8300
"""The longest message of the kernel's own setting (module parameter max_pdu_size)."""
_PDU = control.reader(
    IsotpPdu,
    data=control.from_data(),
    is_truncated=control.from_flags(MSG_TRUNC),
    arrival=control.from_reader(ARRIVAL),
)


class IsotpSocket(
    _TransferSocket[IsotpAddress, tuple[str, int, int]],
    family=c.AF_CAN,
    type=SOCK_DGRAM,
    proto=c.CAN_ISOTP,
):
    """A socket of CAN_ISOTP (ISO 15765-2): messages of up to several kilobytes. Source: isotp.rst.

    Send with ``send``; receive with ``recv``, or with `recv_pdu` to know more of a message.

    ``send`` raises OSError: ECOMM if no flow control came for this message (with
    CAN_ISOTP_WAIT_TX_DONE) or the one before, ENOBUFS if the interface's queue is full, ENETDOWN if
    it is down.
    """

    __slots__ = ()
    _transfer_hints = _hints.ISOTP

    def configure(
        self,
        options: IsotpOptions | None = None,
        flow_control: IsotpFlowControl | None = None,
        link_layer: IsotpLinkLayer | None = None,
        *,
        tx_stmin_ns: int | None = None,
        rx_stmin_ns: int | None = None,
    ) -> None:
        """Set the given values, before bind; None leaves a setting unchanged.

        :param tx_stmin_ns: ns between frames that are sent, 0-0xffffffff, whatever the receiver
            asks for (sets CAN_ISOTP_FORCE_TXSTMIN).
        :param rx_stmin_ns: ns after a frame within which another one is ignored, 0-0xffffffff (sets
            CAN_ISOTP_FORCE_RXSTMIN).
        :raises OSError: EISCONN after bind, EINVAL for what the kernel does not take.
        """
        forced = 0 if tx_stmin_ns is None else c.CAN_ISOTP_FORCE_TXSTMIN
        forced |= 0 if rx_stmin_ns is None else c.CAN_ISOTP_FORCE_RXSTMIN
        if forced:
            options = _with_flags(options or self.get_option(rows.CAN_ISOTP_OPTS), forced)
        settings: tuple[tuple[Option[Any], Any], ...] = (
            (rows.CAN_ISOTP_OPTS, options),
            (rows.CAN_ISOTP_RECV_FC, flow_control),
            (rows.CAN_ISOTP_LL_OPTS, link_layer),
            (rows.CAN_ISOTP_TX_STMIN, tx_stmin_ns),
            (rows.CAN_ISOTP_RX_STMIN, rx_stmin_ns),
        )
        for row, value in settings:
            if value is not None:
                self.set_option(row, value)

    def recv_pdu(self, bufsize_bytes: int = _MAX_PDU_BYTES) -> IsotpPdu:
        """Receive one message; waits as the socket's timeout says.

        Raises TimeoutError, BlockingIOError, or OSError as recvmsg(2) fails: ECOMM if a message
        sent got no flow control, `IsotpTimeoutError` (ETIMEDOUT), EILSEQ or EBADMSG if one was
        received in part or wrong.
        """
        try:
            message = self.recvmsg(bufsize_bytes, CONTROL_BYTES)
        except OSError as error:
            if error.errno != ETIMEDOUT:
                _hints.explain(error, _hints.ISOTP, "recv")
                raise
            abandoned = IsotpTimeoutError(ETIMEDOUT, error.strerror)
            _hints.explain(abandoned, _hints.ISOTP, "recv")
            raise abandoned from None
        return _PDU.read(message)


def _with_flags(options: IsotpOptions, flags: int) -> IsotpOptions:
    """Return ``options`` with more flags."""
    return IsotpOptions(
        options.flags | flags,
        options.frame_txtime_ns,
        options.ext_address,
        options.txpad_content,
        options.rxpad_content,
        options.rx_ext_address,
    )
