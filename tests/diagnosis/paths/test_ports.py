"""Ports that are refused, by whom, or silent; and one web port of two."""

import pytest
from proofs import fires, inconclusive, silent
from scenes import Scene, found

DOMAIN = "contoso.example"
POOL, MEMBER, CLIENT, PC = "10.9.0.5", "10.9.0.6", "10.1.0.9", "10.2.0.9"
PROXY, OUTSIDER = "203.0.113.10", "198.51.100.40"
SIP, OWN_TTL, FIREWALL_TTL = 5061, 126, 250


def office() -> Scene:
    scene = Scene()
    for name in ("lyncdiscoverinternal", "sipinternal"):
        scene.named(f"{name}.{DOMAIN}", POOL)
    scene.asks(CLIENT, f"pool.{DOMAIN}", 1.0)
    return scene


def refused(port: int = SIP, **facts: object) -> tuple[Scene, set[int]]:
    scene = office()
    scene.secure(PC, POOL, 443, 5.0)
    of = scene.refused(CLIENT, POOL, port, 20.0, **facts)  # type: ignore[arg-type]
    return scene, {row["frame"] for row in scene.controls if row["flow"] == of}


class TestRefusedByHost:
    RULE = "tcp-refused-by-host"

    @pytest.mark.parametrize(("tries", "confidence"), [(1, "likely"), (2, "certain"), (3, "certain")])
    def test_with_its_own_ttl(self, tries: int, confidence: str) -> None:
        scene, frames = refused(tries=tries)
        one = fires(scene, self.RULE, CLIENT, frames)

        assert (one.confidence, one.peer, one.port) == (confidence, POOL, SIP)

    def test_of_several_devices_names_the_others(self) -> None:
        scene, _ = refused()
        others = [f"10.1.0.{n}" for n in range(20, 25)]
        for other in others:
            scene.refused(other, POOL, SIP, 21.0)
        told = {one.device: one.why for one in found(self.RULE, scene)}

        assert told[CLIENT].endswith("The same happens to 10.1.0.20, 10.1.0.21, 10.1.0.22 and 2 more.")
        assert CLIENT in told["10.1.0.24"]

    def test_a_check_of_a_candidate_is_nothing(self) -> None:
        scene = office()
        scene.refused(CLIENT, PC, 50_020, 20.0)

        silent(scene, self.RULE)

    def test_port_80_of_the_proxy_from_outside_is_nothing(self) -> None:
        scene = Scene()
        scene.named(f"lyncdiscover.{DOMAIN}", PROXY)
        scene.secure(OUTSIDER, PROXY, 443, 5.0)
        scene.refused(OUTSIDER, PROXY, 80, 20.0)

        silent(scene, self.RULE)

    def test_a_pool_member_whose_neighbour_accepts_is_nothing(self) -> None:
        scene, _ = refused()
        for name in ("lyncdiscoverinternal", "sipinternal"):
            scene.named(f"{name}.{DOMAIN}", MEMBER)
        scene.secure(CLIENT, MEMBER, SIP, 22.0)

        silent(scene, self.RULE)

    def test_a_restart_is_doubted(self) -> None:
        scene, _ = refused()
        scene.secure(PC, POOL, SIP, 24.0)

        inconclusive(scene, self.RULE, because="restarting")


class TestRefusedByMiddlebox:
    RULE = "tcp-refused-by-middlebox"

    def test_with_another_ttl_is_possible(self) -> None:
        scene, frames = refused(ttl=FIREWALL_TTL)
        one = fires(scene, self.RULE, CLIENT, frames)

        assert (one.confidence, one.peer, one.port) == ("possible", POOL, SIP)
        assert "5 hops away" in one.why

    @pytest.mark.parametrize("ttl", [OWN_TTL, OWN_TTL - 1, OWN_TTL + 1])
    def test_with_the_hosts_own_ttl_or_one_beside_it_is_nothing(self, ttl: int) -> None:
        silent(refused(ttl=ttl)[0], self.RULE)

    def test_where_the_host_sends_nothing_else_is_left_to_the_host(self) -> None:
        scene = office()
        scene.refused(CLIENT, POOL, SIP, 20.0, ttl=FIREWALL_TTL)

        silent(scene, self.RULE)
        assert fires(scene, "tcp-refused-by-host", CLIENT).confidence == "likely"

    def test_with_one_of_several_ttls_of_the_host_is_nothing(self) -> None:
        scene, _ = refused(ttl=FIREWALL_TTL)
        scene.secure(PC, POOL, SIP, 40.0, ttl_server_min=FIREWALL_TTL, ttl_server_max=FIREWALL_TTL)

        silent(scene, self.RULE)


