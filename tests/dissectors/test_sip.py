import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tshark_fields import capture, fields

from dissectors.contract import AnomalyKind, Cursor, Malformed, Truncated, Verdict, dissect
from dissectors.sip import (
    COMPRESSED,
    MAX_BODY,
    MAX_CANDIDATES,
    MAX_HEAD,
    MAX_VALUE,
    SIP,
    Candidate,
    SipMessage,
    read_candidate,
    read_remote_candidates,
)


def sip(first: str, *headers: str, body: bytes = b"", newline: str = "\r\n", length: bool = True) -> bytes:
    lines = [first, *headers, *([f"Content-Length: {len(body)}"] if length else [])]
    return (newline.join(lines) + 2 * newline).encode() + body


REGISTER = sip(
    "REGISTER sip:contoso.com SIP/2.0",
    "Via: SIP/2.0/TLS 192.0.2.10:50001",
    'From: "Doe; <John>" <sip:john@contoso.com>;tag=1;epid=0123456789ab',
    "To: <sip:john@contoso.com>",
    "Call-ID: abc@192.0.2.10",
    "CSeq: 3 REGISTER",
    "Contact: <sip:192.0.2.10:50001;transport=tls>;+sip.instance=x",
    "User-Agent: UCCAPI/15.0.4420.1017 OC/15.0.4420.1017 (Microsoft Lync)",
)
CHALLENGE = sip(
    "SIP/2.0 401 Unauthorized",
    "From: <sip:john@contoso.com>;tag=1;epid=0123456789ab",
    "To: <sip:john@contoso.com>;tag=2",
    "Call-ID: abc@192.0.2.10",
    "CSeq: 3 REGISTER",
    'WWW-Authenticate: NTLM realm="SIP Communications Service", targetname="fe1.contoso.com", version=4',
    'WWW-Authenticate: TLS-DSK realm="x", gssapi-data="SECRET"',
    'WWW-Authenticate: NTLM realm="again"',
    'ms-diagnostics: 1013;source="fe1.contoso.com";reason="Significant time skew"',
    "Server: RTC/5.0",
)
SDP = (
    b"v=0\r\nm=audio 50000 RTP/SAVP 114\r\n"
    b"a=candidate:1 1 UDP 2130706431 192.0.2.10 50000 typ host\r\n"
    b"a=candidate:2 1 TCP-PASS 6556159 203.0.113.9 50111 typ relay raddr 192.0.2.10 rport 50001\r\n"
    b"a=remote-candidates:1 198.51.100.7 50123 2 198.51.100.7 50124\r\n"
)
INVITE = sip(
    "INVITE sip:jane@contoso.com SIP/2.0",
    "f: sip:john@contoso.com;tag=1",
    "t: <sip:jane@contoso.com>",
    "i: call-1",
    "CSeq: 1 INVITE",
    "c: application/sdp; charset=utf-8",
    body=SDP,
)
EXAMPLES = {"register": REGISTER, "challenge": CHALLENGE, "invite": INVITE}
by_example = pytest.mark.parametrize("data", EXAMPLES.values(), ids=EXAMPLES)


def messages(data: bytes) -> list[SipMessage]:
    found = dissect(SIP, data)
    assert found.anomaly is None, found.anomaly
    return [placed.message for placed in found.messages if isinstance(placed.message, SipMessage)]


def only(data: bytes) -> SipMessage:
    (message,) = messages(data)
    return message


