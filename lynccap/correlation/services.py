"""Which service each flow served, and on what that rests."""

from typing import Any

import pandas as pd

from dissectors.mras import MEDIA_TYPE as MRAS_TYPE
from lynccap import reference
from lynccap.correlation.clues import Clues, read_clues
from lynccap.correlation.protocol_numbers import PSOM_PORTS
from lynccap.correlation.roles.claims import (
    EDGE_ACCESS,
    EDGE_AV,
    EDGE_INT,
    EDGE_WEBCONF,
    REVERSE_PROXY,
    WEB_ROLES,
    RoleBook,
)
from lynccap.correlation.rows import rows_of
from lynccap.tables import Tables

BASES = ("bytes", "topology", "sni", "role", "dns", "certificate", "port")
"""What the naming of a service rests on, strongest first: its bytes or the messages in it, the topology's ports, the
name it asked for in TLS, what its server is, the only name its client got the address for, what was shown on it, its
port."""
BY_PROTOCOL = {
    "sip": "sip",
    "stun": "stun-turn",
    "rtp": "rtp",
    "rtcp": "rtcp",
    "dns": "dns",
    "dhcp": "dhcp",
    "ntp": "ntp",
    "http": "http",
    "http2": "http",
    "psom": "psom",
    "tls": "tls",
    "smb": "smb",
    "tds": "sql",
    "ssrp": "sql",
    "xmpp": "xmpp",
}
"""Of the innermost protocol in a stack; whatever else is recognised is `other`."""
PROTOCOLS_ON_HTTP = ("certprov", "web-ticket", "autodiscover", "crl")
"""Message tables of services on HTTP that name themselves, the strongest first; each is a service of that name."""

BY_PORT = {
    ("tcp", 53): "dns",
    ("udp", 53): "dns",
    ("udp", 67): "dhcp",
    ("udp", 68): "dhcp",
    ("tcp", 80): "http",
    ("udp", 123): "ntp",
    ("tcp", 445): "smb",
    ("tcp", 1433): "sql",
    ("udp", 1434): "sql",
    ("tcp", 5269): "xmpp",
}
"""Of flows whose bytes tell nothing: by the server's registered port (IANA)."""
BY_PORT_OF_LYNC = {
    80: "web",
    443: "web",
    444: "web",
    4443: "web",
    8080: "web",
    5060: "sip",
    5061: "sip",
    5062: "mras",
    8057: "psom",
    8058: "psom",
    3478: "stun-turn",
}
"""Of Lync servers: the likeliest where the port table has several."""
BY_ROLE_ON_443 = (
    (EDGE_WEBCONF, "psom"),
    (EDGE_INT, "stun-turn"),
    (EDGE_AV, "stun-turn"),
    (EDGE_ACCESS, "sip"),
    (REVERSE_PROXY, "web"),
)
SHARED_PORTS = (443, 444)  # the second on an Edge whose services share one address
_ENDS = ["client", "server", "server_port", "transport", "stack"]
SHARED_DATA = 127  # the payload type of application sharing


def name_services(tables: Tables, roles: RoleBook) -> pd.DataFrame:
    """The flows table with two more columns: `service` (DESIGN's vocabulary) and `service_basis`."""
    flows = tables.flows
    by_stack = flows["stack"].map({stack: _innermost(stack) for stack in flows["stack"].unique()})
    by_port = pd.Series(list(zip(flows["transport"], flows["server_port"], strict=True)), flows.index, dtype=object)
    service = by_stack.fillna(by_port.map(BY_PORT)).fillna("other").astype(object)
    basis = pd.Series("bytes", index=flows.index, dtype=object).where(by_stack.notna(), "port")
    basis = basis.where(by_stack.notna() | (service != "other"), "")
    _name_messages(tables, service, basis)
    _name_paths(tables, service, roles)
    _name_relay_requests(tables, service)
    _name_sharing(tables, service, roles)
    lync = flows["server"].isin(list(roles.servers()))
    sealed = flows["stack"].isin(("", "tls"))
    open_cases = flows[lync & (sealed | (service == "http"))]
    clues = read_clues(tables, open_cases)
    found = {row.Index: _service_of(row, roles, clues) for row in rows_of(open_cases, _ENDS)}
    known = {flow: one for flow, one in found.items() if one}
    service[list(known)] = [name for name, _ in known.values()]
    basis[list(known)] = [why for _, why in known.values()]
    return flows.assign(service=service, service_basis=basis)


