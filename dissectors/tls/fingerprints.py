"""Names for TLS programs by how they speak: JA3 and JA3S (Salesforce, BSD) and JA4 (FoxIO, BSD).

JA4 is the one method of its family under the BSD licence; the others are not here on purpose. GREASE values
(RFC 8701) count nowhere.
"""

import hashlib
from collections.abc import Iterable
from functools import lru_cache

from dissectors.tls.extensions import ALPN, SERVER_NAME
from dissectors.tls.numbers import is_grease

CACHED = 1024  # programs repeat their hellos; those that shuffle them push older ones out
_NOTHING = "000000000000"
_VERSIONS = {0x0304: "13", 0x0303: "12", 0x0302: "11", 0x0301: "10", 0x0300: "s3", 0x0002: "s2"}


@lru_cache(maxsize=CACHED)
def ja3(
    version: int, suites: tuple[int, ...], extensions: tuple[int, ...], groups: tuple[int, ...], formats: bytes
) -> str:
    """JA3 of a client-hello: MD5 over its decimal numbers as sent. `version` is the hello's own field."""
    return _md5(f"{version},{_decimal(suites)},{_decimal(extensions)},{_decimal(groups)},{_decimal(formats)}")


@lru_cache(maxsize=CACHED)
def ja3s(version: int, suite: int, extensions: tuple[int, ...]) -> str:
    """JA3S of a server-hello."""
    return _md5(f"{version},{suite},{_decimal(extensions)}")


@lru_cache(maxsize=CACHED)
def ja4(
    version: int, suites: tuple[int, ...], extensions: tuple[int, ...], algorithms: tuple[int, ...], protocol: bytes
) -> str:
    """JA4 of a client-hello over TCP. `version` is the highest offered, `protocol` the first of ALPN or empty."""
    suites, extensions = _meaningful(suites), _meaningful(extensions)
    named = "d" if SERVER_NAME in extensions else "i"
    counts = f"{min(len(suites), 99):02}{min(len(extensions), 99):02}"
    hashed = _hexadecimal(sorted(one for one in extensions if one not in (SERVER_NAME, ALPN)))
    if hashed and algorithms:
        hashed = f"{hashed}_{_hexadecimal(_meaningful(algorithms))}"
    head = f"t{_VERSIONS.get(version, '00')}{named}{counts}{_ends(protocol)}"
    return f"{head}_{_digest(_hexadecimal(sorted(suites)))}_{_digest(hashed)}"


def _meaningful(values: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(one for one in values if not is_grease(one))


def _decimal(values: Iterable[int]) -> str:
    return "-".join([str(one) for one in values if not is_grease(one)])


def _hexadecimal(values: Iterable[int]) -> str:
    return ",".join([f"{one:04x}" for one in values])


def _ends(protocol: bytes) -> str:
    """First and last character; of a name that does not begin and end with letters or digits, of its hex."""
    if not protocol:
        return "00"
    ends = protocol[:1] + protocol[-1:]
    if ends.isalnum():
        return ends.decode("ascii")
    return f"{protocol[0] >> 4:x}{protocol[-1] & 15:x}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12] if text else _NOTHING


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
