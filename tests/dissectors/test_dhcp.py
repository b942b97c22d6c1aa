import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tshark_fields import capture, fields

from dissectors.contract import Cursor, Malformed, Truncated, Verdict, dissect
from dissectors.dhcp import DHCP, MAX_LIST, MAX_TEXT, DhcpMessage

MAC = bytes.fromhex("00155d010203")
PATH = b"/CertProv/CertProvisioningService.svc"
VENDOR = bytes.fromhex("010c4d532d55432d436c69656e74 02056874747073") + (
    b"\x03\x0fweb.contoso.com" + b"\x04\x03443" + b"\x05\x25" + PATH
)
SIP_SERVERS = bytes.fromhex("00 03736970 07636f6e746f736f 03636f6d 00")


def option(code: int, value: bytes) -> bytes:
    return bytes([code, len(value)]) + value


def dhcp(*options: bytes, name: bytes = b"", file: bytes = b"", your: bytes = bytes(4)) -> bytes:
    fixed = struct.pack(">BBBBIHH", 1, 1, 6, 0, 0xCAFE0001, 0, 0) + bytes(4) + your + bytes(8)
    fixed += MAC.ljust(16, b"\0") + name.ljust(64, b"\0") + file.ljust(128, b"\0")
    return fixed + bytes.fromhex("63825363") + b"".join(options) + b"\xff"


def only(data: bytes) -> DhcpMessage:
    found = dissect(DHCP, data)
    assert found.anomaly is None, found.anomaly
    (placed,) = found.messages
    assert isinstance(placed.message, DhcpMessage)
    return placed.message


INFORM = dhcp(option(53, b"\x08"), option(60, b"MS-UC-Client"), option(55, bytes([43, 120])))
ACK = dhcp(
    option(53, b"\x05"),
    option(54, bytes([10, 0, 0, 1])),
    option(51, b"\0\1\x51\x80"),
    option(42, bytes([10, 0, 0, 5, 10, 0, 0, 6])),
    option(43, VENDOR),
    option(120, SIP_SERVERS),
    your=bytes([10, 0, 0, 77]),
)
EXAMPLES = {"inform": INFORM, "ack": ACK}
by_example = pytest.mark.parametrize("data", EXAMPLES.values(), ids=EXAMPLES)


def test_inform_of_a_lync_phone() -> None:
    message = only(INFORM)

    assert (message.kind, message.mac, message.transaction_id) == ("inform", "00:15:5d:01:02:03", 0xCAFE0001)
    assert (message.vendor_class, message.requested_options) == ("MS-UC-Client", (43, 120))


def test_ack_gives_certificate_provisioning_registrar_and_time() -> None:
    message = only(ACK)

    assert (message.kind, message.server, message.your_address) == ("ack", "10.0.0.1", "10.0.0.77")
    assert (message.uc_identifier, message.uc_scheme) == ("MS-UC-Client", "https")
    assert (message.uc_web_server, message.uc_port, message.uc_path) == (
        "web.contoso.com",
        "443",
        PATH.decode(),
    )
    assert (message.sip_encoding, message.sip_servers) == (0, ("sip.contoso.com",))
    assert (message.ntp_servers, message.lease) == (("10.0.0.5", "10.0.0.6"), 86400)
    assert message.vendor_damaged is False


@pytest.mark.parametrize(
    ("value", "encoding", "servers"),
    [
        (SIP_SERVERS[:-1], 0, ("sip.contoso.com",)),
        (b"\0\3sip\1a\0\1b\1c\0", 0, ("sip.a", "b.c")),
        (b"\1\x0a\0\0\7\x0a\0\0\x08", 1, ("10.0.0.7", "10.0.0.8")),
        (b"\2abc", 2, ()),
        (b"\0", 0, ()),
    ],
    ids=["missing final zero", "two names", "addresses", "unknown encoding", "empty"],
)
def test_option_120(value: bytes, encoding: int, servers: tuple[str, ...]) -> None:
    message = only(dhcp(option(53, b"\x05"), option(120, value)))

    assert (message.sip_encoding, message.sip_servers) == (encoding, servers)


