"""A response lost from the capture costs its own request its answer, and no other request."""

import ssl
import threading
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, HTTPServer
from time import process_time

import pytest
from capture_files import SERVER, Connection, pcap, read, read_frames, timed, udp
from http_exchanges import request, response
from hypothesis import given
from hypothesis import strategies as st
from protocol_examples import SIP_ANSWER, SIP_REGISTER
from tls_sessions import contexts, mint, speak

from lynccap.ingest.streams.assembly import Segment
from lynccap.ingest.streams.exchanges import Said, exchanges_of
from lynccap.ingest.streams.resumption import MAX_RESTARTS

PROXY = ("10.0.0.2", 8080)
WEB = ("10.0.0.2", 80)
STATUSES = (200, 401, 404, 500, 503)


def ask(number: int) -> bytes:
    return b"GET /CertProv/CertProvisioningService.svc/mex?n=%d HTTP/1.1\r\nHost: a\r\n\r\n" % number


def reply(status: int, body: bytes = b"x") -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body)


def turns(count: int) -> list[tuple[int, bytes]]:
    return [
        one for number in range(count) for one in ((0, ask(number)), (1, reply(STATUSES[number], b"x" * 9 * number)))
    ]


def frames_of(said: list[tuple[int, bytes]], size: int = 1460, opened: bool = True) -> list[bytes]:
    link = Connection(server=WEB)
    start = link.open()
    frames = [frame for side, data in said for frame in link.say(side, data, size)]
    return [*(start if opened else []), *frames, *link.close()]


def told(frames: list[bytes], folder) -> list[tuple[int | None, str]]:
    table = read_frames(frames, folder)["certprov"].sort_values("first_frame", kind="stable")
    return [
        (None if status is None else int(status), outcome)
        for status, outcome in zip(table["status"], table["outcome"], strict=True)
    ]


WHOLE = [(200, "ok"), (401, "challenged"), (404, "http-error"), (500, "http-error"), (503, "http-error")]


def test_whole_connection_is_paired_in_order(tmp_path):
    assert told(frames_of(turns(5)), tmp_path) == WHOLE


@pytest.mark.parametrize("lost", range(5))
@pytest.mark.parametrize("opened", [True, False], ids=["from its start", "mid-stream"])
def test_lost_response_leaves_only_its_own_request_without_answer(lost, opened, tmp_path):
    frames = frames_of(turns(5), opened=opened)
    del frames[3 * opened + 2 * lost + 1]

    found = told(frames, tmp_path)

    assert [one for place, one in enumerate(found) if place != lost] == [
        one for place, one in enumerate(WHOLE) if place != lost
    ]
    assert found[lost] == (None, "no-answer" if lost == 4 else "unseen")  # nothing is seen behind the last one


@pytest.mark.parametrize("lost", range(5))
def test_lost_request_takes_its_answer_with_it(lost, tmp_path):
    frames = frames_of(turns(5))
    del frames[3 + 2 * lost]

    assert told(frames, tmp_path) == [one for place, one in enumerate(WHOLE) if place != lost]


def test_segment_lost_inside_a_body_hides_no_answer(tmp_path):
    said = [(0, ask(0)), (1, reply(200, b"y" * 500)), (0, ask(1)), (1, reply(404))]
    frames = frames_of(said, size=100)
    server = [place for place, one in enumerate(frames) if b"yyyy" in one]
    del frames[server[2]]

    assert told(frames, tmp_path) == [(200, "cut"), (404, "http-error")]


def test_answer_in_the_segment_that_ends_a_holed_body_is_found(tmp_path):
    said = [(0, ask(0) + ask(1)), (1, reply(200, b"y" * 500) + reply(404))]
    frames = frames_of(said, size=200)
    del frames[next(place for place, one in enumerate(frames) if one.endswith(b"y" * 200))]

    assert told(frames, tmp_path) == [(200, "cut"), (404, "http-error")]


