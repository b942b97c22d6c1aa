"""What single attributes say; the bytes are written out or come from RFC 5769."""

import dataclasses
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stun_messages import ALLOCATE, MS_COOKIE, RANDOM_ID, RFC_ID, address, only, stun

from dissectors.contract import Verdict, dissect
from dissectors.stun import STUN, Bandwidth, SiteAnswer

# RFC 5769 2.1 and 2.2
SAMPLE_REQUEST = bytes.fromhex(
    "000100582112a442b7e7a701bc34d686fa87dfae"
    "802200105354554e207465737420636c69656e74"
    "002400046e0001ff"
    "80290008932ff9b151263b36"
    "000600096576746a3a68367659202020"
    "000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2"
    "80280004e57a3bcf"
)
SAMPLE_ANSWER = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae"
    "8022000b7465737420766563746f7220"
    "002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7"
    "80280004c07d4c96"
)
INTEGRITY = b"\x0a" * 20
"""With these bytes a check's old checksum is not the normal one; in two of three checks both are the same."""
ANSWERS = (0x805D, 0x805E, 0x805F, 0x8060)


def managed(*attributes: tuple[int, bytes], message_type: int = 0x0003) -> Bandwidth | None:
    return only(stun(message_type, MS_COOKIE, *attributes)).managed


def legacy_crc(data: bytes) -> int:
    """The CRC of [MS-ICE2] 3.1.4.8.2, bit by bit but for the entry that its table has wrong."""
    crc = 0xFFFFFFFF
    for byte in data:
        value = (crc ^ byte) & 0xFF
        for _ in range(8):
            value = value >> 1 ^ (0xEDB88320 if value & 1 else 0)
        crc = (0x08BBE8EA if value == 0x8BBEB8EA else value) ^ crc >> 8
    return crc ^ 0xFFFFFFFF


def sealed(*attributes: tuple[int, bytes], checksum: int | None = None, legacy: bool = False) -> bytes:
    """A check that ends with FINGERPRINT."""
    data = stun(0x0001, *attributes, (0x8028, bytes(4)), transaction=RFC_ID, padded=True)
    if checksum is None:
        checksum = legacy_crc(data[:-8]) if legacy else zlib.crc32(data[:-8])
    return data[:-4] + (checksum ^ 0x5354554E).to_bytes(4, "big")


class TestChecks:
    def test_sample_request_of_rfc_5769(self) -> None:
        message = only(SAMPLE_REQUEST)

        assert (message.username, message.priority, message.software) == ("evtj:h6vY", 0x6E0001FF, "STUN test client")
        assert (message.ice_role, message.tie_breaker) == ("controlled", 0x932FF9B151263B36)
        assert message.fingerprint == "normal"

    def test_sample_answer_of_rfc_5769(self) -> None:
        message = only(SAMPLE_ANSWER)

        assert (message.xor_mapped_address, message.software) == ("192.0.2.1:32853", "test vector")
        assert message.fingerprint == "normal"

    def test_controlling_side_and_foundation(self) -> None:
        message = only(stun(0x0001, (0x802A, bytes(7) + b"\x09"), (0x8054, b"12\0\0"), transaction=RFC_ID))

        assert (message.ice_role, message.tie_breaker, message.foundation) == ("controlling", 9, "12")

    @pytest.mark.parametrize(
        "name",
        [b"peer:o", b"peer", b"\x02\x24\0\x24" + bytes(32), b"a b c d:efgh", b"peer:ownx:more", b"p\xe4\xe4r:ownx"],
        ids=["short", "one name", "binary token", "spaces", "three names", "not ASCII"],
    )
    def test_other_user_names_are_only_noted(self, name: bytes) -> None:
        message = only(stun(0x0001, (0x0006, name), transaction=RFC_ID, padded=True))

        assert (message.has_username, message.username) == (True, None)

    @pytest.mark.parametrize(
        "data",
        [
            stun(0x0003, MS_COOKIE, (0x0006, b"peer:ownx")),
            stun(0x0003, (0x0006, b"peer:ownx"), transaction=RFC_ID, padded=True),
            stun(0x0001, (0x0006, b"peer:ownx"), padded=True),
        ],
        ids=["of a relay", "of a TURN server", "of a classic server"],
    )
    def test_credentials_are_never_kept(self, data: bytes) -> None:
        message = only(data)

        assert (message.has_username, message.username) == (True, None)
        assert b"ownx" not in repr(message).encode()

    def test_older_rules_of_ms_ice2_need_no_cookie(self) -> None:
        assert only(stun(0x0001, (0x0006, b"abcd"), (0x8070, b"\0\0\0\2"))).dialect == "ms-ice2"


