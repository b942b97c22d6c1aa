"""Direct ways that are shut, beside relayed calls that have to be."""

from typing import Any

import pytest
from farms import VIP, Farm
from proofs import fires, inconclusive, sample_fires, silent
from scenes import Scene, accused, moment
from two_users import ANNA, BEN, POOL, office

from lynccap.correlation.case import Case
from lynccap.correlation.roles.sides import Location, Placement

PAUL = "192.168.7.20"
INNER, OUTER = "10.9.0.8", "203.0.113.13"


def relayed(scene: Scene, client: str = ANNA, peer: str = BEN, *, at: float = 7.0, edge: str = INNER) -> int:
    """Media of a device through a relay, chosen after checks of the same session."""
    of = scene.allocates(client, edge, 5.0, f"{OUTER}:52002")
    through: dict[str, Any] = {"destination": f"{peer}:50040", "framing": "turn-data"}
    scene.checks(of, at, answered=True, nominated=True, **through)
    scene.speaks(of, at + 0.5, 20.0)
    scene.flows[of] |= {"last_time_client": moment(at + 20.0), "last_time_server": moment(at + 20.0)}
    return of


def outside(scene: Scene, client: str) -> Case:
    """The case of a scene, with somebody whom a topology has outside."""
    made = scene.case()
    made.sides._known[client] = Placement(Location.OUTSIDE, "is in a network that the topology file puts outside")
    return made


class TestBetweenSubnets:
    RULE = "media-direct-blocked-between-subnets"

    def _call(self, sides: tuple[bool, ...] = (True, False), peer: str = BEN, at: float = 7.0) -> tuple[Scene, int]:
        scene = office()
        of = scene.pair(ANNA, peer, 6.0, sides=sides)
        scene.checks(of, 6.0, 5, 0.15, sides=sides)
        relayed(scene, peer=peer, at=at)
        return scene, of

    def test_checks_of_both_in_vain_are_certain(self) -> None:
        scene, of = self._call()
        asked = {one["frame"] for one in scene.messages["stun"] if one["flow"] == of}
        last = sorted(one[name] for one in scene.streams for name in ("first_frame", "last_frame"))

        one = fires(scene, self.RULE, ANNA)
        frames = {frame for proof in one.proof for frame in proof.frames}

        assert (one.confidence, one.peer) == ("certain", BEN)
        assert frames <= asked | set(last)
        assert "networks 10.1.0.0/24 and 10.2.0.0/24" in one.says

    def test_checks_of_one_are_likely(self) -> None:
        assert fires(self._call(sides=(True,))[0], self.RULE, ANNA).confidence == "likely"

    def test_another_call_of_the_same_networks_is_the_same_failure(self) -> None:
        scene, _ = self._call()
        of = scene.pair("10.1.0.77", "10.2.0.88", 6.0, sides=(True, False))
        scene.checks(of, 6.0, 5, 0.15, sides=(True, False), names="dd:cc")
        scene.secure("10.1.0.77", POOL, 5061, 1.3)
        scene.secure("10.2.0.88", POOL, 5061, 1.4)
        through = {"destination": "10.2.0.88:50040", "framing": "turn-data", "names": "dd:cc"}
        other = scene.allocates("10.1.0.77", INNER, 5.0, f"{OUTER}:52006")
        scene.checks(other, 7.0, answered=True, nominated=True, **through)  # type: ignore[arg-type]
        scene.speaks(other, 7.5, 20.0)
        scene.streams[-2]["ssrc"], scene.streams[-1]["ssrc"] = 0x55555, 0x66666

        assert "So did 1 more calls" in fires(scene, self.RULE, ANNA).why

    def test_checks_that_were_not_needed_any_more_are_nothing(self) -> None:
        silent(self._call(at=6.2)[0], self.RULE)

    def test_a_path_that_icmp_forbids_says_so_itself(self) -> None:
        scene, of = self._call()
        scene.forbidden(of, 6.1)

        silent(scene, self.RULE)

    def test_answered_checks_are_nothing(self) -> None:
        scene = office()
        scene.checks(scene.pair(ANNA, BEN, 6.0, answered=True), 6.0, answered=True)
        relayed(scene)

        silent(scene, self.RULE)

    def test_somebody_at_home_is_doubted(self) -> None:
        inconclusive(self._call(sides=(True,), peer=PAUL)[0], self.RULE, because="are both inside")

    def test_a_partner_outside_is_nothing(self) -> None:
        scene, _ = self._call(sides=(True,), peer="198.51.100.77")

        silent(outside(scene, "198.51.100.77"), self.RULE)

    def test_in_a_lossy_capture_is_doubted(self) -> None:
        scene, _ = self._call()
        scene.interfaces.append({"frames": 100, "received": 1_000, "dropped": 900, "name": "eth0", "description": ""})

        inconclusive(scene, self.RULE, because="the recorder itself lost")

    @pytest.mark.parametrize("name", ["media-relayed-internal-edge", "ice-relayed", "media-hairpin-external-edge"])
    def test_real_floors(self, name: str) -> None:
        assert sample_fires(name, self.RULE)


