"""RTP streams as tshark measures them (-z rtp,streams), and why some figures differ.

tshark leaves packets with the marker bit, comfort noise and what follows it out of its figures of gaps and jitter;
it knows a dynamic type's clock from SDP only, which this project does not use here; it begins to count a stream where
its heuristic, or the SDP, has begun to believe in it.
"""

from pathlib import Path

import pytest
from tshark_fields import capture, fields
from tshark_streams import Stream, streams_of

from lynccap.ingest import Source, read_tables
from lynccap.tables import Tables

pytestmark = pytest.mark.tshark

SAMPLES = Path(__file__).parents[2] / "sample_pcaps"
SAMPLE_NAMES = [
    "media-direct-ice-probes.pcap",
    "media-external-user.pcap",
    "media-federated-direct.pcap",
    "media-hairpin-external-edge.pcap",
    "media-relayed-internal-edge.pcap",
    "media-relayed-one-sided.pcap",
]
PUBLIC_NAMES = [
    "formats/nDPI-stun.pcap",
    "protocols/TracePcap-discord.pcap",
    "protocols/Wireshark-1filtered.cap",
    "protocols/Wireshark-Mobile-Originating-Call-AMR-.pcap",
    "protocols/Wireshark-Mobile-Terminating-Call-AMR-.pcap",
    "protocols/Wireshark-h223-over-rtp.pcap.gz",
    "protocols/Wireshark-h263-over-rtp.pcap",
    "protocols/Wireshark-port-16_vlan24_200.pcap",
    "protocols/Wireshark-sip-rtp-g722.pcap",
    "protocols/Wireshark-sip-rtp-g729a.pcap",
    "protocols/Wireshark-sip-rtp-gsm.pcap",
    "protocols/nDPI-geforcenow.pcapng",
    "protocols/nDPI-i3d.pcap",
    "protocols/nDPI-stun_google_meet.pcapng",
    "protocols/nDPI-stun_signal.pcapng",
    "protocols/testsuite-crash-27382.pcap",
    "real/02-teams.pcap",
    "real/21-sip.pcap",
    "real/29-VoIP-FullCapture-.pcapng",
    "real/31-SIP_CALL_RTP_G711",
    "real/36-jul23-fastbusy-at-ccm-when-flex-oh-hook_1.pcap",
]
FIGURES = ("packets", "lost", "longest gap", "mean jitter", "highest jitter")
BELIEF = "tshark believes in the stream only after its first packets, and counts from there"
MARKS = "the longest gap, or the jitter, ends at a packet with the marker bit"
SDP = "tshark has the clock rate from H.245 or SDP"
DIFFERENCES = {
    ("protocols/TracePcap-discord.pcap", 0xACE3): (BELIEF, {"packets", "longest gap"}),
    ("protocols/Wireshark-1filtered.cap", 0x23157D23): (MARKS, {"longest gap"}),
    ("protocols/Wireshark-h223-over-rtp.pcap.gz", 0x73ED0101): (SDP, {"mean jitter", "highest jitter"}),
    ("protocols/Wireshark-h223-over-rtp.pcap.gz", 0x1FD5F813): (SDP, {"mean jitter", "highest jitter"}),
    ("protocols/Wireshark-h263-over-rtp.pcap", 0x5482ECE0): (MARKS, {"mean jitter"}),
    ("protocols/nDPI-stun_google_meet.pcapng", 0): (BELIEF, {"packets", "lost"}),
    ("protocols/nDPI-stun_signal.pcapng", 0x7DD): (BELIEF, {"packets", "lost"}),
    ("real/31-SIP_CALL_RTP_G711", 0x58F33DEA): (MARKS, {"longest gap"}),
}
FEW = 5  # packets; of shorter streams, and bits of SSRCs in others, nothing is believed
Key = tuple[tuple[str, int], tuple[str, int], int]


