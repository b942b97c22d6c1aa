"""What every dissector promises, tested once for all of them on the examples of `protocol_examples`."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from protocol_examples import EXAMPLES, EXAMPLES_ON_LINKS

from dissectors import DISSECTORS, RIDERS, SIP_RIDERS, identify, rider_of, sip_rider_of
from dissectors.cdp import CDP
from dissectors.contract import AnomalyKind, Dissection, Dissector, Verdict, dissect
from dissectors.http import HTTP, HttpMessage
from dissectors.lldp import LLDP
from dissectors.sip import SIP, SipMessage

OPAQUE = {"rtp", "psom", "http2", "dhcpv6", "lldp", "cdp"}
"""None says where its message ends: a prefix is a shorter message, and two in a row are one longer one."""
ONE_ROW_A_DIRECTION = bytes([23])
"""Application data tells its first record only, so that two records are still one message."""

ON_LINKS: tuple[Dissector, ...] = (LLDP, CDP)
every_dissector = pytest.mark.parametrize("dissector", [*DISSECTORS, *ON_LINKS], ids=lambda one: one.name)
examples = [
    pytest.param(one, example, id=f"{one.name}-{place}")
    for one in DISSECTORS
    for place, example in enumerate(EXAMPLES[one.name])
]
linked = [
    pytest.param(one, example, id=f"{one.name}-{place}")
    for one in ON_LINKS
    for place, example in enumerate(EXAMPLES_ON_LINKS[one.name])
]
every_example = pytest.mark.parametrize(("dissector", "example"), examples + linked)
framed_example = pytest.mark.parametrize(
    ("dissector", "example"), [one for one in examples if one.values[0].name not in OPAQUE]
)


def was_cut(dissection: Dissection) -> bool:
    """The bytes ended early, and the answer says so: as an anomaly, or as a message marked incomplete."""
    if dissection.anomaly:
        return dissection.anomaly.kind is AnomalyKind.TRUNCATED
    return any(not getattr(placed.message, "complete", True) for placed in dissection.messages)


def test_registry_knows_each_protocol_once_and_psom_last():
    names = [one.name for one in DISSECTORS]

    assert sorted(names) == sorted(EXAMPLES)
    assert names[-1] == "psom"


@every_dissector
@given(data=st.binary(max_size=400))
@settings(max_examples=60, deadline=None)
def test_arbitrary_bytes_never_raise(dissector: Dissector, data: bytes):
    dissection = dissect(dissector, data)

    assert dissector.probe(data) in Verdict
    assert dissection.consumed <= len(data)
    assert all(placed.start < placed.end <= len(data) for placed in dissection.messages)


@every_example
@given(edits=st.lists(st.tuples(st.integers(0, 10_000), st.binary(max_size=3)), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_damaged_example_never_raises(dissector: Dissector, example: bytes, edits: list[tuple[int, bytes]]):
    damaged = example
    for place, replacement in edits:
        place %= len(damaged) + 1
        damaged = damaged[:place] + replacement + damaged[place + 1 :]

    dissection = dissect(dissector, damaged)

    dissector.probe(damaged)
    assert dissection.consumed <= len(damaged)
    assert dissection.anomaly is None or dissection.anomaly.kind is not AnomalyKind.NO_PROGRESS


@every_example
def test_example_is_read_to_its_end(dissector: Dissector, example: bytes):
    dissection = dissect(dissector, example)

    assert dissection.messages
    assert dissection.anomaly is None
    assert dissection.consumed == len(example)
    assert not was_cut(dissection)


@framed_example
def test_proper_prefix_is_truncated_never_malformed(dissector: Dissector, example: bytes):
    wrong = [end for end in range(1, len(example)) if not was_cut(dissect(dissector, example[:end]))]

    assert wrong == []


@every_example
def test_prefix_is_never_rejected_by_its_own_probe(dissector: Dissector, example: bytes):
    rejected = [end for end in range(1, len(example) + 1) if dissector.probe(example[:end]) == Verdict.REJECT]

    assert rejected == []


@framed_example
def test_two_messages_in_a_row_are_two_messages(dissector: Dissector, example: bytes):
    once, twice = dissect(dissector, example), dissect(dissector, example + example)

    assert twice.anomaly is None
    assert twice.consumed == 2 * len(example)
    if not example.startswith(ONE_ROW_A_DIRECTION):
        assert len(twice.messages) == 2 * len(once.messages)


@every_example
def test_no_other_dissector_claims_the_example_more_strongly(dissector: Dissector, example: bytes):
    claims = {other.name: other.probe(example) for other in DISSECTORS if other is not dissector}

    assert max(claims.values()) <= dissector.probe(example)


@pytest.mark.parametrize(("dissector", "example"), [one for one in examples if one.values[0].name != "psom"])
def test_example_is_identified_as_its_protocol(dissector: Dissector, example: bytes):
    found, verdict = identify(example)

    assert found is dissector
    assert verdict >= Verdict.LIKELY


@given(head=st.binary(max_size=200))
@settings(max_examples=100, deadline=None)
def test_psom_is_never_recognised(head: bytes):
    found, verdict = identify(head)

    assert found is None or found.name != "psom" or verdict == Verdict.UNSURE


@pytest.mark.parametrize(
    ("target", "service"),
    [
        ("/CertProv/CertProvisioningService.svc/mex", "certprov"),
        ("/WebTicket/WebTicketService.svc/Auth", "web_ticket"),
        ("/Autodiscover/AutodiscoverService.svc/root?sipuri=a@b", "autodiscover"),
        ("/pki/ca.crl", "crl"),
        ("/autodiscover/autodiscover.xml", None),
        ("/meet/ada/1234", "web_service"),
        ("/CertProv/CertProvisioningService.svcs", None),
        ("/meetings", None),
        ("/", None),
    ],
)
def test_request_is_claimed_by_one_service_at_most(target: str, service: str | None):
    request = HttpMessage(kind="request", version="1.1", method="GET", target=target, host="web.contoso.com")

    claiming = [rider for rider in RIDERS if rider.claims(request)]

    assert claiming == ([rider_of(request)] if service else [])
    assert not service or getattr(rider_of(request), "__name__", "") == f"dissectors.{service}"


@pytest.mark.parametrize("rider", RIDERS, ids=lambda one: one.__name__)
@given(target=st.text(max_size=60), body=st.binary(max_size=300), status=st.integers(100, 599))
@settings(max_examples=60, deadline=None)
def test_riders_never_raise(rider, target: str, body: bytes, status: int):
    request = HttpMessage(kind="request", version="1.1", method="GET", target=target, body=body)
    response = HttpMessage(kind="response", version="1.1", status=status, body=body)

    rider.claims(request)

    assert rider.read(request, None).outcome == "no-answer"
    assert rider.read(request, response).status == status


def test_request_in_the_clear_goes_to_its_rider_from_bytes():
    (placed,) = dissect(HTTP, EXAMPLES["http"][0]).messages

    assert isinstance(placed.message, HttpMessage)
    assert getattr(rider_of(placed.message), "__name__", "") == "dissectors.autodiscover"


@pytest.mark.parametrize("rider", SIP_RIDERS, ids=lambda one: one.__name__)
@given(body=st.binary(max_size=300), kind=st.text(max_size=40), status=st.integers(100, 699))
@settings(max_examples=60, deadline=None)
def test_riders_on_sip_never_raise(rider, body: bytes, kind: str, status: int):
    request = SipMessage(kind="request", method="SERVICE", content_type=kind, body=body)
    response = SipMessage(kind="response", status=status, content_type=kind, body=body)

    rider.claims(request)

    assert rider.read(request, None).status is None
    assert rider.read(request, response).status == status


def test_request_on_sip_goes_to_its_rider_from_bytes():
    readers = []
    for example in EXAMPLES["sip"]:
        (placed,) = dissect(SIP, example).messages
        assert isinstance(placed.message, SipMessage)
        readers.append(getattr(sip_rider_of(placed.message), "__name__", None))

    assert readers == [None, None, None, "dissectors.mras"]
