import pytest
from dns_sites import (
    AWAY,
    DISCOVERY,
    DOMAIN,
    EVERYTHING,
    MEMBER,
    OTHER_PC,
    OUTER_DNS,
    PC,
    POOL,
    PROXY,
    SRV,
    WEBSITE,
    asks_for_all,
    fragmented,
    inside,
    mirrored,
)
from proofs import fires, inconclusive, silent
from scenes import RESOLVER, Scene

from lynccap.document import Severity

INNER, OUTER = (f"{name}.{DOMAIN}" for name in DISCOVERY)
INNER_SRV, OUTER_SRV = f"_sipinternaltls._tcp.{DOMAIN}", f"_sip._tls.{DOMAIN}"
OFFICE365 = "webdir.online.lync.com"


class TestMissingInside:
    RULE = "dns-lyncdiscoverinternal-missing-inside"

    def _sent_out(self, address: str = PROXY) -> tuple[Scene, list[int]]:
        scene = mirrored(PC)
        frames = scene.looks_up(PC, INNER, 0.0) + scene.looks_up(PC, OUTER, 0.1, address)
        return scene, frames

    def test_fires_at_both_answers_and_the_way_out(self):
        scene, frames = self._sent_out()
        of = scene.secure(PC, PROXY, 443, 1.0)

        one = fires(scene, self.RULE, PC, frames={*frames, scene.flows[of]["first_frame"]})

        assert one.peer == RESOLVER

    def test_signs_in_by_srv_all_the_same(self):
        scene, _ = self._sent_out()
        scene.secure(PC, POOL, 5061, 2.0)

        silent(scene, self.RULE)

    def test_lync_2010_does_not_ask(self):
        scene = mirrored(PC)
        scene.looks_up(PC, INNER_SRV, 0.0, kind=SRV)
        scene.looks_up(PC, OUTER, 0.1, PROXY)

        silent(scene, self.RULE)

    def test_mobile_apps_go_out_by_design(self):
        scene, _ = self._sent_out()
        scene.browses(PC, PROXY, 1.0, "iPhoneLync/6.3.1608.0000")

        silent(scene, self.RULE)

    def test_lyncdiscover_leads_to_the_pool(self):
        silent(self._sent_out(POOL)[0], self.RULE)

    def test_users_of_the_cloud(self):
        scene = mirrored(PC)
        scene.looks_up(PC, INNER, 0.0)
        scene.looks_up(PC, OUTER, 0.1, ("CNAME", OFFICE365, 0), ("A", "52.112.0.14", 0, OFFICE365))
        scene.secure(PC, "52.112.0.14", 443, 1.0)

        silent(scene, self.RULE)

    def test_client_outside(self):
        scene = mirrored(AWAY, Scene())
        scene.looks_up(AWAY, INNER, 0.0, server=OUTER_DNS)
        scene.looks_up(AWAY, OUTER, 0.1, PROXY, server=OUTER_DNS)
        scene.secure(AWAY, PROXY, 443, 1.0)

        silent(scene, self.RULE)

    def test_capture_ends_before_it_goes_anywhere(self):
        scene, _ = self._sent_out()

        inconclusive(scene.case(seconds=5), self.RULE, because="the capture ends")


