"""SIP and SDP of public captures, and of messages in Lync's shapes: what is read here is what tshark reads.

Known differences, which are not compared: tshark shows a Content-Length only where one is sent, while the length of
a body is known without; its Expires is the header's, while Contact may give one too; it takes x-candidate-ipv6 and
candidates of draft-06 for attributes it does not know; it shows no SDP of one body that is two bytes short
(Wireshark-MSCML.pcap). Captures that are left out: Wireshark-T38.pcap, recorded on "any", holds each datagram of one
side twice, which counts once here; in zeek-invalid-content-length.pcap a message whose length is no number has no
end, and is refused here; nDPI-fuzz-2006-06-26-2594.pcap is damaged at random.
"""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from capture_files import CLIENT, SERVER, Connection, pcap, timed
from protocol_examples import EXAMPLES
from tshark_fields import capture, fields

from dissectors.sip import read_sdp
from lynccap.ingest import Source, read_tables

pytestmark = pytest.mark.tshark

CAPTURES = [
    "real/15-sip-tcp.pcap",
    "real/21-sip.pcap",
    "real/29-VoIP-FullCapture-.pcapng",
    "real/31-SIP_CALL_RTP_G711",
    "real/18-ipv6frag.pcap",
    "formats/nDPI-gre.pcapng",
    "protocols/Wireshark-1filtered.cap",
    "protocols/Wireshark-DTMFsipinfo.pcap",
    "protocols/Wireshark-MSCML.pcap",
    "protocols/Wireshark-MagicJack_pwr_up.pcap",
    "protocols/Wireshark-h263-over-rtp.pcap",
    "protocols/Wireshark-nb6-startup.pcap",
    "protocols/Wireshark-port-16_vlan24_200.pcap",
    "protocols/Wireshark-sip-rtp-g722.pcap",
    "protocols/Wireshark-sip-rtp-g729a.pcap",
    "protocols/Wireshark-sip-rtp-gsm.pcap",
    "protocols/ipfixprobe-sip.pcap",
    "protocols/nfstream-sip.pcap",
    "protocols/suricata-verify-public-cloudshark-sip-s0.pcap",
    "protocols/suricata-verify-sip-tcp.pcap",
    "protocols/suricata-verify-sip.pcap",
]
SHORT_BODY = "protocols/Wireshark-MSCML.pcap"
COLUMNS = {
    "sip.CSeq.method": "method",
    "sip.Status-Code": "status",
    "sip.Call-ID": "call_id",
    "sip.CSeq.seq": "cseq",
    "sip.from.addr": "from_uri",
    "sip.to.addr": "to_uri",
    "sip.from.tag": "from_tag",
    "sip.to.tag": "to_tag",
    "sip.User-Agent": "user_agent",
    "sip.Server": "server",
    "sip.Via.branch": "branch",
    "sip.Via.transport": "via_transport",
}
ONE_OF_SEVERAL = ("sip.Via.branch", "sip.Via.transport")
"""Of which the message tells the topmost only."""
SHOWN = "sip && !icmp && !icmpv6"
Values = Counter[tuple[int, str]]
"""How often a frame says a value."""


@pytest.mark.parametrize("name", CAPTURES)
def test_headers_of_public_captures(name: str, record_property: Any):
    agree(capture(name), record_property)


def agree(path: Path, record_property: Any) -> None:
    messages, tshark = read_tables([Source(str(path))])["sip"], said_by_tshark(path, *COLUMNS)
    compared = 0
    for name, column in COLUMNS.items():
        rows = messages[["frame", column]].itertuples(index=False)
        ours = Counter((int(frame), str(value)) for frame, value in rows if value is not None)
        assert ours == tshark[name], name
        compared += ours.total()
    assert compared
    record_property("SIP headers and SDP, values of tshark", {"both": compared})


def said_by_tshark(path: Path, *names: str) -> dict[str, Values]:
    """Every value of the fields, the first of a frame for those of ONE_OF_SEVERAL."""
    options = ("-n", "-E", "aggregator=\x1f")
    found: dict[str, Values] = {name: Counter() for name in names}
    for number, *columns in fields(path, SHOWN, "frame.number", *names, options=options, occurrence="a"):
        for name, values in zip(names, columns, strict=True):
            kept = slice(1) if name in ONE_OF_SEVERAL else slice(None)
            found[name].update((int(number), one.strip()) for one in values.split("\x1f")[kept] if one)
    return found


@pytest.mark.parametrize("name", [one for one in CAPTURES if one != SHORT_BODY])
def test_media_of_public_captures(name: str):
    assert media_of(capture(name)) == said_by_tshark(capture(name), "sdp.media")["sdp.media"]


def media_of(path: Path) -> Values:
    rows = read_tables([Source(str(path))])["sip"][["frame", "body"]].itertuples(index=False)
    return Counter(
        (int(frame), " ".join([one.kind, str(one.port), one.protocol, *one.formats]))
        for frame, body in rows
        for one in _media(body)
    )


def _media(body: bytes) -> Iterable[Any]:
    found = read_sdp(body)
    return found.media if found else ()


@pytest.fixture
def spoken(tmp_path: Path) -> Path:
    """The examples in Lync's shapes, each in a segment of its own."""
    link = Connection(CLIENT, (SERVER[0], 5060))
    frames = link.open()
    for place, example in enumerate(EXAMPLES["sip"]):
        frames += link.say(place % 2, example, 1460)
    path = tmp_path / "spoken.pcap"
    path.write_bytes(pcap(timed(frames)))
    return path


def test_headers_and_media_in_the_shapes_of_lync(spoken: Path, record_property: Any):
    agree(spoken, record_property)
    assert media_of(spoken) == said_by_tshark(spoken, "sdp.media")["sdp.media"]


def test_candidates_in_the_shapes_of_lync(spoken: Path):
    bodies = read_tables([Source(str(spoken))])["sip"]["body"]
    ours = [
        [one.foundation, str(one.component), one.transport, str(one.priority), one.ip, str(one.port), one.type]
        for body in bodies
        for medium in _media(body)
        for one in medium.candidates
    ]
    parts = ("foundation", "componentid", "transport", "priority", "address", "port", "type")

    assert ours
    assert ours == fields(spoken, "sdp.ice_candidate.type", *(f"sdp.ice_candidate.{part}" for part in parts))
