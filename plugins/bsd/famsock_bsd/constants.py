"""Constants of AF_SYSTEM (macOS), AF_LINK (macOS, FreeBSD) and AF_DIVERT (FreeBSD 14)."""

# sys/socket.h
AF_LINK = 18
AF_SYSTEM = 32
PF_SYSTEM = 32
AF_DIVERT = 44
PF_DIVERT = 44

# sys/sys_domain.h, sys/kern_control.h
SYSPROTO_CONTROL = 2
AF_SYS_CONTROL = 2
MAX_KCTL_NAME = 96
CTLIOCGINFO = 0xC0644E03

__all__ = [name for name in dict(vars()) if name[0].isupper()]