class TestFingerprint:
    def test_three_judgements(self) -> None:
        # these zeros lead to the wrong entry of the old table
        check = ((0x0006, b"peer:ownx"), (0x0008, INTEGRITY))
        assert zlib.crc32(sealed(*check)[:-8]) != legacy_crc(sealed(*check)[:-8])

        assert only(sealed(*check)).fingerprint == "normal"
        assert only(sealed(*check, legacy=True)).fingerprint == "legacy"
        assert only(sealed(*check, checksum=7)).fingerprint == "wrong"

    def test_twins_differ_in_nothing_else_that_is_read(self) -> None:
        check = ((0x0006, b"peer:ownx"), (0x0008, INTEGRITY))
        one, twin = (only(sealed(*check, legacy=legacy)) for legacy in (False, True))

        assert [
            each.name for each in dataclasses.fields(one) if getattr(one, each.name) != getattr(twin, each.name)
        ] == ["fingerprint"]

    def test_it_must_be_the_last(self) -> None:
        assert only(stun(0x0001, (0x8028, bytes(4)), (0x0024, bytes(4)), transaction=RFC_ID)).fingerprint is None

    @given(st.binary(max_size=60), st.booleans())
    def test_each_checksum_is_known(self, name: bytes, legacy: bool) -> None:
        data = sealed((0x0006, name), legacy=legacy)
        same = zlib.crc32(data[:-8]) == legacy_crc(data[:-8])

        assert only(data).fingerprint == ("legacy" if legacy and not same else "normal")

    @given(st.binary(max_size=60), st.integers(0, 1 << 40))
    def test_damage_shows(self, name: bytes, place: int) -> None:
        data = bytearray(sealed((0x0006, name)))
        data[8 + place % 12] ^= 0x40  # in the transaction id

        assert only(bytes(data)).fingerprint == "wrong"

    def test_old_checksum_is_not_tried_on_long_messages(self) -> None:
        data = sealed((0x0006, bytes(2000)), legacy=True)

        assert only(data).fingerprint == "wrong"


class TestAllocations:
    def test_sequence_number_and_its_connection(self) -> None:
        message = only(stun(0x0003, MS_COOKIE, (0x8050, bytes(range(20)) + b"\0\0\1\2")))

        assert (message.connection_id, message.sequence) == (bytes(range(20)), 0x102)

    def test_bandwidth_is_kilobits(self) -> None:
        assert only(stun(0x0103, MS_COOKIE, (0x0010, b"\0\0\x2e\xe0"))).bandwidth == 12_000

    @pytest.mark.parametrize(("family", "name"), [(1, "ipv4"), (2, "ipv6"), (3, None)])
    def test_requested_family(self, family: int, name: str | None) -> None:
        assert only(stun(0x0003, MS_COOKIE, (0x0017, bytes((family, 0, 0, 0))))).requested_family == name

    def test_service_quality_has_two_parts(self) -> None:
        message = only(stun(0x0003, MS_COOKIE, (0x8055, b"\0\4\0\1")))

        assert (message.stream_type, message.service_quality) == (4, 1)

    def test_second_allocated_address(self) -> None:
        value = b"\0\2\xc3\x50" + bytes.fromhex("20010db8000000000000000000000001")

        message = only(stun(0x0103, MS_COOKIE, (0x8090, value)))

        assert message.second_relayed_address == "[2001:db8::1]:50000"

    def test_unknown_attributes_of_error_420(self) -> None:
        message = only(stun(0x0113, MS_COOKIE, (0x0009, b"\0\0\4\x14"), (0x000A, b"\0\x17\x80\x37")))

        assert (message.error_code, message.unknown_attributes) == (420, (0x0017, 0x8037))

    def test_unknown_attributes_are_bounded(self) -> None:
        assert len(only(stun(0x0113, MS_COOKIE, (0x000A, bytes(4000)))).unknown_attributes) == 32

    def test_response_origin_old_and_new(self) -> None:
        old = only(stun(0x0101, (0x0004, address("192.0.2.9", 3478))))
        new = only(stun(0x0101, (0x802B, address("192.0.2.9", 3479)), transaction=RFC_ID))

        assert (old.response_origin, new.response_origin) == ("192.0.2.9:3478", "192.0.2.9:3479")


