"""Addresses behind a name: dead members, dead IPv6 paths, next hops that an Edge cannot find."""

from collections.abc import Iterator

from lynccap.correlation.attempts import Attempt, Ending
from lynccap.correlation.searches import AAAA, Question, Reply
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement, Proof
from lynccap.diagnosis.rules.names.asking import SHOWN, attempts_of, found, shown, silence_doubt
from lynccap.diagnosis.subjects import subject_of
from lynccap.document import Confidence, Severity

DEAD = (Ending.REFUSED, Ending.REJECTED, Ending.UNANSWERED)
NEXT_NS = 60_000_000_000  # until the next address: a silent one takes Windows some 20 s
CLIENTS, LONG_NS = 3, 600_000_000_000  # catalogue, dns-stale-pool-member
SOME_CLIENTS, SOME_NS = 2, 120_000_000_000
LOST_NS = 3_000_000_000  # catalogue, dns-aaaa-blackhole


@rule(
    title="The pool's name still leads to a dead server",
    severity=Severity.MINOR,
    stage=Stage.NAMES,
    causes=("A server that was taken out of service is still in DNS.",),
    fix=("Remove the address from the pool's name, and the server's own record.",),
    act=("DNS administrator",),
    sources=("ms-dnslb",),
    explains=("dns-search-order-delay",),
)
def dns_stale_pool_member(inquiry: Inquiry) -> Iterator[Judgement]:
    """One of the addresses of a pool's name fails for everybody, and clients go on to the next one.

    Evidence: a name with several addresses; connections to one of them are refused or not answered, and the same
    client then reaches another one at the same port; the address works for nobody.

    Not this: an address that works for anybody. Inconclusive: a single failure, as it may be short maintenance or the
    normal change to another member.
    """
    for name, links in inquiry.case.names.addresses.items():
        if len(links) > 1 and not name.startswith("_") and any(map(inquiry.case.roles.is_plausible, links)):
            for address in links:
                yield from _stale(inquiry, name, address, [one for one in links if one != address])


def _stale(inquiry: Inquiry, name: str, address: str, others: list[str]) -> Iterator[Judgement]:
    case = inquiry.case
    attempts = case.attempts_at(address)
    if any(one.established for one in attempts):
        yield from (Clear(one.client) for one in attempts[:1])
        return
    moved = [(one, nxt) for one in attempts if one.ending in DEAD and (nxt := _next(inquiry, one, others))]
    clients = {one.client for one, _ in moved}
    spread = max((one.last_time for one, _ in moved), default=0) - min((one.first_time for one, _ in moved), default=0)
    for attempt, following in moved:
        doubt = silence_doubt(inquiry, attempt)
        if not doubt and len(clients) < SOME_CLIENTS and spread < SOME_NS:
            doubt = f"{address} fails once only: it may be out of service for a short time"
        if doubt:
            yield Doubt(attempt.client, doubt)
            continue
        link = case.names.addresses[name][address]
        lasts = len(clients) >= CLIENTS or spread >= LONG_NS
        how = "is silent" if attempt.ending is Ending.UNANSWERED else "refuses"
        proof = (
            Proof(link.capture, (link.frame,), f"{name} has {len(others) + 1} addresses, {address} among them"),
            Proof(attempt.capture, attempt.failed_frames[:SHOWN], f"{address} {how}"),
            Proof(following.capture, (_first(inquiry, following),), f"{following.server} answers"),
        )
        says = (
            f"{inquiry.word(attempt.client)} first tries {address}, one of the addresses of {name}, which {how} on "
            f"TCP port {attempt.port}, and then reaches {following.server}."
        )
        why = f"{address} works for nobody in this capture; {len(clients)} client{'s' * (len(clients) != 1)} met it."
        confidence = Confidence.CERTAIN if lasts else Confidence.LIKELY
        alike = {one.client for one, _ in moved if one.port == attempt.port}
        once = ("state-dns-lb-failover", f"{len(alike)} clients fail at {address} TCP port {attempt.port}")
        rejected = (once,) if len(alike) >= SOME_CLIENTS else ()
        yield subject_of(inquiry, attempt.flows[0]).found(
            says, why, confidence, *proof, flows=attempt.flows, rejected=rejected
        )