def test_chunked_answer_with_a_hole_does_not_swallow_the_next(tmp_path):
    chunk = b"64\r\n" + b"z" * 100 + b"\r\n"
    chunked = b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk * 4 + b"0\r\n\r\n"
    frames = frames_of([(0, ask(0)), (1, chunked), (0, ask(1)), (1, reply(404))], size=100)
    del frames[[place for place, one in enumerate(frames) if b"zzz" in one][1]]

    assert told(frames, tmp_path) == [(200, "cut"), (404, "http-error")]


def test_pipelined_requests_keep_their_answers_when_the_first_is_lost(tmp_path):
    frames = frames_of([(0, ask(0)), (0, ask(1)), (0, ask(2)), (1, reply(200)), (1, reply(401)), (1, reply(404))])
    del frames[6]

    assert told(frames, tmp_path) == [(None, "unseen"), *WHOLE[1:3]]


def test_head_cut_by_a_hole_leaves_its_request_unseen(tmp_path):
    long = b"HTTP/1.1 200 X\r\nX: " + b"h" * 300 + b"\r\nContent-Length: 0\r\n\r\n"
    frames = frames_of([(0, ask(0)), (1, long), (0, ask(1)), (1, reply(404))], size=100)
    del frames[[place for place, one in enumerate(frames) if b"hhhh" in one][1]]

    assert told(frames, tmp_path) == [(None, "unseen"), (404, "http-error")]


def test_time_out_said_unasked_answers_nobody(tmp_path):
    said = [(0, ask(0)), (1, reply(200)), (1, reply(408)), (0, ask(1))]

    assert told(frames_of(said), tmp_path) == [(200, "ok"), (None, "no-answer")]


def test_continue_is_no_answer(tmp_path):
    said = [(0, ask(0)), (1, b"HTTP/1.1 100 Continue\r\n\r\n"), (1, reply(401)), (0, ask(1)), (1, reply(200))]

    assert told(frames_of(said), tmp_path) == [(401, "challenged"), (200, "ok")]


def test_capture_that_begins_inside_bodies_finds_what_follows(tmp_path):
    said = [(0, b"<tail of a request/>"), (1, b"tail of a page</html>"), (0, ask(1)), (1, reply(401))]
    tables = read_frames(frames_of(said, opened=False), tmp_path)

    assert tables.flows["stack"].tolist() == ["http"]
    assert tables["certprov"]["status"].tolist() == [401]


def test_sip_that_begins_before_the_capture_finds_what_follows(tmp_path):
    said = [(0, b"a=rest of a session description\r\n"), (1, b"v=0\r\n"), (0, SIP_REGISTER), (1, SIP_ANSWER)]
    tables = read_frames(frames_of(said, opened=False), tmp_path)

    assert tables.flows["stack"].tolist() == ["sip"]
    assert tables["sip"]["kind"].tolist() == ["request", "response"]


def test_damage_is_read_over_however_many_holes_were_before_it(tmp_path):
    link = Connection(server=(SERVER[0], 5060))
    frames = link.open()
    for _ in range(2 * MAX_RESTARTS):
        frames += link.say(0, SIP_REGISTER, 1460)
        link.say(0, b"lost", 1460)
    for data in (SIP_REGISTER, b"\0damage\0\0\0", SIP_REGISTER):
        frames += link.say(0, data, 1460)

    tables = read_frames(frames, tmp_path)

    assert len(tables["sip"]) == 2 * MAX_RESTARTS + 2


def test_start_line_inside_a_foreign_segment_is_not_believed(tmp_path):
    said = [(0, b"\x01\x02binary " + ask(0)), (1, b"\x03\x04log: " + reply(200))]

    assert read_frames(frames_of(said, opened=False), tmp_path).flows["stack"].tolist() == [""]


def test_short_frames_keep_every_answer_whose_head_is_whole(tmp_path):
    said = [(0, ask(0)), (1, reply(200, b"y" * 3000)), (0, ask(1)), (1, reply(404, b"n" * 900))]
    table = read(pcap(timed(frames_of(said, size=1460)), snap_length=160), tmp_path)["certprov"]

    assert table["status"].tolist() == [200, 404]


