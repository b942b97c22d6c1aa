import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.elements import MAX_DEPTH, MAX_ELEMENTS, MAX_TEXT, read_elements

BODY = b'<?xml version="1.0"?>\r\n<a:r xmlns:a="u" a:x="1"><b> one <c y="2">two</c> three</b><d/></a:r>'


def test_elements_in_order_with_paths_attributes_and_texts():
    assert [(one.path, one.attributes, one.text) for one in read_elements(BODY)] == [
        ("r", {"a": "u", "x": "1"}, ""),
        ("r/b", {}, "one  three"),
        ("r/b/c", {"y": "2"}, "two"),
        ("r/d", {}, ""),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(encoding: str):
    assert read_elements("<a>ä</a>".encode(encoding))[0].text == "ä"


@pytest.mark.parametrize("declared", ["utf-16", "no-such-thing"])
def test_utf_8_is_read_whatever_is_declared(declared: str):
    body = f'<?xml version="1.0" encoding="{declared}"?><a>ä</a>'.encode()

    assert read_elements(body)[0].text == "ä"


def test_a_cut_body_yields_what_it_holds():
    assert [one.name for one in read_elements(BODY[:-25])] == ["r", "b", "c"]


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE a [<!ENTITY e "x">]><a>&e;</a>',
        b'<!DOCTYPE a SYSTEM "http://example.org/a.dtd"><a/>',
        b"",
        b"v=0",
    ],
)
def test_what_declares_a_document_type_or_is_none_yields_nothing(body: bytes):
    assert read_elements(body) == []


def test_everything_is_bounded():
    assert len(read_elements(b"<r>" + b"<a/>" * (MAX_ELEMENTS + 9))) == MAX_ELEMENTS
    assert len(read_elements(b"<a>" * (MAX_DEPTH + 9))) == MAX_DEPTH
    (one,) = read_elements(b'<a x="' + b"y" * 9000 + b'">' + b"z" * 9000 + b"</a>")
    assert (len(one.text), len(one.attributes["x"])) == (MAX_TEXT, MAX_TEXT)


@given(st.binary(max_size=200))
def test_arbitrary_bytes_never_raise(data: bytes):
    read_elements(data)
    read_elements(b"<a>" + data)
