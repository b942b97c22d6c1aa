"""Several capture points: what two recordings have in common, how their clocks stand, what got lost between them."""

import io
from collections.abc import Iterable
from dataclasses import replace

import pytest
from capture_files import pcap, tcp, timed, udp
from samples import FOLDER, Recorded, early, late, lossy, one_sided, pcap_of, sample, snapped

from lynccap.analysis import analyze, crossings_of
from lynccap.correlation.case import Case, build_case
from lynccap.correlation.points.crossings import Crossings, read_crossings
from lynccap.document import Document
from lynccap.ingest import Source, read_recordings
from lynccap.ingest.collecting.collect import collect

SAMPLES = ("points-nat", "points-firewall", "points-balancer")
SECOND, MILLISECOND = 1_000_000_000, 1_000_000
PC, SERVER, GATEWAY, MEDIATION = "10.201.7.31", "10.202.3.17", "10.201.8.90", "10.202.3.75"


def source(data: bytes, name: str) -> Source:
    return Source(name, opening=lambda: io.BytesIO(data))


def points(*data: bytes) -> tuple[list[Case], Crossings]:
    recordings = list(read_recordings([source(one, f"{place}.pcap") for place, one in enumerate(data)]))
    cases = [build_case(one.tables) for one in recordings]
    return cases, crossings_of(recordings, cases)


def frames(name: str, file: int) -> list[Recorded]:
    """One file of a sample of two."""
    from scapy.utils import RawPcapReader

    path = FOLDER / name / sample(name).label["points"]["files"][file]
    with RawPcapReader(str(path)) as reader:
        return [
            Recorded(meta.sec * SECOND + meta.usec * 1000, data, meta.wirelen, reader.linktype) for data, meta in reader
        ]


def crossed(name: str, here: Iterable[Recorded], there: Iterable[Recorded]) -> Crossings:
    return points(pcap_of(here), pcap_of(there))[1]


def shifted(recorded: Iterable[Recorded], nanoseconds: int) -> list[Recorded]:
    return [replace(one, time=one.time + nanoseconds) for one in recorded]


def lacking(found: Crossings) -> dict[str, int]:
    """Packets that only one point shows, by where and whose."""
    names = ("only_a_client", "only_a_server", "only_b_client", "only_b_server")
    return {name: amount for name in names if (amount := sum(max(getattr(one, name), 0) for one in found.all))}


@pytest.fixture(scope="module", params=SAMPLES)
def labelled(request: pytest.FixtureRequest) -> tuple[dict, Document]:
    label = sample(request.param).label["points"]
    return label, analyze(collect([str(FOLDER / request.param / name) for name in label["files"]]))


def test_two_points_have_the_conversations_the_label_tells(labelled) -> None:
    label, document = labelled
    (pair,) = document.clock_offsets
    names = {one.id: one.name for one in document.captures}

    assert [names[pair.capture_a], names[pair.capture_b]] == label["files"]
    assert pair.conversations == label["conversations"]
    assert {one.relation for one in document.crossings} - {"absent"} == {label["relation"]}
    assert {names[one.nearer_client] for one in document.crossings} == {label["nearer_client"]}
    assert {one.hops for one in document.crossings if one.relation != "absent"} == {label.get("hops")}


def test_the_clock_is_within_its_error_of_the_true_shift(labelled) -> None:
    label, document = labelled
    (pair,) = document.clock_offsets

    assert pair.error_seconds is not None
    assert abs(pair.offset_seconds - label["offset_seconds"]) <= pair.error_seconds < 0.01
    assert pair.doubt == ""


def test_only_what_was_dropped_is_missing(labelled) -> None:
    label, document = labelled
    found = {}
    for one in document.crossings:
        amount = sum(number or 0 for number in (one.only_a_client, one.only_a_server))
        if amount:
            found[one.client_a.partition(":")[0], one.server_a.partition(":")[0]] = amount
        assert not one.only_b_client
        assert not one.only_b_server

    assert found == {(one["client"], one["server"]): one["packets"] for one in label.get("only_a", ())}


def test_frames_name_the_packets_that_are_missing() -> None:
    _, found = points(pcap_of(frames("points-firewall", 0)), pcap_of(frames("points-firewall", 1)))
    recorded = frames("points-firewall", 0)
    (absent,) = [one for one in found.all if one.relation == "absent"]

    assert len(absent.frames_a) == 4
    assert {recorded[frame - 1].source() for frame in absent.frames_a} == {PC}
    assert all(found.frame_at(0, frame, 1) == 0 for frame in absent.frames_a)


