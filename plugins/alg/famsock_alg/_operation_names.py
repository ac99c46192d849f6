"""The names that sockets gain from each class of operations, known before it is imported."""

NAMES = {
    "famsock_alg.sockets:AlgOperations": (
        "algorithms",
        "decrypt",
        "decryptor",
        "digest",
        "encrypt",
        "encryptor",
        "hasher",
        "random",
        "seal",
        "sendmsg_afalg",
        "set_authentication_size",
        "set_entropy",
        "set_key",
        "set_key_by_serial",
        "unseal",
    ),
}
