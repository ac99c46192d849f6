"""AF_RDS for famsock: reliable datagram sockets."""
