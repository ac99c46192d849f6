"""Constants of AF_SMC."""

HEADERS = ("sys/socket.h", "linux/smc.h")
NOT_IN_HEADERS = {
    "SMCPROTO_SMC": "net/smc/smc.h is the kernel's own",
    "SMCPROTO_SMC6": "net/smc/smc.h is the kernel's own",
    "SOL_SMC": "linux/socket.h has it for the kernel only",
}

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
