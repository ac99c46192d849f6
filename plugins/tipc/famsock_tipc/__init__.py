"""AF_TIPC for famsock: services by name, range and identity, and the topology service."""
