"""Verdicts on handshakes: real TLS bytes of OpenSSL in connections that end in every way."""

import ssl
from pathlib import Path

import pytest
from capture_files import ACK, FIN, RST, SECOND, START, Connection, pcap, read, udp
from protocol_examples import client_hello, extension, record, server_hello
from tls_sessions import Spoken, contexts, mint, openssl_server, speak, speak_with

from lynccap.correlation.tls.handshakes import HandshakeOutcome as Outcome
from lynccap.correlation.tls.handshakes import Means
from lynccap.correlation.tls.sessions import TlsSession, read_sessions

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
STEP = 10_000_000  # between frames
LATER = 60 * SECOND
CLIENT, SERVER = 0, 1


@pytest.fixture(scope="module")
def identity(tmp_path_factory) -> Path:
    return mint(tmp_path_factory.mktemp("identity"))[0]


@pytest.fixture(scope="module")
def plain(identity) -> Spoken:
    return speak(*contexts(identity))


class Story:
    """One TCP connection told turn by turn; `hear` reads the capture of it."""

    def __init__(self) -> None:
        self.link = Connection()
        self.time = START
        self.records: list[tuple[int, bytes]] = []
        self._put(self.link.open())

    def _put(self, frames: list[bytes]) -> None:
        for frame in frames:
            self.records.append((self.time, frame))
            self.time += STEP

    def say(self, *turns: tuple[int, bytes], size: int = 1460) -> "Story":
        for side, data in turns:
            self._put(self.link.say(side, data, size))
        return self

    def confirm(self, side: int) -> "Story":
        """TCP's receipt, without data."""
        self._put([self.link.send(side, ACK)])
        return self

    def wait(self, seconds: float) -> "Story":
        self.time += round(seconds * SECOND)
        return self

    def end(self, side: int, flags: int = FIN | ACK) -> "Story":
        self._put([self.link.send(side, flags)])
        return self

    def hear(
        self, folder: Path, *, rest: int = LATER, keep=lambda frame: True, snap_length: int = 262144
    ) -> TlsSession:
        """What correlation makes of it, when the capture goes on for `rest` with other packets."""
        last = (self.time + rest, udp(("10.9.9.9", 9), ("10.9.9.8", 9), b"on and on"))
        records = [one for place, one in enumerate(self.records) if keep(place)]
        (session,) = read_sessions(read(pcap([*records, last], snap_length=snap_length), folder)).values()
        return session


class TestCompleted:
    def test_both_sides_finished(self, plain, tmp_path):
        session = Story().say(*plain.turns).hear(tmp_path)

        assert session.handshake.outcome is Outcome.COMPLETED
        assert [one.kind for one in session.handshake.steps] == [
            "client-hello",
            "server-hello",
            "certificate",
            "server-key-exchange",
            "server-hello-done",
            "client-key-exchange",
            "change-cipher-spec",
            "encrypted-handshake",
            "session-ticket",
            "change-cipher-spec",
            "encrypted-handshake",
        ]
        assert session.completed
        assert (session.suite, session.key_exchange) == ("TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ecdhe")
        assert not session.resumed
        assert (session.certificate_request_frame, session.empty_certificate_frame) == (0, 0)

    def test_finished_and_left_without_any_data(self, plain, tmp_path):
        session = Story().say(*plain.turns[:4]).end(CLIENT).hear(tmp_path)

        assert session.handshake.outcome is Outcome.COMPLETED
        assert not session.completed

    def test_tls_1_3_whose_client_goes_on(self, identity, tmp_path):
        session = Story().say(*speak(*contexts(identity, V13)).turns, size=300).hear(tmp_path)

        assert session.handshake.outcome is Outcome.COMPLETED
        assert (session.suite, session.key_exchange) == ("TLS_AES_256_GCM_SHA384", "tls1.3")

    @pytest.mark.parametrize("size", [7, 100, 1460])
    def test_however_small_the_segments(self, plain, tmp_path, size):
        assert Story().say(*plain.turns, size=size).hear(tmp_path).handshake.outcome is Outcome.COMPLETED

    @pytest.mark.parametrize("by_id", [True, False])
    @pytest.mark.parametrize("version", [V12, V13])
    def test_resumed_by_id_ticket_or_key(self, identity, tmp_path, by_id, version):
        client, server = contexts(identity, version)
        if by_id:
            server.options |= ssl.OP_NO_TICKET
        first = speak(client, server)

        session = Story().say(*speak(client, server, first.session).turns).hear(tmp_path)

        assert session.resumed
        assert session.handshake.outcome is Outcome.COMPLETED
        assert session.certificate_frame == 0

    def test_offered_but_refused_ticket_is_no_resumption(self, identity, tmp_path):
        client, server = contexts(identity)
        first = speak(client, server)
        _, other = contexts(identity)

        session = Story().say(*speak(client, other, first.session).turns).hear(tmp_path)

        assert not session.resumed
        assert session.certificate_frame

    def test_hello_retry_is_a_step_of_the_server_that_hands_the_turn_back(self, identity, tmp_path):
        client, server = contexts(identity, V13)
        server.set_ecdh_curve("secp384r1")
        turns = speak(client, server).turns

        whole = Story().say(*turns, size=200).hear(tmp_path)
        session = Story().say(*turns[:2]).confirm(CLIENT).hear(tmp_path)

        assert [one.kind for one in whole.handshake.steps][:4] == [
            "client-hello",
            "hello-retry-request",
            "client-hello",
            "server-hello",
        ]
        assert (session.handshake.outcome, session.handshake.stage) == (Outcome.STALLED, "hello-retry-request")
        assert session.handshake.client_due


