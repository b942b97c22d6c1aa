"""The signs by which a reset tells whether the host sent it in whose name it came.

Strong ones can carry a claim, weak ones only support one: stacks differ too much in them.
"""

from lynccap.correlation.closings.endings import Connection, Control, Ending
from lynccap.correlation.closings.hosts import NEARER, Hosts
from lynccap.correlation.closings.kinds import How, Points, Sign
from lynccap.correlation.protocol_numbers import ACK, RST, SYN

TTL, TIMING, BOTH, ICMP, ALIVE, REPEATS, SECOND_POINT, STALL = (
    "ttl", "timing", "both-directions", "icmp", "alive", "repeats", "second-point", "window-closed",
)  # fmt: skip
IP_ID, SEQUENCE, OPTIONS, WINDOW = "ip-id", "sequence", "options", "window"
INSTANT_NS = 1_000_000  # in so short a time neither end learns of the other's reset, if the round trip is longer
BLINK_NS = 100_000  # the same where the round trip is unknown: no packet goes to a host and back so quickly
COUNTED_ON = 16  # identifications further: the host sent a little else meanwhile
FAR_OFF = 2_000  # identifications away, in both directions, from a counter that is known
COUNTER_SLACK = 64
IDS, SEQUENCES = 1 << 16, 1 << 32
MAX_DATA = 65_535  # bytes a SYN may bring along
TIMESTAMPS = 12  # bytes of options on every segment of a connection that uses them (RFC 7323 appendix A)


def reset_signs(one: Connection, ending: Ending, hosts: Hosts) -> list[Sign]:
    """Everything the first reset of a connection shows about its sender."""
    reset = ending.reset
    if reset is None:
        return []
    made = (
        _ttl(one, reset, hosts),
        _timing(one, ending, reset, hosts),
        _both_directions(one, reset, hosts),
        _ip_id(one, reset),
        _sequence(one, reset),
        _options(one, reset),
        _window(one, reset),
    )
    return [sign for sign in made if sign]


def _ttl(one: Connection, reset: Control, hosts: Hosts) -> Sign | None:
    row, client = one.row, reset.from_client
    seen = frozenset(frame.ttl for frame in one.frames if frame.flags & RST and frame.from_client == client)
    low, high = (row.ttl_client_min, row.ttl_client_max) if client else (row.ttl_server_min, row.ttl_server_max)
    key = (row.capture, row.client if client else row.server, low, high, seen)
    if key not in hosts.ttl_signs:
        hosts.ttl_signs[key] = _ttl_sign(hosts, *key)
    return hosts.ttl_signs[key]


def _ttl_sign(hosts: Hosts, capture: int, address: str, low: int, high: int, seen: frozenset[int]) -> Sign | None:
    here, elsewhere = frozenset((low, high)) - {0}, hosts.ttls_of(capture, address)
    points = hosts.judge_ttls(capture, here or elsewhere, seen)
    if points is Points.BOX and here and (elsewhere & seen or low < min(seen) < high):
        points = Points.NEITHER  # several paths, or several machines behind one address
    if points is Points.NEITHER:
        return None
    numbers = (*sorted(seen), *sorted(here or elsewhere))
    own, came = "/".join(map(str, numbers[len(seen) :])), "/".join(map(str, numbers[: len(seen)]))
    if points is Points.HOST:
        return Sign(TTL, points, f"the reset carries TTL {came}, as {address}'s other packets do", numbers)
    where = "on this connection" if here else "elsewhere"
    return Sign(TTL, points, f"the reset came with TTL {came} while {address} sends with {own} {where}", numbers)


