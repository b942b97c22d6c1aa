import dataclasses
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stun_messages import (
    ALLOCATE,
    ALLOCATED,
    CHALLENGE,
    CHECK,
    CLIENT_HELLO,
    EXAMPLES,
    MS_COOKIE,
    OLD_CHECK,
    RANDOM_ID,
    RFC_ID,
    SERVER_HELLO,
    address,
    frame,
    messages,
    mturn,
    only,
    rfc4571,
    stun,
)
from tshark_fields import capture, fields

from dissectors.contract import AnomalyKind, Cursor, Malformed, Truncated, Verdict, dissect
from dissectors.stun import MAX_INNER, STUN

by_example = pytest.mark.parametrize("data", EXAMPLES.values(), ids=EXAMPLES)


class TestDialects:
    def test_magic_cookie_makes_ms_turn_without_the_rfc_cookie(self) -> None:
        message = only(ALLOCATE)

        assert (message.kind, message.method, message.dialect) == ("request", "allocate", "ms-turn")
        assert (message.ms_version, message.stream_type) == (4, 1)
        assert message.transaction_id == RANDOM_ID

    def test_magic_cookie_wins_over_the_rfc_cookie(self) -> None:
        assert only(stun(0x0003, MS_COOKIE, transaction=RFC_ID)).dialect == "ms-turn"

    def test_magic_cookie_counts_only_as_first_attribute(self) -> None:
        assert only(stun(0x0003, (0x8008, b"\0\0\0\4"), MS_COOKIE)).dialect == "rfc3489"

    @pytest.mark.parametrize("number", [0x8054, 0x8070])
    def test_candidate_identifier_or_implementation_makes_ms_ice2(self, number: int) -> None:
        assert only(stun(0x0001, (number, b"\0\0\0\3"), transaction=RFC_ID)).dialect == "ms-ice2"

    def test_cookie_alone_is_rfc5389(self) -> None:
        assert only(stun(0x0001, transaction=RFC_ID)).dialect == "rfc5389"

    def test_credentials_without_any_cookie_are_a_draft_06_check(self) -> None:
        assert only(OLD_CHECK).dialect == "ms-ice"

    def test_nothing_at_all_is_rfc3489(self) -> None:
        assert only(stun(0x0001)).dialect == "rfc3489"

    @pytest.mark.parametrize(
        ("message_type", "kind", "method"),
        [
            (0x0004, "request", "send"),
            (0x0006, "request", "set-active-destination"),
            (0x0106, "response", "set-active-destination"),
            (0x0116, "error", "set-active-destination"),
            (0x0113, "error", "allocate"),
            (0x0115, "indication", "data"),
        ],
    )
    def test_ms_turn_names_its_types(self, message_type: int, kind: str, method: str) -> None:
        message = only(stun(message_type, MS_COOKIE))

        assert (message.kind, message.method) == (kind, method)

    @pytest.mark.parametrize(
        ("message_type", "kind", "method"),
        [
            (0x0004, "request", "refresh"),
            (0x0016, "indication", "send"),
            (0x0017, "indication", "data"),
            (0x0118, "error", "create-permission"),
            (0x0109, "response", "channel-bind"),
            (0x0080, "request", None),
        ],
    )
    def test_rfc_turn_names_its_types(self, message_type: int, kind: str, method: str | None) -> None:
        message = only(stun(message_type, transaction=RFC_ID))

        assert (message.kind, message.method) == (kind, method)

    def test_classic_shared_secret_error_is_an_error(self) -> None:
        message = only(stun(0x1112, (0x0009, b"\0\0\4\1")))

        assert (message.kind, message.method, message.error_code) == ("error", "shared-secret", 401)