class TestMessage:
    def test_request_of_a_lync_client(self) -> None:
        message = only(REGISTER)

        assert (message.kind, message.method, message.uri) == ("request", "REGISTER", "sip:contoso.com")
        assert (message.call_id, message.cseq, message.epid) == ("abc@192.0.2.10", 3, "0123456789ab")
        assert message.from_uri == message.to_uri == "sip:john@contoso.com"
        assert message.contact == "sip:192.0.2.10:50001;transport=tls"
        assert message.user_agent == "UCCAPI/15.0.4420.1017 OC/15.0.4420.1017 (Microsoft Lync)"
        assert message.authenticate is None

    def test_response_takes_its_method_from_cseq(self) -> None:
        message = only(CHALLENGE)

        assert (message.kind, message.status, message.reason) == ("response", 401, "Unauthorized")
        assert (message.method, message.cseq, message.server) == ("REGISTER", 3, "RTC/5.0")

    def test_schemes_are_kept_without_credentials(self) -> None:
        message = only(CHALLENGE)

        assert message.authenticate == "NTLM,TLS-DSK"
        assert "SECRET" not in repr(message)

    def test_diagnostics_are_kept_as_sent_with_their_number(self) -> None:
        message = only(CHALLENGE)

        assert message.diagnostics_id == 1013
        assert message.diagnostics == '1013;source="fe1.contoso.com";reason="Significant time skew"'

    @pytest.mark.parametrize(
        ("headers", "number"),
        [
            (("ms-client-diagnostics: 51004;reason=x", "ms-diagnostics: 22;reason=y"), 22),
            (("ms-client-diagnostics: 52017;reason=x", "Ms-Diagnostics-Public: 1034;reason=y"), 1034),
            (("ms-client-diagnostics: 51007;reason=x",), 51007),
            (("ms-diagnostics: none",), None),
        ],
    )
    def test_the_most_telling_diagnostics_header_wins(self, headers: tuple[str, ...], number: int | None) -> None:
        assert only(sip("SIP/2.0 504 Server time-out", *headers)).diagnostics_id == number

    def test_remote_user_came_through_the_edge(self) -> None:
        assert only(sip("SIP/2.0 200 OK", "ms-user-logon-data: RemoteUser")).remote_user is True
        assert only(sip("SIP/2.0 200 OK", "ms-user-logon-data: none")).remote_user is False

    def test_compact_names(self) -> None:
        message = only(INVITE)

        assert (message.from_uri, message.to_uri) == ("sip:john@contoso.com", "sip:jane@contoso.com")
        assert (message.call_id, message.content_type) == ("call-1", "application/sdp")

    def test_folded_lines_are_joined(self) -> None:
        message = only(sip("SIP/2.0 504 x", "ms-diagnostics: 1008;", '\treason="DNS";', ' source="fe1"'))

        assert message.diagnostics == '1008; reason="DNS"; source="fe1"'

    def test_lines_may_end_in_lf_only(self) -> None:
        data = sip("SIP/2.0 486 Busy Here", "CSeq: 1 INVITE", body=b"x", newline="\n")

        assert [message.status for message in messages(data + data)] == [486, 486]

    def test_a_status_without_reason(self) -> None:
        message = only(sip("SIP/2.0 200"))

        assert (message.status, message.reason) == (200, None)

    def test_event_and_retry_after(self) -> None:
        message = only(sip("SIP/2.0 503 x", "Event: Presence;id=1", "Retry-After: 30 (busy)"))

        assert (message.event, message.retry_after) == ("presence", 30)

    def test_device_of_a_server_request_stands_in_to(self) -> None:
        message = only(sip("BENOTIFY sip:x SIP/2.0", "From: <sip:a@b>;tag=1", "To: <sip:c@d>;EPID=ff;tag=2"))

        assert message.epid == "ff"


class TestFraming:
    def test_content_length_frames_a_stream(self) -> None:
        first, second = messages(INVITE + CHALLENGE)

        assert (first.method, first.body_length, second.status) == ("INVITE", len(SDP), 401)

    def test_keep_alives_between_messages_yield_nothing(self) -> None:
        found = dissect(SIP, b"\r\n\r\n" + REGISTER + b"\r\n\r\n" + REGISTER + b"\r\n")

        assert found.anomaly is None
        assert [placed.start for placed in found.messages] == [4, 4 + len(REGISTER) + 4]

    def test_a_datagram_without_content_length_reaches_to_its_end(self) -> None:
        message = only(sip("INVITE sip:a SIP/2.0", "Content-Type: application/sdp", body=SDP, length=False))

        assert (message.body, len(message.candidates)) == (SDP, 3)

    def test_without_content_length_the_next_start_line_ends_a_message(self) -> None:
        assert len(messages(sip("OPTIONS sip:a SIP/2.0", length=False) + REGISTER)) == 2

    @pytest.mark.parametrize("value", ["-1", "abc", "9999999999", ""])
    def test_a_content_length_that_is_no_number_is_malformed(self, value: str) -> None:
        with pytest.raises(Malformed):
            SIP.parse(Cursor(sip("SIP/2.0 200 OK", f"Content-Length: {value}", length=False)))

    def test_headers_without_end_are_malformed_at_the_limit_and_truncated_before(self) -> None:
        head = b"SIP/2.0 200 OK\r\nX: " + b"y" * MAX_HEAD

        assert _anomaly(head[: MAX_HEAD - 1]) is AnomalyKind.TRUNCATED
        assert _anomaly(head) is AnomalyKind.MALFORMED

    def test_values_and_bodies_are_bounded(self) -> None:
        message = only(sip("INVITE sip:a SIP/2.0", "Call-ID: " + "x" * 9000, body=bytes(MAX_BODY + 1)))

        assert len(message.call_id or "") == MAX_VALUE
        assert (len(message.body), message.body_length) == (MAX_BODY, MAX_BODY + 1)

    def test_compressed_bytes_after_negotiate_that_cannot_be_read_are_told(self) -> None:
        request = sip("NEGOTIATE sip:127.0.0.1 SIP/2.0", "CSeq: 1 NEGOTIATE", "Compression: LZ77-8K")
        response = sip("SIP/2.0 200 OK", "CSeq: 1 NEGOTIATE")

        for opening in (request, response):
            cursor = Cursor(opening + b"\xe0\0\0\0\1\0" + bytes(50))
            (message,) = SIP.parse(cursor)

            assert message.method == "NEGOTIATE"
            assert COMPRESSED in cursor.notes
            with pytest.raises(Malformed, match="56 bytes of compressed SIP are not read"):
                SIP.parse(cursor)

    def test_a_refused_negotiate_leaves_the_stream_readable(self) -> None:
        refused = sip("SIP/2.0 405 Method Not Allowed", "CSeq: 1 NEGOTIATE")

        assert [message.status for message in messages(refused + CHALLENGE)] == [405, 401]
        assert _anomaly(refused + b"\xe0\0\0\0") is AnomalyKind.MALFORMED

    def test_plain_text_after_an_asked_negotiate_is_read(self) -> None:
        request = sip("NEGOTIATE sip:127.0.0.1 SIP/2.0", "CSeq: 1 NEGOTIATE", "Compression: LZ77-8K")

        assert [message.method for message in messages(request + REGISTER)] == ["NEGOTIATE", "REGISTER"]


