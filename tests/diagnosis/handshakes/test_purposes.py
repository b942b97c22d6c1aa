"""Certificates for something else, chains without a link, weak algorithms, no place to check revocation."""

from typing import Any

import pytest
from cases import START
from proofs import fires, inconclusive, sample_fires, silent
from tls_scenes import (
    DAY,
    DOMAIN,
    EDGE,
    EDGE2,
    HOME,
    INNER,
    ISSUING,
    OTHER,
    PARTNER,
    PC,
    POOL,
    PROXY,
    ROOT,
    SIP,
    TlsScene,
    chain,
    issuing,
    leaf,
)


def refused(code: int, **facts: Any) -> TlsScene:
    scene = TlsScene()
    scene.alert(scene.shake(PC, POOL, shown=chain(**facts)), code)
    return scene


class TestPurpose:
    RULE = "cert-eku-serverauth-missing"

    @pytest.mark.parametrize("code", [42, 43, 46])
    def test_certificate_for_clients_that_is_refused(self, code: int) -> None:
        scene = TlsScene()
        of = scene.shake(PC, POOL, shown=chain(usages=("clientAuth",)))
        frames = {scene.at(of, 0.03), scene.alert(of, code)}

        assert fires(scene, self.RULE, PC, frames=frames).confidence == "certain"

    @pytest.mark.parametrize("usages", [(), ("anyExtendedKeyUsage",), ("clientAuth", "serverAuth")])
    def test_no_list_of_purposes_means_any(self, usages: tuple[str, ...]) -> None:
        silent(refused(43, usages=usages), self.RULE)

    def test_another_alert_has_another_reason(self) -> None:
        silent(refused(48, usages=("clientAuth",)), self.RULE)

    def test_certificate_nobody_refuses(self) -> None:
        scene = TlsScene()
        scene.works(PC, POOL, shown=chain(usages=("clientAuth",)))

        inconclusive(scene, self.RULE, because="no client refuses it")

    def test_certificate_that_cannot_be_read(self) -> None:
        silent(refused(43, usages=("clientAuth",), unreadable="cut"), self.RULE)

    def test_recorded(self) -> None:
        assert sample_fires("handshakes-office", self.RULE)


class TestChain:
    RULE = "cert-chain-incomplete"

    def _alone(self, code: int = 48) -> TlsScene:
        scene = TlsScene()
        scene.alert(scene.shake(PC, POOL, shown=(leaf(),)), code)
        return scene

    def test_intermediate_that_another_server_sends(self) -> None:
        scene = self._alone()
        scene.works(OTHER, EDGE, 443, 3.0, shown=chain(f"sip.{DOMAIN}"))

        one = fires(scene, self.RULE, PC)

        assert one.confidence == "certain"
        assert ISSUING in one.why

    def test_a_public_authority_never_signs_with_its_root(self) -> None:
        public = "CN=DigiCert TLS RSA SHA256 2020 CA1,O=DigiCert Inc,C=US"
        scene = TlsScene()
        scene.alert(scene.shake(HOME, PROXY, 443, shown=(leaf(f"lyncdiscover.{DOMAIN}", issuer=public),)), 48)

        assert fires(scene, self.RULE, HOME).confidence == "likely"

    def test_before_2012_it_might(self) -> None:
        public, old = "CN=DigiCert High Assurance CA,O=DigiCert Inc,C=US", START - 6000 * DAY
        scene = TlsScene()
        shown = leaf(f"lyncdiscover.{DOMAIN}", issuer=public, not_before=old)
        scene.alert(scene.shake(HOME, PROXY, 443, shown=(shown,)), 48)

        inconclusive(scene, self.RULE, "is a root")

    def test_intermediate_that_a_client_downloads(self) -> None:
        scene = TlsScene()
        of = scene.works(PC, POOL, shown=(leaf(),))
        fetch = scene.connect(PC, "10.9.0.80", 80, 1.05, stack="http", basis="bytes")
        frame = scene.show(fetch, 1.1, (issuing(carried="aia"),))

        one = fires(scene, self.RULE, POOL, frames={scene.at(of, 0.03), frame})

        assert one.severity == "minor"

    def test_root_is_never_sent(self) -> None:
        scene = self._alone()
        scene.show(
            scene.connect(PC, "10.9.0.80", 80, 3.0), 3.1, (issuing(carried="aia", issuer=ISSUING, self_signed=True),)
        )

        silent(scene, self.RULE)

    def test_whole_chain(self) -> None:
        silent(refused(48), self.RULE)

    def test_client_that_has_the_intermediate(self) -> None:
        scene = TlsScene()
        scene.works(PC, POOL, shown=(leaf(),))
        scene.works(OTHER, EDGE, 443, 3.0, shown=chain(f"sip.{DOMAIN}"))

        silent(scene, self.RULE)

    def test_issuer_of_which_nothing_is_known(self) -> None:
        inconclusive(self._alone(), self.RULE, because="nothing shows whether")

    def test_explains_the_distrust(self) -> None:
        assert sample_fires("handshakes-office", self.RULE)


