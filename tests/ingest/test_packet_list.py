"""The single packets of some flows, as a second reading lists them."""

import io

import pytest
from capture_files import pcap, tcp, timed, udp
from samples import FOLDER

from lynccap.ingest import Source, packet_list, read_recordings
from lynccap.ingest.packet_list import PacketList
from lynccap.ingest.pipeline import Recorded

CLIENT, SERVER = ("10.3.0.1", 40_000), ("10.3.0.2", 443)


def recorded(data: bytes) -> Recorded:
    (made,) = read_recordings([Source("a.pcap", opening=lambda: io.BytesIO(data))])
    return made


def listed(made: Recorded, *flows: int) -> PacketList:
    found = made.packets(flows or made.tables.flows.index)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "name",
    ["two-refusals-router-legs.pcapng", "fragments-5061-refused.pcap", "vxlan-80-refused.pcap", "rtp-loss-jitter.pcap"],
)
def test_lists_every_packet_the_flows_count(name: str) -> None:
    (made,) = read_recordings([Source(str(FOLDER / name))])
    table, flows = listed(made).table, made.tables.flows

    for side in ("client", "server"):
        mine = table[table["from_client"] == (side == "client")]
        counts = mine.groupby("flow").size().reindex(flows.index, fill_value=0)
        assert counts.tolist() == flows[f"frames_{side}"].tolist()
        assert (
            mine.groupby("flow")["length"].sum().tolist()
            == flows.loc[flows[f"frames_{side}"] > 0, f"bytes_{side}"].tolist()
        )


def test_lists_no_other_flow() -> None:
    (made,) = read_recordings([Source(str(FOLDER / "rtp-loss-jitter.pcap"))])

    assert set(listed(made, 3, 5).table["flow"]) == {3, 5}


def test_columns_say_what_the_headers_say() -> None:
    data = pcap(timed([tcp(CLIENT, SERVER, 7, 0, 2), udp(CLIENT, SERVER, b"once"), udp(CLIENT, SERVER, b"more")]))
    syn, *datagrams = listed(recorded(data)).table.itertuples()

    assert (syn.seq, syn.flags, syn.length, syn.mss) == (7, 2, 0, -1)
    assert [(one.seq, one.flags, one.length) for one in datagrams] == [(-1, 0, 4)] * 2
    assert len({syn.digest, *(one.digest for one in datagrams)}) == 3


def test_equal_payloads_have_equal_digests_and_cut_ones_none() -> None:
    long = bytes(range(200))
    made = recorded(
        pcap(timed([udp(CLIENT, SERVER, long), udp(SERVER, CLIENT, long), udp(CLIENT, SERVER, b"x" + long)]))
    )
    cut = recorded(pcap(timed([udp(CLIENT, SERVER, long)]), snap_length=80))
    first, second, third = listed(made).table["digest"]

    assert first == second != third
    assert listed(cut).table["digest"].tolist() == [-1]


def test_a_long_list_says_until_when_it_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packet_list, "MAX_PACKETS", 3)
    found = listed(recorded(pcap(timed([udp(CLIENT, SERVER, bytes([n])) for n in range(9)]))))

    assert len(found.table) == 3
    assert found.until == found.table["time"].iloc[-1]


def test_standard_input_is_read_once() -> None:
    data = pcap(timed([udp(CLIENT, SERVER, b"once")]))
    (made,) = read_recordings([Source("a.pcap", io.BytesIO(data))])

    assert made.packets([0]) is None
