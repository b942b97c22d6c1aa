"""Connectivity checks become pairs of addresses with what came of them."""

import time
from pathlib import Path
from typing import Any

import pytest
from cases import SECOND, START, binding, case, flow
from hypothesis import given, settings
from hypothesis import strategies as st
from tshark_fields import capture

from lynccap.correlation.case import Case, build_case
from lynccap.correlation.media.checks import MAX_FRAMES
from lynccap.correlation.media.checks import CheckOutcome as Outcome
from lynccap.correlation.media.ice import CheckPair
from lynccap.ingest import Source, read_tables

SAMPLES = Path(__file__).parents[2] / "sample_pcaps"
ONE, OTHER, EDGE, RELAY = "10.1.0.9", "10.2.0.9", "10.9.0.8", "203.0.113.13"
MINE, PEER = f"{RELAY}:50001", "192.0.2.44:40000"


def ask(at: float, tid: int, from_client: bool = True, **facts: Any) -> dict[str, Any]:
    return binding(at, "request", tid, from_client, **facts)


def grant(at: float, tid: int, from_client: bool = False, **facts: Any) -> dict[str, Any]:
    return binding(at, "response", tid, from_client, **facts)


def refuse(at: float, tid: int, code: int, from_client: bool = False) -> dict[str, Any]:
    return binding(at, "error", tid, from_client, error_code=code)


def udp(client: str = ONE, server: str = OTHER, port: int = 50_010, **facts: Any) -> dict[str, Any]:
    return flow(client, server, port, **{"transport": "udp", "opening": "answered", "stack": "stun", **facts})


def checked(*stun: dict[str, Any], seconds: float = 60.0, **tables: Any) -> Case:
    return case([udp()], stun=sorted(stun, key=lambda row: row["frame"]), seconds=seconds, **tables)


def only(made: Case) -> CheckPair:
    (one,) = made.ice.pairs
    return one


def media(of: int, first: float = 2.0, last: float = 30.0, carried: str = "udp") -> dict[str, Any]:
    return {
        "flow": of,
        "from_client": True,
        "carried": carried,
        "packets": 900,
        "first_time": START + round(first * SECOND),
        "last_time": START + round(last * SECOND),
        "first_frame": 2000,
        "last_frame": 9000,
    }


class TestOutcomes:
    def test_both_sides_answered(self) -> None:
        one = only(
            checked(
                ask(0.1, 1, username="peer:ownx", ice_role="controlling"),
                grant(0.13, 1, xor_mapped_address=f"{ONE}:50000"),
                ask(0.2, 2, False, username="ownx:peer", ice_role="controlled"),
                grant(0.205, 2, True, xor_mapped_address=f"{OTHER}:50010"),
            )
        )

        assert (one.one, one.other) == (f"{ONE}:50000", f"{OTHER}:50010")
        assert (one.hosts, one.allocation, one.relays) == ((ONE, OTHER), None, ())
        assert one.outcome is Outcome.SUCCEEDED
        assert (one.forth.round_trip, one.back.round_trip) == (30_000_000, 5_000_000)
        assert (one.forth.reflexive, one.back.reflexive) == ((f"{ONE}:50000",), (f"{OTHER}:50010",))
        assert (one.forth.role, one.back.role, one.ufrags) == ("controlling", "controlled", {"peer", "ownx"})
        assert not one.nominated

    def test_only_one_side_asked_and_was_answered(self) -> None:
        one = only(checked(ask(0.1, 1), grant(0.2, 1)))

        assert (one.outcome, one.back.outcome) == (Outcome.SUCCEEDED, Outcome.SILENT)

    def test_one_way(self) -> None:
        one = only(checked(ask(0.1, 1), ask(0.6, 1), ask(0.3, 2, False), grant(0.301, 2, True)))

        assert one.outcome is Outcome.ONE_WAY
        assert (one.forth.outcome, one.back.outcome) == (Outcome.UNANSWERED, Outcome.SUCCEEDED)

    def test_unanswered(self) -> None:
        one = only(checked(ask(0.1, 1), ask(0.6, 1), ask(1.6, 1), ask(0.2, 2, False)))

        assert (one.outcome, one.forth.requests, one.forth.repeats) == (Outcome.UNANSWERED, 1, 2)
        assert one.forth.frames == (101, 601, 1601)

    def test_refused_with_a_code(self) -> None:
        one = only(checked(ask(0.1, 1), refuse(0.2, 1, 400)))

        assert (one.outcome, one.codes, one.forth.errors) == (Outcome.REFUSED, (400,), ((201, 400),))

    def test_role_conflict_that_is_solved_is_no_refusal(self) -> None:
        one = only(checked(ask(0.1, 1), refuse(0.2, 1, 487), ask(0.3, 2), grant(0.4, 2)))

        assert (one.outcome, one.codes) == (Outcome.SUCCEEDED, (487,))

    def test_refused_one_way_is_heard_both_ways(self) -> None:
        one = only(checked(ask(0.1, 1), refuse(0.2, 1, 487), ask(0.3, 2, False), grant(0.4, 2, True)))

        assert one.outcome is Outcome.SUCCEEDED

    def test_capture_that_ends_at_once_says_nothing(self) -> None:
        assert only(checked(ask(0.1, 1), seconds=0.3)).outcome is Outcome.OPEN
        assert only(checked(ask(0.1, 1), seconds=0.7)).outcome is Outcome.UNANSWERED

    def test_an_answer_of_the_asking_side_is_none(self) -> None:
        assert only(checked(ask(0.1, 1), grant(0.2, 1, True))).outcome is Outcome.UNANSWERED


