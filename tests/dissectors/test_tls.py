import hashlib
import ssl
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from capture_files import Connection, read_frames, udp
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st
from protocol_examples import (
    certificate_list,
    client_hello,
    extension,
    handshake,
    pseudo_client_hello,
    pseudo_server_hello,
    record,
    server_hello,
    server_name,
    ssl2_hello,
)
from tls_sessions import NAME, Spoken, contexts, mint, openssl_server, speak, speak_with

from dissectors.contract import AnomalyKind, Verdict, dissect
from dissectors.tls import (
    FORWARD_SECRET,
    MAX_HANDSHAKE,
    MAX_RECORD,
    SUITES,
    TLS,
    TlsMessage,
    key_exchange,
    suite_name,
)
from dissectors.tls.names import distinguished_name

RETRY_RANDOM = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")
CHANGE_CIPHER_SPEC = record(20, b"\1")
NOT_OURS = ("ARIA", "CAMELLIA", "SEED", "SRP", "PSK-AES128-CCM", "PSK-AES256-CCM", "IDEA", "GOST")
CN = (x509.NameOID.COMMON_NAME, "Contoso Root CA")
UNIT = (x509.NameOID.ORGANIZATIONAL_UNIT_NAME, "PKI")
LISTS = extension(10, b"\0\4\0\x1d\0\x17") + extension(11, b"\1\0") + extension(13, b"\0\4\4\1\4\3")
"""Groups, point formats and signature algorithms."""


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    return mint(tmp_path_factory.mktemp("identity"))


@pytest.fixture(scope="module")
def plain(identity: tuple[Path, bytes]) -> Spoken:
    return speak(*contexts(identity[0]))


def messages(data: bytes) -> list[TlsMessage]:
    dissection = dissect(TLS, data)
    assert dissection.anomaly is None
    return [placed.message for placed in dissection.messages]  # type: ignore[misc]


def only(data: bytes) -> TlsMessage:
    (message,) = messages(data)
    return message


def kinds(data: bytes) -> list[str]:
    return [one.kind for one in messages(data)]


def stopped_as(data: bytes) -> AnomalyKind | None:
    anomaly = dissect(TLS, data).anomaly
    return anomaly.kind if anomaly else None


