"""Which server behind a load balancer gets a connection: a dead one, or another each time."""

import pytest
from farms import CLIENT, DOMAIN, NODES, OTHER, OWN, VIP, Farm
from proofs import fires, inconclusive, silent
from scenes import accused

from lynccap.document import Confidence

DEAD = "10.9.0.13"
OUTSIDE, PUBLIC, PUBLIC_NODES = "192.0.2.77", "198.51.100.5", ("198.51.100.11", "198.51.100.12")


class TestDeadNode:
    RULE = "lb-dead-node-in-rotation"

    def _scene(self, pattern: str, behind: bool = True) -> Farm:
        """Connections in turn: "." works, "x" is given to the dead server."""
        scene = Farm()
        for place, step in enumerate(pattern):
            at = 5.0 + place
            if step == ".":
                scene.passes(CLIENT, NODES[place % 2], 5061, at)
            elif behind:
                scene.gives_up(CLIENT, DEAD, 5061, at)
            else:
                scene.connect(CLIENT, VIP, 5061, at, seconds=0.05, data_frames_server=0, closing="server-rst")
        return scene

    def test_server_that_refuses_every_connection_given_to_it_is_named(self) -> None:
        scene = self._scene("..x..x..x")
        failed = [one for one in scene.flows if one["server"] == VIP and one.get("closing") == "server-rst"]

        one = fires(scene, self.RULE, CLIENT)

        assert (one.peer, one.port, one.confidence) == (VIP, 5061, Confidence.CERTAIN)
        assert DEAD in one.says
        assert one.rejected == (("lb-port-missing-on-vip", f"8 of 11 connections to {VIP} TCP port 5061 are served"),)
        assert {row["first_frame"] for row in failed} <= {frame for proof in one.proof for frame in proof.frames}
        assert {rule for rule, _ in accused(scene)} == {self.RULE}

    def test_server_that_accepts_and_resets_is_named(self) -> None:
        scene = Farm()
        for place in range(9):
            if place % 3 == 2:
                scene.gives_up(CLIENT, DEAD, 5061, 5.0 + place, opening="established")
            else:
                scene.passes(CLIENT, NODES[place % 2], 5061, 5.0 + place)

        assert DEAD in fires(scene, self.RULE, CLIENT).says

    def test_each_client_that_fails_is_told(self) -> None:
        scene = self._scene("..x..x..x")
        scene.gives_up(OTHER, DEAD, 5061, 16.0)

        from scenes import found

        assert {one.device for one in found(self.RULE, scene)} == {CLIENT, OTHER}

    def test_random_failures_are_not_a_rotation(self) -> None:
        silent(self._scene(".x...x..x.", behind=False), self.RULE)

    def test_failures_in_steady_turns_whose_other_side_is_seen_need_the_server(self) -> None:
        silent(self._scene("..x..x..x", behind=False), self.RULE)

    def test_monitor_of_a_server_that_is_out_is_no_client(self) -> None:
        scene = self._scene("......")
        for place in range(8):
            scene.refused(OWN, DEAD, 5061, 5.5 + place, tries=1)

        silent(scene, self.RULE)
        assert accused(scene) == set()

    def test_monitors_failures_are_not_those_of_the_clients_at_other_times(self) -> None:
        scene = self._scene(".x...x..x.", behind=False)
        for place in range(4):
            scene.refused(OWN, DEAD, 5061, 5.5 + 2 * place, tries=1)

        silent(scene, self.RULE)

    def test_service_that_is_down_everywhere_is_no_dead_server(self) -> None:
        scene = Farm()
        for place in range(6):
            scene.gives_up(CLIENT, (*NODES, DEAD)[place % 3], 5061, 5.0 + place)

        silent(scene, self.RULE)

    def test_two_failures_are_chance(self) -> None:
        silent(self._scene("..x..x.."), self.RULE)

    def test_capture_that_lost_packets_is_doubted(self) -> None:
        scene = self._scene("..x..x..x")
        scene.connect(OTHER, "10.1.0.90", 445, 6.0, seconds=9.0, lost_server=5000, bytes_server=9000)

        inconclusive(scene, self.RULE, because="lacks packets")


class TestAffinity:
    RULE = "lb-no-affinity-internal-web"

    def _visits(self, *nodes: int, client: str = CLIENT, port: int = 443, every: float = 2.0) -> Farm:
        scene = Farm()
        scene.secure(client, NODES[0], 5061, 1.0)
        for place, node in enumerate(nodes):
            scene.passes(client, NODES[node], port, 5.0 + place * every)
        return scene

    @pytest.mark.parametrize("nodes", [(0, 1, 0), (0, 0, 1, 1, 0), (0, 1, 0, 1)])
    def test_there_and_back_again_is_found(self, nodes: tuple[int, ...]) -> None:
        one = fires(self._visits(*nodes), self.RULE, CLIENT)

        assert (one.peer, one.port, one.confidence) == (VIP, 443, Confidence.CERTAIN)
        assert all(node in one.says for node in NODES)

    def test_shows_the_hellos_behind_the_load_balancer(self) -> None:
        scene = self._visits(0, 1, 0)
        hellos = [
            one["frame"]
            for one in scene.messages["tls"]
            if one["kind"] == "client-hello" and scene.flows[one["flow"]]["server_port"] == 443
        ]

        fires(scene, self.RULE, CLIENT, frames=hellos[1::2])

    def test_servers_that_name_themselves_are_found(self) -> None:
        scene = Farm()
        scene.secure(CLIENT, NODES[0], 5061, 1.0)
        frames = [scene.names_itself(CLIENT, f"fe{node}.{DOMAIN}", 5.0 + place) for place, node in enumerate((1, 2, 1))]

        assert f"fe2.{DOMAIN}" in fires(scene, self.RULE, CLIENT, frames=frames).says

    @pytest.mark.parametrize("nodes", [(0, 0, 0), (1,)])
    def test_one_server_is_in_order(self, nodes: tuple[int, ...]) -> None:
        silent(self._visits(*nodes), self.RULE)

    def test_sip_needs_none(self) -> None:
        silent(self._visits(0, 1, 0, 1, port=5061), self.RULE)

    def test_web_services_for_outside_need_none(self) -> None:
        scene = Farm(PUBLIC, PUBLIC_NODES, "lyncdiscover")
        for place in range(3):
            scene.passes(OUTSIDE, PUBLIC_NODES[place % 2], 443, 5.0 + place)

        silent(scene, self.RULE)

    def test_visits_hours_apart_are_sessions_of_their_own(self) -> None:
        silent(self._visits(0, 1, 0, every=3600.0).case(9000.0), self.RULE)

    def test_single_change_is_doubted(self) -> None:
        inconclusive(self._visits(0, 0, 1, 1), self.RULE, because="once")

    def test_client_that_may_be_outside_is_doubted(self) -> None:
        scene = Farm(PUBLIC, PUBLIC_NODES)
        scene.asks(OUTSIDE, f"lyncdiscoverinternal.{DOMAIN}", 4.0)
        for place in range(3):
            scene.passes(OUTSIDE, PUBLIC_NODES[place % 2], 443, 5.0 + place)

        inconclusive(scene, self.RULE, because="inside or outside")
