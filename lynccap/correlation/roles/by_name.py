"""Roles by name: what DNS answers, server names and certificates say an address is, and what DHCP hands out."""

from lynccap import reference
from lynccap.correlation.addresses import is_address, is_private, is_public
from lynccap.correlation.discovery_names import INNER_NAMES
from lynccap.correlation.names import (
    SOURCE_CERTIFICATE,
    SOURCE_DNS,
    SOURCE_SNI,
    NameBook,
    NameLink,
    is_cloud,
    parent_of,
)
from lynccap.correlation.roles.claims import (
    CLOUD,
    CRL_HOST,
    EXTERNAL_ROLES,
    FRONT_END,
    NOT_LYNC,
    REVERSE_PROXY,
    UNSPECIFIED,
    WEB,
    Basis,
    RoleBook,
    RoleClaim,
)
from lynccap.reference.rows import NameRow
from lynccap.tables import Tables


def claim_by_name(book: RoleBook, tables: Tables, names: NameBook) -> None:
    """Addresses with names that are Lync's, and other names in a domain that shows Lync."""
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


HOW_TOLD = {SOURCE_DNS: "by DNS", SOURCE_SNI: "asked for in TLS", SOURCE_CERTIFICATE: "among its names"}


def _name_claim(address: str, link: NameLink, row: NameRow, decisive: bool) -> RoleClaim:
    # One certificate often names every public role: it ties the address to Lync, not to one role.
    certificate = link.source == SOURCE_CERTIFICATE
    role = UNSPECIFIED if certificate else _placed(row.role, link.name, address)
    basis = Basis.CERTIFICATE if certificate else Basis.NAME
    says = f"{link.name} ({HOW_TOLD[link.source]})"
    return RoleClaim(address, role, basis, decisive, says, link.capture, link.frame)


SHARED_SRV = "_sip._tls.*"  # other SIP products use it too
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


PHONE_CLASSES = ("MS-UC-Client", "CPE-OCPHONE")
"""The vendor classes of Lync phones (reference/dhcp_options.csv); the first one is also what option 43 begins with."""


def claim_by_dhcp(book: RoleBook, tables: Tables, names: NameBook) -> None:
    """The web services of DHCP option 43 and the SIP servers of option 120, where the client is Lync's."""
    dhcp = tables["dhcp"]
    # Other makers' phones have an option 43 of their own: Lync's is asked for by its class, or bears its name.
    asks = dhcp["vendor_class"].isin(PHONE_CLASSES)
    lync_macs = set(dhcp.loc[asks | (dhcp["uc_identifier"] == PHONE_CLASSES[0]), "mac"])
    for row in dhcp[dhcp["mac"].isin(list(lync_macs))].itertuples():
        told = [(WEB, row.uc_web_server, "43")] if row.uc_web_server else []
        told += [(FRONT_END, name, "120") for name in row.sip_servers]
        for role, name, option in told:
            for address in (name,) if is_address(name) else names.addresses_of(name):
                says, capture = f"{name} (DHCP option {option})", tables.flows.at[row.flow, "capture"]
                book.add(RoleClaim(address, role, Basis.NAME, True, says, capture, row.frame))
