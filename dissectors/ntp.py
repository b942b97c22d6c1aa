"""NTP packets (RFC 5905): enough to see a phone get its time."""

from dataclasses import dataclass
from typing import ClassVar

from dissectors.contract import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class NtpMessage(Message):
    """One NTP packet."""

    protocol: ClassVar[str] = "ntp"

    kind: str
    """client, server, symmetric, broadcast, control"""
    version: int
    stratum: int
    leap: int
    """3: the clock is not synchronised."""
    transmit_time: int
    """Nanoseconds since 1970-01-01 UTC; 0 when the packet carries none."""
