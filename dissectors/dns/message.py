"""What DNS messages are, and the words for their response codes."""

from dataclasses import dataclass
from typing import ClassVar

from dissectors.contract import Message

_LOWEST = (
    *("noerror", "formerr", "servfail", "nxdomain", "notimp", "refused"),
    *("yxdomain", "yxrrset", "nxrrset", "notauth", "notzone"),
)
RCODES = {**dict(enumerate(_LOWEST)), 16: "badvers", 23: "badcookie"}
"""Response codes as tools print them (IANA, "DNS RCODEs"); those above 15 take EDNS (RFC 6891 6.1.3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DnsMessage(Message):
    """Header and first question of one DNS message."""

    protocol: ClassVar[str] = "dns"

    dialect: str = "dns"
    """dns, mdns, llmnr or nbns"""
    transaction_id: int
    kind: str
    """request or response"""
    opcode: int
    rcode: int
    """With the upper bits that EDNS adds."""
    rcode_name: str = ""
    """noerror, nxdomain, servfail, …"""
    authoritative: bool = False
    """The AA bit."""
    truncated: bool
    """The TC bit."""
    edns_size: int | None = None
    """Bytes of a datagram the sender can take, by its EDNS record; None without one."""
    name: str
    """The name asked, lower case, without the final dot; "" for the root and when nothing is asked."""
    record_type: int
    """Of the first question, 0 when nothing is asked."""
    answers: int
    """Records the header promises in the answer section."""
    complete: bool = True
    """All promised records are here."""
    wire: bytes
    """The whole message without the length TCP puts before it, for the library that reads the records."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalNameMessage(DnsMessage):
    """A message of the same shape that asks the neighbours on the link and no DNS server: mDNS, LLMNR, NBNS."""

    protocol: ClassVar[str] = "local-names"
