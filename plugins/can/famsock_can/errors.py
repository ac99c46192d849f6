"""Error messages of CAN drivers, decoded: the classes and details of linux/can/error.h.

An error message is a classic frame with CAN_ERR_FLAG: its identifier is a set of error classes, its
8 bytes of data hold the details of each class. A CAN_RAW socket receives those that its error mask
(``set_error_mask``) lets through.
"""

from __future__ import annotations

import enum
from typing import Self, TypeVar

import attrs

from famsock_can import constants as c

__all__ = [
    "CanError",
    "ControllerStatus",
    "ErrorClass",
    "ProtocolLocation",
    "ProtocolViolation",
    "TransceiverStatus",
]


class ErrorClass(enum.IntFlag):
    """Error classes: the bits of an error message's identifier."""

    TX_TIMEOUT = c.CAN_ERR_TX_TIMEOUT
    LOSTARB = c.CAN_ERR_LOSTARB
    CRTL = c.CAN_ERR_CRTL
    PROT = c.CAN_ERR_PROT
    TRX = c.CAN_ERR_TRX
    ACK = c.CAN_ERR_ACK
    BUSOFF = c.CAN_ERR_BUSOFF
    BUSERROR = c.CAN_ERR_BUSERROR
    RESTARTED = c.CAN_ERR_RESTARTED
    CNT = c.CAN_ERR_CNT


class ControllerStatus(enum.IntFlag):
    """The state of the controller: data[1]."""

    RX_OVERFLOW = c.CAN_ERR_CRTL_RX_OVERFLOW
    TX_OVERFLOW = c.CAN_ERR_CRTL_TX_OVERFLOW
    RX_WARNING = c.CAN_ERR_CRTL_RX_WARNING
    TX_WARNING = c.CAN_ERR_CRTL_TX_WARNING
    RX_PASSIVE = c.CAN_ERR_CRTL_RX_PASSIVE
    TX_PASSIVE = c.CAN_ERR_CRTL_TX_PASSIVE
    ACTIVE = c.CAN_ERR_CRTL_ACTIVE


class ProtocolViolation(enum.IntFlag):
    """Protocol violations on the bus: data[2]."""

    BIT = c.CAN_ERR_PROT_BIT
    FORM = c.CAN_ERR_PROT_FORM
    STUFF = c.CAN_ERR_PROT_STUFF
    BIT0 = c.CAN_ERR_PROT_BIT0
    BIT1 = c.CAN_ERR_PROT_BIT1
    OVERLOAD = c.CAN_ERR_PROT_OVERLOAD
    ACTIVE = c.CAN_ERR_PROT_ACTIVE
    TX = c.CAN_ERR_PROT_TX


class ProtocolLocation(enum.IntEnum):
    """Places of a protocol violation in the frame: data[3]."""

    UNSPEC = c.CAN_ERR_PROT_LOC_UNSPEC
    SOF = c.CAN_ERR_PROT_LOC_SOF
    ID28_21 = c.CAN_ERR_PROT_LOC_ID28_21
    ID20_18 = c.CAN_ERR_PROT_LOC_ID20_18
    SRTR = c.CAN_ERR_PROT_LOC_SRTR
    IDE = c.CAN_ERR_PROT_LOC_IDE
    ID17_13 = c.CAN_ERR_PROT_LOC_ID17_13
    ID12_05 = c.CAN_ERR_PROT_LOC_ID12_05
    ID04_00 = c.CAN_ERR_PROT_LOC_ID04_00
    RTR = c.CAN_ERR_PROT_LOC_RTR
    RES1 = c.CAN_ERR_PROT_LOC_RES1
    RES0 = c.CAN_ERR_PROT_LOC_RES0
    DLC = c.CAN_ERR_PROT_LOC_DLC
    DATA = c.CAN_ERR_PROT_LOC_DATA
    CRC_SEQ = c.CAN_ERR_PROT_LOC_CRC_SEQ
    CRC_DEL = c.CAN_ERR_PROT_LOC_CRC_DEL
    ACK = c.CAN_ERR_PROT_LOC_ACK
    ACK_DEL = c.CAN_ERR_PROT_LOC_ACK_DEL
    EOF = c.CAN_ERR_PROT_LOC_EOF
    INTERM = c.CAN_ERR_PROT_LOC_INTERM


