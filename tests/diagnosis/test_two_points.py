"""Two capture points: what both show is told once, and one corrects what the other one seems to show."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import replace

import pytest
from cases import START, case, dns_flow, flow
from cases import answer as answer_of_dns
from samples import FOLDER, Recorded, document_of, pcap_of, sample

from lynccap.analysis import Study, analyze
from lynccap.analysis import document_of as document_of_study
from lynccap.correlation.case import Case
from lynccap.document import Document, Finding
from lynccap.ingest import Source

PC, SERVER, SIP = "10.201.7.31", "10.202.3.17", 5061
AHEAD = 3_217_000_000  # the floor's clock, nanoseconds
ON_THE_WAY = 500_000
SYN_ACK, REFUSAL = 0x12, 0x14
IP, TCP = 14, 34


def frames(name: str, place: int) -> list[Recorded]:
    """One file of a sample of two."""
    from scapy.utils import RawPcapReader

    path = FOLDER / name / sample(name).label["points"]["files"][place]
    with RawPcapReader(str(path)) as reader:
        return [
            Recorded(meta.sec * 10**9 + meta.usec * 1000, data, meta.wirelen, reader.linktype) for data, meta in reader
        ]


def is_lost(one: Recorded) -> bool:
    """One of the SYNs that the firewall drops."""
    return one.source() == PC and one.data[TCP + 2 : TCP + 4] == SIP.to_bytes(2, "big")


def routed(one: Recorded) -> Recorded:
    """The same packet at the servers."""
    data = bytearray(one.data)
    data[IP + 8] -= 1
    return replace(one, data=bytes(data), time=one.time - AHEAD + ON_THE_WAY)


def answer(one: Recorded, flags: int) -> Recorded:
    """What the server says to a SYN."""
    data = bytearray(one.data)
    data[0:6], data[6:12] = one.data[6:12], one.data[0:6]
    data[IP + 4 : IP + 6] = b"\x55" + one.data[IP + 5 : IP + 6]
    data[IP + 12 : IP + 16], data[IP + 16 : IP + 20] = one.data[IP + 16 : IP + 20], one.data[IP + 12 : IP + 16]
    data[TCP : TCP + 2], data[TCP + 2 : TCP + 4] = one.data[TCP + 2 : TCP + 4], one.data[TCP : TCP + 2]
    data[TCP + 4 : TCP + 8] = (77_000).to_bytes(4, "big")
    data[TCP + 8 : TCP + 12] = (int.from_bytes(one.data[TCP + 4 : TCP + 8], "big") + 1).to_bytes(4, "big")
    data[TCP + 13] = flags
    return replace(one, data=bytes(data), time=one.time + 200_000)


def in_order(*parts: Iterable[Recorded]) -> list[Recorded]:
    return sorted((one for part in parts for one in part), key=lambda one: one.time)


def told(floor: Sequence[Recorded], servers: Sequence[Recorded], *, turned: bool = False) -> Document:
    """The analysis of the firewall's both sides."""
    given = [("floor.pcap", floor), ("servers.pcap", servers)]
    return analyze([source(*one) for one in (given[::-1] if turned else given)])


def source(name: str, recorded: Sequence[Recorded]) -> Source:
    data = pcap_of(recorded)
    return Source(name, opening=lambda: io.BytesIO(data))


def accused(document: Document) -> list[Finding]:
    """What is wrong with connections; the sample's firewall re-marks speech besides."""
    return [one for one in document.findings if one.severity != "info" and one.rule != "dscp-rewritten"]


FLOOR, SERVERS = frames("points-firewall", 0), frames("points-firewall", 1)
SYNS = [one for one in FLOOR if is_lost(one)]
ARRIVED = [routed(one) for one in SYNS]


@pytest.mark.parametrize("name", ["points-nat", "points-firewall", "points-balancer"])
def test_what_both_points_show_is_told_once(name: str) -> None:
    document = document_of(name)
    subjects = [(one.rule, one.device, one.peer, one.port) for one in document.findings]
    shown = [{piece.capture for piece in one.evidence} for one in document.findings if one.severity == "info"]

    assert len(set(subjects)) == len(subjects)
    assert {"C1", "C2"} in shown


@pytest.mark.parametrize(
    ("name", "stands_in", "behind"),
    [
        ("points-nat", "172.19.40.1", {"10.133.64.21", "10.133.64.22"}),
        ("points-balancer", "172.18.20.40", {"172.18.90.15"}),
    ],
)
def test_an_address_that_stands_for_others_is_no_device(name: str, stands_in: str, behind: set[str]) -> None:
    document = document_of(name)
    told_of = {one.id for one in document.devices if any(stands_in in says for says in one.address_basis)}

    assert stands_in not in {address for one in document.devices for address in one.addresses}
    assert told_of == behind
    assert stands_in not in {one.device for one in document.findings if one.severity != "info"}


def test_a_conversation_counts_once() -> None:
    counts = {one.service: one.flows for one in document_of("points-firewall").services}
    alone = {one.service: one.flows for one in analyze([Source(str(FOLDER / "points-firewall/floor.pcap"))]).services}

    assert counts["smb"] == alone["smb"]
    assert counts["dns"] == alone["dns"]
    assert counts["rtp"] == alone["rtp"] == 1


