"""What routers report of packets that they could not or would not pass on (ICMP), and how far that carries."""

from collections.abc import Callable, Iterable

from lynccap import reference
from lynccap.correlation.attempts import Attempt, Ending
from lynccap.correlation.case import Case
from lynccap.document import Confidence

REPEATED = 2  # reports of a missing route: one may be a route that changes at this moment


def _forbidden(_case: Case, _attempt: Attempt) -> tuple[Confidence, str | None]:
    """Who forbids it says so itself: once is enough."""
    return Confidence.CERTAIN, None


def _host_gone(case: Case, attempt: Attempt) -> tuple[Confidence, str | None]:
    return host_gone(case, attempt.capture, attempt.server, attempt.first_time)


def host_gone(case: Case, capture: int, server: str, since: int) -> tuple[Confidence, str | None]:
    """The last router's word is certain, unless the host is heard; a host heard before may be back soon."""
    frame = case.heard_after(capture, server, since)
    if frame:
        return Confidence.LIKELY, f"{server} sends packets meanwhile (frame {frame}): the host is up"
    return (Confidence.LIKELY if case.heard_after(capture, server, 0) else Confidence.CERTAIN), None


def _no_way(_case: Case, attempt: Attempt) -> tuple[Confidence, str | None]:
    return no_way(attempt.server, len(attempt.icmp_frames), len(attempt.syn_times))


def no_way(server: str, reports: int, tries: int) -> tuple[Confidence, str | None]:
    """Routes change for a moment now and then: a missing one is missing for every try."""
    if reports < REPEATED:
        return Confidence.LIKELY, f"the missing route to {server} is reported once only: it may be back by now"
    return (Confidence.CERTAIN if reports >= tries else Confidence.LIKELY), None


REPORTS: dict[Ending, Callable[[Case, Attempt], tuple[Confidence, str | None]]] = {
    Ending.PROHIBITED: _forbidden,
    Ending.UNREACHABLE: _host_gone,
    Ending.NO_ROUTE: _no_way,
}
"""By what was reported: how sure it is, and why it is not."""


def report_words(attempt: Attempt) -> str:
    """What the ICMP errors of an attempt say, without a full stop."""
    version = 6 if ":" in attempt.server else 4
    said = codes_words(version, attempt.icmp_codes)
    return f"{', '.join(attempt.reporters)} answers the SYNs to {attempt.server} TCP port {attempt.port} with {said}"


def codes_words(version: int, codes: Iterable[tuple[int, int]]) -> str:
    """ICMP types and codes with what they mean, without a full stop."""
    told = sorted(set(codes))
    rows = [reference.icmp_codes().get((version, *one)) for one in told]
    numbers = ", ".join(f"type {kind} code {code}" for kind, code in told)
    meant = " ".join(dict.fromkeys(row.says for row in rows if row))
    return f"ICMP {numbers}: {meant[:1].lower()}{meant[1:].rstrip('.')}"
