"""How the library is used on what captures hold: without its warnings, and with every error it answers damage with."""

import re
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

_PRINTABLE = re.compile(rb"(\x06\x03\x55\x04.)\x13", re.DOTALL)
"""An attribute of a name (X.520) whose value is a PrintableString."""


@contextmanager
def leniently() -> Iterator[None]:
    """Without the library's warnings about what it will refuse one day: it is there, and is to be shown."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        warnings.simplefilter("ignore", UserWarning)
        yield


def load_certificate(der: bytes) -> x509.Certificate:
    """Old authorities wrote "*", "@" and "&" as PrintableString, which has none of them: then read as UTF-8."""
    try:
        return x509.load_der_x509_certificate(der)
    except ValueError:
        lenient = _PRINTABLE.sub(lambda found: found[1] + b"\x0c", der)
        if lenient == der:
            raise
        return x509.load_der_x509_certificate(lenient)


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
