"""The keys a user gives: key logs and private RSA keys, read and checked before any capture is."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from lynccap.ingest.decryption.keylog import MAX_LOG_BYTES, KeyLog, read_keylog

MAX_PEM_BYTES = 1 << 20  # a key of 16384 bits takes 13 KiB; a file may hold certificates beside it


class UnusableKey(Exception):
    """A file holds no key that can be used; the text is a line: which file, why, what to do."""


@dataclass(frozen=True, slots=True)
class RsaKey:
    """A private RSA key; never shown."""

    public: bytes
    """SubjectPublicKeyInfo in DER, to compare with a certificate's."""
    pem: bytes = field(repr=False)
    """PKCS #8 without a password."""


@dataclass(frozen=True, slots=True)
class Keys:
    """What the user gave, and whether tshark may be used."""

    keylog: KeyLog = field(default_factory=KeyLog, repr=False)
    rsa: tuple[RsaKey, ...] = ()
    tshark: bool = True
    remarks: tuple[str, ...] = ()
    """What the user should know of the files, one line each."""

    def __bool__(self) -> bool:
        """Whether there is any key."""
        return bool(self.keylog or self.rsa)


def read_keys(keylogs: Sequence[Path] = (), rsa_keys: Sequence[Path] = (), *, tshark: bool = True) -> Keys:
    """The keys in these files. Raises UnusableKey, and OSError when a file cannot be read."""
    logs = {path: _head(path, MAX_LOG_BYTES + 1) for path in keylogs}
    for path, log in logs.items():
        if not read_keylog([log]):
            where = f" in its first {MAX_LOG_BYTES >> 20} MiB" if len(log) > MAX_LOG_BYTES else ""
            raise UnusableKey(
                f"{path}: holds no TLS keys{where}; a key log has lines that begin with CLIENT_RANDOM or "
                "CLIENT_TRAFFIC_SECRET_0, and a private key is given with --rsa-key"
            )
    remarks = tuple(
        f"{path}: only its first {MAX_LOG_BYTES >> 20} MiB were read; cut out the keys of the time in question"
        for path, log in logs.items()
        if len(log) > MAX_LOG_BYTES
    )
    return Keys(read_keylog(logs.values()), tuple(map(_rsa_key, rsa_keys)), tshark, remarks)


def _head(path: Path, limit: int) -> bytes:
    with path.open("rb") as file:
        return file.read(limit)


def _rsa_key(path: Path) -> RsaKey:
    data = _head(path, MAX_PEM_BYTES)
    try:
        key = load_pem_private_key(data, password=None)
    except TypeError:
        raise UnusableKey(
            f"{path}: the key is locked with a password; save it without one: openssl pkey -in LOCKED.pem -out open.pem"
        ) from None
    except (ValueError, UnsupportedAlgorithm):
        raise UnusableKey(
            f"{path}: is no private key in PEM form; of a .pfx file make one with: "
            "openssl pkcs12 -in FILE.pfx -nocerts -nodes -out key.pem"
        ) from None
    if not isinstance(key, RSAPrivateKey):
        raise UnusableKey(f"{path}: is not an RSA key; with keys of other kinds no recorded session can be decrypted")
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return RsaKey(public, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
