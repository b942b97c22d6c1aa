"""Certificates as rows: those that are damaged on the way say so, and never raise."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tls_sessions import mint

from lynccap.ingest.streams.certificates import read_certificate
from lynccap.tables import CERTIFICATES

FIELDS = [one for one in list(CERTIFICATES)[5:] if one != "carried"]
VERSION_3 = bytes.fromhex("a003020102")


@pytest.fixture(scope="module")
def der(tmp_path_factory):
    return mint(tmp_path_factory.mktemp("identity"))[1]


def row(der):
    return dict(zip(FIELDS, read_certificate(der), strict=True))


def test_a_certificate_of_an_unknown_version_is_unreadable(der):
    assert VERSION_3 in der
    assert row(der)["unreadable"] == ""
    found = row(der.replace(VERSION_3, VERSION_3[:-1] + b"\1"))
    assert "1 is not a valid X509 version" in found["unreadable"]
    assert found["common_name"] == ""


def test_no_changed_byte_raises(der):
    for at in range(len(der)):
        for value in (0, 1, 0x7F, 0x80, 0xFF, der[at] ^ 1, der[at] ^ 0x80):
            row(der[:at] + bytes([value]) + der[at + 1 :])


@settings(max_examples=100, deadline=2000)
@given(st.binary(max_size=300), st.floats(0, 1))
def test_no_bytes_raise(der, rest, share):
    cut = int(share * len(der))
    assert set(row(der[:cut] + rest)) == set(FIELDS)