def _anomaly(data: bytes) -> AnomalyKind | None:
    anomaly = dissect(SIP, data).anomaly
    return anomaly.kind if anomaly else None


class TestCandidates:
    def test_lines_are_kept_as_sent(self) -> None:
        assert only(INVITE).candidates == (
            "candidate:1 1 UDP 2130706431 192.0.2.10 50000 typ host",
            "candidate:2 1 TCP-PASS 6556159 203.0.113.9 50111 typ relay raddr 192.0.2.10 rport 50001",
            "remote-candidates:1 198.51.100.7 50123 2 198.51.100.7 50124",
        )

    def test_the_part_for_communicator_2007_is_left_out(self) -> None:
        old = b"a=candidate:dXNlcg 1 cGFzcw UDP 0.830 192.0.2.10 50000\r\n"
        body = (
            b"--b1\r\nContent-Type: application/sdp\r\nContent-Disposition: session; handling=optional; "
            b"ms-proxy-2007fallback\r\n\r\n" + old + b"\r\n--b1\r\n\r\n" + SDP + b"\r\n--b1--\r\n"
        )
        offer = sip("INVITE sip:a SIP/2.0", 'Content-Type: multipart/alternative;boundary="b1"', body=body)

        assert only(offer).candidates == only(INVITE).candidates

    def test_lines_are_bounded(self) -> None:
        body = b"a=candidate:1 1 UDP 1 192.0.2.10 50000 typ host\r\n" * (MAX_CANDIDATES + 1)

        assert len(only(sip("INVITE sip:a SIP/2.0", body=body)).candidates) == MAX_CANDIDATES

    def test_host_candidate(self) -> None:
        assert read_candidate("candidate:1 1 UDP 2130706431 192.0.2.10 50000 typ host") == Candidate(
            foundation="1",
            component=1,
            transport="UDP",
            priority=2130706431,
            ip="192.0.2.10",
            port=50000,
            type="host",
        )

    def test_relay_candidate_names_its_base(self) -> None:
        read = read_candidate(
            "a=candidate:2 2 tcp-act 6556159 203.0.113.9 50111 typ relay raddr 192.0.2.10 rport 50001"
        )

        assert (read.type, read.transport, read.raddr, read.rport) == (
            "relay",
            "TCP-ACT",
            "192.0.2.10",
            50001,
        )

    def test_draft_06_candidate_has_no_type_and_its_password_is_dropped(self) -> None:
        read = read_candidate("candidate:dXNlcg 1 cGFzcw TCP 0.830 192.0.2.10 50000")

        assert (read.foundation, read.priority, read.type, read.port) == ("dXNlcg", 0.83, None, 50000)
        assert "cGFzcw" not in repr(read)

    def test_remote_candidates_are_triples(self) -> None:
        assert read_remote_candidates("remote-candidates:1 198.51.100.7 50123 2 198.51.100.7 50124") == (
            (1, "198.51.100.7", 50123),
            (2, "198.51.100.7", 50124),
        )

    @pytest.mark.parametrize(
        "line",
        [
            "",
            "candidate:",
            "candidate:1 1 UDP x y z typ host",
            "candidate:1 1 UDP 1 a 70000 typ host",
            "remote-candidates:1 a",
            "m=audio 1 2",
        ],
    )
    def test_other_lines_are_malformed(self, line: str) -> None:
        with pytest.raises(Malformed):
            read_candidate(line)
        with pytest.raises(Malformed):
            read_remote_candidates(line)

    @given(st.text(max_size=80))
    def test_arbitrary_lines_are_malformed_or_read(self, content: str) -> None:
        for read, name in ((read_candidate, "candidate:"), (read_remote_candidates, "remote-candidates:")):
            with contextlib.suppress(Malformed):
                read(name + content)


