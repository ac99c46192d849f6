"""AF_SYSTEM, AF_LINK and AF_DIVERT for famsock: the families of macOS and the BSDs."""