def said(frame: int, message, *, hole: bool = False) -> Said:
    place = Segment(frame, frame, frame, b"", 0)
    return Said(message, place, place, hole)


@given(st.lists(st.booleans(), min_size=1, max_size=12))
def test_any_lost_responses_of_a_waiting_client_shift_nothing(kept: list[bool]):
    """Request n is frame 2n, its answer frame 2n + 1 with status 200 + n."""
    asked = [said(2 * place, request("/")) for place in range(len(kept))]
    replied, hole = [], False
    for place, is_kept in enumerate(kept):
        if is_kept:
            replied.append(said(2 * place + 1, response(200 + place), hole=hole))
        hole = not is_kept
    found = exchanges_of(asked, replied, lost_end=hole)

    assert [one.answer.message.status if one.answer else None for one in found] == [
        200 + place if is_kept else None for place, is_kept in enumerate(kept)
    ]
    assert [one.unseen for one in found] == [not one for one in kept]


def test_time_grows_with_the_exchanges_however_many_holes_there_are():
    count = 6000
    asked = [said(0, request("/")), said(2 * count, request("/"))]
    replied = [said(1 + place, response(200), hole=True) for place in range(count)]
    begun = process_time()
    exchanges_of(asked, replied, lost_end=False)

    assert process_time() - begun < 0.5


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        status = int(self.path.rsplit("=", 1)[1])
        body = b"" if status in (204, 304) else b"body of %d" % status
        self.send_response(status)
        if status == 206:
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(b"%x;a=b\r\n%b\r\n0\r\nX: y\r\n\r\n" % (len(body), body))
            return
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Silent."""


class Overheard:
    """A socket that keeps what went each way."""

    def __init__(self, inner, spoken: list[tuple[int, bytes]]) -> None:
        self.inner, self.spoken = inner, spoken

    def sendall(self, data: bytes) -> None:
        self.spoken.append((0, bytes(data)))
        self.inner.sendall(data)

    def makefile(self, *_: object):
        inner, spoken = self.inner, self.spoken

        class Reader:
            def readline(self, limit: int = -1) -> bytes:
                return self._kept(stream.readline(limit))

            def read(self, size: int = -1) -> bytes:
                return self._kept(stream.read(size))

            def readinto(self, buffer) -> int:
                data = self._kept(stream.read(len(buffer)))
                buffer[: len(data)] = data
                return len(data)

            def _kept(self, data: bytes) -> bytes:
                spoken.append((1, data))
                return data

            def flush(self) -> None:
                """Nothing waits."""

            def close(self) -> None:
                stream.close()

        stream = inner.makefile("rb", 0)
        return Reader()

    def close(self) -> None:
        self.inner.close()


def test_connection_of_pythons_own_client_and_server_is_read_to_its_end(tmp_path):
    asked = [("GET", 200), ("HEAD", 200), ("POST", 401), ("GET", 204), ("GET", 304), ("GET", 206), ("GET", 404)]
    spoken: list[tuple[int, bytes]] = []
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        client = HTTPConnection("127.0.0.1", server.server_port)
        client.connect()
        client.sock = Overheard(client.sock, spoken)  # type: ignore[assignment]
        for method, status in asked:
            client.request(
                method, f"/CertProv/CertProvisioningService.svc/?s={status}", body=b"<a/>" if method == "POST" else None
            )
            client.getresponse().read()
        client.close()
        server.shutdown()

    tables = read_frames(frames_of([one for one in spoken if one[1]]), tmp_path)

    assert tables["http"]["method"].dropna().tolist() == [method for method, _ in asked]
    assert tables["certprov"]["status"].tolist() == [status for _, status in asked]
    assert set(tables["certprov"]["outcome"]) == {"ok", "challenged", "http-error"}
    assert tables.anomalies.empty


CONNECT = b"CONNECT sip.contoso.com:443 HTTP/1.1\r\nHost: sip.contoso.com\r\n%b\r\n"
TYPE_1 = b"TlRMTVNTUAABAAAAB4IIogAAAAAAAAAAAAAAAAAAAAAKAGNFAAAADw=="
TYPE_2 = b"TlRMTVNTUAACAAAADAAMADgAAAAFgomi"
TYPE_3 = b"TlRMTVNTUAADAAAAGAAYAIgAAAAYARgB"


def test_tls_through_a_proxy_that_wants_a_log_on_first(tmp_path):
    identity = mint(tmp_path)
    spoken = speak(*contexts(identity[0]))
    hello = 5 + int.from_bytes(spoken.client[3:5], "big")
    refused = b"HTTP/1.1 407 No\r\nProxy-Authenticate: NTLM %b\r\nContent-Length: 4\r\n\r\nbody"
    said = [
        (0, CONNECT % b""),
        (1, refused % b""),
        (0, CONNECT % (b"Proxy-Authorization: NTLM " + TYPE_1 + b"\r\n")),
        (1, refused % TYPE_2),
        (0, CONNECT % (b"Proxy-Authorization: NTLM " + TYPE_3 + b"\r\n")),
        (1, b"HTTP/1.1 200 Connection established\r\n\r\n"),
        (0, spoken.client[:hello]),
        (1, spoken.server),
        (0, spoken.client[hello:]),
    ]
    tables = read_frames(frames_of(said), tmp_path)

    assert tables.flows["stack"].tolist() == ["http/tls"]
    assert tables["http"]["token"].tolist() == [None, None, "ntlm-1", "ntlm-2", "ntlm-3", None]
    assert tables["http"]["tunnel"].tolist() == [False] * 4 + [True, True]
    assert {"client-hello", "server-hello", "certificate", "application-data"} <= set(tables["tls"]["kind"])
    assert tables.anomalies.empty


def test_sip_in_the_clear_through_a_proxy(tmp_path):
    said = [(0, CONNECT % b""), (1, b"HTTP/1.1 200 OK\r\n\r\n"), (0, SIP_REGISTER), (1, SIP_ANSWER)]
    tables = read_frames(frames_of(said), tmp_path)

    assert tables.flows["stack"].tolist() == ["http/sip"]
    assert tables["sip"]["kind"].tolist()[0] == "request"


def test_hole_inside_a_tunnel_is_read_over(tmp_path):
    identity = mint(tmp_path)
    spoken = speak(*contexts(identity[0], ssl.TLSVersion.TLSv1_2))
    hello = 5 + int.from_bytes(spoken.client[3:5], "big")
    said = [(0, CONNECT % b""), (1, b"HTTP/1.1 200 OK\r\n\r\n"), (0, spoken.client[:hello]), (1, spoken.server)]
    alert = b"\x15\x03\x03\x00\x02\x02\x30"
    frames = frames_of([*said, (0, b"q" * 50), (0, alert)])
    del frames[next(place for place, one in enumerate(frames) if b"qqqq" in one)]
    tables = read_frames(frames, tmp_path)

    assert tables["tls"]["alert"].dropna().tolist() == [48]


def test_absolute_target_to_a_proxy_is_the_services(tmp_path):
    said = [
        (0, b"GET http://fe.contoso.com/WebTicket/WebTicketService.svc/mex HTTP/1.1\r\nHost: fe.contoso.com\r\n\r\n")
    ]
    tables = read_frames(frames_of([*said, (1, reply(200))]), tmp_path)

    assert tables["web-ticket"]["outcome"].tolist() == ["ok"]


def test_udp_is_not_searched_for_start_lines(tmp_path):
    frames = [udp(("10.0.0.1", 5), SERVER, data) for data in (b"\xff" * 40, ask(0))]

    assert read_frames(frames, tmp_path)["http"].empty
