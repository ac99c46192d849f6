"""Constants of AF_KCM."""

HEADERS = ("sys/socket.h", "linux/sockios.h", "linux/kcm.h")

# sys/socket.h
AF_KCM = 41
PF_KCM = 41
SOL_KCM = 281

# linux/kcm.h
KCMPROTO_CONNECTED = 0
KCM_RECV_DISABLE = 1
SIOCKCMATTACH = 0x89E0
SIOCKCMUNATTACH = 0x89E1
SIOCKCMCLONE = 0x89E2
