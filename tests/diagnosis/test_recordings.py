"""What a recorder, a tunnel or a clock makes of a capture changes no verdict, or takes one back; it adds none."""

import os
import re
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from capture_files import SECOND, ethernet, ip, udp_body
from samples import RAW, Recorded, accusations, accused, analyzed, document_of, outcomes, recorded, sample
from tshark_fields import fields

from lynccap.analysis import analyze
from lynccap.correlation.case import build_case
from lynccap.correlation.quality import read_quality
from lynccap.document import Document
from lynccap.ingest import Source, read_tables
from lynccap.ingest.collecting.collect import collect

TOGETHER = ("two-refusals-ring", "two-refusals-both-vlans", "two-refusals-router-legs", "two-refusals-router-any")
RING = "two-refusals-ring"
BARE = "rootchain-80-refused"


def tool(*command: str) -> None:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed")
    subprocess.run(command, check=True, capture_output=True, timeout=60)


def told(document: Document) -> set[tuple[object, ...]]:
    """Everything a finding says of whom, but for its frames."""
    rules = {one.id: one.rule for one in document.findings}
    return {
        (one.rule, one.severity, one.confidence, one.device, one.peer, one.port, rules.get(one.caused_by or ""))
        for one in document.findings
        if one.severity != "info"
    }


@pytest.mark.parametrize("name", TOGETHER[1:])
def test_one_run_heard_by_four_recorders_is_one_story(name: str) -> None:
    assert told(document_of(name)) == told(document_of(RING))


@pytest.mark.parametrize("name", [one for one in TOGETHER if one != RING] + ["vxlan-80-refused-inside-too"])
def test_both_sides_of_a_router_are_told_and_nothing_was_retransmitted(name: str) -> None:
    tables = read_tables([Source(str(sample(name).path))])
    (capture,) = tables.captures.itertuples()

    assert capture.copies == capture.routed_copies > capture.packets // 3
    assert tables.flows[["retransmitted_client", "retransmitted_server", "lost_client", "lost_server"]].sum().sum() == 0


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        (RING, set()),
        ("two-refusals-both-vlans", {"copies"}),
        ("two-refusals-router-legs", {"copies"}),
        ("two-refusals-router-any", {"copies"}),
        ("vxlan-80-refused", set()),
        ("vxlan-80-refused-inside-too", {"copies"}),
        ("vpn-5061-filtered", set()),
        ("on-server-80-refused", {"checksum-offload", "segment-offload"}),
        ("fragments-5061-refused", set()),
        ("fragments-dropped", {"fragments-missing", "no-lync"}),
    ],
)
def test_each_lack_of_a_recording_is_told_and_no_other(name: str, codes: set[str]) -> None:
    found = {lack.code for one in document_of(name).captures for lack in one.quality}

    assert found - {"reordered"} == codes  # how many interfaces get out of order is chance


