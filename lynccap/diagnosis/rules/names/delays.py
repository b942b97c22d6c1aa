"""How long a client takes from its first question to its first connection, and what it waited for."""

from collections.abc import Iterable, Iterator

from lynccap.correlation.attempts import FAILED
from lynccap.correlation.searches import Search
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement, Proof
from lynccap.diagnosis.rules.names.asking import SHOWN, found, signs_in
from lynccap.document import Confidence, Severity

SLOW_NS = 10_000_000_000  # catalogue, dns-search-order-delay
EXPLAINED = 0.5  # of the delay: less may be a person's, or a machine's that slept
FIRST_PAUSE_NS = 1_000_000_000
WORTH_NS = 500_000_000
Wait = tuple[int, int, str, tuple[int, ...]]
"""From, until, for what, frames."""


@rule(
    title="Sign-in is slow because of names that lead nowhere",
    severity=Severity.MINOR,
    stage=Stage.NAMES,
    causes=(
        "An early name of the list exists where it should not.",
        "A firewall drops connections to an early candidate instead of refusing them.",
        "DNS is slow to say that a name does not exist.",
    ),
    fix=("Remove records that mislead clients here.", "Let firewalls refuse rather than drop."),
    act=("DNS administrator", "network team"),
    sources=("notes-poster", "ms-dns"),
)
def dns_search_order_delay(inquiry: Inquiry) -> Iterator[Judgement]:
    """A client signs in, but only more than 10 s after its first question, most of it lost on names and addresses.

    Evidence: the time from the first discovery question to the first connection that works; what it waited for
    meanwhile: DNS answers, connections that were not answered or refused.

    Not this: time in which nothing was tried, as somebody was asked something or the machine slept, and then
    inconclusive.
    """
    for search in inquiry.client_searches:
        reached = signs_in(inquiry, search.addresses, search.first_time, search.capture)
        if reached is None:
            continue
        flow, attempt = reached
        if flow == attempt.flows[0] and attempt.first_time - search.first_time <= SLOW_NS:
            yield Clear(search.device)
            continue
        opening = int(inquiry.case.flows.at[flow, "first_time"])
        total = opening - search.first_time
        if total <= SLOW_NS:
            yield Clear(search.device)
            continue
        waits = [one for one in _waits(inquiry, search, opening) if one[1] - one[0] >= WORTH_NS]
        spent = _covered(waits)
        gates = inquiry.gates
        doubt = gates.lossy(search.capture, search.first_time, opening) or gates.clock_set(
            search.capture, search.first_time, opening
        )
        if not doubt and (spent < EXPLAINED * total or spent < SLOW_NS / 2):
            doubt = f"in {total / 1e9:.0f} s only {spent / 1e9:.0f} s were waited for something in the capture"
        yield Doubt(search.device, doubt) if doubt else _delay(inquiry, search, flow, total, waits)


def _delay(inquiry: Inquiry, search: Search, flow: int, total: int, waits: list[Wait]) -> Judgement:
    row = inquiry.case.flows.loc[flow]
    longest = sorted(waits, key=lambda one: one[0] - one[1])[:3]
    words = "; ".join(f"{(until - since) / 1e9:.1f} s for {what}" for since, until, what, _ in longest)
    proof = (
        Proof(search.capture, tuple(sorted({*frames}))[:SHOWN], f"{(until - since) / 1e9:.1f} s for {what}")
        for since, until, what, frames in longest
    )
    return found(
        search.questions[0],
        f"{inquiry.word(search.device)} takes {total / 1e9:.1f} s from its first question to the connection that "
        f"works, with {inquiry.server(str(row['server']), int(row['server_port']))}.",
        f"It waited {words}.",
        Confidence.CERTAIN,
        *proof,
        Proof(
            search.capture,
            (search.questions[0].frames[0], int(row["first_frame"])),
            "the first question, and the connection that works",
        ),
        time=int(row["first_time"]),  # what made it wait came before
    )


def _waits(inquiry: Inquiry, search: Search, until: int) -> Iterator[Wait]:
    for one in search.questions:
        if one.first_time < until:
            yield one.first_time, min(one.last_time, until), f"DNS to answer on {one.name}", one.frames
    times = inquiry.case.flows[["first_time", "last_time", "first_frame", "last_frame", "opening"]]
    for attempt in inquiry.case.attempts_of(*search.addresses):
        for flow in attempt.flows:
            row = times.loc[flow]
            if row["opening"] in FAILED and search.first_time <= row["first_time"] < until:
                what = f"{attempt.server} TCP port {attempt.port} to answer"
                frames = (int(row["first_frame"]), int(row["last_frame"]))
                since, last = int(row["first_time"]), int(row["last_time"])
                # Each pause between SYNs is twice the one before; after the last SYN comes the longest.
                end = last if row["opening"] == "refused" else 2 * last - since + FIRST_PAUSE_NS
                yield since, min(end, until), what, frames


def _covered(waits: Iterable[Wait]) -> int:
    """Nanoseconds in which at least one wait was going on."""
    covered, end = 0, 0
    for since, until, _, _ in sorted(waits):
        covered += max(until - max(since, end), 0)
        end = max(end, until)
    return covered
