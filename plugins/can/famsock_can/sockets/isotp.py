"""Operations of CAN_ISOTP sockets: what must be set before bind, and messages received."""

from __future__ import annotations

from socket import MSG_TRUNC
from typing import Any

from famsock.plugin import Option
from famsock_can import _hints
from famsock_can import constants as c
from famsock_can import options as rows
from famsock_can.isotp import IsotpFlowControl, IsotpLinkLayer, IsotpOptions, IsotpPdu
from famsock_can.sockets.arrival import CONTROL_BYTES, ArrivalOperations, arrival

_MAX_PDU_BYTES = 8300
"""The longest message of the kernel's own setting (module parameter max_pdu_size)."""


class IsotpOperations(ArrivalOperations):
    """Operations of CAN_ISOTP sockets beyond the stdlib's methods. Source: isotp.rst."""

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
            options = self._with_flags(options, forced)
        settings: tuple[tuple[Option[Any], Any], ...] = (
            (rows.CAN_ISOTP_OPTS, options),
            (rows.CAN_ISOTP_RECV_FC, flow_control),
            (rows.CAN_ISOTP_LL_OPTS, link_layer),
            (rows.CAN_ISOTP_TX_STMIN, tx_stmin_ns),
            (rows.CAN_ISOTP_RX_STMIN, rx_stmin_ns),
        )
        for row, value in settings:
            if value is not None:
                self._sock.set_option(row, value)

    def recv_pdu(self, bufsize_bytes: int = _MAX_PDU_BYTES) -> IsotpPdu:
        """Receive one message; waits as the socket's timeout says.

        Raises TimeoutError, BlockingIOError, or OSError as recvmsg(2) fails: ECOMM if a message
        sent got no flow control, ETIMEDOUT, EILSEQ or EBADMSG if one was received in part or wrong.
        """
        try:
            data, items, flags, address = self._sock.recvmsg(bufsize_bytes, CONTROL_BYTES)
        except OSError as error:
            _hints.explain(error, _hints.ISOTP)
            raise
        return IsotpPdu(data, flags & MSG_TRUNC != 0, arrival(address[0], items, flags))

    def _with_flags(self, options: IsotpOptions | None, flags: int) -> IsotpOptions:
        """Return ``options``, or the socket's, with more flags."""
        now = self._sock.get_option(rows.CAN_ISOTP_OPTS) if options is None else options
        return IsotpOptions(
            now.flags | flags,
            now.frame_txtime_ns,
            now.ext_address,
            now.txpad_content,
            now.rxpad_content,
            now.rx_ext_address,
        )
