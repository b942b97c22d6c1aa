"""A/V Edges behind translation, and what firewalls keep Edges from telling each other: each rule's three proofs."""

import pytest
from proofs import fires, inconclusive, sample_fires, silent
from scenes import Scene, doubts

from lynccap.document import Confidence, Reading
from lynccap.topology import Directory, read_bytes

PUBLIC, PRIVATE, OTHER = "203.0.113.13", "172.16.8.13", "203.0.113.99"
HOME, CAFE = "198.51.100.7", "192.0.2.9"
FIREWALL, TURN, HTTPS = "172.16.8.1", 3478, 443


def translated() -> Directory:
    """A topology in which the A/V Edge is behind translation."""
    edge = f'role = "edge_av"\nname = "av.knot.example"\naddress = "{PRIVATE}"\nnat = "{PUBLIC}"'
    text = f'format = "lynccap-topology/1"\nsip_domains = ["cedar.example"]\n[[host]]\n{edge}'
    pool = '[[host]]\nrole = "fe"\nname = "pool.cedar.example"\naddress = "10.9.0.5"'
    return Directory(read_bytes(f"{text}\n{pool}".encode(), "t.toml"))


def successes(scene: Scene) -> set[int]:
    """Frames of all granted allocations."""
    return {one["frame"] for one in scene.messages["stun"] if one["kind"] == "response"}


def seen_as(scene: Scene, address: str) -> None:
    """The relay tells the last client that this is its outside address."""
    scene.messages["stun"][-1]["xor_mapped_address"] = f"{address}:{40_000 + len(scene.flows)}"


class TestAddressWrong:
    RULE = "edge-nat-address-wrong"

    def _given(self, host: str, server: str = PUBLIC, client: str = HOME) -> Scene:
        scene = Scene()
        scene.named("av.knot.example", PUBLIC)
        scene.allocates(client, server, 1.0, f"{host}:52000")
        return scene

    def _checks(self, scene: Scene, host: str) -> int:
        of = scene.oneway(CAFE, host, 52_000, 3.0, stack="stun")
        scene.flows[of].update(frames_client=6)
        scene.exchange(CAFE, PUBLIC, TURN, 4.0)
        return of

    def test_private_address_to_which_checks_go_in_vain_is_found(self) -> None:
        scene = self._given(PRIVATE)
        checked = self._checks(scene, PRIVATE)

        one = fires(scene, self.RULE, PUBLIC, frames=successes(scene) | {scene.flows[checked]["first_frame"]})

        assert (one.peer, one.confidence) == (PRIVATE, Confidence.CERTAIN)

    def test_private_address_alone_is_likely(self) -> None:
        assert fires(self._given(PRIVATE), self.RULE, PUBLIC).confidence is Confidence.LIKELY

    def test_public_address_that_the_topology_does_not_know_is_found(self) -> None:
        scene = self._given(OTHER)
        scene.holds(("edge_av", PUBLIC, "av.knot.example"), domain="knot.example")
        self._checks(scene, OTHER)

        assert fires(scene, self.RULE, PUBLIC).confidence is Confidence.CERTAIN

    def test_relay_candidate_of_readable_sip_is_likely(self) -> None:
        scene = Scene()
        of = scene.connect("10.1.0.9", "10.9.0.5", 5060, 1.0, stack="sip")
        body = "\r\n".join(
            (
                *("v=0", "o=- 0 0 IN IP4 10.1.0.9", "s=session", "c=IN IP4 10.1.0.9", "t=0 0"),
                *("m=audio 50000 RTP/SAVP 104", f"a=candidate:2 1 UDP 100 {PRIVATE} 52000 typ relay", ""),
            )
        )
        asked, *_ = scene.asks_sip(of, 3.0, "INVITE", 200, asked={"body": body.encode()}, to_tag="b")
        scene.directory = translated()
        scene.named("pool.cedar.example", "10.9.0.5")

        one = fires(scene, self.RULE, PRIVATE, frames={asked})

        assert (one.confidence, one.reading) == (Confidence.LIKELY, Reading.CLEAR)

    def test_address_that_clients_ask_is_right(self) -> None:
        silent(self._given(PUBLIC), self.RULE)
        assert doubts(self.RULE, self._given(PUBLIC)) == []

    def test_inside_client_is_given_the_public_address(self) -> None:
        silent(self._given(PUBLIC, server="10.9.0.8", client="10.1.0.9"), self.RULE)

    def test_routed_private_peer_reaches_it(self) -> None:
        scene = self._given(PRIVATE)
        scene.exchange("10.44.0.9", PRIVATE, 52_000, 3.0)

        silent(scene, self.RULE)

    def test_other_ip_version_is_another_address(self) -> None:
        silent(self._given("[fd00:8::13]"), self.RULE)

    def test_pool_member_behind_a_balancer_is_doubted(self) -> None:
        scene = self._given(OTHER)
        self._checks(scene, OTHER)

        inconclusive(scene, self.RULE, because="load balancer")

    def test_checks_at_the_end_of_the_capture_are_doubted(self) -> None:
        scene = self._given(PRIVATE)
        self._checks(scene, PRIVATE)

        inconclusive(scene.case(6.0), self.RULE, because="capture ends")


