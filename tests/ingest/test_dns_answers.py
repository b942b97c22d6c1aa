"""The quick reading of plain answers says exactly what the library says, or leaves the message to it."""

import struct
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dissectors.dns import plain_answers
from lynccap.ingest.streams.dns_answers import read_answers

A, NS, CNAME, TXT, AAAA, SRV, OPT = 1, 2, 5, 16, 28, 33, 41
HEADER = 12


def message(
    *records: bytes, question: bytes = b"\4pool\7contoso\7example\0", flags: int = 0x8180, more: int = 0
) -> bytes:
    head = struct.pack(">6H", 7, flags, 1, len(records) - more, 0, more)
    return head + question + b"\0\1\0\1" + b"".join(records)


def record(owner: bytes, kind: int, data: bytes, *, of_class: int = 1, ttl: int = 60) -> bytes:
    return owner + struct.pack(">HHIH", kind, of_class, ttl, len(data)) + data


def quick(wire: bytes) -> list[tuple[object, ...]] | None:
    read = plain_answers(wire)
    if read is None:
        return None
    question, answers = read
    return [(int.from_bytes(wire[:2], "big"), question, *answer) for answer in answers]


labels = st.one_of(st.sampled_from([b"pool", b"POOL", b"sip", b"_sip", b"_tcp"]), st.binary(min_size=1, max_size=6))
written_names = st.lists(labels, max_size=4).map(lambda ones: b"".join(bytes([len(one)]) + one for one in ones))
pointers = st.integers(0, 120).map(lambda at: struct.pack(">H", 0xC000 | at))
question_pointer = st.just(b"\xc0\x0c")
names = st.one_of(
    question_pointer,
    st.tuples(written_names, st.one_of(st.just(b"\0"), question_pointer, pointers)).map(b"".join),
)
zeros = st.integers(0, 16).flatmap(
    lambda at: st.binary(min_size=16, max_size=16).map(lambda raw: raw[:at] + bytes(8)[: 16 - at] + raw[at + 8 :])
)
contents = st.one_of(
    st.tuples(st.just(A), st.one_of(st.binary(min_size=4, max_size=4), st.just(b"\n\0\0\5"))),
    st.tuples(st.just(AAAA), st.one_of(st.binary(min_size=16, max_size=16), zeros)),
    st.tuples(st.sampled_from([CNAME, CNAME, NS]), names),
    st.tuples(
        st.just(SRV), st.tuples(st.sampled_from([b"\0\0\0\0\x13\xc5", b"\0\1\0\0\x13\xc5"]), names).map(b"".join)
    ),
    st.tuples(st.sampled_from([A, AAAA, CNAME, SRV, TXT, OPT]), st.binary(max_size=20)),
)


@st.composite
def records(draw):
    kind, data = draw(contents)
    return record(draw(names), kind, data, of_class=draw(st.sampled_from([1, 1, 1, 1, 3, 255, 0x8001])))


@given(
    st.lists(records(), min_size=1, max_size=6),
    st.sampled_from([0x8180, 0x8180, 0x8580, 0x8380, 0xA980, 0x8183]),
    st.one_of(st.just(b"\4Pool\7contoso\7example\0"), written_names.map(lambda one: one + b"\0")),
    st.integers(0, 2),
)
@settings(max_examples=600, deadline=None)
def test_quick_answers_are_the_librarys(answers, flags, question, more):
    wire = message(*answers, question=question, flags=flags, more=min(more, len(answers)))
    read = quick(wire)
    assert read is None or read == read_answers(wire)


@given(st.data(), st.lists(records(), min_size=1, max_size=3))
@settings(max_examples=300, deadline=None)
def test_damaged_messages_are_the_librarys_or_equal(data, answers):
    wire = bytearray(message(*answers))
    for _ in range(data.draw(st.integers(1, 3))):
        wire[data.draw(st.integers(0, len(wire) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(wire[: data.draw(st.integers(HEADER, len(wire)))])
    read = quick(damaged)
    # What is not there cannot be read quickly; the library's words for such messages are taken.
    assert read is None or read == read_answers(damaged)


@given(st.binary(max_size=60))
def test_arbitrary_bytes_never_raise(data):
    quick(data)


@pytest.mark.parametrize(
    ("answers", "read"),
    [
        ([record(b"\xc0\x0c", A, b"\n\0\0\5")], [("pool.contoso.example", "A", "10.0.0.5", 0)]),
        (
            [record(b"\xc0\x0c", AAAA, bytes.fromhex("20010db8000000000000000000000001"))],
            [("pool.contoso.example", "AAAA", "2001:db8::1", 0)],
        ),
        (
            [record(b"\xc0\x0c", SRV, b"\0\0\0\0\x13\xc5\3Sip\xc0\x11")],
            [("pool.contoso.example", "SRV", "sip.contoso.example", 5061)],
        ),
        (
            [record(b"\xc0\x0c", CNAME, b"\3web\xc0\x11"), record(b"\3web\xc0\x11", A, b"\n\0\0\6")],
            [
                ("pool.contoso.example", "CNAME", "web.contoso.example", 0),
                ("web.contoso.example", "A", "10.0.0.6", 0),
            ],
        ),
    ],
    ids=["a", "aaaa", "srv", "chain"],
)
def test_plain_answers_are_read_quickly(answers, read):
    assert quick(message(*answers)) == [(7, "pool.contoso.example", *one) for one in read]


TO_SIP = record(b"\xc0\x0c", SRV, b"\0\0\0\0\x13\xc5\3sip\xc0\x11")
EDNS = record(b"\0", OPT, b"", of_class=4096)


@pytest.mark.parametrize("behind", [(), (EDNS,)], ids=["plain", "edns"])
@pytest.mark.parametrize("read", [quick, read_answers])
def test_addresses_sent_along_for_targets_are_answers_and_others_are_not(read, behind):
    along = (record(b"\3sip\xc0\x11", A, b"\n\0\0\6"), record(b"\3web\xc0\x11", A, b"\n\0\0\7"), *behind)

    rows = read(message(TO_SIP, *along, more=len(along)))

    assert [one[2:] for one in rows] == [
        ("pool.contoso.example", "SRV", "sip.contoso.example", 5061),
        ("sip.contoso.example", "A", "10.0.0.6", 0),
    ]


def test_an_embedded_address_and_an_escaped_letter_are_left_to_the_library():
    mapped = bytes.fromhex("00000000000000000000ffff0a000005")
    assert quick(message(record(b"\xc0\x0c", AAAA, mapped))) is None
    assert quick(message(record(b"\3a.b\xc0\x0c", A, b"\n\0\0\5"))) is None


def test_record_of_class_any_does_not_blind_the_library_for_its_type():
    """In a process of its own, because the library remembers what it learnt."""
    target = struct.pack(">HHIH", SRV, 1, 60, 8) + struct.pack(">HHH", 0, 0, 5061) + b"\xc0\x0c"
    plain = message(b"\xc0\x0c" + target)
    hostile = message(b"\xc0\x0c" + target.replace(struct.pack(">HH", SRV, 1), struct.pack(">HH", SRV, 255), 1))
    script = (
        "import sys; from lynccap.ingest.streams.dns_answers import read_answers\n"
        "for wire in sys.argv[1:]: rows = read_answers(bytes.fromhex(wire))\n"
        "print(rows[0][4:])"
    )
    command = [sys.executable, "-c", script, hostile.hex(), plain.hex()]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "('pool.contoso.example', 5061)"
