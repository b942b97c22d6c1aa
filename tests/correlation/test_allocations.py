"""The life of an allocation, told by the messages of its flow."""

from typing import Any

import pytest
from cases import SECOND, START, case, flow
from hypothesis import given, settings
from hypothesis import strategies as st

from lynccap.correlation.media.allocations import MAX_STEPS, Allocation, AllocationEnding, AllocationStepKind

DEVICE, EDGE, RELAY = "10.1.0.9", "10.9.0.8", "203.0.113.13"
GRANT = {
    "mapped_address": f"{RELAY}:50001",
    "xor_mapped_address": f"{DEVICE}:50000",
    "lifetime": 600,
    "bandwidth": 12000,
}


def turn(at: float, kind: str, tid: int, of: int = 0, method: str = "allocate", **facts: Any) -> dict[str, Any]:
    """One MS-TURN message, `at` seconds after the start; its frame is ten times that."""
    usual = {
        "flow": of,
        "frame": round(at * 10) + 1,
        "time": START + round(at * SECOND),
        "from_client": kind == "request",
        "kind": kind,
        "method": method,
        "dialect": "ms-turn",
        "ms_version": 4,
        "transaction_id": bytes([tid]) * 16,
    }
    return {**usual, **facts}


def signed(at: float, tid: int, **facts: Any) -> dict[str, Any]:
    return turn(at, "request", tid, has_username=True, has_integrity=True, **facts)


def opened(at: float = 0.0, of: int = 0, **grant: Any) -> list[dict[str, Any]]:
    """Request, challenge, signed request, success."""
    return [
        turn(at, "request", 1, of, stream_type=1),
        turn(at + 0.1, "error", 1, of, error_code=401, alternate_server=f"{EDGE}:3478"),
        signed(at + 0.2, 2, flow=of),
        turn(at + 0.3, "response", 2, of, **{**GRANT, **grant}),
    ]


def udp(**facts: Any) -> dict[str, Any]:
    return flow(DEVICE, EDGE, 3478, **{"transport": "udp", "opening": "answered", "stack": "stun", **facts})


def allocation(stun: list[dict[str, Any]], seconds: float = 60.0, **facts: Any) -> Allocation:
    (one,) = case([udp(**facts)], stun=stun, seconds=seconds).relays.allocations
    return one


def kinds(one: Allocation) -> list[AllocationStepKind]:
    return [step.kind for step in one.steps]


def test_challenge_success_refresh_release() -> None:
    one = allocation(
        [
            *opened(),
            signed(10, 3),
            turn(10.1, "response", 3, **{**GRANT, "lifetime": 300, "bandwidth": 64}),
            signed(20, 4, lifetime=0),
            turn(20.1, "response", 4, lifetime=0),
        ]
    )

    assert kinds(one) == [
        AllocationStepKind.REQUEST,
        AllocationStepKind.CHALLENGED,
        AllocationStepKind.SIGNED,
        AllocationStepKind.GRANTED,
        AllocationStepKind.REFRESH,
        AllocationStepKind.REFRESHED,
        AllocationStepKind.RELEASE,
        AllocationStepKind.RELEASED,
    ]
    assert (one.lifetime, one.bandwidth, one.stream) == (300, 64, "audio")
    assert (one.ending, one.ended) == (AllocationEnding.RELEASED, START + 20 * SECOND)
    assert one.relays == (f"{RELAY}:50001",)


def test_what_rules_read_stays() -> None:
    one = allocation(opened())

    assert (one.client, one.server, one.port, one.transport) == (DEVICE, EDGE, 3478, "udp")
    assert (one.request_frames, one.challenge_frames, one.success_frames) == ((1, 3), (2,), (4,))
    assert (one.relay, one.reflexive, one.alternate) == (f"{RELAY}:50001", f"{DEVICE}:50000", f"{EDGE}:3478")
    assert (one.errors, one.answered) == ((), True)