class TestRefused:
    def test_client_that_lacks_the_root(self, identity, tmp_path):
        for version in (V12, V13):
            turns = speak(*contexts(identity, version, trusting=False)).turns
            shake = Story().say(*turns).end(CLIENT).hear(tmp_path).handshake

            assert shake.outcome is Outcome.REFUSED
            assert shake.end is not None
            assert (shake.end.means, shake.end.from_client, shake.end.frame) == (Means.ALERT, True, 6)
            assert shake.client_due

    def test_server_without_a_common_version_or_suite(self, identity, tmp_path):
        client, server = contexts(identity)
        server.minimum_version = V13
        version = Story().say(*speak(client, server).turns).hear(tmp_path)
        client, server = contexts(identity)
        client.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")
        suite = Story().say(*speak(client, server).turns).end(SERVER, RST | ACK).hear(tmp_path)

        assert [one.handshake.outcome for one in (version, suite)] == [Outcome.REFUSED] * 2
        assert [one.handshake.stage for one in (version, suite)] == ["client-hello"] * 2
        assert [one.alerts[0].code for one in (version, suite)] == [70, 40]
        assert not version.handshake.client_due
        assert (suite.suite, suite.key_exchange) == ("", "")

    def test_server_that_demands_a_certificate_and_gets_none(self, identity, tmp_path):
        client, server = contexts(identity, asks=True)
        server.verify_mode = ssl.CERT_REQUIRED

        session = Story().say(*speak(client, server).turns).hear(tmp_path)

        assert session.handshake.outcome is Outcome.REFUSED
        assert session.handshake.end is not None
        assert not session.handshake.end.from_client
        assert session.certificate_request_frame == session.certificate_frame
        assert session.empty_certificate_frame == 6
        assert session.client_certificate_frame == 0

    def test_server_that_distrusts_the_client(self, identity, tmp_path):
        client, server = contexts(identity, asks=True)
        stranger = mint(tmp_path, "stranger")[0]
        client.load_cert_chain(stranger)

        session = Story().say(*speak(client, server).turns).hear(tmp_path)

        assert session.handshake.outcome is Outcome.REFUSED
        assert session.refusal is not None
        assert not session.refusal.from_client
        assert session.client_certificate_frame == 6


