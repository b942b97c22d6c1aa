"""SDP of offers and answers: media, where they go, how they are encrypted, and by which paths ICE may reach them.

RFC 4566, RFC 3264, RFC 4568, [MS-SDPEXT]. Keys and ICE passwords are not kept.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from dissectors.contract import Malformed
from dissectors.sip.candidates import MAX_CANDIDATES, Candidate, read_candidate, read_remote_candidates
from dissectors.sip.headers import MAX_VALUE
from dissectors.sip.parts import parts_for_lync, split_parts

MAX_MEDIA = 32
"""m= lines kept; a Lync conference offers about eight."""

MAX_LINES = 4096
"""Lines read of one description; MAX_CANDIDATES lines of each of eight media fit."""

MAX_ENTRIES = 64
"""Formats, codecs and crypto lines kept of one medium."""

DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
HELD = ("sendonly", "inactive")


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """One m= line and what belongs to it."""

    kind: str
    """audio, video, applicationsharing, data, …, as written"""
    port: int
    """0 refuses or ends the medium."""
    protocol: str
    """RTP/AVP, RTP/SAVP, TCP/RTP/SAVP, …"""
    formats: tuple[str, ...] = ()
    address: str | None = None
    """Of its c= line, else of the session's."""
    rtcp_port: int | None = None
    rtcp_address: str | None = None
    rtcp_mux: bool = False
    direction: str = "sendrecv"
    """One of DIRECTIONS, of the medium, else of the session."""
    label: str | None = None
    """main-audio, main-video, applicationsharing-video, …"""
    codecs: tuple[tuple[int, str], ...] = ()
    """(payload type, "name/clock rate") of a=rtpmap."""
    crypto: tuple[str, ...] = ()
    """The suites of a=crypto."""
    encryption: str | None = None
    """a=encryption: required, optional, rejected"""
    fingerprint: bool = False
    """a=fingerprint: keys by DTLS."""
    ice_ufrag: str | None = None
    candidates: tuple[Candidate, ...] = ()
    remote_candidates: tuple[tuple[int, str, int], ...] = ()
    """(component, address, port) of the path ICE chose."""
    remote_candidate: str | None = None
    """The same in draft-06: the username of the candidate chosen."""
    ssrcs: tuple[int, int] | None = None
    """First and last of a=x-ssrc-range."""
    bypass_id: str | None = None
    """a=x-bypassid: the site within which media may go around the Mediation Server."""

    @property
    def held(self) -> bool:
        """Whether the sender puts the call on hold (RFC 3264 8.4; 0.0.0.0 is how RFC 2543 did)."""
        return self.direction in HELD or self.address == "0.0.0.0"

    @property
    def ice(self) -> str:
        """The generation of ICE its candidates are of: ice2, draft-06, or none."""
        if not self.candidates:
            return "ice2" if self.ice_ufrag else "none"
        return "ice2" if any(one.type for one in self.candidates) else "draft-06"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sdp:
    """One session description."""

    origin: str | None
    """The address of its o= line."""
    version: int | None
    """It grows with every change."""
    media: tuple[Media, ...]
    fallback: bool
    """The body held a part for Communicator 2007 beside it."""


@dataclass(slots=True)
class _Reading:
    """What the lines say so far."""

    origin: str | None = None
    version: int | None = None
    session: Media = field(default_factory=lambda: Media(kind="", port=0, protocol=""))
    media: list[Media] = field(default_factory=list)


def read_sdp(body: bytes) -> Sdp | None:
    """The description in a body, of a multipart one that for Lync; None when there is none.

    Lines that cannot be read are skipped. Never raises.
    """
    parts = parts_for_lync(body)
    for part in parts:
        start = part.find(b"v=0") if b"m=" in part else -1
        if start >= 0 and (start == 0 or part[start - 1 : start] == b"\n"):
            return _read(part[start:], fallback=len(split_parts(body)) > len(parts))
    return None