class TestSessions:
    def test_client_of_tls_1_2_is_read_to_its_goodbye(self, plain: Spoken):
        assert kinds(plain.client) == [
            "client-hello",
            "client-key-exchange",
            "change-cipher-spec",
            "encrypted-handshake",
            "application-data",
            "encrypted-alert",
        ]

    def test_server_of_tls_1_2_shows_its_certificate(self, plain: Spoken, identity: tuple[Path, bytes]):
        found = {one.kind: one for one in messages(plain.server)}

        assert list(found) == [
            "server-hello",
            "certificate",
            "server-key-exchange",
            "server-hello-done",
            "session-ticket",
            "change-cipher-spec",
            "encrypted-handshake",
            "application-data",
        ]
        assert found["certificate"].certificates == (identity[1],)
        assert (found["server-hello"].version, found["server-hello"].alpn) == ("tls1.2", "http/1.1")

    def test_client_hello_tells_name_protocols_and_suites(self, plain: Spoken):
        hello = messages(plain.client)[0]

        assert (hello.sni, hello.alpn, hello.version) == (NAME, "h2,http/1.1", "tls1.2")
        assert len(hello.suites) > 5
        assert not hello.ticket

    def test_every_cut_of_a_session_is_truncated_or_clean_never_malformed(self, plain: Spoken):
        for side in (plain.client, plain.server):
            assert {stopped_as(side[:end]) for end in range(len(side))} == {None, AnomalyKind.TRUNCATED}

    def test_cut_session_keeps_what_came_before_the_cut(self, plain: Spoken):
        whole = dissect(TLS, plain.server).messages
        certificate = next(one for one in whole if getattr(one.message, "kind", "") == "certificate")

        cut = dissect(TLS, plain.server[: certificate.end - 1])

        assert [getattr(one.message, "kind", "") for one in cut.messages] == ["server-hello"]
        assert cut.anomaly is not None

    def test_tls_1_3_hides_its_certificate(self, identity: tuple[Path, bytes]):
        spoken = speak(*contexts(identity[0], ssl.TLSVersion.TLSv1_3))

        assert [one.version for one in messages(spoken.client)[:1] + messages(spoken.server)[:1]] == ["tls1.3"] * 2
        assert kinds(spoken.server) == ["server-hello", "change-cipher-spec", "application-data"]

    def test_resumption_offers_a_ticket_and_shows_no_certificate(self, identity: tuple[Path, bytes]):
        client, server = contexts(identity[0])
        first = speak(client, server)

        second = speak(client, server, first.session)

        assert messages(second.client)[0].ticket
        assert "certificate" not in kinds(second.server)

    def test_tls_1_3_resumption_offers_a_key(self, identity: tuple[Path, bytes]):
        client, server = contexts(identity[0], ssl.TLSVersion.TLSv1_3)
        first = speak(client, server)

        assert messages(speak(client, server, first.session).client)[0].ticket

    def test_client_certificate_is_asked_for_and_sent(self, identity: tuple[Path, bytes]):
        client, server = contexts(identity[0], asks=True)
        client.load_cert_chain(identity[0])

        spoken = speak(client, server)

        sent = {one.kind: one for one in messages(spoken.client)}
        asked = {one.kind: one for one in messages(spoken.server)}
        assert sent["certificate"].certificates == (identity[1],)
        assert "certificate-verify" in sent
        assert asked["certificate-request"].authorities == 0  # Python names no authorities

    def test_client_without_a_certificate_sends_an_empty_list(self, identity: tuple[Path, bytes]):
        spoken = speak(*contexts(identity[0], asks=True))

        sent = {one.kind: one for one in messages(spoken.client)}
        assert sent["certificate"].certificates == ()

    def test_client_without_the_root_says_unknown_ca(self, identity: tuple[Path, bytes]):
        spoken = speak(*contexts(identity[0], trusting=False))

        alert = messages(spoken.client)[-1]
        assert (alert.kind, alert.alert_level, alert.alert, alert.alert_name) == (
            "alert",
            "fatal",
            48,
            "unknown_ca",
        )

    @given(cuts=st.lists(st.integers(0, 4000), max_size=12))
    @settings(max_examples=40, deadline=None)
    def test_handshake_reads_the_same_however_records_split_it(self, cuts: list[int]):
        flight = server_hello() + certificate_list(b"leaf" * 300, b"root" * 200) + handshake(14, b"")
        places = sorted({0, len(flight), *(cut % len(flight) for cut in cuts)})
        split = b"".join(record(22, flight[a:b]) for a, b in pairwise(places))

        assert [replace(one, records=1) for one in messages(split)] == messages(record(22, flight))


