"""Whose authority issued a certificate, as far as its name tells."""

import pytest
from scenes import Scene

from lynccap.correlation.authorities import Kind, kind_of, names_public_authority


@pytest.mark.parametrize(
    ("issuer", "kind"),
    [
        ("CN=DigiCert SHA2 Secure Server CA,O=DigiCert Inc,C=US", Kind.PUBLIC),
        ("CN=Go Daddy Secure CA - G2,OU=http://certs.example/,O=GoDaddy.com\\, Inc.,L=Scottsdale", Kind.PUBLIC),
        ("CN=R3,O=Let's Encrypt,C=US", Kind.PUBLIC),
        ("CN=hazel-DC02-CA,DC=corp,DC=hazel,DC=example", Kind.PRIVATE),
        ("CN=Hazel Ltd Issuing 1", Kind.PRIVATE),
        ("CN=Issuing CA 7,O=Somebody Else", Kind.UNKNOWN),
        ("CN=Not DigiCert at all", Kind.UNKNOWN),
        ("", Kind.UNKNOWN),
    ],
)
def test_kinds(issuer: str, kind: Kind) -> None:
    scene = Scene()
    scene.meets("10.60.0.9", "10.60.9.5", 443, leaf={"names": ("web.hazel.example",), "issuer": issuer})

    assert kind_of(scene.case().presented[0]) is kind


@pytest.mark.parametrize("issuer", ["o=digicert inc,c=US", "CN=R3+O=Let's Encrypt,C=US", 'O="DigiCert Inc",C=US'])
def test_a_public_authority_is_told_however_its_name_is_written(issuer: str) -> None:
    assert names_public_authority(issuer)


def test_a_short_label_proves_nothing() -> None:
    scene = Scene()
    scene.meets("10.60.0.9", "10.60.9.5", 443, leaf={"names": ("web.ca.example",), "issuer": "CN=Any CA 1"})

    assert kind_of(scene.case().presented[0]) is Kind.UNKNOWN
