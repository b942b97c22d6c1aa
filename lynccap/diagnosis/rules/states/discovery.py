"""Names that do not exist where a client is, and pool members that do not answer (catalogue group 14)."""

from collections import defaultdict
from collections.abc import Iterator

from lynccap.correlation.attempts import Attempt, Ending
from lynccap.correlation.discovery_names import DISCOVERY_NAMES, INNER_NAMES
from lynccap.correlation.lookups import Lookup
from lynccap.correlation.names import DNS_PORT, SOURCE_DNS
from lynccap.correlation.roles.sides import Location
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.rules.states.by_design import NOBODY, NOTHING_TO_DO
from lynccap.document import Confidence, Severity
from lynccap.tables import SECOND

MISSING = "NXDOMAIN"
QUICKLY = 5 * SECOND  # from the first name that is missing to the one that works
FAILS_OVER = 10 * SECOND  # from the first try at one address to the connection at the next
FAILED = (Ending.REFUSED, Ending.UNANSWERED)


@rule(
    title="Names of the other location do not exist, and the next name worked",
    severity=Severity.INFO,
    stage=Stage.NOTE,
    causes=("Clients ask for the names of both locations in a fixed order.",),
    fix=NOTHING_TO_DO,
    act=NOBODY,
    sources=("notes-poster",),
)
def state_dns_fallback_nxdomain(inquiry: Inquiry) -> Iterator[Judgement]:
    """A client asks for names that exist elsewhere only, is told so, and a later name works at once.

    Evidence: NXDOMAIN for discovery names that belong to the other location than the client's; an answer for a name
    of its own location within 5 s.

    Not this: a name of the client's own location that is missing; a later name that comes late, or that leads to a
    server which cannot be reached.
    """
    asked: dict[tuple[int, str], list[Lookup]] = defaultdict(list)
    for one in inquiry.case.lookups:
        if one.answered and one.name.startswith(DISCOVERY_NAMES):
            asked[one.capture, one.client].append(one)
    for (_, client), lookups in asked.items():
        if any(one.rcode_name == MISSING for one in lookups):
            yield from _fell_back(inquiry, client, lookups)


def _fell_back(inquiry: Inquiry, client: str, lookups: list[Lookup]) -> Iterator[Judgement]:
    device = inquiry.device(client)
    if device is None or device.role is not None:
        return
    missing = [one for one in lookups if one.rcode_name == MISSING]
    if device.location is Location.UNKNOWN:
        yield Doubt(client, f"nothing in the capture shows whether {client} is inside or outside")
        return
    inside = device.location is Location.INSIDE
    elsewhere = [one for one in missing if _is_inner(one) is not inside]
    worked = [one for one in lookups if one.answers and _is_inner(one) is inside]
    pairs = [(one, then) for one in elsewhere for then in worked if _follows(one, then)]
    if pairs and _leads_on(inquiry, client, pairs[0][1]):
        yield _fallback(inquiry, client, [one for one in elsewhere if _follows(one, pairs[0][1])], pairs[0][1])
    elif elsewhere and not worked and (late := _cut(inquiry, elsewhere[0])):
        yield Doubt(client, late)
    else:
        yield Clear(client)


def _cut(inquiry: Inquiry, missing: Lookup) -> str | None:
    return inquiry.gates.ended_early(missing.capture, missing.first_time, QUICKLY)


def _is_inner(one: Lookup) -> bool:
    return one.name.startswith(INNER_NAMES)


def _domain(name: str) -> str:
    start = next(one for one in DISCOVERY_NAMES if name.startswith(one))
    return name[len(start) :]


def _follows(missing: Lookup, then: Lookup) -> bool:
    """Asked for the same domain, and answered within QUICKLY."""
    wait = then.response_time - missing.first_time
    return 0 <= wait <= QUICKLY and _domain(missing.name) == _domain(then.name)


def _leads_on(inquiry: Inquiry, client: str, then: Lookup) -> bool:
    """Whether some address of the name accepts the client, or the client tries none of them."""
    names = inquiry.case.names
    tried = [one for one in inquiry.case.attempts_of(client) if then.name in names.names_of(one.server, SOURCE_DNS)]
    return not tried or any(one.established for one in tried)


