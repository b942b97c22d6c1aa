"""A flow's service rests on its bytes, its messages, its server's role, or its port, in this order."""

from typing import Any

import pytest
from cases import answer, case, dns_flow, flow

POOL, EDGE, PROXY = "10.9.0.5", "203.0.113.5", "203.0.113.6"
NAMES = [
    answer("lyncdiscoverinternal.contoso.example", POOL),
    answer("sipexternal.contoso.example", EDGE),
    answer("lyncdiscover.contoso.example", PROXY),
]


def _services(*flows: dict[str, Any], **more: Any) -> list[tuple[str, str]]:
    made = case([dns_flow(), *flows], dns_answers=NAMES, **more).flows
    return list(zip(made["service"], made["service_basis"], strict=True))[1:]


@pytest.mark.parametrize(
    ("server", "port", "stack", "service", "basis"),
    [
        (POOL, 443, "tls", "web", "role"),
        (POOL, 5061, "tls", "sip", "port"),
        (POOL, 8057, "tls", "psom", "port"),
        (EDGE, 443, "tls", "sip", "role"),
        (PROXY, 443, "tls", "web", "role"),
        (POOL, 80, "", "web", "role"),
        ("198.51.100.9", 443, "tls", "tls", "bytes"),
        ("198.51.100.9", 5061, "", "other", ""),
        ("198.51.100.9", 445, "", "smb", "port"),
        ("198.51.100.9", 5060, "sip", "sip", "bytes"),
    ],
)
def test_service_and_basis(server: str, port: int, stack: str, service: str, basis: str) -> None:
    assert _services(flow("10.1.0.9", server, port, stack=stack)) == [(service, basis)]


def test_messages_say_more_than_the_port() -> None:
    web = flow("10.1.0.9", POOL, 80, stack="http")

    assert _services(web, certprov=[{"flow": 1, "frame": 5, "step": "root-chains"}]) == [("certprov", "bytes")]


@pytest.mark.parametrize(("server", "service"), [(POOL, "ucwa"), ("198.51.100.9", "http")])
def test_paths_mean_something_on_lync_servers_only(server: str, service: str) -> None:
    web = flow("10.1.0.9", server, 80, stack="http")
    asked = {"flow": 1, "frame": 5, "kind": "request", "target": "/ucwa/v1/applications", "from_client": True}

    assert [one for one, _ in _services(web, http=[asked])] == [service]
