"""Names asked of neighbours on the link are no DNS: other table, other stack; and DNS that was cut still tells."""

import dns.message
import dns.rrset
import pytest
from capture_files import pcap, read, read_frames, timed, udp
from protocol_examples import DNS_ANSWER, DNS_QUERY

from dissectors.contract import dissect
from dissectors.dns import DNS, DnsMessage, LocalNameMessage, read_question

CLIENT, RESOLVER = ("10.0.0.1", 50_000), ("10.0.0.9", 53)


def asked(name: str, kind: str = "A", **more) -> dns.message.QueryMessage:
    return dns.message.make_query(name, kind, **more)


def replied(query: dns.message.QueryMessage, *records: tuple[str, str, str]) -> bytes:
    response = dns.message.make_response(query)
    for owner, kind, text in records:
        response.answer.append(dns.rrset.from_text(owner, 60, "IN", kind, text))
    return response.to_wire()


def only(data: bytes) -> DnsMessage:
    (placed,) = dissect(DNS, data).messages
    assert isinstance(placed.message, DnsMessage)
    return placed.message


@pytest.mark.parametrize(("port", "dialect"), [(5353, "mdns"), (5355, "llmnr"), (137, "nbns")])
def test_ports_of_neighbours_are_no_dns(port: int, dialect: str, tmp_path):
    group = ("224.0.0.251", port)
    frames = [udp(CLIENT, group, DNS_QUERY), udp(("10.0.0.7", port), CLIENT, DNS_ANSWER)]
    frames += [udp(CLIENT, RESOLVER, DNS_QUERY), udp(RESOLVER, CLIENT, DNS_ANSWER)]
    tables = read_frames(frames, tmp_path)

    assert tables.flows["stack"].tolist() == [dialect, dialect, "dns"]
    assert tables["local-names"]["dialect"].tolist() == [dialect, dialect]
    assert tables["local-names"]["frame"].tolist() == [1, 2]
    assert tables["dns"]["dialect"].tolist() == ["dns", "dns"]
    assert tables.dns_answers["frame"].tolist() == [4]


def test_resolver_that_asks_from_a_neighbours_port_asks_dns(tmp_path):
    frames = [udp(("10.0.0.1", 5353), RESOLVER, DNS_QUERY)]

    assert read_frames(frames, tmp_path).flows["stack"].tolist() == ["dns"]


NETBIOS = b"\x20EGEJEMEFFDCACACACACACACACACACACA\0"
NBNS_QUERY = bytes.fromhex("8001 0110 0001 0000 0000 0000") + NETBIOS + b"\0\x20\0\1"
NBNS_ANSWER = (
    bytes.fromhex("8001 8500 0000 0001 0000 0000") + NETBIOS + bytes.fromhex("00200001 00000000 0006 0000 0a000007")
)
MDNS_QUESTION = bytes.fromhex("0000 0000 0001 0000 0000 0000") + b"\5phone\5local\0" + bytes.fromhex("0001 8001")
MDNS_ANSWER = (
    bytes.fromhex("0000 8400 0000 0001 0000 0000")
    + b"\5phone\5local\0"
    + bytes.fromhex("00018001 00000078 0004 0a000007")
)


@pytest.mark.parametrize(
    ("data", "dialect", "name"),
    [
        (NBNS_QUERY, "nbns", "files<20>"),
        (NBNS_ANSWER, "nbns", "files<20>"),
        (MDNS_QUESTION, "mdns", "phone.local"),
        (MDNS_ANSWER, "mdns", ""),
    ],
)
def test_bytes_of_neighbours_are_known_whatever_the_port(data: bytes, dialect: str, name: str, tmp_path):
    message = only(data)
    tables = read_frames([udp(CLIENT, ("10.0.0.9", 40_000), data)], tmp_path)

    assert isinstance(message, LocalNameMessage)
    assert (message.dialect, message.name) == (dialect, name)
    assert tables.flows["stack"].tolist() == [dialect]
    assert tables["dns"].empty


@pytest.mark.parametrize("name", ["x" * 32 + ".contoso.com", "ABCDEFGHIJKLMNOPABCDEFGHIJKLMNOP.contoso.com"])
def test_long_first_label_of_dns_is_no_netbios(name: str):
    assert only(asked(name).to_wire()).name == name.lower()
    assert only(asked(name).to_wire()).dialect == "dns"


