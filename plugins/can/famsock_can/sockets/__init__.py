"""The classes of AF_CAN's sockets: a module for each protocol, loaded when first needed."""