class TransceiverStatus(enum.IntEnum):
    """The state of the wires, one of CANH and one of CANL: data[4]."""

    UNSPEC = c.CAN_ERR_TRX_UNSPEC
    CANH_NO_WIRE = c.CAN_ERR_TRX_CANH_NO_WIRE
    CANH_SHORT_TO_BAT = c.CAN_ERR_TRX_CANH_SHORT_TO_BAT
    CANH_SHORT_TO_VCC = c.CAN_ERR_TRX_CANH_SHORT_TO_VCC
    CANH_SHORT_TO_GND = c.CAN_ERR_TRX_CANH_SHORT_TO_GND
    CANL_NO_WIRE = c.CAN_ERR_TRX_CANL_NO_WIRE
    CANL_SHORT_TO_BAT = c.CAN_ERR_TRX_CANL_SHORT_TO_BAT
    CANL_SHORT_TO_VCC = c.CAN_ERR_TRX_CANL_SHORT_TO_VCC
    CANL_SHORT_TO_GND = c.CAN_ERR_TRX_CANL_SHORT_TO_GND
    CANL_SHORT_TO_CANH = c.CAN_ERR_TRX_CANL_SHORT_TO_CANH


@attrs.frozen
class CanError:
    """The content of an error message. A detail is None if its classes do not have it.

    :ivar classes: the error classes, including bits without a name. :ivar lost_arbitration_bit: the
        bit of the frame that lost arbitration, 0 if unspecified. :ivar controller: the state of the
        controller. :ivar violation: the protocol violation on the bus. :ivar location: its place in
        the frame; a plain integer if the driver's number has no name. :ivar canh: the state of the
        CANH wire; a plain integer if the number has no name.
    :ivar canl: the same of the CANL wire.
    :ivar tx_errors: the transmit error counter, 0-255.
    :ivar rx_errors: the receive error counter, 0-255.
    """

    classes: ErrorClass
    lost_arbitration_bit: int | None
    controller: ControllerStatus | None
    violation: ProtocolViolation | None
    location: ProtocolLocation | int | None
    canh: TransceiverStatus | int | None
    canl: TransceiverStatus | int | None
    tx_errors: int | None
    rx_errors: int | None

    @classmethod
    def of_frame(cls, can_id: int, data: bytes) -> Self:
        """Decode an error message from its identifier and its data, however short."""
        classes = ErrorClass(can_id & c.CAN_ERR_MASK)
        octets = data.ljust(c.CAN_ERR_DLC, b"\0")

        def detail(error_class: ErrorClass, value: int) -> int | None:
            return value if classes & error_class else None

        controller = detail(ErrorClass.CRTL, octets[1])
        violation = detail(ErrorClass.PROT, octets[2])
        return cls(
            classes=classes,
            lost_arbitration_bit=detail(ErrorClass.LOSTARB, octets[0]),
            controller=None if controller is None else ControllerStatus(controller),
            violation=None if violation is None else ProtocolViolation(violation),
            location=_named(ProtocolLocation, detail(ErrorClass.PROT, octets[3])),
            canh=_named(TransceiverStatus, detail(ErrorClass.TRX, octets[4] & 0x0F)),
            canl=_named(TransceiverStatus, detail(ErrorClass.TRX, octets[4] & 0xF0)),
            tx_errors=detail(ErrorClass.CNT, octets[6]),
            rx_errors=detail(ErrorClass.CNT, octets[7]),
        )


_E = TypeVar("_E", bound=enum.IntEnum)


def _named(kind: type[_E], value: int | None) -> _E | int | None:
    try:
        return None if value is None else kind(value)
    except ValueError:
        return value
