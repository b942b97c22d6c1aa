"""Claims that an address holds a server role, and the book that keeps them.

A role is claimed, never assumed: each claim names its basis and a frame. `decisive` claims show that the
address belongs to a Lync deployment; the others only fit one.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from enum import IntEnum
from itertools import product

from lynccap import reference
from lynccap.correlation.protocol_numbers import SIP_PORT, SIP_TLS_PORT
from lynccap.correlation.roles.told import Told
from lynccap.document import Confidence

EDGE_ACCESS, EDGE_WEBCONF, EDGE_AV, EDGE_INT = "edge_access", "edge_webconf", "edge_av", "edge_int"
FRONT_END, WEB, REVERSE_PROXY = "fe", "fe_vip", "rp_ext"
CRL_HOST, CLOUD, SIP_SERVER, RELAY, UNSPECIFIED = "crl_host", "cloud", "sip_server", "relay", "lync"
MEDIATION, GATEWAY, LOAD_BALANCER, PROXY_INSIDE = "mediation", "gateway", "load_balancer", "rp_int"
PARTNER, XMPP_PARTNER = "federated_edge", "xmpp_partner"
DNS_SERVER, DHCP_SERVER, TIME_SERVER, DIRECTORY, DATABASE = "dns", "dhcp", "ntp", "dc", "sql"

WEB_ROLES = frozenset({FRONT_END, WEB, "director", "director_vip"})
EXTERNAL_ROLES = frozenset({EDGE_ACCESS, EDGE_WEBCONF, EDGE_AV, REVERSE_PROXY})

NETWORK_ROLES = frozenset({DNS_SERVER, DHCP_SERVER, TIME_SERVER, DIRECTORY, DATABASE})
AROUND_LYNC = NETWORK_ROLES | {GATEWAY, LOAD_BALANCER, PROXY_INSIDE, PARTNER, XMPP_PARTNER}
"""Roles of hosts around a deployment. They say whose traffic it is, and nothing of what Lync needs there."""
CLIENT_ROLES = frozenset({"phone", "client_internal", "client_external", "client_mobile", "client_peer", "lm_client"})
NOT_LYNC = AROUND_LYNC | CLIENT_ROLES | {CRL_HOST, CLOUD, "any", "apns"}
"""Roles that no Lync deployment is needed for."""

EXCLUDING = (
    ({FRONT_END, MEDIATION}, {EDGE_ACCESS, EDGE_WEBCONF, EDGE_AV, EDGE_INT}),
    ({EDGE_INT}, {EDGE_ACCESS, EDGE_WEBCONF, EDGE_AV}),
    ({FRONT_END, WEB, MEDIATION, EDGE_INT}, {PARTNER, XMPP_PARTNER}),
    ({GATEWAY}, {FRONT_END, MEDIATION, EDGE_ACCESS, EDGE_INT, PARTNER}),
    ({CLOUD}, {FRONT_END, WEB, MEDIATION, EDGE_INT, EDGE_AV, GATEWAY}),
)
"""Roles that one address cannot hold with one of the others: an Edge's sides are two interfaces in two networks, and
nothing of the pool is installed on it."""

ROLE_NAMES = {
    FRONT_END: "Front End Server",
    WEB: "Front End web services",
    "director": "Director",
    "director_vip": "Director web services",
    REVERSE_PROXY: "reverse proxy",
    EDGE_ACCESS: "Access Edge",
    EDGE_WEBCONF: "Web Conferencing Edge",
    EDGE_AV: "external A/V Edge interface",
    EDGE_INT: "internal Edge interface",
    CRL_HOST: "CRL host",
    CLOUD: "Microsoft cloud service",
    SIP_SERVER: "SIP server",
    RELAY: "media relay",
    MEDIATION: "Mediation Server",
    GATEWAY: "telephone gateway",
    LOAD_BALANCER: "load balancer",
    PROXY_INSIDE: "reverse proxy, inner side",
    PARTNER: "federation partner",
    XMPP_PARTNER: "XMPP partner",
    DNS_SERVER: "DNS server",
    DHCP_SERVER: "DHCP server",
    TIME_SERVER: "time server",
    DIRECTORY: "domain controller",
    DATABASE: "database server",
    UNSPECIFIED: "Lync server",
}


def role_name(role: str) -> str:
    """What to call a role in a sentence."""
    row = reference.roles().get(role)
    described = row.description.partition(",")[0].partition(":")[0] if row else role
    return ROLE_NAMES.get(role, described)


MAX_CONFLICTS = 200  # more are one conflict: the topology is another deployment's


class Basis(IntEnum):
    """What a claim rests on, weakest first."""

    PORT_AND_BYTES = 1
    CERTIFICATE = 2
    NAME = 3
    MESSAGES = 4
    TOPOLOGY = 5


BASIS_WORDS = {
    Basis.PORT_AND_BYTES: "port and first bytes",
    Basis.CERTIFICATE: "certificate",
    Basis.NAME: "name asked for it",
    Basis.MESSAGES: "messages exchanged",
    Basis.TOPOLOGY: "topology file",
}


@dataclass(frozen=True, slots=True)
class RoleClaim:
    """One reason to hold an address for a role."""

    address: str
    role: str
    basis: Basis
    decisive: bool
    says: str
    capture: int
    frame: int

    @property
    def confidence(self) -> Confidence:
        """How far the claim carries: what the customer says, what only that role says, what names, what merely fits."""
        if self.basis is Basis.TOPOLOGY and not self.decisive and self.role not in NOT_LYNC:
            return Confidence.POSSIBLE  # nothing in the capture bears it out
        if self.basis is Basis.TOPOLOGY or (self.decisive and self.basis is Basis.MESSAGES):
            return Confidence.CERTAIN
        return Confidence.LIKELY if self.decisive or self.basis is Basis.MESSAGES else Confidence.POSSIBLE


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two claims of one address that cannot both be true. The stronger one is used; neither proves the other wrong."""

    stronger: RoleClaim
    weaker: RoleClaim


