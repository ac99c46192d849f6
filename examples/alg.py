"""The kernel hashes, authenticates and encrypts; without AF_ALG, print the hint."""

from famsock_alg import AlgAddress, AlgSocket

try:
    with AlgSocket() as sha256:
        sha256.bind(AlgAddress("hash", "sha256"))
        print("sha256:", sha256.digest(b"abc").hex())

    with AlgSocket() as gcm:
        gcm.bind(AlgAddress("aead", "gcm(aes)"))
        gcm.set_key(b"sixteen byte key")
        sealed = gcm.seal(b"attack at dawn", iv=bytes(12), associated=b"header")
        print("sealed:", sealed.hex())
        print("opened:", gcm.unseal(sealed, iv=bytes(12), associated=b"header"))
        try:
            gcm.unseal(sealed, iv=bytes(12), associated=b"another header")
        except OSError as error:
            print("refused:", error)
except OSError as error:
    print(
        "no AF_ALG for sha256 and gcm(aes) here:",
        error,
        *getattr(error, "__notes__", []),
    )
