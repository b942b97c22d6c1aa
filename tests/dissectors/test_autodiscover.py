import json
import time

import pytest
from http_exchanges import request, response
from hypothesis import given
from hypothesis import strategies as st

from dissectors import autodiscover

SERVICE = "/Autodiscover/AutodiscoverService.svc"
USER = b"""<?xml version="1.0" encoding="utf-8"?>
<AutodiscoverResponse xmlns="urn:x" AccessLocation="External"><User>
<SipServerInternalAccess fqdn="pool.contoso.com" port="5061"/>
<SipServerExternalAccess fqdn="sip.contoso.com" port="5061"/>
<SipClientInternalAccess fqdn="pool.contoso.com" port="5061"/>
<SipClientExternalAccess fqdn="sip.contoso.com" port="443"/>
<Link token="Internal/Autodiscover" href="https://pool.contoso.com/a"/>
<Link token="External/Autodiscover" href="https://web.contoso.com/a?x=1&amp;y=2"/>
</User></AutodiscoverResponse>"""


@pytest.mark.parametrize(
    ("asked", "claimed"),
    [
        (request(SERVICE + "/root?sipuri=ada@contoso.com"), True),
        (request("/autodiscover/autodiscoverservice.svc"), True),
        (request("/?sipuri=ada@contoso.com", host="lyncdiscover.contoso.com"), True),
        (request("/", host="LyncDiscoverInternal.contoso.com"), True),
        (request("http://lyncdiscover.contoso.com/?sipuri=a@b"), True),
        (
            request("/?sipuri=a@b", host="web", accept="application/vnd.microsoft.rtc.autodiscover+xml;v=1"),
            True,
        ),
        (request("/?sipuri=a@b", host="www.contoso.com"), False),
        (request("/favicon.ico", host="lyncdiscover.contoso.com"), False),
        (request("/autodiscover/autodiscover.xml", "POST", host="autodiscover.contoso.com"), False),
        (request("/Autodiscover/Autodiscover.svc", "POST"), False),
    ],
)
def test_claims_lync_autodiscover_and_not_exchange(asked, claimed: bool):
    assert autodiscover.claims(asked) == claimed


@pytest.mark.parametrize(
    ("target", "resource"),
    [
        (SERVICE, "root"),
        (SERVICE + "/", "root"),
        (SERVICE + "/root?sipuri=a@b", "root"),
        (SERVICE + "/root/user?sipuri=a@b", "user"),
        (SERVICE + "/User", "user"),
        (SERVICE + "/domain", "domain"),
        (SERVICE + "/mex", "other"),
        ("/?sipuri=a@b", "root"),
    ],
)
def test_address_tells_the_resource(target: str, resource: str):
    assert autodiscover.read(request(target), None).resource == resource


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_user_resource_tells_where_to_sign_in(encoding: str):
    body = USER.decode().replace("utf-8", encoding.removesuffix("-sig")).encode(encoding)

    exchange = autodiscover.read(request(SERVICE + "/user"), response(200, body))

    assert (exchange.outcome, exchange.access_location) == ("ok", "external")
    assert exchange.sip_server_internal == exchange.sip_client_internal == "pool.contoso.com:5061"
    assert (exchange.sip_server_external, exchange.sip_client_external) == (
        "sip.contoso.com:5061",
        "sip.contoso.com:443",
    )
    assert exchange.links == (
        "Internal/Autodiscover=https://pool.contoso.com/a",
        "External/Autodiscover=https://web.contoso.com/a?x=1&y=2",
    )


def test_json_says_the_same():
    answer = {
        "AccessLocation": "Internal",
        "User": {
            "SipServerInternalAccess": {"fqdn": "pool.contoso.com", "port": 5061},
            "Links": [{"href": "https://a", "token": "Ucwa"}, {"href": "https://b", "token": "Mcx"}],
        },
    }

    exchange = autodiscover.read(request(SERVICE + "/user"), response(200, json.dumps(answer).encode()))

    assert (exchange.access_location, exchange.sip_server_internal) == ("internal", "pool.contoso.com:5061")
    assert exchange.links == ("Ucwa=https://a", "Mcx=https://b")


def test_half_a_character_in_json_is_replaced():
    answer = b'{"_links": {"User\\ud800": {"href": "https://a/\\ud800"}}, "AccessLocation": "\\udfff"}'
    exchange = autodiscover.read(request(SERVICE + "/user"), response(200, answer))

    assert exchange.links == ("User?=https://a/?",)
    assert exchange.access_location == "?"


def test_json_links_by_name_are_read_too():
    body = b'{"_links": {"self": {"href": "https://a"}, "user": {"href": "https://b"}}}'

    assert autodiscover.read(request("/"), response(200, body)).links == ("self=https://a", "user=https://b")


def test_cut_answer_yields_what_it_holds():
    cut = USER[: USER.index(b"<Link")]

    exchange = autodiscover.read(request(SERVICE + "/user"), response(200, cut, complete=False))

    assert (exchange.outcome, exchange.sip_client_external, exchange.links) == (
        "cut",
        "sip.contoso.com:443",
        (),
    )


def test_document_type_is_refused_before_it_grows():
    laughs = b"<!DOCTYPE a [<!ENTITY a 'ha'>" + b"".join(
        b"<!ENTITY %c '%s'>" % (98 + one, b"&%c;" % (97 + one) * 20) for one in range(20)
    )
    started = time.perf_counter()

    exchange = autodiscover.read(request("/"), response(200, laughs + b']><Link token="x" href="&u;"/>'))

    assert exchange.links == ()
    assert time.perf_counter() - started < 1


def test_links_are_bounded():
    body = b"<a>" + b'<Link token="t" href="h"/>' * 1000 + b"</a>"

    assert len(autodiscover.read(request("/"), response(200, body)).links) == autodiscover.MAX_LINKS


@pytest.mark.parametrize("body", [b"<html><p>Sign in to the Wi-Fi", b"{", b"[" * 100_000, b"{" + b'"a":{' * 20_000])
def test_other_content_says_nothing(body: bytes):
    exchange = autodiscover.read(request("/"), response(200, body))

    assert (exchange.links, exchange.access_location) == ((), None)


@pytest.mark.parametrize(("status", "outcome"), [(401, "challenged"), (404, "http-error"), (302, "redirected")])
def test_status_tells_the_outcome(status: int, outcome: str):
    exchange = autodiscover.read(request(SERVICE + "/user"), response(status, location="https://x"))

    assert (exchange.status, exchange.outcome, exchange.location) == (status, outcome, "https://x")


@given(start=st.sampled_from([b"<", b"{", b"\xff\xfe<", b"<a "]), rest=st.binary(max_size=200))
def test_arbitrary_answers_never_raise(start: bytes, rest: bytes):
    assert autodiscover.read(request("/"), response(200, start + rest)).status == 200


def test_refusal_tells_its_number_and_reason():
    said = '28020;source="fe.contoso.com";reason="No valid security token."'
    read = autodiscover.read(request(SERVICE + "/user"), response(403, ms_diagnostics=said))

    assert (read.fault_id, read.fault_reason) == (28020, "No valid security token.")
