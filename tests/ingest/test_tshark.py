"""Packets, times, addresses, ports, streams and payload bytes: what is read here is what tshark reads."""

from collections import Counter, defaultdict
from pathlib import Path

import pytest
from tshark_fields import capture, fields

from lynccap.ingest import Source, read_tables

pytestmark = pytest.mark.tshark

SAMPLES = Path(__file__).parents[2] / "sample_pcaps"
CUT = "rootchain-80-refused-truncated.pcap"  # tshark ends with an error at the cut
HEADLESS = "fragments-dropped.pcap"  # tshark reads no ports in a first fragment whose rest is missing
ALIKE = sorted(path.name for path in SAMPLES.glob("*.pcap*") if path.name not in (CUT, HEADLESS))
CHOSEN = ALIKE[::4]  # every fourth: tshark is slow to start

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
    "protocols/Wireshark-PPP-config.cap",
    "protocols/ja4-gre-sample.pcap",
    "formats/PcapPlusPlus-gtp.pcap",
    # Tunnels
    "real/35-nb6-startup.pcap",  # L2TP
    "real/58-input.pcap",  # ERSPAN
    "layers/4-3-2-1-suricata-verify-input.pcap",
    "layers/6-5-4-3-2-1-suricata-verify-input.pcap",
    "layers/PcapFlowLab-02_geneve_inner_ipv4_udp.pcap",
    "layers/PcapFlowLab-03_gtpu_inner_ipv6_tcp.pcap",
    "layers/PcapFlowLab-04_ipv4_eoip_inner_vlan_ipv4_udp.pcap",
    "layers/PcapFlowLab-07_outer_vlan_mpls2_ipv4_eoip_inner_vlan_ipv4_udp.pcap",
    "layers/PcapFlowLab-10_outer_qinq_ipv4_ah_tcp.pcap",
    "layers/PcapFlowLab-15_gre_mpls_ipv4_udp.pcap",
    "layers/PcapFlowLab-26_pbb_inner_pppoe_session_unsupported.pcap",
    "layers/PcapFlowLab-27_geneve_unsupported_and_nested_matrix.pcap",
    "layers/PcapFlowLab-29_gtpu_nested_overlay_udp_terminal.pcap",
    "layers/PcapFlowLab-30_ipv4_eoip_inner_unsupported_ethernet_payloads.pcap",
    "layers/Wireshark-Lab-3B--de-Telem-tica.pcap",  # Teredo
    "layers/chains-nb6-http.pcap",  # PPPoE and L2TP
    "layers/ja4-gre-erspan-vxlan.pcap",
    "layers/packetnet-l2tp.pcap",
    "layers/trex-core-udp_1pkt_ipv6_in_ipv4.pcap",
    # Links
    "layers/PcapFlowLab-04_sll_vlan_ipv4_udp_unsupported.pcap",
    "layers/Wireshark-nflog.pcap",
    "layers/Wireshark-nflog-ebtables.pcapng",
    "layers/libpcap-http_PPI.pcap",
    "layers/mercury-quic_ppp.pcap",
    "layers/nDPI-someip_sd_sample.pcap",
    "layers/packetnet-80211_plus_radiotap_header.pcap",
    "layers/tcpdump-LINKTYPE_PKTAP.pcap",
    "layers/tcpflow-local2.pcap",
    "layers/zeek-linux_dlt_sll2.pcap",
    # Fragments
    "real/18-ipv6frag.pcap",
    "layers/suricata-verify-frag-eth-vlan-ipv6-tcp.pcap",
]

EXPLAINED = {
    "real/29-VoIP-FullCapture-.pcapng": "udp",  # SDP makes tshark open one conversation for each direction of media
    "real/36-jul23-fastbusy-at-ccm-when-flex-oh-hook_1.pcap": "udp",  # the same
    # The IP header inside is cut short: here the datagram around it counts.
    "layers/PcapFlowLab-24_geneve_outer_ipv6_fragmentation.pcap": "udp",
    "layers/PcapFlowLab-28_ipv4_eoip_first_fragment_mf_complete_inner.pcap": "udp",  # its rest is missing: read here
    "layers/PcapFlowLab-30_gtpu_outer_ipv4_fragmentation.pcap": "udp",  # overlapping fragments: not read here
    "layers/zeek-dns-inverse-query.pcap": "tcp",  # FDDI is not read
}
"""Captures whose streams of one transport differ, and why; everything else about them must still agree."""

NAMES = (
    "frame.time_epoch", "ip.src", "ipv6.src", "tcp.stream", "udp.stream", "tcp.srcport", "udp.srcport",
    "tcp.len", "udp.length", "icmp.type", "icmpv6.type", "frame.protocols",
)  # fmt: skip

Side = tuple[str, int, int, int]
"""Address, port, frames, payload bytes."""


def nanoseconds(text: str) -> int:
    whole, fraction = text.split(".")
    return int(whole) * 1_000_000_000 + int(fraction[:9].ljust(9, "0"))


def innermost(protocols: list[str]) -> tuple[str, str]:
    """The last IP layer of a frame, and the transport right in it, "" without one."""
    place = max((at for at, name in enumerate(protocols) if name in ("ip", "ipv6")), default=len(protocols))
    inside = [name for name in protocols[place:] if name in ("tcp", "udp")]
    return (protocols[place], inside[0]) if inside else ("", "")


def streams_of_tshark(rows: list[list[str]], transport: str) -> Counter[tuple[Side, ...]]:
    """Of tunnels it is the packet inside: its values are the last ones of a frame."""
    stream_at, port_at, length_at = (3, 5, 7) if transport == "tcp" else (4, 6, 8)
    frames: dict[str, Counter[tuple[str, int]]] = defaultdict(Counter)
    payload: dict[str, Counter[tuple[str, int]]] = defaultdict(Counter)
    for row in rows:
        quoted = row[9] or row[10]
        network, inside = innermost(row[11].split(":"))
        if inside == transport and not quoted:
            sender = (row[1] if network == "ip" else row[2], int(row[port_at]))
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
    rows = [
        row + [""] * (len(NAMES) - len(row)) for row in fields(path, "frame", *NAMES, options=("-n",), occurrence="l")
    ]
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


def test_only_the_first_fragments_are_read_where_tshark_reads_nothing():
    compare(SAMPLES / HEADLESS, "udp")


@pytest.mark.parametrize("name", CHOSEN)
def test_the_projects_samples_read_as_tshark_reads_them(name):
    compare(SAMPLES / name)
