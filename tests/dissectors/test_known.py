"""Protocols that are only recognised: by structure, never by one byte, and never in another protocol's bytes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from known_examples import DATAGRAMS, DHT_QUERY, LIKELY, STREAMS, dtls, half_bytes
from protocol_examples import EXAMPLES

from dissectors import known
from dissectors.contract import Verdict, dissect
from dissectors.known import Recogniser, recognise

EVERY = (*known.STREAMS, *known.DATAGRAMS)
examples = [
    pytest.param(one, example, on_tcp, id=f"{one.name}-{'tcp' if on_tcp else 'udp'}-{place}")
    for recognisers, given, on_tcp in ((known.STREAMS, STREAMS, True), (known.DATAGRAMS, DATAGRAMS, False))
    for one in recognisers
    for place, example in enumerate(given[one.name])
]
MEASURED = {"quic", "dtls", "wireguard", "ike", "gtp", "ssrp", "openvpn", "game", "bittorrent"}
"""Datagrams come whole: of these, the length is part of what is checked."""
every_example = pytest.mark.parametrize(("recogniser", "example", "on_tcp"), examples)


def test_every_recogniser_has_examples() -> None:
    assert [one.name for one in known.STREAMS] == list(STREAMS)
    assert {one.name for one in known.DATAGRAMS} == set(DATAGRAMS)


@every_example
def test_example_is_recognised_as_strongly_as_it_should(recogniser: Recogniser, example: bytes, on_tcp: bool) -> None:
    found, verdict = recognise([example], on_tcp)

    assert found is recogniser
    assert verdict is (Verdict.LIKELY if example in LIKELY.get(recogniser.name, ()) else Verdict.CERTAIN)


@every_example
def test_prefix_is_never_rejected_by_its_own_probe(recogniser: Recogniser, example: bytes, on_tcp: bool) -> None:
    ends = range(1, len(example) + 1) if on_tcp or recogniser.name not in MEASURED else [len(example)]

    assert [end for end in ends if recogniser.probe(example[:end]) is Verdict.REJECT] == []


@every_example
def test_no_other_claims_the_example_more_strongly(recogniser: Recogniser, example: bytes, on_tcp: bool) -> None:
    others = [one for one in (known.STREAMS if on_tcp else known.DATAGRAMS) if one is not recogniser]

    assert max(one.probe(example) for one in others) <= recogniser.probe(example)


@pytest.mark.parametrize("on_tcp", [True, False])
@pytest.mark.parametrize(("name", "example"), [(name, one) for name, all_ in EXAMPLES.items() for one in all_])
def test_what_is_read_is_never_recognised_as_something_else(name: str, example: bytes, on_tcp: bool) -> None:
    assert recognise([example], on_tcp) == (None, Verdict.REJECT)


@pytest.mark.parametrize("on_tcp", [True, False])
@pytest.mark.parametrize("tail", [b"", b"\0", bytes(40), bytes(range(64)), b"\xff" * 40])
def test_one_byte_is_no_recognition(on_tcp: bool, tail: bytes) -> None:
    assert [first for first in range(256) if recognise([bytes([first]) + tail], on_tcp)[0]] == []


@pytest.mark.parametrize("recogniser", EVERY, ids=lambda one: one.name)
@given(data=st.binary(max_size=200))
@settings(max_examples=60, deadline=None)
def test_arbitrary_bytes_never_raise(recogniser: Recogniser, data: bytes) -> None:
    assert recogniser.probe(data) in Verdict
    assert dissect(recogniser, data).anomaly is None


@every_example
@given(edits=st.lists(st.tuples(st.integers(0, 500), st.binary(max_size=3)), min_size=1, max_size=4))
@settings(max_examples=40, deadline=None)
def test_damaged_example_never_raises(
    recogniser: Recogniser, example: bytes, on_tcp: bool, edits: list[tuple[int, bytes]]
) -> None:
    damaged = example
    for place, replacement in edits:
        place %= len(damaged) + 1
        damaged = damaged[:place] + replacement + damaged[place + 1 :]

    assert recogniser.probe(damaged) in Verdict


def test_a_likely_shape_on_one_side_falls_when_the_other_side_contradicts() -> None:
    echo = STREAMS["smb"][3]

    assert recognise([echo, STREAMS["smb"][1]], True)[0]
    assert recognise([echo, b"\x16\x03\x01\0\x10" + bytes(16)], True) == (None, Verdict.REJECT)


def test_ambiguous_greetings_are_told_by_what_the_client_says() -> None:
    greeting = b"220 a.example ready\r\n"

    assert [
        found.name
        for said in (b"USER ada\r\n", b"EHLO b.example\r\n")
        if (found := recognise([said, greeting], True)[0])
    ] == ["ftp", "smtp"]


@pytest.mark.parametrize(
    ("example", "on_tcp"),
    [
        (b"\x30\x05\x02\x01\x03\x42\x01", True),  # an operation that is longer than the message
        (b"\x30\x06\x02\x01\x03\x43\x01\0", True),  # an operation LDAP does not know
        (b"\0\0\0\x10" + bytes(16), True),
        (b"\0\0\0\x54\xffSMC" + bytes(80), True),
        (bytes.fromhex("03000016 11e00000000100 c0010a c1020100 c2020102"), True),  # a controller's selectors
        (bytes.fromhex("03000008 02f08000"), True),
        (b"<?xml version='1.0'?><config>" + b" " * 300, True),
        (b"SSH-3", True),
        (dtls(bytes(30))[:20], False),  # a record that is longer than its datagram
        (dtls(b"\x01\0\0\x10\0\0\0\0\0\0\x20\0" + bytes(18)), False),  # a piece that is longer than its message
        (b"\xc3\x12\x34\x56\x78" + bytes(1200), False),  # a version nobody has
        (b"\xc3\0\0\0\x01\x30" + bytes(1200), False),  # a connection ID that is too long
        (DHT_QUERY[:-8], False),
        (b"\x41" + bytes(30), False),
        (b"\1\0\0\0" + bytes(147), False),
        (b"\x12\x34\x01\x10\0\x01" + bytes(6) + half_bytes("SERVER", 0)[:20] + b"-" + bytes(40), False),
    ],
)
def test_what_only_looks_like_it_is_not_recognised(example: bytes, on_tcp: bool) -> None:
    assert recognise([example], on_tcp) == (None, Verdict.REJECT)
