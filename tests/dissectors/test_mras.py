import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors import mras, sip_rider_of
from dissectors.mras import MAX_RELAYS, MEDIA_TYPE
from dissectors.sip import SipMessage
from dissectors.sip.exchange import SipOutcome

REQUEST = b"""<request requestID="1" version="2.0" route="loadbalanced" to="sip:mras@x" from="sip:ada@x"
 xmlns="http://schemas.microsoft.com/2006/09/sip/mrasp"><credentialsRequest credentialsRequestID="1">
 <identity>sip:ada@contoso.com</identity><location>internet</location><duration>480</duration>
</credentialsRequest></request>"""
RELAY = (
    "<mediaRelay><location>internet</location><hostName>av.contoso.com</hostName>"
    "<udpPort>3478</udpPort><tcpPort>443</tcpPort></mediaRelay>"
)
DIRECT = "<mediaRelay><location>intranet</location><directIPAddress>192.0.2.7</directIPAddress></mediaRelay>"
SECRETS = "<username>VVNFUlNFQ1JFVA==</username><password>UEFTU1NFQ1JFVA==</password>"


def asked(body: bytes = REQUEST, content_type: str | None = MEDIA_TYPE) -> SipMessage:
    return SipMessage(
        kind="request", method="SERVICE", to_uri="sip:mras@x", uri="sip:mras@x", content_type=content_type, body=body
    )


def answered(inside: str, status: int = 200, phrase: str = "OK") -> SipMessage:
    document = (
        f'<response requestID="1" reasonPhrase="{phrase}" version="2.0" xmlns="urn:x"><credentialsResponse>'
        f"{inside}</credentialsResponse></response>"
    )
    return SipMessage(kind="response", status=status, content_type=MEDIA_TYPE, body=document.encode())


GRANT = f"<credentials>{SECRETS}<duration>470</duration></credentials><mediaRelayList>{RELAY}{DIRECT}</mediaRelayList>"


def test_granted_credentials_and_the_relays_they_are_for():
    found = mras.read(asked(), answered(GRANT))

    assert (found.outcome, found.status, found.reason_phrase, found.granted) == ("ok", 200, "OK", True)
    assert (found.uri, found.user) == ("sip:mras@x", "sip:ada@contoso.com")
    assert (found.location, found.minutes, found.minutes_granted) == ("internet", 480, 470)
    assert (found.version, found.route) == ("2.0", "loadbalanced")
    assert found.relay_hosts == ("av.contoso.com", "192.0.2.7")
    assert found.relay_locations == ("internet", "intranet")
    assert (found.relay_udp_ports, found.relay_tcp_ports) == ((3478, 0), (443, 0))


def test_user_name_and_password_are_not_kept():
    assert "U0VDUkVU" not in repr(mras.read(asked(), answered(GRANT)))
    assert "VVNF" not in repr(mras.read(asked(), answered(GRANT)))
    assert "UEFT" not in repr(mras.read(asked(), answered(GRANT)))


@pytest.mark.parametrize(
    ("response", "outcome"),
    [
        (None, SipOutcome.NO_ANSWER),
        (SipMessage(kind="response", status=100), SipOutcome.NO_ANSWER),
        (SipMessage(kind="response", status=401), SipOutcome.CHALLENGED),
        (SipMessage(kind="response", status=302), SipOutcome.REDIRECTED),
        (SipMessage(kind="response", status=504), SipOutcome.SIP_ERROR),
        (answered("", phrase="Request Malformed"), SipOutcome.FAULT),
        (answered(f"<mediaRelayList>{RELAY}</mediaRelayList>"), SipOutcome.FAULT),
        (SipMessage(kind="response", status=200), SipOutcome.FAULT),
    ],
)
def test_every_other_outcome(response: SipMessage | None, outcome: SipOutcome):
    found = mras.read(asked(), response)

    assert (found.outcome, found.granted) == (outcome, False)
    assert found.status == (response.status if response else None)


def test_it_is_claimed_by_its_media_type_alone():
    assert sip_rider_of(asked()) is mras
    assert sip_rider_of(asked(content_type="application/sdp")) is None
    assert sip_rider_of(asked(content_type=None)) is None


def test_relays_are_bounded():
    assert len(mras.read(asked(), answered(f"<mediaRelayList>{RELAY * 99}</mediaRelayList>")).relay_hosts) == MAX_RELAYS


@given(st.binary(max_size=300))
def test_arbitrary_bodies_never_raise(body: bytes):
    answer = SipMessage(kind="response", status=200, content_type=MEDIA_TYPE, body=body)

    assert mras.read(asked(body), answer).outcome in (SipOutcome.OK, SipOutcome.FAULT)
