"""Who ended a connection: on real captures, and sign by sign on tables made by hand."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cases import SECOND, START, case, flow, syn, tables
from samples import WORSE, pcap_of, sample

from lynccap.correlation.case import Case, build_case
from lynccap.correlation.closings import book
from lynccap.correlation.closings.claims import Closing
from lynccap.correlation.closings.kinds import EndedBy, How, Points, Sign
from lynccap.correlation.closings.second_point import SeenElsewhere, with_second_point
from lynccap.correlation.closings.words import round_timer
from lynccap.document import Confidence
from lynccap.ingest import read_tables
from lynccap.ingest.collecting.collect import collect

CLIENT, SERVER = "10.1.0.9", "10.9.0.5"
MS = 1_000_000
ACK, PSH, RST, SYN_FLAG, FIN = 16, 8, 4, 2, 1


@cache
def of_sample(name: str) -> Case:
    return build_case(read_tables(collect([str(sample(name).path)])))


REAL = [
    # sample, client, server, port: how, ended by, confidence, signs
    ("closings-by-hosts", "10.133.70.36", "10.133.8.62", 7410, "reset", "client", "certain", "ttl,ip-id"),
    ("closings-by-hosts", "10.133.70.36", "10.133.8.62", 7411, "reset-after-close", "client", "certain", "ttl,ip-id"),
    ("closings-by-hosts", "10.133.70.36", "10.133.8.62", 7412, "reset-after-close", "server", "likely", "ttl"),
    ("closings-by-hosts", "10.133.70.37", "10.133.8.62", 7413, "closed-window", "server", "certain", "window-closed"),
    ("closings-by-hosts", "10.133.70.37", "10.133.8.62", 7414, "half-open", "box-client-side", "possible", "repeats"),
    ("closings-by-hosts", "10.133.70.37", "10.133.8.62", 7415, "half-open", "box-server-side", "possible", "repeats"),
    ("closings-by-hosts", "10.133.70.36", "10.133.8.63", 7410, "silence", "unknown", "", ""),
    ("closings-by-hosts", "10.133.70.36", "10.133.8.22", 5061, None, "", "", ""),
    (
        *("closings-idle-firewall", "172.27.112.18", "172.27.64.33", 5061),
        *("reset-after-idle", "box-server-side", "likely", "ttl,timing"),
    ),
    ("closings-idle-firewall-behind", "172.27.112.18", "172.27.64.33", 5061, None, "", "", ""),
    (
        "closings-inspected",
        "172.27.113.19",
        "172.27.64.73",
        7410,
        "reset",
        "box-between",
        "likely",
        "ttl,both-directions",
    ),
    ("closings-inspected", "172.27.113.19", "172.27.64.33", 5061, None, "", "", ""),
    ("sip-5061-refused-by-host", "192.168.44.61", "192.168.40.16", 5061, "refused", "unknown", "", ""),
    (
        *("rootchain-80-refused-by-firewall", "172.20.8.61", "172.20.0.44", 80),
        *("refused", "box-server-side", "likely", "ttl,timing"),
    ),
    ("two-refusals-router-legs", "10.44.10.7", "10.44.1.31", 5061, "refused", "box-between", "possible", "ttl"),
    ("two-refusals-router-legs", "10.44.20.51", "10.44.1.30", 80, "refused", "server", "likely", "ttl"),
    ("two-refusals-both-vlans", "10.44.10.7", "10.44.1.31", 5061, "refused", "box-between", "possible", "ttl"),
    ("on-server-80-refused", "10.70.4.31", "10.70.1.15", 80, "refused", "server", "likely", "ttl"),
    ("rootchain-80-icmp-prohibited", "172.16.71.25", "172.16.5.15", 80, "icmp", "box-between", "certain", "icmp"),
    ("rootchain-80-filtered", None, None, 80, "unanswered", "unknown", "", ""),
    ("rootchain-80-filtered-one-sided", None, None, 80, "unanswered", "unknown", "", ""),
]


@pytest.mark.parametrize(("name", "client", "server", "port", "how", "ended_by", "confidence", "signs"), REAL)
def test_of_real_connections(
    name: str,
    client: str | None,
    server: str | None,
    port: int,
    how: str | None,
    ended_by: str,
    confidence: str,
    signs: str,
) -> None:
    found = [one for one in of_sample(name).closings.closings if one.port == port]
    found = [one for one in found if client in (None, one.client) and server in (None, one.server)]
    if how is None:
        assert found == []
        return

    told = {
        (
            one.how,
            one.ended_by,
            "" if one.ended_by == "unknown" else one.confidence,
            ",".join(sign.name for sign in one.signs),
        )
        for one in found
    }

    assert (how, ended_by, confidence, signs) in told
    if how != "unanswered":
        assert len(told) == 1
    numbers = of_sample(name).tables.captures["packets"]
    assert all(1 <= frame <= numbers[one.capture] for one in found for frame in one.frames)


def test_says_who_by_which_signs_in_one_sentence() -> None:
    (one,) = [one for one in of_sample("closings-idle-firewall").closings.closings if one.port == 5061]

    assert one.says.startswith("the connection was reset after 1")
    assert "TTL 255 while 172.27.64.33 sends with 127 on this connection" in one.says
    assert one.says.endswith(": probably a box on the way to 172.27.64.33 ended it")


def test_a_second_point_behind_the_firewall_makes_it_sure() -> None:
    (one,) = [one for one in of_sample("closings-idle-firewall").closings.closings if one.port == 5061]
    behind = SeenElsewhere(1, "the server switch", nearer=True, saw_end=False, saw_others=True)

    sure = with_second_point(one, behind)

    assert (sure.ended_by, sure.confidence) == (EndedBy.BOX_BETWEEN, Confidence.CERTAIN)
    assert "never passed the server switch" in sure.says


BOXES = ("box-client-side", "box-between", "box-server-side")


@pytest.mark.parametrize("worse", sorted(WORSE))
@pytest.mark.parametrize("name", ["closings-by-hosts", "sip-5061-refused-by-host", "desktop-signin-healthy"])
def test_a_worse_copy_of_a_capture_without_boxes_shows_no_sure_box(name: str, worse: str, tmp_path: Path) -> None:
    path = tmp_path / "worse.pcap"
    path.write_bytes(pcap_of(WORSE[worse](name)))
    made = build_case(read_tables(collect([str(path)]))).closings.closings

    assert [one.says for one in made if one.ended_by in BOXES and one.confidence != "possible"] == []
    assert [one.says for one in made if one.ended_by in BOXES and one.how.startswith("re")] == []


def closing(frames: list[dict[str, Any]], *others: dict[str, Any], icmp: Any = (), **facts: Any) -> Closing | None:
    """The closing of one connection with these frames; `others` are further flows."""
    waits = {"unanswered_client": 300, "unanswered_server": 300}
    one = flow(CLIENT, SERVER, 5061, **{"bytes_client": 900, **waits, **facts})
    return case([one, *others], tcp_frames=frames, icmp=icmp).closings.of(0)


def rst(time: int = START + SECOND, ttl: int = 126, frame: int = 9, **facts: Any) -> dict[str, Any]:
    return {"flow": 0, "frame": frame, "time": time, "flags": RST | ACK, "ttl": ttl, "ip_id_before": -1, **facts}


def syn_ack(time: int = START + 20 * MS, frame: int = 2, **facts: Any) -> dict[str, Any]:
    return {"flow": 0, "frame": frame, "time": time, "flags": SYN_FLAG | ACK, "ttl": 126, **facts}


def shut(step: int) -> list[dict[str, Any]]:
    """Three frames of the server with window 0."""
    return [{"flow": 0, "frame": 4 + n, "time": START + n * step, "flags": ACK, "ttl": 126} for n in range(3)]


def told(one: Closing | None) -> tuple[str, str, str] | None:
    return (str(one.how), str(one.ended_by), str(one.confidence)) if one else None


def points(one: Closing | None, name: str) -> str | None:
    return next((str(sign.points) for sign in one.signs if sign.name == name), None) if one else None


class TestTtl:
    def test_of_the_host(self) -> None:
        assert told(closing([rst()])) == ("reset", "server", "likely")

    def test_of_somebody_else_alone_is_no_more_than_possible(self) -> None:
        assert told(closing([rst(ttl=61)])) == ("reset", "box-server-side", "possible")

    def test_of_somebody_else_in_the_clients_name(self) -> None:
        assert told(closing([rst(ttl=61, from_client=True)])) == ("reset", "box-client-side", "possible")

    @pytest.mark.parametrize("ttl", [125, 127])
    def test_one_hop_apart_names_nobody(self, ttl: int) -> None:
        one = closing([rst(ttl=ttl)])

        assert one is not None
        assert (one.ended_by, one.signs) == (EndedBy.UNKNOWN, ())

    def test_that_the_host_uses_elsewhere_names_nobody(self) -> None:
        other_path = flow("10.1.0.8", SERVER, 443, ttl_server_min=61, ttl_server_max=61)

        assert told(closing([rst(ttl=61)], other_path)) == ("reset", "unknown", "possible")

    def test_between_two_of_several_paths_names_nobody(self) -> None:
        assert told(closing([rst(ttl=80)], ttl_server_min=60)) == ("reset", "unknown", "possible")

    def test_of_a_program_that_chooses_its_own_proves_nothing(self) -> None:
        assert told(closing([rst(ttl=64)], ttl_server_min=1, ttl_server_max=1)) == ("reset", "unknown", "possible")

    def test_of_other_protocols_is_not_asked(self) -> None:
        resolver = flow(CLIENT, SERVER, 53, transport="udp", opening="answered", ttl_server_min=255, ttl_server_max=255)
        refused = closing([syn(0, 1), rst(ttl=64)], resolver, opening="refused", ttl_server_min=0, ttl_server_max=0)

        assert told(refused) == ("refused", "unknown", "possible")


class TestTiming:
    def quick(self, delay: int, handshakes: int) -> Closing | None:
        facts = {"ttl_server_min": 61, "ttl_server_max": 61, "syn_time": START}
        others = [flow(CLIENT, SERVER, 443, syn_ack_time=START + (20 + n) * MS, **facts) for n in range(handshakes)]
        silent = {"opening": "refused", "ttl_server_min": 0, "ttl_server_max": 0}
        return closing([syn(0, 1), rst(START + delay, ttl=61, ack=1)], *others, **silent)

    def test_too_quick_for_the_host_contradicts_its_ttl(self) -> None:
        assert told(self.quick(2 * MS, handshakes=2)) == ("refused", "unknown", "possible")

    def test_one_handshake_may_have_been_slow(self) -> None:
        assert told(self.quick(2 * MS, handshakes=1)) == ("refused", "server", "possible")

    def test_as_slow_as_the_host(self) -> None:
        one = self.quick(19 * MS, handshakes=2)

        assert told(one) == ("refused", "server", "likely")
        assert points(one, "timing") is None


class TestBothDirections:
    def test_at_one_instant_is_a_box_in_between(self) -> None:
        both = [rst(ttl=250), rst(START + SECOND + 1000, ttl=250, frame=10, from_client=True)]

        assert told(closing(both)) == ("reset", "box-between", "likely")

    def test_one_after_the_other_may_be_answers(self) -> None:
        both = [rst(), rst(START + SECOND + 30 * MS, ttl=127, frame=10, from_client=True)]

        assert told(closing(both)) == ("reset", "server", "likely")

    def test_with_the_hosts_own_ttls_names_nobody(self) -> None:
        both = [rst(), rst(START + SECOND + 1000, ttl=127, frame=10, from_client=True)]

        assert told(closing(both)) == ("reset", "unknown", "possible")


class TestIpId:
    def test_that_counts_on_is_the_hosts(self) -> None:
        assert told(closing([rst(ip_id=901, ip_id_before=900)])) == ("reset", "server", "certain")

    def test_that_counts_on_contradicts_a_foreign_ttl(self) -> None:
        assert told(closing([rst(ttl=61, ip_id=901, ip_id_before=900)])) == ("reset", "unknown", "possible")

    def test_far_off_a_known_counter_supports_a_foreign_ttl(self) -> None:
        frames = [syn_ack(ip_id=890), rst(ttl=61, ip_id=40_000, ip_id_before=900)]

        assert told(closing(frames)) == ("reset", "box-server-side", "likely")

    def test_far_off_alone_names_nobody(self) -> None:
        frames = [syn_ack(ip_id=890), rst(ttl=125, ip_id=40_000, ip_id_before=900)]

        assert told(closing(frames)) == ("reset", "unknown", "possible")

    @pytest.mark.parametrize("opening_id", [0, 30_000])
    def test_far_off_numbers_that_nobody_counts_say_nothing(self, opening_id: int) -> None:
        frames = [syn_ack(ip_id=opening_id), rst(ip_id=40_000, ip_id_before=900)]

        assert points(closing(frames), "ip-id") is None

    def test_zero_after_a_counting_linux_client_is_its_kernels(self) -> None:
        frames = [syn(0, 1, ip_id=890), rst(ttl=127, from_client=True, ip_id=0, ip_id_before=893)]

        assert points(closing(frames), "ip-id") is None


class TestSequence:
    def test_ahead_of_all_that_was_sent_is_a_guess(self) -> None:
        assert points(closing([rst(seq=6000)], next_seq_server=5000), "sequence") == "box"

    @pytest.mark.parametrize("seq", [5000, 4000])
    def test_where_it_should_be_says_nothing(self, seq: int) -> None:
        assert points(closing([rst(seq=seq)], next_seq_server=5000), "sequence") is None

    def test_in_a_capture_that_lacks_data_says_nothing(self) -> None:
        assert points(closing([rst(seq=6000)], next_seq_server=5000, lost_server=1000), "sequence") is None

    @pytest.mark.parametrize(("seq", "ack", "said"), [(0, 101, None), (0, 0, "box"), (77, 101, "box"), (0, 140, None)])
    def test_of_a_refusal_is_0_and_confirms_the_syn(self, seq: int, ack: int, said: str | None) -> None:
        refused = closing([syn(0, 1, seq=100), rst(seq=seq, ack=ack)], opening="refused")

        assert points(refused, "sequence") == said


def test_a_refusal_offers_no_window() -> None:
    assert points(closing([syn(0, 1), rst(ack=1, window=512)], opening="refused"), "window") == "box"
    assert points(closing([syn(0, 1), rst(ack=1)], opening="refused"), "window") is None


def test_timestamps_on_a_reset_support_the_host() -> None:
    frames = [syn_ack(options=20), rst(options=12)]

    assert told(closing(frames)) == ("reset", "server", "certain")


class TestHow:
    def test_after_a_fin_is_a_goodbye(self) -> None:
        fin = {"flow": 0, "frame": 8, "time": START + SECOND - MS, "flags": FIN | ACK, "ttl": 126}
        one = closing([fin, rst(from_client=True, ttl=127)])

        assert told(one) == ("reset-after-close", "client", "likely")
        assert one is not None
        assert one.normal

    @pytest.mark.parametrize(
        ("alert", "how"),
        [
            ({"kind": "alert", "alert": 48, "alert_level": "fatal"}, "reset-after-alert"),
            ({"kind": "alert", "alert": 0, "alert_level": "warning"}, "reset-after-close"),
            ({"kind": "encrypted-alert"}, "reset-after-close"),
        ],
    )
    def test_after_a_tls_alert(self, alert: dict[str, Any], how: str) -> None:
        one = flow(CLIENT, SERVER, 5061, bytes_client=900)
        said = {"flow": 0, "frame": 8, "time": START, "from_client": True, **alert}

        made = case([one], tcp_frames=[rst(from_client=True, ttl=127)], tls=[said]).closings.of(0)

        assert made is not None
        assert made.how == how

    @pytest.mark.parametrize(("pause", "how"), [(300 * SECOND, "reset-after-idle"), (2 * SECOND, "reset")])
    def test_after_a_pause(self, pause: int, how: str) -> None:
        one = closing([rst(START + 400 * SECOND, pause=pause)])

        assert one is not None
        assert (one.how, one.pause) == (how, pause)

    def test_a_pause_like_a_usual_idle_timer_is_told(self) -> None:
        one = closing([rst(START + 400 * SECOND, pause=301 * SECOND)])

        assert one is not None
        assert "301.0 s (an idle timer of 300 s?)" in one.says
        assert round_timer(47 * SECOND) == 0

    def test_a_stray_reset_of_a_connection_before_the_capture_is_none(self) -> None:
        assert closing([rst()], opening="midstream", bytes_client=0) is None

    def test_a_connection_that_closed_or_lives_on_has_none(self) -> None:
        assert closing([]) is None

    @pytest.mark.parametrize(
        ("facts", "silent"),
        [
            ({"retransmitted_client": 5, "last_time_client": START + 20 * SECOND}, "server"),
            ({"retransmitted_server": 5, "last_time_server": START + 20 * SECOND}, "client"),
        ],
    )
    def test_silence_is_of_the_side_that_does_not_answer(self, facts: dict[str, Any], silent: str) -> None:
        one = closing([], **facts)

        assert told(one) == ("silence", "unknown", "possible")
        assert one is not None
        assert one.named == {"client": CLIENT, "server": SERVER}[silent]

    def test_silence_of_a_host_that_speaks_to_others_is_possibly_a_box(self) -> None:
        alive = flow("10.1.0.8", SERVER, 443, last_time_server=START + 30 * SECOND, last_frame_server=77)

        one = closing([], alive, retransmitted_client=5, last_time_client=START + 20 * SECOND)

        assert told(one) == ("silence", "box-server-side", "possible")

    @pytest.mark.parametrize(
        "facts",
        [
            {"retransmitted_client": 1},
            {"retransmitted_client": 5, "lost_server": 4000},
            {"retransmitted_client": 5, "last_time_server": START + 18 * SECOND},
            {"retransmitted_client": 5, "frames_server": 0, "last_time_server": 0},
        ],
    )
    def test_a_bad_moment_a_lossy_or_one_sided_capture_is_no_silence(self, facts: dict[str, Any]) -> None:
        assert closing([], **{"last_time_client": START + 20 * SECOND, **facts}) is None

    def test_giving_up_with_a_reset_is_silence_of_the_other(self) -> None:
        gave_up = rst(START + 20 * SECOND, ttl=127, from_client=True)

        one = closing([gave_up], retransmitted_client=5, last_time_client=START + 20 * SECOND)

        assert one is not None
        assert (one.how, one.named) == (How.SILENCE, SERVER)

    @pytest.mark.parametrize("by_client", [True, False])
    def test_a_reset_of_a_long_idle_connection_is_no_silence_of_the_other(self, by_client: bool) -> None:
        """It had to repeat itself in its life, and all of it was answered."""
        reset = rst(START + 90 * SECOND, ttl=127 if by_client else 126, from_client=by_client, pause=88 * SECOND)
        again = {"retransmitted_client": 5, "retransmitted_server": 5}

        one = closing([reset], **again, unanswered_client=0, unanswered_server=0)

        assert one is not None
        assert (one.how, one.ended_by) == (How.RESET_AFTER_IDLE, "client" if by_client else "server")

    def test_an_idle_connection_that_speaks_last_as_the_capture_ends_is_no_silence(self) -> None:
        said = {"last_time_client": START + 60 * SECOND, "retransmitted_client": 5, "unanswered_client": 0}

        assert closing([], **said) is None

    @pytest.mark.parametrize(("spread", "found"), [(8 * SECOND, True), (SECOND // 2, False)])
    def test_a_window_that_stays_closed(self, spread: int, found: bool) -> None:
        one = closing(shut(spread // 2), last_frame_server=6, last_time=START + spread)

        assert (told(one) == ("closed-window", "server", "certain")) is found

    def test_a_window_that_opened_again_is_none(self) -> None:
        assert closing(shut(8 * SECOND), last_frame_server=30, last_time=START + 40 * SECOND) is None


def test_a_half_open_scan_is_ended_by_who_scans() -> None:
    frames = [syn(0, 1), syn_ack(), rst(START + 21 * MS, ttl=127, from_client=True)]

    assert told(closing(frames, opening="half-open")) == ("half-open", "client", "likely")


class TestIcmp:
    def error(self, **facts: Any) -> dict[str, Any]:
        kind = {"version": 4, "type": 3, "code": 13, "from_client": True, "reporter": "10.1.0.1"}
        return {"flow": 0, "frame": 9, "time": START + SECOND, **kind, **facts}

    def unanswered(self, **facts: Any) -> Closing | None:
        silent = {"opening": "unanswered", "frames_server": 0, "last_time_server": 0}
        return closing([syn(0, 1)], icmp=[self.error(**facts)], **silent)

    def test_by_a_router(self) -> None:
        assert told(self.unanswered()) == ("icmp", "box-between", "certain")

    def test_by_the_host(self) -> None:
        assert told(self.unanswered(code=3, reporter=SERVER)) == ("icmp", "server", "certain")

    def test_by_the_asking_host_itself_is_no_box(self) -> None:
        """Linux tells its own programs so when nobody answers ARP; recorded on interface "any"."""
        one = self.unanswered(code=1, reporter=CLIENT)

        assert told(one) == ("icmp", "unknown", "possible")
        assert one is not None
        assert "10.1.0.9 itself reports" in one.says

    @pytest.mark.parametrize("facts", [{"code": 4}, {"type": 11, "code": 0}, {"version": 6, "type": 3}])
    def test_that_ends_nothing(self, facts: dict[str, Any]) -> None:
        one = self.unanswered(**facts)

        assert one is not None
        assert one.how is How.UNANSWERED

    def test_while_the_connection_goes_on(self) -> None:
        assert closing([], icmp=[self.error()], last_time_server=START + 9 * SECOND) is None


class TestSecondPoint:
    ONE = Closing(
        0, 0, CLIENT, SERVER, 5061, START, How.RESET, False, EndedBy.SERVER, Confidence.LIKELY,
        (Sign("ttl", Points.HOST, "its own"),), 0, (9,),
    )  # fmt: skip

    def test_nearer_to_the_host_that_lacks_the_reset_proves_a_box(self) -> None:
        one = with_second_point(self.ONE, SeenElsewhere(1, "there", nearer=True, saw_end=False, saw_others=True))

        assert told(one) == ("reset", "box-between", "certain")

    @pytest.mark.parametrize(
        ("nearer", "saw_end", "saw_others"), [(False, False, True), (True, False, False), (True, True, True)]
    )
    def test_otherwise_names_nobody_else(self, nearer: bool, saw_end: bool, saw_others: bool) -> None:
        one = with_second_point(self.ONE, SeenElsewhere(1, "there", nearer, saw_end, saw_others))

        assert told(one) == ("reset", "server", "likely")


def test_a_book_finds_by_client_and_server() -> None:
    made = case(
        [flow(CLIENT, SERVER, 80, opening="refused"), flow("10.1.0.8", SERVER, 81, opening="refused")],
        tcp_frames=[{**rst(), "flow": 1}, rst()],
    )

    assert [one.flow for one in made.closings.closings] == [0, 1]
    assert [one.flow for one in made.closings.of_client("10.1.0.8")] == [1]
    assert [one.flow for one in made.closings.of_server(SERVER)] == [0, 1]
    assert made.closings.of(2) is None


def test_tables_without_connections_have_no_closings() -> None:
    assert build_case(tables([])).closings.closings == ()


def test_a_flood_of_syns_leaves_room_for_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(book, "MAX_CLOSINGS", 3)
    flood = [flow("10.1.0.7", SERVER, 80, opening="unanswered", frames_server=0) for _ in range(5)]

    made = case([*flood, flow(CLIENT, SERVER, 5061, opening="refused")], tcp_frames=[{**rst(), "flow": 5}]).closings

    assert [one.flow for one in made.closings] == [0, 1, 5]
    assert made.left_out == 3