def test_a_request_repeated_without_an_answer() -> None:
    one = allocation([turn(at, "request", 1) for at in (0, 1, 2)])

    assert kinds(one) == [AllocationStepKind.REQUEST, AllocationStepKind.REPEAT, AllocationStepKind.REPEAT]
    assert (one.ending, one.ended, one.answered) == (AllocationEnding.NOT_GRANTED, 0, False)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (401, AllocationStepKind.REJECTED),
        (438, AllocationStepKind.STALE),
        (300, AllocationStepKind.ALTERNATE),
        (486, AllocationStepKind.ERROR),
        (507, AllocationStepKind.ERROR),
    ],
)
def test_errors_to_a_signed_request(code: int, kind: AllocationStepKind) -> None:
    one = allocation([*opened()[:3], turn(0.3, "error", 2, error_code=code)])

    assert (one.steps[-1].kind, one.steps[-1].code) == (kind, code)
    assert one.ending is AllocationEnding.NOT_GRANTED
    assert one.errors == (() if code in (401, 438) else ((4, code),))


def test_stale_nonce_then_success() -> None:
    one = allocation(
        [
            *opened(),
            signed(5, 5),
            turn(5.1, "error", 5, error_code=438),
            signed(5.2, 6),
            turn(5.3, "response", 6, **GRANT),
        ]
    )

    assert kinds(one)[4:] == [
        AllocationStepKind.REFRESH,
        AllocationStepKind.STALE,
        AllocationStepKind.REFRESH,
        AllocationStepKind.REFRESHED,
    ]
    assert one.ending is AllocationEnding.ALIVE


@pytest.mark.parametrize(
    ("lifetime", "last_time", "ending"),
    [
        (30, 20, AllocationEnding.LAPSED),
        (30, 40, AllocationEnding.ALIVE),
        (600, 20, AllocationEnding.ALIVE),
        (None, 20, AllocationEnding.ALIVE),
    ],
    ids=["silent", "still used", "lasts longer than the capture", "no lifetime told"],
)
def test_lifetime_runs_out(lifetime: int | None, last_time: int, ending: AllocationEnding) -> None:
    one = allocation(opened(lifetime=lifetime), last_time=START + last_time * SECOND)

    assert one.ending is ending
    assert one.ended == (START + round(30.3 * SECOND) if ending is AllocationEnding.LAPSED else 0)


def test_tcp_ends_with_its_connection() -> None:
    ended = START + 9 * SECOND
    one = allocation(opened(), transport="tcp", opening="established", closing="server-rst", last_time=ended)

    assert (one.ending, one.ended) == (AllocationEnding.CLOSED, ended)


def test_release_is_meant_even_when_nothing_comes_back() -> None:
    one = allocation([*opened(), signed(20, 4, lifetime=0)])

    assert (one.ending, one.ended) == (AllocationEnding.RELEASED, START + 20 * SECOND)


def test_released_and_granted_again_is_alive() -> None:
    one = allocation([*opened(), signed(20, 4, lifetime=0), *opened(25, mapped_address=f"{RELAY}:50002")])

    assert one.ending is AllocationEnding.ALIVE
    assert (one.relay, one.relays) == (f"{RELAY}:50001", (f"{RELAY}:50001", f"{RELAY}:50002"))


def test_active_destination_is_the_last_one_agreed_to() -> None:
    peers = ["192.0.2.1:1000", "192.0.2.2:2000", "192.0.2.3:3000"]
    asked = [
        turn(10 + place, "request", 10 + place, method="set-active-destination", destination=peer)
        for place, peer in enumerate(peers)
    ]
    agreed = [turn(at + 0.5, "response", at, method="set-active-destination") for at in (10, 11)]
    refused = turn(12.5, "error", 12, method="set-active-destination", error_code=400)

    one = allocation([*opened(), *sorted([*asked, *agreed, refused], key=lambda row: row["time"])])

    assert [(each.peer, each.success_frame, each.code) for each in one.activations] == [
        (peers[0], 106, None),
        (peers[1], 116, None),
        (peers[2], None, 400),
    ]
    assert one.active is not None
    assert one.active.peer == peers[1]
    assert [one.active_at(START + at * SECOND) for at in (9, 10, 30)] == [None, peers[0], peers[1]]
    assert one.peers == tuple(peers)


