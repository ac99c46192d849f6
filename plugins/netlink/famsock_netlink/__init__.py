"""AF_NETLINK for famsock: messages, attributes, groups, link dumps."""
