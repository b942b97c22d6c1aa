"""Packets, times, addresses, ports, streams and payload bytes: what is read here is what tshark reads."""

from collections import Counter, defaultdict
from pathlib import Path

import pytest
from tshark_fields import capture, fields

from lynccap.ingest import Source, read_tables

pytestmark = pytest.mark.tshark

SAMPLES = Path(__file__).parents[2] / "sample_pcaps"
CHOSEN = sorted(path.name for path in SAMPLES.glob("*.pcap*"))[::4]  # every fourth: tshark is slow to start

CAPTURES = [
    "real/02-teams.pcap",
    "real/08-stun.pcap",
    "real/11-TLS.pcap",
    "real/35-nb6-startup.pcap",
    "real/45-tls_1_2_expired_certificate_alert_16.pcap",
    "real/52-input.pcap",
    "real/53-Option43-filtered.pcapng",
    "real/59-pppoe-over-qinq.pcap",
    "formats/gopacket-test018.pcapng",
    "formats/libtrace-complex.pcapng",
    "formats/1-gopacket-test202.pcapng",
    "formats/Wireshark-nfsv3.pcap.gz",
    "formats/Wireshark-fritzbox-ip_02.09.09_2049.eth",
    "formats/PcapPlusPlus-nanosecs_big_endian.pcap",
    "protocols/libtrace-sll.pcap.gz",
    "protocols/Wireshark-startmenu_Dameware.pcap",
]

EXPLAINED = {
    "real/35-nb6-startup.pcap": "udp",  # tshark shows the lengths of datagrams inside L2TP, here the outer ones count
    "real/29-VoIP-FullCapture-.pcapng": "udp",  # SDP makes tshark open one conversation for each direction of media
    "real/36-jul23-fastbusy-at-ccm-when-flex-oh-hook_1.pcap": "udp",  # the same
    "real/18-ipv6frag.pcap": "udp",  # tshark shows the length before fragmentation, here the first fragment counts
    "real/58-input.pcap": "tcp",  # ERSPAN is not looked into
}
"""Captures whose streams of one transport differ, and why; everything else about them must still agree."""

NAMES = (
    "frame.time_epoch", "ip.src", "ipv6.src", "tcp.stream", "udp.stream", "tcp.srcport", "udp.srcport",
    "tcp.len", "udp.length", "icmp.type", "icmpv6.type",
)  # fmt: skip
OPTIONS = ("-n", "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE")

Side = tuple[str, int, int, int]
"""Address, port, frames, payload bytes."""


def nanoseconds(text: str) -> int:
    whole, fraction = text.split(".")
    return int(whole) * 1_000_000_000 + int(fraction[:9].ljust(9, "0"))


def streams_of_tshark(rows: list[list[str]], transport: str) -> Counter[tuple[Side, ...]]:
    stream_at, port_at, length_at = (3, 5, 7) if transport == "tcp" else (4, 6, 8)
    frames: dict[str, Counter[tuple[str, int]]] = defaultdict(Counter)
    payload: dict[str, Counter[tuple[str, int]]] = defaultdict(Counter)
    for row in rows:
        quoted = row[9] or row[10]
        if row[stream_at] and not quoted:
            sender = (row[1] or row[2], int(row[port_at]))
            frames[row[stream_at]][sender] += 1
            payload[row[stream_at]][sender] += int(row[length_at] or 0) - (8 if transport == "udp" else 0)
    return Counter(
        tuple(sorted((*sender, count, payload[stream][sender]) for sender, count in senders.items()))
        for stream, senders in frames.items()
    )


def streams_read(flows, transport: str) -> Counter[tuple[Side, ...]]:
    """As tshark counts: copies are frames like others."""
    found: Counter[tuple[Side, ...]] = Counter()
    for flow in flows[flows["transport"] == transport].itertuples():
        sides = [(flow.client, flow.client_port, flow.frames_client + flow.copies_client, flow.bytes_client)]
        sides.append((flow.server, flow.server_port, flow.frames_server + flow.copies_server, flow.bytes_server))
        found[tuple(sorted(side for side in sides if side[2]))] += 1
    return found


def without_bytes(streams: Counter[tuple[Side, ...]]) -> Counter[tuple[tuple[str, int, int], ...]]:
    """Address, port and frames only: tshark adds up the payload of copies too, which are in no stream here."""
    found: Counter[tuple[tuple[str, int, int], ...]] = Counter()
    for sides, count in streams.items():
        found[tuple(side[:3] for side in sides)] += count
    return found


def compare(path: Path, explained: str = "") -> None:
    rows = [row + [""] * (len(NAMES) - len(row)) for row in fields(path, "frame", *NAMES, options=OPTIONS)]
    tables = read_tables([Source(str(path))])
    read = tables.captures.iloc[0]
    times = [time for time in (nanoseconds(row[0]) for row in rows if row[0]) if time]
    assert read["packets"] == len(rows)
    assert (read["first_time"], read["last_time"]) == (min(times), max(times))
    for transport in ("tcp", "udp"):
        ours, theirs = streams_read(tables.flows, transport), streams_of_tshark(rows, transport)
        if read["copies"]:
            ours, theirs = without_bytes(ours), without_bytes(theirs)
        agree = ours == theirs
        assert agree == (transport != explained), transport


@pytest.mark.parametrize("name", [one for one in CAPTURES if one not in EXPLAINED])
def test_public_captures_read_as_tshark_reads_them(name):
    compare(capture(name))


@pytest.mark.parametrize(("name", "transport"), EXPLAINED.items())
def test_explained_differences_stay_the_only_ones(name, transport):
    compare(capture(name), transport)


@pytest.mark.parametrize("name", CHOSEN)
def test_the_projects_samples_read_as_tshark_reads_them(name):
    compare(SAMPLES / name)