def test_relay_session_spans_flows() -> None:
    tcp = flow(DEVICE, EDGE, 443)
    other = flow("10.1.0.10", EDGE, 3478, transport="udp")
    stun = [
        *opened(of=0, connection_id=b"c" * 20),
        *opened(5, of=1, connection_id=b"c" * 20),
        *opened(6, of=2, connection_id=b"d" * 20),
    ]

    book = case([udp(), tcp, other], stun=stun).relays

    first, second, third = book.allocations
    assert book.session_of(first) == book.session_of(second) == [first, second]
    assert book.session_of(third) == [third]


def test_sessions_without_a_name_are_not_joined() -> None:
    book = case([udp(), udp()], stun=[*opened(of=0), *opened(5, of=1)]).relays

    assert [book.session_of(one) for one in book.allocations] == [[one] for one in book.allocations]


def test_answer_from_another_address_of_the_relay() -> None:
    # as Microsoft's cloud does it: the challenge sends the client on, the grant comes from the first address
    stun = opened(of=0)
    stun[2]["flow"] = 1
    stun[1]["session_id"] = stun[2]["session_id"] = b"SESSION1"
    stun[3]["connection_id"] = b"c" * 20

    asked, sent_on = case([udp(), {**udp(), "server": "10.9.0.9"}], stun=stun).relays.allocations

    assert (asked.ending, sent_on.ending) == (AllocationEnding.ALIVE, AllocationEnding.ELSEWHERE)


def test_answers_alone_tell_who_the_relay_is() -> None:
    answers = [{**row, "from_client": True} for row in opened() if row["kind"] != "request"]
    seen = flow(EDGE, DEVICE, 50_000, client_port=3478, transport="udp", opening="one-way")

    (one,) = case([seen], stun=answers).relays.allocations

    assert (one.client, one.server, one.port) == (DEVICE, EDGE, 3478)


def test_who_asks_is_the_client_whoever_came_first_in_the_capture() -> None:
    turned = flow(EDGE, DEVICE, 50_000, client_port=3478, transport="udp")
    stun = [{**row, "from_client": not row["from_client"]} for row in opened()]

    (one,) = case([turned], stun=stun).relays.allocations

    assert (one.client, one.server, one.port) == (DEVICE, EDGE, 3478)


def test_steps_are_bounded() -> None:
    one = allocation([turn(at / 10, "request", at % 250) for at in range(MAX_STEPS + 50)])

    assert len(one.steps) == MAX_STEPS


def test_holder_of_a_relayed_address() -> None:
    book = case([udp()], stun=opened()).relays

    assert book.holder_of(f"{RELAY}:50001") is book.allocations[0]
    assert book.holder_of(f"{RELAY}:50009") is None


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "kind": st.sampled_from(["request", "response", "error"]),
                "tid": st.integers(0, 4),
                "method": st.sampled_from(["allocate", "set-active-destination"]),
                "lifetime": st.sampled_from([None, 0, 5, 600]),
                "error_code": st.sampled_from([None, 300, 401, 438, 486]),
                "has_integrity": st.booleans(),
                "destination": st.sampled_from([None, "192.0.2.44:40000"]),
                "mapped_address": st.sampled_from([None, f"{RELAY}:50001"]),
            }
        ),
        max_size=30,
    )
)
def test_any_order_of_messages_is_told(messages: list[dict[str, Any]]) -> None:
    rows = [turn(place, **one) for place, one in enumerate(messages)]

    book = case([udp()], stun=rows).relays

    assert len(book.allocations) == any(one["method"] == "allocate" for one in messages)
    for one in book.allocations:
        granted = [
            row for row in rows if row["method"] == "allocate" and row["kind"] == "response" and row["lifetime"] != 0
        ]
        assert len(one.steps) == len(rows)
        assert (one.ending in (AllocationEnding.ALIVE, AllocationEnding.LAPSED)) <= bool(granted)
        assert (one.ended == 0) == (
            one.ending in (AllocationEnding.ALIVE, AllocationEnding.NOT_GRANTED, AllocationEnding.ELSEWHERE)
        )
        assert one.active is None or one.active in one.activations
