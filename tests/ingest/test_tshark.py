"""Packets, times, addresses, ports, streams and payload bytes: what is read here is what tshark reads.

Every sample and every public capture is compared. tshark_differences.toml tells which files differ in what, and why;
a file there must differ in exactly that, and what both read must agree. Kinds of difference:

- refused: tshark does not open the file, and packets are read from it here;
- packets: their number; the rest is then compared up to the last frame tshark reads;
- fractions: times, by what fractions of 4.3 seconds and more lose in the 32 bits tshark has for them;
- times: in any other way;
- tcp, udp: streams with their endpoints and the frames each sent;
- tcp bytes, udp bytes: only the payload of these streams;
- udp splits: streams of tshark's that together are the stream of their two endpoints;
- PROTOCOL missed: values of messages that tshark reads; PROTOCOL more: those that are read here alone.
"""

import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from messages_by_tshark import NAMES as MESSAGE_NAMES
from messages_by_tshark import Agreement, agreements
from pandas import DataFrame
from sharkd import Sharkd, running
from tshark_fields import CAPTURES

from lynccap.ingest import Source, UnreadableCapture, read_tables
from lynccap.ingest.engine import Engine
from lynccap.ingest.formats.registry import reader_of
from lynccap.ingest.formats.window import Window
from lynccap.ingest.frames import Frames
from lynccap.ingest.sources.inflating import HEAD_BYTES
from lynccap.ingest.sources.source import Feed

pytestmark = pytest.mark.tshark

SAMPLES = Path(__file__).parents[2] / "sample_pcaps"
FOLDERS = ("real", "formats", "layers", "protocols", "damaged")
LARGEST = 8 << 20  # bytes; above that sharkd takes longer than the rest of all files together
REASONS = tomllib.loads(Path(__file__).with_name("tshark_differences.toml").read_text())["reason"]
EXPLAINED: dict[str, set[str]] = defaultdict(set)
for reason in REASONS:
    for name in reason["files"]:
        EXPLAINED[name] |= set(reason["differs"])

FILES = {f"{path.parent.name}/{path.name}": path for path in sorted(SAMPLES.glob("*.pcap*"))} | {
    f"{folder}/{path.name}": path
    for folder in FOLDERS
    for path in sorted((CAPTURES / folder).glob("*"))
    if path.is_file() and path.stat().st_size <= LARGEST
}
NAMES = (
    "frame.time_epoch", "frame.protocols", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "tcp.stream", "udp.stream",
    "tcp.srcport", "tcp.dstport", "udp.srcport", "udp.dstport", "tcp.len", "udp.length", *MESSAGE_NAMES,
)  # fmt: skip
UDP_HEADER = 8
WRAP = 1 << 32

Row = dict[str, list[str]]
"""The values of each field in one frame."""
Endpoint = tuple[str, int]
Stream = tuple[tuple[Endpoint, int, int], ...]
"""Each endpoint with the frames and the payload bytes it sent."""
Bare = tuple[tuple[Endpoint, int], ...]
"""The same without the bytes."""
Publish = Callable[[str, dict[str, int]], None]


@pytest.fixture(scope="module")
def sharkd(tmp_path_factory):
    with running(tmp_path_factory.mktemp("sharkd")) as sharkd:
        yield sharkd


class Sent:
    """What the endpoints of one stream sent, as it adds up."""

    def __init__(self) -> None:
        self._sent: dict[Endpoint, list[int]] = {}

    def add(self, endpoint: Endpoint, frames: int, count: int) -> None:
        sent = self._sent.setdefault(endpoint, [0, 0])
        sent[0] += frames
        sent[1] += count

    def stream(self) -> Stream:
        return tuple((endpoint, *self._sent[endpoint]) for endpoint in sorted(self._sent))


def innermost(row: Row, transport: str) -> str:
    """The last IP layer of a frame, "" when that transport does not lie in it, or quoted or too broken for a stream."""
    protocols = row["frame.protocols"][0].split(":") if row["frame.protocols"] else []
    place = max((at for at, name in enumerate(protocols) if name in ("ip", "ipv6")), default=len(protocols))
    inside = [name for name in protocols[place:] if name in ("tcp", "udp")]
    told = len(row[f"{transport}.stream"]) == protocols.count(transport)
    return protocols[place] if inside[:1] == [transport] and told and not row["icmp.type"] + row["icmpv6.type"] else ""


def streams_seen(rows: Iterable[Row], transport: str) -> Counter[Stream]:
    """Of tunnels it is the packet inside: its values are the last ones of a frame."""
    streams: dict[str, Sent] = defaultdict(Sent)
    for row in rows:
        network = innermost(row, transport)
        if network:
            sent = streams[row[f"{transport}.stream"][-1]]
            sender, receiver = (
                (row[f"{network}.{end}"][-1], int(row[f"{transport}.{end}port"][-1])) for end in ("src", "dst")
            )
            told = row["tcp.len" if transport == "tcp" else "udp.length"] or ["0"]
            sent.add(sender, 1, int(told[-1]) - (UDP_HEADER if transport == "udp" else 0))
            sent.add(receiver, 0, 0)
    return Counter(sent.stream() for sent in streams.values())


