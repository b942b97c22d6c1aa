import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocol_examples import SIP_ANSWER, SIP_REGISTER

from dissectors.contract import AnomalyKind, Dissection, Verdict, dissect
from dissectors.http import (
    HTTP,
    MAX_BODY,
    MAX_HEAD,
    ExchangeOutcome,
    HttpMessage,
    fault_of,
    outcome_of,
    path_of,
)
from dissectors.http.headers import MAX_COOKIES

GET = HttpMessage(kind="request", version="1.1", method="GET", target="/")
FAULT = (
    b'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>'
    b"<faultcode>s:Client</faultcode><faultstring>Sign-in failed</faultstring><detail>"
    b'<OCSDiagnosticsFault xmlns="urn:x"><Ms-Diagnostics-Fault><ErrorId>28020</ErrorId>'
    b"<Reason>No valid security token &amp; no luck.</Reason></Ms-Diagnostics-Fault></OCSDiagnosticsFault>"
    b"</detail></s:Fault></s:Body></s:Envelope>"
)


def messages(data: bytes) -> list[HttpMessage]:
    found = [placed.message for placed in dissect(HTTP, data).messages]
    assert all(isinstance(one, HttpMessage) for one in found)
    return found  # type: ignore[return-value]


def only(data: bytes) -> HttpMessage:
    (message,) = messages(data)
    return message


def answer(status: int, body: bytes = b"", **more: str | bool) -> HttpMessage:
    return HttpMessage(kind="response", version="1.1", status=status, body=body, **more)  # type: ignore[arg-type]


def stopped_as(dissection: Dissection) -> AnomalyKind | None:
    return dissection.anomaly.kind if dissection.anomaly else None


