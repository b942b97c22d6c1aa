"""Answers that bypass the load balancer, and an A/V Edge that does not see its clients."""

from typing import Any

from farms import CLIENT, DOMAIN, NODES, OTHER, OWN, VIP, Farm, moment, pool, written
from proofs import fires, inconclusive, silent
from scenes import Scene

from lynccap.document import Confidence

SYN_ACK, RST = 18, 4


class TestAnswersPastTheLoadBalancer:
    RULE = "lb-dsr-or-asymmetric"

    def _asks(self, scene: Scene, vip: str, member: str, *, resets: bool = True, ack: int = 1001) -> list[int]:
        """A SYN to the shared address, and what a member makes of it; returns the frames that show it."""
        asked = scene.silent(CLIENT, vip, 5061, 5.0, after=(0, 3, 9))
        port = scene.flows[asked]["client_port"]
        for one in scene.controls[-3:]:
            one["seq"] = 1000
        # As the reader makes it of packets (tests/ingest): the SYN went elsewhere, so this flow begins with a SYN-ACK.
        half = {"opening": "midstream", "originator": "syn-ack", "syns": 0, "syn_time": 0, "client_port": port}
        half |= {"data_frames_client": 0, "data_frames_server": 0}
        of = scene.connect(CLIENT, member, 5061, 5.002, seconds=0.01, **half)
        answered = {"flow": of, "frame": scene.frame(5.003, of), "time": moment(5.003), "flags": SYN_ACK}
        scene.controls.append({**answered, "ttl": 126, "seq": 9, "ack": ack, "from_client": False})
        if resets:
            given_up = {"flow": of, "frame": scene.frame(5.004, of), "time": moment(5.004), "flags": RST}
            scene.controls.append({**given_up, "ttl": 127, "seq": ack, "from_client": True})
        return [scene.frame(5.0, asked), scene.frame(5.003, of), *([scene.frame(5.004, of)] if resets else [])]

    def test_of_a_member_is_found(self) -> None:
        scene = Farm()
        frames = self._asks(scene, VIP, NODES[0])

        one = fires(scene, "lb-dsr-or-asymmetric", CLIENT, frames=frames)

        assert (one.peer, one.port, one.confidence) == (VIP, 5061, Confidence.CERTAIN)

    def test_of_another_inner_host_is_likely(self) -> None:
        scene = Scene()
        scene.named(f"sipinternal.{DOMAIN}", VIP)
        self._asks(scene, VIP, NODES[0])

        assert fires(scene, "lb-dsr-or-asymmetric", CLIENT).confidence is Confidence.LIKELY

    def test_answer_before_the_load_balancer_rewrites_it_is_normal(self) -> None:
        scene = Farm()
        asked = scene.secure(CLIENT, VIP, 5061, 5.0)
        port = scene.flows[asked]["client_port"]
        scene.connect(CLIENT, NODES[0], 5061, 5.002, opening="half-open", client_port=port)

        silent(scene, "lb-dsr-or-asymmetric")

    def test_connection_of_the_clients_own_with_the_same_port_is_another(self) -> None:
        scene = Farm()
        self._asks(scene, VIP, NODES[0], ack=777)

        silent(scene, "lb-dsr-or-asymmetric")

    def test_port_forwarded_from_a_public_address_is_no_load_balancer(self) -> None:
        scene = Scene()
        public = "203.0.113.9"
        scene.named(f"sipexternal.{DOMAIN}", public)
        self._asks(scene, public, NODES[0])

        silent(scene, "lb-dsr-or-asymmetric")

    def test_without_the_clients_reset_is_doubted(self) -> None:
        scene = Farm()
        self._asks(scene, VIP, NODES[0], resets=False)

        inconclusive(scene, "lb-dsr-or-asymmetric", because="no reset")

    def test_answers_from_the_members_network_cards_are_found(self) -> None:
        scene = self._cards(("00:01", "00:02", "00:01", "00:02"))
        frames = [one["first_frame_server"] for one in scene.flows if one["server"] == VIP][:2]

        one = fires(scene, "lb-dsr-or-asymmetric", CLIENT, frames=frames)

        assert (one.peer, one.confidence) == (VIP, Confidence.CERTAIN)

    def test_address_that_moved_to_another_card_once_is_normal(self) -> None:
        silent(self._cards(("00:01", "00:01", "00:02", "00:02")), "lb-dsr-or-asymmetric")

    def _cards(self, macs: tuple[str, ...]) -> Scene:
        scene = Scene()
        scene.named(f"sipinternal.{DOMAIN}", VIP)
        ends: dict[str, Any] = {"ttl_server_min": 128, "ttl_server_max": 128}
        for node, mac in zip(NODES, ("00:01", "00:02"), strict=True):
            scene.connect(OTHER, node, 445, 1.0, server_mac=mac, **ends)
        for place, mac in enumerate(macs):
            scene.secure(CLIENT, VIP, 5061, 5.0 + place, server_mac=mac, **ends)
        return scene