class TestVersions:
    @pytest.mark.parametrize(
        ("version", "name"),
        [
            (ssl.TLSVersion.TLSv1, "tls1.0"),
            (ssl.TLSVersion.TLSv1_1, "tls1.1"),
            (ssl.TLSVersion.TLSv1_2, "tls1.2"),
            (ssl.TLSVersion.TLSv1_3, "tls1.3"),
        ],
    )
    def test_every_version_openssl_speaks_is_read(self, identity: tuple[Path, bytes], version, name: str):
        spoken = speak(*contexts(identity[0], version))

        offered, agreed = messages(spoken.client)[0], messages(spoken.server)[0]
        assert (offered.version, agreed.version) == (name, name)
        assert agreed.suite == suite_name(agreed.suites[0])
        assert agreed.suites[0] in offered.suites
        assert key_exchange(agreed.suites[0]) == ("tls1.3" if name == "tls1.3" else "ecdhe")
        assert offered.versions == (("tls1.3", "tls1.2") if name == "tls1.3" else ())
        assert offered.groups
        assert (name in ("tls1.2", "tls1.3")) <= bool(offered.signature_algorithms)
        assert ("certificate" in kinds(spoken.server)) == (name != "tls1.3")

    def test_hello_retry_asks_for_another_group(self, identity: tuple[Path, bytes]):
        client, server = contexts(identity[0], ssl.TLSVersion.TLSv1_3)
        server.set_ecdh_curve("secp384r1")

        spoken = speak(client, server)

        assert kinds(spoken.client)[:2] == ["client-hello", "change-cipher-spec"]
        assert kinds(spoken.client).count("client-hello") == 2
        retry, _, hello = messages(spoken.server)[:3]
        assert (retry.kind, retry.version, retry.groups) == ("hello-retry-request", "tls1.3", (24,))
        assert (hello.kind, hello.groups) == ("server-hello", (24,))

    def test_openssl_that_distrusts_in_tls_1_3_says_so_in_the_clear(self, identity: tuple[Path, bytes]):
        spoken = speak(*contexts(identity[0], ssl.TLSVersion.TLSv1_3, trusting=False))

        assert kinds(spoken.client) == ["client-hello", "alert"]
        assert messages(spoken.client)[-1].alert_name == "unknown_ca"

    def test_first_protected_record_as_short_as_an_alert_is_one(self):
        hello = record(22, client_hello(extension(43, b"\2\3\4")))

        assert kinds(hello + CHANGE_CIPHER_SPEC + record(23, bytes(19))) == [
            "client-hello",
            "change-cipher-spec",
            "encrypted-alert",
        ]
        assert kinds(hello + record(23, bytes(53)) + record(23, bytes(19)))[1:] == ["application-data"]

    def test_first_protected_record_as_short_as_an_alert_is_data_where_early_data_may_be(self):
        offers = extension(43, b"\2\3\4") + extension(41, b"psk")

        assert kinds(record(22, client_hello(offers)) + record(23, bytes(19)))[-1] == "application-data"

    def test_short_data_after_the_handshake_of_tls_1_2_is_no_alert(self):
        hello = record(22, client_hello(extension(43, b"\4\3\4\3\3")))

        assert (
            kinds(hello + CHANGE_CIPHER_SPEC + record(22, bytes(40)) + record(23, bytes(19)))[-1] == "application-data"
        )

    def test_resumption_by_id_repeats_it_and_shows_no_certificate(self, identity: tuple[Path, bytes]):
        client, server = contexts(identity[0])
        server.options |= ssl.OP_NO_TICKET
        first = speak(client, server)

        second = speak(client, server, first.session)

        offered, agreed = messages(second.client)[0], messages(second.server)[0]
        assert offered.session_id == agreed.session_id != b""
        assert not offered.ticket
        assert "certificate" not in kinds(second.server)

    def test_accepted_key_of_tls_1_3_is_told_by_the_server(self, identity: tuple[Path, bytes]):
        client, server = contexts(identity[0], ssl.TLSVersion.TLSv1_3)
        first = speak(client, server)

        assert not messages(first.server)[0].ticket
        assert messages(speak(client, server, first.session).server)[0].ticket

    @pytest.mark.parametrize("trusting", [True, False])
    @pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
    def test_one_byte_at_a_time_reads_the_same(self, identity: tuple[Path, bytes], version, trusting: bool):
        spoken = speak(*contexts(identity[0], version, trusting=trusting, asks=True))

        for side in (spoken.client, spoken.server):
            whole = messages(side)
            for end in range(len(side)):
                told = [one.message for one in dissect(TLS, side[:end]).messages]
                assert told == whole[: len(told)]


