"""Lync's headers as fields of the row, and what must never be kept."""

import base64
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dissectors.contract import dissect
from dissectors.sip import MAX_VALUE, SIP, MediaDebug, SipMessage, read_media_debug
from dissectors.sip.authentication import MAX_STEPS
from dissectors.sip.diagnostics import MAX_MEDIA, Diagnostics, read_diagnostics
from dissectors.sip.headers import MAX_HEADERS, MAX_ROUTES, address_parameters, items, parameters, read_headers


def read(*headers: str, first: str = "SIP/2.0 200 OK") -> SipMessage:
    data = "\r\n".join([first, *headers, "Content-Length: 0", "", ""]).encode()
    (placed,) = dissect(SIP, data).messages
    assert isinstance(placed.message, SipMessage)
    return placed.message


def test_registration_answer_of_a_pool():
    found = read(
        "From: <sip:ada@contoso.com>;tag=90a265ed3f;epid=a0ae9e6cb0",
        "To: <sip:ada@contoso.com>;tag=D76F",
        "Via: SIP/2.0/TLS 10.2.50.42:1699;received=198.51.100.4;ms-received-port=2616;ms-received-cid=200",
        "Contact: <sip:10.2.50.42:1699;transport=tls;expires=1>;expires=7200;"
        '+sip.instance="<urn:uuid:c1589240-e660-594f-a8b3-4b55f358cbc1>";'
        'gruu="sip:ada@contoso.com;opaque=user:epid:QJJY;gruu"',
        'presence-state: register-action="added";primary-cluster-type="central";is-connected-to-primary="No"',
        "ms-keep-alive: UAS; tcp=no; hop-hop=yes; end-end=no; timeout=300",
        "ms-user-logon-data: RemoteUser",
        "Server: RTC/6.0",
    )

    assert (found.from_tag, found.to_tag, found.from_epid, found.to_epid) == ("90a265ed3f", "D76F", "a0ae9e6cb0", None)
    assert (found.via_transport, found.via_host, found.branch) == ("TLS", "10.2.50.42:1699", None)
    assert (found.received, found.received_port) == ("198.51.100.4", 2616)
    assert (found.instance, found.expires) == ("c1589240-e660-594f-a8b3-4b55f358cbc1", 7200)
    assert found.gruu == "sip:ada@contoso.com;opaque=user:epid:QJJY;gruu"
    assert (found.connected_to_primary, found.keep_alive_timeout, found.remote_user) == ("no", 300, True)
    assert found.presence_state
    assert found.presence_state.startswith("register-action=")


def test_expires_header_comes_before_that_of_the_contact():
    assert read("Expires: 0", "Contact: <sip:a>;expires=7200").expires == 0
    assert read("Contact: <sip:a;expires=7200>").expires is None


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("Tue, 14 Nov 2023 22:13:20 GMT", 1_700_000_000),
        ("14 Nov 2023 22:13:20 UTC", 1_700_000_000),
        ("Tue, 31 Feb 2023 22:13:20 GMT", None),
        ("Tue, 14 Nov 2023 25:13:20 GMT", None),
        ("Tue, 14 Foo 2023 22:13:20 GMT", None),
        ("Tue, 14 Nov 2023 22:13:20 CET", None),
        ("yesterday", None),
    ],
)
def test_the_clock_of_the_sender(value: str, seconds: int | None):
    assert read(f"Date: {value}").date == seconds


def test_topmost_via_is_the_one_told():
    found = read(
        'v: SIP/2.0/UDP 192.0.2.1:5060;x="a,b";branch=z9hG4bK1;rport=5062, SIP/2.0/TCP 192.0.2.2;branch=z9hG4bK2',
        "Via: SIP/2.0/TLS 192.0.2.3;branch=z9hG4bK3",
    )

    assert (found.via_transport, found.via_host, found.branch) == ("UDP", "192.0.2.1:5060", "z9hG4bK1")
    assert found.received_port == 5062
    assert found.hops == 3


