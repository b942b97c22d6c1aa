"""Every lack is told where it is, with what it forbids and how to record better, and nowhere else."""

import struct
from dataclasses import replace

import pytest
from capture_files import (
    ACK,
    CLIENT,
    RST,
    SECOND,
    SERVER,
    START,
    SYN,
    Connection,
    ethernet,
    ipv4,
    packed,
    pcap,
    read,
    tcp,
    tcp_body,
    timed,
    udp,
)
from cases import answer, case, dns_flow, flow, rows

from lynccap import reference
from lynccap.correlation.case import build_case
from lynccap.correlation.quality import SEALED, read_quality
from lynccap.diagnosis.gates import Gates
from lynccap.ingest import Source, read_tables
from lynccap.ingest.decryption.outcomes import Reason
from lynccap.tables import FILES


def whole() -> list[bytes]:
    connection = Connection()
    return [*connection.open(), *connection.say(0, b"x" * 1400), *connection.say(1, b"y" * 1400), *connection.close()]


def lacks(data: bytes, tmp_path) -> dict[str, object]:
    found = {one.code: one for one in read_quality(build_case(read(data, tmp_path)))}
    assert found.pop("no-lync").recapture
    return found


def sealed(source: str, destination: str, body: bytes) -> bytes:
    """The body as a stack hands it to a card that computes checksums: the pseudo header's sum in their place."""
    words = struct.unpack(">4H", packed(source) + packed(destination))
    total = sum(words) + 6 + len(body)
    total = (total & 0xFFFF) + (total >> 16)
    return body[:16] + struct.pack(">H", total) + body[18:]


def test_a_good_capture_lacks_nothing(tmp_path):
    assert lacks(pcap(timed(whole())), tmp_path) == {}


def test_a_cut_file(tmp_path):
    found = lacks(pcap(timed(whole()))[:-10], tmp_path)
    assert set(found) == {"damaged"}
    assert "cut off at byte" in found["damaged"].says


def test_a_snap_length_says_which_messages_it_cut(tmp_path):
    request = b"GET /a HTTP/1.1\r\nHost: b\r\nUser-Agent: " + b"x" * 300 + b"\r\n\r\n"
    connection = Connection(server=("10.0.0.2", 80))
    frames = [*connection.open(), *connection.say(0, request), *connection.close()]
    found = lacks(pcap(timed(frames), snap_length=96), tmp_path)
    assert set(found) == {"snapped"}
    assert found["snapped"].says == "1 of 7 frames were cut short while recording. Cut messages: 1 HTTP."
    assert "--pkt-size 0" in str(found["snapped"].recapture)


def test_one_direction_of_everything(tmp_path):
    found = lacks(pcap(timed([frame for frame in whole() if frame[26:30] == packed("10.0.0.1")])), tmp_path)
    assert "one-sided" in found
    assert "both" in str(found["one-sided"].recapture)


def test_one_direction_of_one_device():
    others = [flow("10.1.0.7", "10.1.0.5", 5061), dns_flow(client="10.1.0.7")]
    facts = {"frames_server": 0, "opening": "unanswered"}
    mute = [flow("10.1.0.9", "10.1.0.5", port, **facts) for port in (5061, 443, 80)]
    few = [flow("10.1.0.8", "10.1.0.5", port, **facts) for port in (5061, 443)]
    names = [{**answer("sipinternal.contoso.com", "10.1.0.5"), "flow": 1}]
    found = {one.code: one for one in read_quality(case([*others, *mute, *few], dns_answers=names))}
    says = "Of 10.1.0.9, only sent packets are in this capture, none received."
    assert found["one-sided-devices"].says == says
    assert "one-sided" not in found


def test_bytes_that_were_acknowledged_unseen(tmp_path):
    connection = Connection()
    frames = connection.open()
    connection.say(0, b"lost")
    frames += connection.say(1, b"answer")
    assert set(lacks(pcap(timed(frames)), tmp_path)) == {"lossy"}


def test_connections_older_than_the_capture(tmp_path):
    assert set(lacks(pcap(timed(whole()[3:])), tmp_path)) == {"started-late"}


