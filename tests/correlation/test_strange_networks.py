"""Networks that look like Lync, or like another Lync than they are: who is who stays what the frames show."""

import time
from typing import Any

import pytest
from cases import SECOND, START, answer, case, dns_flow, flow, reset, syn, tables
from scenes import Scene

from lynccap.correlation.attempts import Attempt, Ending, read_attempts
from lynccap.correlation.case import Case, build_case
from lynccap.correlation.media.relays import Side
from lynccap.correlation.roles.sides import Location

CLIENT, POOL, STRANGER = "10.1.0.9", "10.9.0.5", "10.9.0.77"
EDGE_OUTER = "203.0.113.13"


class TestDeviceKinds:
    def _kind(self, scene: Scene) -> str:
        device = scene.case().devices.of(CLIENT)
        assert device is not None
        return device.kind

    @pytest.mark.parametrize(
        ("user_agent", "kind"),
        [
            ("iPhoneLync/5.4 (iPhone iOS 8.1)", "mobile"),
            ("AndroidLync/5.6.2 (Nexus 5; Android 5.0)", "mobile"),
            ("OC/15.0.4420.1017 (Microsoft Lync)", "desktop"),
            ("UCCAPI/15.0.4420.1017 OC/15.0.4420.1017 (Microsoft Lync)", "desktop"),
            ("CPE/4.0.7577.4451 OCPhone/4.0.7577.4451", "Lync phone"),
        ],
    )
    def test_is_what_its_user_agent_says(self, user_agent: str, kind: str) -> None:
        scene = Scene()
        scene.browses(CLIENT, POOL, 0.0, user_agent)

        assert self._kind(scene) == kind

    def test_of_who_asks_for_the_inner_discovery_name_is_left_open_between_desktop_and_mobile(self) -> None:
        scene = Scene()
        scene.asks(CLIENT, "lyncdiscoverinternal.contoso.example")

        assert self._kind(scene) == "client"

    def test_a_user_agent_says_more_than_a_question(self) -> None:
        scene = Scene()
        scene.asks(CLIENT, "lyncdiscoverinternal.contoso.example")
        scene.browses(CLIENT, POOL, 1.0, "iPhoneLync/5.4 (iPhone iOS 8.1)")

        assert self._kind(scene) == "mobile"


class TestLocationOfPublicAddresses:
    """Universities and IPv6 networks give public addresses to desktops."""

    def _location(self, client: str, server: str, *names: str) -> Location:
        scene = Scene()
        for name in names:
            scene.named(name, server)
        scene.secure(client, server, 5061)
        device = scene.case().devices.of(client)
        assert device is not None
        return device.location

    @pytest.mark.parametrize("name", ["lyncdiscoverinternal.contoso.example", "sipinternal.contoso.example"])
    @pytest.mark.parametrize(
        ("client", "server"), [("198.51.100.40", "198.51.100.200"), ("2001:db8:1::10", "2001:db8:2::20")]
    )
    def test_is_inside_where_it_signs_in_at_a_server_of_inner_names(self, client: str, server: str, name: str) -> None:
        assert self._location(client, server, name) is Location.INSIDE

    def test_is_outside_where_nothing_shows_that_it_is_inside(self) -> None:
        assert self._location("198.51.100.40", "203.0.113.9", "sipexternal.contoso.example") is Location.OUTSIDE

    def test_is_outside_where_it_only_tried(self) -> None:
        scene = Scene()
        scene.named("lyncdiscoverinternal.contoso.example", "198.51.100.200")
        scene.refused("198.51.100.40", "198.51.100.200", 5061)

        device = scene.case().devices.of("198.51.100.40")

        assert device is not None
        assert device.location is Location.OUTSIDE


def _names(address: str, *names: str) -> Case:
    """A case in which DNS gave one address for all these names; SRV names through a target of their own."""
    found = []
    for number, name in enumerate(names):
        if name.startswith("_"):
            target = f"target{number}.{name.split('.', 2)[2]}"
            found += [answer(name, target, record_type="SRV", port=5061), answer(target, address, frame=4)]
        else:
            found.append(answer(name, address))
    return case([dns_flow()], dns_answers=found)


