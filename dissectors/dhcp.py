"""DHCPv4 (RFC 2131, 2132) with the options a Lync phone lives on: 43, 120 (RFC 3361), 42, 60, 55, 12, 81, 66, 160."""

from dataclasses import dataclass
from typing import ClassVar

from dissectors.contract import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class DhcpMessage(Message):
    """One DHCP message."""

    protocol: ClassVar[str] = "dhcp"

    kind: str
    """discover, offer, request, decline, ack, nak, release, inform, bootp"""
    transaction_id: int
    mac: str
    """Client hardware address, "00:15:5d:01:02:03"."""
    client_address: str | None = None
    """ciaddr"""
    your_address: str | None = None
    """yiaddr"""
    relay_address: str | None = None
    """giaddr"""
    server: str | None = None
    """Option 54."""
    requested_address: str | None = None
    """Option 50."""
    router: str | None = None
    subnet_mask: str | None = None
    dns_servers: tuple[str, ...] = ()
    domain: str | None = None
    ntp_servers: tuple[str, ...] = ()
    host_name: str | None = None
    vendor_class: str | None = None
    """Option 60."""
    requested_options: tuple[int, ...] = ()
    """Option 55."""
    lease: int | None = None
    """Seconds."""
    sip_servers: tuple[str, ...] = ()
    """Option 120: names, or addresses in the form Lync does not accept."""
    sip_encoding: int | None = None
    """Option 120's encoding byte: 0 names, 1 addresses."""
    uc_identifier: str | None = None
    """Option 43.1"""
    uc_scheme: str | None = None
    uc_web_server: str | None = None
    """Option 43.3"""
    uc_port: str | None = None
    uc_path: str | None = None
    """Option 43.5"""
    vlan: int | None = None
    """Option 43.10 of the CPE-OCPHONE class."""