def _innermost(stack: str) -> str | None:
    """The service of the innermost protocol that names one; None when nothing is known of the bytes."""
    named = (BY_PROTOCOL[one] for one in reversed(stack.split("/")) if one in BY_PROTOCOL)
    return next(named, "other") if stack else None


def _name_messages(tables: Tables, service: "pd.Series", basis: "pd.Series") -> None:
    for protocol in reversed(PROTOCOLS_ON_HTTP):
        flows = tables[protocol]["flow"].unique()
        service[flows], basis[flows] = protocol, "bytes"
    crl = tables["crl"]
    service[crl.loc[crl["kind"] == "ocsp", "flow"].unique()] = "ocsp"


def _name_paths(tables: Tables, service: "pd.Series", roles: RoleBook) -> None:
    """Other web services of Lync servers, by path; the same paths elsewhere mean nothing."""
    http = tables["http"]
    servers = tables.flows["server"].tolist()
    open_ = http[http["target"].notna() & (http["flow"].map(service) == "http")]
    lync = {server for server in {servers[flow] for flow in open_["flow"].unique()} if roles.is_lync(server)}
    found: dict[int, str] = {}
    for row in rows_of(open_, ("flow", "target")):
        if found.get(row.flow, "http") == "http" and servers[row.flow] in lync:
            known = reference.url_row(row.target)
            if known:
                found[row.flow] = known.service
    service[list(found)] = list(found.values())


def _name_relay_requests(tables: Tables, service: "pd.Series") -> None:
    """SIP connections on which nothing but relay credentials is asked for: those of the Edge's own port for them."""
    sip = tables["sip"]
    requests = sip[sip["kind"] == "request"]
    asks = (requests["method"] == "SERVICE") & requests["content_type"].fillna("").str.startswith(MRAS_TYPE)
    only = asks.groupby(requests["flow"]).all()
    service[only[only].index] = "mras"


def _name_sharing(tables: Tables, service: "pd.Series", roles: RoleBook) -> None:
    """Application sharing runs over TCP, to a relay of Lync's or between its clients behind pseudo-TLS."""
    flows, media = tables.flows, tables.media
    carrying = media.loc[media["payload_type"] == SHARED_DATA, "flow"].unique()
    for flow in carrying[carrying >= 0]:
        row = flows.loc[flow]
        if row["transport"] == "tcp" and (row["stack"].startswith("pseudo-tls") or roles.is_lync(row["server"])):
            service[flow] = "app-sharing"


def _service_of(row: Any, roles: RoleBook, clues: Clues) -> tuple[str, str] | None:
    """The service of a flow to a Lync server whose bytes do not tell, strongest reason first."""
    told = roles.told.services_at(row.server, row.server_port, row.transport) if roles.told else ()
    if len(told) == 1:
        return next(iter(told)), "topology"
    held = roles.roles_of(row.server)
    if row.server_port in SHARED_PORTS:
        found = clues.by_name_asked(row.Index) or _on_shared_port(row, held)
        found = found or clues.by_names_around(row.Index, row.client, row.server)
        if found or row.stack == "tls":
            return found  # several services share this address and port: the bytes inside are not readable
    if row.server_port in PSOM_PORTS and (row.Index in clues.of_pool or row.Index in clues.mutual):
        return "psom", "certificate"
    return _by_table(row, held) or _by_port(row)


def _on_shared_port(row: Any, held: frozenset[str]) -> tuple[str, str] | None:
    if row.server_port != 443:
        return ("psom", "role") if EDGE_WEBCONF in held and not held & WEB_ROLES else None
    specific = {service for role, service in BY_ROLE_ON_443 if role in held}
    if len(specific) == 1 and not held & WEB_ROLES:
        return next(iter(specific)), "role"
    return ("web", "role") if held & WEB_ROLES and not specific else None


def _by_table(row: Any, held: frozenset[str]) -> tuple[str, str] | None:
    """The one service that a server with these roles offers on this port."""
    services = {
        one.service
        for one in reference.services_on(row.transport, row.server_port)
        if one.to_role in held and not one.is_pool
    }
    only = next(iter(services), "other") if len(services) == 1 else "other"
    return None if only == "other" else (only, "role")


def _by_port(row: Any) -> tuple[str, str] | None:
    service = BY_PORT_OF_LYNC.get(row.server_port)
    if service is None or row.transport != ("udp" if service == "stun-turn" else "tcp"):
        return None
    return service, "port"