@pytest.mark.parametrize("turned", [False, True])
class TestSilence:
    def test_syns_that_never_arrive_are_dropped_between(self, turned: bool) -> None:
        (one,) = accused(told(FLOOR, SERVERS, turned=turned))

        assert one.rule == "tcp-filtered-silent"
        assert "never reach servers.pcap" in one.why

    def test_syns_that_arrive_and_stay_unanswered_are_one_finding_of_both(self, turned: bool) -> None:
        (one,) = accused(told(FLOOR, in_order(SERVERS, ARRIVED), turned=turned))

        assert (one.rule, one.device, one.peer, one.port) == ("tcp-filtered-silent", PC, SERVER, SIP)
        assert {piece.capture for piece in one.evidence} == {"C1", "C2"}
        assert "servers.pcap shows them too" in one.why

    def test_answers_that_get_lost_on_the_way_back_are_called_so(self, turned: bool) -> None:
        answers = [answer(one, SYN_ACK) for one in ARRIVED]
        (one,) = accused(told(FLOOR, in_order(SERVERS, ARRIVED, answers), turned=turned))

        assert one.rule == "tcp-filtered-silent"
        assert one.says.endswith("its packets reach the server, and the server's answer vanishes on the way back.")
        assert "servers.pcap, nearer to the server, shows them and its answer" in one.why
        assert {piece.capture for piece in one.evidence} == {"C1", "C2"}

    def test_an_answer_that_the_client_had_forbids_the_verdict(self, turned: bool) -> None:
        answered = in_order(FLOOR, (answer(one, SYN_ACK) for one in SYNS))
        document = told(answered, in_order(SERVERS, ARRIVED), turned=turned)

        assert accused(document) == []
        (doubt,) = [one for one in document.assessments if one.rule == "tcp-filtered-silent"][-1:]
        assert doubt.outcome == "inconclusive"
        assert "floor.pcap shows an answer that this capture lacks" in doubt.reason


@pytest.mark.parametrize("turned", [False, True])
class TestRefusal:
    REFUSED = in_order(FLOOR, [answer(one, REFUSAL) for one in SYNS])

    def test_of_syns_that_never_arrive_is_a_box_between(self, turned: bool) -> None:
        (one,) = accused(told(self.REFUSED, SERVERS, turned=turned))

        assert (one.rule, one.confidence) == ("tcp-refused-by-middlebox", "certain")
        assert "never reach servers.pcap" in one.why

    def test_that_never_passed_the_servers_is_a_box_between(self, turned: bool) -> None:
        once = in_order(FLOOR, [answer(SYNS[-1], REFUSAL)])
        (one,) = accused(told(once, in_order(SERVERS, ARRIVED), turned=turned))

        assert (one.rule, one.confidence) == ("tcp-refused-by-middlebox", "certain")
        assert "it was sent between the two points" in one.why

    def test_that_both_points_show_is_one_finding(self, turned: bool) -> None:
        far = [answer(one, REFUSAL) for one in ARRIVED]
        near = [replace(routed(one), time=one.time + AHEAD + ON_THE_WAY) for one in far]
        (one,) = accused(told(in_order(FLOOR, near), in_order(SERVERS, ARRIVED, far), turned=turned))

        assert (one.device, one.peer, one.port) == (PC, SERVER, SIP)
        assert {piece.capture for piece in one.evidence} == {"C1", "C2"}


def site(mac: str, domain: str, agent: str) -> Case:
    """A client of some site that has 192.168.1.10, like many others'."""
    pc, server = "192.168.1.10", "192.168.1.5"
    signs_in = {
        "flow": 1, "frame": 20, "kind": "request", "method": "REGISTER", "from_client": True, "user_agent": agent,
        "time": START, "from_epid": mac[-2:], "from_uri": f"sip:a@{domain}",
    }  # fmt: skip
    return case(
        [
            dns_flow(pc, "192.168.1.2"),
            flow(pc, server, 5061, stack="tls/sip", client_mac=mac, ttl_client_min=128, ttl_client_max=128),
        ],
        dns_answers=[answer_of_dns(f"lyncdiscoverinternal.{domain}", server)],
        sip=[signs_in],
    )


def test_two_sites_with_the_same_private_network_are_not_told_as_one_machine() -> None:
    sites = (
        site("3c:d9:2b:00:00:01", "alpine.example", "UCCAPI/15.0.4569.1503 OC/15.0.4569.1503 (Microsoft Lync)"),
        site("00:04:f2:00:00:02", "wingtip.example", "PolycomVVX-VVX_410-UA/5.4.0"),
    )
    (pc,) = [one for one in document_of_study(Study(sites)).devices if one.id == "192.168.1.10"]

    assert pc.kind == "unknown"
    assert "different machines have this address" in pc.basis


@pytest.mark.parametrize("name", ["points-nat", "points-balancer"])
def test_it_is_told_the_same_whichever_capture_comes_first(name: str) -> None:
    files = [FOLDER / name / one for one in sample(name).label["points"]["files"]]
    back = analyze([Source(str(one)) for one in files[::-1]])
    subjects = [(one.rule, one.device, one.peer) for one in document_of(name).findings]

    assert sorted(map(str, subjects)) == sorted(str((one.rule, one.device, one.peer)) for one in back.findings)
    assert [one.id for one in back.devices] == [one.id for one in document_of(name).devices]
