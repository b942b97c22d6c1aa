"""Recognises DNS (RFC 1035) and reads its header and question; answers are read one layer up, by a library."""

from dataclasses import dataclass
from typing import ClassVar

from dissectors.contract import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsMessage(Message):
    """Header and first question of one DNS message."""

    protocol: ClassVar[str] = "dns"

    transaction_id: int
    kind: str
    """request or response"""
    opcode: int
    rcode: int
    truncated: bool
    """The TC bit."""
    name: str
    """The name asked, lower case, without the final dot."""
    record_type: int
    answers: int
    """Records the header promises in the answer section."""
    wire: bytes
    """The whole message, for the library that reads the records."""