def test_servers_that_stay_in_the_path():
    found = read(
        "Record-Route: <sip:pool.contoso.com:5061;transport=tls;opaque=state:F;lr;ms-route-sig=SECRET>",
        "Record-Route: <sip:edge.contoso.com:5061;lr>, <sip:user@sip.fabrikam.com;lr>",
    )

    assert found.record_routes == ("pool.contoso.com:5061", "edge.contoso.com:5061", "sip.fabrikam.com")
    assert found.route_signed
    assert "SECRET" not in repr(found)
    assert not read("Record-Route: <sip:pool.contoso.com;lr>").route_signed
    assert len(read("Record-Route: " + ",".join(["<sip:a;lr>"] * 40)).record_routes) == MAX_ROUTES


def test_subscription_reason_warning_and_the_rest():
    found = read(
        "Subscription-State: Terminated;reason=rejected;expires=0",
        'Reason: SIP;cause=200;text="Call completed elsewhere"',
        'Warning: 310 lcs.contoso.com "See https://contoso.com/update.html"',
        "ms-subnet: 192.0.2.0",
        "ms-split-domain-info: ms-traffic-type=SplitIntra",
        "ms-trunking-peer: gw.contoso.com",
        first="NOTIFY sip:a SIP/2.0",
    )

    assert (found.subscription_state, found.subscription_reason) == ("terminated", "rejected")
    assert found.cause == 'SIP;cause=200;text="Call completed elsewhere"'
    assert found.warning == '310 lcs.contoso.com "See https://contoso.com/update.html"'
    assert (found.subnet, found.trunking_peer) == ("192.0.2.0", "gw.contoso.com")
    assert found.split_domain == "ms-traffic-type=SplitIntra"
    assert found.reason is None


class TestDiagnostics:
    def test_the_three_headers_are_kept_apart(self):
        found = read(
            'ms-client-diagnostics: 23; reason="media failed"',
            'ms-diagnostics-public: 1034;reason="no diagnostics";Domain="fabrikam.com"',
            'ms-diagnostics: 1008;reason="DNS \\"SRV\\" failed; twice";source="fe1.contoso.com";ErrorType="x"',
            first="SIP/2.0 504 Server time-out",
        )

        assert (found.diagnostics_header, found.diagnostics_id) == ("ms-diagnostics", 1008)
        assert found.diagnostics_source == "fe1.contoso.com"
        assert found.diagnostics_reason == 'DNS "SRV" failed; twice'
        assert found.diagnostics_public == '1034;reason="no diagnostics";Domain="fabrikam.com"'
        assert found.client_diagnostics == '23; reason="media failed"'

    def test_a_public_one_alone_hides_its_source(self):
        found = read("ms-diagnostics-public: 1003;reason=x")

        assert (found.diagnostics_header, found.diagnostics_source) == ("ms-diagnostics-public", None)
        assert (found.diagnostics, found.client_diagnostics) == ("1003;reason=x", None)
        assert read().diagnostics_header is None

    def test_everything_a_header_says_can_be_asked_for(self):
        (one,) = read_diagnostics({"ms-diagnostics": ['10003;source="gw";SipResponseCode=503;Empty=']})

        assert one == Diagnostics(
            header="ms-diagnostics",
            id=10003,
            source="gw",
            reason=None,
            parameters={"source": "gw", "sipresponsecode": "503", "empty": ""},
        )


DEBUG = (
    '23; reason="Call failed to establish";CallerMediaDebug="application-sharing:ICEWarn=0x4000320,'
    "LocalSite=207.46.5.9:20702, LocalMR=207.46.5.63:54829,RemoteSite=11.1.111.11:62198,"
    " RemoteMR=65.55.127.64:51184, PortRange=1025:65000,LocalMRTCPPort=54829, RemoteMRTCPPort=51184,"
    'LocalLocation=1, RemoteLocation=2,FederationType=0"'
)


