"""What rides on SIP becomes rows of its own, beside the messages it rode on."""

import pytest
from capture_files import SERVER, Connection, read_frames
from protocol_examples import SIP_OFFER, SIP_SERVICE

from dissectors.sip.compression import FLUSHED

GRANT = (
    b'<response reasonPhrase="OK"><credentialsResponse><credentials><username>U</username><password>P</password>'
    b"<duration>480</duration></credentials><mediaRelayList><mediaRelay><location>internet</location>"
    b"<hostName>av.contoso.com</hostName><udpPort>3478</udpPort><tcpPort>443</tcpPort></mediaRelay></mediaRelayList>"
    b"</credentialsResponse></response>"
)
CONFERENCE = (
    b'<request requestId="1"><addUser><conferenceKeys confEntity="sip:a;opaque=app:conf:focus:id:1"/></addUser>'
    b"</request>"
)


def answer(status: int, cseq: int = 1, call: str = "9abc", kind: str = "", body: bytes = b"") -> bytes:
    lines = [f"SIP/2.0 {status} x", f"Call-ID: {call}", f"CSeq: {cseq} SERVICE", f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, *([f"Content-Type: {kind}"] if kind else []), "", ""]).encode() + body


def ask(cseq: int, kind: str, body: bytes, call: str = "c3p") -> bytes:
    lines = ["SERVICE sip:a SIP/2.0", f"Call-ID: {call}", f"CSeq: {cseq} SERVICE", f"Content-Type: {kind}"]
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]).encode() + body


def said(tmp_path, *turns: tuple[int, bytes]):
    link = Connection(server=(SERVER[0], 5060))
    frames = link.open()
    for side, data in turns:
        frames += link.say(side, data, 1460)
    return read_frames([*frames, *link.close()], tmp_path)


MRAS = "application/msrtc-media-relay-auth+xml"
C3P = "application/cccp+xml"


def test_an_exchange_stands_where_its_answer_is(tmp_path):
    tables = said(tmp_path, (0, SIP_SERVICE), (1, answer(100)), (1, answer(200, kind=MRAS, body=GRANT)))

    (row,) = tables["mras"].to_dict("records")
    assert (row["outcome"], row["relay_hosts"], row["location"]) == ("ok", ("av.contoso.com",), "internet")
    assert (row["first_frame"], row["frame"], row["from_client"]) == (4, 6, False)
    assert tables["sip"]["method"].tolist() == ["SERVICE"] * 3
    assert tables["conference"].empty


def test_one_without_an_answer_stands_where_it_was_asked(tmp_path):
    tables = said(tmp_path, (0, SIP_SERVICE), (1, answer(200, cseq=2)), (1, answer(200, call="other")))

    (row,) = tables["mras"].to_dict("records")
    assert (row["outcome"], row["status"], row["frame"], row["from_client"]) == ("no-answer", None, 4, True)


def test_answers_find_their_requests_out_of_order_and_from_either_side(tmp_path):
    asked = ask(1, C3P, CONFERENCE), ask(2, C3P, CONFERENCE)
    tables = said(
        tmp_path,
        (0, asked[0] + asked[1]),
        (1, ask(1, C3P, CONFERENCE)),
        (1, answer(403, 2, "c3p") + answer(200, 1, "c3p")),
        (0, answer(500, 1, "c3p")),
    )

    found = tables["conference"].sort_values(["from_client", "status"])
    assert found["status"].tolist() == [200, 403, 500]
    assert found["from_client"].tolist() == [False, False, True]
    assert set(found["command"]) == {"addUser"}


def test_other_sip_has_no_riders(tmp_path):
    tables = said(tmp_path, (0, ask(1, "application/sdp", SIP_OFFER)), (1, answer(200, 1, "c3p")))

    assert tables["mras"].empty
    assert tables["conference"].empty
    assert len(tables["sip"]) == 2


def test_compressed_sip_is_read_and_what_cannot_be_is_told(tmp_path):
    negotiate = b"NEGOTIATE sip:a SIP/2.0\r\nCSeq: 1 NEGOTIATE\r\nCompression: LZ77-8K\r\nContent-Length: 0\r\n\r\n"
    plain = bytes([FLUSHED, 0, 0, 0]) + len(SIP_SERVICE).to_bytes(2, "big") + SIP_SERVICE
    tables = said(tmp_path, (0, negotiate), (0, plain), (0, b"\xff" * 90))

    assert tables["mras"]["outcome"].tolist() == ["no-answer"]
    assert tables["sip"]["compression"].tolist() == ["LZ77-8K", "LZ77-8K"]
    (row,) = tables.anomalies.to_dict("records")
    assert (row["frame"], row["kind"]) == (6, "malformed")
    assert row["says"].startswith("90 bytes of compressed SIP are not read from here on")


@pytest.mark.parametrize(
    ("port", "data", "stack"),
    [
        (443, SIP_SERVICE, "sip"),
        (8080, SIP_SERVICE, "sip"),
        (5061, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "http"),
        (5060, b"OPTIONS rtsp://a/b RTSP/1.0\r\nCSeq: 1\r\n\r\n", "rtsp"),
        (5060, b"REQMOD icap://a/b ICAP/1.0\r\nHost: a\r\n\r\n", ""),
        (5061, b"<stream:stream to='contoso.com' xmlns='jabber:server' version='1.0'>", "xmpp"),
    ],
)
def test_bytes_say_what_is_sip_and_ports_do_not(port: int, data: bytes, stack: str, tmp_path):
    link = Connection(server=(SERVER[0], port))

    tables = read_frames([*link.open(), *link.say(0, data, 1460), *link.close()], tmp_path)

    assert len(tables["sip"]) == (stack == "sip")
    by_bytes = tables.flows.loc[0, "basis"] == "bytes"
    assert (tables.flows.loc[0, "stack"] if by_bytes else "") == stack
