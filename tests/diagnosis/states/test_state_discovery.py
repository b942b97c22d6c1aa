"""Names of the other location, members that do not answer, ports raced and ports that are not published."""

import pytest
from proofs import fires, inconclusive, silent
from scenes import RESOLVER, Scene, accused

from lynccap.correlation.roles.sides import Location, Placement, SideBook

DOMAIN = "heron.example"
POOL, MEMBER, CLIENT, OTHER, PROXY = "10.9.0.5", "10.9.0.6", "10.1.0.9", "10.2.0.9", "203.0.113.10"
VISITOR = "198.51.100.7"
SIP = 5061


def office() -> Scene:
    scene = Scene()
    for name in ("lyncdiscoverinternal", "sipinternal"):
        scene.named(f"{name}.{DOMAIN}", POOL)
    return scene


def asks(scene: Scene, client: str, name: str, at: float, rcode: str = "NOERROR", wait: float = 0.02) -> int:
    """A question and its answer; returns the frame of the answer."""
    of = scene.exchange(client, RESOLVER, 53, at, stack="dns")
    number = scene.frame(at, of) & 0xFFFF
    asked = {"name": name, "transaction_id": number, "record_type": 1}
    scene._say("dns", of, at, kind="request", **asked)
    answers = 1 if rcode == "NOERROR" else 0
    return scene._say("dns", of, at + wait, False, kind="response", rcode_name=rcode, answers=answers, **asked)


class TestNamesOfTheOtherLocation:
    def _outside(self, wait: float = 0.02, later: str = "lyncdiscover", at: float = 5.5) -> tuple[Scene, list[int]]:
        scene = Scene()
        scene.named(f"lyncdiscover.{DOMAIN}", PROXY)
        scene.named(f"sipexternal.{DOMAIN}", "203.0.113.9")
        frames = [asks(scene, VISITOR, f"lyncdiscoverinternal.{DOMAIN}", 5.0, "NXDOMAIN")]
        if later:
            frames.append(asks(scene, VISITOR, f"{later}.{DOMAIN}", at, wait=wait))
            scene.secure(VISITOR, PROXY, 443, at + 0.5)
        return scene, frames

    @pytest.fixture(autouse=True)
    def _placed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """What shows where a client is, is another part's matter."""
        where = {VISITOR: Location.OUTSIDE, CLIENT: Location.INSIDE}
        monkeypatch.setattr(SideBook, "of", lambda _, one: Placement(where.get(one, Location.UNKNOWN), "it is told"))

    def test_inner_name_that_is_missing_outside_is_told(self) -> None:
        scene, frames = self._outside()

        one = fires(scene, "state-dns-fallback-nxdomain", VISITOR, frames=frames)

        assert f"lyncdiscoverinternal.{DOMAIN} does not exist" in one.says
        assert accused(scene) == set()

    def test_inner_name_that_is_missing_inside_is_a_failure(self) -> None:
        scene = office()
        asks(scene, CLIENT, f"lyncdiscoverinternal.{DOMAIN}", 5.0, "NXDOMAIN")
        asks(scene, CLIENT, f"lyncdiscover.{DOMAIN}", 5.5)
        scene.secure(CLIENT, POOL, SIP, 6.0)

        silent(scene, "state-dns-fallback-nxdomain")

    def test_slow_answer_is_no_quick_way_on(self) -> None:
        silent(self._outside(wait=6.0)[0], "state-dns-fallback-nxdomain")

    def test_name_of_another_domain_is_no_way_on(self) -> None:
        scene, _ = self._outside(later="")
        asks(scene, VISITOR, "lyncdiscover.other.example", 5.5)
        scene.secure(VISITOR, PROXY, 443, 6.0)

        silent(scene, "state-dns-fallback-nxdomain")

    def test_name_that_leads_to_a_refusal_is_no_way_on(self) -> None:
        scene = Scene()
        scene.named(f"lyncdiscover.{DOMAIN}", PROXY)
        asks(scene, VISITOR, f"lyncdiscoverinternal.{DOMAIN}", 5.0, "NXDOMAIN")
        asks(scene, VISITOR, f"lyncdiscover.{DOMAIN}", 5.5)
        scene.refused(VISITOR, PROXY, 443, 6.0)

        silent(scene, "state-dns-fallback-nxdomain")

    def test_capture_that_ends_before_the_next_name_is_doubted(self) -> None:
        scene, _ = self._outside(later="")
        scene.secure(VISITOR, PROXY, 443, 4.0)

        inconclusive(scene.case(7.0), "state-dns-fallback-nxdomain", because="capture ends")

    def test_client_that_may_be_anywhere_is_doubted(self) -> None:
        scene, anywhere = office(), "192.0.2.99"
        asks(scene, anywhere, f"lyncdiscoverinternal.{DOMAIN}", 5.0, "NXDOMAIN")
        asks(scene, anywhere, f"lyncdiscover.{DOMAIN}", 5.5)

        inconclusive(scene, "state-dns-fallback-nxdomain", because="inside or outside")


