"""The ways of a meeting's data: to the Web Conferencing Edge, from the pool to the Edge, and the name outside."""

import pytest
from proofs import fires, inconclusive, silent
from scenes import RESOLVER, Scene

from lynccap.document import Confidence

DOMAIN = "alder.example"
ACCESS, DATA = "198.51.100.21", "198.51.100.22"
USER = "192.0.2.90"
FRONT_END, EDGE = "10.62.1.11", "172.28.9.5"


def outside() -> Scene:
    """A user who signs in through the Access Edge; the names of both outer services are known."""
    scene = Scene()
    scene.service(f"_sip._tls.{DOMAIN}", f"access.{DOMAIN}", 443)
    scene.named(f"access.{DOMAIN}", ACCESS)
    scene.named(f"sipexternal.{DOMAIN}", ACCESS)
    scene.named(f"webcon.{DOMAIN}", DATA)
    scene.secure(USER, ACCESS, 443, 1.0, seconds=60.0)
    scene.exchange(USER, RESOLVER, 53, 30.0, stack="dns")
    return scene


class TestEdge:
    RULE = "psom-edge-443-blocked"

    def test_refused_while_signing_in_works(self) -> None:
        scene = outside()
        of = scene.refused(USER, DATA, 443, 12.0, tries=3)
        tried = {one["frame"] for one in scene.controls if one["flow"] == of}

        one = fires(scene, self.RULE, USER)

        assert (one.peer, one.port, one.flows) == (DATA, 443, (of,))
        assert tried <= {frame for proof in one.proof for frame in proof.frames}
        assert "SIP data through the Access Edge" in one.proof[-1].says

    def test_silent_with_the_edge_up_on_another_port(self) -> None:
        scene = outside()
        scene.secure(USER, DATA, 80, 40.0)
        scene.silent(USER, DATA, 443, 12.0)

        assert fires(scene, self.RULE, USER).confidence is Confidence.LIKELY

    def test_reached(self) -> None:
        scene = outside()
        scene.secure(USER, DATA, 443, 12.0)

        silent(scene, self.RULE)

    def test_refused_where_all_services_share_one_address(self) -> None:
        scene = outside()
        scene.refused(USER, ACCESS, 444, 12.0, tries=3)

        assert fires(scene, self.RULE, USER).port == 444

    def test_reached_where_all_services_share_one_address(self) -> None:
        scene = outside()
        scene.secure(USER, ACCESS, 444, 12.0)

        silent(scene, self.RULE)

    def test_port_of_the_access_edge_on_one_address(self) -> None:
        scene = outside()
        scene.named(f"conf.{DOMAIN}", ACCESS)
        scene.refused(USER, ACCESS, 443, 70.0, tries=3)

        silent(scene, self.RULE)

    def test_a_name_of_a_company_without_lync(self) -> None:
        scene = outside()
        scene.named("conf.shoes.example", "198.51.100.77")
        scene.refused(USER, "198.51.100.77", 443, 12.0, tries=3)

        silent(scene, self.RULE)

    def test_edge_that_is_wholly_out_of_reach(self) -> None:
        scene = Scene()
        scene.holds(("edge_webconf", DATA, "webcon.cedar.example"), ("edge_access", ACCESS, "access.cedar.example"))
        scene.refused(USER, ACCESS, 443, 5.0, tries=3)
        scene.refused(USER, DATA, 443, 12.0, tries=3)

        inconclusive(scene, self.RULE, "nothing shows that")

    def test_capture_that_ends_early(self) -> None:
        scene = outside()
        scene.secure(USER, DATA, 80, 15.0)
        scene.silent(USER, DATA, 443, 12.0, after=(0, 1, 3))

        inconclusive(scene.case(17.0), self.RULE, "capture ends")


class TestPoolToEdge:
    RULE = "psom-fe-to-edge-8057-blocked"

    def _pool(self) -> Scene:
        scene = Scene()
        scene.holds(("fe", FRONT_END, "pool.cedar.example"), ("edge_int", EDGE, "edge.cedar.example"))
        scene.secure(FRONT_END, EDGE, 5061, 16.0)
        scene.exchange(FRONT_END, RESOLVER, 53, 20.0, stack="dns")
        return scene

    def test_dropped_on_the_way(self) -> None:
        scene = self._pool()
        of = scene.silent(FRONT_END, EDGE, 8057, 5.0)

        one = fires(scene, self.RULE, FRONT_END)

        assert (one.peer, one.port, one.flows) == (EDGE, 8057, (of,))
        assert one.act == ()

    def test_refused_by_the_edge_itself(self) -> None:
        scene = self._pool()
        scene.refused(FRONT_END, EDGE, 8057, 5.0)

        assert fires(scene, self.RULE, FRONT_END).act[0] == "service owner of the server"

    def test_no_meeting_with_people_outside(self) -> None:
        silent(self._pool(), self.RULE)

    def test_open(self) -> None:
        scene = self._pool()
        scene.secure(FRONT_END, EDGE, 8057, 5.0)

        silent(scene, self.RULE)

    def test_client_at_the_pool_is_another_matter(self) -> None:
        scene = self._pool()
        scene.secure("10.62.7.7", FRONT_END, 5061, 2.0)
        scene.refused("10.62.7.7", FRONT_END, 8057, 5.0)

        silent(scene, self.RULE)

    def test_edge_that_may_be_down(self) -> None:
        scene = Scene()
        scene.holds(("fe", FRONT_END, "pool.cedar.example"), ("edge_int", EDGE, "edge.cedar.example"))
        scene.exchange(FRONT_END, RESOLVER, 53, 20.0, stack="dns")
        scene.silent(FRONT_END, EDGE, 8057, 5.0)

        inconclusive(scene, self.RULE, "may be down")


class TestName:
    RULE = "webconf-name-unresolved"

    def _asks(self, name: str, *told: str, at: float = 12.0, after: float | None = 0.01) -> tuple[Scene, list[int]]:
        scene = outside()
        return scene, scene.looks_up(USER, name, at, *told, after=after)

    def test_no_such_name_after_signing_in(self) -> None:
        scene, frames = self._asks(f"conf.{DOMAIN}")

        one = fires(scene, self.RULE, USER)

        assert (one.peer, one.port) == (RESOLVER, 53)
        assert one.proof[0].frames == tuple(frames)
        assert one.time == min(row["time"] for row in scene.messages["dns"] if row["frame"] == frames[0])

    def test_name_that_exists(self) -> None:
        scene, _ = self._asks(f"conf.{DOMAIN}", DATA)

        silent(scene, self.RULE)

    @pytest.mark.parametrize("name", ["conf.shoes.example", f"share.{DOMAIN}"])
    def test_another_company_and_another_host(self, name: str) -> None:
        scene, _ = self._asks(name)

        silent(scene, self.RULE)

    def test_asked_before_anybody_signed_in(self) -> None:
        scene, _ = self._asks(f"conf.{DOMAIN}", at=0.2)

        silent(scene, self.RULE)

    def test_edge_that_is_reached_all_the_same(self) -> None:
        scene, _ = self._asks(f"conf.{DOMAIN}")
        scene.secure(USER, DATA, 443, 14.0)

        silent(scene, self.RULE)

    def test_edge_with_one_name_and_address_for_all(self) -> None:
        scene, _ = self._asks(f"conf.{DOMAIN}")
        scene.secure(USER, ACCESS, 444, 14.0)

        silent(scene, self.RULE)

    def test_answer_that_the_capture_lacks(self) -> None:
        scene, _ = self._asks(f"conf.{DOMAIN}", after=None)

        inconclusive(scene, self.RULE, "not in the capture")
