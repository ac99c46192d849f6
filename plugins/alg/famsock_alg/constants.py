"""Constants of AF_ALG: Linux 7.3's UAPI headers and the names CPython 3.14 adds."""

HEADERS = ("sys/socket.h", "linux/if_alg.h")
NOT_IN_HEADERS = ("ALG_SET_PUBKEY", "ALG_OP_SIGN", "ALG_OP_VERIFY")

# sys/socket.h
AF_ALG = 38
PF_ALG = 38
SOL_ALG = 279

# linux/if_alg.h
ALG_SET_KEY = 1
ALG_SET_IV = 2
ALG_SET_OP = 3
ALG_SET_AEAD_ASSOCLEN = 4
ALG_SET_AEAD_AUTHSIZE = 5
ALG_SET_DRBG_ENTROPY = 6
ALG_SET_KEY_BY_KEY_SERIAL = 7
ALG_OP_DECRYPT = 0
ALG_OP_ENCRYPT = 1

# CPython's names for a kernel interface that was never merged; 6 is ALG_SET_DRBG_ENTROPY today
ALG_SET_PUBKEY = 6
ALG_OP_SIGN = 2
ALG_OP_VERIFY = 3

__all__ = [name for name in dict(vars()) if name[0].isupper()]
