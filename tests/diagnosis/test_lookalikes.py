"""What looks like a failure and is another one, or none: each rule beside its closest look-alikes."""

import pytest
from scenes import Scene, accused, doubts, findings, found

from lynccap.diagnosis.catalogue import BY_NAME
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Found, Judgement

DOMAIN = "contoso.example"
POOL, MEMBER, CLIENT, PHONE, PC = "10.9.0.5", "10.9.0.6", "10.1.0.9", "10.1.6.7", "10.2.0.9"
EDGE_INNER, EDGE_OUTER, ACCESS_EDGE, PROXY = "10.9.0.8", "203.0.113.13", "203.0.113.9", "203.0.113.10"
SIP = 5061


def office() -> Scene:
    """A pool by its inner names, with its web services and SIP on one address."""
    scene = Scene()
    for name in ("lyncdiscoverinternal", "sipinternal"):
        scene.named(f"{name}.{DOMAIN}", POOL)
    return scene


def perimeter() -> Scene:
    """An Access Edge and a reverse proxy by their outer names."""
    scene = Scene()
    scene.named(f"sipexternal.{DOMAIN}", ACCESS_EDGE)
    scene.named(f"lyncdiscover.{DOMAIN}", PROXY)
    return scene


def said(rule: str, scene: Scene) -> set[Judgement]:
    """Everything a rule says."""
    return set(BY_NAME[rule].judge(Inquiry(scene.case())))


def frames_of(one: Found) -> set[int]:
    """Every frame a finding shows."""
    return {frame for proof in one.proof for frame in proof.frames}


class TestMediaOfAMobileApp:
    """Mobile apps use the external side of the Edge by design, from the company's Wi-Fi too."""

    RULE = "media-via-external-edge-from-inside"

    def _call(self) -> Scene:
        """A call over the outer relay by a client that reached the inner discovery address."""
        scene = office()
        scene.allocates(PC, EDGE_INNER, 1.0, f"{EDGE_OUTER}:52002")
        scene.asks(CLIENT, f"lyncdiscoverinternal.{DOMAIN}", 2.0)
        scene.secure(CLIENT, POOL, 443, 2.5)
        scene.speaks(scene.allocates(CLIENT, EDGE_OUTER, 5.0, f"{EDGE_OUTER}:52000"), 6.0)
        return scene

    def test_client_that_shows_no_sip_and_no_inner_allocation_is_doubted(self) -> None:
        scene = self._call()

        assert found(self.RULE, scene) == []
        (doubt,) = doubts(self.RULE, scene)
        assert doubt.device == CLIENT
        assert "mobile" in doubt.because

    def test_client_that_signs_in_over_sip_is_found(self) -> None:
        scene = self._call()
        scene.secure(CLIENT, POOL, SIP, 3.0)

        assert [one.device for one in found(self.RULE, scene)] == [CLIENT]

    def test_client_that_tried_the_inner_relay_is_found(self) -> None:
        scene = self._call()
        scene.allocates(CLIENT, EDGE_INNER, 4.0)

        assert [one.device for one in found(self.RULE, scene)] == [CLIENT]

    @pytest.mark.parametrize("user_agent", ["iPhoneLync/5.4 (iPhone iOS 8.1)", "AndroidLync/5.6.2 (Android 5.0)"])
    def test_app_that_names_itself_is_clear(self, user_agent: str) -> None:
        scene = self._call()
        scene.browses(CLIENT, POOL, 2.2, user_agent)

        assert found(self.RULE, scene) == []
        assert doubts(self.RULE, scene) == []

    def test_public_relay_that_hands_out_another_address_is_doubted(self) -> None:
        scene = office()
        scene.secure(CLIENT, POOL, SIP, 1.0)
        scene.speaks(scene.allocates(CLIENT, "198.51.100.21", 5.0, f"{EDGE_OUTER}:52000"), 6.0)

        assert found(self.RULE, scene) == []
        assert [one.device for one in doubts(self.RULE, scene)] == [CLIENT]


