"""Ports a load balancer lacks, and those that are none of its."""

import pytest
from farms import CLIENT, DOMAIN, NODES, OTHER, POOL, VIP, Farm
from proofs import fires, inconclusive, silent
from scenes import Scene, accused

from lynccap.diagnosis.inquiry import Inquiry
from lynccap.document import Confidence


class TestMissingPort:
    def _refused(self, port: int = 443, member: bool = True) -> tuple[Farm, int]:
        scene = Farm()
        if member:
            scene.secure(OTHER, NODES[0], port, 2.0)
        return scene, scene.refused(CLIENT, VIP, port, 5.0)

    @pytest.mark.parametrize("port", [80, 443, 5061, 8080])
    def test_refused_while_a_member_has_it_is_certain(self, port: int) -> None:
        scene, _ = self._refused(port)

        one = fires(scene, "lb-port-missing-on-vip", CLIENT)

        assert (one.peer, one.port, one.confidence) == (VIP, port, Confidence.CERTAIN)
        assert ("lb-port-missing-on-vip", CLIENT) in accused(scene)
        assert ("tcp-refused-by-host", CLIENT) not in accused(scene)

    def test_shows_the_tries_and_the_member(self) -> None:
        scene, of = self._refused()
        tried = {one["frame"] for one in scene.controls if one["flow"] == of}
        member = next(
            one["last_frame"] for one in scene.flows if one["server"] == NODES[0] and one["server_port"] == 443
        )

        one = fires(scene, "lb-port-missing-on-vip", CLIENT)

        shown = {frame for proof in one.proof for frame in proof.frames}
        assert tried | {member} <= shown

    def test_without_a_members_answer_is_likely(self) -> None:
        scene, _ = self._refused(member=False)

        assert fires(scene, "lb-port-missing-on-vip", CLIENT).confidence is Confidence.LIKELY

    def test_silent_while_the_same_network_reaches_the_member(self) -> None:
        scene = Farm()
        scene.secure("10.1.0.77", NODES[0], 443, 2.0)
        scene.silent(CLIENT, VIP, 443, 5.0)
        scene.asks(CLIENT, "www.news.test", 30.0)

        assert fires(scene, "lb-port-missing-on-vip", CLIENT).confidence is Confidence.CERTAIN

    def test_silence_towards_another_network_is_a_filters(self) -> None:
        scene = Farm()
        scene.secure("10.2.0.77", NODES[0], 443, 2.0)
        scene.silent(CLIENT, VIP, 443, 5.0)
        scene.asks(CLIENT, "www.news.test", 30.0)

        silent(scene, "lb-port-missing-on-vip")

    def test_5061_where_dns_spreads_the_clients_is_none_of_its(self) -> None:
        scene, _ = self._refused(5061)
        scene.named(f"sippool.{DOMAIN}", *NODES)

        silent(scene, "lb-port-missing-on-vip")

    def test_reset_by_a_box_in_between_is_another_matter(self) -> None:
        scene = Farm()
        scene.secure(OTHER, NODES[0], 443, 2.0)
        scene.refused(CLIENT, VIP, 443, 5.0, ttl=61)

        silent(scene, "lb-port-missing-on-vip")

    def test_port_of_a_single_server_is_no_load_balancers(self) -> None:
        scene = Scene()
        scene.named(f"lyncdiscoverinternal.{DOMAIN}", VIP)
        scene.secure(OTHER, VIP, 5061, 1.0)
        scene.refused(CLIENT, VIP, 443, 5.0)

        silent(scene, "lb-port-missing-on-vip")

    def test_restart_of_the_listener_is_doubted(self) -> None:
        scene, _ = self._refused()
        scene.secure(OTHER, VIP, 443, 9.0)

        inconclusive(scene, "lb-port-missing-on-vip", because="restarting")

    def test_capture_that_ends_early_proves_no_silence(self) -> None:
        scene = Farm()
        scene.secure("10.1.0.77", NODES[0], 443, 2.0)
        scene.silent(CLIENT, VIP, 443, 5.0, after=(0, 1, 3))
        scene.asks(CLIENT, "www.news.test", 8.5)

        inconclusive(scene.case(9.0), "lb-port-missing-on-vip", because="capture ends")


class TestConferenceAtTheSharedAddress:
    def test_web_conferencing_data_is_found(self) -> None:
        scene = Farm()
        of = scene.secure(CLIENT, VIP, 8057, 5.0)
        row = scene.flows[of]

        one = fires(
            scene, "lb-conference-via-vip", CLIENT, frames={row["first_frame_client"], row["first_frame_server"]}
        )

        assert (one.port, one.transport, one.confidence) == (8057, "tcp", Confidence.LIKELY)

    def test_media_is_found(self) -> None:
        scene = Farm()
        scene.speaks(scene.exchange(CLIENT, VIP, 50_210, 5.0, stack="rtp"), 5.1)

        assert fires(scene, "lb-conference-via-vip", CLIENT).port == 50_210

    def test_what_is_blocked_there_hangs_under_it(self) -> None:
        from lynccap.diagnosis.catalogue import BY_NAME

        assert "psom-8057-blocked-internal" in BY_NAME["lb-conference-via-vip"].explains

    def test_single_server_is_no_shared_address(self) -> None:
        scene = Scene()
        scene.named(POOL, VIP)
        scene.named(f"lyncdiscoverinternal.{DOMAIN}", VIP)
        scene.secure(CLIENT, VIP, 5061, 2.0)
        scene.secure(CLIENT, VIP, 8057, 5.0)

        silent(scene, "lb-conference-via-vip")

    def test_server_itself_is_the_right_place(self) -> None:
        scene = Farm()
        scene.secure(CLIENT, NODES[0], 8057, 5.0)

        silent(scene, "lb-conference-via-vip")

    def test_high_port_without_media_is_anybodys(self) -> None:
        scene = Farm()
        scene.connect(CLIENT, VIP, 50_210, 5.0)

        silent(scene, "lb-conference-via-vip")

    def test_load_balancer_known_by_times_only_is_doubted(self) -> None:
        scene = Scene()
        scene.named(f"lyncdiscoverinternal.{DOMAIN}", VIP)
        scene.named(POOL, *NODES)
        for turn in range(6):
            scene.secure(f"10.1.0.{50 + turn}", VIP, 443, 2.0 + turn)
            of = scene.secure(VIP, NODES[turn % 2], 443, 2.01 + turn)
            hello = next(one for one in scene.messages["tls"] if one["flow"] == of)
            hello["sni"] = POOL
        scene.secure(CLIENT, VIP, 8057, 20.0)
        assert not Inquiry(scene.case()).case.farms[VIP].sure

        inconclusive(scene, "lb-conference-via-vip", because="only the times")
