import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tshark_fields import capture, fields

from dissectors.contract import AnomalyKind, Cursor, Malformed, Truncated, Verdict, dissect
from dissectors.dns import DNS, MAX_QUESTIONS, DnsMessage, read_question

SRV, A = 33, 1


def labels(name: str) -> bytes:
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def header(flags: int, questions: int = 1, answers: int = 0, others: int = 0, additional: int = 0) -> bytes:
    return struct.pack(">6H", 0x1234, flags, questions, answers, others, additional)


def question(name: str, record_type: int = A) -> bytes:
    return labels(name) + struct.pack(">HH", record_type, 1)


def record(owner: bytes, data: bytes, record_type: int = A) -> bytes:
    return owner + struct.pack(">HHIH", record_type, 1, 300, len(data)) + data


def over_tcp(message: bytes) -> bytes:
    return len(message).to_bytes(2, "big") + message


QUERY = header(0x0100) + question("_sipinternaltls._tcp.Contoso.com", SRV)
TO_POOL = record(b"\xc0\x0c", struct.pack(">HHH", 0, 0, 5061) + labels("pool.contoso.com"), SRV)
EDNS = b"\0" + struct.pack(">HHIH", 41, 4096, 0, 0)
ANSWER = header(0x8580, 1, 1, 0, 1) + question("_sipinternaltls._tcp.contoso.com", SRV) + TO_POOL + EDNS
UNKNOWN_NAME = header(0x8183) + question("lyncdiscover.contoso.com")
MDNS_ANSWER = header(0x8400, 0, 1) + record(labels("phone.local"), bytes(4))

EXAMPLES = {
    "query": QUERY,
    "answer": ANSWER,
    "nxdomain": UNKNOWN_NAME,
    "mdns answer": MDNS_ANSWER,
    "query over tcp": over_tcp(QUERY),
    "answer over tcp": over_tcp(ANSWER),
}
by_example = pytest.mark.parametrize("data", EXAMPLES.values(), ids=EXAMPLES)


def messages(data: bytes) -> list[DnsMessage]:
    found = dissect(DNS, data)
    assert found.anomaly is None, found.anomaly
    return [placed.message for placed in found.messages if isinstance(placed.message, DnsMessage)]


def only(data: bytes) -> DnsMessage:
    (message,) = messages(data)
    return message


def test_query_names_what_it_asks() -> None:
    message = only(QUERY)

    assert (message.kind, message.name, message.record_type) == (
        "request",
        "_sipinternaltls._tcp.contoso.com",
        SRV,
    )
    assert (message.transaction_id, message.opcode, message.answers) == (0x1234, 0, 0)


def test_answer_counts_its_records_and_keeps_the_wire() -> None:
    message = only(ANSWER)

    assert (message.kind, message.rcode, message.answers, message.truncated) == ("response", 0, 1, False)
    assert message.wire == ANSWER


def test_unknown_name_is_rcode_3() -> None:
    assert only(UNKNOWN_NAME).rcode == 3


@pytest.mark.parametrize("data", [QUERY, ANSWER])
def test_over_tcp_the_wire_is_without_the_length(data: bytes) -> None:
    first, second = messages(over_tcp(data) * 2)

    assert first.wire == second.wire == data


def test_tcp_messages_of_different_size_follow_each_other() -> None:
    assert [message.name for message in messages(over_tcp(QUERY) + over_tcp(MDNS_ANSWER))] == [
        "_sipinternaltls._tcp.contoso.com",
        "",
    ]


def test_tcp_length_that_ends_inside_the_records_is_malformed() -> None:
    data = over_tcp(QUERY) + (len(QUERY) + 1).to_bytes(2, "big") + QUERY + b"\0"

    anomaly = dissect(DNS, data).anomaly

    assert anomaly is not None
    assert anomaly.kind is AnomalyKind.MALFORMED


def test_tc_bit_forgives_records_that_were_left_out() -> None:
    message = only(header(0x8380, 1, 40) + question("contoso.com") + TO_POOL)

    assert (message.truncated, message.answers) == (True, 40)


def test_question_may_point_backwards_only() -> None:
    forwards = header(0x0100) + b"\xc0\x20" + bytes(4) + bytes(40)
    itself = header(0x0100) + b"\xc0\x0c" + struct.pack(">HH", 1, 1)

    for data in (forwards, itself):
        with pytest.raises(Malformed):
            DNS.parse(Cursor(data))


def test_odd_bytes_of_a_name_are_escaped_as_in_zone_files() -> None:
    assert only(header(0x0100) + b"\x06B\xc3\xbc r.\0" + struct.pack(">HH", 16, 1)).name == r"b\195\188\032r\."