def _read(part: bytes, fallback: bool) -> Sdp:
    reading = _Reading()
    for line in part.decode("utf-8", "replace").splitlines()[:MAX_LINES]:
        _take(reading, line[:MAX_VALUE].rstrip())
    return Sdp(origin=reading.origin, version=reading.version, media=tuple(reading.media), fallback=fallback)


def _take(reading: _Reading, line: str) -> None:
    kind, _, value = line.partition("=")
    try:
        if kind == "o":
            reading.version, reading.origin = int(value.split()[2]), value.split()[5]
        elif kind == "m" and len(reading.media) < MAX_MEDIA:
            reading.media.append(_medium(reading.session, value))
        elif kind in ("a", "c"):
            name, _, content = value.partition(":")
            change = _connection if kind == "c" else _ATTRIBUTES.get(name.strip().lower())
            if change is not None:
                _change(reading, change, value if kind == "c" or name in DIRECTIONS else content)
    except (ValueError, IndexError, Malformed):
        return


def _change(reading: _Reading, change: Callable[[Media, str], Media], content: str) -> None:
    if reading.media:
        reading.media[-1] = change(reading.media[-1], content)
    else:
        reading.session = change(reading.session, content)


def _medium(session: Media, value: str) -> Media:
    """`kind port[/count] protocol format…`, with what the session says for all."""
    kind, port, protocol, *formats = value.split()
    number = int(port.partition("/")[0])
    if not 0 <= number <= 0xFFFF:
        raise ValueError(port)
    return replace(session, kind=kind, port=number, protocol=protocol, formats=tuple(formats[:MAX_ENTRIES]))


def _connection(media: Media, value: str) -> Media:
    return replace(media, address=value.split()[2].partition("/")[0])


def _direction(media: Media, value: str) -> Media:
    return replace(media, direction=value)


def _rtcp(media: Media, value: str) -> Media:
    port, *rest = value.split()
    return replace(media, rtcp_port=int(port), rtcp_address=rest[2] if len(rest) > 2 else None)


def _rtpmap(media: Media, value: str) -> Media:
    payload, codec = value.split()[:2]
    entry = (int(payload), codec)
    return replace(media, codecs=(*media.codecs, entry)) if len(media.codecs) < MAX_ENTRIES else media


def _crypto(media: Media, value: str) -> Media:
    suite = value.split()[1]
    return replace(media, crypto=(*media.crypto, suite)) if len(media.crypto) < MAX_ENTRIES else media


def _candidate(media: Media, value: str) -> Media:
    if len(media.candidates) >= MAX_CANDIDATES:
        return media
    return replace(media, candidates=(*media.candidates, read_candidate(f"candidate:{value}")))


def _ssrcs(media: Media, value: str) -> Media:
    low, _, high = value.partition("-")
    return replace(media, ssrcs=(int(low), int(high)))


_ATTRIBUTES: dict[str, Callable[[Media, str], Media]] = {
    **dict.fromkeys(DIRECTIONS, _direction),
    "rtcp": _rtcp,
    "rtcp-mux": lambda media, _: replace(media, rtcp_mux=True),
    "label": lambda media, value: replace(media, label=value.strip()),
    "rtpmap": _rtpmap,
    "crypto": _crypto,
    "encryption": lambda media, value: replace(media, encryption=value.strip().lower()),
    "fingerprint": lambda media, _: replace(media, fingerprint=True),
    "ice-ufrag": lambda media, value: replace(media, ice_ufrag=value.strip()),
    "candidate": _candidate,
    "x-candidate-ipv6": _candidate,
    "remote-candidates": lambda media, value: replace(
        media, remote_candidates=read_remote_candidates(f"remote-candidates:{value}")
    ),
    "remote-candidate": lambda media, value: replace(media, remote_candidate=value.strip()),
    "x-ssrc-range": _ssrcs,
    "x-bypassid": lambda media, value: replace(media, bypass_id=value.strip()),
}