class TestCatchAllNames:
    @pytest.mark.parametrize(
        ("address", "outer"),
        [
            (STRANGER, "sipexternal.contoso.example"),
            ("203.0.113.99", "sipexternal.contoso.example"),
            ("203.0.113.99", "_sip._tls.contoso.example"),
        ],
    )
    @pytest.mark.parametrize(
        "inner",
        ["lyncdiscoverinternal.contoso.example", "sipinternal.contoso.example", "_sipinternaltls._tcp.contoso.example"],
    )
    def test_one_address_for_inner_and_outer_names_is_nobodys_lync(self, address: str, inner: str, outer: str) -> None:
        assert not _names(address, inner, outer).roles.is_lync(address)

    def test_split_dns_that_gives_the_pool_both_records_keeps_it_lync(self) -> None:
        made = _names(POOL, "_sipinternaltls._tcp.contoso.example", "_sip._tls.contoso.example")

        assert made.roles.is_lync(POOL)

    def test_one_address_for_names_of_three_parents_is_a_portal(self) -> None:
        made = _names(STRANGER, "lyncdiscoverinternal.contoso.example", "www.news.test", "update.vendor.invalid")

        assert not made.roles.is_lync(STRANGER)

    @pytest.mark.parametrize(
        "names",
        [
            ("lyncdiscoverinternal.contoso.example", "sipinternal.contoso.example", "lyncdiscover.contoso.example"),
            ("lyncdiscoverinternal.contoso.example", "lyncdiscoverinternal.fabrikam.test"),
            ("lyncdiscoverinternal.contoso.example", "pool.eu.contoso.example", "fe01.corp.contoso.example"),
        ],
        ids=["discovery names", "two domains", "one domain and its parts"],
    )
    def test_names_a_pool_really_has_make_it_lync(self, names: tuple[str, ...]) -> None:
        assert _names(POOL, *names).roles.is_lync(POOL)


class TestEverybodysNames:
    """Names a Lync deployment uses and so does everybody else, in a domain that has Lync."""

    def _made(self, name: str, address: str) -> Case:
        known = answer("lyncdiscoverinternal.contoso.example", POOL)
        return case([dns_flow()], dns_answers=[known, answer(name, address)])

    @pytest.mark.parametrize("label", ["admin", "av", "access", "conf", "sip", "meet", "dialin", "webcon", "xmpp"])
    @pytest.mark.parametrize("address", [STRANGER, "203.0.113.9"])
    def test_are_never_decisive(self, label: str, address: str) -> None:
        made = self._made(f"{label}.contoso.example", address)

        assert not made.roles.is_lync(address)
        assert made.roles.is_lync(POOL)

    @pytest.mark.parametrize("label", ["access", "av", "conf", "webcon"])
    def test_of_the_outer_zone_claim_nothing_for_a_private_address(self, label: str) -> None:
        assert self._made(f"{label}.contoso.example", STRANGER).roles.roles_of(STRANGER) == frozenset()

    @pytest.mark.parametrize("label", ["access", "av", "conf", "webcon"])
    def test_of_the_outer_zone_are_plausible_for_a_public_address(self, label: str) -> None:
        assert self._made(f"{label}.contoso.example", "203.0.113.9").roles.is_plausible("203.0.113.9")


class TestSipOverTlsRecord:
    """Other telephone systems publish _sip._tls too."""

    EDGE = "203.0.113.9"

    def _made(self, *others: dict[str, Any]) -> Case:
        record = answer("_sip._tls.contoso.example", "sip.contoso.example", record_type="SRV", port=443)
        return case([dns_flow()], dns_answers=[*others, record, answer("sip.contoso.example", self.EDGE, frame=4)])

    def test_alone_is_not_decisive(self) -> None:
        assert not self._made().roles.is_lync(self.EDGE)

    def test_beside_a_lync_name_of_its_domain_is_decisive(self) -> None:
        assert self._made(answer("lyncdiscover.contoso.example", "203.0.113.10")).roles.is_lync(self.EDGE)

    def test_beside_a_lync_name_of_another_domain_is_not(self) -> None:
        assert not self._made(answer("lyncdiscover.fabrikam.test", "203.0.113.10")).roles.is_lync(self.EDGE)


def test_certificate_with_lync_names_is_never_decisive() -> None:
    """One certificate for the whole company is on its mail server too."""
    names = ("lyncdiscoverinternal.contoso.example", "sipinternal.contoso.example", "lyncdiscover.contoso.example")
    shown = {"flow": 0, "frame": 4, "time": START, "common_name": names[0], "names": names}

    made = case([flow(CLIENT, STRANGER, 443, stack="tls")], certificates=[shown])

    assert not made.roles.is_lync(STRANGER)


class TestPublicRelays:
    def _side(self, server: str, relay: str) -> Side:
        scene = Scene()
        scene.allocates(CLIENT, server, relay=f"{relay}:52000")
        return scene.case().relays.side_of(server)

    def test_who_hands_out_another_public_address_is_of_unknown_side(self) -> None:
        assert self._side("198.51.100.21", EDGE_OUTER) is Side.UNKNOWN

    def test_who_hands_out_itself_is_external(self) -> None:
        assert self._side(EDGE_OUTER, EDGE_OUTER) is Side.EXTERNAL

    def test_address_that_was_handed_out_by_another_is_external(self) -> None:
        scene = Scene()
        scene.allocates(CLIENT, "198.51.100.21", relay=f"{EDGE_OUTER}:52000")

        assert scene.case().relays.side_of(EDGE_OUTER) is Side.EXTERNAL


