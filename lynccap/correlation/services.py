"""Which service each flow served, and on what that rests: bytes, messages, its server's role, or its port."""

from typing import Any

import pandas as pd

from lynccap import reference
from lynccap.correlation.roles import (
    EDGE_ACCESS,
    EDGE_AV,
    EDGE_INT,
    EDGE_WEBCONF,
    REVERSE_PROXY,
    WEB_ROLES,
    RoleBook,
)
from lynccap.tables import Tables

BY_STACK = {
    "sip": "sip",
    "tls/sip": "sip",
    "stun": "stun-turn",
    "pseudo-tls/stun": "stun-turn",
    "stun/rtp": "rtp",
    "rtp": "rtp",
    "rtcp": "rtcp",
    "dns": "dns",
    "dhcp": "dhcp",
    "ntp": "ntp",
    "http": "http",
    "http2": "http",
    "psom": "psom",
    "tls": "tls",
}
PROTOCOLS_ON_HTTP = ("certprov", "web-ticket", "autodiscover", "crl")

# Not read, but told apart from the rest by their registered port (IANA), on the server's side.
BY_PORT = {
    53: "dns",
    67: "dhcp",
    68: "dhcp",
    80: "http",
    123: "ntp",
    445: "smb",
    1433: "sql",
    5269: "xmpp",
}
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
BY_ROLE_ON_443 = (
    (EDGE_WEBCONF, "psom"),
    (EDGE_INT, "stun-turn"),
    (EDGE_AV, "stun-turn"),
    (EDGE_ACCESS, "sip"),
    (REVERSE_PROXY, "web"),
)


def name_services(tables: Tables, roles: RoleBook) -> pd.DataFrame:
    """The flows table with two more columns: `service` (DESIGN's vocabulary) and `service_basis`."""
    flows = tables.flows
    by_stack = flows["stack"].map(BY_STACK)
    by_port = flows["server_port"].map(BY_PORT)
    service = by_stack.fillna(by_port).fillna("other").astype(object)
    basis = pd.Series("bytes", index=flows.index, dtype=object).where(by_stack.notna(), "port")
    basis = basis.where(service != "other", "")
    _name_messages(tables, service, basis)
    _name_paths(tables, service, roles)
    lync = flows["server"].isin(list(roles.servers()))
    open_cases = lync & (service.isin(("tls", "other", "http")) | (basis == "port"))
    for row in flows[open_cases].itertuples():
        found = _service_of(row, roles)
        if found:
            service[row.Index], basis[row.Index] = found
    return flows.assign(service=service, service_basis=basis)


def _name_messages(tables: Tables, service: "pd.Series", basis: "pd.Series") -> None:
    for protocol in reversed(PROTOCOLS_ON_HTTP):
        rows = tables[protocol]
        service[rows["flow"].unique()] = protocol
        basis[rows["flow"].unique()] = "bytes"
    crl = tables["crl"]
    service[crl.loc[crl["kind"] == "ocsp", "flow"].unique()] = "ocsp"


def _name_paths(tables: Tables, service: "pd.Series", roles: RoleBook) -> None:
    """Other web services of Lync servers, by path; the same paths elsewhere mean nothing."""
    http = tables["http"]
    servers = tables.flows["server"]
    for row in http[http["target"].notna()].itertuples():
        if service[row.flow] == "http" and roles.is_lync(servers[row.flow]):
            known = reference.url_row(row.target)
            if known:
                service[row.flow] = known.service


def _service_of(row: Any, roles: RoleBook) -> tuple[str, str] | None:
    """The service of a flow to a Lync server whose bytes do not tell, strongest reason first."""
    held = roles.roles_of(row.server)
    if row.server_port == 443:
        specific = [service for role, service in BY_ROLE_ON_443 if role in held]
        if len(set(specific)) == 1 and not held & WEB_ROLES:
            return specific[0], "role"
        if held & WEB_ROLES and not specific:
            return "web", "role"
        if row.stack == "tls":
            return None  # several services share this address and port: the bytes inside are not readable
    port_service = BY_PORT_OF_LYNC.get(row.server_port)
    if port_service is None or row.transport != ("udp" if port_service == "stun-turn" else "tcp"):
        return None
    return port_service, "port"