class TestAttributes:
    def test_challenge_reads_unpadded_and_with_microsoft_numbers(self) -> None:
        message = only(CHALLENGE)

        assert (message.kind, message.error_code, message.error_reason) == ("error", 401, "Unauthorized")
        assert (message.realm, message.has_nonce) == ("contoso.com", True)
        assert message.alternate_server == "203.0.113.9:3478"

    def test_padded_ms_turn_reads_too(self) -> None:
        message = only(stun(0x0113, MS_COOKIE, (0x0015, b"a.b.c"), (0x0014, b"n"), padded=True))

        assert (message.realm, message.has_nonce) == ("a.b.c", True)

    def test_allocate_response_tells_relay_from_reflexive_address(self) -> None:
        message = only(ALLOCATED)

        assert message.mapped_address == message.relayed_address == "203.0.113.9:50123"
        assert message.xor_mapped_address == "198.51.100.7:40001"
        assert (message.lifetime, message.connection_id) == (600, bytes(range(20)))
        assert message.session_id == b"SESSION1"

    def test_rfc_numbers_swap_realm_nonce_and_xor_the_peer(self) -> None:
        message = only(
            stun(
                0x0017,
                (0x0012, address("192.0.2.44", 40000, RFC_ID)),
                (0x0013, b"hello"),
                (0x0014, b"realm"),
                (0x0015, b"nonce"),
                (0x0016, address("203.0.113.9", 50000, RFC_ID)),
                transaction=RFC_ID,
                padded=True,
            )
        )

        assert (message.remote, message.realm, message.has_nonce) == ("192.0.2.44:40000", "realm", True)
        assert message.relayed_address == "203.0.113.9:50000"
        assert (message.inner, message.inner_length) == (b"hello", 5)

    def test_ms_turn_addresses_of_peers_are_plain(self) -> None:
        sent = only(stun(0x0004, MS_COOKIE, (0x0011, address("192.0.2.1", 5)), (0x0013, b"x")))
        received = only(stun(0x0115, MS_COOKIE, (0x0012, address("192.0.2.44", 40000)), (0x0013, b"y")))

        assert (sent.destination, sent.remote, sent.inner) == ("192.0.2.1:5", None, b"x")
        assert (received.remote, received.destination) == ("192.0.2.44:40000", None)

    def test_ipv6_is_bracketed_and_xored_over_all_sixteen_bytes(self) -> None:
        plain = bytes.fromhex("20010db8000000000000000000000001")
        masked = bytes(a ^ b for a, b in zip(plain, RFC_ID, strict=True))
        value = b"\0\2" + (443 ^ 0x2112).to_bytes(2, "big") + masked

        message = only(stun(0x0101, (0x0020, value), transaction=RFC_ID))

        assert message.xor_mapped_address == "[2001:db8::1]:443"

    @pytest.mark.parametrize("value", [b"", b"\0\1\0", b"\0\2" + bytes(6), b"\0\1" + bytes(18), bytes(8)])
    def test_an_unreadable_address_is_left_out(self, value: bytes) -> None:
        assert only(stun(0x0101, (0x0001, value), transaction=RFC_ID)).mapped_address is None

    def test_a_sequence_number_alone_names_no_connection(self) -> None:
        # seen from a client of 2020: 4 bytes where [MS-TURN] has 24
        assert only(stun(0x0003, MS_COOKIE, (0x8050, b"\0\0\0\1"))).connection_id == b""

    def test_the_first_of_a_repeated_attribute_counts(self) -> None:
        message = only(stun(0x0003, MS_COOKIE, (0x000D, b"\0\0\0\7"), (0x000D, b"\0\0\0\0")))

        assert message.lifetime == 7

    def test_one_refused_bandwidth_answer_refuses_the_path(self) -> None:
        granted, refused = b"\x80" + bytes(11), bytes(12)

        assert only(stun(0x0103, MS_COOKIE, (0x805D, granted))).admitted is True
        assert only(stun(0x0103, MS_COOKIE, (0x805D, granted), (0x805E, refused))).admitted is False
        assert only(stun(0x0103, MS_COOKIE)).admitted is None

    def test_ice_check_flags(self) -> None:
        message = only(CHECK)

        assert (message.use_candidate, message.has_username, message.has_integrity) == (True, True, True)
        assert message.implementation == 3

    def test_payload_is_kept_bounded_with_its_true_length(self) -> None:
        message = only(stun(0x0115, MS_COOKIE, (0x0013, bytes(4000))))

        assert (len(message.inner), message.inner_length) == (MAX_INNER, 4000)

    def test_attributes_that_cross_the_end_are_malformed(self) -> None:
        data = stun(0x0001, (0x0006, b"abcd"), transaction=RFC_ID)
        data = data[:22] + b"\0\5" + data[24:]

        anomaly = dissect(STUN, data).anomaly

        assert anomaly is not None
        assert anomaly.kind is AnomalyKind.MALFORMED


