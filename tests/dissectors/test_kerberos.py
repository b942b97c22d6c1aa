import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol_examples import EXAMPLES, KRB_AS_REQ, der, krb_error, krb_reply, krb_request
from tshark_fields import capture, fields

from dissectors.contract import AnomalyKind, Cursor, Verdict, dissect
from dissectors.kerberos import KERBEROS, KINDS, KerberosMessage

SERVICE = ("sip", "pool.cedar.example")


def read(data: bytes) -> KerberosMessage:
    (message,) = KERBEROS.parse(Cursor(data))
    return message


def in_tcp(message: bytes) -> bytes:
    return struct.pack(">I", len(message)) + message


@pytest.mark.parametrize(("kind", "name"), [(10, "as-req"), (12, "tgs-req")])
def test_request_names_the_service_and_its_realm(kind: int, name: str):
    message = read(krb_request(kind, *SERVICE))

    assert (message.kind, message.service, message.realm) == (name, "sip/pool.cedar.example", "CEDAR.EXAMPLE")
    assert message.error is None


@pytest.mark.parametrize(("kind", "name"), [(11, "as-rep"), (13, "tgs-rep")])
def test_reply_names_the_service_of_its_ticket(kind: int, name: str):
    message = read(krb_reply(kind, *SERVICE))

    assert (message.kind, message.service, message.realm) == (name, "sip/pool.cedar.example", "CEDAR.EXAMPLE")


def test_error_tells_its_code_and_both_clocks():
    message = read(krb_error(37, *SERVICE, client="20240102040405Z", server="20240102030405Z"))

    assert (message.kind, message.error, message.service) == ("error", 37, "sip/pool.cedar.example")
    assert (message.client_time, message.server_time) == (1_704_168_245, 1_704_164_645)


def test_error_need_not_repeat_the_clients_clock():
    assert read(krb_error(7, *SERVICE)).client_time is None


@pytest.mark.parametrize("written", ["20241302030405Z", "2024010203040", "\xff", "20240102030405+"])
def test_what_is_no_time_is_none(written: str):
    assert read(krb_error(7, *SERVICE, server=written)).server_time is None


def test_length_goes_before_it_in_tcp():
    dissection = dissect(KERBEROS, in_tcp(KRB_AS_REQ) + in_tcp(krb_error(25, "krbtgt", "X")))

    assert [placed.message.kind for placed in dissection.messages] == ["as-req", "error"]  # type: ignore[attr-defined]
    assert dissection.anomaly is None


@pytest.mark.parametrize("tag", KINDS)
def test_every_kind_is_recognised(tag: int):
    pvno = 0xA1 if tag in (0x6A, 0x6C) else 0xA0
    message = der(tag, der(0x30, der(pvno, b"\2\1\5"), der(pvno + 1, bytes((2, 1, tag & 0x1F)))))

    assert KERBEROS.probe(message) == KERBEROS.probe(in_tcp(message)) == Verdict.CERTAIN
    assert read(message).kind == KINDS[tag]


@pytest.mark.parametrize("message", EXAMPLES["kerberos"])
def test_beginning_of_a_message_is_unsure_or_enough(message: bytes):
    verdicts = [KERBEROS.probe(message[:size]) for size in range(len(message))]

    assert Verdict.REJECT not in verdicts
    assert sorted(verdicts) == verdicts


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(der(0x30, b"\2\1\1", der(0x60, b"\2\1\3")), id="ldap"),
        pytest.param(KRB_AS_REQ.replace(b"\2\1\5", b"\2\1\4", 1), id="version 4"),
        pytest.param(KRB_AS_REQ.replace(b"\2\1\x0a", b"\2\1\x0c", 1), id="kind and tag differ"),
        pytest.param(struct.pack(">I", len(KRB_AS_REQ) + 1) + KRB_AS_REQ, id="another length before it"),
        pytest.param(b"\0\0\0\0" + bytes(40), id="zeros"),
    ],
)
def test_others_are_rejected_and_malformed(data: bytes):
    assert KERBEROS.probe(data) == Verdict.REJECT
    anomaly = dissect(KERBEROS, data).anomaly
    assert anomaly is not None
    assert anomaly.kind is AnomalyKind.MALFORMED


def test_value_longer_than_what_holds_it_is_malformed():
    broken = krb_error(7, *SERVICE).replace(der(0x1B, b"CEDAR.EXAMPLE"), b"\x1b\x7fCEDAR.EXAMPLE")

    anomaly = dissect(KERBEROS, broken).anomaly

    assert anomaly is not None
    assert anomaly.kind is AnomalyKind.MALFORMED


def test_message_cut_short_is_truncated():
    anomaly = dissect(KERBEROS, krb_error(7, *SERVICE)[:-4]).anomaly

    assert anomaly is not None
    assert anomaly.kind is AnomalyKind.TRUNCATED


def test_names_of_many_parts_are_bounded():
    message = krb_request(12, *["x"] * 40)

    assert len((read(message).service or "").split("/")) == 16


@given(parts=st.lists(st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20), max_size=6),
       code=st.integers(0, 127))  # fmt: skip
def test_names_and_codes_come_back(parts: list[str], code: int):
    message = read(krb_error(code, *parts))

    assert (message.service, message.error) == ("/".join(parts), code)


@given(head=st.sampled_from(EXAMPLES["kerberos"]), at=st.integers(0, 300), byte=st.integers(0, 255))
def test_one_changed_byte_never_raises(head: bytes, at: int, byte: int):
    at %= len(head)
    dissect(KERBEROS, head[:at] + bytes([byte]) + head[at + 1 :])


@pytest.mark.tshark
def test_messages_are_read_as_tshark_reads_them(tmp_path: Path):
    from scapy.layers.inet import IP, UDP
    from scapy.layers.l2 import Ether
    from scapy.packet import Raw
    from scapy.utils import wrpcap

    sent = [
        krb_request(10, "krbtgt", "CEDAR.EXAMPLE"),
        krb_request(12, *SERVICE),
        krb_reply(13, *SERVICE),
        krb_error(7, *SERVICE),
        krb_error(37, *SERVICE, client="20240102040405Z"),
    ]
    path = tmp_path / "kerberos.pcap"
    wrpcap(str(path), [Ether() / IP() / UDP(sport=1024, dport=88) / Raw(one) for one in sent])

    rows = fields(
        path, "kerberos", "kerberos.msg_type", "kerberos.SNameString", "kerberos.error_code", "kerberos.ctime",
        occurrence="a",
    )  # fmt: skip

    for data, (number, names, code, clock) in zip(sent, rows, strict=True):
        message = read(data)
        assert number.split(",")[0] == str(data[0] & 0x1F)
        assert names.replace(",", "/") == message.service
        assert code == ("" if message.error is None else str(message.error))
        assert bool(clock) == (message.client_time is not None)


@pytest.mark.tshark
def test_public_capture_is_read_as_tshark_reads_it():
    path = capture("formats/nDPI-kerberos_fuzz.pcapng")
    rows = fields(path, "kerberos.msg_type && udp", "udp.payload", "kerberos.msg_type")

    read_ = [(dissect(KERBEROS, bytes.fromhex(data)).messages, number) for data, number in rows]

    assert all(KINDS[0x60 | int(number)] == found[0].message.kind for found, number in read_ if found)  # type: ignore[attr-defined]