class TestTwins:
    def test_a_twin_is_no_repeat(self) -> None:
        pair = [("normal", 0.1), ("legacy", 0.1005), ("normal", 0.6), ("legacy", 0.6005)]

        one = only(checked(*(ask(at, 1, fingerprint=kind) for kind, at in pair)))

        assert (one.forth.requests, one.forth.twins, one.forth.repeats) == (1, 2, 1)

    def test_twins_with_one_checksum_follow_at_once(self) -> None:
        one = only(checked(*(ask(at, 1, fingerprint="normal") for at in (0.1, 0.1, 0.6, 0.601))))

        assert (one.forth.requests, one.forth.twins, one.forth.repeats) == (1, 2, 1)

    def test_a_late_twin_is_known_by_its_checksum(self) -> None:
        one = only(checked(ask(0.1, 1, fingerprint="normal"), ask(0.3, 1, fingerprint="legacy")))

        assert (one.forth.twins, one.forth.repeats) == (1, 0)

    def test_other_dialects_have_no_twins(self) -> None:
        one = only(checked(*(ask(at, 1, fingerprint="normal", dialect="rfc5389") for at in (0.1, 0.101))))

        assert (one.forth.twins, one.forth.repeats) == (0, 1)

    def test_twins_do_not_spoil_the_round_trip_and_repeats_do(self) -> None:
        twins = only(checked(ask(0.1, 1), ask(0.101, 1), grant(0.15, 1), grant(0.151, 1)))
        repeat = only(checked(ask(0.1, 1), ask(0.6, 1), grant(0.65, 1)))
        late = only(checked(ask(0.1, 1), grant(0.65, 1), ask(0.7, 1)))

        assert twins.forth.round_trip == 50_000_000
        assert repeat.forth.round_trip is None
        assert late.forth.round_trip == 550_000_000
        assert twins.forth.answered == 1


class TestNomination:
    def test_answered(self) -> None:
        one = only(checked(ask(0.1, 1), grant(0.2, 1), ask(0.3, 2, use_candidate=True), grant(0.4, 2)))

        assert one.nominated
        assert (one.forth.nominated_frame, one.forth.nomination_frame) == (301, 401)
        assert one.forth.nomination_time == START + round(0.4 * SECOND)

    def test_unanswered_is_none(self) -> None:
        one = only(checked(ask(0.1, 1), grant(0.2, 1), ask(0.3, 2, use_candidate=True)))

        assert not one.nominated
        assert one.forth.nominated_frame == 301


class TestWhatIsNoCheck:
    def test_question_to_a_stun_server(self) -> None:
        assert checked(ask(0.1, 1, dialect="rfc5389", has_username=False), grant(0.2, 1)).ice.pairs == ()

    def test_classic_question(self) -> None:
        assert checked(ask(0.1, 1, dialect="rfc3489")).ice.pairs == ()

    def test_keep_alives(self) -> None:
        indication = binding(0.1, "indication", 1, True)

        assert checked(indication, ask(0.2, 2, has_username=False, has_integrity=True)).ice.pairs == ()

    def test_a_case_without_stun(self) -> None:
        assert case([udp()]).ice.pairs == ()


def allocated(of: int = 0, at: float = 0.0) -> list[dict[str, Any]]:
    """An allocation of ONE."""
    common = {"flow": of, "method": "allocate", "dialect": "ms-turn", "ms_version": 4}
    when = START + round(at * SECOND)
    return [
        {**common, "frame": 1, "time": when, "kind": "request", "from_client": True},
        {**common, "frame": 2, "time": when, "kind": "response", "mapped_address": MINE},
    ]