class TestConference:
    RULE = "conference-media-direct-blocked"

    def _join(self, port: int = 49_170, server: str = POOL, client: str = ANNA) -> tuple[Scene, list[int]]:
        scene = office()
        of = scene.pair(client, server, 6.0, (50_030, port))
        return scene, scene.checks(of, 6.0, 5, 0.2)

    def test_with_media_through_a_relay(self) -> None:
        scene, asked = self._join()
        relayed(scene, peer=POOL)
        heard = scene.frame(30.0, scene.secure(BEN, POOL, 443, 29.0, last_time_server=moment(30.0)))

        one = fires(scene, self.RULE, ANNA)

        assert (one.confidence, one.peer, one.port) == ("certain", POOL, 49_170)
        assert set(asked[:2]) < {frame for proof in one.proof for frame in proof.frames} <= {*asked[:2], heard}

    def test_without_any_media_it_explains_that(self) -> None:
        scene = office()
        of = scene.pair(ANNA, POOL, 6.0, (50_030, 49_170))
        scene.checks(of, 6.0, 21, 0.45)

        assert (self.RULE, ANNA) in accused(scene)

    def test_with_relayed_media_that_nothing_ties_to_it(self) -> None:
        scene = office()
        of = scene.pair(ANNA, POOL, 6.0, (50_030, 49_170))
        scene.checks(of, 6.0, 21, 0.45)
        relay = scene.allocates(ANNA, INNER, 5.0, f"{OUTER}:51000")
        scene.speaks(relay, 12.0)

        assert f"media by the relay {INNER} begins meanwhile" in fires(scene, self.RULE, ANNA).says

    def test_a_call_between_two_clients_is_nothing(self) -> None:
        scene, _ = self._join(server=BEN)
        relayed(scene)

        silent(scene, self.RULE)

    def test_a_balancers_address_is_another_matter(self) -> None:
        scene = Farm()
        scene.secure(ANNA, VIP, 5061, 1.0)
        scene.checks(scene.pair(ANNA, VIP, 6.0, (50_030, 49_170)), 6.0, 5, 0.2)
        relayed(scene, peer=VIP)

        assert VIP in scene.case().farms
        silent(scene, self.RULE)

    def test_other_ports_are_nothing(self) -> None:
        scene, _ = self._join(port=5_062)
        relayed(scene, peer=POOL)

        silent(scene, self.RULE)

    def test_checks_that_were_not_needed_any_more_are_nothing(self) -> None:
        scene, _ = self._join()
        relayed(scene, peer=POOL, at=6.2)

        silent(scene, self.RULE)

    def test_somebody_outside_uses_the_edge(self) -> None:
        scene, _ = self._join(client="198.51.100.77")
        relayed(scene, client="198.51.100.77", peer=POOL)

        silent(outside(scene, "198.51.100.77"), self.RULE)

    def test_somebody_who_may_be_at_home_is_doubted(self) -> None:
        scene, _ = self._join(client=PAUL)
        relayed(scene, client=PAUL, peer=POOL, edge=OUTER)

        inconclusive(scene, self.RULE, because=f"nothing in the capture shows whether {PAUL} is inside")

    def test_in_a_lossy_capture_is_doubted(self) -> None:
        scene, _ = self._join()
        relayed(scene, peer=POOL)
        scene.interfaces.append({"frames": 100, "received": 1_000, "dropped": 900, "name": "eth0", "description": ""})

        inconclusive(scene, self.RULE, because="the recorder itself lost")