class TestSourceChanged:
    RULE = "edge-nat-changes-source"

    def _seen(self, *clients: str, address: str = FIREWALL) -> Scene:
        scene = Scene()
        scene.named("av.knot.example", PUBLIC)
        for place, client in enumerate(clients):
            scene.allocates(client, PUBLIC, 1.0 + place, f"{PUBLIC}:{52_000 + place}")
            seen_as(scene, address)
        return scene

    @pytest.mark.parametrize("address", [FIREWALL, "203.0.113.1"])
    def test_clients_far_apart_at_one_address_are_found(self, address: str) -> None:
        scene = self._seen(HOME, CAFE, address=address)

        one = fires(scene, self.RULE, PUBLIC, frames=successes(scene))

        assert (one.peer, one.confidence) == (address, Confidence.CERTAIN)

    def test_all_clients_from_one_private_address_before_the_edge_are_likely(self) -> None:
        one = fires(self._behind(b"first", b"second"), self.RULE, PRIVATE)

        assert (one.peer, one.confidence) == (FIREWALL, Confidence.LIKELY)

    def _behind(self, *users: bytes) -> Scene:
        scene = Scene()
        scene.holds(("edge_av", PRIVATE, "av.knot.example"), domain="knot.example")
        for place, user in enumerate(users):
            of = scene.allocates(FIREWALL, PRIVATE, 1.0 + place, f"{PUBLIC}:{52_000 + place}")
            seen_as(scene, FIREWALL)
            for message in scene.messages["stun"]:
                if message["flow"] == of and message["kind"] == "request":
                    message["username"] = user.decode()
        return scene

    def test_clients_behind_one_provider_s_translator_share_its_address(self) -> None:
        silent(self._seen("100.64.1.9", "100.64.2.9", address="198.51.100.200"), self.RULE)

    def test_clients_of_one_network_may_share_a_translator(self) -> None:
        silent(self._seen("198.51.100.7", "198.51.100.8", address="203.0.113.1"), self.RULE)

    def test_everybody_at_his_own_address_is_right(self) -> None:
        scene = Scene()
        for place, client in enumerate((HOME, CAFE)):
            scene.allocates(client, PUBLIC, 1.0 + place, f"{PUBLIC}:{52_000 + place}")

        silent(scene, self.RULE)

    def test_one_client_proves_nothing(self) -> None:
        inconclusive(self._seen(HOME), self.RULE, because="one client")

    def test_one_credential_may_be_one_client(self) -> None:
        inconclusive(self._behind(b"first", b"first"), self.RULE, because="a client or a translator")


