"""AF_VSOCK for famsock: sockets between a virtual machine and its host."""