class TestHellos:
    def test_sslv2_framed_hello_offers_its_version_and_suites(self):
        hello = only(ssl2_hello())

        assert (hello.kind, hello.version, hello.suites) == ("client-hello", "tls1.0", (0x2F, 0x010080))

    def test_hello_of_ssl2_alone_is_named_so(self):
        assert only(ssl2_hello(version=2)).version == "ssl2"

    @pytest.mark.parametrize(
        ("version", "name"), [(0x0300, "ssl3"), (0x0301, "tls1.0"), (0x0302, "tls1.1"), (0x0303, "tls1.2")]
    )
    def test_version_comes_from_the_hello_not_from_the_record(self, version: int, name: str):
        assert only(record(22, client_hello(version=version), 0x0300)).version == name
        assert only(record(22, server_hello(version=version), 0x0300)).version == name

    def test_highest_offered_version_passes_over_grease(self):
        versions = extension(43, b"\x06\x7a\x7a\x03\x04\x03\x03")

        assert only(record(22, client_hello(versions))).version == "tls1.3"

    def test_hello_without_extensions_has_no_name(self):
        assert only(record(22, client_hello())).sni is None

    def test_empty_server_name_of_a_server_is_no_error(self):
        assert only(record(22, server_hello(extension(0, b"")))).kind == "server-hello"

    def test_second_hello_after_a_retry_is_read_though_cipher_change_came_between(self):
        hello = record(22, client_hello(extension(43, b"\x02\x03\x04")))
        retry = record(22, server_hello(extension(43, b"\3\4"), random=RETRY_RANDOM))

        assert kinds(hello + CHANGE_CIPHER_SPEC + hello) == [
            "client-hello",
            "change-cipher-spec",
            "client-hello",
        ]
        assert kinds(retry + CHANGE_CIPHER_SPEC + record(22, server_hello())) == [
            "hello-retry-request",
            "change-cipher-spec",
            "server-hello",
        ]

    def test_empty_ticket_extension_is_no_ticket(self):
        assert not only(record(22, client_hello(extension(35, b"")))).ticket
        assert only(record(22, client_hello(extension(35, b"opaque")))).ticket

    def test_name_that_is_no_ascii_stays_readable(self):
        assert only(record(22, client_hello(server_name(b"s\xfcd")))).sni == "s\\xfcd"


class TestCertificateRequests:
    def test_oversized_authority_list_is_counted_over_several_records(self):
        names = b"".join((100).to_bytes(2, "big") + bytes(100) for _ in range(200))
        body = b"\1\1" + b"\0\2\4\1" + len(names).to_bytes(2, "big") + names
        flight = server_hello() + handshake(13, body) + handshake(14, b"")
        split = record(22, flight[:16384]) + record(22, flight[16384:])

        request = messages(split)[1]

        assert (request.kind, request.authorities, request.authorities_bytes) == (
            "certificate-request",
            200,
            20400,
        )

    def test_before_tls_1_2_it_has_no_signature_algorithms(self):
        body = b"\1\1" + b"\0\4" + b"\0\2\x30\0"

        assert only(record(22, handshake(13, body), 0x0301)).authorities == 1

    def test_empty_authority_list_is_none(self):
        request = only(record(22, handshake(13, b"\1\1\0\0"), 0x0301))

        assert (request.authorities, request.authorities_bytes) == (0, 0)


def authority(folder: Path, number: int) -> str:
    """A certificate (PEM) of an authority with a name as long as they are."""
    name = f"Contoso Enterprise Issuing Authority {number:03}"
    return mint(folder, name)[0].read_text().partition("-----BEGIN PRIVATE")[0]