class TestFraming:
    def test_client_stream_over_tcp_443(self) -> None:
        audio = b"\x80\x73" + bytes(30)

        hello, allocate, data, folded = messages(
            CLIENT_HELLO + frame(2, ALLOCATE) + frame(3, audio) + frame(3, rfc4571(audio))
        )

        assert (hello.kind, hello.framing) == ("pseudo-client-hello", "turn-tcp")
        assert (allocate.method, allocate.framing) == ("allocate", "turn-tcp")
        assert data.kind == folded.kind == "data"
        assert data.inner == folded.inner == audio

    def test_server_stream_over_tcp_443(self) -> None:
        hello, challenge = messages(SERVER_HELLO + frame(2, CHALLENGE))

        assert (hello.kind, challenge.error_code) == ("pseudo-server-hello", 401)

    def test_what_follows_a_pseudo_hello_must_be_framed(self) -> None:
        found = dissect(STUN, CLIENT_HELLO + CHECK)

        assert [placed.message.kind for placed in found.messages] == ["pseudo-client-hello"]
        assert found.anomaly is not None
        assert found.anomaly.kind is AnomalyKind.MALFORMED

    @pytest.mark.parametrize(
        "hello",
        [
            CLIENT_HELLO[:45] + b"\x02\x00\x2f" + CLIENT_HELLO[48:],
            bytes.fromhex("16030100310100002d0301") + bytes(32) + bytes.fromhex("000004c02bc02f01000000"),
            SERVER_HELLO[:79] + b"\x0b" + SERVER_HELLO[80:],
        ],
        ids=["another suite", "two suites", "a certificate follows"],
    )
    def test_real_tls_is_rejected(self, hello: bytes) -> None:
        assert STUN.probe(hello) is Verdict.REJECT

    def test_control_frame_without_hello(self) -> None:
        assert [message.framing for message in messages(frame(2, ALLOCATE) + frame(3, b"abc"))] == ["turn-tcp"] * 2

    def test_control_frame_of_another_size_is_malformed(self) -> None:
        with pytest.raises(Malformed):
            STUN.parse(Cursor(frame(2, ALLOCATE + b"\0"), notes={"turn-tcp"}))

    @pytest.mark.parametrize("lead", [b"\4\0", b"\2\1", b"\x17\3"])
    def test_other_frame_types_are_malformed(self, lead: bytes) -> None:
        with pytest.raises(Malformed):
            STUN.parse(Cursor(lead + b"\0\4abcd", notes={"turn-tcp"}))

    def test_multiplexed_check_names_its_session(self) -> None:
        message = only(mturn(b"SESSION1", CHECK))

        assert (message.framing, message.session_id, message.dialect) == ("mturn", b"SESSION1", "ms-ice2")

    def test_multiplexed_media_is_data(self) -> None:
        message = only(mturn(b"SESSION1", b"\x80\x73" + bytes(20)))

        assert (message.kind, message.framing, message.inner_length) == ("data", "mturn", 22)

    def test_multiplexed_frame_inside_a_control_frame(self) -> None:
        assert only(frame(2, mturn(b"SESSION1", CHECK))).framing == "mturn"

    def test_length_prefixed_stream_mixes_checks_and_media(self) -> None:
        check, media, again = messages(rfc4571(CHECK) + rfc4571(b"\x80\x7f" + bytes(90)) + rfc4571(CHECK))

        assert (check.framing, check.method) == ("rfc4571", "binding")
        assert (media.kind, media.inner_length) == ("data", 92)
        assert again.transaction_id == check.transaction_id

    def test_channel_data_is_read_but_never_probed(self) -> None:
        channel = b"\x40\x01\x00\x05hello"

        message = only(channel + bytes(3))

        assert (message.kind, message.method, message.inner) == ("data", "channel-data", b"hello")
        assert STUN.probe(channel) is Verdict.REJECT


class TestProbe:
    @by_example
    def test_claims_its_examples(self, data: bytes) -> None:
        assert STUN.probe(data) >= Verdict.LIKELY

    def test_cookies_and_hellos_are_certain(self) -> None:
        for data in (ALLOCATE, CHECK, CLIENT_HELLO, SERVER_HELLO, frame(2, ALLOCATE), rfc4571(CHECK)):
            assert STUN.probe(data) is Verdict.CERTAIN

    def test_without_a_cookie_it_is_only_likely(self) -> None:
        assert STUN.probe(OLD_CHECK) is Verdict.LIKELY

    @pytest.mark.parametrize(
        "data",
        [
            OLD_CHECK + b"\xff",
            struct.pack(">HH", 0x0001, 8) + RANDOM_ID + b"\0\1\0\xff\0\0\0\0",
            struct.pack(">HH", 0x0042, 0) + RANDOM_ID,
            b"\x80\x60" + bytes(30),
            b"\x16\xfe\xfd" + bytes(30),
            b"GET / HTTP/1.1\r\n\r\n",
            bytes.fromhex("123401000001000000000000") + b"\3www\7contoso\3com\0\0\1\0\1",
        ],
        ids=["trailing byte", "attribute crosses the end", "unknown type", "rtp", "dtls", "http", "dns"],
    )
    def test_rejects_look_alikes(self, data: bytes) -> None:
        assert STUN.probe(data) is Verdict.REJECT


