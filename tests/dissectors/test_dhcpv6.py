import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol_examples import DNS_ANSWER, DNS_QUERY, EXAMPLES, MS_COOKIE, STUN_BINDING, TURN_ALLOCATE
from tshark_fields import capture, fields

from dissectors import identify
from dissectors.contract import Verdict, dissect
from dissectors.dhcpv6 import DHCPV6, KINDS, Dhcpv6Message

(SOLICIT,) = EXAMPLES["dhcpv6"]
RELAYED = bytes([12, 0]) + bytes(32) + b"\0\x09" + len(SOLICIT).to_bytes(2, "big") + SOLICIT


@pytest.mark.parametrize(("data", "kind", "number"), [(SOLICIT, "solicit", 0xABCDEF), (RELAYED, "relay-forward", 0)])
def test_message_is_named(data: bytes, kind: str, number: int):
    (placed,) = dissect(DHCPV6, data).messages

    assert placed.message == Dhcpv6Message(kind=kind, transaction_id=number)
    assert identify(data)[0] is DHCPV6


@pytest.mark.parametrize(
    "data",
    [
        DNS_QUERY,
        DNS_ANSWER,
        STUN_BINDING,
        TURN_ALLOCATE,
        MS_COOKIE,
        b"\x01abc" + bytes(20),
        b"\x01abc\0\6\0\2\0\x17",
        b"\x01abc\0\1\0\4\0\x09zz",
        bytes([12, 0]) + bytes(32) + SOLICIT[4:],
    ],
    ids=["query", "answer", "stun", "turn", "cookie", "zeros", "nobody", "odd identity", "relays nothing"],
)
def test_look_alikes_are_not_it(data: bytes):
    assert DHCPV6.probe(data) < Verdict.LIKELY


@given(st.binary(min_size=1, max_size=120))
def test_options_must_fill_what_is_claimed(data: bytes):
    if DHCPV6.probe(data) is Verdict.LIKELY:
        assert DHCPV6.probe(data + b"\0") is not Verdict.LIKELY


@pytest.mark.tshark
@pytest.mark.parametrize(
    "name",
    ["damaged/ntopng-dhcpv4v6-rfc5970-rfc8572.pcap", "damaged/tcpdump-dhcpv6-vendor-specific-information.pcap"],
)
def test_agrees_with_tshark(name: str):
    names = ("frame.number", "udp.payload", "dhcpv6.msgtype", "dhcpv6.xid")
    rows = fields(capture(name), "udp and dhcpv6 and !icmp and !icmpv6", *names)
    assert rows
    for number, payload, kind, transaction in rows:
        (placed,) = dissect(DHCPV6, bytes.fromhex(payload)).messages

        assert isinstance(placed.message, Dhcpv6Message)
        assert placed.message.kind == KINDS[int(kind)], number
        if not placed.message.kind.startswith("relay"):  # of those tshark shows the number of the message inside
            assert placed.message.transaction_id == int(transaction, 16), number