@pytest.fixture(scope="module")
def many_authorities(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("authorities")
    return [authority(folder, number) for number in range(300)]


class TestAuthorities:
    """Of a real server: OpenSSL's, since Python's ssl names no authorities."""

    @pytest.mark.parametrize("count", [0, 3, 300])
    @pytest.mark.parametrize("shows", [True, False])
    def test_names_a_server_accepts_are_told(
        self, identity: tuple[Path, bytes], many_authorities: list[str], tmp_path: Path, count: int, shows: bool
    ):
        trusted = tmp_path / "trusted.pem"
        trusted.write_text("".join(many_authorities[:count]))
        client, _ = contexts(identity[0])
        if shows:
            client.load_cert_chain(identity[0])
        names = ["-CAfile", str(trusted)] if count else []

        with openssl_server(identity[0], "-verify", "3", "-no-CApath", "-no-CAstore", *names) as port:
            spoken = speak_with(port, client)

        request = next(one for one in messages(spoken.server) if one.kind == "certificate-request")
        wanted = tuple(f"CN=Contoso Enterprise Issuing Authority {number:03}" for number in range(count))
        assert set(request.authority_names) == set(wanted)
        assert request.authorities == len(request.authority_names) == count
        assert (request.authorities_bytes > 16384) == (count == 300)
        assert request.records == (2 if count == 300 else 1)
        assert request.certificate_types == ("rsa_sign", "dss_sign", "ecdsa_sign")
        assert request.signature_algorithms
        shown = next(one for one in messages(spoken.client) if one.kind == "certificate")
        assert shown.certificates == ((identity[1],) if shows else ())

    def test_names_are_written_as_the_library_writes_those_of_certificates(self):
        for attributes in (
            [(x509.NameOID.COUNTRY_NAME, "DE"), (x509.NameOID.ORGANIZATION_NAME, 'A "B", C+D\\ <E>;'), CN],
            [(x509.NameOID.EMAIL_ADDRESS, "ca@contoso.com"), (x509.NameOID.DOMAIN_COMPONENT, "contoso"), CN],
            [(x509.NameOID.COMMON_NAME, "#1 ")],
            [(x509.NameOID.COMMON_NAME, " ")],
            [(x509.ObjectIdentifier("2.999.40000.3"), "x")],
            [],
        ):
            name = x509.Name([x509.NameAttribute(*one) for one in attributes])
            assert distinguished_name(name.public_bytes()) == name.rfc4514_string()

    def test_several_values_in_one_part_are_joined(self):
        name = x509.Name([x509.RelativeDistinguishedName([x509.NameAttribute(*CN), x509.NameAttribute(*UNIT)])])

        assert distinguished_name(name.public_bytes()) == "OU=PKI+CN=Contoso Root CA"  # DER sorts them

    @given(text=st.text(min_size=1, max_size=20))
    @settings(max_examples=60, deadline=None)
    def test_any_text_is_written_as_the_library_writes_it(self, text: str):
        name = x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, text)])

        assert distinguished_name(name.public_bytes()) == name.rfc4514_string()

    @given(der=st.binary(max_size=60))
    @settings(max_examples=100, deadline=None)
    def test_what_is_no_name_is_shown_in_hex(self, der: bytes):
        other = b"\4" + der
        assert distinguished_name(other) == f"#{other[:32].hex()}"
        distinguished_name(b"\x30" + der)

    def test_windows_names_of_two_bytes_a_letter_are_read(self):
        value = "Zertifizierungsstelle".encode("utf-16-be")
        pair = b"\x06\x03\x55\x04\x03\x1e" + bytes([len(value)]) + value
        part = b"\x31" + bytes([len(pair) + 2]) + b"\x30" + bytes([len(pair)]) + pair

        assert distinguished_name(b"\x30" + bytes([len(part)]) + part) == "CN=Zertifizierungsstelle"


class TestSuites:
    @pytest.mark.parametrize(
        ("suite", "name", "exchange"),
        [
            (0x002F, "TLS_RSA_WITH_AES_128_CBC_SHA", "rsa"),
            (0x0003, "TLS_RSA_EXPORT_WITH_RC4_40_MD5", "rsa-export"),
            (0x0018, "TLS_DH_anon_WITH_RC4_128_MD5", "dhe"),
            (0x0033, "TLS_DHE_RSA_WITH_AES_128_CBC_SHA", "dhe"),
            (0x0031, "TLS_DH_RSA_WITH_AES_128_CBC_SHA", "dh"),
            (0xC00E, "TLS_ECDH_RSA_WITH_AES_128_CBC_SHA", "ecdh"),
            (0xC030, "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ecdhe"),
            (0x008C, "TLS_PSK_WITH_AES_128_CBC_SHA", "psk"),
            (0x0094, "TLS_RSA_PSK_WITH_AES_128_CBC_SHA", "psk"),
            (0x0090, "TLS_DHE_PSK_WITH_AES_128_CBC_SHA", "dhe"),
            (0x1301, "TLS_AES_128_GCM_SHA256", "tls1.3"),
            (0x010080, "0x10080", "rsa"),
            (0x0A0A, "0x0a0a", ""),
        ],
    )
    def test_suite_has_a_name_and_a_way_to_make_keys(self, suite: int, name: str, exchange: str):
        assert (suite_name(suite), key_exchange(suite)) == (name, exchange)

    def test_every_known_suite_makes_its_keys_in_a_known_way(self):
        known = {"rsa", "rsa-export", "dh", "dhe", "ecdh", "ecdhe", "psk", "tls1.3"}

        assert {key_exchange(suite) for suite in SUITES} == known
        assert known > FORWARD_SECRET

    def test_suites_of_openssl_have_its_names(self):
        everything = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        everything.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
        unknown = {one["name"] for one in everything.get_ciphers() if one["id"] & 0xFFFF not in SUITES}

        assert {name for name in unknown if not any(word in name for word in NOT_OURS)} == set()


