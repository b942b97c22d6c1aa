"""Whether a server was up around an attempt: who got an answer of it, and whether it was only restarting."""

from bisect import bisect_left

from lynccap.correlation.addresses import subnet_of
from lynccap.correlation.attempts import Answer, Attempt
from lynccap.correlation.case import Case
from lynccap.diagnosis.judgements import Proof

RECENT_NS = 10_000_000_000  # a server that answered just before is up, unless somebody is left unanswered by it
ACCEPTS_NS = 15_000_000_000  # a restarted service accepts again within this time
RESTART_NS = 10_000_000_000  # a service that restarts refuses for some seconds and then accepts


def alive(case: Case, attempt: Attempt) -> tuple[bool, Proof] | None:
    """Proof that the server answers somebody from then on: (from another subnet on this very port, the frame)."""
    first = attempt.syn_times[0] if attempt.syn_times else attempt.first_time
    mine = subnet_of(attempt.client)
    patience = 0 if case.fell_silent(attempt.server, first) else RECENT_NS
    heard = [one for one in case.latest_answers(attempt.server) if one.last_time >= first - patience]
    if heard:
        best = max(heard, key=lambda one: (one.port == attempt.port, subnet_of(one.client) != mine, -one.flow))
        says = f"{attempt.server} answers {best.client} on TCP port {best.port}: the host is up"
        strong = best.port == attempt.port and subnet_of(best.client) != mine and best.last_time >= first
        return strong, Proof(attempt.capture, (best.last_frame,), says)
    frame = case.heard_after(attempt.capture, attempt.server, first)
    if not frame:
        return None
    return False, Proof(attempt.capture, (frame,), f"{attempt.server} sends packets: the host is up")


def accepted_meanwhile(case: Case, attempt: Attempt) -> bool:
    """Whether another client opened the same port of the server between the first and the last refusal."""
    following = _accepted_from(case, attempt, attempt.first_time)
    return following is not None and following.opened <= attempt.last_time


def _accepted_from(case: Case, attempt: Attempt, time: int) -> Answer | None:
    """The first connection that another client opened to the same port at or after a time."""
    answers = case.answers_of(attempt.server)
    for place in range(bisect_left(answers, time, key=lambda one: one.opened), len(answers)):
        if answers[place].port == attempt.port and answers[place].client != attempt.client:
            return answers[place]
    return None


def restarting(case: Case, attempt: Attempt) -> str | None:
    """One short burst of refusals, and others accepted soon after it but not during it."""
    if attempt.last_time - attempt.first_time > RESTART_NS or accepted_meanwhile(case, attempt):
        return None
    one = _accepted_from(case, attempt, attempt.last_time + 1)
    if one is None or one.opened - attempt.last_time > ACCEPTS_NS or _served_throughout(case, attempt):
        return None
    return (
        f"{attempt.server} accepts {one.client} on the same port {(one.opened - attempt.last_time) / 1e9:.1f} s "
        "later: the service may just have been restarting"
    )


def _served_throughout(case: Case, attempt: Attempt) -> bool:
    """Another client's connection on the same port lives across the refusals: the service did not restart."""
    return any(
        one.port == attempt.port
        and one.client != attempt.client
        and one.opened < attempt.first_time
        and one.last_time > attempt.last_time
        for one in case.answers_of(attempt.server)
    )
