"""Which address holds which server role, and what says so.

A role is claimed, never assumed: each claim names its basis and a frame. `decisive` claims show that the
address belongs to a Lync deployment; the others only fit one.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from enum import IntEnum
from urllib.parse import urlsplit

from lynccap import reference
from lynccap.correlation.addresses import is_private, is_public
from lynccap.correlation.names import SOURCE_CERTIFICATE, NameBook, is_cloud
from lynccap.reference.rows import NameRow
from lynccap.tables import Tables

EDGE_ACCESS, EDGE_WEBCONF, EDGE_AV, EDGE_INT = "edge_access", "edge_webconf", "edge_av", "edge_int"
FRONT_END, WEB, REVERSE_PROXY = "fe", "fe_vip", "rp_ext"
CRL_HOST, CLOUD, UNSPECIFIED = "crl_host", "cloud", "lync"

WEB_ROLES = frozenset({FRONT_END, WEB, "director", "director_vip"})
EXTERNAL_ROLES = frozenset({EDGE_ACCESS, EDGE_WEBCONF, EDGE_AV, REVERSE_PROXY})

NOT_LYNC = frozenset({CRL_HOST, CLOUD, "ntp", "any"})
"""Roles that no Lync deployment is needed for."""

ROLE_NAMES = {
    FRONT_END: "Front End Server",
    WEB: "Front End web services",
    "director": "Director",
    "director_vip": "Director web services",
    REVERSE_PROXY: "reverse proxy",
    EDGE_ACCESS: "Access Edge",
    EDGE_WEBCONF: "Web Conferencing Edge",
    EDGE_AV: "A/V Edge, external side",
    EDGE_INT: "Edge, internal side",
    CRL_HOST: "CRL host",
    CLOUD: "Microsoft cloud service",
    "ntp": "time server",
    UNSPECIFIED: "Lync server",
}


class Basis(IntEnum):
    """What a claim rests on, weakest first."""

    PORT_AND_BYTES = 1
    CERTIFICATE = 2
    NAME = 3
    MESSAGES = 4


BASIS_WORDS = {
    Basis.PORT_AND_BYTES: "port and first bytes",
    Basis.CERTIFICATE: "certificate",
    Basis.NAME: "name asked for it",
    Basis.MESSAGES: "messages exchanged",
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


@dataclass
class RoleBook:
    """All claims, by address."""

    claims: dict[str, list[RoleClaim]] = field(default_factory=lambda: defaultdict(list))

    def add(self, claim: RoleClaim) -> None:
        """Keep the first claim of each role and basis of an address."""
        kept = self.claims[claim.address]
        if not any(one.role == claim.role and one.basis == claim.basis for one in kept):
            kept.append(claim)

    def roles_of(self, address: str) -> frozenset[str]:
        """The roles claimed for an address."""
        return frozenset(one.role for one in self.claims.get(address, ()))

    def has(self, address: str, *roles: str) -> bool:
        """Whether any of `roles` is claimed for the address."""
        return not self.roles_of(address).isdisjoint(roles)

    def is_lync(self, address: str) -> bool:
        """Whether something decisive ties the address to a Lync deployment."""
        claims = self.claims.get(address, ())
        return any(one.decisive for one in claims) and not any(one.role == CLOUD for one in claims)

    def is_plausible(self, address: str) -> bool:
        """Whether anything at all, a port with fitting first bytes included, speaks for a Lync server."""
        held = self.roles_of(address)
        return CLOUD not in held and bool(held - NOT_LYNC)

    def best(self, address: str, *roles: str) -> RoleClaim | None:
        """The strongest claim of an address, decisive ones first; of `roles` only, when given."""
        claims = [one for one in self.claims.get(address, ()) if not roles or one.role in roles]
        claims = [one for one in claims if one.role != UNSPECIFIED] or claims
        return max(claims, key=lambda one: (one.decisive, one.basis, -one.frame), default=None)

    def servers(self) -> tuple[str, ...]:
        """All addresses that look like a Lync server's, cloud services left out."""
        return tuple(address for address in self.claims if self.is_plausible(address))

    def crl_hosts(self) -> tuple[str, ...]:
        """The addresses that serve revocation lists."""
        return tuple(address for address in self.claims if self.has(address, CRL_HOST))

    def role_at(self, address: str, port: int) -> RoleClaim | None:
        """The claim that fits a port of an address best, by the port table; the strongest one when none fits."""
        fitting = {row.to_role for row in reference.services_on("tcp", port)} | {
            row.to_role for row in reference.services_on("udp", port)
        }
        held = fitting & self.roles_of(address)
        return self.best(address, *held) if held else self.best(address)

    def word(self, address: str, port: int = 0) -> str:
        """What to call the address in a sentence, seen from one of its ports."""
        claim = self.role_at(address, port)
        return ROLE_NAMES.get(claim.role, "server") if claim else "host"


