"""Devices: one over all its addresses, what kind it is, and whether it is inside the organisation."""

from collections import defaultdict
from dataclasses import dataclass, field
from enum import StrEnum

import pandas as pd

from lynccap.correlation.addresses import Scope, is_private, is_public, scope_of, sort_key
from lynccap.correlation.names import NameBook
from lynccap.correlation.relays import RelayBook, Side
from lynccap.correlation.roles import EXTERNAL_ROLES, ROLE_NAMES, RoleBook
from lynccap.tables import Tables

ROUTER_ADDRESSES = 3  # a MAC in front of more addresses than this is a router's, and no device's identity

PHONE_QUESTIONS = ("ucupdates-r2.", "ucupdates.")  # firmware of phones nobody has signed in to
TIME_QUESTION = "_ntp._udp."  # asked by Lync Phone Edition, but not by it alone: counts for users of Lync only
PHONE_CLASSES = ("MS-UC-Client", "CPE-OCPHONE")
USER_AGENTS = (
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
    ("iPhoneLync", "mobile"),
    ("AndroidLync", "mobile"),
)
INTERNAL_QUESTIONS = ("lyncdiscoverinternal.", "_sipinternaltls._tcp.", "_sipinternal._tcp.", "sipinternal.")
DISCOVERY_QUESTIONS = (*INTERNAL_QUESTIONS, "lyncdiscover.", "_sip._tls.", "sipexternal.")


class Location(StrEnum):
    """Where a device is, seen from the organisation whose servers it uses."""

    INSIDE = "inside"
    OUTSIDE = "outside"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """One device and what is known of it."""

    id: str
    addresses: tuple[str, ...]
    macs: tuple[str, ...]
    names: tuple[str, ...]
    kind: str
    """Lync phone, third-party phone, desktop, mobile, server, unknown"""
    role: str | None
    basis: str
    location: Location
    location_basis: str
    frame: int
    """A frame that shows the kind, 0 when nothing does."""

    @property
    def is_phone(self) -> bool:
        """Whether it is a telephone of any make."""
        return self.kind.endswith("phone")

    @property
    def word(self) -> str:
        """What to call it at the start of a sentence."""
        noun = {"unknown": "Device", "server": "Server"}.get(self.kind, self.kind[:1].upper() + self.kind[1:])
        return f"{ROLE_NAMES.get(self.role or '', noun)} {self.id}"


@dataclass
class DeviceBook:
    """Devices by any of their addresses."""

    devices: dict[str, DeviceFacts] = field(default_factory=dict)

    def of(self, address: str) -> DeviceFacts | None:
        """The device that holds an address."""
        return self.devices.get(address)

    def all(self) -> tuple[DeviceFacts, ...]:
        """Every device once, ordered by address."""
        return tuple(sorted(set(self.devices.values()), key=lambda one: sort_key(one.id)))


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


def read_devices(
    tables: Tables, flows: pd.DataFrame, names: NameBook, roles: RoleBook, relays: RelayBook
) -> DeviceBook:
    """The devices that used, or tried to use, Lync services; servers that act as clients are devices too."""
    macs = _macs(flows)
    traits = _traits(tables, flows)
    asked = _questions(tables, flows)
    lync_clients = set(flows.loc[flows["server"].isin(list(roles.servers())), "client"])
    wanted = lync_clients | set(traits) | {one.client for one in relays.allocations if one.server not in relays.cloud}
    wanted |= {asker for asker, ones in asked.items() if any(one.startswith(DISCOVERY_QUESTIONS) for one in ones)}
    book = DeviceBook()
    for address in sorted(wanted, key=sort_key):
        if scope_of(address) not in (Scope.GROUP, Scope.LOCAL):
            book.devices[address] = _device(address, macs, traits, asked, flows, names, roles, relays)
    return book


