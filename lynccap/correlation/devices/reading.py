"""Devices by address: what kind each is, and whether it is inside the organisation."""

import re
from collections import defaultdict
from dataclasses import dataclass, field

import pandas as pd

from lynccap.correlation.addresses import Scope, is_private, is_public, scope_of, sort_key
from lynccap.correlation.attempts import OPEN
from lynccap.correlation.devices.book import DeviceBook, DeviceFacts, Location
from lynccap.correlation.devices.location_by_topology import location_by_topology
from lynccap.correlation.media.relays import RelayBook, Side
from lynccap.correlation.names import NameBook, resolvers_of
from lynccap.correlation.roles.claims import EXTERNAL_ROLES, SIP_PORT, SIP_TLS_PORT, Basis, RoleBook
from lynccap.tables import Tables

ROUTER_ADDRESSES = 3  # a MAC in front of more addresses than this is a router's, and no device's identity

PHONE_QUESTIONS = ("ucupdates-r2.", "ucupdates.")  # firmware of phones nobody has signed in to
TIME_QUESTION = "_ntp._udp."  # asked by Lync Phone Edition, but not by it alone: counts for users of Lync only
PHONE_CLASSES = (
    ("MS-UC-Client", "Lync phone"),
    ("CPE-OCPHONE", "Lync phone"),
    ("Polycom", "third-party phone"),
    ("AUDC", "third-party phone"),
    ("yealink", "third-party phone"),
    ("snom", "third-party phone"),
)
"""Beginnings of DHCP vendor classes (option 60) and the kind they tell."""
USER_AGENTS = (
    ("iPhoneLync", "mobile"),
    ("AndroidLync", "mobile"),
    ("WPLync", "mobile"),
    ("OCPhone", "Lync phone"),
    ("Lync Phone Edition", "Lync phone"),
    ("Polycom", "third-party phone"),
    ("PolyEdge", "third-party phone"),
    ("AUDC", "third-party phone"),
    ("yealink", "third-party phone"),
    ("snom", "third-party phone"),
    ("OC/", "desktop"),
    ("UCCAPI", "desktop"),
    ("Lync", "desktop"),
)
"""Beginning of a word in a User-Agent and the kind it tells, the more telling one first."""
_AGENTS = [(re.compile(rf"\b{re.escape(part)}", re.IGNORECASE), kind) for part, kind in USER_AGENTS]
INTERNAL_QUESTIONS = ("lyncdiscoverinternal.", "_sipinternaltls._tcp.", "_sipinternal._tcp.", "sipinternal.")
DISCOVERY_QUESTIONS = (*INTERNAL_QUESTIONS, "lyncdiscover.", "_sip._tls.", "sipexternal.")


@dataclass
class _Traits:
    kind: str = "unknown"
    basis: str = ""
    frame: int = 0
    names: set[str] = field(default_factory=set)

    def note(self, kind: str, basis: str, frame: int) -> None:
        """Keep the first, i.e. strongest, kind told."""
        if not self.basis:
            self.kind, self.basis, self.frame = kind, basis, int(frame)


@dataclass(frozen=True)
class _Clues:
    """What the captures tell of addresses, each looked up once."""

    names: NameBook
    roles: RoleBook
    relays: RelayBook
    macs: dict[str, str]
    traits: dict[str, _Traits]
    asked: dict[str, set[str]]
    opened: dict[str, set[tuple[str, int]]]
    """By client: the (server, port) pairs it reached over TCP."""
    serving: frozenset[str]
    """Addresses that accepted a connection."""


def read_devices(
    tables: Tables, flows: pd.DataFrame, names: NameBook, roles: RoleBook, relays: RelayBook
) -> DeviceBook:
    """The devices that used, or tried to use, Lync services; servers that act as clients are devices too."""
    opened, serving = _opened(flows)
    clues = _Clues(
        names, roles, relays, _macs(flows), _traits(tables, flows), _questions(tables, flows), opened, serving
    )
    wanted = set(flows.loc[flows["server"].isin(list(roles.servers())), "client"])
    wanted |= {address for address, told in clues.traits.items() if told.basis}
    wanted |= {one.client for one in relays.allocations if one.server not in relays.cloud}
    wanted |= {asker for asker, ones in clues.asked.items() if any(one.startswith(DISCOVERY_QUESTIONS) for one in ones)}
    book = DeviceBook()
    for address in sorted(wanted, key=sort_key):
        if scope_of(address) not in (Scope.GROUP, Scope.LOCAL):
            book.devices[address] = _device(address, clues)
    return book


