"""Inside networks of which the Edge's internal interface answers nobody."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lynccap.correlation.addresses import is_private, subnet_of
from lynccap.correlation.rows import rows_of
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.tables import SECOND

TRIES = 4  # requests, repeats among them: fewer may be lost by chance
NEAR_NS = 60 * SECOND  # an answer to others a minute later says the same of the interface
_COLUMNS = (
    *("capture", "client", "server", "server_port", "transport", "frames_client", "frames_server"),
    *("first_time", "last_time", "first_frame", "first_time_server", "last_time_server"),
)


@dataclass(frozen=True, slots=True)
class LostNetwork:
    """One network's requests at the internal interface, none of them answered."""

    capture: int
    network: str
    server: str
    asked: tuple[Any, ...]
    """Rows of flows, in order."""
    answered: tuple[Any, ...]
    """Those of other networks to the same ports, answered meanwhile."""

    @property
    def tries(self) -> int:
        """Packets sent in vain."""
        return sum(one.frames_client for one in self.asked)

    @property
    def clients(self) -> tuple[str, ...]:
        """Who asked."""
        return tuple(dict.fromkeys(one.client for one in self.asked))


def lost_networks(inquiry: Inquiry) -> Iterator[LostNetwork]:
    """Networks that get nothing from an internal interface that answers others on the same ports."""
    case = inquiry.case
    inner = [address for edge in case.edges.ours for address in edge.inner]
    flows = case.flows
    asked = flows[flows["server"].isin(inner)] if inner else flows[:0]
    if not (asked["frames_server"] == 0).any():
        return
    quoted = set(case.tables.icmp["flow"])
    groups: dict[tuple[int, str, str], list[Any]] = defaultdict(list)
    for row in rows_of(asked, _COLUMNS):
        if is_private(row.client):
            groups[row.capture, row.server, subnet_of(row.client)].append(row)
    for (capture, server, network), rows in groups.items():
        if any(row.frames_server or row.Index in quoted for row in rows):
            continue
        others = [
            row
            for (there, same, other), ones in groups.items()
            if (there, same) == (capture, server) and other != network
            for row in ones
        ]
        found = LostNetwork(capture, network, server, tuple(rows), tuple(_meanwhile(rows, others)))
        if found.tries >= TRIES and found.answered:
            yield found


def _meanwhile(rows: list[Any], others: list[Any]) -> Iterator[Any]:
    ports = {(row.server_port, row.transport) for row in rows}
    first, last = min(row.first_time for row in rows), max(row.last_time for row in rows)
    for one in others:
        told = one.frames_server and (one.server_port, one.transport) in ports
        if told and one.last_time_server >= first and one.first_time_server <= last + NEAR_NS:
            yield one
