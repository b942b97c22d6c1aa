"""Federation partners: who speaks SIP over TLS on 5061, or XMPP on 5269, with our Access Edge from outside."""

from collections import defaultdict
from typing import Any

from lynccap.correlation.addresses import is_private, is_public
from lynccap.correlation.names import NameBook, is_cloud, parent_of
from lynccap.correlation.protocol_numbers import SIP_TLS_PORT
from lynccap.correlation.roles.by_traffic import federation_askers
from lynccap.correlation.roles.claims import (
    CLOUD,
    EDGE_ACCESS,
    PARTNER,
    XMPP_PARTNER,
    Basis,
    RoleBook,
    RoleClaim,
)
from lynccap.correlation.rows import rows_of
from lynccap.tables import Tables

_ROW = ("capture", "client", "server", "stack", "first_frame", "first_frame_server")
XMPP_PORT = 5269  # RFC 6120 14.7: server to server
FEDERATION_QUESTION, XMPP_QUESTION = "_sipfederationtls._tcp.", "_xmpp-server._tcp."


def claim_partners(book: RoleBook, tables: Tables, names: NameBook) -> None:
    """The other ends of our Access Edges' federation; Microsoft's own cloud is told as that."""
    ours = our_edges(book, tables)
    if not ours:
        return
    shown = _showing_certificates(tables)
    for row in _between(tables, SIP_TLS_PORT, "tls"):
        edge, other = (row.client, row.server) if row.client in ours else (row.server, row.client)
        if edge not in ours or other in ours or not is_public(other):
            continue
        if other == row.client and row.Index not in shown:
            continue  # users outside may sign in on 5061 too: whoever comes in has to show a server's certificate
        if is_cloud(other, names):
            says = "a service of Microsoft's own cloud"
            book.add(RoleClaim(other, CLOUD, Basis.NAME, False, says, row.capture, row.first_frame))
            continue
        domain = _domain(other, FEDERATION_QUESTION, names)
        says = f"federates with {edge} on port {SIP_TLS_PORT}" + (f" for {domain}" if domain else "")
        basis = Basis.NAME if domain else Basis.PORT_AND_BYTES
        book.add(RoleClaim(other, PARTNER, basis, bool(domain), says, row.capture, _answer_frame(row)))
    _claim_xmpp(book, tables, names, ours)


def _claim_xmpp(book: RoleBook, tables: Tables, names: NameBook, ours: frozenset[str]) -> None:
    for row in _between(tables, XMPP_PORT, "xmpp"):
        edge, other = (row.client, row.server) if row.client in ours else (row.server, row.client)
        if edge in ours and other not in ours and is_public(other):
            domain = _domain(other, XMPP_QUESTION, names)
            says = f"speaks XMPP with {edge} on port {XMPP_PORT}" + (f" for {domain}" if domain else "")
            claim = RoleClaim(other, XMPP_PARTNER, Basis.MESSAGES, True, says, row.capture, _answer_frame(row))
            book.add(claim)


def _answer_frame(row: Any) -> int:
    return int(row.first_frame_server or row.first_frame)


def _between(tables: Tables, port: int, protocol: str) -> list[Any]:
    """Connections on a port on which both sides were heard in a protocol."""
    flows = tables.flows
    spoken = flows[(flows["server_port"] == port) & (flows["frames_client"] > 0) & (flows["frames_server"] > 0)]
    return [row for row in rows_of(spoken, _ROW) if protocol in row.stack.split("/")]


def our_edges(book: RoleBook, tables: Tables) -> frozenset[str]:
    """Access Edges that are not somebody else's: a name alone makes a partner's host one as well.

    Ours is in the topology, asks for partners' records, is behind our own translation, or is the one that several
    others speak with.
    """
    edges = {address for address in book.claims if book.has(address, EDGE_ACCESS)}
    if not edges:
        return frozenset()
    askers = {asker for asker, _ in federation_askers(tables)}
    told = edges & book.told.places.keys() if book.told else set()
    ours = {one for one in edges if is_private(one) or one in askers} | told
    if ours:
        return frozenset(ours)
    others: dict[str, set[str]] = defaultdict(set)
    for row in _between(tables, SIP_TLS_PORT, "tls"):
        for one, other in ((row.client, row.server), (row.server, row.client)):
            if is_public(other):
                others[one].add(other)
    busy = {one for one in edges if len(others[one]) > 1}
    alone = all(len(others[other]) == 1 for one in busy for other in others[one])
    return frozenset(busy) if len(busy) == 1 and alone else frozenset()


def _showing_certificates(tables: Tables) -> frozenset[int]:
    """Flows on which the client showed a certificate (mutual TLS; TLS 1.3 hides it)."""
    certificates = tables.certificates
    shown = certificates[certificates["from_client"] & (certificates["carried"] == "tls")]
    return frozenset(int(one) for one in shown["flow"].unique())


def _domain(address: str, question: str, names: NameBook) -> str:
    """The domain whose record led there, else the one that its certificate or the name asked for tells; "" without."""
    links = names.by_address.get(address, ())
    asked = next((one.name for one in links if one.name.startswith(question)), "")
    if asked:
        return asked.removeprefix(question)
    told = [one for one in names.names_of(address, "sni", "certificate") if not one.startswith("*")]
    return parent_of(told[0]) if told else ""
