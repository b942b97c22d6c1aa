"""Certificates made on the way, and two certificates that are nobody's fault."""

from typing import Any

from proofs import fires, inconclusive, silent
from scenes import Scene

from lynccap import reference
from lynccap.document import Confidence

RULE = "tls-inspection-sip-or-https"
PC, OTHER, POOL, SIP = "10.11.1.50", "10.11.2.51", "10.11.9.5", 5061
NAMES = ("pool.peebles.example", "sip.peebles.example")
OWN = {"issuer": "CN=Peebles Issuing CA,O=Peebles", "crl_urls": ("http://pki.peebles.example/ca.crl",), "sha256": "a1"}
FORGED = {"issuer": "CN=FortiGate CA,O=Fortinet,C=US", "sha256": "b2"}
STRANGER = {"issuer": "CN=Branch Gateway CA", "sha256": "c3"}


def office() -> Scene:
    """A pool, known by its SRV record."""
    scene = Scene()
    scene.pool("peebles.example", POOL)
    return scene


def shown(scene: Scene, client: str, at: float, server: str = POOL, **certificate: Any) -> int:
    """A TLS connection on which the server shows a certificate; returns the frame that holds it."""
    scene.secure(client, server, SIP, at)
    scene.certificates[-1].update({"common_name": NAMES[0], "names": NAMES, **certificate})
    return int(scene.certificates[-1]["frame"])


def test_known_product_alone_is_likely() -> None:
    scene = office()
    frame = shown(scene, PC, 1.0, **FORGED)

    found = fires(scene, RULE, PC, frames={frame})

    assert found.confidence is Confidence.LIKELY
    assert (found.peer, found.port) == (POOL, SIP)


def test_two_certificates_for_one_name_are_certain() -> None:
    scene = office()
    forged, own = shown(scene, PC, 1.0, **FORGED), shown(scene, OTHER, 4.0, **OWN)

    found = fires(scene, RULE, PC, frames={forged, own})

    assert found.confidence is Confidence.CERTAIN


def test_stranger_without_addresses_in_turns_with_the_server() -> None:
    scene = office()
    for at in (1.0, 9.0):
        shown(scene, OTHER, at, **OWN)
    forged = shown(scene, PC, 4.0, **STRANGER)

    found = fires(scene, RULE, PC)

    assert found.confidence is Confidence.CERTAIN
    assert forged in found.proof[0].frames


def test_refusal_of_the_device_is_told() -> None:
    scene = office()
    alert = scene.distrusts(PC, POOL, SIP, 1.0)
    scene.certificates[-1].update({"common_name": NAMES[0], "names": NAMES, **FORGED})

    found = fires(scene, RULE, PC)

    assert alert in found.proof[0].frames
    assert "refuses it" in found.says


def test_another_public_certificate_on_another_address() -> None:
    scene = office()
    shown(scene, PC, 1.0, **OWN)
    shown(scene, PC, 3.0, "203.0.113.8", **STRANGER)

    silent(scene, RULE)


def test_certificate_renewed_by_the_same_authority() -> None:
    scene = office()
    shown(scene, PC, 1.0, **OWN)
    shown(scene, OTHER, 4.0, **{**OWN, "sha256": "a9"})

    silent(scene, RULE)


def test_product_that_looks_into_other_peoples_connections() -> None:
    scene = office()
    shown(scene, PC, 1.0, "10.11.9.80", **{**FORGED, "common_name": "shop.example", "names": ("shop.example",)})
    scene.flows[-1]["server_port"] = 8443

    silent(scene, RULE)


def test_management_page_of_the_product_itself() -> None:
    scene = office()
    shown(scene, PC, 1.0, **{**FORGED, "common_name": "FGT60D", "names": ()})

    silent(scene, RULE)


def test_certificate_that_cannot_be_read() -> None:
    scene = office()
    shown(scene, PC, 1.0, **{**FORGED, "unreadable": "cut off"})

    silent(scene, RULE)


def test_authority_that_changes_during_the_capture() -> None:
    scene = office()
    shown(scene, PC, 1.0, **OWN)
    shown(scene, OTHER, 4.0, **STRANGER)

    inconclusive(scene, RULE, because="it may have been renewed")


def test_two_members_behind_one_address_with_two_authorities() -> None:
    scene = office()
    for at in (1.0, 9.0):
        shown(scene, OTHER, at, **OWN)
    shown(scene, PC, 4.0, **{**STRANGER, "crl_urls": ("http://pki.branch.example/ca.crl",)})

    inconclusive(scene, RULE, because="nothing tells which is the server's own")


def test_unverified_and_unknown_issuers_name_no_product() -> None:
    assert reference.inspection_product("CN=Zscaler Intermediate Root CA,O=Zscaler Inc.,C=US")
    assert reference.inspection_product("CN=Fortinet users,O=Somebody") is None