class TestNoAutodiscover:
    RULE = "dns-lyncdiscover-missing"

    def _asks(self, client: str = PC, scene: Scene | None = None) -> tuple[Scene, list[int]]:
        scene = mirrored(client, scene)
        return scene, [frame for at, name in ((0.0, INNER), (0.1, OUTER)) for frame in scene.looks_up(client, name, at)]

    def test_fires_where_the_client_stops(self):
        scene, frames = self._asks()

        one = fires(scene, self.RULE, PC, frames=set(frames))

        assert (one.severity, one.rejected) == (None, ())

    def test_desktop_outside_goes_on(self):
        scene, _ = self._asks(AWAY, Scene())
        scene.looks_up(AWAY, OUTER_SRV, 0.2, ("SRV", f"sip.{DOMAIN}", 443), ("A", PROXY, 0, f"sip.{DOMAIN}"), kind=SRV)
        scene.named(f"sipexternal.{DOMAIN}", PROXY)
        scene.secure(AWAY, PROXY, 443, 1.0)

        one = fires(scene, self.RULE, AWAY)

        assert one.severity is Severity.MINOR
        assert [name for name, _ in one.rejected] == ["dns-all-discovery-exhausted"]

    def test_inside_by_srv(self):
        scene, _ = self._asks()
        scene.looks_up(PC, INNER_SRV, 0.2, ("SRV", f"pool.{DOMAIN}", 5061), kind=SRV)
        scene.secure(PC, POOL, 5061, 1.0)

        silent(scene, self.RULE)

    def test_servers_typed_in_by_hand(self):
        scene, _ = self._asks()
        scene.secure(PC, POOL, 5061, 1.0)

        silent(scene, self.RULE)

    def test_one_of_both_exists(self):
        scene, _ = self._asks()
        scene.looks_up(PC, OUTER, 3.0, PROXY)

        silent(scene, self.RULE)

    def test_whole_list_in_vain_is_another_rule(self):
        scene = mirrored(PC)
        asks_for_all(scene, PC)

        silent(scene, self.RULE)

    def test_address_of_one_kind_says_nothing_of_the_other(self):
        scene = mirrored(PC)
        for at, name in enumerate((INNER, OUTER)):
            scene.looks_up(PC, name, at, rcode="noerror", kind=28)

        silent(scene, self.RULE)

    def test_answer_is_not_whole(self):
        scene = mirrored(PC)
        scene.looks_up(PC, INNER, 0.0)
        scene.looks_up(PC, OUTER, 0.1, ("CNAME", f"web.{DOMAIN}", 0), whole=False)

        silent(scene, self.RULE)

    def test_capture_ends(self):
        inconclusive(self._asks()[0].case(seconds=5), self.RULE, because="the capture ends")

    def test_fragments_are_missing(self):
        inconclusive(fragmented(self._asks()[0]), self.RULE, because="fragments")


class TestNoServiceRecord:
    RULE = "dns-sip-srv-missing"

    def _falls_back(
        self, client: str = PC, record: str = INNER_SRV, scene: Scene | None = None
    ) -> tuple[Scene, list[int]]:
        scene = mirrored(client, scene)
        frames = scene.looks_up(client, record, 0.0, kind=SRV)
        return scene, frames + scene.looks_up(client, f"sip.{DOMAIN}", 0.5, POOL)

    def test_fires_inside(self):
        scene, frames = self._falls_back()
        frames += scene.looks_up(PC, f"sipinternal.{DOMAIN}", 0.3)

        fires(scene, self.RULE, PC, frames=set(frames))

    def test_fires_outside(self):
        scene, _ = self._falls_back(AWAY, OUTER_SRV, Scene())
        scene.looks_up(AWAY, f"sipexternal.{DOMAIN}", 0.8)

        assert OUTER_SRV in fires(scene, self.RULE, AWAY).says

    def test_autodiscover_answered(self):
        scene, _ = self._falls_back()
        scene.looks_up(PC, INNER, -0.5, POOL)

        silent(scene, self.RULE)

    def test_resolver_that_hangs_its_search_list_on(self):
        scene = mirrored(PC)
        for at, suffix in ((0.0, ".corp.example"), (1.0, "")):
            scene.looks_up(PC, f"{INNER}{suffix}", at, *([] if suffix else [POOL]))
            if suffix:
                scene.looks_up(PC, f"{INNER_SRV}{suffix}", at + 0.1, kind=SRV)
                scene.looks_up(PC, f"sipinternal.{DOMAIN}{suffix}", at + 0.2)
                scene.looks_up(PC, f"sip.{DOMAIN}{suffix}", at + 0.3)

        silent(scene, self.RULE)

    def test_inner_record_is_missing_outside(self):
        scene, _ = self._falls_back(AWAY, INNER_SRV, Scene())

        silent(scene, self.RULE)

    def test_outer_record_is_missing_inside(self):
        scene, _ = self._falls_back(PC, OUTER_SRV)
        scene.looks_up(PC, f"sipinternal.{DOMAIN}", 0.8, POOL)

        silent(scene, self.RULE)

    def test_nothing_falls_back(self):
        scene = mirrored(PC)
        scene.looks_up(PC, INNER_SRV, 0.0, kind=SRV)

        silent(scene, self.RULE)

    def test_side_is_unknown(self):
        scene = mirrored("192.168.7.9", Scene())
        scene.looks_up("192.168.7.9", INNER_SRV, 0.0, kind=SRV)
        scene.looks_up("192.168.7.9", f"sip.{DOMAIN}", 0.5, "192.0.2.7")

        inconclusive(scene, self.RULE, because="on which side")


