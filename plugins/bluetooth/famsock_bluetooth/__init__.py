"""AF_BLUETOOTH for famsock: L2CAP, RFCOMM, HCI, SCO and ISO, without any BlueZ header."""