@pytest.mark.parametrize("ending", ["refused", "filtered"])
class TestRootChain:
    """A phone has many reasons to try port 80; only one without its root chain fails for want of it."""

    def _phone(self, ending: str) -> Scene:
        """A phone, known as one, that does not get through to port 80 of a pool that works."""
        scene = office()
        scene.asks(PHONE, f"ucupdates-r2.{DOMAIN}", 9.0)
        if ending == "refused":
            scene.refused(PHONE, POOL, 80, 10.0)
        else:
            scene.silent(PHONE, POOL, 80, 10.0)
            scene.asks(PHONE, f"sip.{DOMAIN}", 14.0)
        scene.secure(PC, POOL, 443, 11.0)
        return scene

    def _found(self, ending: str, scene: Scene) -> list[str | None]:
        return [one.device for one in found(f"rootchain-http80-{ending}", scene)]

    def test_is_not_the_matter_of_a_phone_that_neither_boots_nor_refuses_a_certificate(self, ending: str) -> None:
        assert self._found(ending, self._phone(ending)) == []

    def test_is_missing_on_a_phone_that_knows_no_authority(self, ending: str) -> None:
        scene = self._phone(ending)
        scene.distrusts(PHONE, POOL, 443, 25.0)

        assert self._found(ending, scene) == [PHONE]

    def test_is_missing_on_a_phone_that_has_just_booted(self, ending: str) -> None:
        scene = self._phone(ending)
        scene.boots(PHONE, 5.0)

        assert self._found(ending, scene) == [PHONE]

    def test_is_not_shown_by_a_lease_after_the_attempt(self, ending: str) -> None:
        scene = self._phone(ending)
        scene.boots(PHONE, 40.0)

        assert self._found(ending, scene) == []

    def test_is_not_shown_by_another_phones_boot_or_alert(self, ending: str) -> None:
        scene = self._phone(ending)
        scene.boots("10.1.6.99", 5.0)
        scene.distrusts("10.1.6.99", POOL, 443, 25.0)

        assert PHONE not in self._found(ending, scene)

    def test_is_held_by_a_phone_whose_sip_connection_was_there_before_the_capture(self, ending: str) -> None:
        scene = self._phone(ending)
        scene.boots(PHONE, 5.0)  # a renewed lease is acknowledged like a new one
        scene.midstream(PHONE, POOL, SIP, 6.0)

        assert self._found(ending, scene) == []

    def test_is_not_held_for_a_sip_connection_that_only_asks(self, ending: str) -> None:
        scene = self._phone(ending)
        scene.boots(PHONE, 5.0)
        nothing = {"frames_server": 0, "data_frames_server": 0, "bytes_server": 0, "first_frame_server": 0}
        scene.midstream(PHONE, POOL, SIP, 6.0, **nothing, last_frame_server=0, last_time_server=0, first_time_server=0)

        assert self._found(ending, scene) == [PHONE]


class TestUnknownAuthority:
    RULE = "tls-unknown-ca"

    @pytest.mark.parametrize("port", [443, SIP])
    def test_client_that_later_completes_tls_with_the_server_is_clear(self, port: int) -> None:
        scene = office()
        scene.distrusts(CLIENT, POOL, 443, 1.0)
        scene.distrusts(CLIENT, POOL, 443, 2.0)
        scene.secure(CLIENT, POOL, port, 9.0)

        assert said(self.RULE, scene) == {Clear(CLIENT)}

    def test_client_that_completed_tls_only_before_is_found(self) -> None:
        scene = office()
        scene.secure(CLIENT, POOL, 443, 1.0)
        scene.distrusts(CLIENT, POOL, 443, 9.0)

        assert [one.device for one in found(self.RULE, scene)] == [CLIENT]

    def test_success_of_another_client_or_with_another_server_clears_nobody(self) -> None:
        scene = office()
        scene.named(f"lyncdiscoverinternal.{DOMAIN}", MEMBER)
        scene.distrusts(CLIENT, POOL, 443, 1.0)
        scene.secure(CLIENT, MEMBER, 443, 5.0)
        scene.secure(PC, POOL, 443, 5.0)

        assert [(one.device, one.peer) for one in found(self.RULE, scene)] == [(CLIENT, POOL)]

    def test_many_alerts_are_one_finding_with_every_alert(self) -> None:
        scene = office()
        alerts = {scene.distrusts(CLIENT, POOL, 443, float(at)) for at in range(1, 6)}

        (one,) = found(self.RULE, scene)

        assert alerts <= frames_of(one)

    def test_another_device_or_port_is_another_finding(self) -> None:
        scene = office()
        for client, port in ((CLIENT, 443), (CLIENT, SIP), (PC, 443), (PC, 443)):
            scene.distrusts(client, POOL, port, float(len(scene.flows)))

        ends = [(one.device, one.peer, one.port) for one in found(self.RULE, scene)]

        assert sorted(ends, key=str) == [(CLIENT, POOL, 443), (CLIENT, POOL, SIP), (PC, POOL, 443)]

    def test_self_signed_telephone_system_on_5061_is_nobodys_lync(self) -> None:
        scene = Scene()
        scene.named("sip.home.example", "10.2.0.5")
        for at in (1.0, 6.0, 11.0):
            scene.distrusts(CLIENT, "10.2.0.5", SIP, at)

        assert accused(scene) == set()

    def test_printer_with_a_name_lync_uses_too_is_nobodys_lync(self) -> None:
        scene = office()
        scene.named(f"meet.{DOMAIN}", "10.9.0.77")
        scene.secure(PC, POOL, SIP, 1.0)
        for port in (443, 8057):
            scene.distrusts(PC, "10.9.0.77", port, 5.0)

        assert accused(scene) == set()

    def test_lync_phone_says_it_of_a_sip_server_that_nothing_names(self) -> None:
        scene = Scene()
        scene.boots(PHONE, 0.0)
        scene.distrusts(PHONE, POOL, SIP, 5.0)

        assert [(one.device, one.peer) for one in found(self.RULE, scene)] == [(PHONE, POOL)]