def _first(inquiry: Inquiry, attempt: Attempt) -> int:
    return int(inquiry.case.flows.at[attempt.established[0], "first_frame_server"])


def _next(inquiry: Inquiry, attempt: Attempt, others: list[str]) -> Attempt | None:
    """The connection that the same client then opened to another address, at the same port."""
    times = inquiry.case.flows["first_time"]
    for one in inquiry.case.attempts_of(attempt.client):
        same = one.server in others and one.port == attempt.port and one.established
        if same and 0 <= int(times[one.established[0]]) - attempt.first_time <= NEXT_NS:
            return one
    return None


@rule(
    title="An IPv6 address leads into a dead path",
    severity=Severity.MINOR,
    stage=Stage.NAMES,
    causes=("An old AAAA record was left in DNS.", "IPv6 is not routed on the way."),
    fix=("Remove the AAAA record, or route IPv6.",),
    act=("DNS administrator", "network team"),
    sources=("ms-dns", "rfc8305"),
    explains=("dns-search-order-delay",),
)
def dns_aaaa_blackhole(inquiry: Inquiry) -> Iterator[Judgement]:
    """A device with IPv4 and IPv6 is told an IPv6 address, waits for it in vain, and then succeeds over IPv4.

    Evidence: an AAAA answer; connections to that address that nobody answers; 3 s or more later a connection to an
    IPv4 address of the same name that works.

    Not this: a client that tries both at once and drops the slower one (Happy Eyeballs). Inconclusive: a capture that
    cannot prove silence.
    """
    for question in inquiry.case.searches.questions:
        if question.record_type != AAAA or question.reply is not Reply.FOUND:
            continue
        mine = attempts_of(inquiry, question.device)
        four = [one for one in inquiry.case.names.addresses_of(question.name) if ":" not in one]
        for attempt in mine:
            if attempt.server in question.addresses and attempt.capture == question.capture:
                yield from _dead_path(inquiry, question, attempt, [one for one in mine if one.server in four])


def _dead_path(inquiry: Inquiry, question: Question, attempt: Attempt, mine: list[Attempt]) -> Iterator[Judgement]:
    flows = inquiry.case.flows
    works = [flow for one in mine if one.port == attempt.port for flow in one.established]
    tries = [int(flows.at[flow, "first_time"]) for one in mine if one.port == attempt.port for flow in one.flows]
    if attempt.ending is not Ending.UNANSWERED:
        yield Clear(question.device)
        return
    later = [flow for flow in works if flows.at[flow, "first_time"] >= attempt.first_time]
    if not later:
        return
    lost = min((one for one in tries if one >= attempt.first_time), default=attempt.first_time) - attempt.first_time
    if lost < LOST_NS:
        yield Clear(question.device)
        return
    doubt = silence_doubt(inquiry, attempt)
    if doubt:
        yield Doubt(question.device, doubt)
        return
    row = flows.loc[later[0]]
    yield found(
        question,
        f"{inquiry.word(question.device)} waits {lost / 1e9:.1f} s for {attempt.server}, the IPv6 address of "
        f"{question.name}, and then succeeds with {row['server']}.",
        "The device prefers IPv6 where DNS offers it, and no packet comes back that way.",
        Confidence.CERTAIN,
        shown(question, f"{question.name} is {attempt.server} in IPv6"),
        Proof(attempt.capture, attempt.failed_frames[:SHOWN], "connections without an answer"),
        Proof(attempt.capture, (int(row["first_frame"]), int(row["first_frame_server"])), "IPv4 works"),
        peer=attempt.server,
        port=attempt.port,
        transport="tcp",
        service=str(row["service"]),
    )
