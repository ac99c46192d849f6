"""Constants of AF_UNIX: Linux 7.3's UAPI headers and the names CPython 3.14 adds."""

HEADERS = ("sys/socket.h", "linux/un.h")

# sys/socket.h
AF_UNIX = 1
AF_LOCAL = 1
PF_UNIX = 1
PF_LOCAL = 1

# linux/un.h
UNIX_PATH_MAX = 108
SIOCUNIXFILE = 0x89E0

__all__ = [name for name in dict(vars()) if name[0].isupper()]
