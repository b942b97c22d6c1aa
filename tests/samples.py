"""The labelled samples, and worse copies of them: one direction, a late start, an early end, lost or cut frames."""

import io
import random
import struct
import tomllib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from lynccap.analysis import analyze
from lynccap.document import Document
from lynccap.ingest import Source
from lynccap.ingest.collecting.collect import collect

FOLDER = Path(__file__).parent.parent / "sample_pcaps"
CAPTURE_SUFFIXES = (".pcap", ".pcapng", ".pcap.gz", ".pcapng.gz")


@dataclass(frozen=True)
class Sample:
    """One capture and its label."""

    name: str
    path: Path
    """A file, or the folder of a ring buffer's files."""
    label: dict[str, Any]

    def files(self) -> tuple[Path, ...]:
        """The files of the capture, in order."""
        return tuple(sorted(self.path.iterdir())) if self.path.is_dir() else (self.path,)

    def expected(self) -> set[tuple[str, str | None]]:
        """(rule, device) of every finding that must be there."""
        return {(one["rule"], one.get("device")) for one in self.label.get("expect", ())}

    def folded(self) -> set[tuple[str, str | None]]:
        """(rule, device) of the findings that must hang under a cause."""
        return {(one["rule"], one.get("device")) for one in self.label.get("expect", ()) if one.get("folded")}

    def wrong(self) -> set[tuple[str, str | None]]:
        """(rule, device) of findings that would be false; a device of None stands for every device."""
        return {(one["rule"], one.get("device")) for one in self.label.get("wrong", ())}


def samples() -> tuple[Sample, ...]:
    """Every capture of the samples folder that has a label."""
    found = []
    for label in sorted(FOLDER.glob("*.toml")):
        paths = [path for suffix in ("", *CAPTURE_SUFFIXES) if (path := label.with_name(label.stem + suffix)).exists()]
        found.append(Sample(label.stem, paths[0], tomllib.loads(label.read_text())))
    return tuple(found)


def sample(name: str) -> Sample:
    """One sample by its name."""
    return next(one for one in samples() if one.name == name)


@cache
def document_of(name: str) -> Document:
    """The analysis of one sample as it is."""
    return analyze(collect([str(sample(name).path)]))


ETHERNET, RAW = 1, 101
LINKS = {ETHERNET: (12, 14), 113: (14, 16), 276: (0, 20)}
"""Where a link type keeps its EtherType, and how long its header is: Ethernet, Linux cooked and cooked v2."""
VXLAN_PORT, VXLAN_HEADERS = 4789, 36


def _behind_link(frame: bytes, kind: int, header: int) -> bytes:
    tags = 4 if frame[kind : kind + 2] == b"\x81\x00" else 0
    is_ip = frame[kind + tags : kind + tags + 2] == b"\x08\x00"
    return frame[header + tags :] if is_ip else b""


@dataclass(frozen=True)
class Recorded:
    """One frame as it was recorded."""

    time: int
    """Nanoseconds since 1970."""
    data: bytes
    length: int
    link: int
    """LINKTYPE number."""

    def _packet(self) -> bytes:
        """The IPv4 packet in the frame, the inner one of VXLAN; empty for other frames."""
        packet = self.data if self.link == RAW else _behind_link(self.data, *LINKS[self.link])
        if packet[9:10] == b"\x11" and int.from_bytes(packet[22:24], "big") == VXLAN_PORT:
            return _behind_link(packet[VXLAN_HEADERS:], *LINKS[ETHERNET])
        return packet

    def _address(self, at: int) -> str | None:
        address = self._packet()[at : at + 4]
        return ".".join(str(byte) for byte in address) if len(address) == 4 else None

    def source(self) -> str | None:
        """The IPv4 source address, None for other frames."""
        return self._address(12)

    def destination(self) -> str | None:
        """The IPv4 destination address, None for other frames."""
        return self._address(16)