def read_roles(tables: Tables, names: NameBook) -> RoleBook:
    """The claims the captures support; media relays are added by the relays module."""
    book = RoleBook()
    _claim_by_name(book, names)
    _claim_by_dhcp(book, tables, names)
    _claim_by_messages(book, tables)
    _claim_by_tls(book, tables)
    _claim_askers(book, tables)
    _claim_crl_hosts(book, tables, names)
    return book


def _claim_by_name(book: RoleBook, names: NameBook) -> None:
    domains = _lync_domains(names)
    for address, links in names.by_address.items():
        if is_cloud(address, names):
            says, first = "a service of Microsoft's own cloud", links[0]
            book.add(RoleClaim(address, CLOUD, Basis.NAME, False, says, first.capture, first.frame))
        for link in links:
            for row in _rows_for(link.name, address):
                if not _shows_lync(row) and CRL_HOST not in row.role and _domain_of(link.name, row) not in domains:
                    continue  # meet., admin., sip. and the like are everybody's names
                certificate = link.source == SOURCE_CERTIFICATE
                # One certificate often names every public role: it ties the address to Lync, not to one role.
                role = UNSPECIFIED if certificate else _placed(row.role, link.name, address)
                basis = Basis.CERTIFICATE if certificate else Basis.NAME
                says = f"{link.name} ({link.source})"
                decisive = NOT_LYNC.isdisjoint(row.role)
                book.add(RoleClaim(address, role, basis, decisive, says, link.capture, link.frame))


def _shows_lync(row: NameRow) -> bool:
    """Whether the name is asked for by Lync and nobody else."""
    return (row.decisive or row.service == "autodiscover") and NOT_LYNC.isdisjoint(row.role)


def _rows_for(name: str, address: str) -> tuple[NameRow, ...]:
    """The facts of a name; where inside and outside differ, those of the address's side."""
    rows = reference.name_rows(name)
    side = "external" if is_public(address) else "internal"
    fitting = tuple(row for row in rows if row.zone in (side, "both"))
    return fitting if len(rows) > 1 and fitting else rows


def _domain_of(name: str, row: NameRow) -> str:
    return name.removeprefix(row.pattern.removesuffix("*"))


def _lync_domains(names: NameBook) -> frozenset[str]:
    """The SIP domains the capture shows, by names nobody but Lync asks for."""
    links = (link for links in names.by_address.values() for link in links)
    return frozenset(
        _domain_of(link.name, row) for link in links for row in reference.name_rows(link.name) if _shows_lync(row)
    )


def _placed(choices: tuple[str, ...], name: str, address: str) -> str:
    """The role a name gives, seen from where its address is: lyncdiscover inside leads to the pool itself."""
    side = [one for one in choices if (one in EXTERNAL_ROLES) == is_public(address)]
    role = (side or choices)[0]
    if role == REVERSE_PROXY and is_private(address):
        return WEB
    if role == WEB and is_public(address) and not name.startswith("lyncdiscoverinternal"):
        return REVERSE_PROXY
    return role


