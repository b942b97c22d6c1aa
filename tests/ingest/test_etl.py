import contextlib
import gzip
import hashlib
import io
import itertools
import struct
from pathlib import Path

import pandas as pd
import pytest
from capture_files import CLIENT, SERVER, START, ethernet, ipv4, ipv6, read, udp, udp_body
from etl_files import (
    BEGIN,
    CPU_CYCLES,
    END,
    ETHERNET_KEYWORD,
    FIRST_TICK,
    NDISCAP,
    OTHER,
    PKTMON,
    QPC,
    RAS_WAN,
    RECEIVE,
    SEND,
    SIZE,
    SYSTEM_TIME,
    TUNNEL,
    WHOLE,
    WIFI,
    WWAN,
    buffer,
    classic_record,
    component,
    event,
    first_buffer,
    item,
    logfile_header,
    message_record,
    ndis,
    perfinfo_record,
    pktmon,
    system_record,
    text,
    tick,
    time_zone,
    trace,
    vmswitch,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from lynccap.ingest import Source, UnreadableCapture, read_tables
from lynccap.ingest.formats.etl import reader as reader_module
from lynccap.ingest.formats.etl.drop_reasons import DROP_REASONS
from lynccap.ingest.formats.etl.reader import EtlReader
from lynccap.ingest.formats.etl.records import read_event
from lynccap.ingest.formats.pcap import PcapReader
from lynccap.ingest.formats.registry import reader_of
from lynccap.ingest.formats.window import Window
from lynccap.ingest.sources.source import Feed

ROOT = Path(__file__).parents[2]
FRAMES = [udp(CLIENT, SERVER, bytes([number]) * (10 + number)) for number in range(6)]
MILLISECOND = 1_000_000
RECORD_AGAIN = "record again with 'netsh trace start capture=yes', or 'pktmon start --capture'"


class Held:
    """A file in memory where the reader expects a window: that one makes room for megabytes each time."""

    def __init__(self, data):
        self.data, self.view, self.filled = data, memoryview(data), len(data)

    def whole(self):
        return io.BytesIO(self.data)


def rows_of(reader):
    """Each frame as (number, time, link, wire, interface, bytes)."""
    for batch in reader.frames():
        columns = (batch.time, batch.link, batch.wire, batch.interface, batch.start, batch.captured)
        for place, row in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
            start, captured = row[4:]
            yield (batch.number + place, *row[:4], bytes(batch.buffer.view[start : start + captured]))


def read_trace(data):
    """The reader, when all is read, and its frames."""
    reader = EtlReader(Held(data))
    return reader, list(rows_of(reader))


def frames_in(data):
    return [row[5] for row in read_trace(data)[1]]


def remarks_on(data):
    return read_trace(data)[0].notes.comments


def at(number):
    return tick(number * MILLISECOND)


def test_the_writer_makes_the_first_buffer_that_windows_recorded():
    """Of a trace from Windows 11 (22621): 436 bytes, known by their hash and by what their fields say."""
    dates = (struct.pack("<8H", 0, 10, 0, 5, 3, 0, 0, 0), struct.pack("<8H", 0, 3, 0, 5, 2, 0, 0, 0))
    header = logfile_header(
        size=65536,
        end=133171255616974395,
        mode=0x10001,
        written=490,
        megahertz=2808,
        zone=time_zone(-60, "@tzres.dll,-322", "@tzres.dll,-321", dates),
        boot=133168183955000000,
        start=133171255391510931,
        names=("Relogger", "[multiple files]"),
    )
    data = buffer([system_record(header, ids=(18296, 19524))], 0, size=65536, flags=1, kind=4)
    recorded = "d596aa75a53604194c0087c790a8e06174f47fb25750cf14c22ada5e196ff442"
    assert hashlib.sha256(data[:436]).hexdigest() == recorded
    reader, rows = read_trace(data)
    assert not rows
    assert reader.notes.recorder == "Windows 10.0 build 22621, event trace session Relogger"
    assert "holds 0 events" in reader.damage


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize(
    ("clock", "rate"),
    [(QPC, 10_000_000), (QPC, 2_343_750), (QPC, 24_000_000), (SYSTEM_TIME, 1), (CPU_CYCLES, 2_800_000_000)],
)
def test_every_clock_and_width_gives_the_same_frames_and_times(bits, clock, rate):
    records = [ndis(frame, tick(number * MILLISECOND, clock, rate), bits=bits) for number, frame in enumerate(FRAMES)]
    reader, rows = read_trace(trace(buffer(records), bits=bits, clock=clock, frequency=rate))
    assert [row[5] for row in rows] == FRAMES
    assert [row[0] for row in rows] == [1, 2, 3, 4, 5, 6]
    for number, row in enumerate(rows):
        assert 0 <= START + number * MILLISECOND - row[1] <= 500  # a tick of 2.3 MHz is 427 ns
        assert row[1] % 100 == 0
    assert (reader.damage, reader.digits) == ("", 7)
    assert [one.name for one in reader.notes.interfaces] == ["ndis-12"]
    drift = [(0, "times are counted in processor cycles, which may drift")]
    assert reader.notes.comments == (drift if clock == CPU_CYCLES else [])


def test_a_day_of_ticks_is_converted_exactly():
    day = 86_400_000_000_000
    rows = read_trace(trace(buffer([ndis(FRAMES[0], tick(day, rate=3_579_545))]), frequency=3_579_545))[1]
    assert 0 <= START + day - rows[0][1] <= 400


def test_events_before_the_first_record_have_earlier_times():
    rows = read_trace(trace(buffer([ndis(FRAMES[0], FIRST_TICK - 10_000)])))[1]
    assert rows[0][1] == START - MILLISECOND


def test_a_time_before_1970_is_no_time():
    rows = read_trace(trace(buffer([ndis(FRAMES[0], at(0))]), start=1))[1]
    assert rows[0][1] == 0


def test_buffers_of_several_processors_are_merged_by_time():
    by_processor = [[ndis(FRAMES[number], at(number)) for number in places] for places in ([0, 3, 4], [1, 5], [2])]
    data = trace(*(buffer(records, 3 - place, place) for place, records in enumerate(by_processor)))
    reader, rows = read_trace(data)
    assert [row[5] for row in rows] == FRAMES
    assert reader.damage == ""


def test_a_circular_file_is_read_in_order_of_time():
    buffers = [buffer([ndis(frame, at(number))], number + 7) for number, frame in enumerate(FRAMES)]
    data = trace(*buffers[4:], *buffers[:4], mode=0x2, written=500)
    reader, rows = read_trace(data)
    assert [row[5] for row in rows] == FRAMES
    assert (reader.damage, reader.notes.comments) == ("", [])


def test_events_of_one_instant_keep_the_order_of_their_buffers():
    buffers = [buffer([ndis(frame, at(0))], number + 1) for number, frame in enumerate(FRAMES)]
    for order in itertools.permutations(buffers[:4]):
        assert frames_in(trace(*order)) == FRAMES[:4]


def parts_of(frame, stamp, thread=4, count=3, direction=SEND, **arguments):
    size = -(-len(frame) // count)
    pieces = [frame[place : place + size] for place in range(0, len(frame), size)]
    keywords = [ETHERNET_KEYWORD | direction] * len(pieces)
    keywords[0] |= BEGIN
    keywords[-1] |= END
    return [
        ndis(part, stamp, keyword, thread=thread, **arguments) for part, keyword in zip(pieces, keywords, strict=True)
    ]


def test_a_packet_in_several_events_is_one_frame_at_the_time_of_the_last():
    parts = [
        ndis(FRAMES[0][:9], at(1), ETHERNET_KEYWORD | BEGIN),
        ndis(FRAMES[0][9:20], at(2), ETHERNET_KEYWORD),
        ndis(FRAMES[0][20:], at(4), ETHERNET_KEYWORD | END),
    ]
    rows = read_trace(trace(buffer([*parts, ndis(FRAMES[1], at(3), thread=9)])))[1]
    assert [(row[0], row[1] - START, row[5]) for row in rows] == [
        (1, 3 * MILLISECOND, FRAMES[1]),
        (2, 4 * MILLISECOND, FRAMES[0]),
    ]


def test_parts_of_packets_that_interleave_are_kept_apart():
    """By thread, by interface and by direction."""
    packets = [
        parts_of(FRAMES[0], at(0)),
        parts_of(FRAMES[1], at(0), thread=8),
        parts_of(FRAMES[2], at(0), interfaces=(14, 14)),
        parts_of(FRAMES[3], at(0), direction=RECEIVE),
    ]
    assert frames_in(trace(buffer([record for group in zip(*packets, strict=True) for record in group]))) == FRAMES[:4]


def test_parts_of_packets_on_two_processors_are_kept_apart():
    keywords = [ETHERNET_KEYWORD | BEGIN, ETHERNET_KEYWORD | END]
    first = [ndis(FRAMES[0][20 * half :][:20], at(2 * half), keywords[half]) for half in (0, 1)]
    second = [ndis(FRAMES[1][20 * half :][:20], at(2 * half + 1), keywords[half]) for half in (0, 1)]
    data = trace(buffer(first), buffer(second, 2, processor=1))
    assert frames_in(data) == [FRAMES[0][:40], FRAMES[1][:40]]


def test_a_packet_may_go_on_in_the_next_buffer_of_its_processor():
    first, second, third = parts_of(FRAMES[0], at(0))
    data = trace(buffer([third], 3), buffer([first], 1), buffer([second], 2))
    assert frames_in(data) == [FRAMES[0]]


def test_a_packet_without_its_beginning_or_end_is_left_out_and_counted():
    first, second, third = parts_of(FRAMES[0], at(1))
    again = ndis(FRAMES[2], at(3))
    assert frames_in(trace(buffer([second, third, again]))) == [FRAMES[2]]
    assert (0, "left out: parts of packets whose beginning the trace does not hold (2)") in remarks_on(
        trace(buffer([second, third, again]))
    )
    for records in ([first, second, again], [first, again]):
        assert frames_in(trace(buffer(records))) == [FRAMES[2]]
        assert (0, "left out: packets whose end the trace does not hold (1)") in remarks_on(trace(buffer(records)))


def test_a_packet_that_never_ends_takes_no_more_memory_than_the_largest():
    part = ndis(bytes(60_000), at(0), ETHERNET_KEYWORD, behind=b"")
    start = ndis(bytes(60_000), at(0), ETHERNET_KEYWORD | BEGIN, behind=b"")
    data = trace(buffer([start, *[part] * 8], size=1 << 20), size=1 << 20)
    reader, rows = read_trace(data)
    assert not rows
    assert (0, "left out: packets of more than 262144 bytes (1)") in reader.notes.comments


def test_at_most_so_many_packets_are_open_at_once():
    starts = [ndis(b"x", at(number), ETHERNET_KEYWORD | BEGIN, thread=number, behind=b"") for number in range(300)]
    last = ndis(b"y", at(300), ETHERNET_KEYWORD | END, thread=299, behind=b"")
    first = ndis(b"y", at(300), ETHERNET_KEYWORD | END, thread=0, behind=b"")
    data = trace(buffer([*starts, last, first], size=1 << 16), size=1 << 16)
    assert frames_in(data) == [b"xy"]


def test_extended_items_lie_between_header_and_data():
    items = item(2, bytes(28), more=True) + item(6, bytes(24), more=True) + item(0xD, bytes(8))
    plain = item(1, bytes(16), size=0)  # the size may be missing
    assert (
        frames_in(trace(buffer([ndis(FRAMES[0], at(0), items=items), ndis(FRAMES[1], at(1), items=plain)])))
        == FRAMES[:2]
    )


@pytest.mark.parametrize(
    "items",
    [item(2, bytes(28), size=32), item(2, bytes(28), more=True), struct.pack("<4H", 8, 2, 0, 60_000)],
    ids=["two sizes", "one more that is not there", "too long"],
)
def test_items_that_do_not_add_up_make_no_frame(items):
    data = trace(buffer([ndis(b"\xff" * 30, at(0), items=items), ndis(FRAMES[1], at(1))]))
    reader, rows = read_trace(data)
    assert [row[5] for row in rows] == [FRAMES[1]]
    assert "damaged" in reader.damage or any("left out" in says for _, says in reader.notes.comments)


@pytest.mark.parametrize("bits", [32, 64])
@pytest.mark.parametrize("destinations", [(), (7,), (7, 8, 9)])
def test_packets_of_a_virtual_switch_are_frames_of_their_port(destinations, bits):
    records = [
        vmswitch(FRAMES[0], at(0), 3, destinations, 0, bits),
        vmswitch(FRAMES[1], at(1), 3, destinations, 20, bits),
    ]
    reader, rows = read_trace(trace(buffer(records)))
    assert [row[5] for row in rows] == FRAMES[:2]
    assert [(one.name, one.description) for one in reader.notes.interfaces] == [
        ("vmswitch-port-3", "Synthetic, nic, port 3"),
        ("vmswitch-port-3", "Synthetic, nic, port 3, VLAN 20"),
    ]


def test_a_virtual_switch_event_whose_parts_do_not_add_up_makes_no_frame():
    whole = vmswitch(FRAMES[0], at(0), 3, (7,))
    header = bytearray(whole[:-1])
    header[:2] = len(header).to_bytes(2, "little")
    bare = vmswitch(FRAMES[2], at(1), out_of_band=b"")
    reader, rows = read_trace(trace(buffer([bytes(header), bare])))
    assert [row[5] for row in rows] == [FRAMES[2]]
    assert reader.notes.comments == [(0, "left out: packet events whose parts do not add up (1)")]


def test_keywords_say_the_medium():
    packet = FRAMES[0][14:]
    wifi = b"\x88\x42" + bytes(30)
    records = [
        ndis(FRAMES[0], at(0)),
        ndis(packet, at(1), WHOLE - ETHERNET_KEYWORD | WWAN),
        ndis(wifi, at(2), WHOLE - ETHERNET_KEYWORD | WIFI),
        ndis(packet, at(3), WHOLE - ETHERNET_KEYWORD | TUNNEL),
        ndis(FRAMES[1], at(4), WHOLE | TUNNEL),
    ]
    reader, rows = read_trace(trace(buffer(records)))
    assert [row[2] for row in rows] == [1, 101, 105, 1]
    assert [row[5] for row in rows] == [FRAMES[0], packet, b"\x88\x02" + bytes(30), FRAMES[1]]  # handed over decrypted
    assert reader.notes.comments == [(0, "left out: packets of a tunnel interface, whose form is not known (1)")]
    assert [one.link for one in reader.notes.interfaces] == [1, 101, 105]


def test_an_interface_has_its_name_and_what_it_lies_on():
    named = event(NDISCAP, 5101, b"\x01" + text("Ethernet 2\n") + struct.pack("<IH", 12, 0), at(9))
    short = event(NDISCAP, 5101, b"\x01" + text("Ethernet 3"), at(9))
    records = [
        ndis(FRAMES[0], at(0)),
        ndis(FRAMES[0], at(1), interfaces=(12, 15)),
        ndis(FRAMES[0], at(2), interfaces=(7, 7)),
    ]
    reader, rows = read_trace(trace(buffer(records), buffer([named, short], 2)))
    assert [row[4] for row in rows] == [0, 1, 2]
    assert [(one.name, one.description) for one in reader.notes.interfaces] == [
        ("ndis-12", "Ethernet 2"),
        ("ndis-15", "Ethernet 2, a filter over ndis-12"),
        ("ndis-7", ""),
    ]


def test_a_packet_that_was_cut_has_the_length_its_header_says():
    body = udp_body(5060, 5060, bytes(500))
    old, new = ipv4("10.0.0.1", "10.0.0.2", 17, body), ipv6("fd00::1", "fd00::2", 17, body)
    wwan = WHOLE - ETHERNET_KEYWORD | WWAN
    records = [
        ndis(ethernet(old)[:60], at(0)),
        ndis(ethernet(new)[:60], at(1)),
        ndis(old[:40], at(2), wwan),
        ndis(new[:40], at(3), wwan),
        ndis(ethernet(old) + bytes(4), at(4)),
        ndis(b"\xff" * 13, at(5)),
        ndis(b"", at(6), wwan),
    ]
    rows = read_trace(trace(buffer(records)))[1]
    assert [row[3] for row in rows] == [14 + len(old), 14 + len(new), len(old), len(new), 14 + len(old) + 4, 13, 0]


def test_pktmon_appearances_are_frames_told_apart_by_component_and_edge():
    records = [
        pktmon(FRAMES[0], at(0), 70, 12, 1),
        pktmon(FRAMES[0], at(1), 70, 13, 1),
        pktmon(FRAMES[0], at(2), 70, 13, 2),
        component(12, 2, "ndis.sys", "Contoso NIC", at(9)),
        component(13, 99, "tcpip.sys", "TCP\0", at(9)),
        event(PKTMON, 20, b"\0\0\0\0no end", at(9)),
    ]
    reader, rows = read_trace(trace(buffer(records)))
    assert [row[5] for row in rows] == [FRAMES[0]] * 3
    assert [(row[4], row[2]) for row in rows] == [(0, 1), (1, 1), (2, 1)]
    assert [(one.name, one.description) for one in reader.notes.interfaces] == [
        ("component 12 edge 1", "miniport, ndis.sys, Contoso NIC"),
        ("component 13 edge 1", "tcpip.sys, TCP"),
        ("component 13 edge 2", "tcpip.sys, TCP"),
    ]
    assert (reader.damage, reader.notes.comments) == ("", [])


def test_pktmon_drops_are_frames_with_the_reason():
    records = [
        pktmon(FRAMES[0], at(0), component=12),
        pktmon(FRAMES[0], at(1), component=12, drop=(909, 0xE0004321)),
        pktmon(FRAMES[1], at(2), component=13, drop=(5555, 0)),
    ]
    reader, rows = read_trace(trace(buffer(records)))
    assert len(rows) == 3
    assert reader.notes.comments == [
        (2, "dropped by Windows: reason 0x38d (NL_InspectionDrop), component 12, location 0xe0004321"),
        (3, "dropped by Windows: reason 0x15b3, component 13, location 0x00000000"),
    ]
    assert [one.name for one in reader.notes.interfaces] == [
        "component 12 edge 1",
        "component 12 edge 1 drops",
        "component 13 edge 1 drops",
    ]


@pytest.mark.parametrize(
    ("number", "name"),
    [(0, "Unknown"), (8, "Filtered"), (38, "LowPower"), (613, "FL_NoClientInterface"), (719, "NicSuspended"),
     (909, "NL_InspectionDrop"), (950, "NL_InterfaceDisabled"), (1204, "INET_EndpointNotFound"),
     (1232, "INET_AcceptRedirection")],
)  # fmt: skip
def test_reasons_have_the_numbers_of_the_published_table(number, name):
    assert DROP_REASONS[number] == name


@pytest.mark.parametrize("number", [39, 101, 201, 204, 401, 801, 3000])
def test_reasons_that_changed_their_meaning_have_no_name(number):
    assert number not in DROP_REASONS


def test_pktmon_payload_types_and_lengths():
    packet = FRAMES[0][14:]
    records = [
        pktmon(FRAMES[0][:20], at(0), original=len(FRAMES[0])),
        pktmon(packet, at(1), kind=3),
        pktmon(b"\x08\x40" + bytes(30), at(2), kind=2),
        pktmon(b"GET / HTTP/1.1", at(3), kind=4),
        pktmon(FRAMES[1], at(4), kind=0),
        pktmon(FRAMES[1], at(5), logged=3),
        pktmon(FRAMES[1], at(6), logged=len(FRAMES[1]) + 1),
        event(PKTMON, 160, bytes(33), at(7)),
        event(PKTMON, 200, bytes(60), at(8)),
        event(PKTMON, 240, bytes(60), at(8)),
    ]
    reader, rows = read_trace(trace(buffer(records)))
    assert [(row[2], row[3], row[5]) for row in rows] == [
        (1, len(FRAMES[0]), FRAMES[0][:20]),
        (101, len(packet), packet),
        (105, 32, b"\x08\x40" + bytes(30)),
    ]
    assert reader.notes.comments == [
        (0, "left out: events that hold a payload without its packet (2)"),
        (0, "left out: packet events of a form that is not known yet (1)"),
        (0, "left out: packet events whose parts do not add up (3)"),
    ]


def test_records_of_every_other_kind_are_stepped_over():
    others = [
        system_record(b"abc", 0x0500),
        perfinfo_record(b"12345"),
        classic_record(b"x" * 11),
        message_record(b"wpp"),
        event(OTHER, 1001, bytes(60), at(0)),
        event(NDISCAP, 1002, bytes(60), at(0)),
        struct.pack("<HBB", 12, 0, 0xB0) + bytes(8),
    ]
    records = [record for frame, other in zip(FRAMES, others, strict=False) for record in (other, ndis(frame, at(1)))]
    reader, rows = read_trace(trace(buffer([*records, others[-1]])))
    assert [row[5] for row in rows] == FRAMES
    assert reader.damage == ""


@pytest.mark.parametrize("blank", [b"\0", b"\xff"])
def test_what_lies_behind_the_filled_bytes_is_not_read(blank):
    stale = ndis(FRAMES[1], at(9)).ljust(256, b"\0")
    data = bytearray(buffer([ndis(FRAMES[0], at(0))], blank=blank))
    data[512 : 512 + len(stale)] = stale
    reader, rows = read_trace(trace(bytes(data)))
    assert ([row[5] for row in rows], reader.damage) == ([FRAMES[0]], "")
    struct.pack_into("<I", data, 0x30, SIZE)  # blank bytes end the buffer even where it claims to be full
    reader, rows = read_trace(trace(bytes(data)))
    assert ([row[5] for row in rows], reader.damage) == ([FRAMES[0]], "")


def test_the_saved_offset_serves_where_the_filled_length_makes_no_sense():
    data = bytearray(buffer([ndis(FRAMES[0], at(0))]))
    data[0x30:0x34] = bytes(4)
    assert frames_in(trace(bytes(data))) == [FRAMES[0]]


def test_a_trace_without_packets_says_how_to_record_them():
    records = [event(OTHER, 3, b"", at(0)), event(NDISCAP, 1011, bytes(4), at(0)), system_record(b"")]
    reader, rows = read_trace(trace(buffer(records)))
    assert not rows
    assert reader.damage == f"this trace holds 3 events but no packets: {RECORD_AGAIN}"


def test_a_trace_whose_packets_are_all_left_out_says_so():
    reader, rows = read_trace(trace(buffer([pktmon(FRAMES[0], at(0), logged=3)])))
    assert not rows
    left_out = "left out: packet events whose parts do not add up (1)"
    assert reader.damage == f"no packet event (1) could be read; {left_out}"


def test_packets_of_a_vpn_are_frames_and_users_are_not_named():
    head = text("{00000000-0000-0000-0000-000000000001}") + text("someone@fabrikam.example")
    records = [
        event(RAS_WAN, number, head + struct.pack("<I", len(frame)) + frame, at(number))
        for number, frame in zip((5001, 5002), FRAMES, strict=False)
    ]
    broken = [event(RAS_WAN, 5001, head + struct.pack("<I", 9) + bytes(8), at(0)), event(RAS_WAN, 5002, b"x", at(0))]
    reader, rows = read_trace(trace(buffer([*records, *broken, event(RAS_WAN, 5003, text("state"), at(0))])))
    assert [(row[2], row[5]) for row in rows] == [(1, FRAMES[0]), (1, FRAMES[1])]
    assert [(one.name, one.description) for one in reader.notes.interfaces] == [
        ("vpn", "{00000000-0000-0000-0000-000000000001}")
    ]
    assert reader.notes.comments == [(0, "left out: packet events of a VPN whose parts do not add up (2)")]


def test_losses_are_told():
    data = trace(buffer([ndis(FRAMES[0], at(0))], flags=2), events_lost=7, buffers_lost=2)
    reader, _ = read_trace(data)
    assert reader.notes.comments == [
        (0, "lost by the recorder, so that packets may be missing: events 7, buffers of events 2")
    ]
    assert [(one.name, one.link, one.dropped) for one in reader.notes.interfaces] == [
        ("ndis-12", 1, -1),
        ("event trace session", -1, 7),
    ]


@pytest.mark.parametrize("flag", [2, 4])
def test_losses_that_only_buffers_tell_are_told(flag):
    data = trace(buffer([ndis(FRAMES[0], at(0))], flags=flag))
    assert remarks_on(data) == [
        (0, "lost by the recorder, so that packets may be missing: events before 1 of its buffers")
    ]


def test_a_trace_that_was_not_stopped_is_told():
    data = trace(buffer([ndis(FRAMES[0], at(0))]), end=0, written=9)
    assert remarks_on(data) == [(0, "the trace was not stopped before it was copied: its end may be missing")]


def test_buffers_that_are_missing_are_told():
    data = trace(buffer([ndis(FRAMES[0], at(0))]), written=5)
    assert remarks_on(data) == [(0, "the recorder wrote 5 buffers, 2 were found: the file is not whole")]
    assert remarks_on(trace(buffer([ndis(FRAMES[0], at(0))]), written=2)) == []
    damaged = trace(buffer([ndis(FRAMES[0], at(0))]), b"x" * SIZE, written=3)
    assert remarks_on(damaged) == []


def test_a_fragment_that_claims_more_than_its_event_holds_makes_no_frame():
    too_much = event(NDISCAP, 1001, struct.pack("<3I", 12, 12, 61) + bytes(60), at(0), WHOLE)
    too_little = event(NDISCAP, 1001, bytes(11), at(0), WHOLE)
    data = trace(buffer([too_much, too_little, ndis(FRAMES[0], at(1))]))
    assert frames_in(data) == [FRAMES[0]]
    assert remarks_on(data) == [(0, "left out: packet events whose parts do not add up (2)")]


def test_blank_buffers_are_stepped_over():
    first, second = (buffer([ndis(frame, at(number))], number + 1) for number, frame in enumerate(FRAMES[:2]))
    for data in (
        trace(first, second, bytes(10 * SIZE)),
        trace(first, bytes(3 * SIZE), second, bytes(50)),
        trace(first, second, bytes(7)),
    ):
        reader, rows = read_trace(data)
        assert ([row[5] for row in rows], reader.damage) == (FRAMES[:2], "")


def test_a_damaged_buffer_costs_no_other():
    buffers = [bytearray(buffer([ndis(frame, at(number))], number + 1)) for number, frame in enumerate(FRAMES)]
    buffers[1][:4] = b"\xff\xff\xff\xff"
    buffers[3][0x48] = 3  # a record of three bytes
    reader, rows = read_trace(trace(*map(bytes, buffers)))
    assert [row[5] for row in rows] == [FRAMES[0], FRAMES[2], FRAMES[4], FRAMES[5]]
    assert reader.damage == (
        f"damaged in 2 places, the first at byte {2 * SIZE}: the rest of those buffers was not read"
    )


def test_a_damaged_record_costs_the_rest_of_its_buffer_only():
    good, bad = ndis(FRAMES[0], at(0)), bytearray(ndis(FRAMES[1], at(1)))
    bad[3] = 0x40
    padded = (len(good) + 7) & ~7
    data = trace(buffer([good, bytes(bad), ndis(FRAMES[2], at(2))]), buffer([ndis(FRAMES[3], at(3))], 2))
    reader, rows = read_trace(data)
    assert [row[5] for row in rows] == [FRAMES[0], FRAMES[3]]
    assert reader.damage == f"damaged at byte {SIZE + 0x48 + padded}: the rest of that buffer was not read"


def test_every_cut_keeps_what_lies_before_it_and_names_the_byte():
    records = [ndis(frame, at(number)) for number, frame in enumerate(FRAMES)]
    ends = list(itertools.accumulate(((len(record) + 7) & ~7 for record in records), initial=SIZE + 0x48))
    data = trace(buffer(records))
    for cut in [*range(SIZE, ends[-1] + 10, 5), *range(ends[-1] + 10, len(data), 401)]:
        reader, rows = read_trace(data[:cut])
        whole = sum(end - 7 <= cut for end in ends[1:])
        assert len(rows) in (whole, whole - 1)
        assert [row[5] for row in rows] == FRAMES[: len(rows)]
        if SIZE < cut < ends[-1]:
            assert f"cut off at byte {cut}" in reader.damage
        elif cut >= ends[-1]:
            assert reader.damage == ""


@pytest.mark.parametrize(
    ("session", "says"),
    [
        ({"mode": 0x04000001}, "compressed"),
        ({"clock": 0}, "clock (type 0"),
        ({"clock": 7}, "clock (type 7"),
        ({"frequency": 0}, "clock (type 1"),
    ],
)
def test_what_cannot_be_read_is_refused_with_the_command_that_converts_it(session, says, tmp_path):
    data = trace(buffer([ndis(FRAMES[0], at(0))]), **session)
    with pytest.raises(UnreadableCapture) as caught:
        read(data, tmp_path, "trace.etl")
    assert says in str(caught.value)
    assert "pktmon etl2pcap FILE.etl" in str(caught.value)
    assert "etl2pcapng FILE.etl FILE.pcapng" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_header_that_is_cut_is_refused_with_the_byte(tmp_path):
    for cut in (0x50, 0x68, 0x100, 0x48 + 0x20 + 0x117):
        with pytest.raises(UnreadableCapture, match=f"cut off at byte {cut}"):
            read(trace()[:cut], tmp_path, "trace.etl")


def test_a_buffer_size_that_cannot_be_is_refused(tmp_path):
    data = bytearray(trace())
    data[0x68:0x6C] = bytes(4)
    with pytest.raises(UnreadableCapture, match="buffers of 0 bytes at byte 104"):
        read(bytes(data), tmp_path, "trace.etl")


def test_compressed_buffers_are_told_even_when_the_header_does_not_say_so():
    packed = bytearray(buffer([ndis(FRAMES[1], at(1))], 2, flags=0x40))
    packed[0x30:0x34] = (1 << 20).to_bytes(4, "little")
    reader, rows = read_trace(trace(buffer([ndis(FRAMES[0], at(0))]), bytes(packed)))
    assert [row[5] for row in rows] == [FRAMES[0]]
    assert "compressed buffers (1) were not read: convert it with" in reader.damage


def test_traces_are_known_by_their_first_bytes_only():
    assert reader_of(trace()[:4096]) is EtlReader
    assert reader_of(first_buffer(32)[:4096]) is EtlReader
    assert reader_of(trace()[:0x4F]) is None
    for place, value in ((0x48, 1), (0x4A, 3), (0x4B, 0x80), (0x4E, 1), (0x4F, 5)):
        other = bytearray(trace()[:4096])
        other[place] = value
        assert reader_of(bytes(other)) is None


def test_a_trace_is_a_capture_like_any_other(tmp_path):
    records = [ndis(frame, at(number)) for number, frame in enumerate(FRAMES)]
    data = trace(buffer(records))
    tables = read(data, tmp_path, "trace.etl")
    row = tables.files.iloc[0]
    assert (row["format"], row["packets"], row["digits"], row["damage"]) == ("etl", 6, 7, "")
    assert (row["first_time"], row["last_time"]) == (START, START + 5 * MILLISECOND)
    assert (row["sha256"], row["file_bytes"]) == (hashlib.sha256(data).hexdigest(), len(data))
    assert tables.flows["frames_client"].tolist() == [6]
    packed = read(gzip.compress(data), tmp_path, "trace.etl.gz").files.iloc[0]
    assert (packed["format"], packed["packets"]) == ("etl+gzip", 6)


def test_a_capture_as_a_trace_gives_the_same_tables(tmp_path):
    """The frames of a sample, recorded by three processors in buffers of 64 KiB."""
    sample = ROOT / "sample_pcaps" / "rootchain-80-refused.pcap"
    with Feed(Source(str(sample))) as feed:
        rows = list(rows_of(PcapReader(Window(feed))))
    records = [ndis(row[5], tick(row[1], SYSTEM_TIME) - START // 100) for row in rows]
    buffers = [buffer(records[place::3], 3 - place, place, 1 << 16) for place in range(3)]
    (tmp_path / "sample.etl").write_bytes(trace(*buffers, clock=SYSTEM_TIME, size=1 << 16))
    of_trace, of_capture = (read_tables([Source(str(path))]) for path in (tmp_path / "sample.etl", sample))
    assert len(rows) > 100
    pd.testing.assert_frame_equal(of_trace.flows, of_capture.flows)
    columns = ["packets", "bytes", "first_time", "last_time", "undecoded"]
    pd.testing.assert_frame_equal(of_trace.captures[columns], of_capture.captures[columns])


def test_a_trace_without_packets_is_no_capture(tmp_path):
    with pytest.raises(UnreadableCapture, match="holds 1 events but no packets: record again with 'netsh trace start"):
        read(trace(buffer([event(OTHER, 3, b"", at(0))])), tmp_path, "trace.etl")


def test_a_trace_from_a_stream_is_read_through_a_window():
    data = trace(buffer([ndis(frame, at(number)) for number, frame in enumerate(FRAMES)]))
    with Feed(Source("a.etl", io.BytesIO(data))) as feed:
        assert [row[5] for row in rows_of(EtlReader(Window(feed)))] == FRAMES


class Failing(io.BytesIO):
    """A file that cannot be read beyond a byte, or not at all."""

    def __init__(self, data, limit):
        super().__init__(data)
        self.limit = limit

    def read(self, count=-1):
        if self.tell() >= self.limit:
            raise OSError(5, "Input/output error")
        return super().read(count)


def test_a_file_that_fails_yields_what_could_be_read():
    held = Held(trace(*(buffer([ndis(frame, at(number))], number + 1) for number, frame in enumerate(FRAMES))))
    held.whole = lambda: Failing(held.data, 4 * SIZE)
    reader = EtlReader(held)
    assert [row[5] for row in rows_of(reader)] == FRAMES[:3]
    assert reader.damage.startswith(f"reading stopped at byte {4 * SIZE}: Input/output error")


def test_a_file_that_cannot_be_opened_again_is_told():
    held = Held(trace())

    def gone():
        raise OSError(2, "No such file or directory")

    held.whole = gone
    reader = EtlReader(held)
    assert not list(rows_of(reader))
    assert "could not be read a second time" in reader.damage


def test_many_frames_are_numbered_through_and_told_apart_by_processor():
    count, size = 6000, 1 << 16
    frames = [udp(CLIENT, SERVER, number.to_bytes(4, "big") * 240) for number in range(count)]
    queues = [[], [], []]
    for number, frame in enumerate(frames):
        queues[number * number % 3].append(ndis(frame, at(number)))
    buffers = []
    for processor, queue in enumerate(queues):
        for sequence, begin in enumerate(range(0, len(queue), 50)):
            buffers.append(buffer(queue[begin : begin + 50], sequence + 1, processor, size))
    reader, rows = read_trace(trace(*reversed(buffers), size=size))
    assert [row[0] for row in rows] == list(range(1, count + 1))
    assert [row[5] for row in rows] == frames
    assert reader.damage == ""


def test_packets_beyond_the_limit_are_told(monkeypatch):
    monkeypatch.setattr(reader_module, "MAX_PACKETS", 3)
    buffers = [buffer([ndis(frame, at(number))], number + 1) for number, frame in enumerate(FRAMES)]
    reader, rows = read_trace(trace(*buffers))
    assert ([row[5] for row in rows], reader.damage) == (FRAMES[:3], "only the first 3 packet events were read")
    packed = buffer([ndis(frame, at(number)) for number, frame in enumerate(FRAMES)])
    reader, rows = read_trace(trace(packed))
    assert ([row[5] for row in rows], reader.damage) == (FRAMES[:3], "only the first 3 packet events were read")


def test_buffers_beyond_the_limit_are_told(monkeypatch):
    monkeypatch.setattr(reader_module, "MAX_BUFFERS", 3)
    buffers = [buffer([ndis(frame, at(number))], number + 1) for number, frame in enumerate(FRAMES)]
    reader, rows = read_trace(trace(*buffers))
    assert [row[5] for row in rows] == FRAMES[:2]
    assert reader.damage == f"only the first 3 buffers were read, up to byte {3 * SIZE}"


def test_drops_beyond_the_limit_are_counted(monkeypatch):
    monkeypatch.setattr(reader_module, "MAX_REMARKS", 2)
    data = trace(buffer([pktmon(frame, at(0), drop=(8, 1)) for frame in FRAMES]))
    assert [number for number, _ in remarks_on(data)] == [1, 2, 0]
    assert remarks_on(data)[2][1] == "dropped by Windows, not listed: packets 4"


def test_interfaces_beyond_the_limit_share_one():
    records = [pktmon(b"", at(number), component=number % 65536, edge=number // 65536) for number in range(4100)]
    data = trace(buffer(records, size=1 << 20), size=1 << 20)
    reader, rows = read_trace(data)
    assert len(rows) == 4100
    assert len(reader.notes.interfaces) == 4097
    assert reader.notes.interfaces[-1].name == "further interfaces"


def test_names_from_a_trace_are_short_and_on_one_line():
    reader, _ = read_trace(trace(names=("Net\n\x1bTrace" + "x" * 900, "")))
    assert "\n" not in reader.notes.recorder
    assert len(reader.notes.recorder) < 200


VPN = event(RAS_WAN, 5001, text("{0}") + text("u") + struct.pack("<I", len(FRAMES[5])) + FRAMES[5], at(6))
SAMPLE = trace(
    buffer(
        [
            *parts_of(FRAMES[0], at(1)),
            ndis(FRAMES[1], at(0), items=item(2, bytes(12))),
            vmswitch(FRAMES[2], at(3), 3, (7,)),
        ],
        1,
    ),
    buffer([pktmon(FRAMES[3], at(2), drop=(8, 1)), component(5, 2, "a", "b", at(9)), perfinfo_record(b"1")], 2, 1),
    bytes(SIZE),
    buffer(
        [message_record(b"1"), ndis(FRAMES[4], at(5), interfaces=(3, 9)), event(OTHER, 1, b"x", at(6)), VPN],
        3,
        size=2048,
    ),
    written=9,
    events_lost=1,
)


def survives(data):
    """The frames of any bytes; only ValueError may say that there are none."""
    if not EtlReader.accepts(data[:4096]):
        return None
    with contextlib.suppress(ValueError):
        reader, rows = read_trace(data)
        assert "\n" not in reader.damage
        assert [row[0] for row in rows] == list(range(1, len(rows) + 1))
        assert all(0 <= number <= len(rows) for number, _ in reader.notes.comments)
        assert all(row[3] >= len(row[5]) and row[1] >= 0 for row in rows)
        assert all(row[4] < len(reader.notes.interfaces) for row in rows)
        return rows
    return None


def test_the_sample_of_the_properties_is_whole():
    assert [row[5] for row in survives(SAMPLE)] == [FRAMES[number] for number in (1, 0, 3, 2, 4, 5)]


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_behind_the_header_are_survived(data):
    assert survives(first_buffer() + data) == []


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(SAMPLE) - 1), st.integers(0, 255)), min_size=1, max_size=12))
def test_any_mutation_is_survived(changes):
    data = bytearray(SAMPLE)
    for place, value in changes:
        data[place] = value
    survives(bytes(data))


HEADERS = [place for start in range(0, len(SAMPLE), 2048) for place in range(start, min(start + 400, len(SAMPLE)))]


@settings(deadline=None, max_examples=300)
@given(st.lists(st.tuples(st.sampled_from(HEADERS), st.sampled_from([0, 1, 0x7F, 0x80, 0xFF])), min_size=1, max_size=6))
def test_mutations_where_lengths_and_markers_lie_are_survived(changes):
    data = bytearray(SAMPLE)
    for place, value in changes:
        data[place] = value
    survives(bytes(data))


@settings(deadline=None)
@given(st.integers(0, len(SAMPLE)), st.integers(0, len(SAMPLE)), st.binary(max_size=20))
def test_any_cut_removal_and_insertion_is_survived(first, second, between):
    begin, end = sorted((first, second))
    survives(SAMPLE[:begin] + between + SAMPLE[end:])


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_neither_the_order_of_buffers_nor_their_number_changes_the_frames(data):
    count = data.draw(st.integers(1, 30))
    frames = [udp(CLIENT, SERVER, bytes([number])) for number in range(count)]
    queues = {}
    for number, frame in enumerate(frames):
        processor = data.draw(st.integers(0, 3))
        queues.setdefault(processor, []).extend(parts_of(frame, at(number), count=data.draw(st.integers(1, 3))))
    buffers = []
    for processor, queue in queues.items():
        size = data.draw(st.integers(1, 8))
        for sequence, begin in enumerate(range(0, len(queue), size)):
            buffers.append(buffer(queue[begin : begin + size], sequence, processor))
    assert frames_in(trace(*data.draw(st.permutations(buffers)))) == frames


def test_an_event_that_is_shorter_than_its_header_is_none():
    assert read_event(bytes(0x4F), 0) is None
