"""Calls: who talked with whom, by which way, what was tried before, and in which directions media went."""

import csv
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path as File
from typing import Any

import pytest
from cases import SECOND, START, binding, case, flow
from samples import samples

from lynccap.correlation.case import Case, build_case
from lynccap.correlation.media.calls.records import Attempted, Flowing, Leg
from lynccap.correlation.media.paths import Path
from lynccap.ingest import read_each
from lynccap.ingest.collecting.collect import collect

ANNA, BEN = "10.20.31.57", "10.20.32.83"
_TABLE = csv.DictReader((File(__file__).parent / "calls_of_samples.csv").read_text(encoding="utf-8").splitlines())
CALLS = {
    name: [tuple(row.values())[1:] for row in rows if row["call"]]
    for name, rows in groupby(_TABLE, key=lambda row: row["sample"])
}
"""Of each sample its legs: number of the call, both parties, medium, way, directions, what was tried and not used."""


@cache
def _cases(name: str) -> list[Case]:
    path = next(one.path for one in samples() if one.name == name)
    return [build_case(tables) for tables in read_each(collect([str(path)]))]


def _tried(leg: Leg) -> str:
    found = Counter(f"{one.what} {one.outcome.name.lower()}" for one in leg.tried)
    return ", ".join(f"{count} {kind}" for kind, count in sorted(found.items()))


def _told(made: Case) -> Iterator[tuple[str, ...]]:
    for number, call in enumerate(made.calls.calls):
        for one in call.legs:
            parties = [party.word for party in call.parties or ()]
            yield (str(number), *parties, one.kind, one.path.name, one.flowing.name, _tried(one))