class TestFingerprints:
    def test_grease_counts_nowhere(self):
        plain = client_hello(LISTS, suites=bytes.fromhex("c02f0035"))
        greased = client_hello(
            extension(0x1A1A, b"") + extension(10, b"\0\6\x2a\x2a\0\x1d\0\x17") + LISTS[10:],
            suites=bytes.fromhex("0a0ac02f0035"),
        )

        first, second = (only(record(22, one)) for one in (plain, greased))

        assert (first.ja3, first.ja4) == (second.ja3, second.ja4)

    def test_ja3_is_md5_over_the_decimal_numbers(self):
        text = "771,49199-53,10-11-13,29-23,0"

        found = only(record(22, client_hello(LISTS, suites=bytes.fromhex("c02f0035")))).ja3

        assert found == hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    @pytest.mark.parametrize(
        ("extensions", "head"),
        [
            (b"", "t12i020000"),
            (server_name(b"a"), "t12d020100"),
            (extension(16, b"\0\3\2h2"), "t12i0201h2"),
            (extension(16, b"\0\x09\x08http/1.1"), "t12i0201h1"),
            (extension(16, b"\0\2\1x"), "t12i0201xx"),
            (extension(16, b"\0\3\2\xab\xcd"), "t12i0201ad"),
            (extension(43, b"\4\3\4\3\3"), "t13i020100"),
        ],
    )
    def test_ja4_begins_with_words_one_can_read(self, extensions: bytes, head: str):
        assert str(only(record(22, client_hello(extensions))).ja4).split("_")[0] == head

    def test_ja4_of_a_hello_without_extensions_has_nothing_to_hash(self):
        assert str(only(record(22, client_hello())).ja4).endswith("_000000000000")

    def test_sslv2_hello_has_none(self):
        assert (only(ssl2_hello()).ja3, only(ssl2_hello()).ja4) == (None, None)

    @pytest.mark.parametrize("kind", [10, 11, 13])
    @given(content=st.binary(max_size=8))
    @settings(max_examples=40, deadline=None)
    def test_damaged_list_does_not_cost_the_hello(self, kind: int, content: bytes):
        hello = only(record(22, client_hello(extension(kind, content) + server_name(b"a"))))

        assert hello.sni == "a"


class TestAlerts:
    @pytest.mark.parametrize(
        ("alert", "level", "name"),
        [
            (b"\1\0", "warning", "close_notify"),
            (b"\2\x28", "fatal", "handshake_failure"),
            (b"\2\x2a", "fatal", "bad_certificate"),
            (b"\2\x46", "fatal", "protocol_version"),
            (b"\2\x70", "fatal", "unrecognized_name"),
            (b"\2\xfe", "fatal", "alert 254"),
        ],
    )
    def test_alert_in_the_clear_has_level_and_name(self, alert: bytes, level: str, name: str):
        message = only(record(21, alert))

        assert (message.kind, message.alert_level, message.alert, message.alert_name) == (
            "alert",
            level,
            alert[1],
            name,
        )

    def test_encrypted_alert_keeps_its_secret(self):
        message = messages(CHANGE_CIPHER_SPEC + record(21, bytes(26)))[1]

        assert (message.kind, message.alert, message.alert_name) == ("encrypted-alert", None, None)

    def test_level_that_does_not_exist_is_malformed(self):
        assert stopped_as(record(21, b"\3\x28")) is AnomalyKind.MALFORMED


