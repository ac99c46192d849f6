"""The classes of AF_INET and AF_INET6 sockets, a module for each protocol."""