class TestHeads:
    def test_request_tells_what_was_asked_of_whom(self):
        message = only(
            b"POST /WebTicket/WebTicketService.svc/Auth?a=b HTTP/1.1\r\n"
            b"Host: fe.contoso.com\r\nUser-Agent: OC/15\r\n"
            b'SOAPAction: "http://x/Issue"\r\nAccept: text/xml\r\nX-MS-WebTicket: opaque=secret\r\n\r\n'
        )

        assert (message.kind, message.method, message.version) == ("request", "POST", "1.1")
        assert message.target == "/WebTicket/WebTicketService.svc/Auth?a=b"
        assert (message.host, message.user_agent, message.accept) == ("fe.contoso.com", "OC/15", "text/xml")
        assert message.soap_action == "http://x/Issue"
        assert message.web_ticket
        assert "secret" not in repr(message)

    def test_response_tells_status_and_who_answered(self):
        message = only(
            b"HTTP/1.1 503 Service Unavailable\r\nServer: Microsoft-HTTPAPI/2.0\r\nVia: 1.1 proxy\r\n"
            b"X-MS-Server-Fqdn: fe1.contoso.com\r\nX-Ms-diagnostics: 28032;reason=no\r\n"
            b"Content-Length: 0\r\n\r\n"
        )

        assert (message.kind, message.status, message.reason) == ("response", 503, "Service Unavailable")
        assert (message.server, message.via) == ("Microsoft-HTTPAPI/2.0", "1.1 proxy")
        assert (message.server_fqdn, message.ms_diagnostics) == ("fe1.contoso.com", "28032;reason=no")

    def test_cookies_are_names_without_values(self):
        asked = only(b"GET / HTTP/1.1\r\nCookie: MS-WSMAN=secret; a=b\r\nCookie: a=c; ;x\r\n\r\n")
        told = only(
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nSet-Cookie: MS-WSMAN=secret; Path=/; more-of-it; HttpOnly\r\n"
            b"Set-Cookie: id=secret;expires=Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n"
        )

        assert asked.cookies == ("MS-WSMAN", "a")
        assert told.set_cookies == ("MS-WSMAN; path; httponly", "id; expires")
        assert "secret" not in repr((asked, told))

    def test_cookies_are_bounded(self):
        many = only(b"GET / HTTP/1.1\r\nCookie: " + b";".join(b"c%d=1" % one for one in range(500)) + b"\r\n\r\n")

        assert len(many.cookies) <= MAX_COOKIES

    @pytest.mark.parametrize(
        "head",
        [
            pytest.param(b"GET /a HTTP/1.1\nHost: h\n\n", id="line feed only"),
            pytest.param(b"\r\n\r\nGET /a HTTP/1.1\r\nHost: h\r\n\r\n", id="leading blank lines"),
            pytest.param(b"GET /a HTTP/1.1\r\nhOsT:h\r\n\r\n", id="odd case, no space"),
            pytest.param(b"GET /a HTTP/1.1\r\nHost:\r\n\th\r\n\r\n", id="folded"),
            pytest.param(b"GET  /a  HTTP/1.1 \r\nno colon here\r\nHost: h\r\n\r\n", id="stray spaces and line"),
            pytest.param(b"GET /a HTTP/1.1\r\nHost: h\n\r\n", id="mixed line ends"),
        ],
    )
    def test_odd_heads_are_read(self, head: bytes):
        message = only(head)

        assert (message.target, message.host) == ("/a", "h")

    def test_missing_reason_is_no_error(self):
        assert only(b"HTTP/1.1 401\r\nContent-Length: 0\r\n\r\n").status == 401

    def test_trailing_blank_lines_are_no_message(self):
        dissection = dissect(HTTP, b"GET / HTTP/1.1\r\n\r\n" + b"\r\n" * 200)

        assert len(dissection.messages) == 1
        assert dissection.anomaly is None

    def test_endless_head_is_malformed(self):
        head = b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * (MAX_HEAD // 6 + 1)

        assert stopped_as(dissect(HTTP, head)) is AnomalyKind.MALFORMED

    def test_cut_head_is_truncated(self):
        assert stopped_as(dissect(HTTP, b"GET / HTTP/1.1\r\nHost: h")) is AnomalyKind.TRUNCATED

    def test_bytes_that_are_no_start_line_are_malformed(self):
        assert stopped_as(dissect(HTTP, b"<html>not a head</html>\r\n\r\n")) is AnomalyKind.MALFORMED


class TestCredentials:
    @pytest.mark.parametrize(
        ("header", "kept"),
        [
            (b"Authorization: Basic YWRhOnNlY3JldA==", "Basic"),
            (b"Authorization: Negotiate YIIFsecret", "Negotiate"),
            (b"Proxy-Authorization: NTLM TlRMsecret", "NTLM"),
            (b"Authorization: YWRhOnNlY3JldA", "unnamed"),
            (b"Authorization: Negotiate", "Negotiate"),
        ],
    )
    def test_only_the_scheme_is_kept(self, header: bytes, kept: str):
        message = only(b"GET / HTTP/1.1\r\n" + header + b"\r\n\r\n")

        assert message.authorization == kept
        assert "secret" not in repr(message)

    def test_password_in_a_target_is_dropped(self):
        assert only(b"GET http://ada:secret@h/x HTTP/1.1\r\n\r\n").target == "http://h/x"

    def test_password_in_a_location_is_dropped(self):
        message = only(b"HTTP/1.1 302 Found\r\nLocation: https://ada:secret@h/y\r\nContent-Length: 0\r\n\r\n")

        assert message.location == "https://h/y"

    @pytest.mark.parametrize(
        ("header", "token"),
        [
            (b"Authorization: NTLM TlRMTVNTUAABAAAAB4IIogAAAAA=", "ntlm-1"),
            (b"WWW-Authenticate: NTLM TlRMTVNTUAACAAAADAAMADgAAAA=", "ntlm-2"),
            (b"Proxy-Authorization: Negotiate TlRMTVNTUAADAAAAGAAYAIgAAAA=", "ntlm-3"),
            (b"Authorization: Negotiate YIIFBgYrBgEFBQKgggT6MIIE9qAwMC4GCSqGSIL3EgECAg==", "kerberos"),
            (b"WWW-Authenticate: Negotiate oRQwEqADCgEAoQsGCSqGSIb3EgECAg==", "kerberos"),
            (b"WWW-Authenticate: Negotiate oQcwBaADCgEA", "spnego"),
            (b"Authorization: Basic TlRMTVNTUAABAAAA", None),
            (b"Authorization: Negotiate !!!", None),
            (b"WWW-Authenticate: NTLM", None),
        ],
    )
    def test_token_is_named_and_not_kept(self, header: bytes, token: str | None):
        message = only(b"HTTP/1.1 401 X\r\nContent-Length: 0\r\n" + header + b"\r\n\r\n")

        assert message.token == token
        assert header.rsplit(b" ", 1)[1] not in repr(message).encode() or token is None

    def test_challenges_keep_their_schemes_in_order(self):
        message = only(
            b"HTTP/1.1 401 No\r\nWWW-Authenticate: Negotiate\r\n"
            b'WWW-Authenticate: NTLM, Basic realm="a, Fake b"\r\n'
            b'WWW-Authenticate: Digest qop="auth", nonce=abc, Bearer\r\nContent-Length: 0\r\n\r\n'
        )

        assert message.authenticate == "Negotiate, NTLM, Basic, Digest, Bearer"


class TestBodies:
    def test_pipelined_messages_are_told_apart_by_length(self):
        first, second = messages(
            b"POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabcGET /b HTTP/1.1\r\n\r\n",
        )

        assert (first.body, second.target) == (b"abc", "/b")

    def test_chunks_are_joined_and_trailers_passed(self):
        first, second = messages(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nT: 1\r\n\r\n"
            b"HTTP/1.1 204 No Content\r\n\r\n"
        )

        assert (first.body, first.complete, second.status) == (b"abcde", True, 204)

    @pytest.mark.parametrize("status", [100, 101, 204, 304])
    def test_bodiless_status_ignores_its_length(self, status: int):
        head = b"HTTP/1.1 %d X\r\nContent-Length: 10\r\n\r\n" % status

        assert messages(head + b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")[0].body == b""
        assert only(head).complete

    def test_interim_answer_precedes_the_final_one(self):
        found = messages(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")

        assert [one.status for one in found] == [100, 200]

    def test_body_without_framing_runs_to_the_end_and_is_complete(self):
        message = only(b"HTTP/1.0 200 OK\r\n\r\n<html>\r\n\r\n</html>")

        assert (message.body, message.complete) == (b"<html>\r\n\r\n</html>", True)

    @pytest.mark.parametrize(
        "cut",
        [
            b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabcd",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nabcd",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n0\r\nTrail",
        ],
    )
    def test_cut_body_keeps_head_and_beginning(self, cut: bytes):
        message = only(cut)

        assert (message.status, message.body, message.complete) == (200, b"abcd", False)

    def test_broken_chunk_keeps_the_head_and_is_malformed(self):
        dissection = dissect(HTTP, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcXYZ\r\n0\r\n\r\n")

        assert [getattr(one.message, "complete", None) for one in dissection.messages] == [False]
        assert stopped_as(dissection) is AnomalyKind.MALFORMED

    @pytest.mark.parametrize("length", [b"-1", b"ten", b"3, 4", b"\xc2\xb2"])
    def test_length_that_cannot_be_trusted_marks_the_body_incomplete(self, length: bytes):
        message = only(b"POST / HTTP/1.1\r\nContent-Length: " + length + b"\r\n\r\nabcdef")

        assert (message.body, message.complete, message.content_length) == (b"abcdef", False, None)

    def test_repeated_equal_length_is_one_length(self):
        message = only(b"POST / HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 3, 3\r\n\r\nabc")

        assert (message.body, message.complete) == (b"abc", True)

    def test_large_body_is_consumed_but_kept_only_up_to_its_limit(self):
        size = MAX_BODY + 5000
        first, second = messages(
            b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
            + bytes(size)
            + b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"
        )

        assert (len(first.body), first.content_length, first.complete) == (MAX_BODY, size, True)
        assert second.status == 404

    @pytest.mark.parametrize(
        ("coding", "packed"),
        [
            (b"gzip", gzip.compress(b"<xml/>", mtime=0)),
            (b"deflate", zlib.compress(b"<xml/>")),
            (b"deflate", zlib.compress(b"<xml/>")[2:-4]),
            (b"gzip", b"<xml/>"),
            (b"identity", b"<xml/>"),
        ],
    )
    def test_packed_body_is_unpacked(self, coding: bytes, packed: bytes):
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (
            coding,
            len(packed),
        )

        assert only(head + packed).body == b"<xml/>"

    def test_unpacked_body_is_bounded(self):
        packed = gzip.compress(bytes(50 * MAX_BODY))
        head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed)

        assert len(only(head + packed).body) == MAX_BODY

    def test_byte_ranges_without_a_length_end_at_their_last_boundary(self):
        ranges = b"--B\r\nContent-Range: bytes 0-1/9\r\n\r\nab\r\n--B--\r\n"
        head = b"HTTP/1.1 206 Partial\r\nContent-Type: multipart/byteranges; boundary=B\r\n\r\n"
        first, second = messages(head + ranges + b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")

        assert (first.body, first.complete, second.status) == (ranges.rstrip(), True, 404)
        assert not only(head + ranges[:20]).complete

    def test_bytes_that_the_length_announces_and_that_are_not_here_are_counted(self):
        assert only(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabcd").missing == 6
        assert only(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabcd").missing == 0

    def test_body_packed_by_its_transfer_coding_is_unpacked(self):
        packed = gzip.compress(b"<xml/>", mtime=0)
        chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(packed), packed)

        assert only(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n" + chunks).body == b"<xml/>"

    def test_answers_to_head_requests_in_a_row_have_no_bodies(self):
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n"

        assert [one.body for one in messages(head + head)[:1]] == [b""]


class TestTunnels:
    def test_bytes_behind_connect_are_not_http(self):
        dissection = dissect(HTTP, b"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n\x16\x03\x01\x00\x05abcde")

        (placed,) = dissection.messages
        assert isinstance(placed.message, HttpMessage)
        assert (placed.message.method, placed.message.target, placed.message.tunnel) == (
            "CONNECT",
            "a:443",
            True,
        )
        assert placed.end == 35
        assert dissection.anomaly is None

    def test_refused_connect_is_followed_by_http(self):
        connect = b"CONNECT a:443 HTTP/1.1\r\n\r\n"

        assert [one.tunnel for one in messages(connect + connect + b"\x16\x03\x01")] == [False, True]

    def test_bytes_behind_an_upgrade_are_not_http(self):
        upgrade = b"GET /chat HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"

        assert [one.tunnel for one in messages(upgrade + b"\x81\x90\x11\x22")] == [True]
        assert [one.tunnel for one in messages(upgrade + upgrade)] == [False, False]

    def test_proxy_accepts_after_a_challenge(self):
        found = messages(
            b"HTTP/1.1 407 No\r\nContent-Length: 1\r\n\r\nx"
            b"HTTP/1.0 200 Connection established\r\n\r\n\x16\x03\x01\x00\x05abcde"
        )

        assert [(one.status, one.tunnel, one.body) for one in found] == [(407, False, b"x"), (200, True, b"")]


class TestProbe:
    @pytest.mark.parametrize(
        "foreign",
        [
            SIP_REGISTER,
            SIP_ANSWER,
            b"OPTIONS sip:a@b SIP/2.0\r\n",
            b"OPTIONS rtsp://a/b RTSP/1.0\r\n",
            b"RTSP/1.0 200 OK\r\n",
            b"HTTP/2.0 200\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"SSH-2.0-OpenSSH_8.0\r\n",
            b"GETTING started\r\n",
            b"\x16\x03\x01\x00\x05",
        ],
    )
    def test_other_protocols_are_rejected(self, foreign: bytes):
        assert HTTP.probe(foreign) == Verdict.REJECT

    @pytest.mark.parametrize(
        ("head", "verdict"),
        [
            (b"", Verdict.UNSURE),
            (b"\r\n", Verdict.UNSURE),
            (b"PO", Verdict.UNSURE),
            (b"HTTP/1", Verdict.UNSURE),
            (b"GET /index", Verdict.LIKELY),
            (b"CONNECT sip.contoso.com:443", Verdict.LIKELY),
            (b"HTTP/1.1 200 O", Verdict.CERTAIN),
            (b"BREW /pot HTTP/1.1\r\n", Verdict.CERTAIN),
        ],
    )
    def test_certainty_grows_with_the_line(self, head: bytes, verdict: Verdict):
        assert HTTP.probe(head) == verdict


class TestOutcomes:
    @pytest.mark.parametrize(
        ("response", "outcome"),
        [
            (None, ExchangeOutcome.NO_ANSWER),
            (answer(100), ExchangeOutcome.NO_ANSWER),
            (answer(200), ExchangeOutcome.OK),
            (answer(304), ExchangeOutcome.OK),
            (answer(401), ExchangeOutcome.CHALLENGED),
            (answer(407), ExchangeOutcome.CHALLENGED),
            (answer(302), ExchangeOutcome.REDIRECTED),
            (answer(200, FAULT), ExchangeOutcome.FAULT),
            (answer(500, FAULT), ExchangeOutcome.FAULT),
            (answer(500), ExchangeOutcome.HTTP_ERROR),
            (answer(404, complete=False), ExchangeOutcome.HTTP_ERROR),
            (answer(200, complete=False), ExchangeOutcome.CUT),
            (answer(200, b"<p>San Andreas Fault </p>"), ExchangeOutcome.OK),
        ],
    )
    def test_each_ending_has_its_word(self, response: HttpMessage | None, outcome: ExchangeOutcome):
        assert outcome_of(GET, response) == outcome

    def test_announced_length_of_a_head_answer_is_no_cut(self):
        head = HttpMessage(kind="request", version="1.1", method="HEAD", target="/")

        assert outcome_of(head, answer(200, complete=False)) == ExchangeOutcome.OK

    def test_fault_gives_number_and_reason(self):
        assert fault_of(answer(500, FAULT)) == (28020, "No valid security token & no luck.")

    def test_header_gives_number_and_reason_when_the_body_does_not(self):
        said = '28032;source="fe.contoso.com";reason="The web ticket is invalid.";faultcode="wsse:x"'

        assert fault_of(answer(403, ms_diagnostics=said)) == (28032, "The web ticket is invalid.")

    def test_plain_fault_gives_its_text_only(self):
        plain = b"<Envelope><Body><Fault><faultstring>Busy</faultstring></Fault></Body></Envelope>"

        assert fault_of(answer(500, plain)) == (None, "Busy")
        assert fault_of(answer(200, b"<ErrorId>5</ErrorId>")) == (None, None)
        assert fault_of(None) == (None, None)


@pytest.mark.parametrize(
    ("method", "target", "path"),
    [
        ("GET", "/A/b.svc?x=/y", "/A/b.svc"),
        ("GET", "http://h:80/A?x", "/A"),
        ("GET", "http://h", "/"),
        ("GET", "/a%2B.crl", "/a+.crl"),
        ("GET", "/?u=http://x/y", "/"),
        ("CONNECT", "h:443", ""),
    ],
)
def test_path_is_read_from_every_form_of_target(method: str, target: str, path: str):
    assert path_of(HttpMessage(kind="request", version="1.1", method=method, target=target)) == path


@given(sizes=st.lists(st.integers(1, 60), max_size=8), body=st.binary(min_size=480, max_size=480))
def test_body_survives_any_chunking(sizes: list[int], body: bytes):
    sent, chunks = b"", b""
    for size in sizes:
        chunk = body[len(sent) : len(sent) + size]
        chunks += b"%x\r\n%b\r\n" % (len(chunk), chunk)
        sent += chunk

    message = only(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")

    assert (message.body, message.complete) == (sent, True)
