"""What sockets of AF_INET and AF_INET6 can do beyond the stdlib's, a module for each protocol."""
