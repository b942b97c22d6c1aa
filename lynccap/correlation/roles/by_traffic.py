"""Roles by traffic: what is spoken on which port, who asks for what, who opens and who accepts."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from lynccap.correlation.addresses import is_address, is_public
from lynccap.correlation.names import NameBook, resolvers_of, tunnelled
from lynccap.correlation.protocol_numbers import PSOM_PORT, SIP_TLS_PORT
from lynccap.correlation.roles.claims import (
    CRL_HOST,
    EDGE_ACCESS,
    SIP_SERVER,
    UNSPECIFIED,
    Basis,
    RoleBook,
    RoleClaim,
)
from lynccap.correlation.rows import rows_of
from lynccap.tables import Tables

OUTER_SITE_PORT = 4443  # where a Front End serves what the reverse proxy publishes
TLS_PORT_ROLES = {SIP_TLS_PORT: SIP_SERVER, PSOM_PORT: UNSPECIFIED, OUTER_SITE_PORT: UNSPECIFIED}
"""Port to what TLS spoken on it makes plausible, and no more: other products listen on 5061 too."""


def claim_by_tls(book: RoleBook, tables: Tables) -> None:
    """Servers that answered TLS on a port of Lync's: plausible, never decisive.

    The port of the web site for outside is everybody's second choice for HTTPS: it counts beside a fitting certificate.
    """
    flows = tables.flows
    tls = tables["tls"]
    answered = set(tls.loc[~tls["from_client"], "flow"])
    answered -= tunnelled(flows)
    spoken = flows[flows["server_port"].isin(list(TLS_PORT_ROLES)) & flows.index.isin(list(answered))]
    for row in rows_of(spoken, ("capture", "server", "server_port", "first_frame_server")):
        named = any(one.basis is Basis.CERTIFICATE for one in book.claims.get(row.server, ()))
        if row.server_port == OUTER_SITE_PORT and not named:
            continue
        role = TLS_PORT_ROLES[row.server_port]
        says = f"TLS on port {row.server_port}"
        claim = RoleClaim(row.server, role, Basis.PORT_AND_BYTES, False, says, row.capture, row.first_frame_server)
        book.add(claim)


def claim_askers(book: RoleBook, tables: Tables) -> None:
    """Only an Edge looks for partners' federation records; a DNS server asking for it does not count."""
    for asker, row in federation_askers(tables):
        capture = tables.flows.at[row.flow, "capture"]
        book.add(RoleClaim(asker, EDGE_ACCESS, Basis.NAME, True, f"asked for {row.name}", capture, row.frame))


def federation_askers(tables: Tables) -> Iterator[tuple[str, Any]]:
    """Who asked for federation records, and the question's row."""
    flows = tables.flows
    dns = tables["dns"]
    resolvers = resolvers_of(flows)
    asked = dns[(dns["kind"] == "request") & dns["name"].str.startswith("_sipfederationtls._tcp.", na=False)]
    for row in rows_of(asked, ("flow", "frame", "name")):
        asker = flows.at[row.flow, "client"]
        if asker not in resolvers:
            yield asker, row


def claim_both_ways(book: RoleBook, tables: Tables) -> None:
    """Who both opens and accepts TLS on 5061 with public addresses federates; a client only opens it."""
    spoken = tables.flows[
        (tables.flows["server_port"] == SIP_TLS_PORT) & tables.flows["stack"].isin(("tls", "tls/sip"))
    ]
    rows = list(rows_of(spoken, ("capture", "client", "server", "first_frame")))
    accepted = {row.server for row in rows if is_public(row.client)}
    for row in rows:
        if row.client in accepted and is_public(row.server):
            says = "opens and accepts TLS on port 5061 with public addresses"
            claim = RoleClaim(row.client, EDGE_ACCESS, Basis.PORT_AND_BYTES, False, says, row.capture, row.first_frame)
            book.add(claim)


def claim_crl_hosts(book: RoleBook, tables: Tables, names: NameBook) -> None:
    """Hosts named in the certificates' distribution points, and hosts whose own name says what they serve."""
    hosts: dict[str, str] = {}
    for row in rows_of(tables.certificates, ("crl_urls", "ocsp_urls", "common_name")):
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