class Dmz(Scene):
    """The outer addresses of two Edges of one pool, and partners' Edges."""

    OWN, FELLOW, FELLOW_PUBLIC = "172.16.8.31", "172.16.8.32", "203.0.113.32"
    NEAR, FAR = "198.51.100.61", "192.0.2.61"

    def __init__(self) -> None:
        super().__init__()
        self.named("av.knot.example", "203.0.113.31")
        self.named("av.knot.example", self.FELLOW_PUBLIC)
        self.allocates(HOME, self.OWN, 0.0, "203.0.113.31:52000")
        self.allocates(CAFE, self.FELLOW, 0.1, f"{self.FELLOW_PUBLIC}:52000")

    def tells(self, peer: str, at: float, *, own: str = OWN, packets: int = 8, answered: bool = False) -> int:
        """UDP from 3478 to 3478."""
        of = (self.exchange if answered else self.oneway)(own, peer, TURN, at, client_port=TURN)
        self.flows[of].update(frames_client=packets)
        return of

    def ends(self, *flows: int) -> set[int]:
        """First and last frames."""
        return {self.flows[of][name] for of in flows for name in ("first_frame", "last_frame")}


class TestEdgeToEdge:
    RULE = "edge-to-edge-3478-blocked"

    def test_two_partners_that_do_not_answer_are_found(self) -> None:
        scene = Dmz()
        lost = [scene.tells(one, 3.0) for one in (scene.NEAR, scene.FAR)]

        one = fires(scene, self.RULE, scene.OWN, frames=scene.ends(*lost))

        assert (one.peer, one.port, one.confidence) == (scene.NEAR, TURN, Confidence.CERTAIN)

    def test_one_partner_that_answers_on_tcp_is_likely(self) -> None:
        scene = Dmz()
        scene.tells(scene.NEAR, 3.0)
        scene.connect(scene.OWN, scene.NEAR, HTTPS, 5.0)

        assert fires(scene, self.RULE, scene.OWN).confidence is Confidence.LIKELY

    def test_partner_that_is_gone_is_doubted(self) -> None:
        scene = Dmz()
        scene.tells(scene.NEAR, 3.0)

        inconclusive(scene, self.RULE, because="may be gone")

    def test_other_partner_that_answers_makes_it_the_silent_one_s_matter(self) -> None:
        scene = Dmz()
        scene.tells(scene.NEAR, 3.0)
        scene.tells(scene.FAR, 3.0, answered=True)

        inconclusive(scene, self.RULE, because="others answer")

    def test_icmp_says_by_itself_what_is_wrong(self) -> None:
        scene = Dmz()
        for peer in (scene.NEAR, scene.FAR):
            scene.reported(scene.tells(peer, 3.0), 3.1, peer, (3, 3))

        silent(scene, self.RULE)

    def test_few_packets_may_be_lost_by_chance(self) -> None:
        scene = Dmz()
        for peer in (scene.NEAR, scene.FAR):
            scene.tells(peer, 3.0, packets=2)

        silent(scene, self.RULE)

    def test_end_of_the_capture_is_doubted(self) -> None:
        scene = Dmz()
        for peer in (scene.NEAR, scene.FAR):
            scene.tells(peer, 3.0)

        inconclusive(scene.case(6.0), self.RULE, because="capture ends")