def streams_read(flows, transport: str) -> tuple[Counter[Stream], Counter[Stream]]:
    """Those without copies of packets, and those with them: to tshark copies are frames like others."""
    plain: Counter[Stream] = Counter()
    copied: Counter[Stream] = Counter()
    for flow in flows[flows["transport"] == transport].itertuples():
        sent = Sent()
        sent.add((flow.client, flow.client_port), flow.frames_client + flow.copies_client, flow.bytes_client)
        sent.add((flow.server, flow.server_port), flow.frames_server + flow.copies_server, flow.bytes_server)
        (copied if flow.copies_client + flow.copies_server else plain)[sent.stream()] += 1
    return plain, copied


def bare(streams: Counter[Stream]) -> Counter[Bare]:
    found: Counter[Bare] = Counter()
    for stream, count in streams.items():
        found[tuple(side[:2] for side in stream)] += count
    return found


def whole(streams: Counter[Stream]) -> Counter[Stream]:
    """One stream for each two endpoints."""
    together: dict[tuple[Endpoint, ...], Sent] = defaultdict(Sent)
    for stream, count in streams.items():
        for side in stream:
            together[tuple(endpoint for endpoint, _, _ in stream)].add(side[0], side[1] * count, side[2] * count)
    return Counter(sent.stream() for sent in together.values())


def agree(seen: Counter[Stream], plain: Counter[Stream], copied: Counter[Stream]) -> bool:
    """The payload of copies is in no stream here, and tshark adds it up."""
    return not plain - seen and bare(seen - plain) == bare(copied)


def stream_differences(flows, rows: list[Row], transport: str) -> set[str]:
    seen = streams_seen(rows, transport)
    plain, copied = streams_read(flows, transport)
    if agree(seen, plain, copied):
        return set()
    if bare(seen) == bare(plain + copied):
        return {f"{transport} bytes"}
    if transport == "udp" and agree(whole(seen), plain, copied):
        return {"udp splits"}
    return {transport}


def time_differences(times: list[int], rows: list[Row]) -> set[str]:
    kinds = set()
    for time, row in zip(times, rows, strict=False):
        text = row["frame.time_epoch"][0] if row["frame.time_epoch"] else "0.0"
        seconds, fraction = (int(part) for part in text.lstrip("-").split("."))
        if text.startswith("-") or seconds * 1_000_000_000 + fraction != time:
            # tshark writes one sign for both parts, whichever of them is negative.
            wrapped = any((time - seconds * 1_000_000_000 - part) % WRAP == 0 for part in (fraction, -fraction))
            kinds.add("fractions" if wrapped else "times")
    return kinds


def times_read(path: Path) -> list[int]:
    times: list[int] = []
    for frames in frames_read(path):
        times += frames.time.tolist()
    return times


def frames_read(path: Path) -> Iterable[Frames]:
    with Feed(Source(str(path))) as feed:
        window = Window(feed)
        kind = reader_of(bytes(window.view[: min(HEAD_BYTES, window.filled)]))
        assert kind is not None
        yield from kind(window).frames()


def flows_read(path: Path, count: int):
    """The flows of the first frames."""
    engine = Engine()
    for frames in frames_read(path):
        if frames.number > count:
            break
        columns = (frames.start, frames.captured, frames.wire, frames.time, frames.link, frames.interface)
        part = slice(0, count - frames.number + 1)
        engine.add(Frames(frames.buffer, *(column[part] for column in columns), frames.number))
    return DataFrame(engine.finish().flows)


def message_differences(found: dict[str, Agreement]) -> set[str]:
    missed = {f"{name} missed" for name, one in found.items() if one.missed}
    return missed | {f"{name} more" for name, one in found.items() if one.more}


def differences(path: Path, sharkd: Sharkd, publish: Publish) -> set[str]:
    rows = sharkd.frames(path, *NAMES)
    try:
        tables = read_tables([Source(str(path))])
    except UnreadableCapture:
        return {"packets"} if rows else set()
    if rows is None:
        return {"refused"}
    packets, first, last = tables.captures.loc[0, ["packets", "first_time", "last_time"]]
    times = times_read(path)
    timed = [time for time in times if time] or [0]
    assert (packets, first, last) == (len(times), min(timed), max(timed))
    kinds = {"packets"} if packets != len(rows) else set()
    kinds |= time_differences(times, rows)
    said = agreements(tables, rows)
    for name, figures in said.items():
        publish(f"{name} values of tshark", figures._asdict())
    kinds |= message_differences(said)
    flows = tables.flows if packets <= len(rows) else flows_read(path, len(rows))
    return kinds.union(*(stream_differences(flows, rows, transport) for transport in ("tcp", "udp")))


@pytest.mark.parametrize("name", FILES)
def test_captures_are_read_as_tshark_reads_them(name, sharkd, record_property):
    assert differences(FILES[name], sharkd, record_property) == EXPLAINED.get(name, set())


def test_only_captures_that_are_there_are_explained():
    if not CAPTURES.is_dir():
        pytest.skip("the public captures are not present")
    assert sorted(EXPLAINED.keys() - FILES.keys()) == []
