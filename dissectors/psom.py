"""PSOM, the web conferencing data channel ([MS-PSOM]).

The byte layout of PSOM is not known to this project from a readable source, so nothing is claimed from a header.
Under TLS, PSOM is recognised one layer up, by port, name and certificate. What this module offers for bytes in the
clear is negative: they are binary and no other protocol's.
"""

from dataclasses import dataclass
from typing import ClassVar

from dissectors.contract import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class PsomMessage(Message):
    """One opaque run of bytes on a connection known to be web conferencing."""

    protocol: ClassVar[str] = "psom"

    length: int