def _device(
    address: str,
    macs: dict[str, str],
    traits: dict[str, _Traits],
    asked: dict[str, set[str]],
    flows: pd.DataFrame,
    names: NameBook,
    roles: RoleBook,
    relays: RelayBook,
) -> DeviceFacts:
    told = traits.get(address, _Traits())
    claim = roles.best(address)
    kind, basis, frame, role = told.kind, told.basis, told.frame, None
    if not basis and claim and (claim.decisive or _serves(flows, address)):
        kind, basis, frame, role = "server", claim.says, claim.frame, claim.role
    if not basis and any(one.startswith("lyncdiscoverinternal.") for one in asked.get(address, ())):
        kind, basis = "desktop", "asked for lyncdiscoverinternal, as desktop clients do"
    if not basis and any(one.startswith(TIME_QUESTION) for one in asked.get(address, ())):
        kind, basis = "Lync phone", "asked DNS for a time server, as Lync phones do"
    location, why = _location(address, flows, names, roles, relays)
    return DeviceFacts(
        id=address,
        addresses=(address,),
        macs=(macs[address],) if address in macs else (),
        names=tuple(sorted(told.names | set(names.names_of(address, "dns")))),
        kind=kind,
        role=role,
        basis=basis or "uses Lync services; nothing shows what it is",
        location=location,
        location_basis=why,
        frame=frame,
    )


def _serves(flows: pd.DataFrame, address: str) -> bool:
    served = flows[(flows["server"] == address) & (flows["opening"] == "established")]
    return len(served) > 0


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
        if address and row.vendor_class and row.vendor_class.startswith(PHONE_CLASSES) and row.from_client:
            traits[address].note("Lync phone", f"DHCP vendor class {row.vendor_class}", row.frame)
        if address and row.host_name:
            traits.setdefault(address, _Traits()).names.add(row.host_name)
    for protocol in ("sip", "http"):
        rows = tables[protocol]
        for row in rows[rows["user_agent"].notna() & (rows["kind"] == "request")].itertuples():
            kind = next((kind for part, kind in USER_AGENTS if part.lower() in row.user_agent.lower()), None)
            if kind:
                sender = flows.at[row.flow, "client" if row.from_client else "server"]
                traits[sender].note(kind, f"User-Agent {row.user_agent}", row.frame)
    certprov = tables["certprov"]
    for row in certprov[certprov["step"] == "root-chains"].itertuples():
        traits[flows.at[row.flow, "client"]].note("Lync phone", "asked for the root certificate chain", row.frame)
    dns = tables["dns"]
    resolvers = _resolvers(flows)
    for row in dns[dns["kind"] == "request"].itertuples():
        client = flows.at[row.flow, "client"]
        if row.name.startswith(PHONE_QUESTIONS) and client not in resolvers:
            traits[client].note("Lync phone", f"asked for {row.name}", row.frame)
    return {address: one for address, one in traits.items() if one.basis}


def _resolvers(flows: pd.DataFrame) -> set[str]:
    """DNS servers: what they ask, they ask for somebody else."""
    return set(flows.loc[flows["stack"] == "dns", "server"])


def _questions(tables: Tables, flows: pd.DataFrame) -> dict[str, set[str]]:
    asked: dict[str, set[str]] = defaultdict(set)
    dns = tables["dns"]
    resolvers = _resolvers(flows)
    for row in dns[dns["kind"] == "request"].itertuples():
        client = flows.at[row.flow, "client"]
        if client not in resolvers:
            asked[client].add(row.name)
    return asked


def _location(
    address: str, flows: pd.DataFrame, names: NameBook, roles: RoleBook, relays: RelayBook
) -> tuple[Location, str]:
    """Inside or outside, by what the device reached; homes have private addresses too: no proof."""
    if is_public(address):
        return Location.OUTSIDE, "its address is public"
    mine = flows[(flows["client"] == address) & (flows["opening"].isin(("established", "midstream")))]
    for server in mine.loc[mine["server_port"].isin((5061, 5060)), "server"].unique():
        if is_private(server) and roles.is_plausible(server):
            return Location.INSIDE, f"signs in at {server}, a private address"
    for server in mine["server"].unique():
        internal = [one for one in names.names_of(server) if one.startswith(INTERNAL_QUESTIONS)]
        if is_private(server) and internal:
            return Location.INSIDE, f"reached {internal[0]} at {server}"
    for one in relays.allocations:
        if one.client == address and one.success_frames and relays.side_of(one.server) is Side.INTERNAL:
            return Location.INSIDE, f"allocates on the Edge's internal interface {one.server}"
    for server in mine.loc[mine["server_port"] == 443, "server"].unique():
        if is_public(server) and roles.roles_of(server) & EXTERNAL_ROLES:
            return Location.OUTSIDE, f"signs in through {server}, a public address"
    return Location.UNKNOWN, "nothing shows on which side it is"
