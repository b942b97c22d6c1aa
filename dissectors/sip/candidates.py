"""Candidate lines of both generations: [MS-ICE2] (RFC 5245 15.1) and [MS-ICE] (draft-ietf-mmusic-ice-06)."""

from dataclasses import dataclass

from dissectors.contract import Malformed

MAX_CANDIDATES = 128
"""Candidate lines kept of one body; a client with many addresses offers about 60."""

_NAMES = ("candidate", "x-candidate-ipv6")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One transport address offered for media."""

    foundation: str
    """In draft-06 the username that names the candidate."""
    component: int
    """1 RTP, 2 RTCP"""
    transport: str
    """UDP, TCP-ACT, TCP-PASS; TCP, both ways, in draft-06"""
    priority: float
    """A whole number below 2^32, in draft-06 a fraction of 1."""
    ip: str
    port: int
    type: str | None = None
    """host, srflx, prflx, relay; None in draft-06, which does not say"""
    raddr: str | None = None
    rport: int | None = None


def read_candidate(line: str) -> Candidate:
    """Read "candidate:…", with or without "a=", or "x-candidate-ipv6:…", where Lync 2013 puts IPv6 addresses.

    Both forms; the password of draft-06 is not kept. Raises Malformed.
    """
    name, _, content = line.strip().removeprefix("a=").partition(":")
    tokens = content.split(maxsplit=32)
    try:
        if name not in _NAMES:
            raise Malformed(f"no candidate line: {line[:40]!r}")
        if len(tokens) > 7 and tokens[6] == "typ":
            return _ice2_candidate(tokens)
        username, component, _password, transport, priority, ip, port, *_ = tokens
        return Candidate(
            foundation=username,
            component=int(component),
            transport=transport.upper(),
            priority=float(priority),
            ip=ip,
            port=_port(port),
        )
    except ValueError as fault:
        raise Malformed(f"candidate line {line[:40]!r}: {fault}") from None


def _ice2_candidate(tokens: list[str]) -> Candidate:
    extras = dict(zip(tokens[8::2], tokens[9::2], strict=False))
    return Candidate(
        foundation=tokens[0],
        component=int(tokens[1]),
        transport=tokens[2].upper(),
        priority=int(tokens[3]),
        ip=tokens[4],
        port=_port(tokens[5]),
        type=tokens[7],
        raddr=extras.get("raddr"),
        rport=_port(extras["rport"]) if "rport" in extras else None,
    )


def _port(token: str) -> int:
    port = int(token)
    if not 0 <= port <= 0xFFFF:
        raise ValueError(f"port {token[:20]}")
    return port


def read_remote_candidates(line: str) -> tuple[tuple[int, str, int], ...]:
    """Read "remote-candidates:…" as (component, ip, port) triples: the path ICE chose. Raises Malformed."""
    name, _, content = line.strip().removeprefix("a=").partition(":")
    tokens = content.split(maxsplit=3 * MAX_CANDIDATES)
    if name != "remote-candidates" or not tokens or len(tokens) % 3:
        raise Malformed(f"no remote-candidates line: {line[:40]!r}")
    try:
        return tuple(
            (int(component), ip, _port(port))
            for component, ip, port in zip(tokens[::3], tokens[1::3], tokens[2::3], strict=True)
        )
    except ValueError as fault:
        raise Malformed(f"remote-candidates line {line[:40]!r}: {fault}") from None
