"""A step says what the capture shows, and whose it is."""

from typing import Any

import pytest
from cases import case, flow

from lynccap.analysis import Study, document_of
from lynccap.document import Step

CLIENT, SERVER = "10.1.0.9", "10.9.0.6"


def steps(*flows: dict[str, Any], **messages: list[dict[str, Any]]) -> dict[str, Step]:
    """The journey of CLIENT."""
    (device,) = (one for one in document_of(Study((case(list(flows), **messages),))).devices if one.id == CLIENT)
    return {one.step: one for one in device.journey}


def register(product: str, **says: Any) -> list[dict[str, Any]]:
    common = {"flow": 0, "method": "REGISTER", **says}
    asked = {"frame": 4, "kind": "request", "from_client": True, "user_agent": "Yealink SIP-T46G 28.83"}
    return [{**common, **asked}, {**common, "frame": 5, "kind": "response", "status": 403, "server": product}]


@pytest.mark.parametrize(
    ("product", "says", "outcome"),
    [("Asterisk PBX 18", {}, None), ("RTC/5.0", {}, "failed"), ("", {"epid": "0123456789"}, "failed")],
)
def test_sign_in_is_that_of_a_lync_server(product: str, says: dict[str, Any], outcome: str | None) -> None:
    told = steps(flow(CLIENT, SERVER, 5060, stack="sip"), sip=register(product, **says))

    assert (told["sign-in"].outcome if "sign-in" in told else None) == outcome


@pytest.mark.parametrize(("links", "outcome"), [((), "unknown"), (("User=https://web/",), "ok")])
def test_a_page_is_no_autodiscover(links: tuple[str, ...], outcome: str) -> None:
    asked = {"flow": 0, "frame": 4, "kind": "request", "user_agent": "iPhoneLync", "target": "/", "from_client": True}
    row = {"flow": 0, "frame": 5, "outcome": "ok", "status": 200, "resource": "root", "links": links}

    told = steps(flow(CLIENT, SERVER, 80, stack="http"), http=[asked], autodiscover=[row])

    assert told["autodiscover"].outcome == outcome


def test_what_a_proxy_passed_on_is_said_to_be_so() -> None:
    asked = {"flow": 0, "frame": 4, "kind": "request", "user_agent": "iPhoneLync", "from_client": True}
    row = {"flow": 0, "frame": 5, "outcome": "http-error", "status": 502, "resource": "root"}

    told = steps(
        flow(CLIENT, SERVER, 8080, stack="http"),
        http=[{**asked, "target": "http://lyncdiscover.contoso.example/"}],
        autodiscover=[row],
    )

    assert f"through the proxy {SERVER}" in told["autodiscover"].says
