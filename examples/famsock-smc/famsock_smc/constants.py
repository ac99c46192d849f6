"""Constants of AF_SMC."""

HEADERS = ("sys/socket.h", "linux/smc.h")
NOT_IN_HEADERS = ("SMCPROTO_SMC", "SMCPROTO_SMC6", "SOL_SMC")  # the kernel's own headers have them

# sys/socket.h
AF_SMC = 43
PF_SMC = 43

# linux/socket.h
SOL_SMC = 286

# net/smc/smc.h
SMCPROTO_SMC = 0
SMCPROTO_SMC6 = 1

# linux/smc.h
SMC_LIMIT_HS = 1