class TestPortsNobodyNeeds:
    def test_required_port_refused_to_a_client_of_unknown_place_is_found(self) -> None:
        scene = office()
        scene.refused(CLIENT, POOL, SIP, 5.0)
        scene.secure(PC, POOL, 443, 6.0)

        assert accused(scene) == {("tcp-refused-by-host", CLIENT)}

    def test_optional_port_is_nothing(self) -> None:
        scene = office()
        scene.refused(CLIENT, POOL, 8058, 5.0)
        scene.secure(PC, POOL, 443, 6.0)

        assert accused(scene) == set()

    @pytest.mark.parametrize("client", ["192.168.178.20", "198.51.100.4"], ids=["behind a router", "public"])
    def test_access_edge_that_refuses_fallbacks_to_a_signed_in_client_is_nothing(self, client: str) -> None:
        scene = perimeter()
        scene.service(f"_sip._tls.{DOMAIN}", f"sip.{DOMAIN}", 443)
        scene.named(f"sip.{DOMAIN}", ACCESS_EDGE)
        scene.secure(client, ACCESS_EDGE, 443, 2.0)
        for port in (SIP, 80, 5060):
            scene.refused(client, ACCESS_EDGE, port, 5.0)

        assert accused(scene) == set()

    def test_access_edge_that_refuses_443_to_an_outside_client_is_found(self) -> None:
        scene = perimeter()
        scene.refused("198.51.100.4", ACCESS_EDGE, 443, 5.0)

        assert accused(scene) == {("tcp-refused-by-host", "198.51.100.4")}

    def test_inner_port_tried_from_outside_is_nothing(self) -> None:
        scene = perimeter()
        scene.named(f"lyncdiscoverinternal.{DOMAIN}", POOL)
        scene.named(f"sipinternal.{DOMAIN}", POOL)
        scene.secure("192.168.178.20", ACCESS_EDGE, 443, 2.0)
        scene.refused("192.168.178.20", POOL, SIP, 5.0)

        assert accused(scene) == set()

    def test_outer_port_tried_from_inside_is_nothing(self) -> None:
        scene = office()
        scene.named(f"sipexternal.{DOMAIN}", ACCESS_EDGE)
        scene.secure(CLIENT, POOL, SIP, 2.0)
        scene.refused(CLIENT, ACCESS_EDGE, 443, 5.0)

        assert accused(scene) == set()

    @pytest.mark.parametrize("ending", ["refused", "silent"])
    def test_server_known_only_by_its_certificate_is_nothing(self, ending: str) -> None:
        scene = office()
        mail = "10.9.0.70"
        scene.secure(PC, mail, 443, 1.0)
        names = (f"lyncdiscoverinternal.{DOMAIN}", f"sip.{DOMAIN}", f"mail.{DOMAIN}")
        scene.certificates[-1] |= {"names": names, "common_name": names[0]}
        getattr(scene, ending)(CLIENT, mail, SIP, 5.0)
        scene.secure(PC, mail, 443, 20.0)
        scene.asks(CLIENT, "www.news.test", 20.0)

        assert accused(scene) == set()


