"""Which certificates that were shown are revoked, by OCSP responses and lists in the same capture."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

from dissectors.crl import lists_serial
from lynccap.correlation.rows import rows_of
from lynccap.correlation.tls.presented import Presented
from lynccap.tables import Tables


class Revoked(NamedTuple):
    """One list of certificates whose leaf is revoked, and what says so."""

    shown: Presented
    frame: int
    time: int
    flow: int
    by: str
    """ocsp, crl or delta-crl."""
    revoked_at: int
    """0 when untold: lists are searched for the number only."""


def read_revoked(tables: Tables, presented: Iterable[Presented]) -> tuple[Revoked, ...]:
    """The first word on every list whose leaf is revoked; numbers are matched with the issuer's name."""
    told = tables.revocations
    if told.empty:
        return ()
    words = [row for row in rows_of(told, tuple(told.columns)) if not row.unreadable]
    captures = tables.flows["capture"]
    contents = _contents(tables)
    return tuple(
        Revoked(shown, row.frame, row.time, row.flow, row.kind, row.revoked_at)
        for shown in presented
        if shown.readable
        for row in _words_on(shown, [one for one in words if captures[one.flow] == shown.capture], contents)[:1]
    )


def _words_on(shown: Presented, words: list[Any], contents: dict[tuple[int, int], list[bytes]]) -> list[Any]:
    leaf = shown.leaf
    return [
        row
        for row in words
        if (
            (row.kind == "ocsp" and row.certificate_status == "revoked" and row.serial == leaf.serial)
            or (
                row.kind != "ocsp"
                and row.revoked
                and row.issuer == leaf.issuer
                and any(lists_serial(one, int(leaf.serial, 16)) for one in contents[row.flow, row.frame])
            )
        )
    ]


def _contents(tables: Tables) -> dict[tuple[int, int], list[bytes]]:
    found: dict[tuple[int, int], list[bytes]] = defaultdict(list)
    for row in rows_of(tables["crl"], ("flow", "frame", "content")):
        if row.content:
            found[row.flow, row.frame].append(row.content)
    return found