def activated(at: float, peer: str) -> list[dict[str, Any]]:
    common = {
        "flow": 0,
        "method": "set-active-destination",
        "dialect": "ms-turn",
        "ms_version": 4,
        "transaction_id": b"a" * 16,
    }
    when = START + round(at * SECOND)
    return [
        {
            **common,
            "frame": round(at * 1000),
            "time": when,
            "kind": "request",
            "from_client": True,
            "destination": peer,
        },
        {**common, "frame": round(at * 1000) + 1, "time": when, "kind": "response"},
    ]


def wrapped(*peers: str, answered: bool = True) -> list[dict[str, Any]]:
    rows = []
    for place, peer in enumerate(peers):
        rows.append(ask(0.1 + place / 10, 10 + place, framing="turn-data", destination=peer))
        if answered:
            rows.append(grant(0.15 + place / 10, 10 + place, framing="turn-data", remote=peer))
    return rows


class TestRelayed:
    def made(self, *stun: dict[str, Any], **tables: Any) -> Case:
        return case([udp(server=EDGE, port=3478)], stun=[*allocated(), *stun], **tables)

    def test_wrapped_checks_go_from_the_relayed_address_to_the_peer(self) -> None:
        one = only(self.made(*wrapped(PEER)))

        assert (one.one, one.other, one.allocation) == (MINE, PEER, 0)
        assert (one.hosts, one.relays, one.outcome) == ((ONE, "192.0.2.44"), (MINE,), Outcome.SUCCEEDED)

    def test_each_peer_is_a_pair(self) -> None:
        pairs = self.made(*wrapped(PEER, "192.0.2.45:40000")).ice.pairs

        assert [one.other for one in pairs] == [PEER, "192.0.2.45:40000"]

    def test_plain_checks_belong_to_the_active_destination(self) -> None:
        stun = [*wrapped(PEER), *activated(1.0, PEER), ask(2.0, 99), grant(2.1, 99)]

        one = only(self.made(*stun))

        assert (one.other, one.forth.requests, one.forth.answered) == (PEER, 2, 2)

    def test_media_belongs_to_the_active_destination(self) -> None:
        stun = [*wrapped("192.0.2.45:40000", PEER), *activated(1.0, PEER)]

        pairs = self.made(*stun, media=[media(0)]).ice.pairs

        assert [(one.other, one.media is not None) for one in pairs] == [("192.0.2.45:40000", False), (PEER, True)]

    def test_media_of_several_pairs_is_nobodys(self) -> None:
        both = self.made(*wrapped(PEER, "192.0.2.45:40000"), media=[media(0, carried="turn-data")])
        alone = self.made(*wrapped(PEER), media=[media(0, carried="turn-data")])

        assert [one.media for one in both.ice.pairs] == [None, None]
        assert only(alone).media is not None

    @pytest.mark.parametrize("framing", ["mturn", "turn-tcp"])
    def test_a_peer_that_is_not_named(self, framing: str) -> None:
        one = only(self.made(ask(0.1, 1, framing=framing), grant(0.2, 1, framing=framing)))

        assert (one.one, one.other, one.hosts, one.allocation) == (MINE, None, (ONE,), 0)
        assert one.outcome is Outcome.SUCCEEDED

    def test_the_peer_is_the_device_that_holds_the_relayed_address(self) -> None:
        flows = [udp(OTHER, EDGE, 3478), udp(ONE, RELAY, 50_001)]
        rows = [{**row, "flow": 1} for row in (ask(0.1, 1), grant(0.2, 1))]

        one = only(case(flows, stun=[*allocated(), *rows]))

        assert (one.other, one.hosts, one.relays, one.allocation) == (MINE, (ONE, OTHER), (MINE,), None)

    def test_a_relay_that_came_first_in_the_capture(self) -> None:
        flows = [udp(EDGE, ONE, 50_000, client_port=3478)]
        rows = [{**row, "from_client": not row.get("from_client", False)} for row in (*allocated(), *wrapped(PEER))]

        one = only(case(flows, stun=rows))

        assert (one.one, one.other, one.hosts[0]) == (MINE, PEER, ONE)
        assert (one.forth.answered, one.back.requests) == (1, 0)


class TestMedia:
    def test_direct_media_after_the_checks(self) -> None:
        one = only(checked(ask(0.1, 1), grant(0.2, 1), media=[media(0)]))

        assert one.media is not None
        assert one.media.packets == 900

    def test_media_that_was_over_before(self) -> None:
        assert only(checked(ask(40, 1), grant(40.1, 1), media=[media(0)])).media is None


