"""Reverse proxies: they answer outsiders under the published names, and ask the pool's external web site inside.

The pool tells outside from inside by the port: 4443 for what came on 443, 8080 for what came on 80 (port table,
p116 to p119). A Front End asks another pool on 4443 too, and the central store an Edge: that half alone is nobody's.
"""

from collections import defaultdict
from typing import Any

from lynccap.correlation.addresses import is_private, is_public, subnet_of
from lynccap.correlation.attempts import OPEN
from lynccap.correlation.names import proxied
from lynccap.correlation.roles.claims import (
    EDGE_ACCESS,
    FRONT_END,
    PROXY_INSIDE,
    REVERSE_PROXY,
    WEB,
    Basis,
    RoleBook,
    RoleClaim,
)
from lynccap.correlation.rows import rows_of
from lynccap.tables import Tables

_ROW = ("capture", "client", "server", "server_port", "stack", "first_frame", "first_frame_server")
CLOSED = ("refused", "unanswered")
TRIES = 3  # connections: somebody who looks whether the port is open stops sooner
OUTER_PORTS, INNER_PORTS = (80, 443), (8080, 4443)
LYNC_NAME = "lyncdiscover."
PUBLISHED = (LYNC_NAME, "meet.", "dialin.", "webext.", "lswebext.")
"""Beginnings of the names published outside; the last two are habits for the external web name."""


def claim_proxies(book: RoleBook, tables: Tables) -> None:
    """Both halves at one address make a reverse proxy; the host it asks serves the external web site."""
    _claim_tries(book, tables)
    inner = _inner_halves(tables)
    if not inner:
        return
    asked = _names_asked(tables)
    outer = _outer_halves(tables, asked)
    for address, rows in sorted(inner.items()):
        if book.has(address, FRONT_END, EDGE_ACCESS):
            continue
        if address in outer:
            _claim_both(book, address, rows, outer[address], asked)
        else:
            _claim_inner(book, address, rows, asked)


def _claim_both(book: RoleBook, address: str, rows: list[Any], accepted: Any, asked: dict[int, str]) -> None:
    """A web proxy with the usual names before port 8080 is anybody's: something has to show Lync."""
    name, row = asked[accepted.Index], rows[0]
    if not (name.startswith(LYNC_NAME) or book.is_lync(address) or any(book.is_lync(one.server) for one in rows)):
        return
    says = f"answers {accepted.client} for {name} and asks {row.server} on port {row.server_port}"
    _add(book, address, REVERSE_PROXY, says, row)
    for one in rows:
        says = f"asked by the reverse proxy {address} on port {one.server_port}"
        frame = int(one.first_frame_server)
        book.add(RoleClaim(one.server, WEB, Basis.PORT_AND_BYTES, False, says, int(one.capture), frame))


def _claim_inner(book: RoleBook, address: str, rows: list[Any], asked: dict[int, str]) -> None:
    """A published name asked on the external web site's port, by whoever is no Lync server itself."""
    row = next((one for one in rows if asked.get(one.Index, "").startswith(LYNC_NAME)), None)
    if row is not None and not book.is_lync(address):
        says = f"asks {row.server} on port {row.server_port} for {asked[row.Index]}"
        _add(book, address, PROXY_INSIDE, says, row)


def _claim_tries(book: RoleBook, tables: Tables) -> None:
    """Who only ever asks Lync's web ports, and again and again in vain the one of the external site.

    Not an administrator's PC, which signs in as well; not another pool's server, nor one beside the server asked; not
    a load balancer's monitor, which opens connections and says nothing.
    """
    flows = tables.flows
    tcp = flows[flows["transport"] == "tcp"]
    vain = tcp[(tcp["server_port"] == INNER_PORTS[1]) & tcp["opening"].isin(CLOSED)]
    for (client, server), tries in vain.groupby(["client", "server"], sort=True):
        if len(tries) < TRIES or book.is_plausible(client) or subnet_of(client) == subnet_of(server):
            continue
        if not (is_private(server) and book.is_lync(server) and book.has(server, FRONT_END, WEB)):
            continue
        mine = tcp[tcp["client"] == client]
        others = mine.loc[~mine["server_port"].isin((*INNER_PORTS, *OUTER_PORTS)), "server"].unique()
        looks = (mine["opening"] == "established") & (mine["data_frames_client"] == 0)
        if not looks.any() and not any(map(book.is_lync, others)):
            first = next(rows_of(tries, ("capture", "first_frame")))
            says = f"asks {server} on port {INNER_PORTS[1]} again and again, and no other port but those of the web"
            frame = int(first.first_frame)
            book.add(RoleClaim(client, PROXY_INSIDE, Basis.PORT_AND_BYTES, False, says, int(first.capture), frame))


def _add(book: RoleBook, address: str, role: str, says: str, row: Any) -> None:
    decisive = role == REVERSE_PROXY
    book.add(RoleClaim(address, role, Basis.MESSAGES, decisive, says, int(row.capture), int(row.first_frame)))


def _is_published(name: str) -> bool:
    return name.startswith(PUBLISHED)


def _names_asked(tables: Tables) -> dict[int, str]:
    """By flow: the server name asked for, in TLS or in a Host header."""
    tls, http = tables["tls"], tables["http"]
    hosts = http[(http["kind"] == "request") & http["host"].notna()]
    asked = tls[tls["sni"].notna()]
    told = [*zip(hosts["flow"], hosts["host"], strict=True), *zip(asked["flow"], asked["sni"], strict=True)]
    return {int(flow): str(name).lower().rstrip(".").partition(":")[0] for flow, name in reversed(told)}


def _inner_halves(tables: Tables) -> dict[str, list[Any]]:
    """By client: its connections to the ports of external web sites on private addresses, bytes and all."""
    flows = tables.flows
    spoken = flows[flows["server_port"].isin(INNER_PORTS) & flows["opening"].isin(OPEN)]
    if spoken.empty:
        return {}
    spoken = spoken[~spoken.index.isin(list(proxied(tables)))]  # 8080 is a forward proxy's port as well
    found: dict[str, list[Any]] = defaultdict(list)
    for row in rows_of(spoken, _ROW):
        if is_private(row.server) and row.stack.split("/")[0] == ("tls" if row.server_port == 4443 else "http"):
            found[row.client].append(row)
    return found


def _outer_halves(tables: Tables, asked: dict[int, str]) -> dict[str, Any]:
    """By server: the first connection of an outsider to a web port for a published name."""
    flows = tables.flows
    spoken = flows[flows["server_port"].isin(OUTER_PORTS) & flows["opening"].isin(OPEN)]
    spoken = spoken[spoken.index.isin([flow for flow, name in asked.items() if _is_published(name)])]
    spoken = spoken[~spoken.index.isin(list(proxied(tables)))]
    found: dict[str, Any] = {}
    for row in rows_of(spoken, _ROW):
        if is_public(row.client) or is_public(row.server):
            found.setdefault(row.server, row)
    return found
