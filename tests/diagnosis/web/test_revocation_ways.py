"""Revocation lists: blocked, fetched, out of date, by the wrong interface, and clients that wait for them."""

from typing import Any

import pytest
from cases import START
from proofs import fires, inconclusive, sample_fires, silent
from tls_scenes import DAY, DOMAIN, EDGE, HOME, INNER, PARTNER, PC, POOL, SIP, TlsScene, chain

LIST, HOST = "http://crl.partner.example/a.crl", "198.51.100.80"
THEIRS = chain("sip.partner.example", crl_urls=(LIST,))


def federation(seconds: float = 20.0) -> TlsScene:
    """An Edge that opens TLS to its partner; the certificate names a list at HOST."""
    scene = TlsScene()
    scene.asks(EDGE, "_sipfederationtls._tcp.partner.example", 0.2)
    scene.named("crl.partner.example", HOST)
    scene.leaves(scene.shake(EDGE, PARTNER, SIP, 1.0, shown=THEIRS, seconds=seconds), seconds - 1)
    return scene


class TestBlocked:
    RULE = "edge-crl-http-blocked"

    def test_dropped(self) -> None:
        scene = federation()
        scene.silent(EDGE, HOST, 80, 1.2)

        one = fires(scene, self.RULE, EDGE)

        assert (one.peer, one.port, one.confidence) == (HOST, 80, "likely")

    def test_refused(self) -> None:
        scene = federation(3.0)
        scene.refused(EDGE, HOST, 80, 1.2)

        assert "is refused" in fires(scene, self.RULE, EDGE).says

    def test_no_fetch_at_all_is_healthy(self) -> None:
        silent(federation(), self.RULE)

    def test_handshake_that_works_meanwhile(self) -> None:
        scene = TlsScene()
        scene.asks(EDGE, "_sipfederationtls._tcp.partner.example", 0.2)
        scene.named("crl.partner.example", HOST)
        scene.works(EDGE, PARTNER, shown=THEIRS)
        scene.silent(EDGE, HOST, 80, 1.2)

        silent(scene, self.RULE)

    def test_capture_that_ends_early(self) -> None:
        scene = federation()
        scene.silent(EDGE, HOST, 80, 1.2)

        inconclusive(Ending(scene, 8.0), self.RULE, because="the capture ends")


class Ending:
    """A scene in a capture that ends early."""

    def __init__(self, scene: TlsScene, seconds: float) -> None:
        self._scene, self._seconds = scene, seconds

    def case(self) -> Any:
        return self._scene.case(seconds=self._seconds)


class TestFetched:
    RULE = "state-edge-crl-fetch"

    def test_list_in_force(self) -> None:
        scene = federation()
        frame = scene.fetches(EDGE, HOST, 1.2, LIST, until=START + DAY)

        assert frame in fires(scene, self.RULE, EDGE).proof[0].frames

    @pytest.mark.parametrize("facts", [{"outcome": "http-error", "status": 404, "content_ok": False}])
    def test_failure(self, facts: dict[str, Any]) -> None:
        scene = federation()
        scene.fetches(EDGE, HOST, 1.2, LIST, until=START + DAY, **facts)

        silent(scene, self.RULE)

    def test_list_that_has_ended(self) -> None:
        scene = federation()
        scene.fetches(EDGE, HOST, 1.2, LIST, until=START - DAY)

        inconclusive(scene, self.RULE, because="after its end")


class TestExpired:
    RULE = "crl-expired"

    def test_parsed_list_with_a_clock_that_is_confirmed(self) -> None:
        scene = federation()
        scene.tells_time()
        frames = {scene.fetches(EDGE, HOST, 1.2, LIST, until=START - DAY)}

        one = fires(scene, self.RULE, EDGE, frames=frames)

        assert (one.peer, one.port, one.confidence) == (HOST, 80, "certain")

    def test_likely_where_only_its_beginning_can_be_read(self) -> None:
        scene = federation()
        scene.tells_time()
        scene.fetches(EDGE, HOST, 1.2, LIST, until=START - DAY)
        scene.revocations[-1]["unreadable"] = "cut"

        assert fires(scene, self.RULE, EDGE).confidence == "likely"

    def test_client_that_checks_a_lync_server(self) -> None:
        scene = TlsScene()
        scene.works(PC, POOL)
        scene.fetches(PC, "10.9.0.80", 1.2, f"http://crl.{DOMAIN}/a.crl", until=START - DAY)

        fires(scene, self.RULE, PC)

    def test_list_of_a_web_site(self) -> None:
        scene = TlsScene()
        scene.works(PC, POOL)
        scene.fetches(PC, "198.51.100.99", 1.2, "http://crl.shop.example/a.crl", until=START - DAY)

        silent(scene, self.RULE)

    def test_list_in_force(self) -> None:
        scene = federation()
        scene.fetches(EDGE, HOST, 1.2, LIST, until=START + DAY)

        silent(scene, self.RULE)

    def test_answer_that_brings_no_list(self) -> None:
        scene = federation()
        scene.fetches(EDGE, HOST, 1.2, LIST, until=START - DAY, status=304)

        silent(scene, self.RULE)

    def test_delta_beside_a_base_in_force(self) -> None:
        scene = federation()
        scene.fetches(EDGE, HOST, 1.2, LIST, until=START + DAY)
        scene.fetches(EDGE, HOST, 2.2, LIST.replace(".crl", "+.crl"), until=START - DAY, kind="delta-crl")

        inconclusive(scene, self.RULE, because="another list that is in force")

    def test_wrong_clock(self) -> None:
        scene = federation()
        scene.tells_time(-10 * 86_400)
        scene.fetches(EDGE, HOST, 1.2, LIST, until=START - DAY)

        inconclusive(scene, self.RULE, because="the recorder's clock is")

    def test_recorded(self) -> None:
        assert sample_fires("edge-ocsp-later-crl-expired", self.RULE)


