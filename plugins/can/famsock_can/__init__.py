"""AF_CAN for famsock: RAW, BCM, ISO-TP and J1939."""