def test_option_43_keeps_what_stands_before_a_wrong_length() -> None:
    message = only(dhcp(option(43, VENDOR[:14] + b"\x02\x50https")))

    assert (message.uc_identifier, message.uc_scheme, message.vendor_damaged) == ("MS-UC-Client", None, True)


def test_option_43_of_the_phone_class_carries_the_vlan() -> None:
    assert only(dhcp(option(60, b"CPE-OCPHONE"), option(43, b"\x0a\x02\x00\x64"))).vlan == 100


def test_option_43_of_another_vendor_gives_no_text_from_binary() -> None:
    assert only(dhcp(option(43, b"\x01\x04\x00\x00\x00\x02"))).uc_identifier is None


def test_long_options_are_joined() -> None:
    message = only(dhcp(option(43, VENDOR[:20]), option(53, b"\x05"), option(43, VENDOR[20:])))

    assert (message.uc_web_server, message.uc_path) == ("web.contoso.com", PATH.decode())


def test_overloaded_fields_hold_options_file_first() -> None:
    file = option(43, VENDOR[:30]) + b"\xff"
    name = option(43, VENDOR[30:50]) + b"\xff"

    message = only(dhcp(option(52, b"\3"), option(53, b"\x05"), file=file, name=name))

    assert message.uc_web_server == "web.contoso.com"


def test_fields_without_overload_hold_no_options() -> None:
    assert only(dhcp(option(53, b"\x05"), file=option(12, b"phone") + b"\xff")).host_name is None


def test_an_overloaded_field_ends_at_an_option_that_does_not_fit() -> None:
    file = option(12, b"phone") + bytes([15, 200]) + b"x"

    message = only(dhcp(option(52, b"\1"), option(53, b"\x05"), file=file))

    assert (message.host_name, message.domain) == ("phone", None)


@pytest.mark.parametrize(
    ("value", "name"),
    [(b"\0\0\0phone.contoso.com", "phone.contoso.com"), (b"\4\0\0\5phone\0", "phone"), (b"\0\0\0", None)],
)
def test_client_name_as_text_or_labels(value: bytes, name: str | None) -> None:
    assert only(dhcp(option(81, value))).client_fqdn == name


def test_without_a_message_type_it_is_bootp() -> None:
    assert only(dhcp(option(12, b"phone"))).kind == "bootp"


def test_an_unknown_message_type_is_numbered() -> None:
    assert only(dhcp(option(53, b"\x63"))).kind == "type-99"


@pytest.mark.parametrize("filling", [bytes(60), b"\0\0ROM", bytes(3000)])
def test_what_fills_the_datagram_is_skipped(filling: bytes) -> None:
    assert only(INFORM + filling) == only(INFORM)


def test_lists_and_texts_are_bounded() -> None:
    servers = [option(6, bytes([10, 0, 0, 1]) * 60)] * 4
    texts = [option(12, b"x" * 255)] * 8

    message = only(dhcp(*servers, *texts))

    assert len(message.dns_servers) == MAX_LIST
    assert len(message.host_name or "") == MAX_TEXT


def test_without_the_magic_cookie_it_is_malformed() -> None:
    data = INFORM[:236] + b"\1\2\3\4" + INFORM[240:]

    assert DHCP.probe(data) is Verdict.REJECT
    with pytest.raises(Malformed):
        DHCP.parse(Cursor(data))


@pytest.mark.parametrize("data", [b"\3" + INFORM[1:], INFORM[:2] + b"\x11" + INFORM[3:], b"GET / HTTP/1.1\r\n"])
def test_look_alikes_are_rejected(data: bytes) -> None:
    assert DHCP.probe(data) is Verdict.REJECT
    with pytest.raises(Malformed):
        DHCP.parse(Cursor(data))


@by_example
def test_claims_its_examples(data: bytes) -> None:
    assert DHCP.probe(data) is Verdict.CERTAIN


@by_example
def test_every_prefix_is_truncated_and_not_rejected(data: bytes) -> None:
    for size in range(len(data)):
        assert DHCP.probe(data[:size]) is not Verdict.REJECT
        with pytest.raises(Truncated):
            DHCP.parse(Cursor(data[:size]))