class TestWeak:
    RULE = "cert-weak-crypto"

    @pytest.mark.parametrize(
        ("facts", "word"),
        [
            ({"key": "rsa 1024"}, "1024 bits"),
            ({"signature": "md5"}, "MD5"),
            ({"signature": "sha1"}, "SHA-1"),
            ({"signature": "sha256 pss"}, "RSASSA-PSS"),
        ],
    )
    def test_weak_leaf(self, facts: dict[str, str], word: str) -> None:
        scene = TlsScene()
        of = scene.works(PC, POOL, shown=chain(**facts))

        assert word in fires(scene, self.RULE, POOL, frames={scene.at(of, 0.03)}).says

    def test_weak_intermediate(self) -> None:
        scene = TlsScene()
        scene.works(PC, POOL, shown=(chain()[0], issuing(signature="sha1")))

        assert "issued by an authority" in fires(scene, self.RULE, POOL).says

    def test_one_finding_for_all_ports_of_a_server(self) -> None:
        scene = TlsScene()
        for at, port in ((1.0, SIP), (2.0, 443), (3.0, SIP)):
            scene.works(PC, POOL, port, at, shown=chain(key="rsa 1024"))

        assert "TCP port 443, 5061" in fires(scene, self.RULE, POOL).says

    def test_signature_of_a_root_is_irrelevant(self) -> None:
        scene = TlsScene()
        root = issuing(subject=ROOT, self_signed=True, signature="sha1", key="rsa 1024")
        scene.works(PC, POOL, shown=(*chain(), root))

        silent(scene, self.RULE)

    def test_sha1_in_its_time(self) -> None:
        from lynccap.diagnosis.rules.handshakes.leaves import _weaknesses

        row = type("Row", (), leaf(signature="sha1"))
        assert list(_weaknesses(row, START)) == ["a SHA-1 signature"]
        assert list(_weaknesses(row, START - 4_000 * DAY)) == []

    @pytest.mark.parametrize("facts", [{"key": "ec secp256r1"}, {"key": "rsa 4096", "signature": "sha512"}])
    def test_strong_ones(self, facts: dict[str, str]) -> None:
        scene = TlsScene()
        scene.works(PC, POOL, shown=chain(**facts))

        silent(scene, self.RULE)

    def test_strangers_certificate(self) -> None:
        scene = TlsScene()
        scene.works(PC, "198.51.100.99", 443, shown=chain("shop.example", key="rsa 1024"))

        silent(scene, self.RULE)

    def test_certificate_that_cannot_be_read(self) -> None:
        scene = TlsScene()
        scene.works(PC, POOL, shown=chain(key="rsa 1024", unreadable="cut"))

        inconclusive(scene, self.RULE, because="cannot be read")