class TestBandwidthManagement:
    def test_a_check_request(self) -> None:
        found = managed(
            (0x8056, b"\0\0\0\0"),
            (0x8058, struct.pack(">IIII", 34, 165, 30, 160)),
            (0x8059, address("192.0.2.7", 50_000, RANDOM_ID)),
            (0x805B, address("10.1.0.9", 50_010, RANDOM_ID)),
            (0x8068, b"\1\2\1\0"),
        )

        assert found == Bandwidth(
            step="check",
            amounts=(34, 165, 30, 160),
            sites=(("remote site", "192.0.2.7:50000"), ("local site", "10.1.0.9:50010")),
            locations=("internet", "intranet"),
            federation=1,
        )

    def test_amounts_read_the_same_in_either_order(self) -> None:
        one, other = (
            managed((0x8058, struct.pack(">IIII", *four))) for four in ((34, 165, 30, 160), (165, 34, 160, 30))
        )

        assert one == other == Bandwidth(amounts=(34, 165, 30, 160))

    @pytest.mark.parametrize(("number", "step"), [(0, "check"), (1, "commit"), (2, "update")])
    def test_steps(self, number: int, step: str) -> None:
        found = managed((0x8056, bytes((0, 0, 0, number))), (0x8057, bytes(range(16))))

        assert found == Bandwidth(step=step, reservation=bytes(range(16)))

    def test_answers_name_their_site_and_flags(self) -> None:
        values = [struct.pack(">III", flags, 100, 200) for flags in (0xC0000000, 0xC0000000, 0x40000000, 0x80000000)]

        found = managed(*zip(ANSWERS, values, strict=True), message_type=0x0103)

        assert found is not None
        assert found.answers == (
            SiteAnswer("remote site", valid=True, pstn_failover=True, max_send=100, max_receive=200),
            SiteAnswer("remote relay site", valid=True, pstn_failover=False, max_send=100, max_receive=200),
            SiteAnswer("local site", valid=False, pstn_failover=True, max_send=100, max_receive=200),
            SiteAnswer("local relay site", valid=True, pstn_failover=False, max_send=100, max_receive=200),
        )

    @pytest.mark.parametrize("flags", [0xC0000000, 0x40000000])
    def test_admission_is_what_the_answers_say(self, flags: int) -> None:
        good, judged = struct.pack(">III", 0x80000000, 1, 1), struct.pack(">III", flags, 1, 1)

        assert only(stun(0x0103, MS_COOKIE, (0x805D, judged), (0x805F, good))).admitted is (flags == 0xC0000000)

    def test_call_and_dialog(self) -> None:
        message = only(stun(0x0003, MS_COOKIE, (0x8061, b"9f;ft=1;tt=2"), (0x8062, b"9f")))

        assert (message.sip_dialog_id, message.sip_call_id, message.managed) == ("9f;ft=1;tt=2", "9f", None)

    def test_without_any_there_is_none(self) -> None:
        assert only(ALLOCATE).managed is None

    @pytest.mark.parametrize("number", [0x8056, 0x8057, 0x8058, 0x8059, *ANSWERS, 0x8068])
    def test_values_of_another_length_say_nothing(self, number: int) -> None:
        assert managed((number, bytes(7))) is None

    @given(
        st.lists(
            st.tuples(
                st.sampled_from([*range(0x8056, 0x8061), 0x8068]),
                st.one_of(st.binary(max_size=24), st.binary(min_size=12, max_size=12)),
            ),
            max_size=40,
        )
    )
    def test_any_values_read_bounded(self, attributes: list[tuple[int, bytes]]) -> None:
        found = managed(*attributes)

        if found is not None:
            assert len(found.sites) <= 8
            assert len(found.answers) <= 8
            assert list(found.amounts) in ([], [*sorted(found.amounts[:2]), *sorted(found.amounts[2:])])