class TestRing:
    """The files of a ring buffer."""

    @pytest.mark.tshark
    def test_evidence_names_the_file_and_its_own_frames(self, tmp_path: Path) -> None:
        merged = tmp_path / "merged.pcapng"
        tool("mergecap", "-w", str(merged), *map(str, sample(RING).files()))
        whole = analyze([Source(str(merged))])
        ring = document_of(RING)

        assert told(ring) == told(whole)
        assert [one.says for one in ring.findings] == [one.says for one in whole.findings]
        shown = self._shown(ring, sample(RING).path)
        assert shown == self._shown(whole, tmp_path)
        assert len(shown["rootchain-http80-refused"]) >= 8
        assert len({file.capture for one in ring.findings for file in one.evidence}) >= 4

    def _shown(self, document: Document, folder: Path) -> dict[str, list[list[str]]]:
        """What tshark finds at the evidence of each rule's findings."""
        columns = ("frame.time_epoch", "ip.src", "ip.dst", "tcp.srcport", "tcp.flags", "tcp.seq_raw")
        frames = {one.id: fields(folder / one.name, "frame", *columns) for one in document.captures}
        found: dict[str, list[list[str]]] = {}
        for one in document.findings:
            for proof in one.evidence:
                found.setdefault(one.rule, []).extend(frames[proof.capture][number - 1] for number in proof.frames)
        return {rule: sorted(rows) for rule, rows in found.items()}

    @pytest.mark.parametrize("how", [("-c", "90"), ("-i", "3")], ids=["by frames", "by seconds"])
    def test_a_capture_that_editcap_split_is_the_capture(self, how: tuple[str, str], tmp_path: Path) -> None:
        tool("editcap", *how, str(sample(BARE).path), str(tmp_path / "split.pcap"))

        document = analyze(collect([str(tmp_path)]))

        assert len({one.recording for one in document.captures}) == 1
        assert len(document.captures) >= 4
        assert told(document) == told(document_of(BARE))
        assert [one.says for one in document.findings] == [one.says for one in document_of(BARE).findings]

    @pytest.mark.parametrize("missing", range(5))
    def test_without_one_of_its_files_accuses_nobody_else(self, missing: int) -> None:
        files = sample(RING).files()
        kept = [str(one) for one in files if one is not files[missing]]

        assert accused(analyze(collect(kept))) <= accused(document_of(RING))


def mirrored(seconds: float) -> list[Recorded]:
    """The trunk as two recorders with different clocks would have it, one a side of the router."""
    frames = recorded("two-refusals-both-vlans")
    servers = struct.pack(">H", 101)
    late = [
        replace(one, time=one.time + int(seconds * SECOND)) if one.data[14:16] == servers else one for one in frames
    ]
    return sorted(late, key=lambda one: one.time)


@pytest.mark.parametrize("seconds", [0.02, -0.02, 0.3, 1.0, -5.0])
def test_two_recorders_whose_clocks_differ_accuse_nobody_else(seconds: float) -> None:
    found, original = analyzed(mirrored(seconds)), document_of("two-refusals-both-vlans")

    assert accused(found) <= accused(original)
    if abs(seconds) < 0.05:
        assert told(found) == told(original)


@pytest.mark.parametrize("hours", [-1, -24 * 400, 24 * 400])
def test_a_clock_set_while_an_answer_was_due_takes_the_verdict_back(hours: int, tmp_path: Path) -> None:
    name, rule = "rootchain-80-filtered", "rootchain-http80-filtered"
    (finding,) = [one for one in document_of(name).findings if one.rule == rule]
    frames = recorded(name)
    split = frames[finding.evidence[0].frames[1] - 1].time / SECOND - 0.1
    source, first, second, out = (str(tmp_path / one) for one in ("all.pcap", "1.pcap", "2.pcap", "out.pcap"))
    shutil.copy(sample(name).path, source)
    tool("editcap", "-F", "pcap", "-B", f"{split:.6f}", source, first)
    tool("editcap", "-F", "pcap", "-A", f"{split:.6f}", "-t", str(hours * 3600), source, second)
    tool("mergecap", "-F", "pcap", "-a", "-w", out, first, second)

    document = analyze([Source(out)])

    (step,) = [lack for lack in document.captures[0].quality if lack.code == "clock-step"]
    before = sum(one.time < split * SECOND for one in frames)
    assert f"at frame {before + 1} from" in step.says
    assert rule not in {one.rule for one in document.findings}
    assert "inconclusive" in outcomes(document, rule) | outcomes(document, "tcp-filtered-silent")
    assert accused(document) <= accused(document_of(name))


FOUR_OUT, SIX_OUT = ("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8::2")
Wrap = Callable[[bytes], bytes]


def mark_of(body: bytes) -> int:
    """An IP identification, or a checksum, that differs for different packets, as real ones do."""
    return zlib.crc32(body) & 0xFFFF or 1