class TestClosed:
    @pytest.mark.parametrize(("flags", "means"), [(FIN | ACK, Means.FIN), (RST | ACK, Means.RST)])
    def test_server_leaves_at_the_hello(self, plain, tmp_path, flags, means):
        shake = Story().say(plain.turns[0]).end(SERVER, flags).hear(tmp_path).handshake

        assert (shake.outcome, shake.stage, shake.client_due) == (Outcome.CLOSED, "client-hello", False)
        assert shake.end is not None
        assert (shake.end.means, shake.end.from_client, shake.end.frame) == (means, False, 5)
        assert shake.frames == (4, 5)

    @pytest.mark.parametrize("pause", [0.1, 20])
    def test_client_leaves_at_the_certificate_sooner_or_later(self, plain, tmp_path, pause):
        shake = Story().say(*plain.turns[:2]).wait(pause).end(CLIENT).hear(tmp_path).handshake

        assert (shake.outcome, shake.stage, shake.client_due) == (Outcome.CLOSED, "server-hello-done", True)
        assert shake.waited == pytest.approx(pause, abs=0.1)
        assert shake.pause_after("certificate") == pytest.approx(pause, abs=0.1)

    def test_client_that_looks_up_revocation_before_it_goes_on(self, plain, tmp_path):
        shake = Story().say(*plain.turns[:2]).wait(15).say(*plain.turns[2:]).hear(tmp_path).handshake

        assert shake.outcome is Outcome.COMPLETED
        assert shake.pause_after("certificate") == pytest.approx(15, abs=0.1)
        assert shake.pause_after("client-hello") == pytest.approx(0.01)
        assert shake.pause_after("certificate-request") is None

    def test_alert_that_cannot_be_read(self, tmp_path):
        hello = record(22, client_hello(extension(43, b"\2\3\4")))
        answer = record(22, server_hello(extension(43, b"\3\4"))) + record(23, bytes(900))

        shake = Story().say((0, hello), (1, answer), (0, record(23, bytes(19)))).end(CLIENT).hear(tmp_path).handshake

        assert (shake.outcome, shake.stage, shake.client_due) == (Outcome.CLOSED, "application-data", True)
        assert shake.end is not None
        assert (shake.end.means, shake.end.from_client) == (Means.ENCRYPTED_ALERT, True)

    def test_close_notify_in_the_clear(self, plain, tmp_path):
        shake = Story().say(*plain.turns[:2], (0, record(21, b"\1\0"))).end(CLIENT).hear(tmp_path).handshake

        assert shake.outcome is Outcome.CLOSED
        assert shake.end is not None
        assert (shake.end.means, shake.end.from_client) == (Means.CLOSE_NOTIFY, True)

    def test_warning_is_passed_over(self, plain, tmp_path):
        warned = (1, record(21, b"\1\x70") + plain.turns[1][1])

        assert (
            Story().say(plain.turns[0], warned, *plain.turns[2:]).hear(tmp_path).handshake.outcome is Outcome.COMPLETED
        )


class TestStalled:
    def test_server_never_answers_the_hello(self, plain, tmp_path):
        shake = Story().say(plain.turns[0]).confirm(SERVER).hear(tmp_path).handshake

        assert (shake.outcome, shake.stage, shake.client_due) == (Outcome.STALLED, "client-hello", False)
        assert shake.end is not None
        assert (shake.end.means, shake.end.from_client) == (Means.SILENCE, False)
        assert shake.waited == pytest.approx(60, abs=0.1)

    def test_client_gives_up_waiting(self, plain, tmp_path):
        shake = Story().say(plain.turns[0]).wait(30).end(CLIENT).hear(tmp_path).handshake

        assert (shake.outcome, shake.waited) == (Outcome.STALLED, pytest.approx(30, abs=0.1))
        assert shake.end is not None
        assert (shake.end.means, shake.end.from_client) == (Means.FIN, True)

    def test_client_that_leaves_at_once_did_not_wait(self, plain, tmp_path):
        shake = Story().say(plain.turns[0]).wait(1).end(CLIENT).hear(tmp_path).handshake

        assert shake.outcome is Outcome.CLOSED

    def test_server_begins_a_flight_and_does_not_end_it(self, plain, tmp_path):
        side, data = plain.turns[1]
        shake = Story().say(plain.turns[0], (side, data[:150])).confirm(CLIENT).hear(tmp_path).handshake

        assert (shake.outcome, shake.stage, shake.client_due) == (Outcome.STALLED, "server-hello", False)

    def test_nobody_answers_the_finished_of_the_client(self, plain, tmp_path):
        shake = Story().say(*plain.turns[:3]).confirm(SERVER).hear(tmp_path).handshake

        assert (shake.outcome, shake.stage, shake.client_due) == (
            Outcome.STALLED,
            "encrypted-handshake",
            False,
        )