class TestProbe:
    @by_example
    def test_a_whole_start_line_is_certain(self, data: bytes) -> None:
        assert SIP.probe(data) is Verdict.CERTAIN
        assert SIP.probe(b"\r\n\r\n" + data) is Verdict.CERTAIN

    @pytest.mark.parametrize(
        "data",
        [
            b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            b"GET /path",
            b"HTTP/1.1 200 OK\r\n",
            b"OPTIONS * RTSP/1.0\r\n",
            b"DESCRIBE rtsp://192.0.2.1/stream RTSP/1.0\r\nCSeq: 2\r\n\r\n",
            b"OPTIONS rtsp://192.0.2.1",
            b"RTSP/1.0 200 OK\r\nCSeq: 2\r\n\r\n",
            b"REQMOD icap://192.0.2.1/scan ICAP/1.0\r\nHost: 192.0.2.1\r\n\r\n",
            b"ICAP/1.0 204 No Content\r\n",
            b"<?xml version='1.0'?><stream:stream to='contoso.com' xmlns='jabber:server' version='1.0'>",
            b"NOTIFY * HTTP/1.1\r\nHost: 239.255.255.250:1900\r\n\r\n",
            b"MSRP a786hjs2 SEND\r\n",
            b"220 smtp.contoso.com ESMTP\r\n",
            b"SIP/2.0 abc\r\n",
            b"\x16\x03\x01\0\x2d\1",
            b"INVITE sip:a SIP/3.0\r\n",
            b"INVITE sip:" + b"a" * 9000,
        ],
    )
    def test_look_alikes_are_rejected(self, data: bytes) -> None:
        assert SIP.probe(data) is Verdict.REJECT
        with pytest.raises(Malformed):
            SIP.parse(Cursor(data))


class TestContract:
    @by_example
    def test_every_prefix_is_truncated_and_not_rejected(self, data: bytes) -> None:
        head = data.index(b"\r\n\r\n") + 4
        for size in range(len(data)):
            assert SIP.probe(data[:size]) is not Verdict.REJECT
            if size < head:
                with pytest.raises(Truncated):
                    SIP.parse(Cursor(data[:size]))
            else:
                (message,) = SIP.parse(Cursor(data[:size]))
                assert (message.complete, message.body_length) == (False, size - head)

    @by_example
    def test_two_in_a_row_are_two(self, data: bytes) -> None:
        first, second = messages(data + data)

        assert first == second

    @given(st.binary(max_size=200), st.sampled_from([b"", b"SIP/2.0 200 OK\r\n", b"INVITE sip:a SIP/2.0\n"]))
    def test_arbitrary_bytes_never_raise(self, data: bytes, start: bytes) -> None:
        SIP.probe(start + data)

        assert dissect(SIP, start + data).consumed <= len(start + data)

    @given(
        st.sampled_from(list(EXAMPLES.values())),
        st.lists(st.tuples(st.integers(0, 900), st.integers(0, 255)), max_size=6),
    )
    def test_damage_never_raises(self, data: bytes, damage: list[tuple[int, int]]) -> None:
        damaged = bytearray(data)
        for place, value in damage:
            damaged[place % len(damaged)] = value

        assert dissect(SIP, bytes(damaged)).consumed <= len(damaged)


@pytest.mark.tshark
@pytest.mark.parametrize(
    "name",
    [
        "real/21-sip.pcap",
        "real/29-VoIP-FullCapture-.pcapng",
        "real/31-SIP_CALL_RTP_G711",
        "protocols/ipfixprobe-sip.pcap",
        "protocols/Wireshark-DTMFsipinfo.pcap",
    ],
)
def test_agrees_with_tshark_on_methods_and_calls(name: str) -> None:
    rows = fields(
        capture(name),
        "udp and !icmp and sip",
        *("frame.number", "udp.payload", "sip.Method", "sip.CSeq.method", "sip.Status-Code", "sip.Call-ID"),
    )
    assert rows
    for number, payload, method, sequence_method, status, call_id in rows:
        message = only(bytes.fromhex(payload))

        assert message.method == (method or sequence_method), number
        assert message.status == (int(status) if status else None), number
        assert message.call_id == call_id, number
