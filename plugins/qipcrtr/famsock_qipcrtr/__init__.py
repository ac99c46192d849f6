"""AF_QIPCRTR for famsock: Qualcomm's IPC router, with its name service."""