class TestAttemptsOverTime:
    def _attempts(self, *openings: str) -> tuple[Attempt, ...]:
        """The attempts of one client to one port, its connections a minute apart."""
        flows, frames = [], []
        for number, opening in enumerate(openings):
            start = START + number * 60 * SECOND
            ends = {"first_time": start, "last_time": start + SECOND, "last_time_server": start + SECOND}
            flows.append(flow(CLIENT, POOL, 5061, opening=opening, **ends))
            frames += [syn(number, 10 * number + 1, start)]
            if opening == "refused":
                frames.append(reset(number, 10 * number + 2, start + 1_000_000))
        return read_attempts(tables(flows, seconds=600, tcp_frames=frames))

    @pytest.mark.parametrize(
        ("openings", "endings", "flows"),
        [
            (("established", "refused"), [Ending.ANSWERED, Ending.REFUSED], [(0,), (1,)]),
            (("established", "unanswered"), [Ending.ANSWERED, Ending.UNANSWERED], [(0,), (1,)]),
            (("midstream", "refused"), [Ending.MIDSTREAM, Ending.REFUSED], [(0,), (1,)]),
            (("refused", "established", "unanswered"), [Ending.ANSWERED, Ending.UNANSWERED], [(0, 1), (2,)]),
            (("established", "unanswered", "refused"), [Ending.ANSWERED, Ending.REFUSED], [(0,), (1, 2)]),
        ],
    )
    def test_failures_after_the_last_good_connection_are_an_attempt_of_their_own(
        self, openings: tuple[str, ...], endings: list[Ending], flows: list[tuple[int, ...]]
    ) -> None:
        made = self._attempts(*openings)

        assert [one.ending for one in made] == endings
        assert [one.flows for one in made] == flows

    @pytest.mark.parametrize("openings", [("refused", "established"), ("established", "unanswered", "established")])
    def test_failures_before_a_success_are_not(self, openings: tuple[str, ...]) -> None:
        (one,) = self._attempts(*openings)

        assert one.ending is Ending.ANSWERED

    def test_failures_of_another_port_stay_apart(self) -> None:
        flows = [flow(CLIENT, POOL, 443), flow(CLIENT, POOL, 5061, opening="refused", first_time=START + SECOND)]

        assert [one.port for one in read_attempts(tables(flows))] == [443, 5061]


@pytest.mark.parametrize("ttls", [(127, 127), (127, 126)], ids=["of a mirror", "from both sides of a router"])
def test_copies_of_a_syn_within_200_ms_are_one_try(ttls: tuple[int, int]) -> None:
    copies = [
        syn(0, 10 * number + place, START + number * 3 * SECOND + place * 150_000_000, ttl=ttl)
        for number in range(2)
        for place, ttl in enumerate(ttls)
    ]

    (one,) = read_attempts(tables([flow(CLIENT, POOL, 5061, opening="unanswered")], tcp_frames=copies))

    assert len(one.syn_times) == 2


@pytest.mark.parametrize("ports", [12, 333], ids=["many tries of few ports", "few tries of many ports"])
def test_twenty_thousand_flows_of_one_client_are_read_in_two_seconds(ports: int) -> None:
    flows = [flow(CLIENT, f"10.9.1.{n % 60}", 1000 + n // 60 % ports, opening="refused") for n in range(20_000)]
    frames = [one for n in range(20_000) for one in (syn(n, 2 * n + 1), reset(n, 2 * n + 2))]
    made = tables(flows, tcp_frames=frames)

    started = time.process_time()
    read_attempts(made)

    assert time.process_time() - started < 2.0


def test_three_thousand_devices_are_correlated_in_five_seconds() -> None:
    flows, questions = [], []
    for number in range(3_000):
        client = f"10.{1 + number // 250}.0.{number % 250 + 1}"
        questions.append({"flow": len(flows), "frame": 2, "kind": "request", "from_client": True,
                          "name": "lyncdiscoverinternal.contoso.example"})  # fmt: skip
        flows += [dns_flow(client), *(flow(client, POOL, port, stack="tls") for port in (443, 5061, 8057))]
        flows.append(flow(client, POOL, 80, opening="refused"))
    names = [answer("lyncdiscoverinternal.contoso.example", POOL)]
    made = tables(flows, dns=questions, dns_answers=names)

    started = time.process_time()
    built = build_case(made)

    assert time.process_time() - started < 5.0
    assert len(built.devices.all()) >= 3_000
