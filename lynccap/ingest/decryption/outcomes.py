"""How the decryption of a TLS connection ended, as DECRYPTIONS tells it."""

from enum import StrEnum


class Outcome(StrEnum):
    """Whether the connection was decrypted."""

    DECRYPTED = "decrypted"
    PARTLY = "partly"
    """From its beginning up to some point."""
    NOT_DECRYPTED = "not-decrypted"


class Reason(StrEnum):
    """Why a connection was not decrypted, or not all of it."""

    NONE = ""
    NO_KEY = "no-key"
    RESUMED = "resumed"
    FORWARD_SECRECY = "forward-secrecy"
    OTHER_CERTIFICATE = "other-certificate"
    NO_HANDSHAKE = "no-handshake"
    UNFINISHED = "unfinished"
    VERSION = "version"
    GAPS = "gaps"
    TOO_LARGE = "too-large"
    NOTHING_FOUND = "nothing-found"
    NOT_ALL = "not-all"
    READ_ONCE = "read-once"
    NO_FOLDER = "no-folder"
    NO_TSHARK = "no-tshark"
    TSHARK_OFF = "tshark-off"
    TSHARK_FAILED = "tshark-failed"
    TSHARK_LIMIT = "tshark-limit"


class KeyKind(StrEnum):
    """Where the key of a session came from."""

    NONE = ""
    KEYLOG = "keylog"
    RSA = "rsa"