class TestPort80OfTheReverseProxy:
    RULE = "state-rp80-refused-external"

    def _scene(self, inside: bool) -> Scene:
        scene = office()
        scene.named(f"lyncdiscover.{DOMAIN}", PROXY)
        if inside:
            scene.secure(CLIENT, POOL, SIP, 1.0)
        scene.secure(CLIENT, PROXY, 443, 5.0)
        scene.refused(CLIENT, PROXY, 80, 6.0)
        return scene

    @pytest.mark.parametrize("inside", [True, False])
    def test_refused_beside_an_open_443_is_by_design_for_anybody(self, inside: bool) -> None:
        scene = self._scene(inside)

        assert [one.device for one in found(self.RULE, scene)] == [CLIENT]
        assert accused(scene) == set()

    def test_refused_to_a_public_client_at_the_proxys_own_address_is_the_same(self) -> None:
        scene = office()
        visitor, proxy = "203.0.113.250", "10.8.8.20"
        scene.named(f"lyncdiscover.{DOMAIN}", proxy)
        scene.secure(visitor, proxy, 443, 2.0)
        scene.refused(visitor, proxy, 80, 1.0)

        assert [one.device for one in found(self.RULE, scene)] == [visitor]
        assert accused(scene) == set()


class TestForbiddenDatagrams:
    RULE = "icmp-admin-prohibited"

    def _scene(self) -> Scene:
        """A relay that works for a PC and is forbidden to a client."""
        scene = office()
        scene.allocates(PC, EDGE_INNER, 1.0, f"{EDGE_OUTER}:52002")
        scene.forbidden(scene.allocates(CLIENT, EDGE_INNER, 5.0), 5.01)
        return scene

    def test_towards_the_relay_are_found(self) -> None:
        assert [(one.device, one.port) for one in found(self.RULE, self._scene())] == [(CLIENT, 3478)]

    def test_towards_a_peers_relayed_port_are_a_probe(self) -> None:
        scene = office()
        scene.allocates(PC, EDGE_INNER, 1.0, f"{EDGE_OUTER}:52002")
        scene.forbidden(scene.oneway(CLIENT, EDGE_OUTER, 52_002, 5.0, stack="stun"), 5.01)

        assert found(self.RULE, scene) == []

    def test_of_a_device_with_an_allocation_elsewhere_are_nothing(self) -> None:
        scene = self._scene()
        scene.allocates(CLIENT, "10.9.0.18", 6.0, f"{EDGE_OUTER}:52000")

        assert found(self.RULE, scene) == []

    def test_of_a_device_whose_media_flows_are_nothing(self) -> None:
        scene = self._scene()
        scene.speaks(scene.exchange(CLIENT, PC, 50_040, 7.0, stack="rtp"), 7.0)

        assert found(self.RULE, scene) == []