def test_every_sample_of_media_is_in_the_table() -> None:
    names = {one.name for one in samples() if one.name.startswith(("media-", "ice-", "rtp-"))}

    assert names <= set(CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_calls_of_a_sample(name: str) -> None:
    assert [one for made in _cases(name) for one in _told(made)] == CALLS[name]


def test_samples_without_media_have_no_call() -> None:
    for name in ("phone-boot-healthy", "desktop-signin-healthy", "federation-mtls-ok"):
        assert not [one for made in _cases(name) for one in made.calls.calls]


def test_one_stream_at_three_places_is_one_leg() -> None:
    (made,) = _cases("media-two-relays")
    (leg,) = made.calls.legs

    assert len(leg.flows) == 3
    assert (leg.forth.packets, leg.back.packets) == (130, 120)
    assert leg.path_basis == "198.51.100.40 and 198.51.100.77"


def test_a_silent_party_and_since_when() -> None:
    (made,) = _cases("rtp-one-way")
    (leg,) = made.calls.legs

    assert leg.silent == BEN
    assert (leg.silent_since - leg.first_time) / SECOND == pytest.approx(3.2, abs=0.1)


def test_readable_signalling_tells_users_outcome_and_candidates() -> None:
    (made,) = _cases("ice-relayed")
    (call,) = made.calls.calls

    assert call.dialog
    assert (call.dialog.from_uri, call.dialog.to_uri) == ("sip:anna@fabrikam.example", "sip:ben@fabrikam.example")
    (leg,) = call.legs
    assert {one.kind for one in leg.offered} == {"host", "relay"}
    assert {one.basis for one in leg.offered} == {"description"}
    forth, back = call.delays(leg)
    assert forth is not None
    assert back is not None
    assert 0.5 < forth < 1.5


def test_a_proxy_is_neither_relay_nor_edge() -> None:
    (made,) = _cases("media-http-proxy")

    assert not made.roles.is_plausible("172.22.30.88")
    assert made.relays.relay_hosts == {"198.51.100.40": set()}


def test_calls_are_found_by_the_addresses_of_devices_only() -> None:
    (made,) = _cases("media-external-user")

    assert made.calls.of("192.0.2.44")
    assert not made.calls.of(BEN)  # named in checks only: it may be anybody's here


ONE, OTHER = "10.1.0.9", "10.2.0.9"


def _stream(of: int, from_client: bool = True, begin: float = 1.0, end: float = 21.0, **facts: Any) -> dict[str, Any]:
    return {
        "flow": of,
        "from_client": from_client,
        "ssrc": 0x1234_0000 + 2 * of + from_client,
        "payload_type": 104,
        "payload_types": ((104, 1000),),
        "carried": "udp",
        "packets": int((end - begin) * 50),
        "bytes": int((end - begin) * 50) * 60,
        "expected": int((end - begin) * 50),
        "first_time": START + round(begin * SECOND),
        "last_time": START + round(end * SECOND),
        "first_frame": 20,
        "last_frame": 900,
        **facts,
    }


def _udp(client: str = ONE, server: str = OTHER, port: int = 50_000, **facts: Any) -> dict[str, Any]:
    return flow(client, server, port, transport="udp", opening="answered", stack="stun/rtp", **facts)


def _checks(of: int = 0, names: str = "bb:aa", at: float = 0.1, answered: bool = True) -> list[dict[str, Any]]:
    told = {"flow": of, "username": names, "ice_role": "controlling", "use_candidate": answered}
    made = [binding(at, "request", 1 + of, True, **told)]
    return made + ([binding(at + 0.02, "response", 1 + of, False, flow=of)] if answered else [])


def _legs(flows: Sequence[dict[str, Any]], media: Sequence[dict[str, Any]], **more: Any) -> tuple[Leg, ...]:
    return case(list(flows), media=list(media), **more).calls.legs


class TestDirections:
    """Silence is told only where it would have been heard."""

    def _flowing(self, media: Sequence[dict[str, Any]], *flows: dict[str, Any], **more: Any) -> Flowing:
        return _legs([_udp(**more.pop("first", {})), *flows], media, **more)[0].flowing

    def test_two_directions(self) -> None:
        assert self._flowing([_stream(0), _stream(0, False)]) is Flowing.BOTH_WAYS

    def test_a_direction_that_never_came(self) -> None:
        assert self._flowing([_stream(0)]) is Flowing.ONE_WAY

    def test_a_capture_of_one_direction_tells_nothing(self) -> None:
        one_sided = {"frames_server": 0}

        assert self._flowing([_stream(0)], first=one_sided) is Flowing.UNKNOWN

    def test_reports_of_the_silent_side_show_that_its_way_is_open(self) -> None:
        reports = [{"flow": 0, "frame": 5, "time": START + 9 * SECOND, "from_client": False, "packet_type": 201}]

        assert self._flowing([_stream(0)], rtcp=reports) is Flowing.QUIET

    def test_a_direction_that_stopped(self) -> None:
        assert self._flowing([_stream(0), _stream(0, False, end=9.0)]) is Flowing.ONE_WAY

    @pytest.mark.parametrize("pausing", [{"silences": 3}, {"payload_types": ((104, 300), (13, 4))}])
    def test_a_sender_that_leaves_out_silence_may_have_nothing_to_say(self, pausing: dict[str, Any]) -> None:
        assert self._flowing([_stream(0), _stream(0, False, end=9.0, **pausing)]) is Flowing.QUIET

    def test_what_a_stream_carries_beyond_what_is_kept_is_not_missing(self) -> None:
        media = [_stream(0, carried="turn-tcp"), _stream(0, False, end=9.0, carried="turn-tcp")]
        alive = {"last_time_server": START + 21 * SECOND}

        assert self._flowing(media, first=alive) is Flowing.UNKNOWN
        assert self._flowing(media, first={**alive, "last_time_server": START + 9 * SECOND}) is Flowing.ONE_WAY

    def test_a_set_clock_forbids_it(self) -> None:
        steps = [{"frame": 50, "before": START + 5 * SECOND, "after": START + 2 * SECOND}]

        assert self._flowing([_stream(0)], clock_steps=steps) is Flowing.UNKNOWN

    def test_two_flows_of_one_direction_each_are_one_leg(self) -> None:
        legs = _legs([_udp(), _udp(OTHER, ONE, 50_100)], [_stream(0), _stream(1)])

        assert [(one.flows, one.flowing) for one in legs] == [((0, 1), Flowing.BOTH_WAYS)]

    def test_a_short_burst_is_no_one_way_call(self) -> None:
        assert self._flowing([_stream(0, end=2.0)]) is Flowing.UNKNOWN


class TestNothing:
    """A pair was chosen and carried nothing."""

    def test_told_when_the_capture_goes_on(self) -> None:
        (leg,) = _legs([_udp()], [], stun=_checks())

        assert (leg.path, leg.flowing) == (Path.DIRECT, Flowing.NOTHING)

    def test_not_told_when_it_ends_too_early(self) -> None:
        (leg,) = _legs([_udp()], [], stun=_checks(), seconds=1.0)

        assert leg.flowing is Flowing.UNKNOWN

    def test_not_told_when_something_else_was_carried(self) -> None:
        (leg,) = _legs([_udp(data_frames_client=400)], [], stun=_checks())

        assert leg.flowing is Flowing.UNKNOWN

    def test_not_told_of_others_checks(self) -> None:
        foreign = [{**one, "dialect": "rfc5389"} for one in _checks()]
        (leg,) = _legs([_udp()], [], stun=foreign)

        assert (leg.flowing, leg.basis) == (Flowing.UNKNOWN, "")


class TestTried:
    """What was tried and not used, and whether it failed."""

    def _outcomes(self, at: float, **more: Any) -> list[Attempted]:
        flows = [_udp(**more.pop("first", {})), _udp(server="10.3.0.9"), flow(ONE, "10.9.9.9", 443)]
        stun = [*_checks(at=5.0), *_checks(1, at=at, answered=False)]
        legs = _legs(flows, [_stream(0, begin=6.0), _stream(0, False, begin=6.0)], stun=stun, **more)
        return [tried.outcome for leg in legs for tried in leg.tried]

    def test_no_answer(self) -> None:
        assert self._outcomes(1.0) == [Attempted.UNANSWERED]

    def test_begun_right_before_another_was_chosen_it_was_not_needed(self) -> None:
        assert self._outcomes(4.8) == [Attempted.NOT_NEEDED]

    @pytest.mark.parametrize(("code", "outcome"), [(13, Attempted.PROHIBITED), (1, Attempted.UNREACHABLE)])
    def test_a_router_said_why(self, code: int, outcome: Attempted) -> None:
        errors = [{"flow": 1, "frame": 7, "time": START + SECOND, "type": 3, "code": code, "version": 4}]

        assert self._outcomes(1.0, icmp=errors) == [outcome]

    def test_cannot_be_judged_where_nothing_comes_back_to_who_asked(self) -> None:
        flows = [_udp(frames_server=0), _udp(server="10.3.0.9", frames_server=0)]
        stun = [*_checks(at=5.0, answered=False), *_checks(1, at=1.0, answered=False)]
        legs = _legs(flows, [_stream(0, begin=6.0)], stun=stun)

        assert {tried.outcome for leg in legs for tried in leg.tried} == {Attempted.UNSEEN}


class TestGrouping:
    """Which legs make one call."""

    def test_speech_and_desktop_of_two_devices_are_one_call(self) -> None:
        video = {"payload_type": 122, "payload_types": ((122, 1000),)}
        media = [_stream(0), _stream(0, False), _stream(1, **video), _stream(1, False, **video)]
        stun = [*_checks(), *_checks(1, names="dd:cc")]

        calls = case([_udp(), _udp(port=50_040)], media=media, stun=stun).calls.calls
        assert [(one.kinds, one.grouped) for one in calls] == [(("audio", "video"), "parties")]

    def test_calls_of_a_trunk_stay_apart(self) -> None:
        pcma = {"payload_type": 8, "payload_types": ((8, 1000),)}
        flows = [_udp(port=50_000 + 2 * number) for number in range(30)]
        media = [_stream(number, side, **pcma) for number in range(30) for side in (True, False)]

        assert len(case(flows, media=media).calls.calls) == 30

    def test_one_ssrc_on_both_sides_of_a_relay_is_one_leg(self) -> None:
        same = {"ssrc": 0xABCDEF01}
        flows = [_udp(server="10.9.0.8", port=6000), _udp("10.9.0.8", OTHER, 7000)]

        (leg,) = _legs(flows, [_stream(0, **same), _stream(1, begin=1.01, end=21.01, **same)])
        assert [one.address for one in leg.parties] != []
        assert leg.flows == (0, 1)

    def test_a_constant_ssrc_joins_nothing(self) -> None:
        flows = [_udp(f"10.1.0.{number}", f"10.2.0.{number}") for number in range(1, 5)]

        assert len(_legs(flows, [_stream(number, ssrc=1) for number in range(4)])) == 4

    def test_media_for_a_group_is_no_call(self) -> None:
        assert not _legs([_udp(server="239.1.2.3")], [_stream(0)])


def test_a_foreign_relay_is_not_told_to_be_an_edge() -> None:
    stun = [{**one, "framing": "turn-data", "destination": "192.0.2.9:4000", "dialect": "rfc5389"} for one in _checks()]
    (leg,) = _legs([_udp(server="203.0.113.77", port=3478)], [_stream(0), _stream(0, False)], stun=stun)

    assert (leg.path, leg.basis) == (Path.UNKNOWN, "")


def test_two_thousand_calls_in_time() -> None:
    flows = [_udp(f"10.1.{n // 250}.{n % 250}", f"10.2.{n // 250}.{n % 250}") for n in range(2000)]
    media = [_stream(n, side) for n in range(2000) for side in (True, False)]
    made = case(flows, media=media)
    assert made.ice
    assert made.stream_quality
    begun = time.process_time()

    assert len(made.calls.calls) == 2000
    assert time.process_time() - begun < 1.0  # a quarter of it on an idle machine


def test_calls_are_bounded_and_those_of_lync_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lynccap.correlation.media.calls.book.MAX_LEGS", 2)
    flows = [_udp(f"10.1.0.{number}", f"10.2.0.{number}") for number in range(5)]
    made = case(flows, media=[_stream(number) for number in range(5)], stun=_checks(3, at=2.0))

    assert made.calls.left_out == 3
    assert (3,) in [one.flows for one in made.calls.legs]
