"""Which address holds which server role, and what says so.

A role is claimed, never assumed: each claim names its basis and a frame. `decisive` claims show that the
address belongs to a Lync deployment; the others only fit one.
"""

import re
from collections import defaultdict
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any
from urllib.parse import urlsplit

from lynccap import reference
from lynccap.correlation.addresses import is_address, is_private, is_public
from lynccap.correlation.names import (
    SOURCE_CERTIFICATE,
    SOURCE_DNS,
    SOURCE_SNI,
    NameBook,
    NameLink,
    is_cloud,
    parent_of,
    proxied,
    resolvers_of,
    tunnelled,
)
from lynccap.reference.rows import NameRow
from lynccap.tables import Tables

EDGE_ACCESS, EDGE_WEBCONF, EDGE_AV, EDGE_INT = "edge_access", "edge_webconf", "edge_av", "edge_int"
FRONT_END, WEB, REVERSE_PROXY = "fe", "fe_vip", "rp_ext"
CRL_HOST, CLOUD, SIP_SERVER, RELAY, UNSPECIFIED = "crl_host", "cloud", "sip_server", "relay", "lync"

WEB_ROLES = frozenset({FRONT_END, WEB, "director", "director_vip"})
EXTERNAL_ROLES = frozenset({EDGE_ACCESS, EDGE_WEBCONF, EDGE_AV, REVERSE_PROXY})

SIP_PORT, SIP_TLS_PORT, PSOM_PORT = 5060, 5061, 8057

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
    EDGE_AV: "external A/V Edge interface",
    EDGE_INT: "internal Edge interface",
    CRL_HOST: "CRL host",
    CLOUD: "Microsoft cloud service",
    SIP_SERVER: "SIP server",
    RELAY: "media relay",
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
        """Keep the first claim of each role and basis of an address; a decisive one takes a weaker one's place."""
        kept = self.claims[claim.address]
        same = next((one for one in kept if one.role == claim.role and one.basis == claim.basis), None)
        if same is None:
            kept.append(claim)
        elif claim.decisive and not same.decisive:
            kept[kept.index(same)] = claim

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
        return any(one.decisive for one in claims) or (named and any(one.role == SIP_SERVER for one in claims))

    def is_plausible(self, address: str) -> bool:
        """Whether anything at all, a port with fitting first bytes included, speaks for a Lync server."""
        held = self.roles_of(address)
        return CLOUD not in held and bool(held - NOT_LYNC)

    def is_sip(self, address: str, port: int) -> bool:
        """Whether clients reach a SIP service there: its own ports, or port 443 of the Access Edge."""
        return port in (SIP_PORT, SIP_TLS_PORT) or (port == 443 and self.has(address, EDGE_ACCESS))

    def best(self, address: str, *roles: str) -> RoleClaim | None:
        """The strongest claim of an address, decisive ones first; of `roles` only, when given."""
        claims = [one for one in self.claims.get(address, ()) if not roles or one.role in roles]
        claims = [one for one in claims if one.role not in (UNSPECIFIED, SIP_SERVER)] or claims
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
    _claim_by_name(book, tables, names)
    _claim_by_dhcp(book, tables, names)
    _claim_by_messages(book, tables)
    _claim_by_tls(book, tables)
    _claim_askers(book, tables)
    _claim_both_ways(book, tables)
    _claim_crl_hosts(book, tables, names)
    return book


def _claim_by_name(book: RoleBook, tables: Tables, names: NameBook) -> None:
    domains = _lync_domains(tables, names)
    for address, links in names.by_address.items():
        if is_cloud(address, names):
            says, first = "a service of Microsoft's own cloud", links[0]
            book.add(RoleClaim(address, CLOUD, Basis.NAME, False, says, first.capture, first.frame))
        everything = _answers_everything(address, names)
        for link in links:
            for row in _rows_for(link.name, address):
                related = _domain_of(link.name, row) in domains
                if link.source == SOURCE_CERTIFICATE and not _shows_lync(row):
                    continue
                if _counts(row, address, related):
                    decisive = _is_decisive(row, related) and link.source != SOURCE_CERTIFICATE and not everything
                    book.add(_name_claim(address, link, row, decisive))


def _name_claim(address: str, link: NameLink, row: NameRow, decisive: bool) -> RoleClaim:
    # One certificate often names every public role: it ties the address to Lync, not to one role.
    certificate = link.source == SOURCE_CERTIFICATE
    role = UNSPECIFIED if certificate else _placed(row.role, link.name, address)
    basis = Basis.CERTIFICATE if certificate else Basis.NAME
    return RoleClaim(address, role, basis, decisive, f"{link.name} ({link.source})", link.capture, link.frame)