@pytest.mark.parametrize(("silence", "early"), [(2, True), (10, False)])
def test_a_capture_that_ends_before_an_answer_was_due(silence, early, tmp_path):
    syn = ethernet(ipv4("10.0.0.1", "10.0.0.9", 6, tcp_body(50001, 443, 7, 0, SYN)))
    records = [*timed(whole()), (START + SECOND, syn), (START + (1 + silence) * SECOND, udp(CLIENT, SERVER, b"?"))]
    assert ("ended-early" in lacks(pcap(records), tmp_path)) == early


def test_copies_are_told_and_forbid_nothing(tmp_path):
    twice = [(time + late, frame) for time, frame in timed(whole()) for late in (0, 2000)]
    found = lacks(pcap(twice), tmp_path)
    assert set(found) == {"copies"}
    assert found["copies"].says.startswith("8 of 16 frames")
    assert found["copies"].forbids == ()


def test_frames_larger_than_ethernet_allows(tmp_path):
    connection = Connection()
    frames = [*connection.open(), *connection.say(0, b"x" * 20_000, 20_000), *connection.close()]
    assert set(lacks(pcap(timed(frames)), tmp_path)) == {"segment-offload"}


def test_full_frames_in_a_tunnel_are_not_too_large(tmp_path):
    connection = Connection()
    frames = [*connection.open(), *connection.say(0, b"x" * 4380), *connection.close()]
    header = struct.pack(">BBHI", 8, 0, 0, 77 << 8)
    ends = (("192.0.2.1", 33333), ("192.0.2.2", 4789))
    assert lacks(pcap(timed(udp(*ends, header + frame) for frame in frames)), tmp_path) == {}


def test_the_host_whose_card_adds_the_checksums_is_named(tmp_path):
    def unsealed(frame: bytes) -> bytes:
        return frame[:34] + sealed("10.0.0.1", "10.0.0.2", frame[34:])

    frames = []
    for number in range(3):
        connection = Connection(client=("10.0.0.1", 50000 + number))
        opening = connection.open()
        frames += [unsealed(opening[0]), opening[1], unsealed(opening[2])]
        # Linux computes the checksum of a reset that refuses a connection itself.
        refused = ("10.0.0.9", 50000 + number), ("10.0.0.1", 80)
        frames += [tcp(*refused, 0, 0, SYN), tcp(*refused[::-1], 0, 1, RST | ACK)]
    found = lacks(pcap(timed(frames)), tmp_path)
    assert set(found) == {"checksum-offload"}
    assert found["checksum-offload"].says.startswith("The packets of 10.0.0.1 lack")