class TestInnerInterface:
    RULE = "edge-crl-via-internal-nic"

    def _edge(self, host: str = HOST, sure: bool = True) -> TlsScene:
        scene = TlsScene()
        scene.named("crl.partner.example", host)
        scene.works(INNER, POOL, SIP, 0.5, shown=chain(crl_urls=(LIST,)))
        if sure:
            scene.allocates(PC, INNER, 0.2, "203.0.113.13:52000")
        scene.connect(INNER, host, 80, 2.0, stack="http", basis="bytes")
        return scene

    def test_public_list_from_the_inner_address(self) -> None:
        one = fires(self._edge(), self.RULE, INNER)

        assert (one.peer, one.port, one.confidence) == (HOST, 80, "certain")

    def test_private_list_is_fetched_this_way(self) -> None:
        silent(self._edge("10.9.0.80"), self.RULE)

    def test_outer_address_fetches_as_well(self) -> None:
        scene = self._edge()
        scene.asks(EDGE, "_sipfederationtls._tcp.partner.example", 0.2)
        scene.connect(EDGE, HOST, 80, 3.0, stack="http", basis="bytes")

        silent(scene, self.RULE)

    def test_capture_that_names_the_host_nowhere(self) -> None:
        scene = TlsScene()
        scene.allocates(PC, INNER, 0.2, "203.0.113.13:52000")
        scene.connect(INNER, HOST, 80, 2.0, stack="http", basis="bytes")

        silent(scene, self.RULE)

    def test_another_server_inside(self) -> None:
        silent(self._edge(sure=False), self.RULE)


class TestClientWaits:
    RULE = "client-crl-ocsp-unreachable"

    def _home(self, pause: float = 15.0, times: int = 2, answered: bool = False) -> TlsScene:
        scene = TlsScene()
        scene.named("crl.partner.example", HOST)
        for number in range(times):
            at = 1.0 + 20 * number
            of = scene.shake(HOME, EDGE, 443, at, shown=THEIRS, seconds=18.0)
            if answered:
                scene.connect(HOME, HOST, 80, at + 0.1, stack="http", basis="bytes")
            else:
                scene.silent(HOME, HOST, 80, at + 0.1, after=(0, 3, 9))
            for place, from_client in enumerate((True, False)):
                scene._say("tls", of, at + 0.03 + pause + place / 100, from_client, kind="encrypted-handshake")
                scene._say("tls", of, at + 0.1 + pause + place / 100, from_client, kind="application-data")
        return scene

    def test_same_gap_twice(self) -> None:
        one = fires(self._home(), self.RULE, HOME)

        assert (one.peer, one.port, one.confidence) == (HOST, 80, "certain")
        assert "15 s" in one.says

    def test_gap_once(self) -> None:
        assert fires(self._home(times=1), self.RULE, HOME).confidence == "likely"

    def test_look_up_beside_a_handshake_that_goes_on(self) -> None:
        silent(self._home(pause=0.2), self.RULE)

    def test_host_that_answers(self) -> None:
        silent(self._home(answered=True), self.RULE)

    def test_no_look_up_at_all(self) -> None:
        scene = TlsScene()
        scene.leaves(scene.shake(HOME, EDGE, 443, shown=THEIRS, seconds=18.0), 15.0)

        silent(scene, self.RULE)

    def test_capture_that_ends_early(self) -> None:
        inconclusive(Ending(self._home(times=1), 9.0), self.RULE, because="the capture ends")

    def test_recorded(self) -> None:
        assert sample_fires("handshakes-perimeter", self.RULE)
