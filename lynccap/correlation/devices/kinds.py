"""What kind a device is: the strongest of its signs, with what speaks against it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lynccap.correlation.devices.habits import Habits
from lynccap.correlation.devices.sharing import Sharing
from lynccap.correlation.devices.signs import Sign, Signs, Strength, kind_by_start
from lynccap.correlation.roles.claims import LOAD_BALANCER, PROXY_INSIDE, REVERSE_PROXY, Basis, RoleBook
from lynccap.document import Confidence
from lynccap.tables import Tables

INNER_DISCOVERY = "lyncdiscoverinternal."
TIME_QUESTION = "_ntp._udp."  # asked by Lync Phone Edition, but not by it alone: counts for users of Lync only
UNKNOWN = "unknown"
PASSING_ON = (LOAD_BALANCER, REVERSE_PROXY, PROXY_INSIDE)
"""Roles of machines that speak for others: the programs they name are their clients'."""
OF_VISITORS = (Strength.HABIT, Strength.SERVICE, Strength.PROGRAM)
"""Signs in web requests: a web server that asks another one may pass on what its visitors ask."""
STATED = Basis.MESSAGES  # this or better: what a server itself answers, or its owner says
NOTHING_SHOWS = "uses Lync services; nothing shows what it is"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a device is, on which basis, and a frame that shows it (0 when none does)."""

    name: str
    basis: str
    frame: int = 0
    role: str | None = None


@dataclass(frozen=True)
class KindClues:
    """What the kind of a device is read from."""

    signs: Signs
    habits: Habits
    roles: RoleBook
    shared: Mapping[str, Sharing]
    telephones: Mapping[str, int]
    """MACs that told a switch that they are telephones, and the frame."""


def read_telephones(tables: Tables) -> dict[str, int]:
    """The MACs that call themselves telephones in LLDP or CDP, and the first frame of each."""
    table = tables.neighbours
    told = table[table["telephone"] & (table["mac"] != "")].drop_duplicates("mac")
    return dict(zip(told["mac"], told["frame"].tolist(), strict=True))


def kind_of(addresses: Iterable[str], macs: Iterable[str], signs_in: bool, clues: KindClues) -> Kind:
    """The kind of the machine that holds some addresses.

    Whoever answers as a server is one: servers pass the requests of clients on, User-Agent and all.
    """
    addresses, macs = tuple(addresses), tuple(macs)
    sharing = next((clues.shared[one] for one in addresses if one in clues.shared), None)
    if sharing and not sharing.in_turn:
        return Kind(UNKNOWN, sharing.says, sharing.frame)
    passes_on = not clues.habits.web_serving.isdisjoint(addresses)
    told = sorted(
        (
            one
            for address in addresses
            for one in clues.signs.get(address, ())
            if _counts(one, signs_in) and not (passes_on and one.strength in OF_VISITORS)
        ),
        key=lambda one: -one.strength,
    )
    kind = _server(addresses, clues, answers=True) or (_told(told) if told else None)
    kind = kind or _server(addresses, clues, answers=False) or _by_neighbour(macs, clues) or _by_habit(addresses, clues)
    kind = kind or Kind(UNKNOWN, _by_maker(macs) or NOTHING_SHOWS)
    return Kind(kind.name, f"{kind.basis}; {sharing.says}", kind.frame, kind.role) if sharing else kind


def _counts(sign: Sign, signs_in: bool) -> bool:
    return sign.strength > Strength.HABIT or not signs_in


def _server(addresses: tuple[str, ...], clues: KindClues, *, answers: bool) -> Kind | None:
    """By a role it holds: one its own answers show, or any role of an address that serves."""
    for address in addresses:
        passing = clues.roles.best(address, *PASSING_ON) if clues.roles.has(address, *PASSING_ON) else None
        claim = passing or clues.roles.best(address)
        if claim is None:
            continue
        shown = claim.confidence is not Confidence.POSSIBLE if passing else claim.decisive and claim.basis >= STATED
        if shown if answers else (claim.decisive or address in clues.habits.serving):
            return Kind("server", claim.says, claim.frame, claim.role)
    return None


def _told(told: list[Sign]) -> Kind:
    """The strongest sign; the strongest that contradicts it is named beside it."""
    best = told[0]
    against = next((one for one in told if not _agree(one.kind, best.kind)), None)
    basis = f"{best.says}; against it, weaker: {against.says}" if against else best.says
    return Kind(best.kind, basis, best.frame)


def _agree(one: str, other: str) -> bool:
    """Third-party phones use the services made for Lync phones."""
    return one == other or (one.endswith("phone") and other.endswith("phone"))


def _by_neighbour(macs: tuple[str, ...], clues: KindClues) -> Kind | None:
    found = next((clues.telephones[mac] for mac in macs if mac in clues.telephones), None)
    return Kind("phone", "tells the switch that it is a telephone", found) if found is not None else None


def _by_habit(addresses: tuple[str, ...], clues: KindClues) -> Kind | None:
    asked = {name: frame for one in reversed(addresses) for name, frame in clues.habits.asked.get(one, {}).items()}
    for start, kind, says in (
        (INNER_DISCOVERY, "client", "asked for lyncdiscoverinternal, as desktop and mobile clients do"),
        (TIME_QUESTION, "Lync phone", "asked DNS for a time server, as Lync phones do"),
    ):
        if found := [frame for name, frame in asked.items() if name.startswith(start)]:
            return Kind(kind, says, min(found))
    return None


def _by_maker(macs: tuple[str, ...]) -> str:
    """What the maker of its network card suggests: never a kind, for they make more than phones."""
    for mac in macs:
        if told := kind_by_start("mac", mac):
            return f"{NOTHING_SHOWS}; its hardware address is {told[1]}'s, which makes phones: possibly one"
    return ""
