import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors import conference, sip_rider_of
from dissectors.conference import MAX_ENTRIES, MEDIA_TYPE
from dissectors.sip import SipMessage
from dissectors.sip.exchange import SipOutcome

FOCUS = "sip:ada@contoso.com;gruu;opaque=app:conf:focus:id:BE92"
AV = "sip:ada@contoso.com;gruu;opaque=app:conf:audio-video:id:BE92"
NAMESPACES = 'xmlns="urn:ietf:params:xml:ns:cccp" xmlns:ci="urn:ietf:params:xml:ns:conference-info"'
USER = (
    '<ci:user entity="sip:bob@contoso.com"><ci:roles><ci:entry>attendee</ci:entry></ci:roles>'
    '<ci:endpoint entity="{E}"><ci:joining-method>dialed-in</ci:joining-method></ci:endpoint></ci:user>'
)
ADD_USER = f'<addUser><conferenceKeys confEntity="{FOCUS}"/>{USER}</addUser>'
INFO = (
    "<connection-info>"
    f"<entry><key>Mcu-Server-Uri</key><value>sip:mcu@x</value></entry>"
    f"<entry><key>mcu-conference-uri</key><value>{AV}</value></entry>"
    "<entry><key>sAuthId</key><value>1234567890TOKEN</value></entry></connection-info>"
)


def document(kind: str, inside: str, **attributes: str) -> bytes:
    said = "".join(f' {name}="{value}"' for name, value in attributes.items())
    return f'<?xml version="1.0"?><{kind} {NAMESPACES} requestId="7"{said}>{inside}</{kind}>'.encode()


def asked(body: bytes, to: str = FOCUS, method: str = "INVITE", sender: str = "sip:bob@contoso.com") -> SipMessage:
    return SipMessage(kind="request", method=method, to_uri=to, from_uri=sender, content_type=MEDIA_TYPE, body=body)


def answered(body: bytes, status: int = 200) -> SipMessage:
    return SipMessage(kind="response", status=status, content_type=MEDIA_TYPE, body=body)


def test_a_join_of_the_focus():
    found = conference.read(
        asked(document("request", ADD_USER)), answered(document("response", ADD_USER, code="success"))
    )

    assert (found.method, found.command, found.request_id) == ("INVITE", "addUser", "7")
    assert (found.outcome, found.status, found.code, found.reason) == ("ok", 200, "success", None)
    assert (found.conference, found.mcu, found.mcu_uri) == (FOCUS, "focus", None)
    assert (found.user, found.role, found.joining) == ("sip:bob@contoso.com", "attendee", "dialed-in")


def test_a_media_server_and_where_to_reach_it():
    inside = f'<addUser mcuUri="{AV}"><conferenceKeys confEntity="{FOCUS}"/>{USER}{INFO}</addUser>'

    found = conference.read(
        asked(document("request", f'<addUser mcuUri="{AV}"/>'), method="SERVICE"),
        answered(document("response", inside, code="success")),
    )

    assert (found.mcu, found.mcu_uri, found.conference) == ("audio-video", AV, FOCUS)
    assert found.connection_info == ("Mcu-Server-Uri=sip:mcu@x", f"mcu-conference-uri={AV}", "sAuthId")
    assert "TOKEN" not in repr(found)


def test_a_conference_is_made_at_the_factory():
    made = f'<addConference><ci:conference-info entity="{FOCUS}"/></addConference>'
    found = conference.read(
        asked(
            document("request", "<addConference/>"),
            to="sip:ada@contoso.com;gruu;opaque=app:conf:focusfactory",
            method="SERVICE",
        ),
        answered(document("response", made, code="success")),
    )

    assert (found.command, found.mcu, found.conference) == ("addConference", "focusfactory", FOCUS)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (document("response", ADD_USER, code="failure", reason="userDoesntExist"), "userDoesntExist"),
        (document("response", '<addUser reason="notPermitted"/>', code="failure"), "notPermitted"),
    ],
)
def test_a_failure_that_sip_carries_as_success(body: bytes, reason: str):
    found = conference.read(asked(document("request", ADD_USER)), answered(body))

    assert (found.outcome, found.status, found.code, found.reason) == (SipOutcome.FAULT, 200, "failure", reason)


def test_a_later_answer_in_a_request_of_its_own():
    later = document("response", ADD_USER, code="failure")
    found = conference.read(asked(later, to="sip:bob@contoso.com", method="INFO", sender=AV), None)

    assert (found.command, found.code, found.mcu, found.outcome) == ("addUser", "failure", "audio-video", "fault")


def test_without_an_answer_or_with_a_refusal():
    request = asked(document("request", ADD_USER))

    assert conference.read(request, None).outcome == "no-answer"
    refused = conference.read(request, SipMessage(kind="response", status=403))
    assert (refused.outcome, refused.code, refused.command) == ("sip-error", None, "addUser")


def test_an_empty_request_takes_its_command_from_the_answer():
    found = conference.read(asked(document("request", "")), answered(document("response", ADD_USER)))

    assert found.command == "addUser"


def test_it_is_claimed_by_its_media_type_alone():
    assert sip_rider_of(asked(b"")) is conference
    call = SipMessage(kind="request", method="INVITE", to_uri=AV, content_type="application/sdp")
    assert sip_rider_of(call) is None


def test_entries_are_bounded():
    inside = "<connection-info>" + "<entry><key>k</key></entry>" * 99 + "</connection-info>"
    found = conference.read(asked(b""), answered(document("response", f"<addUser>{inside}</addUser>")))

    assert len(found.connection_info) == MAX_ENTRIES


@given(st.binary(max_size=300))
def test_arbitrary_bodies_never_raise(body: bytes):
    assert conference.read(asked(body), answered(body)).status == 200
    assert conference.read(asked(document("request", ADD_USER)[: len(body)]), None).status is None