class TestRecords:
    def test_only_the_first_application_data_record_is_a_message(self):
        placed = dissect(TLS, record(23, bytes(50)) * 1000)

        assert [one.end for one in placed.messages] == [55]
        assert placed.consumed == 55_000
        assert placed.anomaly is None

    def test_application_data_is_told_even_when_its_record_is_cut(self):
        dissection = dissect(TLS, record(23, bytes(5000))[:100])

        assert [getattr(one.message, "kind", "") for one in dissection.messages] == ["application-data"]
        assert dissection.anomaly is not None
        assert dissection.anomaly.kind is AnomalyKind.TRUNCATED

    def test_renegotiated_cipher_change_is_longer_because_encrypted(self):
        assert kinds(CHANGE_CIPHER_SPEC + record(20, bytes(32))) == ["change-cipher-spec"] * 2

    def test_encrypted_handshake_that_opens_a_late_capture_is_not_malformed(self):
        assert kinds(record(22, b"\x0b\x9c\x4e\x82" + bytes(44))) == ["encrypted-handshake"]

    def test_handshake_after_cipher_change_is_opaque(self):
        assert kinds(CHANGE_CIPHER_SPEC + record(22, b"\x0b" + bytes(39))) == [
            "change-cipher-spec",
            "encrypted-handshake",
        ]

    @pytest.mark.parametrize(
        "damaged",
        [
            pytest.param(b"\x16\x03\x03" + (MAX_RECORD + 1).to_bytes(2, "big") + bytes(9), id="record too long"),
            pytest.param(b"\x16\x03\x03\0\0", id="empty handshake record"),
            pytest.param(b"\x14\x03\x03\0\2\1\1", id="cipher change of two bytes"),
            pytest.param(b"\x30\x03\x03\0\1a", id="unknown content"),
            pytest.param(b"\x16\x04\x03\0\1a", id="unknown version"),
            pytest.param(record(22, b"\x01" + (MAX_HANDSHAKE + 1).to_bytes(3, "big")), id="endless handshake"),
            pytest.param(record(22, handshake(1, bytes(20))), id="hello shorter than its fields"),
            pytest.param(record(22, handshake(11, b"\0\0\5abc")), id="list longer than its message"),
            pytest.param(record(22, handshake(11, bytes(3))[:2]) + record(23, b"a"), id="message interrupted"),
            pytest.param(b"\x80\x2e\x01\x03\x01\0\0\0\0\0\x10" + bytes(40), id="ssl2 lengths that do not add up"),
        ],
    )
    def test_contradiction_is_malformed(self, damaged: bytes):
        assert stopped_as(damaged) is AnomalyKind.MALFORMED

    def test_bad_message_does_not_cost_the_good_one_before_it(self):
        dissection = dissect(TLS, record(22, server_hello() + handshake(11, b"\0\0\5abc")))

        assert [getattr(one.message, "kind", "") for one in dissection.messages] == ["server-hello"]
        assert dissection.anomaly is not None
        assert dissection.anomaly.kind is AnomalyKind.MALFORMED


LOOKALIKES = {
    "dtls 1.0 hello": bytes.fromhex("16feff0000000000000000003b0100002f000000000000002ffeff") + bytes(60),
    "dtls 1.2 hello": bytes.fromhex("16fefd0000000000000000003b0100002f000000000000002ffefd") + bytes(60),
    "dtls data": bytes.fromhex("17fefd0001000000000001001d") + bytes(29),
    "quic initial": bytes.fromhex("c3000000010802020202020202020000") + bytes(1184),
    "quic short": bytes.fromhex("43") + bytes(40),
    "stun": bytes.fromhex("000100002112a442") + bytes(12),
    "sip": b"REGISTER sip:contoso.com SIP/2.0\r\nVia: SIP/2.0/TLS 10.0.0.1\r\n\r\n",
    "http": b"GET / HTTP/1.1\r\n\r\n",
    "rtp": bytes.fromhex("80001703030021") + bytes(160),
    "rdp": bytes.fromhex("030000130ee000000000000100080003000000"),
    "smb over netbios": bytes.fromhex("00000085ff534d4272"),
    "turn framing": bytes.fromhex("030000280003") + bytes(40),
    "multiplexed turn": bytes.fromhex("ff10001c") + bytes(28),
}