def test_marking_and_segment_sizes_are_compared() -> None:
    firewall = crossed("points-firewall", frames("points-firewall", 0), frames("points-firewall", 1))
    nat = crossed("points-nat", frames("points-nat", 0), frames("points-nat", 1))

    (audio,) = [one for one in firewall.all if one.remarked]
    assert (audio.remarked, audio.dscp_client_a, audio.dscp_client_b) == (142, 46, 0)
    assert {(one.mss_a, one.mss_b) for one in nat.all} == {(1460, 1360), (-1, -1)}
    assert {(one.client_translated, one.server_translated) for one in nat.all} == {(True, False)}


def test_the_other_side_is_found_from_either_point() -> None:
    cases, found = points(pcap_of(frames("points-nat", 0)), pcap_of(frames("points-nat", 1)))
    one = next(one for one in found.all if one.basis == "tls-random")

    assert found.other_side(0, one.flow_a) == found.other_side(1, one.flow_b) == (one,)
    assert found.other_side(1, 999) == ()
    flow = cases[0].tables.flows.iloc[one.flow_a]
    twin = found.frame_at(0, int(flow.first_frame), 1)
    assert twin == cases[1].tables.flows.iloc[one.flow_b].first_frame
    assert found.frame_at(1, twin, 0) == flow.first_frame


@pytest.mark.parametrize("name", SAMPLES)
def test_the_order_of_the_captures_does_not_matter(name: str) -> None:
    there = crossed(name, frames(name, 0), frames(name, 1))
    back = crossed(name, frames(name, 1), frames(name, 0))

    assert back.clocks[0].offset_ns == pytest.approx(-there.clocks[0].offset_ns, abs=2)
    assert back.clocks[0].error_ns == there.clocks[0].error_ns
    assert ends(back) == ends(there)[::-1]


def ends(found: Crossings) -> list[int]:
    """Packets that only A and only B show; who is the client of a call is A's word."""
    missing = lacking(found)
    return [sum(amount for name, amount in missing.items() if name.startswith(f"only_{one}")) for one in "ab"]


def test_a_call_alone_is_recognised_and_times_the_clocks() -> None:
    found = crossed("", *(one_sided(frames("points-firewall", place), (GATEWAY, MEDIATION)) for place in (0, 1)))
    audio = [one for one in found.all if one.basis == "rtp-ssrc"]
    (clock,) = found.clocks

    assert [(one.both, one.confidence, one.nearer_client) for one in audio] == [(292, "likely", 0)]
    assert ends(found) == [7, 0]  # the eighth is within the last moments of the recording
    assert abs(clock.offset_ns + 3_217 * MILLISECOND) <= clock.error_ns


def test_a_stream_that_moves_to_another_path_is_not_seen_twice() -> None:
    """ICE: the same SSRC first to one port, then to another."""
    body = b"\x80\x08\x00\x07\0\0\0\x01\x99\x88\x77\x66" + bytes(160)
    made = [
        udp(("10.9.1.1", 40_000), ("10.9.2.2", port), body[:2] + number.to_bytes(2, "big") + body[4:])
        for port, numbers in ((5_000, range(50)), (5_002, range(50, 100)))
        for number in numbers
    ]
    cases, _ = points(pcap(timed(made, 20 * MILLISECOND)))

    assert not read_crossings(cases).all


# Look-alikes: what is not two points.


def test_the_same_recording_twice_is_one_point() -> None:
    data = pcap_of(frames("points-nat", 0))
    document = analyze([source(data, "one.pcap"), source(data, "two.pcap")])

    assert [(one.name, one.repeated) for one in document.captures] == [("one.pcap", ("two.pcap",))]
    assert document.clock_offsets == document.crossings == ()


@pytest.mark.parametrize("moved", [0, 5 * SECOND])
def test_an_extract_of_a_recording_proves_nothing_more(moved: int) -> None:
    whole = frames("points-nat", 0)
    found = crossed("points-nat", whole, shifted([one for one in whole if one.source() != "10.133.64.22"], moved))

    (clock,) = found.clocks
    assert clock.same_recording
    assert clock.offset_ns == moved
    assert lacking(found) == {}
    assert not any(one.relation == "absent" for one in found.all)


def home(isn: int, question: bytes = b"\x12\x34", start: int = 0) -> bytes:
    """A PC behind a router at somebody's home: everybody has the same addresses there."""
    pc, server = ("192.168.1.10", 50_000), ("203.0.113.9", 443)
    name = b"\x01\x00\x00\x01\0\0\0\0\0\0\x03www\x07example\x00\x00\x01\x00\x01"
    clock = ("192.168.1.10", 123), ("203.0.113.123", 123)
    packets = [
        tcp(pc, server, isn, 0, 2),
        tcp(server, pc, isn * 7 & 0xFFFFFFFF, isn + 1, 18),
        tcp(pc, server, isn + 1, isn * 7 + 1 & 0xFFFFFFFF, 16),
        udp(("192.168.1.10", 5353), ("224.0.0.251", 5353), b"\0\0" + name),
        udp(("192.168.1.10", 51_111), ("192.168.1.1", 53), question + name),
        udp(*clock, b"\x23" + bytes(39) + isn.to_bytes(8, "big")),
    ]
    return pcap([(time + start, frame) for time, frame in timed(packets)])


