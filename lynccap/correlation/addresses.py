"""What an IP address says by itself: private, public, or no host's own."""

import ipaddress
from enum import StrEnum
from functools import lru_cache


class Scope(StrEnum):
    """The reach of an address."""

    PRIVATE = "private"
    PUBLIC = "public"
    LOCAL = "local"
    """Link-local, loopback or unspecified: never another network's host."""
    GROUP = "group"
    """Multicast or broadcast."""


# Python's own is_private also holds the documentation networks, which stand for public ones in examples.
_PRIVATE = tuple(
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)


@lru_cache(maxsize=65536)
def scope_of(address: str) -> Scope:
    """The scope of an address as text (RFC 1918, RFC 6598, RFC 4193); text that is no address is LOCAL."""
    try:
        value = ipaddress.ip_address(address)
    except ValueError:
        return Scope.LOCAL
    if value.is_multicast or address == "255.255.255.255":
        return Scope.GROUP
    if value.is_loopback or value.is_link_local or value.is_unspecified:
        return Scope.LOCAL
    if any(value.version == one.version and value in one for one in _PRIVATE):
        return Scope.PRIVATE
    return Scope.PUBLIC


def is_address(text: str) -> bool:
    """Whether a text is an IP address at all."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def is_private(address: str) -> bool:
    """Whether the address is of a private network."""
    return scope_of(address) is Scope.PRIVATE


def is_public(address: str) -> bool:
    """Whether the address is reachable from anywhere."""
    return scope_of(address) is Scope.PUBLIC


@lru_cache(maxsize=65536)
def subnet_of(address: str) -> str:
    """The /24 (IPv4) or /64 (IPv6) an address is in, as a stand-in for a subnet nobody told us."""
    value = ipaddress.ip_address(address)
    return str(ipaddress.ip_network(f"{address}/{24 if value.version == 4 else 64}", strict=False))


@lru_cache(maxsize=65536)
def sort_key(address: str) -> tuple[int, int | str]:
    """Orders addresses by number, IPv4 first."""
    try:
        value = ipaddress.ip_address(address)
    except ValueError:
        return (9, address)
    return (value.version, int(value))


def join_endpoint(address: str, port: int) -> str:
    """`"10.0.0.1:50000"` or `"[2001:db8::1]:50000"`."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


@lru_cache(maxsize=65536)
def split_endpoint(text: str | None) -> tuple[str, int] | None:
    """`"10.0.0.1:50000"` or `"[2001:db8::1]:50000"` as address and port, None when it is neither."""
    if not text:
        return None
    address, _, port = text.rpartition(":")
    if not address or not port.isdigit():
        return None
    return address.strip("[]"), int(port)