@by_example
def test_two_in_a_row_are_two(data: bytes) -> None:
    assert [placed.message for placed in dissect(DHCP, data + bytes(8) + data).messages] == [only(data)] * 2


@given(st.binary(max_size=400))
def test_arbitrary_bytes_never_raise(data: bytes) -> None:
    DHCP.probe(data)

    assert dissect(DHCP, data).consumed <= len(data)


@given(st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=60)), max_size=12), st.binary(max_size=128))
def test_any_options_read_and_never_raise(options: list[tuple[int, bytes]], file: bytes) -> None:
    encoded = [option(code, value) for code, value in options if code not in (0, 255)]

    assert only(dhcp(*encoded, file=file)).mac == "00:15:5d:01:02:03"


@pytest.mark.tshark
@pytest.mark.parametrize(
    "name",
    [
        "real/53-Option43-filtered.pcapng",
        "real/35-nb6-startup.pcap",
        "real/02-teams.pcap",
        "protocols/Wireshark-LDAP-capture2.pcap",
    ],
)
def test_agrees_with_tshark_on_types_and_options(name: str) -> None:
    kinds = ["bootp", "discover", "offer", "request", "decline", "ack", "nak", "release", "inform"]
    rows = fields(
        capture(name),
        "udp and !icmp and dhcp",
        *("frame.number", "udp.payload", "dhcp.option.dhcp", "dhcp.id", "dhcp.option.hostname"),
        *("dhcp.option.vendor_class_id", "dhcp.option.dhcp_server_id", "dhcp.option.ip_address_lease_time"),
    )
    assert rows
    for number, payload, kind, identifier, host, vendor_class, server, lease in rows:
        message = only(bytes.fromhex(payload))

        assert message.kind == kinds[int(kind or "0")], number
        assert message.transaction_id == int(identifier, 16), number
        assert (message.host_name or "", message.vendor_class or "") == (host, vendor_class), number
        assert (message.server or "", message.lease) == (server, int(lease) if lease else None), number


def test_options_of_other_makers_phones() -> None:
    message = only(
        dhcp(
            option(53, b"\x05"),
            option(2, (-3600).to_bytes(4, "big", signed=True)),
            option(4, bytes([10, 0, 0, 5])),
            option(66, b"tftp.contoso.com"),
            option(67, b"boot.cfg"),
            option(160, b"https://polycom"),
            option(161, b"https://other"),
            option(82, b"\x01\x07Gi1/0/1\x02\x06" + MAC + b"\x05\x04\x0a\0\0\1"),
        )
    )

    assert (message.time_offset, message.time_servers) == (-3600, ("10.0.0.5",))
    assert (message.tftp_server, message.boot_file) == ("tftp.contoso.com", "boot.cfg")
    assert (message.boot_server, message.provisioning_server) == ("https://polycom", "https://other")
    assert (message.relay_circuit, message.relay_remote) == ("Gi1/0/1", MAC.hex())


def test_boot_file_of_the_header_counts_when_no_option_names_one() -> None:
    assert only(dhcp(option(53, b"\x05"), file=b"pxe.0\0junk")).boot_file == "pxe.0"
    assert only(dhcp(option(53, b"\x05"), file=b"\xff\xfe")).boot_file is None
    assert only(dhcp(option(52, b"\1"), file=option(12, b"ada") + b"\xff")).boot_file is None


@pytest.mark.parametrize(
    ("content", "vlan"),
    [(b"\0\x64", 100), (b"\x0f\xfe", 4094), (b"20", 20), (b"4094", 4094), (b"7", 7), (b"\7", None), (b"v20", None)],
)
def test_voice_vlan_is_a_number_or_digits(content: bytes, vlan: int | None) -> None:
    assert only(dhcp(option(53, b"\x05"), option(43, option(10, content)))).vlan == vlan


@pytest.mark.parametrize("damaged", [b"\x01\x20short", b"\x01", b"\x01\0"])
def test_damaged_relay_option_says_nothing(damaged: bytes) -> None:
    assert only(dhcp(option(53, b"\x05"), option(82, damaged))).relay_circuit is None
