"""Constants of AF_QIPCRTR: Linux 7.3's UAPI headers and the names CPython 3.14 adds."""

HEADERS = ("sys/socket.h", "linux/qrtr.h")

# sys/socket.h
AF_QIPCRTR = 42
PF_QIPCRTR = 42

# linux/qrtr.h
QRTR_NODE_BCAST = 0xFFFFFFFF
QRTR_PORT_CTRL = 0xFFFFFFFE
QRTR_TYPE_DATA = 1
QRTR_TYPE_HELLO = 2
QRTR_TYPE_BYE = 3
QRTR_TYPE_NEW_SERVER = 4
QRTR_TYPE_DEL_SERVER = 5
QRTR_TYPE_DEL_CLIENT = 6
QRTR_TYPE_RESUME_TX = 7
QRTR_TYPE_EXIT = 8
QRTR_TYPE_PING = 9
QRTR_TYPE_NEW_LOOKUP = 10
QRTR_TYPE_DEL_LOOKUP = 11

__all__ = [name for name in dict(vars()) if name[0].isupper()]
