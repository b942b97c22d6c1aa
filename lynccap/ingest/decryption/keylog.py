"""Reads TLS key logs: what browsers and OpenSSL write to SSLKEYLOGFILE, and Decryption Secrets Blocks hold.

A line names a session by a value of its handshake and gives a secret of it (NSS key log format). What is no such line
is skipped: several programs write into one log at once.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

MAX_LOG_BYTES = 32 << 20  # of one key log: keys of some 40 000 sessions of TLS 1.3, more than a capture is asked about
RANDOM_BYTES = 32
MAX_SECRET = 512  # bytes: a premaster secret of finite-field Diffie-Hellman is as long as its prime

BY_RANDOM = frozenset(
    {
        b"CLIENT_RANDOM",
        b"PMS_CLIENT_RANDOM",
        b"CLIENT_EARLY_TRAFFIC_SECRET",
        b"CLIENT_HANDSHAKE_TRAFFIC_SECRET",
        b"SERVER_HANDSHAKE_TRAFFIC_SECRET",
        b"CLIENT_TRAFFIC_SECRET_0",
        b"SERVER_TRAFFIC_SECRET_0",
    }
)
"""Labels of lines that name a session by the random of its client-hello and open its data."""
_BY_RANDOM = re.compile(rb"(?i)([A-Z][A-Z0-9_]*) ([0-9A-F]{%d}) ([0-9A-F]{2,%d})" % (2 * RANDOM_BYTES, 2 * MAX_SECRET))
_BY_SESSION_ID = re.compile(rb"(?i)RSA Session-ID:([0-9A-F]{2,64}) Master-Key:([0-9A-F]{96})")
_BY_PREMASTER = re.compile(rb"(?i)RSA ([0-9A-F]{16}) ([0-9A-F]{96})")


@dataclass(frozen=True, slots=True)
class KeyLog:
    """The lines that hold a key, each once, and what they name sessions by."""

    lines: tuple[bytes, ...] = ()
    randoms: frozenset[bytes] = frozenset()
    session_ids: frozenset[bytes] = frozenset()
    premasters: bool = False
    """Some lines name a session by its encrypted premaster secret, which any session with an RSA key exchange has."""

    def __bool__(self) -> bool:
        """Whether it holds any key."""
        return bool(self.lines)

    def text(self) -> bytes:
        """A key log of these lines and no others."""
        return b"".join(line + b"\n" for line in self.lines)


def read_keylog(logs: Iterable[bytes]) -> KeyLog:
    """The keys in these key logs; of each the first MAX_LOG_BYTES are read. Never raises."""
    lines: dict[bytes, None] = {}
    randoms: set[bytes] = set()
    session_ids: set[bytes] = set()
    premasters = False
    for log in logs:
        for line in log[:MAX_LOG_BYTES].splitlines():
            line = line.strip()
            if (found := _BY_RANDOM.fullmatch(line)) and found[1].upper() in BY_RANDOM and _even(found[3]):
                randoms.add(bytes.fromhex(found[2].decode()))
            elif (found := _BY_SESSION_ID.fullmatch(line)) and _even(found[1]):
                session_ids.add(bytes.fromhex(found[1].decode()))
            elif _BY_PREMASTER.fullmatch(line):
                premasters = True
            else:
                continue
            lines[line] = None
    return KeyLog(tuple(lines), frozenset(randoms), frozenset(session_ids), premasters)


def _even(digits: bytes) -> bool:
    return len(digits) % 2 == 0