def _opened(flows: pd.DataFrame) -> tuple[dict[str, set[tuple[str, int]]], frozenset[str]]:
    good = flows[flows["opening"].isin(OPEN)]
    pairs = good[["client", "server", "server_port"]].drop_duplicates()
    opened: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for client, server, port in pairs.itertuples(index=False):
        opened[client].add((server, int(port)))
    return opened, frozenset(pairs["server"])


def _device(address: str, clues: _Clues) -> DeviceFacts:
    kind, basis, frame, role = _kind(address, clues)
    location, why = _location(address, clues)
    return DeviceFacts(
        id=address,
        addresses=(address,),
        macs=(clues.macs[address],) if address in clues.macs else (),
        names=_names(address, clues),
        kind=kind,
        role=role,
        basis=basis or "uses Lync services; nothing shows what it is",
        location=location,
        location_basis=why,
        signs_in=any(_is_sign_in(server, port, clues.roles) for server, port in clues.opened.get(address, ())),
        frame=frame,
    )


def _names(address: str, clues: _Clues) -> tuple[str, ...]:
    """The names that packets tell, then those of the recorder's own table."""
    told = clues.traits.get(address)
    proven = sorted((told.names if told else set()) | set(clues.names.names_of(address, "dns")))
    return tuple(dict.fromkeys((*proven, *clues.names.told.get(address, ()), *clues.names.recorded.get(address, ()))))


def _kind(address: str, clues: _Clues) -> tuple[str, str, int, str | None]:
    """Kind, basis, frame and role: what the device says of itself, then what it serves, then what it asks.

    Whoever answers as a server is one: servers pass the requests of clients on, User-Agent and all.
    """
    told = clues.traits.get(address)
    claim = clues.roles.best(address)
    answers = claim is not None and claim.decisive and claim.basis >= Basis.MESSAGES
    if told and told.basis and not answers:
        return told.kind, told.basis, told.frame, None
    if claim and (claim.decisive or address in clues.serving):
        return "server", claim.says, claim.frame, claim.role
    asked = clues.asked.get(address, ())
    if any(one.startswith("lyncdiscoverinternal.") for one in asked):
        return "client", "asked for lyncdiscoverinternal, as desktop and mobile clients do", 0, None
    if any(one.startswith(TIME_QUESTION) for one in asked):
        return "Lync phone", "asked DNS for a time server, as Lync phones do", 0, None
    return "unknown", "", 0, None


def _is_sign_in(server: str, port: int, roles: RoleBook) -> bool:
    return roles.is_plausible(server) and roles.is_sip(server, port)


def _macs(flows: pd.DataFrame) -> dict[str, str]:
    pairs = pd.concat(
        [
            flows[["client", "client_mac"]].set_axis(["address", "mac"], axis=1).astype(str),
            flows[["server", "server_mac"]].set_axis(["address", "mac"], axis=1).astype(str),
        ]
    ).drop_duplicates()
    pairs = pairs[pairs["mac"] != ""]
    behind = pairs.groupby("mac")["address"].nunique()
    own = pairs[pairs["mac"].map(behind) <= ROUTER_ADDRESSES]
    return dict(zip(own["address"], own["mac"], strict=True))


