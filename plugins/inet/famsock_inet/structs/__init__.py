"""The C structs of AF_INET and AF_INET6's options and control messages, by protocol."""