def ours(tables: Tables) -> dict[Key, dict[str, float]]:
    found = {}
    for row in tables.media.itertuples():
        flow = tables.flows.loc[row.flow]
        client, server = (flow["client"], int(flow["client_port"])), (flow["server"], int(flow["server_port"]))
        ends = (client, server) if row.from_client else (server, client)
        values = (row.packets + row.duplicates, row.lost, row.longest_gap_us, row.jitter_us, row.jitter_max_us)
        found[(*ends, row.ssrc)] = dict(zip(FIGURES, values, strict=True))
    return found


def theirs(one: Stream) -> dict[str, float]:
    values = (one.packets, one.lost, one.longest_gap, one.mean_jitter, one.max_jitter)
    return dict(zip(FIGURES, values, strict=True))


def compare(name: str, path: Path) -> tuple[int, int]:
    """Figures that agree, and all of them. Fails where others differ than are explained."""
    found = ours(read_tables([Source(str(path))]))
    agreed = every = 0
    for one in streams_of(path):
        row = found.get((one.source, one.target, one.ssrc))
        if row is None:
            assert one.packets < FEW, one
            continue
        compared = {figure: value for figure, value in theirs(one).items() if one.max_jitter or "jitter" not in figure}
        differ = {figure for figure, value in compared.items() if abs(value - row[figure]) > 2}
        _, explained = DIFFERENCES.get((name, one.ssrc), ("", set()))
        assert differ <= explained, (one, row)
        agreed, every = agreed + len(compared) - len(differ), every + len(compared)
    assert every
    return agreed, every


@pytest.mark.parametrize("name", PUBLIC_NAMES)
def test_streams_of_public_captures_are_measured_as_tshark_measures_them(name, record_property):
    agreed, every = compare(name, capture(name))
    record_property("RTP streams, figures of tshark", {"both": agreed, "other": every - agreed})


@pytest.mark.parametrize("name", SAMPLE_NAMES)
def test_streams_of_samples_are_measured_as_tshark_measures_them(name, record_property):
    agreed, every = compare(name, SAMPLES / name)
    record_property("RTP streams, figures of tshark", {"both": agreed, "other": every - agreed})
    assert agreed == every


RTCP_NAMES = [
    "protocols/Wireshark-Mobile-Originating-Call-AMR-.pcap",
    "protocols/Wireshark-Mobile-Terminating-Call-AMR-.pcap",
    "protocols/testsuite-crash-27382.pcap",
    "real/29-VoIP-FullCapture-.pcapng",
    "real/31-SIP_CALL_RTP_G711",
]
RTCP_FIELDS = {
    "rtcp.ssrc.cum_nr": "lost_total",
    "rtcp.ssrc.fraction": "lost_fraction",
    "rtcp.ssrc.ext_high": "highest_sequence",
    "rtcp.ssrc.jitter": "jitter",
    "rtcp.ssrc.lsr": "last_report",
    "rtcp.ssrc.dlsr": "delay",
    "rtcp.timestamp.rtp": "rtp_time",
    "rtcp.sender.packetcount": "packets_sent",
    "rtcp.sender.octetcount": "bytes_sent",
    "rtcp.ssrc.identifier": "source",
}


@pytest.mark.parametrize("name", RTCP_NAMES)
def test_reports_say_what_tshark_reads_in_them(name):
    path = capture(name)
    rows = fields(path, "rtcp", "frame.number", *RTCP_FIELDS, occurrence="a")
    table = read_tables([Source(str(path))])["rtcp"]
    assert rows
    assert {int(row[0]) for row in rows} <= set(table["frame"])
    for number, *values in rows:
        messages = table[table["frame"] == int(number)]
        for column, text in zip(RTCP_FIELDS.values(), values, strict=True):
            scale = 256 if column == "lost_fraction" else 1
            wanted = [int(one, 0) for one in text.split(",") if one]
            read = [int(one * scale) for one in messages[column].dropna()]
            assert bool(read) == bool(wanted), (number, column)
            assert read == wanted[: len(read)], (
                number,
                column,
            )  # other packets have such fields too