class TestNoPlaceToCheck:
    RULE = "cert-no-cdp"

    def test_only_a_note_where_clients_see_it(self) -> None:
        scene = TlsScene()
        of = scene.works(PC, POOL, shown=chain(crl_urls=()))

        assert fires(scene, self.RULE, POOL, frames={scene.at(of, 0.03)}).severity == "info"

    def test_minor_where_a_server_sees_it(self) -> None:
        scene = TlsScene()
        scene.asks(EDGE, "_sipfederationtls._tcp.partner.example", 0.5)
        of = scene.works(EDGE, POOL, shown=chain(crl_urls=()))
        scene.show(of, 1.05, chain("edge.contoso.example"), from_client=True)

        assert fires(scene, self.RULE, POOL).severity is None

    def test_responder_is_enough(self) -> None:
        scene = TlsScene()
        scene.works(PC, POOL, shown=chain(crl_urls=(), ocsp_urls=("http://ocsp.example",)))

        silent(scene, self.RULE)

    def test_self_signed_certificate(self) -> None:
        scene = TlsScene()
        scene.works(PC, POOL, shown=(leaf(crl_urls=(), self_signed=True, link="self-signed"),))

        silent(scene, self.RULE)

    def test_certificate_that_a_box_made(self) -> None:
        scene = TlsScene()
        scene.works(PC, POOL, shown=chain(crl_urls=(), issuer="CN=Inspecting Proxy", serial="5"))
        scene.works(OTHER, POOL, at=3.0, shown=chain())

        inconclusive(scene, self.RULE, because="a box may make this one")


class TestDirectoryOnly:
    RULE = "crl-cdp-ldap-only"
    LDAP = ("ldap:///CN=ca?certificateRevocationList",)

    def _edge(self) -> TlsScene:
        scene = TlsScene()
        scene.asks(EDGE, "_sipfederationtls._tcp.partner.example", 0.5)
        return scene

    def test_shown_to_an_edge(self) -> None:
        scene = self._edge()
        of = scene.works(EDGE, POOL, shown=chain(crl_urls=self.LDAP))

        assert fires(scene, self.RULE, POOL, frames={scene.at(of, 0.03)}).confidence == "possible"

    def test_likely_where_it_asks_a_directory_and_leaves(self) -> None:
        scene = self._edge()
        of = scene.shake(EDGE, POOL, shown=chain(crl_urls=self.LDAP), seconds=8.0)
        scene.silent(EDGE, "10.9.0.60", 389, 1.5, after=(0, 1))
        scene.leaves(of, 6.0)

        assert fires(scene, self.RULE, POOL).confidence == "likely"

    def test_shown_to_members_of_the_domain(self) -> None:
        scene = TlsScene()
        scene.works(PC, POOL, shown=chain(crl_urls=self.LDAP))

        silent(scene, self.RULE)

    def test_http_beside_it(self) -> None:
        scene = self._edge()
        scene.works(EDGE, POOL, shown=chain(crl_urls=(*self.LDAP, "http://crl.example/a.crl")))

        silent(scene, self.RULE)

    def test_certificate_that_cannot_be_read(self) -> None:
        scene = self._edge()
        scene.works(EDGE, POOL, shown=chain(crl_urls=self.LDAP, unreadable="cut"))

        inconclusive(scene, self.RULE, because="cannot be read")