class TestTranslatedRelay:
    RULE = "lb-snat-on-av-edge"
    AV, EDGES = "203.0.113.40", ("203.0.113.41", "203.0.113.42")
    VISITOR = "198.51.100.8"

    def _edge(self, told: bool = True) -> Scene:
        """An Edge pool of two machines whose A/V name leads to an address of neither."""
        scene = Scene()
        scene.named(f"av.{DOMAIN}", self.AV)
        scene.named(f"sipexternal.{DOMAIN}", "203.0.113.50")
        if told:
            machines = {f"edge{place}.{DOMAIN}": {"external": one} for place, one in enumerate(self.EDGES)}
            port = (
                '{ port = "443", protocol = "tls", side = "external", number = 1, '
                f'owner = "MediaRelay", fqdn = "av.{DOMAIN}" }}'
            )
            edge = pool(f"edge.{DOMAIN}", machines, "EdgeServer", port)
            scene.directory = written(
                edge.replace('side = "external", address', 'side = "external", number = 1, address')
            )
        return scene

    def _seen_as(self, scene: Scene, address: str) -> int:
        of = scene.allocates(self.VISITOR, self.AV, 5.0, f"{self.AV}:52000")
        granted = scene.messages["stun"][-1]
        granted["xor_mapped_address"] = f"{address}:4711"
        assert granted["flow"] == of
        return int(granted["frame"])

    def test_relay_that_sees_the_load_balancer_is_found(self) -> None:
        scene = self._edge()
        frame = self._seen_as(scene, self.AV)

        one = fires(scene, "lb-snat-on-av-edge", self.VISITOR, frames=[frame])

        assert (one.peer, one.port, one.transport, one.confidence) == (self.AV, 3478, "udp", Confidence.CERTAIN)

    def test_answer_of_the_server_itself_is_found(self) -> None:
        scene = self._edge()
        self._answered_by(scene, self.EDGES[0])

        one = fires(scene, "lb-snat-on-av-edge", self.VISITOR)

        assert self.EDGES[0] in one.says

    def _answered_by(self, scene: Scene, other: str, *, asked_there: bool = False) -> None:
        asked = scene.allocates(self.VISITOR, self.AV, 5.0, requests=1)
        scene.messages["stun"][-1]["transaction_id"] = b"one"
        of = scene.exchange(self.VISITOR, other, 3478, 5.01, client_port=scene.flows[asked]["client_port"])
        turn: dict[str, Any] = {"method": "allocate", "dialect": "ms-turn", "ms_version": 4, "transaction_id": b"one"}
        if asked_there:
            scene._say("stun", of, 5.01, kind="request", **turn)
        scene._say("stun", of, 5.02, False, kind="error", error_code=401, **turn)

    def test_device_behind_its_own_translation_is_normal(self) -> None:
        scene = self._edge()
        self._seen_as(scene, "192.0.2.33")

        silent(scene, "lb-snat-on-av-edge")

    def test_device_seen_under_its_own_address_is_normal(self) -> None:
        scene = self._edge()
        self._seen_as(scene, self.VISITOR)

        silent(scene, "lb-snat-on-av-edge")

    def test_relay_that_sends_clients_on_is_normal(self) -> None:
        scene = self._edge()
        self._answered_by(scene, self.EDGES[0], asked_there=True)

        silent(scene, "lb-snat-on-av-edge")

    def test_access_edge_may_be_translated(self) -> None:
        scene = self._edge()
        scene.secure(self.VISITOR, "203.0.113.50", 443, 5.0)
        scene.secure(OWN, self.EDGES[0], 443, 5.01)

        silent(scene, "lb-snat-on-av-edge")

    def test_address_beside_the_relay_that_nothing_calls_a_load_balancer_is_doubted(self) -> None:
        scene = self._edge(told=False)
        self._seen_as(scene, "203.0.113.99")

        inconclusive(scene, "lb-snat-on-av-edge", because="nothing shows whether it is a load balancer")

    def test_answer_from_elsewhere_without_a_topology_is_doubted(self) -> None:
        scene = self._edge(told=False)
        self._answered_by(scene, self.EDGES[0])

        inconclusive(scene, "lb-snat-on-av-edge", because="which of them")
