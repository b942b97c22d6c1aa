"""How the library is used on what captures hold: without its warnings, and with every error it answers damage with."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.utils import CryptographyDeprecationWarning

MAX_REASON = 200  # characters of the library's words
UNREADABLE = (
    ValueError,
    TypeError,
    UnicodeError,
    x509.InvalidVersion,
    x509.UnsupportedGeneralNameType,
    UnsupportedAlgorithm,
    OverflowError,
    LookupError,
)
"""What the library raises on damaged, odd or unknown content."""


@contextmanager
def leniently() -> Iterator[None]:
    """Without the library's warnings about what it will refuse one day: it is there, and is to be shown."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        warnings.simplefilter("ignore", UserWarning)
        yield


def unreadable(what: str, problem: Exception) -> str:
    """The words for content the library cannot parse."""
    return f"{what}: {str(problem)[:MAX_REASON]}"


def nanoseconds(moment: Any) -> int:
    """A moment of the library since 1970-01-01 UTC, 0 for None."""
    return int(moment.timestamp()) * 1_000_000_000 if moment else 0


def hash_name(signed: Any) -> str:
    """The hash of what is signed, "" where the library does not know it."""
    try:
        algorithm = signed.signature_hash_algorithm
    except UNREADABLE:
        return ""
    return algorithm.name if algorithm else ""