SHARED_SRV = "_sip._tls.*"  # other SIP products use it too
INNER_NAMES = ("lyncdiscoverinternal.", "sipinternal.", "_sipinternaltls._tcp.")
OUTER_NAMES = ("sipexternal.", "_sip._tls.", "_sipfederationtls._tcp.")
INNER_EXCLUDES = ("sipexternal.", "_sipfederationtls._tcp.")
STRANGE_DOMAINS = 2  # domains beside Lync's own on one address: a portal, a wildcard or a web host, nobody's pool


def _shows_lync(row: NameRow) -> bool:
    """Whether the name is asked for by Lync and nobody else."""
    lync_only = row.decisive or row.service == "autodiscover"
    return lync_only and row.pattern != SHARED_SRV and NOT_LYNC.isdisjoint(row.role)


def _is_decisive(row: NameRow, related: bool) -> bool:
    """Lync's own names are; the shared SRV record is in a domain that shows Lync; meet., admin., sip. never are."""
    return _shows_lync(row) or (row.pattern == SHARED_SRV and related)


def _counts(row: NameRow, address: str, related: bool) -> bool:
    """Whether a name says anything of its address: everybody's names do in a Lync domain, on the side they are for."""
    if _shows_lync(row) or CRL_HOST in row.role:
        return True
    outer_inside = row.zone == "external" and is_private(address) and row.pattern != SHARED_SRV
    return related and not outer_inside


def _answers_everything(address: str, book: NameBook) -> bool:
    """Whether DNS gives this one address for names that cannot belong together."""
    names = book.names_of(address, SOURCE_DNS)
    # Inside, _sip._tls often leads to the pool as well; outside, inner names and it exclude each other.
    outer = OUTER_NAMES if is_public(address) else INNER_EXCLUDES
    if any(one.startswith(INNER_NAMES) for one in names) and any(one.startswith(outer) for one in names):
        return True
    proven = {one for one in names if one in book.srv} | set(book.names_of(address, SOURCE_SNI, SOURCE_CERTIFICATE))
    known = {parent_of(one) for one in names if reference.name_rows(one)}
    strange = {parent_of(one) for one in names if one not in proven and not reference.name_rows(one)} - known
    return len(strange) >= STRANGE_DOMAINS


def _rows_for(name: str, address: str) -> tuple[NameRow, ...]:
    """The facts of a name; where inside and outside differ, those of the address's side."""
    rows = reference.name_rows(name)
    side = "external" if is_public(address) else "internal"
    fitting = tuple(row for row in rows if row.zone in (side, "both"))
    return fitting if len(rows) > 1 and fitting else rows


def _domain_of(name: str, row: NameRow) -> str:
    return name.removeprefix(row.pattern.removesuffix("*"))


def _lync_domains(tables: Tables, names: NameBook) -> frozenset[str]:
    """The SIP domains the capture shows, by names nobody but Lync asks for, answered or not."""
    asked = {str(name) for name in tables["dns"]["name"].unique()}
    asked |= {link.name for links in names.by_address.values() for link in links}
    return frozenset(_domain_of(name, row) for name in asked for row in reference.name_rows(name) if _shows_lync(row))


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
    lync_macs = set(dhcp.loc[dhcp["uc_identifier"].notna() | dhcp["uc_web_server"].notna(), "mac"])
    for row in dhcp[dhcp["mac"].isin(list(lync_macs))].itertuples():
        told = [(WEB, row.uc_web_server, "43")] if row.uc_web_server else []
        told += [(FRONT_END, name, "120") for name in row.sip_servers]
        for role, name, option in told:
            for address in (name,) if is_address(name) else names.addresses_of(name):
                says, capture = f"{name} (DHCP option {option})", tables.flows.at[row.flow, "capture"]
                book.add(RoleClaim(address, role, Basis.NAME, True, says, capture, row.frame))


_LYNC_SERVER = re.compile(r"RTC/\d")


def _claim_by_messages(book: RoleBook, tables: Tables) -> None:
    flows, elsewhere, xml = tables.flows, proxied(tables), _xml_answers(tables)
    for protocol, words in (
        ("certprov", "certificate provisioning"),
        ("web-ticket", "web tickets"),
        ("autodiscover", "Lync autodiscover"),
    ):
        for row in tables[protocol].itertuples():
            if row.flow in elsewhere:
                continue
            server = flows.at[row.flow, "server"]
            outer = is_public(server) and not book.has(server, *WEB_ROLES)
            role, decisive = REVERSE_PROXY if outer else WEB, _is_services(row, xml)
            capture = flows.at[row.flow, "capture"]
            book.add(RoleClaim(server, role, Basis.MESSAGES, decisive, f"{words} requests", capture, row.frame))
    for row in tables["sip"].itertuples():
        says = _says_lync(row) if row.kind == "response" and row.flow not in elsewhere else ""
        if says:
            side = "client" if row.from_client else "server"
            address = flows.at[row.flow, side]
            role = EDGE_ACCESS if is_public(address) else FRONT_END
            capture = flows.at[row.flow, "capture"]
            book.add(RoleClaim(address, role, Basis.MESSAGES, True, says, capture, row.frame))