class TestContract:
    @by_example
    def test_every_prefix_is_truncated_and_not_rejected(self, data: bytes) -> None:
        for size in range(len(data)):
            assert STUN.probe(data[:size]) is not Verdict.REJECT
            with pytest.raises(Truncated):
                STUN.parse(Cursor(data[:size]))

    @by_example
    def test_two_in_a_row_are_two(self, data: bytes) -> None:
        first, second = messages(data + data)

        assert first == second

    @given(st.binary(max_size=200))
    def test_arbitrary_bytes_never_raise(self, data: bytes) -> None:
        STUN.probe(data)
        found = dissect(STUN, data)

        assert found.consumed <= len(data)

    @given(
        st.sampled_from(list(EXAMPLES.values())),
        st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255)), max_size=6),
        st.sets(st.sampled_from(["turn-tcp", "rfc4571"])),
    )
    def test_damage_is_truncated_or_malformed(
        self, data: bytes, damage: list[tuple[int, int]], notes: set[str]
    ) -> None:
        damaged = bytearray(data + data)
        for place, value in damage:
            damaged[place % len(damaged)] = value
        cursor = Cursor(bytes(damaged), notes=notes)

        try:
            while cursor.remaining:
                before = cursor.position
                for message in STUN.parse(cursor):
                    assert len(message.inner) <= min(MAX_INNER, message.inner_length or 0)
                assert cursor.position > before
        except (Truncated, Malformed):
            pass

    @given(
        st.binary(min_size=16, max_size=16),
        st.lists(st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=40))),
    )
    def test_any_well_formed_ms_turn_message_reads(
        self, transaction: bytes, attributes: list[tuple[int, bytes]]
    ) -> None:
        message = only(stun(0x0003, MS_COOKIE, *attributes, transaction=transaction))

        assert (message.dialect, message.transaction_id) == ("ms-turn", transaction)


@pytest.mark.tshark
@pytest.mark.parametrize(
    "name",
    [
        "real/02-teams.pcap",
        "real/04-stun_msteams_unidir.pcapng",
        "real/08-stun.pcap",
        "real/38-stun-ice-testcall.pcap",
        "real/39-stun_google_meet.pcapng",
        "real/42-stun_zoom.pcapng",
    ],
)
def test_agrees_with_tshark_on_types_and_ids(name: str) -> None:
    rows = fields(
        capture(name),
        "udp and !icmp and (stun.type or classicstun.type) and !stun.channel",
        *("frame.number", "udp.payload", "stun.type", "classicstun.type", "stun.id", "classicstun.id"),
        options=("-o", "stun.stunversion:Auto"),
    )
    assert rows
    for number, payload, new_type, old_type, new_id, old_id in rows:
        data = bytes.fromhex(payload)
        message_type = int(new_type or old_type, 16)
        message = only(data)

        assert STUN.probe(data) is Verdict.CERTAIN, number
        assert message.transaction_id.endswith(bytes.fromhex((new_id or old_id).replace(":", ""))), number
        # tshark takes 0x0115 for an error of an unknown method
        failed = message_type & 0x0110 == 0x0110 and message_type != 0x0115
        assert (message.kind == "error") == failed, number
        assert (message.method == "binding") == (message_type & 0x3EEF == 1), number


@pytest.mark.tshark
def test_agrees_with_tshark_on_what_a_relay_answers() -> None:
    rows = fields(
        capture("real/02-teams.pcap"),
        "stun.type.method == 3",
        *("frame.number", "udp.payload", "stun.att.ipv4", "stun.att.port", "stun.att.lifetime"),
        *("stun.att.error.class", "stun.att.error", "stun.att.realm"),
        options=("-o", "stun.stunversion:Auto"),
    )
    assert len(rows) > 10
    for number, payload, ip, port, lifetime, error_class, error, realm in rows:
        message = only(bytes.fromhex(payload))
        code = int(error_class) * 100 + int(error) if error_class else None

        assert (message.error_code, message.realm or "") == (code, realm), number
        assert message.lifetime == (int(lifetime) if lifetime else None), number
        first = message.alternate_server or message.mapped_address
        assert first == (f"{ip}:{port}" if ip else None), number


def test_messages_are_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        only(ALLOCATE).kind = "response"