class TestRelayPorts:
    RULE = "av-50k-outbound-blocked"

    def _scene(self, *partners: str) -> Dmz:
        scene = Dmz()
        for peer in partners:
            scene.tells(peer, 2.0, answered=True)
        return scene

    def _shares(self, scene: Dmz, *partners: str) -> list[int]:
        lost = [scene.silent(scene.OWN, one, HTTPS, 4.0) for one in partners]
        for place, of in enumerate(lost):
            scene.flows[of].update(client_port=51_000 + place)
        return lost

    def test_connections_from_relay_ports_in_vain_are_found(self) -> None:
        scene = self._scene(Dmz.NEAR)
        lost = self._shares(scene, Dmz.NEAR)

        one = fires(scene, self.RULE, scene.OWN, frames=scene.ends(*lost))

        assert (one.peer, one.port, one.confidence) == (scene.NEAR, HTTPS, Confidence.CERTAIN)

    def test_datagrams_from_three_relay_ports_are_likely(self) -> None:
        scene = self._scene(Dmz.NEAR)
        self._datagrams(scene, 3)

        assert fires(scene, self.RULE, scene.OWN).confidence is Confidence.LIKELY

    def _datagrams(self, scene: Dmz, ports: int) -> None:
        for port in range(ports):
            of = scene.oneway(scene.OWN, scene.NEAR, 53_000 + port, 4.0, client_port=51_000 + port)
            scene.flows[of].update(frames_client=6)

    def test_fewer_relay_ports_are_doubted(self) -> None:
        scene = self._scene(Dmz.NEAR)
        self._datagrams(scene, 2)

        inconclusive(scene, self.RULE, because="fewer than three")

    def test_one_port_of_the_range_that_is_answered_clears_it(self) -> None:
        scene = self._scene(Dmz.NEAR)
        self._shares(scene, Dmz.NEAR)
        scene.exchange(scene.OWN, Dmz.NEAR, 53_000, 3.0, client_port=52_222)

        silent(scene, self.RULE)

    def test_other_hosts_may_be_asked_from_a_port_of_the_range(self) -> None:
        scene = Dmz()
        self._shares(scene, "192.0.2.200", "198.51.100.200")

        silent(scene, self.RULE)

    def test_what_comes_in_to_the_range_is_not_needed(self) -> None:
        scene = self._scene(Dmz.NEAR)
        scene.silent(Dmz.NEAR, scene.OWN, 51_000, 4.0)

        silent(scene, self.RULE)

    def test_partner_that_is_gone_is_doubted(self) -> None:
        scene = Dmz()
        scene.tells(Dmz.NEAR, 2.0)
        self._shares(scene, Dmz.NEAR)

        inconclusive(scene, self.RULE, because="may be gone")


class TestPoolMembers:
    RULE = "edge-nat-pair-hairpin-missing"

    def test_public_address_of_a_fellow_in_vain_is_found(self) -> None:
        scene = Dmz()
        lost = scene.tells(scene.FELLOW_PUBLIC, 3.0)
        seen = scene.exchange(CAFE, scene.FELLOW, TURN, 6.0)

        one = fires(scene, self.RULE, scene.OWN, frames=scene.ends(lost) | {scene.flows[seen]["last_frame_server"]})

        assert (one.peer, one.confidence) == (scene.FELLOW_PUBLIC, Confidence.CERTAIN)

    def test_single_edge_has_no_fellow(self) -> None:
        scene = Dmz()
        scene.tells("203.0.113.31", 3.0)
        scene.exchange(CAFE, scene.FELLOW, TURN, 6.0)

        silent(scene, self.RULE)

    def test_edge_of_another_pool_is_no_fellow(self) -> None:
        scene = Dmz()
        scene.allocates(CAFE, "172.16.9.32", 0.2, "203.0.113.77:52000")
        scene.tells("203.0.113.77", 3.0)
        scene.exchange(CAFE, "172.16.9.32", TURN, 6.0)

        silent(scene, self.RULE)

    def test_fellow_that_answers_is_reached(self) -> None:
        scene = Dmz()
        scene.tells(scene.FELLOW_PUBLIC, 3.0, answered=True)

        silent(scene, self.RULE)

    def test_fellow_that_is_down_is_doubted(self) -> None:
        scene = Dmz()
        scene.tells(scene.FELLOW_PUBLIC, 3.0)

        inconclusive(scene, self.RULE, because="may be down")

    def test_end_of_the_capture_is_doubted(self) -> None:
        scene = Dmz()
        scene.tells(scene.FELLOW_PUBLIC, 3.0)
        scene.exchange(CAFE, scene.FELLOW, TURN, 4.0)

        inconclusive(scene.case(6.0), self.RULE, because="capture ends")


@pytest.mark.parametrize(
    "rule",
    [
        "av-50k-outbound-blocked",
        "edge-nat-address-wrong",
        "edge-nat-changes-source",
        "edge-nat-pair-hairpin-missing",
        "edge-to-edge-3478-blocked",
    ],
)
def test_real_edges(rule: str) -> None:
    assert sample_fires("edges-between", rule)
