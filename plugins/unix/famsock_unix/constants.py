"""Constants of AF_UNIX: Linux 6.12's UAPI headers and the names CPython 3.14 adds."""

HEADERS = ("sys/socket.h", "net/scm.h", "asm/socket.h", "linux/un.h")

# sys/socket.h
AF_UNIX = 1
AF_LOCAL = 1
PF_UNIX = 1
PF_LOCAL = 1
SCM_RIGHTS = 0x01
SCM_CREDENTIALS = 0x02

# net/scm.h, by which the kernel's own linux/socket.h comes in
SCM_SECURITY = 0x03
SCM_PIDFD = 0x04

# asm/socket.h
SO_PASSCRED = 16
SO_PEERCRED = 17
SO_PEERSEC = 31
SO_PASSSEC = 34
SO_PEEK_OFF = 42
SO_PEERGROUPS = 59
SO_PASSPIDFD = 76
SO_PEERPIDFD = 77

# linux/un.h
UNIX_PATH_MAX = 108
SIOCUNIXFILE = 0x89E0