def test_header_bits_and_edns_are_told():
    query = asked("_sip._tls.contoso.com", "SRV", use_edns=0, payload=1232)
    response = dns.message.make_response(query)
    response.set_rcode(dns.rcode.BADVERS)
    response.flags |= dns.flags.AA
    sent, got = only(query.to_wire()), only(response.to_wire())

    assert (sent.edns_size, sent.rcode_name, sent.authoritative) == (1232, "noerror", False)
    assert (got.rcode, got.rcode_name, got.authoritative) == (16, "badvers", True)
    assert only(DNS_QUERY).edns_size is None


@pytest.mark.parametrize("rcode", ["noerror", "formerr", "servfail", "nxdomain", "notimp", "refused"])
def test_response_codes_have_the_librarys_names(rcode: str):
    response = dns.message.make_response(asked("a.contoso.com"))
    response.set_rcode(dns.rcode.from_text(rcode))

    assert only(response.to_wire()).rcode_name == rcode


def test_records_of_every_kind_become_rows(tmp_path):
    query = asked("www.contoso.com", "ANY")
    wire = replied(
        query,
        ("www.contoso.com.", "CNAME", "web.contoso.com."),
        ("_sip._tls.contoso.com.", "SRV", "0 0 443 sip.contoso.com."),
        ("web.contoso.com.", "AAAA", "2001:db8::1"),
        ("7.0.0.10.in-addr.arpa.", "PTR", "fe1.contoso.com."),
        ("www.contoso.com.", "HTTPS", "1 . alpn=h2"),
        ("contoso.com.", "MX", "10 mail.contoso.com."),
    )
    rows = read_frames([udp(RESOLVER, CLIENT, wire)], tmp_path).dns_answers

    assert rows[["record_type", "value", "port"]].to_numpy().tolist() == [
        ["CNAME", "web.contoso.com", 0],
        ["SRV", "sip.contoso.com", 443],
        ["AAAA", "2001:db8::1", 0],
        ["PTR", "fe1.contoso.com", 0],
        ["HTTPS", '1 . alpn="h2"', 0],
        ["MX", "mail.contoso.com", 0],
    ]


@pytest.mark.parametrize("identification", [0x1234, 0x8001, 0xA0F0])
def test_datagrams_captured_short_still_tell_question_and_code(identification, tmp_path):
    query = asked("_sipinternaltls._tcp.contoso.com", "SRV", use_edns=0)
    query.id = identification  # the last two look like RTP's first byte
    denied = dns.message.make_response(query)
    denied.set_rcode(dns.rcode.NXDOMAIN)
    denied.authority.append(dns.rrset.from_text("contoso.com.", 60, "IN", "SOA", "ns. admin. 1 2 3 4 5"))
    frames = [udp(CLIENT, RESOLVER, query.to_wire()), udp(RESOLVER, CLIENT, denied.to_wire())]
    tables = read(pcap(timed(frames), snap_length=96), tmp_path)
    rows = tables["dns"]

    assert tables.flows["stack"].tolist() == ["dns"]
    assert rows["name"].tolist() == ["_sipinternaltls._tcp.contoso.com"] * 2
    assert rows["rcode_name"].tolist() == ["noerror", "nxdomain"]
    assert rows["complete"].tolist() == [False, False]
    assert set(tables.anomalies["kind"]) == {"truncated"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        DNS_QUERY[:20],
        DNS_QUERY.replace(b"contoso", b"con\x01oso"),
        DNS_QUERY[:-4] + b"\0\x77\0\1",
        DNS_QUERY[:-2] + b"\0\3\3",
        NBNS_QUERY,
        bytes(40),
        b"\x80\x60" + bytes(range(60)),
        DNS_QUERY[:12] + b"\0\0\1\0\1",
    ],
)
def test_cut_bytes_that_are_not_surely_dns_are_not(data: bytes):
    assert read_question(data) is None


def test_whole_datagrams_with_missing_records_are_still_refused(tmp_path):
    promised = DNS_ANSWER[:6] + b"\0\2" + DNS_ANSWER[8:]

    assert read_frames([udp(RESOLVER, ("10.0.0.1", 4000), promised)], tmp_path)["dns"].empty