@pytest.mark.parametrize(
    "data",
    [
        header(0x3800) + question("contoso.com"),
        header(0x0140) + question("contoso.com"),
        header(0x0100, MAX_QUESTIONS + 1) + question("contoso.com") * (MAX_QUESTIONS + 1),
        header(0x0100, 1, 0xFFFF) + question("contoso.com"),
        header(0x0100, 0) + bytes(8),
        header(0x0100) + labels("contoso.com") + struct.pack(">HH", 1, 77),
        header(0x0100) + b"\x80" + bytes(200),
        header(0x0100) + labels(".".join(["a" * 60] * 5)) + struct.pack(">HH", 1, 1),
    ],
    ids=[
        "opcode",
        "reserved bit",
        "questions",
        "records",
        "nothing asked",
        "class",
        "label type",
        "long name",
    ],
)
def test_what_breaks_the_rules_is_rejected_and_malformed(data: bytes) -> None:
    assert DNS.probe(data) is Verdict.REJECT
    with pytest.raises(Malformed):
        DNS.parse(Cursor(data))


@pytest.mark.parametrize(
    "data",
    [
        b"\x80\x60" + bytes(range(60)),
        b"\x1b" + bytes(47),
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        struct.pack(">HH", 0x0001, 0) + bytes(range(0x51, 0x61)),
        header(0x0100) + b"\3a\1b\0" + struct.pack(">HH", 1, 1),
        struct.pack(">7I", 0x0A0B1600, 1, 0, 0, 0, 0, 2049),
    ],
    ids=["rtp", "ntp", "http", "stun", "control characters in the name", "answer to a remote procedure call"],
)
def test_look_alikes_are_rejected(data: bytes) -> None:
    assert DNS.probe(data) is Verdict.REJECT


@by_example
def test_claims_its_examples(data: bytes) -> None:
    assert DNS.probe(data) >= Verdict.LIKELY


def test_a_question_whose_message_ends_exactly_is_certain() -> None:
    assert DNS.probe(QUERY) is Verdict.CERTAIN
    assert DNS.probe(over_tcp(QUERY)) is Verdict.CERTAIN
    assert DNS.probe(QUERY + b"\xff") is Verdict.LIKELY


@by_example
def test_every_prefix_is_truncated_and_not_rejected(data: bytes) -> None:
    for size in range(len(data)):
        assert DNS.probe(data[:size]) is not Verdict.REJECT
        with pytest.raises(Truncated):
            DNS.parse(Cursor(data[:size]))


@by_example
def test_two_in_a_row_are_two(data: bytes) -> None:
    first, second = messages(data + data)

    assert first == second


@by_example
def test_every_prefix_gives_its_question_or_nothing(data: bytes) -> None:
    for size in range(len(data)):
        question = read_question(data[:size])
        assert question is None or (not question.complete and len(question.wire) <= size)


@given(st.binary(max_size=300))
def test_arbitrary_bytes_never_raise(data: bytes) -> None:
    DNS.probe(data)
    read_question(data)
    read_question(QUERY[:12] + data)

    assert dissect(DNS, data).consumed <= len(data)


@given(
    st.sampled_from(list(EXAMPLES.values())),
    st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=6),
)
def test_damage_never_raises_and_keeps_names_bounded(data: bytes, damage: list[tuple[int, int]]) -> None:
    damaged = bytearray(data)
    for place, value in damage:
        damaged[place % len(damaged)] = value

    DNS.probe(bytes(damaged))

    for placed in dissect(DNS, bytes(damaged)).messages:
        assert isinstance(placed.message, DnsMessage)
        assert len(placed.message.name) <= 4 * 255


@pytest.mark.tshark
@pytest.mark.parametrize(
    "name",
    [
        "real/02-teams.pcap",
        "real/35-nb6-startup.pcap",
        "protocols/TracePcap-dns_demo.pcap",
        "protocols/zeek-wikipedia.pcap",
    ],
)
def test_agrees_with_tshark_on_names_and_rcodes(name: str) -> None:
    rows = fields(
        capture(name),
        "udp and !icmp and !nbns and (dns or mdns or llmnr)",
        *("frame.number", "udp.payload", "dns.id", "dns.flags.rcode", "dns.qry.name", "dns.qry.type"),
    )
    assert rows
    for number, payload, identifier, rcode, asked, record_type in rows:
        message = only(bytes.fromhex(payload))

        assert message.transaction_id == int(identifier, 16), number
        assert message.rcode == int(rcode or "0"), number
        assert message.name == asked.lower().replace("<root>", ""), number
        assert message.record_type == int(record_type or "0"), number