def _timing(one: Connection, ending: Ending, reset: Control, hosts: Hosts) -> Sign | None:
    """Only where it is sure which packet the reset answers: a SYN, or what broke a long silence."""
    if reset.from_client or ending.how not in (How.REFUSED, How.RESET_AFTER_IDLE):
        return None
    row = one.row
    asked = [frame.time for frame in one.tries(True, SYN) if frame.time <= reset.time][-1:]
    if ending.how is How.RESET_AFTER_IDLE:
        asked = [int(row.last_time_client)] if row.last_time_client <= reset.time else []
    trip = hosts.round_trip(int(row.capture), row.client, row.server)
    if not asked or not hosts.too_quick(int(row.capture), row.client, row.server, [reset.time - asked[0]]):
        return None
    delay = reset.time - asked[0]
    after = "the SYN" if ending.how is How.REFUSED else "the packet that broke the silence"
    says = f"it came {_ms(delay)} after {after} where an answer of {row.server} takes {_ms(trip)}"
    strong = hosts.knows_round_trip(int(row.capture), row.client, row.server)
    return Sign(TIMING, Points.BOX, says, (delay, trip), strong)


def _both_directions(one: Connection, reset: Control, hosts: Hosts) -> Sign | None:
    row = one.row
    others = [frame.time for frame in one.resets if frame.from_client != reset.from_client]
    if not others:
        return None
    apart = abs(others[0] - reset.time)
    trip = hosts.round_trip(int(row.capture), row.client, row.server)
    if apart > (min(INSTANT_NS, trip // NEARER) if trip else BLINK_NS):
        return None
    says = f"resets came in both directions within {_ms(apart)}, before either end could know of the other's"
    return Sign(BOTH, Points.BOX, says, (apart,))


def _ip_id(one: Connection, reset: Control) -> Sign | None:
    before, number = reset.ip_id_before, reset.ip_id
    if before <= 0 or number < 0:
        return None
    step = (number - before) % IDS
    if 0 < step <= COUNTED_ON:
        return Sign(IP_ID, Points.HOST, f"its IP identification counts on from {before} to {number}", (before, number))
    if not _counts(one, reset) or step == 0 or not FAR_OFF <= step <= IDS - FAR_OFF:
        return None
    if number == 0 and reset.from_client:
        return None  # Linux numbers the packets of its connections, and leaves those of no connection at 0
    return Sign(
        IP_ID,
        Points.BOX,
        f"its IP identification is {number} where that side had counted to {before}",
        (before, number),
        strong=False,
    )


def _counts(one: Connection, reset: Control) -> bool:
    """Whether the side in whose name the reset came counts its packets, by what its first and latest packets bear."""
    client = reset.from_client
    first = next((x.ip_id for x in one.frames if x.from_client == client and x.flags & SYN), 0)
    sent = int(one.row.frames_client if client else one.row.frames_server)
    return first > 0 and sent >= 4 and 0 < (reset.ip_id_before - first) % IDS <= 2 * sent + COUNTER_SLACK


def _sequence(one: Connection, reset: Control) -> Sign | None:
    if one.row.opening == "refused":
        return _refusing_numbers(one, reset)
    side = "client" if reset.from_client else "server"
    following, lost = int(getattr(one.row, f"next_seq_{side}")), int(getattr(one.row, f"lost_{side}"))
    if following < 0 or lost:
        return None
    ahead = (reset.seq - following) % SEQUENCES
    if not 1 < ahead < SEQUENCES // 2:
        return None
    says = f"its sequence number is {ahead} ahead of all that side sent"
    return Sign(SEQUENCE, Points.BOX, says, (reset.seq, following), strong=False)


def _refusing_numbers(one: Connection, reset: Control) -> Sign | None:
    """RFC 9293 3.10.7.1: sequence number 0, acknowledging the SYN."""
    syn = next((x for x in reversed(one.frames) if x.flags & SYN and x.from_client and x.frame < reset.frame), None)
    if syn is None or reset.from_client:
        return None
    if reset.seq:
        says = f"its sequence number is {reset.seq} where a host refuses with 0"
        return Sign(SEQUENCE, Points.BOX, says, (reset.seq, 0), strong=False)
    acked = (reset.ack - syn.seq) % SEQUENCES
    if reset.flags & ACK and 1 <= acked <= MAX_DATA:
        return None
    return Sign(
        SEQUENCE, Points.BOX, "it does not acknowledge the SYN as a host does", (reset.ack, syn.seq), strong=False
    )


def _options(one: Connection, reset: Control) -> Sign | None:
    """A stack adds the connection's timestamps to a reset only where it still holds the connection."""
    opened = any(x.options >= TIMESTAMPS and x.from_client == reset.from_client for x in one.frames if x.flags & SYN)
    if reset.options < TIMESTAMPS or not opened:
        return None
    return Sign(
        OPTIONS,
        Points.HOST,
        "it bears TCP options, as packets of an open connection do",
        (reset.options,),
        strong=False,
    )


def _window(one: Connection, reset: Control) -> Sign | None:
    if one.row.opening != "refused" or not reset.window or reset.from_client:
        return None
    says = f"it offers a receive window of {reset.window} where a host refuses with 0"
    return Sign(WINDOW, Points.BOX, says, (reset.window,), strong=False)


def icmp_signs(one: Connection, ending: Ending) -> list[Sign]:
    """Who reported: the host itself, or a router on the way."""
    error = next(x for x in one.errors if x.frame == ending.frames[0])
    named, other = one.row.client, one.row.server
    if not ending.by_client:
        named, other = other, named
    code = f"ICMP type {error.type} code {error.code}"
    if error.reporter == named:
        return [Sign(ICMP, Points.HOST, f"{named} itself answers with {code}", (error.type, error.code))]
    if error.reporter == other:  # its own stack: it found nobody on its link, or a filter on it forbids it
        return [Sign(ICMP, Points.NEITHER, f"{other} itself reports {code}", (error.type, error.code))]
    says = f"{error.reporter} answers with {code}: a router or firewall in between"
    return [Sign(ICMP, Points.BOX, says, (error.type, error.code))]


def silence_signs(one: Connection, ending: Ending, hosts: Hosts) -> list[Sign]:
    """A host that speaks to others, or repeats itself, is not the one that is gone."""
    row = one.row
    if ending.how is How.HALF_OPEN:
        return _handshake_signs(one)
    if ending.how is How.CLOSED_WINDOW:
        named, seconds = row.client if ending.by_client else row.server, (row.last_time - ending.when) / 1e9
        says = f"{named} kept its receive window closed for {seconds:.1f} s"
        return [Sign(STALL, Points.HOST, says, (int(row.last_time) - ending.when,))]
    named, other = (row.client, row.server) if ending.by_client else (row.server, row.client)
    tried = one.last_time(not ending.by_client)
    frame = hosts.speaks_after(int(row.capture), named, tried)
    if ending.how is How.UNANSWERED or not frame:
        return []
    says = f"{named} went on sending to others (frame {frame}) while {other} repeated itself here in vain"
    return [Sign(ALIVE, Points.BOX, says, (frame,))]


def _handshake_signs(one: Connection) -> list[Sign]:
    syns, answers = one.tries(True, SYN), one.tries(False, SYN | ACK)
    row = one.row
    if len(syns) > 2 and len(answers) > 2 and row.opening == "half-open" and syns[-1].time > answers[0].time:
        says = f"{row.client} sent its SYN {len(syns)} times though {len(answers)} SYN-ACKs had passed here"
        return [Sign(REPEATS, Points.BOX, says, (len(syns), len(answers)))]
    if len(answers) > 2 and row.opening == "established":
        says = f"{row.server} sent its SYN-ACK {len(answers)} times though the client's ACK had passed here"
        return [Sign(REPEATS, Points.BOX, says, (len(syns), len(answers)))]
    return []


def _ms(nanoseconds: int) -> str:
    return f"{nanoseconds / 1e6:.1f} ms" if nanoseconds >= 1e5 else f"{nanoseconds / 1e6:.2f} ms"
