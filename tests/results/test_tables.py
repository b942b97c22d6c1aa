"""The DataFrames of an analysis: their columns are those of their rows, whatever the capture holds."""

import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from cases import START, answer, case, dns_flow, flow

import lynccap
from lynccap.analysis import Study
from lynccap.correlation.case import Case
from lynccap.results import ResultTables
from lynccap.results.building import dtypes_of
from lynccap.results.tables import MAKERS, ROWS

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "sample_pcaps" / "rootchain-80-refused.pcap"
PHONE, POOL = "10.9.0.77", "10.9.0.5"
EMPTY = case([])
BUSY = case(
    [dns_flow(), flow(PHONE, POOL, 5061, stack="tls", opening="refused", first_frame=7)],
    dns_answers=[answer("lyncdiscoverinternal.contoso.example", POOL)],
)


@pytest.fixture(scope="module")
def analysis() -> lynccap.Analysis:
    return lynccap.analyze(SAMPLE)


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("given", [EMPTY, BUSY], ids=["empty", "busy"])
def test_has_the_columns_of_its_rows(name: str, given: Case) -> None:
    made = ResultTables(Study((given,)))[name]

    assert {column: str(dtype) for column, dtype in made.dtypes.items()} == dtypes_of(ROWS[name])


@pytest.mark.parametrize("name", ROWS)
def test_every_column_is_explained(name: str) -> None:
    told = ResultTables(Study((EMPTY,))).explain(name)

    assert list(told) == list(dtypes_of(ROWS[name]))
    assert all(told.values())


def test_readme_lists_every_table_with_its_columns() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    listed = {
        name: re.findall(r"`(\w+)`", columns)
        for name, columns in re.findall(r"^\| `(\w+)` \| one row [^|]* \| ([^|]*) \|$", text, re.MULTILINE)
    }

    assert listed == {name: list(dtypes_of(kind)) for name, kind in ROWS.items()}


def test_journeys_are_those_of_the_document(analysis: lynccap.Analysis) -> None:
    told = [
        (one.id, place, step.step, step.outcome, step.says, step.frames, step.capture or "")
        for one in analysis.document.devices
        for place, step in enumerate(one.journey)
    ]
    columns = ["device", "position", "step", "outcome", "says", "frames", "capture"]

    assert list(analysis.tables["journeys"][columns].itertuples(index=False, name=None)) == told


def test_times_are_the_captures_own_in_utc(analysis: lynccap.Analysis) -> None:
    times = analysis.tables["connections"]["first_time"]

    assert times.min() == pd.Timestamp(analysis.document.captures[0].first_time)
    assert (times.dropna() <= pd.Timestamp(analysis.document.captures[0].last_time)).all()


def test_connections_name_the_devices_at_their_ends(analysis: lynccap.Analysis) -> None:
    phone = analysis.tables["connections"].query("client_device == '192.168.20.151' and server_port == 80")

    assert set(phone["opening"]) == {"refused"}
    assert set(phone["role"]) == {"Front End web services"}


def test_names_lead_to_frames() -> None:
    made = ResultTables(Study((BUSY,)))["dns_names"]

    assert made[["name", "address", "source"]].values.tolist() == [
        ["lyncdiscoverinternal.contoso.example", POOL, "dns"]
    ]
    assert made["time"][0] >= pd.Timestamp(START, tz="UTC")


def test_several_recordings_make_one_table() -> None:
    made = ResultTables(Study((BUSY, BUSY)))["connections"]

    assert made["capture"].unique().tolist() == ["C1", "C2"]
    assert made.index.tolist() == list(range(4))


def test_an_unknown_table_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        ResultTables(Study((EMPTY,)))["packets"]


def test_importing_the_package_loads_no_pandas() -> None:
    code = "import sys, lynccap; sys.exit('pandas' in sys.modules or 'numpy' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_package_has_no_other_lazy_names() -> None:
    with pytest.raises(AttributeError):
        lynccap.nothing  # noqa: B018


@pytest.fixture(scope="module")
def hairpin() -> ResultTables:
    return lynccap.analyze(ROOT / "sample_pcaps" / "media-hairpin-external-edge.pcap").tables


def test_media_point_at_their_call_and_their_connections(hairpin: ResultTables) -> None:
    media, calls, connections = hairpin["media"], hairpin["calls"], hairpin["connections"]
    carrying = connections.loc[[row for rows in media["connections"] for row in rows]]

    assert len(media)
    assert set(media["call"]) <= set(calls["call"])
    assert set(carrying["service"]) <= {"rtp", "stun-turn"}
    assert (media["first_time"].dropna() >= connections["first_time"].min()).all()


def test_connections_are_numbered_over_all_recordings() -> None:
    captures = [
        ROOT / "sample_pcaps" / f"{name}.pcap" for name in ("rootchain-80-refused", "media-hairpin-external-edge")
    ]
    tables = lynccap.analyze(captures).tables
    rows = [row for rows in tables["media"]["connections"] for row in rows]

    assert rows
    assert set(tables["connections"].loc[rows, "capture"]) == set(tables["media"]["capture"]) == {"C2"}


def test_refused_connections_say_who_refused_them(analysis: lynccap.Analysis) -> None:
    refused = analysis.tables["connections"].query("opening == 'refused' and server == '192.168.1.30'")

    assert set(refused["ended_by"]) == {"server"}
    assert not refused["ended_normally"].any()


def test_two_points_share_conversations() -> None:
    tables = lynccap.analyze(ROOT / "sample_pcaps" / "points-firewall").tables
    (clocks,) = tables["clock_offsets"].itertuples()

    assert abs(clocks.offset_seconds + 3.217) <= clocks.error_seconds
    assert (tables["crossings"]["only_a_client"] > 0).any()


def test_media_say_what_was_tried_in_vain() -> None:
    media = lynccap.analyze(ROOT / "sample_pcaps" / "media-tcp443-fallback.pcap").tables["media"]

    assert media["path"].tolist() == ["direct", "relayed over TCP"]
    assert media["failed"].tolist() == [2, 3]
    assert media["tried"][1][0].endswith("10.20.60.21:3478 got no answer")