def over(protocol: int, head: bytes, ends: tuple[str, str] = FOUR_OUT) -> Wrap:
    return lambda body: ethernet(ip(*ends, protocol, head + body, id=mark_of(body)))


def over_udp(port: int, head: bytes, ends: tuple[str, str] = FOUR_OUT) -> Wrap:
    def wrap(body: bytes) -> bytes:
        datagram = udp_body(40000, port, head + body)
        return ethernet(ip(*ends, 17, datagram[:6] + struct.pack(">H", mark_of(body)) + datagram[8:], id=mark_of(body)))

    return wrap


VXLAN = struct.pack(">BBHI", 8, 0, 0, 77 << 8)
BRIDGED: dict[str, Wrap] = {
    "802.1ad and 802.1Q": lambda frame: frame[:12] + bytes.fromhex("88a8012c 8100006e") + frame[12:],
    "three tags": lambda frame: frame[:12] + bytes.fromhex("9100012c 88a8012c 8100006e") + frame[12:],
    "gretap": over(47, struct.pack(">HH", 0, 0x6558)),
    "erspan": over(47, struct.pack(">HHIHHI", 0x1000, 0x88BE, 1, 0x1000 | 110, 9, 1)),
    "vxlan over ipv6": over_udp(4789, VXLAN, SIX_OUT),
    "geneve": over_udp(6081, struct.pack(">BBHI", 0, 0, 0x6558, 77 << 8)),
    "ethernet over mpls": lambda frame: ethernet(struct.pack(">II", 1 << 12 | 1 << 8 | 64, 0) + frame, kind=0x8847),
}
ROUTED: dict[str, Wrap] = {
    "gre": over(47, struct.pack(">HH", 0, 0x0800)),
    "ip in ip": over(4, b""),
    "4 in 6": over(4, b"", SIX_OUT),
    "mpls": lambda packet: ethernet(struct.pack(">I", 1 << 12 | 1 << 8 | 64) + packet, kind=0x8847),
    "pppoe": lambda packet: ethernet(struct.pack(">BBHHH", 0x11, 0, 9, len(packet) + 2, 0x21) + packet, kind=0x8864),
    "l2tp": over_udp(1701, struct.pack(">HHH", 2, 1, 2) + b"\xff\x03\0\x21"),
}
LINKS: dict[str, tuple[int, bytes]] = {
    "raw ip": (RAW, b""),
    "ppp": (9, b"\xff\x03\0\x21"),
    "loopback": (0, struct.pack("<I", 2)),
}


def rewrapped(wrap: Wrap, *, bridged: bool, link: int = 1) -> list[Recorded]:
    """The frames of a sample inside something; what no IP is gets lost where only IP is carried."""
    frames = [one for one in recorded(BARE) if bridged or one.data[12:14] == b"\x08\0"]
    made = [(one, wrap(one.data if bridged else one.data[14:])) for one in frames]
    return [replace(one, data=data, length=len(data), link=link) for one, data in made]


