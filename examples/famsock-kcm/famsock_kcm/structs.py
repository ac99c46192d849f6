"""Arguments of AF_KCM's ioctls. Source: linux/kcm.h."""

from __future__ import annotations

from famsock.plugin import Struct, cstruct


@cstruct.struct("struct kcm_attach", header="linux/kcm.h")
class KcmAttach(Struct):
    """A connected TCP socket to attach, and the eBPF program that tells its messages' lengths.

    Wire layout: i32 descriptor of the socket, i32 descriptor of the program.
    """

    fd: int = cstruct.i32("fd")
    bpf_fd: int = cstruct.i32("bpf_fd")


@cstruct.struct("struct kcm_unattach", header="linux/kcm.h")
class KcmUnattach(Struct):
    """A TCP socket to give back. Wire layout: i32 descriptor."""

    fd: int = cstruct.i32("fd")


@cstruct.struct("struct kcm_clone", header="linux/kcm.h")
class KcmClone(Struct):
    """The descriptor of a new socket of the multiplexor. Wire layout: i32 descriptor."""

    fd: int = cstruct.i32("fd", default=-1)
