"""Bandwidth management: what a client asks of the relay's call admission control, and what it is granted.

[MS-TURNBWM] 2.2. All of it travels as further attributes of Allocate messages; bandwidths are kilobits per second.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from dissectors.stun.address import endpoint

_STEPS = {0: "check", 1: "commit", 2: "update"}
_LOCATIONS = {0: "unknown", 1: "internet", 2: "intranet"}
_SITES = {0x8059: "remote site", 0x805A: "remote relay site", 0x805B: "local site", 0x805C: "local relay site"}
_ANSWERS = {0x805D: "remote site", 0x805E: "remote relay site", 0x805F: "local site", 0x8060: "local relay site"}

STEP, RESERVATION, AMOUNTS, LOCATIONS = 0x8056, 0x8057, 0x8058, 0x8068
BANDWIDTH_NUMBERS = frozenset({STEP, RESERVATION, AMOUNTS, LOCATIONS, *_SITES, *_ANSWERS})
"""The attributes `read_bandwidth` reads."""
MAX_ANSWERS = 8
"""Sites and answers kept of one message; there are four of each."""


class SiteAnswer(NamedTuple):
    """What the relay says of the network path to one address."""

    site: str
    """remote site, remote relay site, local site, local relay site"""
    valid: bool
    """False: policy refuses the path."""
    pstn_failover: bool
    """The call may go through the telephone network instead; never set for relay sites."""
    max_send: int
    max_receive: int


class Bandwidth(NamedTuple):
    """The bandwidth management of one Allocate message."""

    step: str | None = None
    """check, commit or update; None when absent or another number."""
    reservation: bytes = b""
    """16 bytes that name the reservation, from the commit on."""
    amounts: tuple[int, ...] = ()
    """Least and most to send, least and most to receive; () when absent.

    Sources differ on which of each two comes first ([MS-TURNBWM] 2.2.3 begins with the least one to send,
    tshark reads the most first), so each two are sorted.
    """
    sites: tuple[tuple[str, str], ...] = ()
    """Site, as in SiteAnswer, and its "ip:port"."""
    answers: tuple[SiteAnswer, ...] = ()
    locations: tuple[str | None, str | None] | None = None
    """Where the peer and the client itself are: unknown, internet, intranet; None for another number."""
    federation: int | None = None
    """0 is none; other numbers are named differently by every source."""


def read_bandwidth(attributes: Iterable[tuple[int, bytes]], transaction: bytes) -> Bandwidth | None:
    """Read the attributes of BANDWIDTH_NUMBERS; values of a wrong length are passed over.

    None when none was readable. Of a repeated attribute the first counts.
    """
    found = Bandwidth()
    for number, value in attributes:
        found = _add(found, number, value, transaction)
    return None if found == Bandwidth() else found


def _add(found: Bandwidth, number: int, value: bytes, transaction: bytes) -> Bandwidth:
    if number in _SITES:
        address = endpoint(value, transaction)
        if address and len(found.sites) < MAX_ANSWERS:
            return found._replace(sites=(*found.sites, (_SITES[number], address)))
    elif number in _ANSWERS:
        if len(value) == 12 and len(found.answers) < MAX_ANSWERS:
            return found._replace(answers=(*found.answers, _answer(_ANSWERS[number], value)))
    elif number == AMOUNTS and len(value) == 16 and not found.amounts:
        send, receive = (sorted((_u32(value, at), _u32(value, at + 4))) for at in (0, 8))
        return found._replace(amounts=(*send, *receive))
    elif number == RESERVATION and len(value) == 16 and not found.reservation:
        return found._replace(reservation=value)
    elif number == STEP and len(value) == 4 and found.step is None:
        return found._replace(step=_STEPS.get(_u32(value, 0) & 0xFFFF))
    elif number == LOCATIONS and len(value) == 4 and found.locations is None:
        places = (_LOCATIONS.get(value[0]), _LOCATIONS.get(value[1]))
        return found._replace(locations=places, federation=value[2])
    return found


def _answer(site: str, value: bytes) -> SiteAnswer:
    failover = not site.endswith("relay site") and bool(value[0] & 0x40)
    return SiteAnswer(site, bool(value[0] & 0x80), failover, _u32(value, 4), _u32(value, 8))


def _u32(data: bytes, offset: int) -> int:
    return int.from_bytes(data[offset : offset + 4], "big")
