"""What a sealed connection tells of its service beside its bytes: the name it asked for, and the certificates shown.

One address often serves several names, and one certificate names several services: a clue counts only when all
of it points to one service.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

import pandas as pd

from lynccap import reference
from lynccap.correlation.names import DNS_PORT
from lynccap.correlation.protocol_numbers import PSOM_PORTS, SIP_TLS_PORT
from lynccap.correlation.rows import rows_of
from lynccap.tables import Tables

OWN_SERVICES = frozenset({"psom", "sip", "stun-turn"})
"""What names of port 443 may stand for beside web services, which many names share."""
WEB_SERVICES = frozenset({"web", "meet", "autodiscover", "device-update"})
UNKNOWN = "?"


@dataclass
class Clues:
    """By flow, or by client and server."""

    asked: dict[int, str] = field(default_factory=dict)
    """Flow to the service of the name its client asked for in TLS (SNI)."""
    resolved: dict[tuple[str, str], set[str]] = field(default_factory=lambda: defaultdict(set))
    """Client and server to the services of the names that DNS gave this client the address for."""
    certified: dict[int, str] = field(default_factory=dict)
    """Flow to the only service its server's certificate names."""
    of_pool: set[int] = field(default_factory=set)
    """Flows to a web conferencing port with the certificate that the client's SIP server shows."""
    mutual: set[int] = field(default_factory=set)
    """Flows on which the client showed a certificate."""

    def by_name_asked(self, flow: int) -> tuple[str, str] | None:
        """The service whose name the client asked for in TLS, and the word for this clue."""
        return (self.asked[flow], "sni") if flow in self.asked else None

    def by_names_around(self, flow: int, client: str, server: str) -> tuple[str, str] | None:
        """The service of the names that led to the server or that its certificate shows, and the word for the clue."""
        resolved = self.resolved.get((client, server), set())
        if len(resolved) == 1 and UNKNOWN not in resolved:
            return next(iter(resolved)), "dns"
        return (self.certified[flow], "certificate") if flow in self.certified else None


def read_clues(tables: Tables, sealed: pd.DataFrame) -> Clues:
    """The clues to `sealed`, which are rows of the flows."""
    clues = Clues()
    tls = tables["tls"]
    for row in rows_of(tls[tls["sni"].notna() & tls["flow"].isin(sealed.index)], ("flow", "sni")):
        service = service_of_name(row.sni)
        if service != UNKNOWN:
            clues.asked[row.flow] = service
    _read_dns(tables, sealed, clues)
    _read_certificates(tables, sealed, clues)
    return clues


@lru_cache(maxsize=4096)  # busy sites ask for the same few names; hostile captures for endless ones
def service_of_name(name: str) -> str:
    """The service a DNS name stands for on port 443: psom, sip, stun-turn or web; UNKNOWN for names that tell none."""
    for row in reference.name_rows(name):
        if row.service in OWN_SERVICES:
            return row.service
        if row.service in WEB_SERVICES:
            return "web"
    return UNKNOWN


def _read_dns(tables: Tables, sealed: pd.DataFrame, clues: Clues) -> None:
    flows, answers = tables.flows, tables.dns_answers
    clients = flows["client"].to_dict()
    answers = answers[answers["record_type"].isin(("A", "AAAA")) & answers["value"].isin(sealed["server"].unique())]
    answers = answers[answers["flow"].map(flows["server_port"]) == DNS_PORT]
    for row in rows_of(answers, ("flow", "question", "value")):
        clues.resolved[clients[row.flow], row.value].add(service_of_name(row.question))


def _read_certificates(tables: Tables, sealed: pd.DataFrame, clues: Clues) -> None:
    flows, shown = tables.flows, tables.certificates
    leaves = shown[(shown["position"] == 0) & shown["flow"].isin(sealed.index)]
    leaves = leaves.assign(client=leaves["flow"].map(flows["client"]), port=leaves["flow"].map(flows["server_port"]))
    clues.mutual = set(leaves.loc[leaves["from_client"], "flow"])
    shown = list(rows_of(leaves[~leaves["from_client"]], _CERTIFICATE))
    of_sip: set[tuple[str, str]] = set()
    for row in shown:
        only = _only(service_of_name(name) for name in dict.fromkeys((row.common_name, *row.names)) if "." in name)
        if only:
            clues.certified[row.flow] = only
        if row.port == SIP_TLS_PORT:
            of_sip.add((row.client, row.sha256))
    for row in shown:
        if row.port in PSOM_PORTS and (row.client, row.sha256) in of_sip:
            clues.of_pool.add(row.flow)


_CERTIFICATE = ("flow", "common_name", "names", "sha256", "client", "port")


def _only(services: Iterable[str]) -> str:
    """The one service all names stand for, "" when they differ or tell none."""
    found = set(services)
    return next(iter(found - {UNKNOWN}), "") if len(found) == 1 else ""
