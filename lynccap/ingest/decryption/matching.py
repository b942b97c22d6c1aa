"""Which TLS connections there is a key for, and of the others why not, by what their handshakes say in the clear."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from dissectors.tls import key_exchange
from lynccap.ingest.decryption.keys import Keys
from lynccap.ingest.decryption.outcomes import KeyKind, Reason
from lynccap.ingest.schemas import Arrays
from lynccap.ingest.streams.x509.leniency import UNREADABLE, leniently, load_certificate

OLD = frozenset({"ssl3", "tls1.0", "tls1.1", "tls1.2"})
COLUMNS = ("flow", "from_client", "kind", "version", "suites", "random", "session_id", "ticket", "certificates")


@dataclass(slots=True)
class Handshake:
    """What one connection's handshake says in the clear."""

    flow: int
    kinds: set[tuple[str, bool]] = field(default_factory=set)
    """Kinds of messages and whether it was the flow's client who sent them."""
    random: bytes = b""
    """The client-hello's, b"" without one."""
    ticket: bool = False
    version: str = ""
    """Negotiated, "" without a server-hello."""
    suite: int = 0
    session_id: bytes = b""
    """The server-hello's."""
    leaf: bytes = b""
    """The server's certificate in DER, b"" when none was sent in the clear."""

    @property
    def began(self) -> bool:
        """Whether protected data was seen: what there would be to decrypt."""
        return any(kind in ("change-cipher-spec", "application-data") for kind, _ in self.kinds)


class Match(NamedTuple):
    """The key for a connection, or why there is none."""

    kind: KeyKind
    reason: Reason


def read_handshakes(tls: Arrays, flows: Iterable[int]) -> dict[int, Handshake]:
    """The handshakes of these flows from the columns of the table of TLS messages, in order of the flows."""
    wanted = sorted(flows)
    found = {flow: Handshake(flow) for flow in wanted}
    rows = np.flatnonzero(np.isin(tls["flow"], wanted))
    for flow, *said in zip(*(tls[name][rows].tolist() for name in COLUMNS), strict=True):
        _take(found[flow], *said)
    return found


def _take(
    handshake: Handshake,
    from_client: bool,
    kind: str,
    version: str | None,
    suites: tuple[int, ...],
    random: bytes,
    session_id: bytes,
    ticket: bool,
    certificates: tuple[bytes, ...],
) -> None:
    handshake.kinds.add((kind, from_client))
    if kind == "client-hello" and not handshake.random:
        handshake.random, handshake.ticket = random, ticket
        handshake.version = handshake.version or (version or "" if version == "ssl2" else "")
    elif kind == "server-hello" and suites and not handshake.suite:
        handshake.version, handshake.suite, handshake.session_id = version or "", suites[0], session_id
    elif kind == "certificate" and ("server-hello", from_client) in handshake.kinds and not handshake.leaf:
        handshake.leaf = certificates[0] if certificates else b""


def match(handshakes: Iterable[Handshake], keys: Keys) -> dict[int, Match]:
    """By flow, in the given order, in which a resumed session comes behind the one it resumes."""
    fitting = _Fitting(keys)
    return {one.flow: _match(one, keys, fitting) for one in handshakes}


def _match(one: Handshake, keys: Keys, fitting: "_Fitting") -> Match:
    if one.version == "ssl2":
        return Match(KeyKind.NONE, Reason.VERSION)
    if not one.random or not one.suite:
        lacking = Reason.NO_HANDSHAKE if one.began or not one.random else Reason.UNFINISHED
        return Match(KeyKind.NONE, lacking)
    if one.version in OLD and not one.began:
        return Match(KeyKind.NONE, Reason.UNFINISHED)
    if _is_logged(one, keys):
        return Match(KeyKind.KEYLOG, Reason.NONE)
    if not keys.rsa:
        return Match(KeyKind.NONE, Reason.NO_KEY)
    reason = fitting.reason(one)
    return Match(KeyKind.NONE if reason else KeyKind.RSA, reason)


def _is_logged(one: Handshake, keys: Keys) -> bool:
    log = keys.keylog
    return (
        one.random in log.randoms
        or one.session_id in log.session_ids
        or (log.premasters and one.version in OLD and key_exchange(one.suite) == "rsa")
    )


class _Fitting:
    """The RSA keys and the sessions they opened so far, which later connections may resume."""

    def __init__(self, keys: Keys) -> None:
        self._public = {one.public for one in keys.rsa}
        self._known: dict[bytes, bytes | None] = {}
        self._sessions: set[bytes] = set()
        self._tickets = False

    def reason(self, one: Handshake) -> Reason:
        """Why the keys do not open a session, NONE when they do."""
        if one.version not in OLD:
            return Reason.FORWARD_SECRECY
        if one.leaf and self._key_of(one.leaf) not in self._public:
            return Reason.OTHER_CERTIFICATE
        if key_exchange(one.suite) != "rsa":
            return Reason.FORWARD_SECRECY
        if not one.leaf:
            resumable = one.session_id in self._sessions or (one.ticket and self._tickets)
            return Reason.NONE if resumable else Reason.RESUMED
        self._sessions |= {one.session_id} - {b""}
        self._tickets = self._tickets or ("session-ticket", False) in one.kinds
        return Reason.NONE

    def _key_of(self, der: bytes) -> bytes | None:
        if der not in self._known:
            self._known[der] = _public_key(der)
        return self._known[der]


def _public_key(der: bytes) -> bytes | None:
    """SubjectPublicKeyInfo of a certificate, None when it cannot be read."""
    with leniently():
        try:
            key = load_certificate(der).public_key()
            return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        except UNREADABLE:
            return None


def tls_flows(flows: Arrays, tls: Arrays) -> Iterator[int]:
    """The flows whose bytes are TLS, also inside an HTTP tunnel."""
    stacked = np.flatnonzero(["tls" in str(one).split("/") for one in flows["stack"]])
    yield from np.union1d(stacked, np.unique(tls["flow"])).tolist()
