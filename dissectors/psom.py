"""PSOM, the web conferencing data channel ([MS-PSOM]).

The byte layout of PSOM is not known to this project from a readable source (UNVERIFIED), so nothing is
claimed from a header. Under TLS, PSOM is recognised one layer up, by port, name and certificate. What this
module offers for bytes in the clear is negative (they are binary and no other protocol's) and one structural sign:
what a client sends first is expected to name the data conference it joins, in the form C3P hands out (UNVERIFIED),
so that finding this name makes PSOM likely where port and server fit, and proves nothing alone.
"""

from dataclasses import dataclass
from typing import ClassVar

from dissectors.contract import Cursor, Message, Verdict

_TEXT = 4  # printable bytes in a row that mark a text protocol: "GET ", "SIP/", "HTTP"
_CONFERENCE = "app:conf:data-conf:id:"
_CONFERENCES = (_CONFERENCE.encode(), _CONFERENCE.encode("utf-16-le"))
_STUN_COOKIE = b"\x21\x12\xa4\x42"
_TLS_RECORDS = range(20, 24)


@dataclass(frozen=True, slots=True, kw_only=True)
class PsomMessage(Message):
    """One opaque run of bytes on a connection known to be web conferencing."""

    protocol: ClassVar[str] = "psom"

    length: int


@dataclass(frozen=True, slots=True)
class Psom:
    """Keeps bytes opaque: the layout of PSOM is unknown here, so it is told by what it is not, and by whom it joins."""

    name: str = "psom"

    def probe(self, head: bytes, /) -> Verdict:
        """REJECT text, TLS and STUN; LIKELY for binary that names a data conference, UNSURE about all other binary."""
        text = len(head) >= _TEXT and all(0x20 <= one < 0x7F for one in head[:_TEXT])
        if text or _is_tls(head) or _STUN_COOKIE in (head[4:8], head[6:10]):  # bare, or behind a length (RFC 4571)
            return Verdict.REJECT
        return Verdict.LIKELY if any(one in head for one in _CONFERENCES) else Verdict.UNSURE

    def parse(self, cursor: Cursor, /) -> tuple[PsomMessage]:
        """All that is left, as one message. Never raises."""
        return (PsomMessage(length=len(cursor.rest())),)


def _is_tls(head: bytes) -> bool:
    return len(head) >= 3 and head[0] in _TLS_RECORDS and head[1] == 3 and head[2] <= 4


PSOM = Psom()