class TestMediaDebug:
    def test_how_one_end_tried_to_connect(self):
        assert read_media_debug(DEBUG) == (
            MediaDebug(
                side="caller",
                medium="application-sharing",
                ice_warn=0x4000320,
                local_site=("207.46.5.9", 20702),
                local_relay=("207.46.5.63", 54829),
                remote_site=("11.1.111.11", 62198),
                remote_relay=("65.55.127.64", 51184),
                ports=(1025, 65000),
                local_relay_tcp_port=54829,
                remote_relay_tcp_port=51184,
                local_location=1,
                remote_location=2,
                federation=0,
            ),
        )

    def test_several_media_and_the_callee(self):
        text = (
            '51007;CalleeMediaDebug="audio:ICEWarn=0x80000,LocalSite=192.0.2.1:14832,Interfaces=0x12;'
            'video:ICEWarn=0x0,BaseInterface=0x2,BaseAddress=[2001:db8::1]:5000"'
        )

        audio, video = read_media_debug(text)

        assert (audio.side, audio.medium, audio.ice_warn, audio.interfaces) == ("callee", "audio", 0x80000, 0x12)
        assert audio.local_site == ("192.0.2.1", 14832)
        assert (video.medium, video.ice_warn, video.base_interface) == ("video", 0, 2)
        assert video.base_address == ("2001:db8::1", 5000)

    @pytest.mark.parametrize("text", [None, "", "51004;reason=x", '23;CallerMediaDebug="nothing"'])
    def test_none_is_none(self, text: str | None):
        assert read_media_debug(text) == ()

    def test_values_that_cannot_be_are_left_out(self):
        (one,) = read_media_debug(
            '23;CallerMediaDebug="audio:ICEWarn=-1,LocalSite=a,RemoteSite=b:70000,PortRange=1,LocalLocation=٣"'
        )

        assert one == MediaDebug(side="caller", medium="audio")

    def test_media_are_bounded(self):
        assert len(read_media_debug('CallerMediaDebug="' + "audio:A=1;" * 50 + '"')) == MAX_MEDIA

    @given(st.text(max_size=200))
    def test_arbitrary_text_never_raises(self, text: str):
        read_media_debug(text)
        read_media_debug(f'CallerMediaDebug="audio:{text}"')


def token(*parts: bytes) -> str:
    return base64.b64encode(b"".join(parts)).decode()


def tls_record(kind: int, body: bytes, version: int = 0x0301) -> bytes:
    return bytes([kind]) + version.to_bytes(2, "big") + len(body).to_bytes(2, "big") + body


def tls_message(kind: int, body: bytes = b"private") -> bytes:
    return bytes([kind]) + len(body).to_bytes(3, "big") + body


HELLO_FLIGHT = token(tls_record(22, tls_message(2) + tls_message(11, bytes(5000)) + tls_message(14, b"")))