class TestSilence:
    RULE, NOBODY = "tcp-filtered-silent", "sip-registrar-unreachable-internal"

    def _silent(self, **facts: object) -> Scene:
        """A device that gets no answer on 5061 from second 20, and DNS answers all the while."""
        scene = office()
        scene.asks(CLIENT, "www.news.test", 19.0)
        scene.silent(CLIENT, POOL, SIP, 20.0, **facts)  # type: ignore[arg-type]
        scene.asks(CLIENT, "www.news.test", 24.0)
        scene.asks(CLIENT, "www.news.test", 40.0)
        return scene

    def _doubted(self, scene: Scene) -> list[str]:
        assert found(self.RULE, scene) == []
        assert found(self.NOBODY, scene) == []
        return [one.because for rule in (self.RULE, self.NOBODY) for one in doubts(rule, scene) if one.device == CLIENT]

    def test_of_a_host_that_answers_others_later_is_found(self) -> None:
        scene = self._silent()
        scene.secure(PC, POOL, SIP, 25.0)

        assert [(one.device, one.confidence) for one in found(self.RULE, scene)] == [(CLIENT, "certain")]

    def test_of_a_host_whose_older_connection_goes_on_is_found(self) -> None:
        scene = self._silent()
        scene.secure(PC, POOL, SIP, 1.0, seconds=40.0)

        assert [one.device for one in found(self.RULE, scene)] == [CLIENT]

    def test_of_a_host_that_answered_only_before_is_the_servers_matter_first(self) -> None:
        scene = self._silent()
        for at, client in enumerate((CLIENT, PC, "10.3.0.9")):
            scene.secure(client, POOL, 443, float(at))

        (one,) = found(self.NOBODY, scene)

        assert found(self.RULE, scene) == []
        assert one.act[0] == "Lync administrator"

    def test_of_a_host_the_client_itself_reached_on_this_port_before_is_doubted(self) -> None:
        scene = self._silent()
        scene.secure(CLIENT, POOL, SIP, 1.0)

        assert len(self._doubted(scene)) == 1

    def test_of_everybody_towards_one_device_is_doubted(self) -> None:
        scene = office()
        scene.named(f"lyncdiscoverinternal.{DOMAIN}", MEMBER)
        scene.asks(CLIENT, f"pool.{DOMAIN}", 5.0)
        scene.secure(CLIENT, MEMBER, 443, 6.0)
        for server, port in ((POOL, SIP), (MEMBER, 443), ("10.9.0.60", 445)):
            scene.silent(CLIENT, server, port, 20.0)
        for server in (POOL, MEMBER):
            scene.secure(PC, server, SIP, 25.0)
            scene.secure(PC, server, 443, 35.0)

        assert accused(scene) == set()
        assert all(f"reaches {CLIENT}" in because for because in self._doubted(scene))
        assert self._doubted(scene)

    @pytest.mark.parametrize("at", [24.0, 40.0], ids=["between its tries", "after its tries"])
    def test_of_one_server_towards_a_device_that_others_reach_is_found(self, at: float) -> None:
        scene = office()
        scene.asks(CLIENT, f"pool.{DOMAIN}", 5.0)
        scene.silent(CLIENT, POOL, SIP, 20.0)
        scene.secure(PC, POOL, SIP, 25.0)
        scene.asks(CLIENT, "www.news.test", at)

        assert [one.device for one in found(self.RULE, scene)] == [CLIENT]

    @pytest.mark.parametrize(
        "after", [(0, 3), (0, 0.5, 1.0), (0, 0.15, 3, 3.15)], ids=["two", "three within a second", "two with copies"]
    )
    def test_after_too_few_tries_is_doubted(self, after: tuple[float, ...]) -> None:
        scene = self._silent(after=after)
        scene.secure(PC, POOL, SIP, 25.0)

        assert len(self._doubted(scene)) == 1

    def test_after_three_tries_over_2_and_a_half_seconds_is_found(self) -> None:
        scene = self._silent(after=(0, 1.0, 2.6))
        scene.secure(PC, POOL, SIP, 25.0)

        assert [one.device for one in found(self.RULE, scene)] == [CLIENT]

    @pytest.mark.parametrize("offsets", [(0, 0.05, 0.1), (0, 3, 9)], ids=["at once", "one after the other"])
    def test_of_three_connections_tried_once_each_is_doubted(self, offsets: tuple[float, ...]) -> None:
        scene = office()
        scene.asks(CLIENT, f"pool.{DOMAIN}", 5.0)
        for offset in offsets:
            scene.silent(CLIENT, POOL, SIP, 20.0 + offset, after=(0,))
        scene.asks(CLIENT, "www.news.test", 40.0)
        scene.secure(PC, POOL, SIP, 25.0)

        assert len(self._doubted(scene)) == 1