@pytest.mark.parametrize(
    ("step", "code"),
    [(-5 * SECOND, "clock-step"), (365 * 86_400 * SECOND, "clock-step"), (-SECOND // 1000, "reordered"), (SECOND, "")],
)
def test_steps_of_the_clock(step, code, tmp_path):
    records = timed(whole())
    records.append((records[-1][0] + step, udp(CLIENT, SERVER, b"later")))
    assert set(lacks(pcap(records), tmp_path)) == ({code} if code else set())


def test_a_step_of_the_clock_is_found_in_the_file_that_holds_it(tmp_path):
    records = timed(whole(), SECOND)
    records[-2:] = [(time - 5 * SECOND, frame) for time, frame in records[-2:]]
    names = ("r_00001_20231114221320.pcap", "r_00002_20231114221323.pcap")
    for name, part in zip(names, (records[:3], records[3:]), strict=True):
        (tmp_path / name).write_bytes(pcap(part))
    tables = read_tables([Source(str(tmp_path / name)) for name in names])
    (step,) = [one for one in read_quality(build_case(tables)) if one.code == "clock-step"]
    assert f"at frame {len(records) - 4} of {names[1]} from" in step.says


def test_a_clock_that_was_set_forbids_conclusions_from_silence():
    steps = [{"frame": 7, "before": START + 3 * SECOND, "after": START + 900 * SECOND}]
    attempt = flow("10.1.0.9", "10.1.0.5", 5061)
    assert "clock was set" in Gates(case([attempt], clock_steps=steps)).absence(0, "10.1.0.9", START, START + SECOND)
    earlier = [{"frame": 1, "before": START - 8 * SECOND, "after": START - 9 * SECOND}]
    assert Gates(case([attempt], clock_steps=earlier)).absence(0, "10.1.0.9", START, START + SECOND) is None


def test_a_damaged_file_of_a_recording_forbids_conclusions_from_silence_beside_it():
    attempt = flow("10.1.0.9", "10.1.0.5", 5061)
    made = case([attempt])
    gate = Gates(made).absence
    assert gate(0, "10.1.0.9", START, START + SECOND) is None
    others = [
        {"name": "whole", "packets": 9, "last_time": START},
        {"name": "cut", "packets": 9, "damage": "cut off at byte 9", "last_time": START + 5 * SECOND},
    ]
    torn = replace(made, tables=replace(made.tables, files=rows(FILES, others)))
    assert "cut is damaged" in Gates(torn).absence(0, "10.1.0.9", START, START + SECOND)
    assert Gates(torn).absence(0, "10.1.0.9", START + 7 * SECOND, START + 8 * SECOND) is None
    unread = [*others, {"name": "gone", "packets": 0, "damage": "is not a capture"}]
    torn = replace(made, tables=replace(made.tables, files=rows(FILES, unread)))
    assert "gone is damaged" in Gates(torn).absence(0, "10.1.0.9", START + 7 * SECOND, START + 8 * SECOND)


def test_what_keys_opened_is_counted_and_why_not_the_rest():
    flows = [flow("10.1.0.9", "10.1.0.5", 5061), flow("10.1.0.9", "10.1.0.5", 443)]
    rest = [{"flow": 1, "outcome": "not-decrypted", "reason": "no-key"}] * 2
    shut = [*rest, {"flow": 1, "outcome": "not-decrypted", "reason": "resumed"}]
    opened = [{"flow": 0, "outcome": "decrypted"}]

    def lack(rows: list[dict[str, object]]):
        return next(one for one in read_quality(case(flows, decryptions=rows)) if one.code == "decryption")

    assert lack([*opened, *shut]).says == (
        "Keys opened 1 of 4 TLS sessions. Not, or not wholly, opened: 2 because no key is for them; "
        "1 because it resumes a session whose first handshake is not in the capture."
    )
    assert lack(shut).forbids
    assert (lack(opened).says, lack(opened).forbids) == (
        "Nothing that was said in TLS stays hidden: keys opened the one TLS session.",
        (),
    )
    assert not any(one.code == "decryption" for one in read_quality(case(flows)))


def test_every_reason_has_its_words():
    assert set(SEALED) == set(Reason) - {Reason.NONE}


def test_every_lack_that_forbids_something_says_how_to_record_better():
    told = {row.code for row in reference.recaptures()}
    assert {"damaged", "dropped", "one-sided", "lossy", "snapped", "started-late", "ended-early", "clock-step"} <= told
    assert {"fragments-missing", "segment-offload"} <= told


def says(**facts: object) -> dict[str, str]:
    made = case([flow("10.1.0.9", "10.1.0.1", 443)])
    for name, value in facts.items():
        made.tables.captures.at[0, name] = value
    return {one.code: one.says for one in read_quality(made)}


def test_frames_that_are_not_read_are_counted_by_reason() -> None:
    reasons = (("encrypted", 2), ("unknown link type", 1))
    assert says(undecoded=3, undecoded_reasons=reasons)["undecoded"] == (
        "3 of 100 frames are of a kind that is not read (encrypted: 2, unknown link type: 1)."
    )


def test_missing_and_overlapping_fragments_are_said() -> None:
    told = says(fragments_incomplete=1, fragments_overlapping=2)
    assert told["fragments-missing"].startswith("1 IP datagram is not whole")
    assert told["fragments-overlapping"] == "2 IP datagrams are not read, because their fragments overlap."
    assert not {"fragments-missing", "fragments-overlapping", "undecoded"} & set(says())