def _traits(tables: Tables, flows: pd.DataFrame) -> dict[str, _Traits]:
    traits: dict[str, _Traits] = defaultdict(_Traits)
    leases = {}
    dhcp = tables["dhcp"]
    for row in dhcp.itertuples():
        if row.kind == "ack" and row.your_address:
            leases[row.mac] = row.your_address
    for row in dhcp.itertuples():
        address = leases.get(row.mac) or row.client_address
        kind = _class_kind(row.vendor_class) if row.from_client else None
        if address and kind:
            traits[address].note(kind, f"DHCP vendor class {row.vendor_class}", row.frame)
        if address and row.host_name:
            traits.setdefault(address, _Traits()).names.add(row.host_name)
    for protocol, forwarded in (("sip", tables["sip"]["hops"] > 1), ("http", tables["http"]["via"].notna())):
        rows = tables[protocol]  # what a proxy passes on names another's program
        for row in rows[rows["user_agent"].notna() & (rows["kind"] == "request") & ~forwarded].itertuples():
            kind = _agent_kind(row.user_agent)
            if kind:
                sender = flows.at[row.flow, "client" if row.from_client else "server"]
                traits[sender].note(kind, f"User-Agent {row.user_agent}", row.frame)
    certprov = tables["certprov"]
    for row in certprov[certprov["step"] == "root-chains"].itertuples():
        traits[flows.at[row.flow, "client"]].note("Lync phone", "asked for the root certificate chain", row.frame)
    dns = tables["dns"]
    resolvers = resolvers_of(flows)
    for row in dns[dns["kind"] == "request"].itertuples():
        client = flows.at[row.flow, "client"]
        if row.name.startswith(PHONE_QUESTIONS) and client not in resolvers:
            traits[client].note("Lync phone", f"asked for {row.name}", row.frame)
    return traits


def _agent_kind(user_agent: str) -> str | None:
    return next((kind for part, kind in _AGENTS if part.search(user_agent)), None)


def _class_kind(vendor_class: str | None) -> str | None:
    told = (vendor_class or "").lower()
    return next((kind for start, kind in PHONE_CLASSES if told.startswith(start.lower())), None)


def _questions(tables: Tables, flows: pd.DataFrame) -> dict[str, set[str]]:
    asked: dict[str, set[str]] = defaultdict(set)
    dns = tables["dns"]
    resolvers = resolvers_of(flows)
    for row in dns[dns["kind"] == "request"].itertuples():
        client = flows.at[row.flow, "client"]
        if client not in resolvers:
            asked[client].add(row.name)
    return asked


def _asks_inside(address: str, clues: _Clues) -> bool:
    """It asked for an inner name that exists: some organisations have public addresses inside."""
    asked = [one for one in clues.asked.get(address, ()) if one.startswith(INTERNAL_QUESTIONS)]
    return any(
        clues.names.addresses_of(one) or any(one == link.name for links in clues.names.srv.values() for link in links)
        for one in asked
    )


def _location(address: str, clues: _Clues) -> tuple[Location, str]:
    """Inside or outside, by what the device reached; homes have private addresses too: no proof."""
    if told := location_by_topology(address, clues.roles):
        return told
    opened = sorted(clues.opened.get(address, ()))
    for server, port in opened:
        inner = [one for one in clues.names.names_of(server) if one.startswith(INTERNAL_QUESTIONS)]
        if port in (SIP_PORT, SIP_TLS_PORT) and clues.roles.is_plausible(server) and (inner or is_private(server)):
            return Location.INSIDE, f"signs in at {server}, {'an inner' if inner else 'a private'} address"
    for one in clues.relays.allocations_of(address):
        if one.success_frames and clues.relays.side_of(one.server) is Side.INTERNAL:
            return Location.INSIDE, f"allocates on the Edge's internal interface {one.server}"
    if is_public(address) and _asks_inside(address, clues):
        return Location.UNKNOWN, "its address is public, but it asks for inner servers"
    if is_public(address):
        return Location.OUTSIDE, "its address is public, and it reached nothing inner"
    for server, port in opened:
        if port == 443 and is_public(server) and clues.roles.roles_of(server) & EXTERNAL_ROLES:
            return Location.OUTSIDE, f"signs in through {server}, a public address"
    for server, _ in opened:
        inner = [one for one in clues.names.names_of(server) if one.startswith(INTERNAL_QUESTIONS)]
        if is_private(server) and inner:
            return Location.INSIDE, f"reaches {server}, a private address with inner names"
    return Location.UNKNOWN, "nothing shows on which side it is"