def fragmented(frames: Iterable[Recorded], size: int = 1408) -> list[Recorded]:
    """The outer IPv4 packets of frames in fragments with at most `size` bytes of payload."""
    made: list[Recorded] = []
    for number, one in enumerate(frames):
        body = one.data[34:]
        for start in range(0, len(body), size):
            more = 0x2000 if start + size < len(body) else 0
            head = bytearray(one.data[14:34])
            struct.pack_into(">HHH", head, 2, 20 + len(body[start : start + size]), number, start // 8 | more)
            data = one.data[:14] + bytes(head) + body[start : start + size]
            made.append(replace(one, data=data, length=len(data)))
    return made


class TestCarried:
    """The same frames inside tunnels, tags and other links."""

    def _same(self, frames: list[Recorded]) -> None:
        document, original = analyzed(frames), document_of(BARE)
        assert told(document) == told(original)
        assert {one.id for one in document.devices} == {one.id for one in original.devices}
        assert not [one.code for one in document.captures[0].quality]

    @pytest.mark.parametrize("name", BRIDGED)
    def test_frames_in_tunnels(self, name: str) -> None:
        self._same(rewrapped(BRIDGED[name], bridged=True))

    @pytest.mark.parametrize("name", ROUTED)
    def test_packets_in_tunnels(self, name: str) -> None:
        self._same(rewrapped(ROUTED[name], bridged=False))

    @pytest.mark.parametrize("name", LINKS)
    def test_packets_on_other_links(self, name: str) -> None:
        link, head = LINKS[name]
        self._same(rewrapped(lambda packet: head + packet, bridged=False, link=link))

    def test_a_tunnel_whose_packets_are_cut_into_fragments(self) -> None:
        wrapped = rewrapped(over_udp(4789, VXLAN), bridged=True)
        pieces = fragmented(wrapped)

        assert len(pieces) > len(wrapped)
        self._same(pieces)

    def test_bare_and_in_a_tunnel_is_one_packet(self) -> None:
        inside = rewrapped(BRIDGED["erspan"], bridged=True)
        both = [copy for pair in zip(recorded(BARE), inside, strict=True) for copy in pair]

        document = analyzed(both)

        assert told(document) == told(document_of(BARE))
        assert [one.code for one in document.captures[0].quality] == ["copies"]


def is_tail(frame: bytes) -> bool:
    """Whether an Ethernet frame holds a fragment that is not the first."""
    if frame[12:14] == b"\x08\0":
        return int.from_bytes(frame[20:22], "big") & 0x1FFF > 0
    return frame[12:14] == b"\x86\xdd" and frame[20] == 44 and int.from_bytes(frame[56:58], "big") >> 3 > 0


def test_without_the_later_fragments_nobody_is_accused_and_they_are_missed() -> None:
    frames = recorded("fragments-5061-refused")
    document = analyzed(one for one in frames if not is_tail(one.data))

    assert sum(is_tail(one.data) for one in frames) >= 3
    assert accusations(document) == set()
    assert "fragments-missing" in {one.code for one in document.captures[0].quality}


FLOOD = """
import os, signal, socket, subprocess, sys, time
recorder = subprocess.Popen(["dumpcap", "-q", "-n", "-B", "1", "-s", "96", "-i", "lo", "-w", sys.argv[1]],
                            stderr=subprocess.PIPE, text=True)
while "File: " not in recorder.stderr.readline():
    pass
speaking = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
recorder.send_signal(signal.SIGSTOP)
for _ in range(20_000):
    speaking.sendto(bytes(1000), ("127.0.0.1", 9))
recorder.send_signal(signal.SIGCONT)
time.sleep(0.5)
recorder.send_signal(signal.SIGINT)
print(recorder.stderr.read())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's network namespaces")
def test_what_dumpcap_lost_is_told_by_its_own_count(tmp_path: Path) -> None:
    """A recorder that stands still while much is sent, in a network of its own."""
    out = tmp_path / "loss.pcapng"
    if shutil.which("dumpcap") is None or os.geteuid() != 0:
        pytest.skip("needs dumpcap and root")
    script = f"ip link set lo up && exec {sys.executable} -c \"$FLOOD\" '{out}'"
    run = subprocess.run(
        ["unshare", "--net", "sh", "-c", script],
        env={**os.environ, "FLOOD": FLOOD},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    if run.returncode:
        pytest.skip(f"no network namespace here: {run.stderr.strip()[-200:]}")
    received, dropped = map(int, re.search(r"received/dropped on interface '[^']*': (\d+)/(\d+)", run.stdout).groups())

    tables = read_tables([Source(str(out))])
    (entry,) = [one for one in read_quality(build_case(tables)) if one.code == "dropped"]

    assert dropped > 1000
    assert tables.captures["packets"].item() == received
    assert f"lost {dropped} of {received + dropped} packets" in entry.says
