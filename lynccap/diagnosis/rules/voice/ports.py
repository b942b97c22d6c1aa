"""Ports of trunks between gateways and Mediation Servers, by the port table."""

from functools import cache

from lynccap import reference
from lynccap.correlation.roles.claims import GATEWAY, MEDIATION

TLS, CLEAR = "SIP/TLS", "SIP/TCP"


@cache
def trunk_ports(server: str, *protocols: str) -> frozenset[int]:
    """The ports at which a server of this role is asked by the other end, over some protocols or over all."""
    asker = MEDIATION if server == GATEWAY else GATEWAY
    return frozenset(
        row.port_min
        for row in reference.ports()
        if (row.from_role, row.to_role) == (asker, server) and row.protocol in (protocols or (TLS, CLEAR))
    )
