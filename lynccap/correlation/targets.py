"""Whose connection attempts are read: Lync's servers, and hosts that Lync's servers and clients need besides."""

from collections.abc import Iterable, Sequence

import pandas as pd

from lynccap import reference
from lynccap.correlation.media.sharing import SharingOffer
from lynccap.correlation.names import NameBook
from lynccap.correlation.protocol_numbers import HTTPS, OLD_FILE_PORTS, PSOM_PORT, SIP_TLS_PORT
from lynccap.correlation.roles.claims import RoleBook
from lynccap.correlation.web_names import WebNames
from lynccap.tables import Tables


def targets_of(
    tables: Tables, names: NameBook, roles: RoleBook, web_names: WebNames, sharing: Sequence[SharingOffer]
) -> tuple[str, ...]:
    """The addresses, each once."""
    tcp = tables.flows[tables.flows["transport"] == "tcp"]
    return tuple(
        dict.fromkeys(
            [
                *roles.servers(),
                *roles.crl_hosts(),
                *(address for name, links in names.addresses.items() if web_names.is_outer(name) for address in links),
                *_asked_on(tcp, [PSOM_PORT]),  # pool members nobody may have asked for anything else
                *_asked_on(tcp, range(OLD_FILE_PORTS[0], OLD_FILE_PORTS[1] + 1)),  # clients ask clients
                *_beside_known_servers(tcp, roles),
                *_asked_by_servers(tcp, roles),
                *(address for one in sharing for address, _ in one.waits_at),
            ]
        )
    )


def _asked_on(tcp: pd.DataFrame, ports: Iterable[int]) -> list[str]:
    return [str(one) for one in tcp.loc[tcp["server_port"].isin(list(ports)), "server"].unique()]


def _beside_known_servers(tcp: pd.DataFrame, roles: RoleBook) -> list[str]:
    """Whoever is asked on 5061 by a client that gets through there to a known server: the pool it was sent on to."""
    asked = tcp[tcp["server_port"] == SIP_TLS_PORT]
    known = asked["server"].isin(list(roles.servers())) & (asked["opening"] == "established")
    return [str(one) for one in asked.loc[asked["client"].isin(list(asked.loc[known, "client"])), "server"].unique()]


def _asked_by_servers(tcp: pd.DataFrame, roles: RoleBook) -> list[str]:
    """Whoever a host with a role asks on a port that Lync's servers need of each other: databases, gateways, …"""
    ports = reference.needed_ports().keys() - {HTTPS}  # there a server asks anybody
    return _asked_on(tcp[tcp["client"].isin(list(roles.servers()))], ports)
