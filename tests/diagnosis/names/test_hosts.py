from dataclasses import replace

from dns_sites import AAAA, DOMAIN, MEMBER, OTHER_PC, PC, POOL, SRV, THIRD_PC, fragmented, mirrored
from proofs import fires, inconclusive, silent
from scenes import Scene

from lynccap.correlation.case import Case
from lynccap.diagnosis.catalogue import BY_NAME
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Found
from lynccap.document import Confidence

PAIR = f"sipinternal.{DOMAIN}"
SIX, DEAD_SIX = "fd00:1::9", "fd00:9::5"
EDGE = "10.66.0.4"


class TestStaleMember:
    RULE = "dns-stale-pool-member"

    def _meets(self, *clients: str, every: float = 1.0) -> tuple[Scene, list[int]]:
        scene = Scene()
        frames = scene.looks_up(clients[0], PAIR, -1.0, MEMBER, POOL)
        for place, client in enumerate(clients):
            scene.refused(client, MEMBER, 5061, place * every)
            scene.secure(client, POOL, 5061, place * every + 2.0)
        return scene, frames

    def test_two_clients_are_likely(self):
        scene, _ = self._meets(PC, OTHER_PC)

        found = _all(scene, self.RULE)

        assert {(one.device, one.peer, one.confidence) for one in found} == {
            (PC, MEMBER, Confidence.LIKELY),
            (OTHER_PC, MEMBER, Confidence.LIKELY),
        }

    def test_three_clients_are_certain(self):
        found = _all(self._meets(PC, OTHER_PC, THIRD_PC)[0], self.RULE)

        assert {one.confidence for one in found} == {Confidence.CERTAIN}

    def test_one_client_for_long(self):
        scene, frames = self._meets(PC)
        of = scene.refused(PC, MEMBER, 443, 200.0)
        scene.secure(PC, POOL, 443, 201.0)
        tries = {one["frame"] for one in scene.controls}

        found = [one for one in _all(scene.case(900), self.RULE) if one.port == 5061]

        assert fires_frames(found[0]) >= {frames[1], *(one for one in tries if one < scene.frame(100, of))}

    def test_short_maintenance(self):
        inconclusive(self._meets(PC)[0], self.RULE, because="once only")

    def test_address_works_for_somebody(self):
        scene, _ = self._meets(PC, OTHER_PC)
        scene.secure(THIRD_PC, MEMBER, 5061, 9.0)

        silent(scene, self.RULE)

    def test_nobody_goes_on_to_the_next(self):
        scene = Scene()
        scene.looks_up(PC, PAIR, -1.0, MEMBER, POOL)
        for client in (PC, OTHER_PC):
            scene.refused(client, MEMBER, 5061)

        silent(scene, self.RULE)

    def test_name_with_one_address(self):
        scene = Scene()
        scene.looks_up(PC, PAIR, -1.0, MEMBER)
        for client in (PC, OTHER_PC):
            scene.refused(client, MEMBER, 5061)
            scene.secure(client, POOL, 5061, 2.0)

        silent(scene, self.RULE)

    def test_fires_for_one_device(self):
        scene, _ = self._meets(PC)
        scene.refused(PC, MEMBER, 5061, 300.0)
        scene.secure(PC, POOL, 5061, 302.0)

        assert fires(scene.case(900), self.RULE, PC).peer == MEMBER


def _all(told, rule: str) -> list[Found]:
    case = told if isinstance(told, Case) else told.case()
    return [one for one in BY_NAME[rule].judge(Inquiry(case)) if isinstance(one, Found)]


def fires_frames(one):
    return {frame for proof in one.proof for frame in proof.frames}


class TestDeadPath:
    RULE = "dns-aaaa-blackhole"

    def _dual(self, after: float = 21.0) -> tuple[Scene, list[int]]:
        scene = mirrored(SIX, mirrored(PC))
        frames = scene.looks_up(SIX, PAIR, -0.5, DEAD_SIX, kind=AAAA)
        scene.looks_up(SIX, PAIR, -0.4, POOL)
        scene.silent(SIX, DEAD_SIX, 5061, 0.0)
        scene.secure(PC, POOL, 5061, after)
        return scene, frames

    def test_fires_with_the_time_lost(self):
        scene, frames = self._dual()

        one = fires(one_device(scene), self.RULE, PC)

        assert one.proof[0].frames == tuple(frames)
        assert "21.0 s" in one.says

    def test_nothing_ever_comes_back_over_ipv6(self):
        scene = mirrored(PC)
        frames = scene.looks_up(PC, PAIR, -0.5, DEAD_SIX, kind=AAAA)
        scene.looks_up(PC, PAIR, -0.4, POOL)
        scene.silent(SIX, DEAD_SIX, 5061, 0.0)
        scene.secure(PC, POOL, 5061, 21.0)

        assert fires(one_device(scene), self.RULE, PC).proof[0].frames == tuple(frames)

    def test_both_tried_at_once(self):
        silent(one_device(self._dual(after=0.3)[0]), self.RULE)

    def test_path_works(self):
        scene, _ = self._dual()
        scene.secure(SIX, DEAD_SIX, 5061, 30.0)

        silent(one_device(scene), self.RULE)

    def test_fragments_are_missing(self):
        case = one_device(self._dual()[0])
        case.tables.captures.loc[0, "fragments_incomplete"] = 1

        inconclusive(case, self.RULE, because="fragments")


def one_device(scene: Scene) -> Case:
    """The case in which both addresses are one PC's."""
    case = scene.case()
    facts = replace(case.devices.of(PC), addresses=(PC, SIX))
    case.devices.devices.update({PC: facts, SIX: facts})
    return case


class TestNextHop:
    RULE = "edge-cannot-resolve-next-hop"

    def _edge(self, name: str = f"pool.{DOMAIN}") -> tuple[Scene, list[int]]:
        scene = mirrored(EDGE)
        scene.looks_up(PC, f"_sipinternaltls._tcp.{DOMAIN}", -3.0, ("SRV", f"pool.{DOMAIN}", 5061), kind=SRV)
        scene.looks_up(EDGE, "_sipfederationtls._tcp.partner.example", -2.0, kind=SRV)
        return scene, scene.looks_up(EDGE, name, 0.0)

    def test_fires_at_the_answer(self):
        scene, frames = self._edge()

        fires(scene, self.RULE, EDGE, frames=set(frames))

    def test_hosts_file_in_use(self):
        scene, _ = self._edge()
        scene.secure(EDGE, POOL, 5061, 1.0)

        silent(scene, self.RULE)

    def test_other_names_may_be_missing(self):
        silent(self._edge(f"printer.{DOMAIN}")[0], self.RULE)

    def test_clients_have_their_own_rules(self):
        scene, _ = self._edge(f"printer.{DOMAIN}")
        scene.looks_up(OTHER_PC, f"pool.{DOMAIN}", 0.0)

        silent(scene, self.RULE)

    def test_name_is_found_at_another_server(self):
        scene, _ = self._edge()
        scene.looks_up(EDGE, f"pool.{DOMAIN}", 1.0, POOL, server="10.1.0.54")

        silent(scene, self.RULE)

    def test_capture_ends(self):
        inconclusive(self._edge()[0].case(seconds=5), self.RULE, because="the capture ends")

    def test_fragments_are_missing(self):
        inconclusive(fragmented(self._edge()[0]), self.RULE, because="fragments")