class TestRefusal:
    HOST, BETWEEN = "tcp-refused-by-host", "tcp-refused-by-middlebox"

    def _refused(self, **facts: object) -> Scene:
        scene = office()
        scene.refused(CLIENT, POOL, SIP, 10.0, **facts)  # type: ignore[arg-type]
        scene.secure(PC, POOL, 443, 12.0)
        return scene

    def test_with_the_hosts_own_ttl_twice_is_certain(self) -> None:
        (one,) = found(self.HOST, self._refused())

        assert one.confidence == "certain"

    def test_with_one_of_several_ttls_of_the_host_is_the_hosts(self) -> None:
        scene = self._refused(ttl=63)
        scene.secure(PC, POOL, 443, 14.0, ttl_server_min=63, ttl_server_max=63)

        (one,) = found(self.HOST, scene)

        assert one.confidence == "certain"

    @pytest.mark.parametrize("ttl", [125, 127])
    def test_one_hop_apart_does_not_say_whose_it_is(self, ttl: int) -> None:
        scene = self._refused(ttl=ttl)

        (one,) = found(self.HOST, scene)

        assert one.confidence in ("likely", "possible")
        assert "own TTL" not in one.says + one.why
        assert found(self.BETWEEN, scene) == []

    @pytest.mark.parametrize("ttl", [62, 124, 128, 255])
    def test_more_than_one_hop_apart_is_a_box_in_between(self, ttl: int) -> None:
        scene = self._refused(ttl=ttl)

        assert [one.device for one in found(self.BETWEEN, scene)] == [CLIENT]
        assert found(self.HOST, scene) == []

    @pytest.mark.parametrize("copies", [(0.0, 0.00005), (0.0, 0.15)], ids=["of a mirror", "from far behind a router"])
    def test_copies_of_one_refusal_are_one(self, copies: tuple[float, ...]) -> None:
        (one,) = found(self.HOST, self._refused(tries=1, copies=copies))

        assert one.confidence == "likely"

    def test_one_refusal_seen_on_both_sides_of_a_router_is_one(self) -> None:
        scene = self._refused(tries=1, copies=(0.0, 0.0004))
        scene.controls[-1]["ttl"] = 125  # the second reset, one hop on
        scene.secure(PC, POOL, 443, 14.0, ttl_server_min=125, ttl_server_max=126)

        (one,) = found(self.HOST, scene)

        assert one.confidence == "likely"

    def test_that_ends_with_another_client_accepted_is_a_restart(self) -> None:
        scene = self._refused(tries=3)
        scene.secure("10.1.0.34", POOL, SIP, 5.0)
        scene.secure("10.1.0.34", POOL, SIP, 15.0)

        assert found(self.HOST, scene) == []
        (doubt,) = doubts(self.HOST, scene)
        assert doubt.device == CLIENT
        assert "restart" in doubt.because

    def test_that_lasts_longer_than_a_restart_is_found(self) -> None:
        scene = self._refused(tries=4, every=4.0)
        scene.secure("10.1.0.34", POOL, SIP, 30.0)

        assert [one.device for one in found(self.HOST, scene)] == [CLIENT]

    def test_with_nobody_accepted_afterwards_is_no_restart(self) -> None:
        scene = self._refused(tries=3)
        scene.secure("10.1.0.34", POOL, SIP, 5.0)

        assert [one.device for one in found(self.HOST, scene)] == [CLIENT]

    def test_after_a_connection_that_worked_is_found(self) -> None:
        scene = self._refused(tries=3)
        scene.secure(CLIENT, POOL, SIP, 1.0)
        scene.asks(CLIENT, f"lyncdiscoverinternal.{DOMAIN}", 0.5)

        assert [one.device for one in found("sip-registrar-unreachable-internal", scene)] == [CLIENT]

    def test_while_others_are_accepted_is_about_this_client(self) -> None:
        scene = office()
        scene.refused(CLIENT, POOL, SIP, 10.0, tries=3)
        scene.refused(CLIENT, POOL, SIP, 30.0, tries=3)
        for number in range(10):
            scene.secure(f"10.1.7.{10 + number}", POOL, SIP, 9.0 + 3 * number, seconds=2.0)

        (one,) = [one for one in findings(scene) if one.rule == self.HOST]

        assert one.device == CLIENT
        assert "this client" in one.causes[0]
        assert "stopped" not in one.causes[0]

    def test_of_everybody_is_about_the_service(self) -> None:
        scene = office()
        for client in (CLIENT, PC):
            scene.refused(client, POOL, SIP, 10.0, tries=3)
            scene.secure(client, POOL, 443, 12.0)

        told = [one for one in findings(scene) if one.rule == "sip-registrar-unreachable-internal"]

        assert [one.device for one in told] == [CLIENT, PC]
        assert all("service" in one.causes[0] for one in told)

    def test_of_conference_data_to_everybody_is_about_the_service(self) -> None:
        scene = office()
        clients = [f"10.1.{20 + number}.9" for number in range(4)]
        for client in clients:
            scene.secure(client, POOL, SIP, 2.0, seconds=60.0)
            scene.refused(client, POOL, 8057, 12.0, tries=3)

        told = [one for one in findings(scene) if one.rule == "psom-8057-blocked-internal"]

        assert [one.device for one in told] == clients
        for one in told:
            assert "service" in one.causes[0]
            assert any("service owner" in who for who in one.act)