class TestNextServerOfThePool:
    def _pool(self) -> Scene:
        scene = office()
        scene.named(f"pool.{DOMAIN}", POOL, MEMBER)
        return scene

    def test_refusal_and_the_next_address_are_told(self) -> None:
        scene = self._pool()
        scene.refused(CLIENT, POOL, SIP, 5.0)
        of = scene.secure(CLIENT, MEMBER, SIP, 6.0)

        one = fires(scene, "state-dns-lb-failover", CLIENT)

        assert (one.peer, one.port) == (POOL, SIP)
        assert scene.flows[of]["first_frame_server"] in one.proof[1].frames
        assert accused(scene) == set()

    def test_silence_and_the_next_address_are_told(self) -> None:
        scene = self._pool()
        scene.silent(CLIENT, POOL, SIP, 5.0)
        scene.secure(CLIENT, MEMBER, SIP, 14.0)

        fires(scene, "state-dns-lb-failover", CLIENT)

    def test_next_address_much_later_is_no_failover(self) -> None:
        scene = self._pool()
        scene.refused(CLIENT, POOL, SIP, 5.0)
        scene.secure(CLIENT, MEMBER, SIP, 17.0)

        silent(scene, "state-dns-lb-failover")

    def test_address_that_fails_for_everybody_is_a_failure(self) -> None:
        scene = self._pool()
        for client in (CLIENT, OTHER):
            scene.refused(client, POOL, SIP, 5.0)
            scene.secure(client, MEMBER, SIP, 6.0)

        silent(scene, "state-dns-lb-failover")

    def test_address_of_another_name_is_no_next_one(self) -> None:
        scene = office()
        scene.named(f"other.{DOMAIN}", MEMBER)
        scene.refused(CLIENT, POOL, SIP, 5.0)
        scene.secure(CLIENT, MEMBER, SIP, 6.0)

        silent(scene, "state-dns-lb-failover")

    def test_silence_in_a_capture_that_lost_packets_is_doubted(self) -> None:
        scene = self._pool()
        scene.silent(CLIENT, POOL, SIP, 5.0)
        scene.secure(CLIENT, MEMBER, SIP, 14.0)
        scene.connect(OTHER, "10.1.0.90", 445, 6.0, seconds=9.0, lost_server=5000, bytes_server=9000)

        inconclusive(scene, "state-dns-lb-failover", because="lacks packets")


class TestRacedPorts:
    def _raced(self, **loser: int | str) -> tuple[Scene, set[int]]:
        scene = office()
        dropped = {"closing": "client-rst", "data_frames_client": 0, "data_frames_server": 0, "bytes_client": 0}
        one = scene.connect(CLIENT, POOL, 80, 2.0, seconds=0.3, **{**dropped, **loser})
        two = scene.secure(CLIENT, POOL, 443, 2.01)
        ends = {scene.flows[of][name] for of in (one, two) for name in ("first_frame", "last_frame")}
        return scene, ends

    def test_slower_connection_dropped_unused_is_told(self) -> None:
        scene, ends = self._raced()

        assert fires(scene, "state-autodiscover-race", CLIENT, frames=ends).port == 443

    def test_two_that_nobody_answers_are_a_failure(self) -> None:
        scene = office()
        nothing = {"closing": "client-rst", "data_frames_client": 0, "data_frames_server": 0}
        for port in (80, 443):
            scene.connect(CLIENT, POOL, port, 2.0, **nothing)

        silent(scene, "state-autodiscover-race")

    def test_winner_that_is_distrusted_is_a_failure(self) -> None:
        scene = office()
        scene.connect(CLIENT, POOL, 80, 2.0, closing="client-rst", data_frames_client=0, data_frames_server=0)
        scene.distrusts(CLIENT, POOL, 443, 2.01)

        silent(scene, "state-autodiscover-race")

    def test_both_used_are_no_race(self) -> None:
        silent(self._raced(data_frames_client=2)[0], "state-autodiscover-race")

    def test_capture_that_lacks_what_the_client_sent_is_doubted(self) -> None:
        inconclusive(self._raced(lost_client=300)[0], "state-autodiscover-race", because="lacks bytes")


class TestPort80OfTheProxy:
    def _proxy(self) -> Scene:
        scene = office()
        scene.named(f"lyncdiscover.{DOMAIN}", PROXY)
        return scene

    def test_refused_beside_an_open_443_is_told(self) -> None:
        scene = self._proxy()
        works = scene.secure(CLIENT, PROXY, 443, 5.0)
        refused = scene.refused(CLIENT, PROXY, 80, 6.0)
        frames = {one["frame"] for one in scene.controls if one["flow"] == refused}

        one = fires(
            scene,
            "state-rp80-refused-external",
            CLIENT,
            frames=frames | {scene.flows[works]["first_frame_server"]},
        )

        assert (one.peer, one.port) == (PROXY, 80)
        assert accused(scene) == set()

    def test_proxy_that_refuses_both_is_a_failure(self) -> None:
        scene = self._proxy()
        scene.refused(CLIENT, PROXY, 443, 5.0)
        scene.refused(CLIENT, PROXY, 80, 6.0)

        silent(scene, "state-rp80-refused-external")

    def test_inner_web_services_have_to_answer_there(self) -> None:
        scene = office()
        scene.secure(CLIENT, POOL, 443, 5.0)
        scene.refused(CLIENT, POOL, 80, 6.0)

        silent(scene, "state-rp80-refused-external")

    def test_proxy_whose_443_nobody_tries_is_doubted(self) -> None:
        scene = self._proxy()
        scene.refused(CLIENT, PROXY, 80, 6.0)

        inconclusive(scene, "state-rp80-refused-external", because="nobody tries port 443")