def _fallback(inquiry: Inquiry, client: str, missing: list[Lookup], then: Lookup) -> Found:
    names = ", ".join(dict.fromkeys(one.name for one in missing))
    where = "outside" if _is_inner(missing[0]) else "inside"
    wait = (then.response_time - missing[0].first_time) / SECOND
    frames = (*(one.response_frame for one in missing), then.response_frame)
    return Found(
        device=client,
        peer=then.server,
        port=DNS_PORT,
        transport="udp",
        service="dns",
        says=f"{inquiry.word(client)} is {where} and was told that {names} does not exist; {then.name} worked.",
        why=f"The missing names belong to the other location. The right one was answered {wait:.1f} s later.",
        confidence=Confidence.CERTAIN,
        proof=(Proof(then.capture, tuple(sorted(set(frames))), "the names that do not exist, then the one that does"),),
        time=missing[0].first_time,
    )


@rule(
    title="The first address of a pool failed, the next one worked",
    severity=Severity.INFO,
    stage=Stage.NOTE,
    causes=("With DNS load balancing the client itself goes on to the next server of the pool.",),
    fix=("Nothing, unless the same server keeps failing: then look after that server.",),
    act=NOBODY,
    sources=("ms-dnslb",),
)
def state_dns_lb_failover(inquiry: Inquiry) -> Iterator[Judgement]:
    """A name has several addresses; the first one fails and the client connects to another within 10 s.

    Evidence: a DNS name with several addresses; SYNs to one of them refused or unanswered; a connection of the same
    client to another of them on the same port within 10 s.

    Not this: one address that fails for everybody or again and again, which is a failure of that server. Inconclusive
    where the answer of a silent address may just be missing.
    """
    for attempt in inquiry.case.attempts:
        then = _next_member(inquiry, attempt) if attempt.ending in FAILED else None
        if then is None:
            continue
        if _keeps_failing(inquiry, attempt):
            yield Clear(attempt.client)
        elif doubt := _unsure(inquiry, attempt):
            yield Doubt(attempt.client, doubt)
        else:
            yield _failover(inquiry, attempt, *then)


def _next_member(inquiry: Inquiry, failed: Attempt) -> tuple[Attempt, str] | None:
    """The connection at another address of the same name, and that name."""
    mine = _pool_names(inquiry, failed.server)
    for one in inquiry.case.attempts_of(failed.client) if mine else ():
        near = one.capture == failed.capture and 0 <= one.first_time - failed.first_time <= FAILS_OVER
        if near and one.port == failed.port and one.established and one.server != failed.server:
            shared = sorted(mine & _pool_names(inquiry, one.server))
            if shared and inquiry.case.roles.is_plausible(one.server):
                return one, shared[0]
    return None


def _pool_names(inquiry: Inquiry, server: str) -> set[str]:
    return {one for one in inquiry.case.names.names_of(server, SOURCE_DNS) if not one.startswith("_")}


def _keeps_failing(inquiry: Inquiry, failed: Attempt) -> bool:
    """Nobody is accepted there, and this client is not alone, or tried it anew later."""
    same = [one for one in inquiry.case.attempts_at(failed.server) if one.port == failed.port]
    accepted = any(one.established for one in same)
    again = failed.last_time - failed.first_time > FAILS_OVER + failed.longest_wait
    return not accepted and (len(same) > 1 or again)


def _unsure(inquiry: Inquiry, failed: Attempt) -> str | None:
    if failed.ending is Ending.REFUSED:
        return None
    tries = len(failed.syn_times)
    return inquiry.gates.absence(failed.capture, failed.client, failed.first_time, failed.last_time, tries)


def _failover(inquiry: Inquiry, failed: Attempt, then: Attempt, name: str) -> Found:
    how = "refused it" if failed.ending is Ending.REFUSED else "did not answer"
    works = int(inquiry.case.flows.at[then.established[0], "first_frame_server"])
    wait = (then.first_time - failed.first_time) / SECOND
    return Found(
        device=failed.client,
        peer=failed.server,
        port=failed.port,
        transport="tcp",
        service=str(inquiry.case.flows.at[then.established[0], "service"]),
        says=(
            f"{inquiry.word(failed.client)} tried {failed.server} for {name} on TCP {failed.port}, which {how}, "
            f"and was connected to {then.server} {wait:.1f} s later."
        ),
        why=f"{name} has several addresses, one for each server of the pool. The client takes the next by itself.",
        confidence=Confidence.CERTAIN,
        proof=(
            Proof(failed.capture, failed.failed_frames, f"the tries at {failed.server}"),
            Proof(then.capture, (works,), f"{then.server} answers"),
        ),
        time=failed.first_time,
        flows=failed.flows,
    )
