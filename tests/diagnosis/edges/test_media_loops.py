"""Media that turns round at the office's own firewall, or runs through a VPN: each rule's three proofs."""

from typing import Any

from proofs import fires, inconclusive, sample_fires, silent
from scenes import Scene

from lynccap.document import Confidence

POOL, INNER, OUTER = "10.9.0.5", "10.9.0.8", "203.0.113.13"
CLIENT, PC, OUTSIDE = "10.1.0.9", "10.2.0.9", "198.51.100.193"


class TestSignedInOutside:
    RULE = "media-via-external-edge-from-inside"

    def test_client_that_signed_in_as_external_uses_the_external_side(self) -> None:
        scene = Scene()
        scene.named("sip.knot.example", "203.0.113.11")
        scene.allocates(PC, INNER, 1.0, f"{OUTER}:52002")
        scene.secure(CLIENT, "203.0.113.11", 443, 3.0)
        scene.speaks(scene.allocates(CLIENT, OUTER, 5.0, f"{OUTER}:52000"), 6.0)

        silent(scene, self.RULE)


class TestTurnedBack:
    RULE = "media-reflexive-hairpin"

    def _call(self, peer: str = OUTSIDE, *, signs_in: bool = True, seconds: float = 20.0) -> Scene:
        scene = Scene()
        scene.named("sipinternal.knot.example", POOL)
        if signs_in:
            scene.secure(CLIENT, POOL, 5061, 1.0)
        scene.allocates(CLIENT, OUTER, 3.0, f"{OUTER}:52000")
        scene.messages["stun"][-1]["xor_mapped_address"] = f"{OUTSIDE}:50110"
        of = scene.exchange(CLIENT, peer, 50_120, 5.0, stack="stun/rtp")
        check: dict[str, Any] = {"method": "binding", "dialect": "ms-ice2", "transaction_id": b"1"}
        scene._say("stun", of, 5.1, kind="request", has_username=True, username="b:a", **check)
        scene._say("stun", of, 5.2, False, kind="response", **check)
        scene.speaks(of, 6.0, seconds)
        return scene

    def test_own_outside_address_is_found(self) -> None:
        one = fires(self._call(), self.RULE, CLIENT)

        assert (one.peer, one.confidence) == (OUTSIDE, Confidence.LIKELY)

    def test_direct_media_is_in_order(self) -> None:
        silent(self._call(PC), self.RULE)

    def test_another_s_public_address_is_no_loop(self) -> None:
        silent(self._call("192.0.2.44"), self.RULE)

    def test_checks_at_call_start_are_no_media(self) -> None:
        silent(self._call(seconds=1.0), self.RULE)

    def test_two_homes_behind_one_provider_are_doubted(self) -> None:
        inconclusive(self._call(signs_in=False), self.RULE, because="two homes")


class TestVpn:
    RULE = "media-through-vpn"

    def _call(self, *, arrived: int = 900, name: str = "tun0", seconds: float = 20.0) -> Scene:
        scene = Scene()
        scene.named("sipinternal.knot.example", POOL)
        scene.secure(CLIENT, POOL, 5061, 1.0)
        scene.interfaces.append({"number": 0, "name": name, "description": "", "file": 0})
        of = scene.exchange(CLIENT, PC, 50_120, 5.0, stack="stun/rtp", interface=0)
        check: dict[str, Any] = {"method": "binding", "dialect": "ms-ice2", "transaction_id": b"1"}
        scene._say("stun", of, 5.1, kind="request", has_username=True, username="b:a", **check)
        scene._say("stun", of, 5.2, False, kind="response", **check)
        scene.speaks(of, 6.0, seconds)
        for one in scene.streams:
            one.update(packets=min(arrived, one["packets"]), lost=max(one["packets"] - arrived, 0), clock_rate=16_000)
        return scene

    def test_gaps_in_a_tunnel_are_found(self) -> None:
        scene = self._call()
        ends = {one[name] for one in scene.streams for name in ("first_frame", "last_frame")}

        one = fires(scene, self.RULE, CLIENT)

        assert (one.peer, one.confidence) == (PC, Confidence.LIKELY)
        assert ends <= {frame for proof in one.proof for frame in proof.frames}

    def test_tunnel_that_carries_all_may_be_policy(self) -> None:
        silent(self._call(arrived=1000), self.RULE)

    def test_gaps_without_a_tunnel_are_another_matter(self) -> None:
        silent(self._call(name="eth0"), self.RULE)

    def test_checks_at_call_start_are_no_media(self) -> None:
        silent(self._call(seconds=1.0), self.RULE)

    def test_capture_that_lost_packets_itself_is_doubted(self) -> None:
        scene = self._call()
        scene.interfaces[0].update(dropped=500, received=2000)

        inconclusive(scene, self.RULE, because="recorder itself lost")


def test_real_call() -> None:
    assert sample_fires("media-turned-back", "media-reflexive-hairpin")