class TestProvisioning:
    RULE = "certprov-http-error"

    def test_error_of_one_member_and_an_answer_of_the_next_is_clear(self) -> None:
        scene = office()
        scene.named(f"lyncdiscoverinternal.{DOMAIN}", MEMBER)
        scene.provisions(PHONE, POOL, 3.0, "http-error", 503)
        scene.provisions(PHONE, MEMBER, 4.0, "ok", 200, certificates=(b"x",))

        assert said(self.RULE, scene) == {Clear(PHONE)}

    def test_answer_before_the_error_clears_nothing(self) -> None:
        scene = office()
        scene.provisions(PHONE, MEMBER, 3.0, "ok", 200, certificates=(b"x",))
        scene.provisions(PHONE, POOL, 4.0, "http-error", 503)

        assert [one.device for one in found(self.RULE, scene)] == [PHONE]

    def test_answer_to_another_phone_clears_nothing(self) -> None:
        scene = office()
        scene.provisions(PHONE, POOL, 3.0, "http-error", 503)
        scene.provisions("10.1.6.8", POOL, 4.0, "ok", 200, certificates=(b"x",))

        assert [one.device for one in found(self.RULE, scene)] == [PHONE]

    @pytest.mark.parametrize(("challenges", "devices"), [(1, []), (2, []), (3, [PHONE]), (4, [PHONE])])
    def test_anonymous_request_challenged_three_times_is_a_failure(
        self, challenges: int, devices: list[str | None]
    ) -> None:
        scene = office()
        for number in range(challenges):
            scene.provisions(PHONE, POOL, 3.0 + number, "challenged", 401)

        assert [one.device for one in found(self.RULE, scene)] == devices

    def test_challenges_that_end_in_an_answer_are_clear(self) -> None:
        scene = office()
        for number in range(3):
            scene.provisions(PHONE, POOL, 3.0 + number, "challenged", 401)
        scene.provisions(PHONE, POOL, 8.0, "ok", 200, certificates=(b"x",))

        assert found(self.RULE, scene) == []

    def test_challenge_of_a_request_with_credentials_is_authentication(self) -> None:
        scene = office()
        for number in range(3):
            scene.provisions(PHONE, POOL, 3.0 + number, "challenged", 401, step="get-certificate", anonymous=False)

        assert found(self.RULE, scene) == []

    @pytest.mark.parametrize(
        ("certificates", "distrusts", "devices"),
        [((), True, [PHONE]), ((), False, []), ((b"x",), True, [])],
        ids=["no certificate, then the alert", "no certificate", "certificates, then the alert"],
    )
    def test_answer_without_certificates_before_the_phones_alert_is_a_failure(
        self, certificates: tuple[bytes, ...], distrusts: bool, devices: list[str | None]
    ) -> None:
        scene = office()
        scene.provisions(PHONE, POOL, 3.0, "ok", 200, certificates=certificates)
        if distrusts:
            scene.distrusts(PHONE, POOL, 443, 10.0)

        assert [one.device for one in found(self.RULE, scene)] == devices

    @pytest.mark.parametrize("status", [200, 500])
    def test_soap_fault_is_named(self, status: int) -> None:
        scene = office()
        scene.provisions(PHONE, POOL, 3.0, "fault", status, fault_reason="Internal error")

        (one,) = found(self.RULE, scene)

        assert "SOAP fault" in one.says