class TestMembers:
    RULE = "cert-pool-members-differ"
    NAME = f"sipexternal.{DOMAIN}"

    def _pool(self, second: str = EDGE2, **facts: Any) -> TlsScene:
        scene = TlsScene()
        scene.named(self.NAME, second)
        scene.works(HOME, EDGE, 443, shown=chain(self.NAME, serial="1"))
        scene.works(HOME, second, 443, 3.0, shown=chain(self.NAME, **{"serial": "2", **facts}))
        return scene

    def test_two_serial_numbers_behind_one_name(self) -> None:
        one = fires(self._pool(), self.RULE, EDGE)

        assert (one.peer, one.port, one.confidence) == (EDGE2, 443, "certain")
        assert "1 and 2" in one.why

    def test_one_certificate_on_both(self) -> None:
        silent(self._pool(serial="1"), self.RULE)

    def test_front_ends_have_one_each(self) -> None:
        scene = TlsScene()
        scene.service(f"_sipinternaltls._tcp.{DOMAIN}", f"pool.{DOMAIN}", SIP)
        scene.works(PC, POOL, shown=chain(serial="1"))
        scene.named(f"pool.{DOMAIN}", INNER)
        scene.works(PC, INNER, at=3.0, shown=chain(serial="2"))

        silent(scene, self.RULE)

    def test_another_port(self) -> None:
        scene = TlsScene()
        scene.named(self.NAME, EDGE2)
        scene.works(HOME, EDGE, 443, shown=chain(self.NAME, serial="1"))
        scene.works(HOME, EDGE2, SIP, 3.0, shown=chain(self.NAME, serial="2"))

        silent(scene, self.RULE)

    def test_replacement_in_progress(self) -> None:
        scene = self._pool(not_before=START - 2 * DAY)

        inconclusive(scene, self.RULE, because="in the middle of a replacement")

    def test_recorded(self) -> None:
        assert sample_fires("handshakes-perimeter", self.RULE)


class TestRevoked:
    RULE = "cert-revoked"

    def _told(self, serial: str = "abc", **facts: Any) -> TlsScene:
        scene = TlsScene()
        of = scene.shake(PC, POOL, shown=chain(serial="abc"))
        scene.told_revoked(PC, 1.05, serial, **facts)
        scene.alert(of, 44, 0.5)
        return scene

    def test_ocsp_says_so_and_the_client_leaves(self) -> None:
        scene = self._told()

        one = fires(scene, self.RULE, POOL)

        assert (one.peer, one.confidence) == (PC, "certain")
        assert "since 2023-11-13" in one.says

    def test_nobody_leaves(self) -> None:
        scene = TlsScene()
        scene.works(PC, POOL, shown=chain(serial="abc"))
        scene.told_revoked(PC, 1.05, "abc")

        assert fires(scene, self.RULE, POOL).confidence == "likely"

    @pytest.mark.parametrize(("serial", "status"), [("abd", "revoked"), ("abc", "good"), ("abc", "unknown")])
    def test_another_number_or_word(self, serial: str, status: str) -> None:
        silent(self._told(serial, status=status), self.RULE)

    def test_list_that_holds_the_number(self) -> None:
        silent(self._listed(0x77), self.RULE)

        assert fires(self._listed(0xABC), self.RULE, POOL).confidence == "certain"

    def test_list_of_another_authority(self) -> None:
        scene = self._listed(0xABC)
        scene.revocations[-1]["issuer"] = "CN=Another CA"

        silent(scene, self.RULE)

    def _listed(self, serial: int) -> TlsScene:
        scene = TlsScene()
        of = scene.shake(PC, POOL, shown=chain(serial="abc"))
        scene.fetches(PC, "10.9.0.80", 1.05, "http://crl/a.crl", until=START + DAY, content=listing(serial))
        scene.alert(of, 44, 0.5)
        return scene

    def test_list_that_cannot_be_read(self) -> None:
        scene = TlsScene()
        scene.asks(EDGE, "_sipfederationtls._tcp.partner.example", 0.2)
        scene.works(EDGE, PARTNER, shown=chain("sip.partner.example"))
        scene.fetches(EDGE, "198.51.100.80", 1.05, "http://crl/a.crl", until=START + DAY)
        scene.revocations[-1]["unreadable"] = "cut"

        inconclusive(scene, self.RULE, because="cannot be read")

    def test_recorded(self) -> None:
        assert sample_fires("edge-ocsp-revoked", self.RULE)


def listing(serial: int) -> bytes:
    """A revocation list that holds one number."""
    from datetime import UTC, datetime

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime(2023, 11, 1, tzinfo=UTC)
    entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now).build()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Fabrikam Issuing CA")])
    builder = x509.CertificateRevocationListBuilder().issuer_name(name).last_update(now).next_update(now)
    made = builder.add_revoked_certificate(entry).sign(key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.DER)