def test_two_homes_with_the_same_addresses_share_nothing() -> None:
    assert points(home(0x1111_1111), home(0x2222_2222, b"\x56\x78"))[1] == Crossings()


def test_a_home_seen_twice_does_share() -> None:  # or the test above could not fail
    _, found = points(home(0x1111_1111), home(0x1111_1111, start=MILLISECOND))

    assert {one.basis for one in found.all} == {"tcp-sequence", "dns-question", "addresses"}


def test_recordings_that_follow_each_other_share_nothing() -> None:
    whole = frames("points-firewall", 0)
    first = early(whole)
    found = crossed("points-firewall", first, [one for one in whole if one.time > first[-1].time])

    assert lacking(found) == {}
    assert not any(one.relation == "absent" for one in found.all)
    assert found.clocks == ()


# Worse captures: nothing may be called missing that was only not recorded.


def degraded(how: str) -> list[Recorded]:
    there = frames("points-firewall", 1)
    return {
        "one-sided": lambda: one_sided(there, (SERVER, MEDIATION, "10.202.3.4", "10.202.3.60", "10.202.3.61")),
        "other-side": lambda: one_sided(there, ("10.201.7.32", GATEWAY)),
        "lossy": lambda: lossy(there, 0.1),
        "snapped": lambda: snapped(there),
        "late": lambda: late(there),
        "early": lambda: early(there),
    }[how]()


@pytest.mark.parametrize("how", ["one-sided", "other-side", "lossy"])
def test_a_recorder_that_missed_packets_proves_no_loss(how: str) -> None:
    assert lacking(crossed("", frames("points-firewall", 0), degraded(how))) == {}


@pytest.mark.parametrize("how", ["snapped", "late", "early"])
def test_a_shorter_recording_proves_only_what_it_covers(how: str) -> None:
    whole = crossed("", frames("points-firewall", 0), frames("points-firewall", 1))
    found = crossed("", frames("points-firewall", 0), degraded(how))
    frames_of = lambda one: {frame for each in one.all for frame in each.frames_a}  # noqa: E731

    assert frames_of(found) <= frames_of(whole)
    assert set(lacking(found)) <= {"only_a_client"}
    if how != "snapped":
        assert lacking(found)["only_a_client"] < lacking(whole)["only_a_client"]


def test_packets_one_way_do_not_bound_the_clock() -> None:
    found = crossed("", frames("points-nat", 0), one_sided(frames("points-nat", 1), ("172.19.40.1",)))

    (clock,) = found.clocks
    assert (clock.error_ns, clock.doubt, clock.directions) == (None, "one-direction", 1)
    assert lacking(found) == {}


def test_a_clock_that_was_set_is_not_trusted() -> None:
    there = frames("points-nat", 1)
    middle = len(there) // 2
    found = crossed("", frames("points-nat", 0), [*there[:middle], *shifted(there[middle:], -60 * SECOND)])

    (clock,) = found.clocks
    assert (clock.error_ns, clock.doubt) == (None, "clock-set")
    assert lacking(found) == {}


def test_what_can_be_read_once_is_matched_by_the_tables_alone() -> None:
    data = [pcap_of(frames("points-nat", place)) for place in (0, 1)]
    recordings = list(read_recordings([Source(f"{n}.pcap", io.BytesIO(one)) for n, one in enumerate(data)]))
    cases = [build_case(one.tables) for one in recordings]
    found = crossings_of(recordings, cases)

    assert len(found.all) == 38
    assert {one.both for one in found.all} == {-1}
    assert found.all == read_crossings(cases).all
    assert abs(found.clocks[0].offset_ns + 3_217 * MILLISECOND) <= found.clocks[0].error_ns


def test_media_that_a_relay_sends_on_is_not_called_lost() -> None:
    """The same SSRC between other addresses altogether: a relay has its own ports, and may drop and delay."""
    head, rest = b"\x80\x08", b"\0\0\0\x01\x99\x88\x77\x66" + bytes(160)
    near, far = (("10.9.1.1", 40_000), ("10.9.2.2", 5_000)), (("10.9.3.3", 6_000), ("10.9.4.4", 7_000))
    sent = [udp(*near, head + number.to_bytes(2, "big") + rest) for number in range(60)]
    passed = [udp(*far, head + number.to_bytes(2, "big") + rest) for number in range(60) if number != 30]
    _, found = points(pcap(timed(sent, 20 * MILLISECOND)), pcap(timed(passed, 20 * MILLISECOND)))

    assert {one.relation for one in found.all} <= {"undecided"}
    assert lacking(found) == {}
