"""AF_HYPERV for famsock: Hyper-V sockets on Windows."""
