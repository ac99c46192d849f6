"""AF_ALG for famsock: the kernel's hashes, ciphers, AEAD and random numbers."""