class TestLookalikes:
    @pytest.mark.parametrize("head", LOOKALIKES.values(), ids=list(LOOKALIKES))
    def test_other_protocols_are_not_tls(self, head: bytes):
        assert {TLS.probe(head[:end]) for end in range(12, len(head) + 1)} <= {Verdict.REJECT}

    @pytest.mark.parametrize("server", [("10.0.0.2", 3478), ("10.0.0.2", 80), ("10.0.0.2", 5060)])
    def test_tls_is_known_on_any_port(self, plain: Spoken, tmp_path: Path, server: tuple[str, int]):
        link = Connection(server=server)
        frames = [*link.open(), *(frame for side, data in plain.turns for frame in link.say(side, data))]

        tables = read_frames(frames, tmp_path)

        assert tables.flows.loc[0, ["stack", "basis"]].tolist() == ["tls", "bytes"]
        assert tables["tls"].loc[0, "sni"] == NAME

    def test_datagrams_of_dtls_and_quic_yield_no_tls(self, tmp_path: Path):
        frames = [
            udp(("10.0.0.1", 50000), ("10.0.0.2", 443), LOOKALIKES[name])
            for name in ("dtls 1.2 hello", "dtls data", "quic initial")
        ]

        assert read_frames(frames, tmp_path)["tls"].empty


class TestProbe:
    @pytest.mark.parametrize("end", [48, 50, 60])
    def test_pseudo_client_hello_is_not_tls(self, end: int):
        assert TLS.probe((pseudo_client_hello() + b"\2\0\0\x20" + bytes(32))[:end]) == Verdict.REJECT

    @pytest.mark.parametrize("end", [80, 83, 90])
    def test_pseudo_server_hello_is_not_tls(self, end: int):
        assert TLS.probe((pseudo_server_hello() + b"\2\0\0\x20" + bytes(32))[:end]) == Verdict.REJECT

    def test_pseudo_hello_is_known_whatever_its_random(self):
        assert TLS.probe(pseudo_client_hello(random=b"\xc1\xfc\xd5\xa3" * 8)) == Verdict.REJECT

    def test_pseudo_hello_is_not_told_from_tls_before_its_suite(self):
        hello = pseudo_client_hello()

        assert {TLS.probe(hello[:end]) for end in range(1, 48)} == {Verdict.UNSURE}

    @pytest.mark.parametrize(
        "hello",
        [
            pytest.param(record(22, client_hello(suites=b"\0\x2f", version=0x0301), 0x0301), id="another suite"),
            pytest.param(record(22, client_hello(suites=b"\0\x18\0\x2f", version=0x0301), 0x0301), id="two suites"),
            pytest.param(
                record(22, client_hello(server_name(b"a"), suites=b"\0\x18", version=0x0301), 0x0301),
                id="with a name",
            ),
            pytest.param(record(22, client_hello(suites=b"\0\x18", version=0x0303), 0x0301), id="another version"),
        ],
    )
    def test_hello_much_like_the_pseudo_one_is_tls(self, hello: bytes):
        assert TLS.probe(hello) == Verdict.CERTAIN

    @pytest.mark.parametrize(
        ("head", "verdict"),
        [
            (b"", Verdict.UNSURE),
            (b"\x16", Verdict.UNSURE),
            (b"\x16\x03\x01", Verdict.UNSURE),
            (record(23, bytes(9)), Verdict.LIKELY),
            (record(23, bytes(9)) + record(23, b""), Verdict.CERTAIN),
            (record(21, b"\2\x28"), Verdict.CERTAIN),
            (record(21, b"\2\xfe"), Verdict.REJECT),
            (record(22, bytes(40)), Verdict.LIKELY),
            (b"GET / HTTP/1.1\r\n", Verdict.REJECT),
            (b"\x16\xfe\xfd\0\0\0\0\0\0\0\0\0\x30", Verdict.REJECT),
            (b"\x80\x72\x7d\x0a\0\0\x4e\x20", Verdict.REJECT),
        ],
    )
    def test_certainty_follows_the_structure_seen(self, head: bytes, verdict: Verdict):
        assert TLS.probe(head) == verdict