class TestAuthentication:
    def test_what_a_registrar_offers(self):
        found = read(
            'WWW-Authenticate: NTLM realm="SIP Communications Service", targetname="fe1.contoso.com", version=4',
            'WWW-Authenticate: Kerberos realm="SIP Communications Service", targetname="sip/fe1.contoso.com"',
            'WWW-Authenticate: TLS-DSK realm="SIP Communications Service", targetname="fe1.contoso.com", '
            'sts-uri="https://web.contoso.com:443/CertProv/CertProvisioningService.svc"',
            first="SIP/2.0 401 Unauthorized",
        )

        assert (found.authenticate, found.authorization) == ("NTLM,Kerberos,TLS-DSK", None)
        assert (found.realm, found.target_name) == ("SIP Communications Service", "fe1.contoso.com")
        assert found.sts_uri == "https://web.contoso.com:443/CertProv/CertProvisioningService.svc"
        assert (found.gssapi_length, found.handshake, found.authenticated) == (None, (), False)

    def test_the_flight_of_a_server_inside_gssapi_data(self):
        found = read(f'WWW-Authenticate: TLS-DSK opaque="1F", gssapi-data="{HELLO_FLIGHT}", targetname="fe1"')

        assert found.handshake == ("tls1.0", "server-hello", "certificate", "server-hello-done")
        assert found.gssapi_length == len(base64.b64decode(HELLO_FLIGHT)) > MAX_VALUE
        assert "private" not in repr(found)
        assert HELLO_FLIGHT[:40] not in repr(found)

    @pytest.mark.parametrize(
        ("data", "steps"),
        [
            (token(tls_record(22, tls_message(1))), ("tls1.0", "client-hello")),
            (
                token(tls_record(22, tls_message(16)), tls_record(20, b"\1"), tls_record(22, bytes(40))),
                ("tls1.0", "client-key-exchange", "change-cipher-spec"),
            ),
            (token(tls_record(21, b"\2\x30", 0x0303)), ("tls1.2", "alert 48")),
            (token(b"NTLMSSP\0\2\0\0\0", bytes(40)), ("ntlm-challenge",)),
            (token(b"NTLMSSP\0\x09\0\0\0"), ()),
            (token(b"\x60\x82\x01\x02kerberos"), ()),
            ("", ()),
            ("not base64!", ()),
        ],
    )
    def test_steps_told_by_the_data(self, data: str, steps: tuple[str, ...]):
        found = read(f'Authorization: TLS-DSK realm="x", gssapi-data="{data}"', first="REGISTER sip:a SIP/2.0")

        assert (found.handshake, found.authorization) == (steps, "TLS-DSK")
        assert found.gssapi_length is not None

    def test_proof_of_an_established_association(self):
        found = read(
            'Proxy-Authentication-Info: TLS-DSK rspauth="602306092A", srand="5E058A82", snum="1", opaque="E0DA", '
            'qop="auth", targetname="fe1.contoso.com", realm="SIP Communications Service"'
        )

        assert (found.authenticated, found.target_name, found.authenticate) == (True, "fe1.contoso.com", None)
        assert "602306092A" not in repr(found)
        assert "5E058A82" not in repr(found)

    @given(st.binary(max_size=120))
    def test_arbitrary_data_never_raises_and_is_bounded(self, data: bytes):
        found = read(f'Authorization: TLS-DSK gssapi-data="{base64.b64encode(data).decode()}"')

        assert found.gssapi_length == len(data)
        assert len(found.handshake) <= MAX_STEPS * (MAX_STEPS + 1)

    def test_credentials_of_other_schemes_are_not_kept(self):
        found = read(
            'Authorization: Digest username="ada", nonce="NONCE", response="PROOF"', first="INVITE sip:a SIP/2.0"
        )

        assert found.authorization == "Digest"
        assert "PROOF" not in repr(found)
        assert "NONCE" not in repr(found)


class TestHeaders:
    def test_parameters_in_every_spelling(self):
        said = parameters('x;A=1; b = "two; \\"2\\", a=9" ,c=;d;e=z9hG==;a=3')

        assert said == {"a": "1", "b": 'two; "2", a=9', "c": "", "e": "z9hG=="}

    def test_an_open_quote_reaches_to_the_end(self):
        assert parameters('a="b;c=d')["a"] == "b;c=d"
        assert parameters('a="b\\') == {"a": "b"}

    def test_parameters_of_an_address_stand_behind_it(self):
        assert address_parameters('"x; tag=no" <sip:a;tag=no>;tag=yes') == {"tag": "yes"}
        assert address_parameters("sip:a;tag=1") == {"tag": "1"}

    def test_entries_between_commas(self):
        assert items('"a, b" <sip:x,y>;q=1, <sip:z') == ['"a, b" <sip:x,y>;q=1', "<sip:z"]

    def test_lines_are_bounded(self):
        assert sum(map(len, read_headers(b"a: b\r\n" * 9000).values())) == MAX_HEADERS

    @given(st.text(max_size=300))
    def test_arbitrary_values_never_raise(self, text: str):
        parameters(text)
        items(text)
        address_parameters(text)

    @pytest.mark.parametrize("piece", ['a="', "<", '"', '\\"', ";a=", "a", " =", ',"', '"\\'])
    def test_long_hostile_values_take_no_time(self, piece: str):
        hostile = piece * (64 * 1024 // len(piece))
        before = time.process_time()

        parameters(hostile)
        items(hostile)
        address_parameters(hostile)

        assert time.process_time() - before < 2