def _xml_answers(tables: Tables) -> frozenset[tuple[int, int]]:
    """Flow and frame of every HTTP answer whose content is XML."""
    http = tables["http"]
    found = http[(http["kind"] == "response") & http["content_type"].astype(str).str.contains("xml", case=False)]
    return frozenset(zip(found["flow"], found["frame"], strict=True))


def _is_services(row: Any, xml: frozenset[tuple[int, int]]) -> bool:
    """Whether an exchange was answered as only the real service does.

    Errors, redirects, challenges and pages come from anything that answers HTTP: a portal answers everything with 200.
    """
    if row.outcome != "ok":
        return row.outcome == "fault" or row.fault_id is not None
    content = (getattr(row, name, None) for name in ("certificates", "links", "access_location"))
    return any(content) or (row.flow, row.frame) in xml


def _says_lync(row: Any) -> str:
    """What in a SIP answer only a Lync server writes, "" when nothing: WebRTC servers are not RTC/5.0."""
    if _LYNC_SERVER.match(row.server or ""):
        return f"SIP Server: {row.server}"
    return "SIP answer with ms-user-logon-data" if row.remote_user else ""


TLS_PORT_ROLES = {SIP_TLS_PORT: SIP_SERVER, PSOM_PORT: UNSPECIFIED}
"""Port to what TLS spoken on it makes plausible, and no more: other products listen on 5061 too."""


def _claim_by_tls(book: RoleBook, tables: Tables) -> None:
    flows = tables.flows
    tls = tables["tls"]
    answered = set(tls.loc[~tls["from_client"], "flow"])
    answered -= tunnelled(flows)
    spoken = flows[flows["server_port"].isin(list(TLS_PORT_ROLES)) & flows.index.isin(list(answered))]
    for row in spoken.itertuples():
        role = TLS_PORT_ROLES[row.server_port]
        says = f"TLS on port {row.server_port}"
        claim = RoleClaim(row.server, role, Basis.PORT_AND_BYTES, False, says, row.capture, row.first_frame_server)
        book.add(claim)


def _claim_askers(book: RoleBook, tables: Tables) -> None:
    """Only an Edge looks for partners' federation records; a DNS server asking for it does not count."""
    flows = tables.flows
    dns = tables["dns"]
    resolvers = resolvers_of(flows)
    asked = dns[(dns["kind"] == "request") & dns["name"].str.startswith("_sipfederationtls._tcp.", na=False)]
    for row in asked.itertuples():
        asker = flows.at[row.flow, "client"]
        if asker not in resolvers:
            says = f"asked for {row.name}"
            capture = flows.at[row.flow, "capture"]
            book.add(RoleClaim(asker, EDGE_ACCESS, Basis.NAME, True, says, capture, row.frame))


def _claim_both_ways(book: RoleBook, tables: Tables) -> None:
    """Who both opens and accepts TLS on 5061 with public addresses federates; a client only opens it."""
    spoken = tables.flows[
        (tables.flows["server_port"] == SIP_TLS_PORT) & tables.flows["stack"].isin(("tls", "tls/sip"))
    ]
    accepted = {row.server: row for row in spoken.itertuples() if is_public(row.client)}
    for row in spoken.itertuples():
        if row.client in accepted and is_public(row.server):
            says = "opens and accepts TLS on port 5061 with public addresses"
            claim = RoleClaim(row.client, EDGE_ACCESS, Basis.PORT_AND_BYTES, False, says, row.capture, row.first_frame)
            book.add(claim)


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
        if is_address(host):
            book.add(RoleClaim(host, CRL_HOST, Basis.NAME, False, says, 0, 0))
        for address in names.addresses_of(host):
            link = names.addresses[host][address]
            book.add(RoleClaim(address, CRL_HOST, Basis.NAME, False, says, link.capture, link.frame))


CRL_LABELS = frozenset({"crl", "crls", "cdp", "ocsp", "aia", "pki"})
"""First labels that certification authorities give such hosts; weaker than a certificate that names one."""
