"""What addresses did: which names they asked for, which servers they reached, and whether they serve themselves."""

from collections import defaultdict
from dataclasses import dataclass

import pandas as pd

from lynccap.correlation.attempts import OPEN
from lynccap.correlation.devices.signs import Questions

WEB_PORTS = (80, 443, 4443, 8080, 8443)


@dataclass(frozen=True)
class Habits:
    """By address."""

    asked: dict[str, dict[str, int]]
    """Names asked of DNS, and the first frame of each."""
    opened: dict[str, set[tuple[str, int]]]
    """The (server, port) pairs it reached over TCP."""
    serving: frozenset[str]
    """Addresses that accepted a connection."""
    web_serving: frozenset[str] = frozenset()
    """Those that accepted one on a port of web servers: what they ask others for, they may ask for their visitors."""


def read_habits(flows: pd.DataFrame, questions: Questions) -> Habits:
    """What everybody did."""
    asked: dict[str, dict[str, int]] = defaultdict(dict)
    for client, name, frame in questions:
        asked[client][name] = frame
    pairs = flows.loc[flows["opening"].isin(OPEN), ["client", "server", "server_port"]].drop_duplicates()
    opened: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for client, server, port in zip(pairs["client"], pairs["server"], pairs["server_port"].tolist(), strict=True):
        opened[client].add((server, port))
    web = pairs.loc[pairs["server_port"].isin(WEB_PORTS), "server"]
    return Habits(asked, opened, frozenset(pairs["server"]), frozenset(web))
