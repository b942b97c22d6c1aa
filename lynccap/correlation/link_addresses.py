"""Who holds an IPv4 address on the link, as ARP tells: addresses nobody answers for, and those that several claim."""

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import pandas as pd

from lynccap.correlation.attempts import COPIES_NS
from lynccap.correlation.rows import rows_of
from lynccap.tables import SECOND, Tables

NOBODY = "0.0.0.0"  # who asks whether an address is free has none yet (RFC 5227)
RIVAL_NS = 60 * SECOND  # catalogue, duplicate-ip: both claim it within this time
_COLUMNS = ("capture", "frame", "time", "kind", "mac", "address", "target")


@dataclass(frozen=True, slots=True)
class Unresolved:
    """One host's questions for an address for which nobody answers or speaks in the whole capture."""

    capture: int
    address: str
    asker: str
    times: tuple[int, ...]
    """Of distinct questions, mirror copies left out."""
    frames: tuple[int, ...]
    hears_others: bool
    """The capture shows somebody else's answer to the same host: answers to it are recorded here."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A machine says that an address is its own."""

    mac: str
    frame: int
    time: int
    announced: bool
    """Unasked, as machines do that take an address over."""


@dataclass(frozen=True, slots=True)
class Rivals:
    """An address that several machines claim within a minute."""

    capture: int
    address: str
    claims: tuple[Claim, ...]
    """In order of time."""
    turns: int
    """How often another machine's claim follows within a minute."""

    @property
    def macs(self) -> tuple[str, ...]:
        """The machines, in order of appearance."""
        return tuple(dict.fromkeys(one.mac for one in self.claims))

    @property
    def taken_over(self) -> bool:
        """Whether the address went from one machine to another for good, and the new one announced it."""
        first = next(one for one in self.claims if one.mac != self.claims[0].mac)
        return self.turns == 1 and first.announced


@dataclass(frozen=True)
class LinkBook:
    """What the ARP messages of all captures tell."""

    tables: Tables

    @cached_property
    def unresolved(self) -> tuple[Unresolved, ...]:
        """In order of the first question."""
        arp = self.tables.arp
        if arp.empty:
            return ()
        asked = arp[(arp["kind"] == "request") & (arp["address"] != arp["target"]) & (arp["address"] != NOBODY)]
        asked = asked[~self._pairs(asked, "target").isin(self._pairs(arp, "address"))]
        answers = arp[arp["kind"] == "reply"]
        heard = set(zip(answers["capture"].tolist(), answers["target"].tolist(), strict=True))
        groups: dict[tuple[int, str, str], list[Any]] = defaultdict(list)
        for row in rows_of(asked, _COLUMNS):
            groups[row.capture, row.target, row.address].append(row)
        return tuple(
            Unresolved(*key, _distinct(rows), tuple(row.frame for row in rows), (key[0], key[2]) in heard)
            for key, rows in groups.items()
        )

    @cached_property
    def rivals(self) -> tuple[Rivals, ...]:
        """In order of the first claim."""
        arp = self.tables.arp
        if arp.empty:
            return ()
        told = arp[((arp["kind"] == "reply") | (arp["address"] == arp["target"])) & (arp["address"] != NOBODY)]
        shared = told.groupby(["capture", "address"], sort=False)["mac"].transform("nunique") > 1
        groups: dict[tuple[int, str], list[Claim]] = defaultdict(list)
        for row in rows_of(told[shared.astype(bool)], _COLUMNS):
            groups[row.capture, row.address].append(Claim(row.mac, row.frame, row.time, row.address == row.target))
        made = (Rivals(*key, tuple(claims), _turns(claims)) for key, claims in groups.items())
        return tuple(one for one in made if one.turns)

    @cached_property
    def _held(self) -> dict[str, int]:
        arp = self.tables.arp
        told = arp.loc[arp["kind"] == "reply", ["mac", "address"]].drop_duplicates()
        return {str(mac): int(count) for mac, count in told["mac"].value_counts().items()}

    def addresses_of(self, mac: str) -> int:
        """For how many addresses a machine answers: for many does a router that answers for others (proxy ARP)."""
        return self._held.get(mac, 0)

    @staticmethod
    def _pairs(arp: pd.DataFrame, column: str) -> pd.MultiIndex:
        return pd.MultiIndex.from_arrays([arp["capture"], arp[column]])


def _distinct(rows: list[Any]) -> tuple[int, ...]:
    times: list[int] = []
    for row in rows:
        if not times or row.time - times[-1] > COPIES_NS:
            times.append(row.time)
    return tuple(times)


def _turns(claims: list[Claim]) -> int:
    return sum(one.mac != other.mac and other.time - one.time <= RIVAL_NS for one, other in pairwise(claims))