def _claim_by_dhcp(book: RoleBook, tables: Tables, names: NameBook) -> None:
    dhcp = tables["dhcp"]
    captures = tables.flows["capture"]
    for row in dhcp[dhcp["uc_web_server"].notna()].itertuples():
        for address in names.addresses_of(row.uc_web_server):
            says = f"{row.uc_web_server} (DHCP option 43)"
            book.add(RoleClaim(address, WEB, Basis.NAME, True, says, captures[row.flow], row.frame))
    lync_leases = dhcp["uc_identifier"].notna() | dhcp["uc_web_server"].notna()
    for row in dhcp[lync_leases & (dhcp["sip_servers"].map(len) > 0)].itertuples():
        for name in row.sip_servers:
            for address in names.addresses_of(name):
                says = f"{name} (DHCP option 120)"
                book.add(RoleClaim(address, FRONT_END, Basis.NAME, True, says, captures[row.flow], row.frame))


def _claim_by_messages(book: RoleBook, tables: Tables) -> None:
    flows = tables.flows
    for protocol, words in (
        ("certprov", "certificate provisioning"),
        ("web-ticket", "web tickets"),
        ("autodiscover", "Lync autodiscover"),
    ):
        for row in tables[protocol].itertuples():
            server = flows.at[row.flow, "server"]
            role = REVERSE_PROXY if is_public(server) else WEB
            capture = flows.at[row.flow, "capture"]
            book.add(RoleClaim(server, role, Basis.MESSAGES, True, f"{words} requests", capture, row.frame))
    for row in tables["sip"].itertuples():
        if "RTC/" in (row.server or ""):
            side = "client" if row.from_client else "server"
            address = flows.at[row.flow, side]
            role = EDGE_ACCESS if is_public(address) else FRONT_END
            capture = flows.at[row.flow, "capture"]
            book.add(RoleClaim(address, role, Basis.MESSAGES, True, f"SIP Server: {row.server}", capture, row.frame))


TLS_PORT_ROLES = {5061: (FRONT_END, EDGE_ACCESS), 8057: (FRONT_END, EDGE_WEBCONF)}
"""Port to the role of a private and of a public address, where TLS was really spoken."""


def _claim_by_tls(book: RoleBook, tables: Tables) -> None:
    flows = tables.flows
    tls = tables["tls"]
    answered = set(tls.loc[~tls["from_client"], "flow"])
    spoken = flows[flows["server_port"].isin(list(TLS_PORT_ROLES)) & flows.index.isin(list(answered))]
    for row in spoken.itertuples():
        role = TLS_PORT_ROLES[row.server_port][is_public(row.server)]
        says = f"TLS on port {row.server_port}"
        claim = RoleClaim(row.server, role, Basis.PORT_AND_BYTES, False, says, row.capture, row.first_frame_server)
        book.add(claim)


def _claim_askers(book: RoleBook, tables: Tables) -> None:
    """Only an Edge looks for partners' federation records; a DNS server asking for it does not count."""
    flows = tables.flows
    dns = tables["dns"]
    resolvers = set(flows.loc[flows["stack"] == "dns", "server"])
    asked = dns[(dns["kind"] == "request") & dns["name"].str.startswith("_sipfederationtls._tcp.", na=False)]
    for row in asked.itertuples():
        asker = flows.at[row.flow, "client"]
        if asker not in resolvers:
            says = f"asked for {row.name}"
            capture = flows.at[row.flow, "capture"]
            book.add(RoleClaim(asker, EDGE_ACCESS, Basis.NAME, True, says, capture, row.frame))


def _claim_crl_hosts(book: RoleBook, tables: Tables, names: NameBook) -> None:
    """Hosts named in the certificates' distribution points, and hosts whose own name says what they serve."""
    hosts: dict[str, str] = {}
    for row in tables.certificates.itertuples():
        for url in (*row.crl_urls, *row.ocsp_urls):
            hosts.setdefault((urlsplit(url).hostname or "").lower(), f"named in the certificate of {row.common_name}")
    for name in names.addresses:
        if name.split(".", 1)[0].rstrip("0123456789") in CRL_LABELS:
            hosts.setdefault(name, f"its name is {name}")
    for host, says in hosts.items():
        for address in names.addresses_of(host):
            link = names.addresses[host][address]
            book.add(RoleClaim(address, CRL_HOST, Basis.NAME, False, says, link.capture, link.frame))


CRL_LABELS = frozenset({"crl", "crls", "cdp", "ocsp", "aia", "pki"})
"""First labels that certification authorities give such hosts; weaker than a certificate that names one."""
