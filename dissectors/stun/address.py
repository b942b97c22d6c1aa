"""Transport addresses as STUN writes them: family, port, address, plain or hidden from address-rewriting NATs."""

from __future__ import annotations

from ipaddress import IPv6Address

PLAIN = bytes(16)
"""The mask of an address that is not XORed."""


def endpoint(value: bytes, mask: bytes) -> str | None:
    """ "ip:port" or "[v6]:port" of an address value, un-XORed with `mask` (16 bytes), or None when it is not one.

    The mask of XORed addresses is the message's own bytes 4..19 (RFC 5389 15.2, [MS-TURN] 2.2.2).
    """
    if len(value) < 8 or (value[1], len(value)) not in ((1, 8), (2, 20)):
        return None
    port = (value[2] ^ mask[0]) << 8 | value[3] ^ mask[1]
    if len(value) == 8:
        first, second, third, fourth = (value[at] ^ mask[at - 4] for at in (4, 5, 6, 7))
        return f"{first}.{second}.{third}.{fourth}:{port}"
    address = int.from_bytes(value[4:], "big") ^ int.from_bytes(mask, "big")
    return f"[{IPv6Address(address)}]:{port}"