class TestProvisioningSentToTls:
    """A phone without the root chain cannot follow a redirect to HTTPS."""

    RULE = "certprov-redirected-to-https"

    def _scene(self, location: str = "https://web.contoso.example/", status: int = 302) -> Scene:
        scene = office()
        for at in (3.0, 4.0):
            scene.provisions(PHONE, POOL, at, "redirected", status, location=location)
        return scene

    @pytest.mark.parametrize("status", [301, 302, 307, 308])
    def test_before_the_phones_alert_is_found(self, status: int) -> None:
        scene = self._scene(status=status)
        alert = scene.distrusts(PHONE, POOL, 443, 10.0)

        (one,) = found(self.RULE, scene)

        assert (one.device, one.peer) == (PHONE, POOL)
        assert alert in frames_of(one)
        (told,) = [one for one in findings(scene) if one.rule == self.RULE]
        assert told.severity == "critical"
        assert any("load balancer team" in who for who in told.act)

    def test_without_any_tls_after_it_is_found(self) -> None:
        (one,) = found(self.RULE, self._scene())

        assert "never starts TLS" in one.why

    def test_another_devices_alert_is_not_the_phones(self) -> None:
        scene = self._scene()
        alert = scene.distrusts(PC, POOL, 443, 10.0)

        (one,) = found(self.RULE, scene)

        assert alert not in frames_of(one)

    def test_redirect_to_another_http_address_is_not_it(self) -> None:
        scene = self._scene(location="http://web2.contoso.example/")
        scene.distrusts(PHONE, POOL, 443, 10.0)

        assert found(self.RULE, scene) == []
        assert doubts(self.RULE, scene) == []


class TestAudioOverTcp:
    RULE = "media-tcp443-fallback"

    def _scene(self, payload_type: int = 114, silent: str = EDGE_INNER) -> Scene:
        """Media over TCP 443 to the Edge after requests over UDP that some relay did not answer."""
        scene = office()
        scene.secure(CLIENT, POOL, SIP, 1.0, seconds=60.0)
        scene.allocates(CLIENT, silent, 3.0)
        of = scene.allocates(CLIENT, EDGE_INNER, 5.0, f"{EDGE_OUTER}:52000", over="tcp")
        scene.speaks(of, 6.0, payload_type=payload_type, carried="turn-tcp")
        return scene

    @pytest.mark.parametrize("payload_type", [0, 8, 114])
    def test_is_found_where_the_same_relay_ignores_udp(self, payload_type: int) -> None:
        assert [(one.device, one.peer) for one in found(self.RULE, self._scene(payload_type))] == [(CLIENT, EDGE_INNER)]

    @pytest.mark.parametrize("payload_type", [127, 34, 121, 122, 123], ids=["sharing", "h263", "rtv", "x264uc", "fec"])
    def test_is_not_video_or_a_shared_screen(self, payload_type: int) -> None:
        assert found(self.RULE, self._scene(payload_type)) == []

    def test_after_requests_to_another_relay_is_doubted(self) -> None:
        scene = self._scene(silent="10.9.0.99")

        assert found(self.RULE, scene) == []
        assert [one.device for one in doubts(self.RULE, scene)] == [CLIENT]


class TestRelayedInside:
    RULE = "media-relayed-internal-edge"

    def _told(self, sides: tuple[bool, ...]) -> list[Found]:
        scene = office()
        for client, own, other in ((CLIENT, 52_000, 52_002), (PC, 52_002, 52_000)):
            of = scene.allocates(client, EDGE_INNER, 5.0, f"{EDGE_OUTER}:{own}", peer=f"{EDGE_OUTER}:{other}")
            scene.speaks(of, 6.0, sides=sides if client == CLIENT else (True, False))
        return found(self.RULE, scene)

    @pytest.mark.parametrize("side", [True, False])
    def test_media_in_one_direction_only_is_no_working_call(self, side: bool) -> None:
        assert all("working call" not in one.says + one.why for one in self._told((side,)))

    def test_media_in_both_directions_is_told(self) -> None:
        assert {one.device for one in self._told((True, False))} == {CLIENT, PC}


class TestAutodiscoverRace:
    RULE = "state-autodiscover-race"

    def _raced(self, alert: bool) -> list[Found]:
        scene = office()
        dropped = {"closing": "client-rst", "data_frames_client": 0, "data_frames_server": 0}
        scene.connect(CLIENT, POOL, 80, 2.0, seconds=0.3, bytes_client=0, bytes_server=0, **dropped)
        (scene.distrusts if alert else scene.secure)(CLIENT, POOL, 443, 2.01)
        return found(self.RULE, scene)

    def test_is_told_where_the_winner_answers(self) -> None:
        assert [one.port for one in self._raced(alert=False)] == [443]

    def test_is_none_where_the_winner_ended_with_an_alert(self) -> None:
        assert self._raced(alert=True) == []