class TestUnknown:
    def doubt(self, session: TlsSession) -> str:
        assert session.handshake.outcome is Outcome.UNKNOWN
        return session.handshake.doubt

    def test_capture_ends_too_soon(self, plain, tmp_path):
        session = Story().say(plain.turns[0]).hear(tmp_path, rest=SECOND)

        assert self.doubt(session) == "the capture ends 1.0 s after this connection's last frame"

    def test_capture_of_one_side(self, plain, tmp_path):
        story = Story().say(*plain.turns[:2]).end(CLIENT)

        session = story.hear(tmp_path, keep=lambda place: place in (0, 2, 3, len(story.records) - 1))

        assert self.doubt(session) == "only one side's packets are in the capture"

    def test_capture_that_began_late(self, plain, tmp_path):
        session = Story().say(*plain.turns[:3]).hear(tmp_path, keep=lambda place: place > 4)

        assert self.doubt(session) == "the capture begins after this handshake did"

    def test_capture_that_lacks_the_opening(self, plain, tmp_path):
        story = Story().say(*plain.turns[:2]).end(CLIENT)

        assert "lacks the beginning" in self.doubt(story.hear(tmp_path, keep=lambda place: place > 2))

    def test_capture_of_nothing_but_handshake_messages(self, plain, tmp_path):
        session = Story().say(*plain.turns[:2]).hear(tmp_path)

        assert self.doubt(session) == "nothing confirms or repeats the last message: the capture lacks packets"

    def test_lost_packet(self, plain, tmp_path):
        story = Story().say(plain.turns[0]).say(plain.turns[1], size=200).say(plain.turns[2]).end(SERVER)

        assert "lacks 200 bytes" in self.doubt(story.hear(tmp_path, keep=lambda place: place != 5))

    def test_shortened_packets(self, plain, tmp_path):
        assert "cannot be read to its end" in self.doubt(Story().say(*plain.turns[:2]).hear(tmp_path, snap_length=300))

    def test_tls_1_3_whose_client_answered_once(self, identity, tmp_path):
        turns = speak(*contexts(identity, V13)).turns

        session = Story().say(*turns[:3]).end(SERVER, RST | ACK).hear(tmp_path)

        assert "TLS 1.3 hides" in self.doubt(session)

    def test_tls_1_3_whose_server_may_not_have_ended_its_flight(self, identity, tmp_path):
        turns = speak(*contexts(identity, V13)).turns

        session = Story().say(*turns[:2]).confirm(CLIENT).hear(tmp_path)

        assert self.doubt(session) == "TLS 1.3 hides whether the server had said everything"

    def test_alert_speaks_for_itself_even_in_a_poor_capture(self, identity, tmp_path):
        story = Story().say(*speak(*contexts(identity, trusting=False)).turns, size=200)

        session = story.hear(tmp_path, keep=lambda place: place != 5, rest=0)

        assert session.handshake.outcome is Outcome.REFUSED

    def test_more_segments_than_are_kept(self, plain, tmp_path):
        assert "cannot be read to its end" in self.doubt(Story().say(*plain.turns, size=1).hear(tmp_path))


class TestEveryCut:
    @pytest.mark.parametrize("version", [V12, V13])
    @pytest.mark.parametrize("asks", [True, False])
    def test_no_beginning_of_a_good_handshake_is_called_refused(self, identity, tmp_path, version, asks):
        turns = speak(*contexts(identity, version, asks=asks)).turns
        story = Story().say(*turns, size=400)
        hello = 3 + -(-len(turns[0][1]) // 400)  # frames up to its end: before, nothing is said
        whole = len(story.hear(tmp_path).handshake.steps)
        told = []
        for end in range(hello, len(story.records) + 1):
            shake = story.hear(tmp_path, keep=lambda place, end=end: place < end).handshake
            told.append(shake.outcome)
            assert len(shake.steps) <= whole

        assert set(told) <= {Outcome.UNKNOWN, Outcome.COMPLETED}
        first = told.index(Outcome.COMPLETED)
        assert first >= 3
        assert set(told[first:]) == {Outcome.COMPLETED}


def test_authorities_and_client_certificate_of_a_real_server(identity, tmp_path):
    trusted = tmp_path / "trusted.pem"
    names = (f"Contoso Enterprise Issuing Authority {number:03}" for number in range(3))
    trusted.write_text(
        "".join(mint(tmp_path, name)[0].read_text().partition("-----BEGIN PRIVATE")[0] for name in names)
    )
    client, _ = contexts(identity)
    client.load_cert_chain(identity)
    with openssl_server(identity, "-verify", "3", "-no-CApath", "-no-CAstore", "-CAfile", str(trusted)) as port:
        turns = speak_with(port, client).turns

    session = Story().say(*turns).hear(tmp_path)

    assert session.authorities == 3
    assert session.authorities_bytes > 3 * len("Contoso Enterprise Issuing Authority 000")
    assert session.client_certificate_frame > session.certificate_request_frame > 0
    assert session.empty_certificate_frame == 0
