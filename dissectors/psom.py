"""PSOM, the web conferencing data channel ([MS-PSOM]).

The byte layout of PSOM is not known to this project from a readable source (UNVERIFIED), so nothing is
claimed from a header. Under TLS, PSOM is recognised one layer up, by port, name and certificate. What this
module offers for bytes in the clear is negative: they are binary and no other protocol's.
"""

from dataclasses import dataclass
from typing import ClassVar

from dissectors.contract import Cursor, Message, Verdict

_TEXT = 4  # printable bytes in a row that mark a text protocol: "GET ", "SIP/", "HTTP"


@dataclass(frozen=True, slots=True, kw_only=True)
class PsomMessage(Message):
    """One opaque run of bytes on a connection known to be web conferencing."""

    protocol: ClassVar[str] = "psom"

    length: int


@dataclass(frozen=True, slots=True)
class Psom:
    """Keeps bytes opaque: the layout of PSOM is unknown here, so nothing is ever recognised as PSOM."""

    name: str = "psom"

    def probe(self, head: bytes, /) -> Verdict:
        """REJECT text, UNSURE about binary; never more, however many bytes there are."""
        text = len(head) >= _TEXT and all(0x20 <= one < 0x7F for one in head[:_TEXT])
        return Verdict.REJECT if text else Verdict.UNSURE

    def parse(self, cursor: Cursor, /) -> tuple[PsomMessage]:
        """All that is left, as one message. Never raises."""
        return (PsomMessage(length=len(cursor.rest())),)


PSOM = Psom()