def utp(kind: int, extension: int, rest: bytes) -> bytes:
    """A uTP packet (BEP 29): type and version, extension, connection, times, window, numbers."""
    return bytes((kind << 4 | 1, extension)) + rest


LOOK_ALIKES = {
    "uTP SYN": utp(4, 2, bytes.fromhex("3c7d 1b2a3c4d 00000000 00100000 0001 0000 00 08 0000000000000000")),
    "DHT query": b"d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe",
    "BitTorrent": b"\x13BitTorrent protocol" + bytes(48),
    "DTLS 1.0 hello": bytes.fromhex("16feff 0000 000000000000 0030 01000024 0000 0000 0000 0024 feff") + bytes(32),
    "QUIC initial": bytes.fromhex("c3 00000001 08 0001020304050607 00 00 4496") + bytes(60),
    "QUIC short": b"\x5a" + bytes(range(40)),
    "Source engine": b"\xff\xff\xff\xffTSource Engine Query\0",
    "RakNet ping": b"\x01" + bytes(8) + bytes.fromhex("00ffff00fefefefefdfdfdfd12345678") + bytes(8),
    "WireGuard": b"\x01\0\0\0" + bytes(range(144)),
    "Modbus, 20 bytes": bytes.fromhex("0001 0000 000e 01 10 0000 0002 04 000a 000b 0000 0000"),
    "counter": bytes.fromhex("0001 0000 00000001 00000002 00000003 00000004"),
    "zeros": bytes(20),
    "RADIUS": bytes.fromhex("01 01 0014") + bytes(range(16)),
    "TFTP": b"\0\1boot.bin\0octet\0",
    "VXLAN": bytes.fromhex("08000000 00000a00") + bytes(range(40)),
    "GTP-U": bytes.fromhex("30ff0010 00000001") + bytes(range(16)),
    "L2TP": bytes.fromhex("c802 0014 0000 0000 0000 0000 8008 0000 0000 0006"),
}


@pytest.mark.parametrize("data", LOOK_ALIKES.values(), ids=LOOK_ALIKES)
def test_other_protocols_are_not_stun(data: bytes) -> None:
    assert STUN.probe(data) < Verdict.LIKELY


@given(st.integers(0, 4), st.integers(0, 2), st.integers(0, 0xFFFF), st.binary(min_size=16, max_size=200))
def test_utp_is_not_stun(kind: int, extension: int, connection: int, rest: bytes) -> None:
    # Type 0 with extension 1 begins like a Binding response; only a length that fits as well could be mistaken.
    data = utp(kind, extension, connection.to_bytes(2, "big") + rest)

    assert STUN.probe(data) < Verdict.LIKELY or connection == len(data) - 20


@given(st.binary(min_size=16, max_size=16))
def test_random_transaction_ids_are_believed(transaction: bytes) -> None:
    found = STUN.probe(stun(0x0001, transaction=transaction))

    cookie = transaction.startswith(RFC_ID[:4])
    assert found is (Verdict.CERTAIN if cookie else Verdict.LIKELY if len(set(transaction)) >= 11 else Verdict.REJECT)


def test_length_without_attributes_is_no_message() -> None:
    data = struct.pack(">HH", 0x0101, 12) + RANDOM_ID + bytes(range(12))

    assert dissect(STUN, data).messages == ()


@pytest.mark.parametrize("data", [SAMPLE_REQUEST, ALLOCATE, b"\3\0\0\4abcd"], ids=["check", "allocate", "data"])
def test_messages_are_whole_however_they_were_made(data: bytes) -> None:
    message = dissect(STUN, data).messages[0].message

    rebuilt = dataclasses.replace(message)

    assert rebuilt == message
    assert hash(rebuilt) == hash(message)
    assert set(vars(message)) <= {each.name for each in dataclasses.fields(message)}
