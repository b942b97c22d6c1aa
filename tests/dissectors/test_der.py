"""DER values are read within their bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.contract import Cursor, Malformed, Truncated
from dissectors.der import enter_der, open_der, read_der

SEQUENCE, INTEGER = 0x30, 0x02


def test_reads_tag_and_content() -> None:
    tag, content = read_der(Cursor(b"\x02\x01\x07rest"))

    assert (tag, content.rest()) == (INTEGER, b"\x07")


def test_reads_long_lengths() -> None:
    assert read_der(Cursor(b"\x30\x82\x01\x00" + bytes(256)))[1].remaining == 256


@pytest.mark.parametrize("data", [b"\x30\x80", b"\x30\x85\0\0\0\0\0"], ids=["indefinite", "five bytes"])
def test_refuses_lengths_der_does_not_know(data: bytes) -> None:
    with pytest.raises(Malformed):
        read_der(Cursor(data))


def test_entering_another_tag_is_malformed() -> None:
    with pytest.raises(Malformed):
        enter_der(Cursor(b"\x02\x01\x07"), SEQUENCE)


def test_opening_needs_the_header_only() -> None:
    cursor = Cursor(b"\x30\x05\x02")

    assert open_der(cursor, SEQUENCE) == SEQUENCE
    assert cursor.remaining == 1


@given(st.binary(max_size=64))
def test_any_bytes_give_a_value_or_a_named_error(data: bytes) -> None:
    cursor = Cursor(data)
    try:
        read_der(cursor)
    except (Truncated, Malformed):
        return

    assert 2 <= cursor.position <= len(data)