class TestFilteredSilent:
    RULE = "tcp-filtered-silent"

    def _scene(self, after: tuple[float, ...] = (0, 3, 9)) -> tuple[Scene, set[int]]:
        scene = office()
        of = scene.silent(CLIENT, POOL, SIP, 20.0, after=after)
        scene.asks(CLIENT, "www.news.test", 40.0)
        return scene, {scene.frame(20.0 + one, of) for one in after}

    def test_while_another_subnet_is_served_is_certain(self) -> None:
        scene, frames = self._scene()
        scene.secure(PC, POOL, SIP, 25.0)
        one = fires(scene, self.RULE, CLIENT, frames | {scene.flows[-1]["last_frame_server"]})

        assert (one.confidence, one.peer, one.port) == ("certain", POOL, SIP)

    def test_while_another_port_answers_is_likely(self) -> None:
        scene, _ = self._scene()
        scene.secure(PC, POOL, 443, 25.0)

        assert fires(scene, self.RULE, CLIENT).confidence == "likely"

    def test_said_by_icmp_is_another_matter(self) -> None:
        scene, _ = self._scene()
        scene.reported(2, 20.1, "10.1.0.1", (3, 1))
        scene.secure(PC, POOL, SIP, 25.0)

        silent(scene, self.RULE)

    def test_of_a_host_that_is_down_is_doubted(self) -> None:
        inconclusive(self._scene()[0], self.RULE, because="the host itself may be down")

    def test_before_the_end_of_the_capture_is_doubted(self) -> None:
        scene = office()
        scene.silent(CLIENT, POOL, SIP, 20.0)
        scene.secure(PC, POOL, SIP, 25.0)

        inconclusive(scene.case(seconds=27.0), self.RULE, because="the capture ends")

    def test_whose_other_direction_goes_past_here_is_another_matter(self) -> None:
        scene = office()
        scene.connect(CLIENT, POOL, SIP, 20.0, syn_ack_time=0, frames_server=0, data_frames_server=0)
        scene.secure(PC, POOL, SIP, 25.0)

        silent(scene, self.RULE)


class TestOneWebPort:
    RULE = "port80-open-443-filtered"

    @pytest.mark.parametrize(("closed", "opened"), [(80, 443), (443, 80)])
    def test_refused_is_certain(self, closed: int, opened: int) -> None:
        scene = office()
        scene.connect(CLIENT, POOL, opened, 19.0)
        last = scene.flows[-1]["last_frame_server"]
        of = scene.refused(CLIENT, POOL, closed, 20.0)
        frames = {row["frame"] for row in scene.controls if row["flow"] == of}
        one = fires(scene, self.RULE, CLIENT, frames | {last})

        assert (one.confidence, one.peer, one.port) == ("certain", POOL, closed)

    def test_of_a_host_that_sends_the_client_on_is_no_load_balancing(self) -> None:
        scene, front = office(), "10.1.9.77"
        scene.named("lyncdiscoverinternal.depot.example", front)
        scene.connect(CLIENT, front, 80, 19.0)
        scene.refused(CLIENT, front, 443, 19.1)
        scene.secure(CLIENT, POOL, 443, 21.0)

        assert fires(scene, self.RULE, CLIENT).peer == front

    def test_where_another_address_of_the_same_name_answers_is_load_balancing(self) -> None:
        scene, twin = office(), "10.1.9.77"
        scene.named("lyncdiscoverinternal.depot.example", twin, POOL)
        scene.connect(CLIENT, twin, 80, 19.0)
        scene.refused(CLIENT, twin, 443, 19.1)
        scene.secure(CLIENT, POOL, 443, 21.0)

        silent(scene, self.RULE)

    def test_silent_is_found(self) -> None:
        scene = office()
        scene.connect(CLIENT, POOL, 443, 19.0, seconds=15.0)
        scene.silent(CLIENT, POOL, 80, 20.0)

        assert fires(scene, self.RULE, CLIENT).confidence == "likely"

    def test_from_outside_at_the_proxy_is_nothing(self) -> None:
        scene = Scene()
        scene.named(f"lyncdiscover.{DOMAIN}", PROXY)
        scene.secure(OUTSIDER, PROXY, 443, 19.0)
        scene.refused(OUTSIDER, PROXY, 80, 20.0)

        silent(scene, self.RULE)

    @pytest.mark.parametrize("name", ["sipexternal", "sip"])
    def test_of_an_edge_server_is_nothing(self, name: str) -> None:
        scene = Scene()
        scene.named(f"{name}.{DOMAIN}", PROXY)
        scene.secure(OUTSIDER, PROXY, 443, 19.0)
        scene.refused(OUTSIDER, PROXY, 80, 20.0)

        silent(scene, self.RULE)

    def test_more_than_a_minute_apart_is_nothing(self) -> None:
        scene = office()
        scene.connect(CLIENT, POOL, 443, -5.0)
        scene.refused(CLIENT, POOL, 80, 60.0)

        silent(scene, self.RULE)

    def test_silence_at_the_end_of_the_capture_is_doubted(self) -> None:
        scene = office()
        scene.connect(CLIENT, POOL, 443, 19.0)
        scene.silent(CLIENT, POOL, 80, 20.0)

        inconclusive(scene.case(seconds=27.0), self.RULE, because="the capture ends")
