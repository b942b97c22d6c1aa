"""Findings as rows."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report import documents
from report.documents import build, finding

from lynccap.report.spreadsheet import COLUMNS, render_csv


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def test_each_finding_is_a_row_with_its_device_and_frames() -> None:
    document = documents.one_cause()
    read = rows(render_csv(document))
    assert [one["finding"] for one in read] == [one.id for one in document.findings]
    assert tuple(read[0]) == COLUMNS
    assert read[0]["device_names"] == "SEP-2-010"
    assert read[0]["captures"] == "site-berlin.pcapng"
    assert read[0]["frames"] == "400 401 406 407 419 420 | 31"
    assert read[1]["caused_by"] == read[0]["finding"]


@pytest.mark.parametrize("start", ["=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", " =1", "＝1"])
def test_formulas_are_made_text(start: str) -> None:
    (row,) = rows(render_csv(build(findings=(finding(1, "r", "10.1.2.1", says=start, title=start),))))
    assert row["says"].startswith("'")
    assert row["title"].startswith("'")


@given(st.text(st.characters(), max_size=40))
def test_no_cell_starts_as_a_formula(text: str) -> None:
    (row,) = rows(render_csv(build(findings=(finding(1, "r", text, says=text, causes=(text,)),))))
    for cell in row.values():
        assert not cell.lstrip().startswith(("=", "+", "-", "@", "\t", "\r"))


def test_without_findings_the_header_remains() -> None:
    assert rows(render_csv(documents.healthy())) == []
    assert render_csv(documents.healthy()).count("\r\n") == 1
