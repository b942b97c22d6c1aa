"""Mutual TLS between servers, and who does not know whose authority."""

import pytest
from proofs import fires, inconclusive, sample_fires, silent
from tls_scenes import DOMAIN, EDGE, ISSUING, PARTNER, PC, POOL, ROOT, SIP, TlsScene, chain

OURS = chain(f"sip.{DOMAIN}", usages=("serverAuth", "clientAuth"))
OTHERS = ("CN=Other Root 1", "CN=Other Root 2")


def federation() -> TlsScene:
    """An Edge that looks for its partner."""
    scene = TlsScene()
    scene.asks(EDGE, "_sipfederationtls._tcp.partner.example", 0.2)
    return scene


def asked(scene: TlsScene, at: float = 1.0, client: str = EDGE, **how: object) -> int:
    usual = {"shown": chain("sip.partner.example"), "asks": OTHERS, "answer": OURS}
    return scene.shake(client, PARTNER, SIP, at, **{**usual, **how})


class TestRejected:
    RULE = "mtls-client-cert-rejected"

    @pytest.mark.parametrize("code", [42, 43, 46, 48])
    def test_refused_twice(self, code: int) -> None:
        scene = federation()
        frames = set()
        for at in (1.0, 4.0):
            of = asked(scene, at)
            frames |= {scene.at(of, 0.035), scene.at(of, 0.05), scene.alert(of, code, from_client=False)}

        one = fires(scene, self.RULE, EDGE, frames=frames)

        assert (one.peer, one.port, one.confidence) == (PARTNER, SIP, "certain")
        assert ISSUING in one.why

    def test_an_empty_certificate_is_excluded(self) -> None:
        scene = federation()
        of = asked(scene)
        scene.alert(of, 48, from_client=False)

        (told,) = fires(scene, self.RULE, EDGE).rejected

        assert told == ("mtls-empty-client-certificate", f"it shows a certificate in frame {scene.at(of, 0.05)}")

    def test_refused_once_is_likely(self) -> None:
        scene = federation()
        scene.alert(asked(scene), 48, from_client=False)

        assert fires(scene, self.RULE, EDGE).confidence == "likely"

    def test_left_alone_twice_without_a_reason(self) -> None:
        scene = federation()
        for at in (1.0, 4.0):
            scene.leaves(asked(scene, at), from_client=False)

        assert fires(scene, self.RULE, EDGE).confidence == "likely"

    def test_names_the_cause_that_the_frames_speak_for(self) -> None:
        scene = federation()
        scene.alert(asked(scene, answer=chain("sip.x.example")), 43, from_client=False)
        assert "client authentication" in fires(scene, self.RULE, EDGE).causes[0]

        scene = federation()
        scene.alert(asked(scene), 48, from_client=False)
        assert "trust the authority" in fires(scene, self.RULE, EDGE).causes[0]

    def test_its_unknown_authority_is_told_once(self) -> None:
        scene = federation()
        scene.alert(asked(scene), 48, from_client=False)

        silent(scene, "tls-unknown-ca")

    def test_empty_certificate_of_a_desktop_is_normal(self) -> None:
        scene = TlsScene()
        scene.works(PC, POOL, asks=(), answer=())

        silent(scene, self.RULE)

    def test_empty_certificate_is_another_matter(self) -> None:
        scene = federation()
        scene.alert(asked(scene, answer=()), 40, from_client=False)

        silent(scene, self.RULE)

    def test_server_that_gets_through_later(self) -> None:
        scene = federation()
        scene.alert(asked(scene), 48, from_client=False)
        scene.works(EDGE, PARTNER, SIP, 4.0, asks=OTHERS, answer=OURS)

        silent(scene, self.RULE)

    def test_users_certificate_on_a_web_port(self) -> None:
        scene = TlsScene()
        scene.alert(scene.shake(PC, POOL, 443, asks=OTHERS, answer=chain("user")), 48, from_client=False)

        silent(scene, self.RULE)

    def test_left_alone_once(self) -> None:
        scene = federation()
        scene.leaves(asked(scene), from_client=False)

        inconclusive(scene, self.RULE, because="once proves nothing")

    def test_recorded(self) -> None:
        assert sample_fires("handshakes-perimeter", self.RULE)


