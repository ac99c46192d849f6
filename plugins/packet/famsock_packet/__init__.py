"""AF_PACKET for famsock: link-layer frames, filters, membership, statistics."""
