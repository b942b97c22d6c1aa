"""Every claim of the field notes that packets can show is looked for by a rule, or stands in a reference table."""

import csv
from functools import cache
from pathlib import Path

import pytest

from lynccap import reference
from lynccap.diagnosis.catalogue import BY_NAME


@cache
def _claims() -> dict[str, tuple[str, ...]]:
    with (Path(__file__).parent / "claims.csv").open(encoding="utf-8") as file:
        return {row["id"]: tuple(row["covered by"].split()) for row in csv.DictReader(file, delimiter="|")}


@cache
def _tables() -> dict[str, frozenset[str]]:
    folder = Path(reference.__file__).parent
    keys = {
        "port": ("ports", "id"),
        "name": ("names", "pattern"),
        "url": ("urls", "path"),
        "certificate": ("certificate_rules", "id"),
        "conflict": ("conflicts", "id"),
        "ambiguous": ("ambiguous_ports", "ports"),
        "role": ("roles", "role"),
        "codec": ("codecs", "encoding"),
        "order": ("discovery_orders", "client"),
    }
    found = {}
    for key, (table, column) in keys.items():
        with (folder / f"{table}.csv").open(encoding="utf-8") as file:
            found[key] = frozenset(row[column] for row in csv.DictReader(file))
    return found


def _is_there(one: str) -> bool:
    table, _, key = one.partition(":")
    return key in _tables()[table] if key else one in BY_NAME


def test_all_claims_are_listed() -> None:
    notes = [name.partition("-")[0] for name in _claims()]

    assert {one: notes.count(one) for one in "HSECPR"} == {"H": 37, "S": 13, "E": 36, "C": 63, "P": 42, "R": 8}


@pytest.mark.parametrize("claim", _claims())
def test_is_covered(claim: str) -> None:
    covered = _claims()[claim]
    if covered[0] == "none:":
        return

    unknown = [one for one in covered if not _is_there(one)]
    assert not unknown
    assert any(_is_there(one) for one in covered)