class TestEmpty:
    RULE = "mtls-empty-client-certificate"

    def test_edge_without_a_certificate(self) -> None:
        scene = federation()
        of = asked(scene, answer=())
        frames = {scene.at(of, 0.035), scene.at(of, 0.05), scene.alert(of, 40, from_client=False)}

        one = fires(scene, self.RULE, EDGE, frames=frames)

        assert (one.peer, one.port, one.confidence) == (PARTNER, SIP, "certain")
        assert "2 authorities" in one.why

    @pytest.mark.parametrize(("asks", "excluded"), [(OTHERS, ["mtls-authority-list-truncated"]), ((), [])])
    def test_a_short_list_of_authorities_is_not_cut(self, asks: tuple[str, ...], excluded: list[str]) -> None:
        scene = federation()
        scene.alert(asked(scene, answer=(), asks=asks), 40, from_client=False)

        assert [rule for rule, _ in fires(scene, self.RULE, EDGE).rejected] == excluded

    def test_desktop_that_has_none_to_show(self) -> None:
        scene = TlsScene()
        scene.alert(scene.shake(PC, POOL, asks=OTHERS, answer=()), 40, from_client=False)

        silent(scene, self.RULE)

    def test_handshake_that_completes_all_the_same(self) -> None:
        scene = federation()
        scene.works(EDGE, PARTNER, asks=OTHERS, answer=())

        silent(scene, self.RULE)

    def test_list_that_is_too_long_is_another_matter(self) -> None:
        scene = federation()
        scene.alert(asked(scene, answer=(), bytes_asked=16_300), 40, from_client=False)

        silent(scene, self.RULE)

    def test_capture_without_the_answer(self) -> None:
        scene = federation()
        asked(scene, answer=(), lost_server=700)

        inconclusive(scene, self.RULE, because="lacks 700 bytes")

    def test_recorded(self) -> None:
        assert sample_fires("federation-empty-certificate", self.RULE)


class TestLongList:
    RULE = "mtls-authority-list-truncated"

    def _asked(self, names: tuple[str, ...] = OTHERS, size: int = 16_300, known: bool = True) -> TlsScene:
        scene = federation()
        if known:
            scene.works(PARTNER, EDGE, SIP, 0.5, shown=OURS)
        scene.alert(asked(scene, answer=(), asks=names, bytes_asked=size), 40, from_client=False)
        return scene

    def test_certain_where_the_issuer_is_known_and_not_in_it(self) -> None:
        one = fires(self._asked(), self.RULE, EDGE)

        assert (one.peer, one.port, one.confidence) == (PARTNER, SIP, "certain")
        assert "16300 bytes" in one.says

    def test_likely_where_the_issuer_is_not_known(self) -> None:
        assert fires(self._asked(known=False), self.RULE, EDGE).confidence == "likely"

    def test_refused_certificate_instead_of_an_empty_one(self) -> None:
        scene = federation()
        scene.alert(asked(scene, bytes_asked=16_300), 48, from_client=False)

        assert fires(scene, self.RULE, EDGE).confidence == "certain"

    @pytest.mark.parametrize("name", [ISSUING, ROOT])
    def test_long_list_that_holds_the_issuer(self, name: str) -> None:
        silent(self._asked((*OTHERS, name)), self.RULE)

    def test_short_list(self) -> None:
        silent(self._asked(size=197), self.RULE)

    def test_server_that_gets_through_all_the_same(self) -> None:
        scene = federation()
        scene.works(EDGE, PARTNER, SIP, 1.0, asks=OTHERS, answer=OURS, bytes_asked=16_300)

        silent(scene, self.RULE)

    def test_refusal_that_is_not_in_the_capture(self) -> None:
        scene = federation()
        asked(scene, answer=(), bytes_asked=16_300, lost_server=700)

        inconclusive(scene, self.RULE, because="no refusal is shown")

    def test_explains_the_empty_certificate(self) -> None:
        assert sample_fires("federation-ca-list-too-long", self.RULE)


class TestUnknownAuthority:
    RULE = "tls-unknown-ca"

    def test_certificate_and_alert_48(self) -> None:
        scene = TlsScene()
        of = scene.shake(PC, POOL)
        frames = {scene.at(of, 0.03), scene.alert(of, 48)}

        one = fires(scene, self.RULE, PC, frames=frames)

        assert (one.peer, one.port, one.confidence) == (POOL, SIP, "certain")
        assert ISSUING in one.why

    def test_edge_that_does_not_know_its_partners_authority(self) -> None:
        scene = federation()
        scene.alert(scene.shake(EDGE, PARTNER, SIP), 48)

        fires(scene, self.RULE, EDGE)

    def test_another_alert(self) -> None:
        scene = TlsScene()
        scene.alert(scene.shake(PC, POOL), 46)

        silent(scene, self.RULE)

    def test_stranger(self) -> None:
        scene = TlsScene()
        scene.alert(scene.shake(PC, "198.51.100.99", 443), 48)

        silent(scene, self.RULE)

    def test_alert_that_is_not_in_the_capture(self) -> None:
        scene = TlsScene()
        scene.shake(PC, POOL, lost_client=7)

        silent(scene, self.RULE)