@cache
def recorded(name: str) -> tuple[Recorded, ...]:
    """The frames of a sample, by a reader that is not the project's own."""
    from scapy.utils import RawPcapNgReader, RawPcapReader

    frames = []
    for path in sample(name).files():
        with RawPcapReader(str(path)) as reader:
            is_ng = isinstance(reader, RawPcapNgReader)
            for data, meta in reader:
                if is_ng:
                    ticks = (meta.tshigh << 32) | meta.tslow
                    time, link = ticks * (1_000_000_000 // meta.tsresol), meta.linktype
                else:
                    time, link = meta.sec * 1_000_000_000 + meta.usec * (1 if reader.nano else 1000), reader.linktype
                frames.append(Recorded(time, data, meta.wirelen, link))
    return tuple(frames)


def pcap_of(frames: Iterable[Recorded]) -> bytes:
    """A nanosecond pcap of frames."""
    kept = list(frames)
    out = io.BytesIO()
    out.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, kept[0].link if kept else 1))
    for one in kept:
        seconds, rest = divmod(one.time, 1_000_000_000)
        out.write(struct.pack("<IIII", seconds, rest, len(one.data), one.length) + one.data)
    return out.getvalue()


def analyzed(frames: Iterable[Recorded]) -> Document:
    """The analysis of a changed copy."""
    return analyze([Source("copy.pcap", io.BytesIO(pcap_of(frames)))])


def one_sided(frames: Sequence[Recorded], devices: Iterable[str]) -> list[Recorded]:
    """Only what the devices sent."""
    return [one for one in frames if one.source() in set(devices)]


def late(frames: Sequence[Recorded], share: float = 0.4) -> list[Recorded]:
    """Without the first part of the time."""
    start = frames[0].time + int((frames[-1].time - frames[0].time) * share)
    return [one for one in frames if one.time >= start]


def early(frames: Sequence[Recorded], share: float = 0.5) -> list[Recorded]:
    """Without the last part of the time."""
    end = frames[0].time + int((frames[-1].time - frames[0].time) * share)
    return [one for one in frames if one.time <= end]


def lossy(frames: Sequence[Recorded], share: float = 0.1) -> list[Recorded]:
    """With frames missing at random, the same ones each time."""
    chance = random.Random(len(frames))
    return [one for one in frames if chance.random() >= share]


def snapped(frames: Sequence[Recorded], length: int = 68) -> list[Recorded]:
    """Every frame cut at a snap length."""
    return [replace(one, data=one.data[:length]) for one in frames]


def doubled(frames: Sequence[Recorded]) -> list[Recorded]:
    """Every frame twice within some microseconds, as a mirror of both VLAN sides records it."""
    return [copy for one in frames for copy in (one, replace(one, time=one.time + 3_000))]


def devices_of(name: str) -> tuple[str, ...]:
    """The devices a label names."""
    return tuple(one["address"] for one in sample(name).label.get("device", ()))


WORSE: dict[str, Callable[[str], list[Recorded]]] = {
    "one-sided": lambda name: one_sided(recorded(name), devices_of(name)),
    "late": lambda name: late(recorded(name)),
    "early": lambda name: early(recorded(name)),
    "lossy": lambda name: lossy(recorded(name)),
    "snapped": lambda name: snapped(recorded(name)),
}
"""Ways in which a capture can be worse than its original."""


def accusations(document: Document) -> set[tuple[str, str | None]]:
    """(rule, device) of every finding that says something is wrong."""
    return {(one.rule, one.device) for one in document.findings if one.severity != "info"}


def accused(document: Document) -> set[tuple[str | None, str | None, int | None]]:
    """(device, peer, port) of every finding that says something is wrong, whatever the rule is called."""
    return {(one.device, one.peer, one.port) for one in document.findings if one.severity != "info"}


def outcomes(document: Document, rule: str) -> set[str]:
    """What the document says of one rule."""
    return {str(one.outcome) for one in document.assessments if one.rule == rule}