@dataclass(frozen=True, slots=True)
class RoleConflict:
    """Where frames show of an address what the topology does not say; a topology that is used is followed."""

    address: str
    told: tuple[str, ...]
    """The role codes the topology gives the address, empty when it does not know it."""
    seen: str
    """The role code that frames show."""
    basis: Basis
    """Of what is seen."""
    capture: int
    frame: int
    says: str
    """One sentence."""


@dataclass(frozen=True, slots=True)
class PassedOn:
    """One connection passed on: from the shared address to a host behind it."""

    vip: str
    member: str
    port: int
    """Of the shared address."""
    source: str
    """Whose address the connection behind comes from; "" when it is the client's own still."""
    name: str
    """Server name asked for, "" without one."""
    capture: int
    frame: int
    """The first one towards the host behind."""
    client: str
    """Who came to the shared address."""
    time: int
    """Of the hello at the shared address."""
    flows: tuple[int, int]
    """Before and behind."""


@dataclass
class RoleBook:
    """All claims, by address."""

    claims: dict[str, list[RoleClaim]] = field(default_factory=lambda: defaultdict(list))
    told: Told | None = None
    """What the topology says, where one was given that is of this deployment."""
    set_aside: str = ""
    """Why the topology that was given is not used."""
    conflicts: list[RoleConflict] = field(default_factory=list)
    members: dict[str, dict[str, None]] = field(default_factory=lambda: defaultdict(dict))
    """By a load balancer's address: the hosts its connections were passed on to."""
    passed: list[PassedOn] = field(default_factory=list)
    """The TLS connections that are seen before and behind what passes them on unread."""
    direct_returns: dict[str, int] = field(default_factory=dict)
    """Load balancers whose members answer the clients themselves, and the capture that shows it."""

    def add(self, claim: RoleClaim) -> None:
        """Keep the first claim of each role and basis of an address; a decisive one takes a weaker one's place.

        What the topology contradicts is no claim but, when decisive, a conflict.
        """
        if self.told and claim.basis is not Basis.TOPOLOGY and self.told.roles_of(claim.address):
            followed = self._as_told(claim, self.told)
            if followed is None:
                return
            claim = followed
        kept = self.claims[claim.address]
        same = next((one for one in kept if one.role == claim.role and one.basis == claim.basis), None)
        if same is None:
            kept.append(claim)
        elif claim.decisive and not same.decisive:
            kept[kept.index(same)] = claim

    def _as_told(self, claim: RoleClaim, told: Told) -> RoleClaim | None:
        """The claim in the topology's words; None where the topology says more, or something else."""
        if claim.role in AROUND_LYNC:
            return claim  # no export knows these: a server may serve names or pass connections on beside its role
        if claim.role in (UNSPECIFIED, SIP_SERVER) and self.is_lync(claim.address):
            return None
        face = told.face_of(claim.address, claim.role)
        if face:
            return replace(claim, role=face)
        self._contradict(claim, told.roles_of(claim.address))
        return None

    def _contradict(self, claim: RoleClaim, told: frozenset[str]) -> None:
        known = any(one.address == claim.address and one.seen == claim.role for one in self.conflicts)
        if claim.decisive and not known and len(self.conflicts) < MAX_CONFLICTS:
            roles = tuple(sorted(told))
            says = (
                f"{claim.address} is {' and '.join(map(role_name, roles))} in the topology, "
                f"but acts as {role_name(claim.role)}: {claim.says}"
            )
            facts = (claim.address, roles, claim.role, claim.basis, claim.capture, claim.frame, says)
            self.conflicts.append(RoleConflict(*facts))

    def roles_of(self, address: str) -> frozenset[str]:
        """The roles claimed for an address."""
        return frozenset(one.role for one in self.claims.get(address, ()))

    def has(self, address: str, *roles: str) -> bool:
        """Whether any of `roles` is claimed for the address."""
        return not self.roles_of(address).isdisjoint(roles)

    def is_lync(self, address: str) -> bool:
        """Whether something decisive ties the address to a Lync deployment."""
        claims = self.claims.get(address, ())
        if any(one.role == CLOUD for one in claims):
            return False
        # Exchange may share a certificate with Lync's names, and others speak TLS on 5061: together they are Lync.
        named = any(one.basis is Basis.CERTIFICATE for one in claims)
        decisive = any(one.decisive and one.role not in NOT_LYNC for one in claims)
        fitting = (one.role == SIP_SERVER or one.basis is Basis.PORT_AND_BYTES for one in claims)
        return decisive or (named and any(fitting))

    def is_plausible(self, address: str) -> bool:
        """Whether anything at all, a port with fitting first bytes included, speaks for a Lync server."""
        held = self.roles_of(address)
        return CLOUD not in held and bool(held - NOT_LYNC)

    def is_sip(self, address: str, port: int) -> bool:
        """Whether clients reach a SIP service there: its own ports, or port 443 of the Access Edge.

        Where the topology says what is at the port, that.
        """
        if self.told and (services := self.told.services_at(address, port, "tcp")):
            return "sip" in services
        if port == 443 and self.told and self.told.tells_ports(address, "sip"):
            return False
        return port in (SIP_PORT, SIP_TLS_PORT) or (port == 443 and self.has(address, EDGE_ACCESS))

    def best(self, address: str, *roles: str) -> RoleClaim | None:
        """The strongest claim of an address, decisive ones first; of `roles` only, when given.

        Without `roles` those of hosts around a deployment are left out.
        """
        told = self.claims.get(address, ())
        claims = [one for one in told if (one.role in roles if roles else one.role not in AROUND_LYNC)]
        claims = [one for one in claims if one.role not in (UNSPECIFIED, SIP_SERVER)] or claims
        return max(claims, key=lambda one: (one.decisive, one.basis, -one.frame), default=None)

    def servers(self) -> tuple[str, ...]:
        """All addresses that look like a Lync server's, cloud services left out."""
        return tuple(address for address in self.claims if self.is_plausible(address))

    def crl_hosts(self) -> tuple[str, ...]:
        """The addresses that serve revocation lists."""
        return tuple(address for address in self.claims if self.has(address, CRL_HOST))

    def members_of(self, vip: str) -> tuple[str, ...]:
        """The hosts behind a load balancer's address, in order of appearance; empty when it is none."""
        return tuple(self.members.get(vip, ()))

    def contradictions(self) -> tuple[Contradiction, ...]:
        """Pairs of claims that cannot both be true, by address; one pair for each two roles."""
        return tuple(pair for address in sorted(self.claims) for pair in self._contradictions_of(address))

    def _contradictions_of(self, address: str) -> Iterator[Contradiction]:
        held = self.roles_of(address)
        for some, others in EXCLUDING:
            if held.isdisjoint(some) or held.isdisjoint(others):
                continue
            for one, other in product(sorted(held & some), sorted(held & others)):
                pair = [claim for claim in (self.best(address, one), self.best(address, other)) if claim]
                stronger, weaker = sorted(pair, key=lambda claim: (claim.basis, claim.decisive), reverse=True)
                yield Contradiction(stronger, weaker)

    def role_at(self, address: str, port: int) -> RoleClaim | None:
        """The claim that fits a port of an address best, by the topology or the port table; else the strongest."""
        told = self.told.roles_at(address, port) if self.told else frozenset()
        if told:
            return self.best(address, *told)
        fitting = {row.to_role for row in reference.services_on("tcp", port)} | {
            row.to_role for row in reference.services_on("udp", port)
        }
        held = fitting & self.roles_of(address)
        return self.best(address, *held) if held else self.best(address)

    def word(self, address: str, port: int = 0) -> str:
        """What to call the address in a sentence, seen from one of its ports."""
        claim = self.role_at(address, port)
        return role_name(claim.role) if claim else "host"