class TestExhausted:
    RULE = "dns-all-discovery-exhausted"

    def _in_vain(self, domain: str = DOMAIN, names: tuple[str, ...] = EVERYTHING) -> Scene:
        scene = mirrored(PC)
        asks_for_all(scene, PC, domain, names)
        return scene

    def test_fires_at_questions_and_answers(self):
        scene = self._in_vain()
        scene.looks_up(OTHER_PC, INNER, 1.0, POOL)

        one = fires(scene, self.RULE, PC)

        assert len(one.proof[0].frames) == 2 * len(EVERYTHING)

    def test_an_address_that_nobody_reaches(self):
        scene = mirrored(PC)
        asks_for_all(scene, PC, names=EVERYTHING[:-1])
        scene.looks_up(PC, f"sip.{DOMAIN}", 5.0, MEMBER)
        scene.silent(PC, MEMBER, 5061, 6.0)

        assert "do not answer" in fires(scene, self.RULE, PC).says

    def test_domain_may_be_mistyped(self):
        inconclusive(self._in_vain("tran.example"), self.RULE, because="mistyped")

    def test_list_is_not_at_its_end(self):
        scene = self._in_vain(names=EVERYTHING[:4])
        scene.looks_up(OTHER_PC, INNER, 1.0, POOL)

        silent(scene, self.RULE)

    def test_reaches_a_server_it_knew(self):
        scene = self._in_vain()
        scene.looks_up(OTHER_PC, INNER, 1.0, POOL)
        scene.secure(PC, POOL, 5061, 8.0)

        silent(scene, self.RULE)

    def test_answer_is_not_whole(self):
        scene = mirrored(PC)
        asks_for_all(scene, PC, names=EVERYTHING[1:])
        scene.looks_up(PC, INNER, -0.5, ("CNAME", f"web.{DOMAIN}", 0), whole=False)

        silent(scene, self.RULE)

    @pytest.mark.parametrize(("seconds", "because"), [(9, "the capture ends"), (90, "fragments")])
    def test_degraded(self, seconds, because):
        scene = self._in_vain()
        scene.looks_up(OTHER_PC, INNER, 1.0, POOL)
        case = scene.case(seconds=seconds)
        if because == "fragments":
            case.tables.captures.loc[0, "fragments_incomplete"] = 1

        inconclusive(case, self.RULE, because=because)

    def test_one_direction(self):
        scene = inside()
        asks_for_all(scene, PC)
        for row in scene.flows:
            if row["client"] == PC:
                row["frames_server"] = 0

        inconclusive(scene, self.RULE, because="in both directions")


class TestDelay:
    RULE = "dns-search-order-delay"

    def _waits(self, *, dead: bool = True) -> tuple[Scene, int]:
        scene = mirrored(PC)
        scene.looks_up(PC, INNER, 0.0, MEMBER)
        if dead:
            scene.silent(PC, MEMBER, 443, 0.1)
        scene.looks_up(PC, INNER_SRV, 20.0, ("SRV", f"pool.{DOMAIN}", 5061), kind=SRV)
        return scene, scene.secure(PC, POOL, 5061, 21.0)

    def test_fires_with_what_it_waited_for(self):
        scene, of = self._waits()

        one = fires(scene, self.RULE, PC)

        assert MEMBER in one.why
        assert scene.flows[of]["first_frame"] in one.proof[-1].frames

    def test_somebody_was_asked_meanwhile(self):
        inconclusive(self._waits(dead=False)[0], self.RULE, because="only 0 s were waited")

    def test_quick_sign_in(self):
        scene = mirrored(PC)
        scene.looks_up(PC, INNER, 0.0, POOL)
        scene.secure(PC, POOL, 5061, 1.0)

        silent(scene, self.RULE)

    def test_never_signs_in(self):
        scene = mirrored(PC)
        scene.looks_up(PC, INNER, 0.0, MEMBER)
        scene.silent(PC, MEMBER, 443, 0.1)

        silent(scene, self.RULE)

    def test_packets_are_missing(self):
        scene, _ = self._waits()
        scene.connect(PC, WEBSITE, 80, 1.0, seconds=9.0, lost_server=9000, bytes_server=20_000)

        inconclusive(scene, self.RULE, because="acknowledged")
