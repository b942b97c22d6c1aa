"""HTTP/2 (RFC 9113), recognised and not read: Lync's own services answer HTTP/1, their proxies may not."""

from dataclasses import dataclass
from typing import ClassVar

from dissectors.contract import Cursor, Malformed, Message, Truncated, Verdict

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""What a client says first (RFC 9113 3.4)."""
MAX_SETTINGS = 32  # of one frame; nine are registered and stacks send up to eight

_FRAME_HEADER, _SETTING = 9, 6
_SETTINGS_FRAME = 4
_REGISTERED = frozenset((1, 2, 3, 4, 5, 6, 8, 9))  # IANA; 8 is RFC 8441, 9 is RFC 9218
_FLAG_SETTINGS = frozenset((2, 8, 9))  # on or off
_MAX_WINDOW = (1 << 31) - 1
_FRAME_SIZES = range(1 << 14, 1 << 24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Http2Message(Message):
    """How one side begins HTTP/2; what follows is not read."""

    protocol: ClassVar[str] = "http2"

    kind: str
    """preface: the client's; settings: the server's"""
    length: int
    """Bytes of this side that are here."""


class Http2:
    """HTTP/2 without TLS around it: by prior knowledge, or decrypted."""

    name = "http2"

    def probe(self, head: bytes, /) -> Verdict:
        """CERTAIN with the preface, LIKELY with a SETTINGS frame of registered settings in their ranges."""
        if head.startswith(PREFACE):
            return Verdict.CERTAIN
        if PREFACE.startswith(head):
            return Verdict.UNSURE
        return _probe_settings(head)

    def parse(self, cursor: Cursor, /) -> tuple[Http2Message, ...]:
        """All of one side as one message. Raises Truncated inside what it begins with, Malformed for other bytes."""
        head = cursor.peek(_FRAME_HEADER + MAX_SETTINGS * _SETTING)
        verdict = self.probe(head)
        if verdict is Verdict.REJECT:
            raise Malformed(f"neither the preface of HTTP/2 nor its settings at offset {cursor.position}")
        if verdict is Verdict.UNSURE:
            raise Truncated(f"the beginning of HTTP/2 at offset {cursor.position} does not end")
        kind = "preface" if verdict is Verdict.CERTAIN else "settings"
        return (Http2Message(kind=kind, length=len(cursor.rest())),)


HTTP2 = Http2()


def _probe_settings(head: bytes) -> Verdict:
    """RFC 9113 6.5: the first frame, of stream 0, no acknowledgement. An empty one is mostly zeros: no proof."""
    length = int.from_bytes(head[:3], "big")
    if len(head) >= 3 and (not length or length % _SETTING or length > MAX_SETTINGS * _SETTING):
        return Verdict.REJECT
    if any(head[:2]) or not bytes((_SETTINGS_FRAME, 0, 0, 0, 0, 0)).startswith(head[3:_FRAME_HEADER]):
        return Verdict.REJECT
    settings = head[_FRAME_HEADER : _FRAME_HEADER + length]
    whole = len(settings) // _SETTING
    pairs = [
        (int.from_bytes(settings[at : at + 2], "big"), int.from_bytes(settings[at + 2 : at + 6], "big"))
        for at in range(0, whole * _SETTING, _SETTING)
    ]
    if not all(_fits(kind, value) for kind, value in pairs):
        return Verdict.REJECT
    known = any(kind in _REGISTERED for kind, _ in pairs)
    return Verdict.LIKELY if known and len(head) >= _FRAME_HEADER + length else Verdict.UNSURE


def _fits(kind: int, value: int) -> bool:
    """RFC 9113 6.5.2; kinds of the shape 0x?a?a are reserved for exercise (RFC 8701)."""
    if kind in _FLAG_SETTINGS:
        return value <= 1
    if kind == 4:
        return value <= _MAX_WINDOW
    if kind == 5:
        return value in _FRAME_SIZES
    return kind in _REGISTERED or kind & 0x0F0F == 0x0A0A
