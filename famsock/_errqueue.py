"""Entries of the error queue (MSG_ERRQUEUE), which sockets of any family have.

Each family has another control message for it. Sources: linux/errqueue.h, recvmsg(2).
"""

from __future__ import annotations

from famsock import cstruct


@cstruct.struct("struct sock_extended_err", header=("time.h", "linux/errqueue.h"))
class SockExtendedErr(cstruct.Struct):
    """An error, or a notice of something sent.

    ``errno`` is the error, ENOMSG for a notice; ``origin`` is ``SO_EE_ORIGIN_*`` and determines the
    meaning of ``type``, ``code``, ``info`` and ``data``. For a timestamp, ``info`` is
    ``SCM_TSTAMP_*`` and ``data`` the number of the message (with SOF_TIMESTAMPING_OPT_ID). For
    zero-copy, the two are the first and last of a range of messages. For ICMP, ``type`` and
    ``code`` are ICMP's; ``info`` is the path MTU in bytes for EMSGSIZE, otherwise ``data`` is the
    offset of RFC 4884's extensions.
    """

    errno: int = cstruct.u32("ee_errno")
    origin: int = cstruct.u8("ee_origin")
    type: int = cstruct.u8("ee_type", default=0)
    code: int = cstruct.u8("ee_code", default=0)
    info: int = cstruct.u32("ee_info", offset=8, default=0)
    data: int = cstruct.u32("ee_data", default=0)