def test_pairs_by_device_and_by_flow() -> None:
    flows = [udp(), udp(ONE, "10.3.0.9")]
    rows = [ask(0.1, 1), {**ask(0.2, 2), "flow": 1}]

    book = case(flows, stun=rows).ice

    assert [one.flow for one in book.pairs_of(ONE)] == [0, 1]
    assert [one.flow for one in book.pairs_of("10.3.0.9")] == [1]
    assert [one.other for one in book.pairs_on(0)] == [f"{OTHER}:50010"]
    assert book.pairs_of("10.9.9.9") == book.pairs_on(7) == ()


def test_frames_are_bounded() -> None:
    one = only(checked(*(ask(at / 10, at) for at in range(1, 200))))

    assert (one.forth.requests, len(one.forth.frames)) == (199, MAX_FRAMES)


@pytest.mark.parametrize("version", [4, 6])
def test_both_families(version: int) -> None:
    ends = {4: (ONE, OTHER), 6: ("2001:db8::1", "2001:db8::2")}[version]
    one = only(case([udp(*ends)], stun=[ask(0.1, 1)]))

    assert one.one == (f"{ONE}:50000" if version == 4 else "[2001:db8::1]:50000")


MESSAGES = st.lists(
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["request", "response", "error", "indication"]),
            "number": st.integers(0, 4),
            "from_client": st.booleans(),
            "dialect": st.sampled_from(["ms-ice2", "rfc5389", "ms-ice", "rfc3489"]),
            "framing": st.sampled_from(["udp", "turn-data", "mturn"]),
            "fingerprint": st.sampled_from([None, "normal", "legacy"]),
            "has_username": st.booleans(),
            "use_candidate": st.booleans(),
            "error_code": st.sampled_from([None, 487, 400]),
            "destination": st.sampled_from([None, PEER]),
        }
    ),
    max_size=30,
)


@settings(max_examples=40, deadline=None)
@given(MESSAGES)
def test_every_check_is_counted_once(given_messages: list[dict[str, Any]]) -> None:
    rows = [binding(place / 50, **one) for place, one in enumerate(given_messages)]
    checks = [row for row in rows if row["kind"] == "request" and row["has_username"] and row["dialect"] != "rfc3489"]

    sides = [side for one in case([udp()], stun=rows).ice.pairs for side in (one.forth, one.back)]

    assert sum(side.requests + side.twins + side.repeats for side in sides) == len(checks)
    assert all(side.answered <= side.requests for side in sides)
    assert all(side.round_trip is None or side.round_trip >= 0 for side in sides)


@pytest.mark.parametrize("name", ["media-relayed-internal-edge", "media-direct-ice-probes", "media-tcp443-fallback"])
def test_the_pair_that_carried_the_media_of_a_sample_was_nominated(name: str) -> None:
    made = build_case(read_tables([Source(str(SAMPLES / f"{name}.pcap"))]))

    carrying = {one.flow: one for one in made.ice.pairs if one.media}

    assert {one.flow for one in made.media if one.sustained} <= set(carrying)
    assert all(one.nominated and one.outcome is Outcome.SUCCEEDED for one in carrying.values())
    # written by the laboratory's own code, which sends twins
    assert set(made.tables["stun"]["fingerprint"]) == {None, "normal", "legacy"}


def test_a_public_call() -> None:
    made = build_case(read_tables([Source(str(capture("real/02-teams.pcap")))]))

    nominated = {(one.one, one.other): one for one in made.ice.pairs if one.nominated}

    assert set(nominated) == {
        ("93.71.110.205:16332", "192.168.1.6:50016"),
        ("93.71.110.205:16333", "192.168.1.6:50036"),
    }
    assert {one.outcome for one in nominated.values()} == {Outcome.SUCCEEDED}
    assert all(len(one.ufrags) == 2 for one in nominated.values())
    assert {one.allocation for one in made.ice.pairs if one.hosts[0] == "192.168.1.6" and one.relays} == {67, 69}


def test_many_flows_take_little() -> None:
    """Two checks and their answers on each; the bound is ten times what it takes."""
    count = 2000
    flows = [udp(ONE, f"10.{place >> 8}.{place & 255}.9") for place in range(count)]
    checks = (ask(0.1, 1), grant(0.2, 1), ask(0.3, 2, False), grant(0.4, 2, True))
    made = case(flows, stun=[{**row, "flow": place} for place in range(count) for row in checks])

    begun = time.process_time()
    pairs = made.ice.pairs
    spent = time.process_time() - begun

    assert len(pairs) == count
    assert spent < 2.0
