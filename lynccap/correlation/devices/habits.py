"""What addresses did: which names they asked for, which servers they reached, and whether they serve themselves."""

from collections import defaultdict
from dataclasses import dataclass

import pandas as pd

from lynccap.correlation.attempts import OPEN
from lynccap.correlation.devices.signs import Questions


@dataclass(frozen=True)
class Habits:
    """By address."""

    asked: dict[str, dict[str, int]]
    """Names asked of DNS, and the first frame of each."""
    opened: dict[str, set[tuple[str, int]]]
    """The (server, port) pairs it reached over TCP."""
    serving: frozenset[str]
    """Addresses that accepted a connection."""


def read_habits(flows: pd.DataFrame, questions: Questions) -> Habits:
    """What everybody did."""
    asked: dict[str, dict[str, int]] = defaultdict(dict)
    for client, name, frame in questions:
        asked[client][name] = frame
    pairs = flows.loc[flows["opening"].isin(OPEN), ["client", "server", "server_port"]].drop_duplicates()
    opened: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for client, server, port in zip(pairs["client"], pairs["server"], pairs["server_port"].tolist(), strict=True):
        opened[client].add((server, port))
    return Habits(asked, opened, frozenset(pairs["server"]))
