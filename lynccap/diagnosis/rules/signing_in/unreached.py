"""Servers that a client tried in vain, as what follows is seen in the light of it."""

from lynccap.correlation.attempts import Attempt, Ending
from lynccap.diagnosis.inquiry import Inquiry

FAILED = frozenset(
    {Ending.REFUSED, Ending.REJECTED, Ending.PROHIBITED, Ending.UNREACHABLE, Ending.NO_ROUTE, Ending.UNANSWERED}
)
_WORDS = {Ending.REFUSED: "refused", Ending.REJECTED: "refused", Ending.UNANSWERED: "not answered"}


def failed(attempt: Attempt) -> bool:
    """Whether no connection of it was opened."""
    return attempt.ending in FAILED


def how(attempt: Attempt) -> str:
    """How it failed, in a word or two."""
    return _WORDS.get(attempt.ending, "stopped on the way (ICMP)")


def doubt_of(inquiry: Inquiry, attempt: Attempt) -> str | None:
    """Why the capture forbids to call it failed."""
    if attempt.ending is not Ending.UNANSWERED:
        return None
    first = attempt.syn_times[0] if attempt.syn_times else attempt.first_time
    return inquiry.gates.absence(attempt.capture, attempt.client, first, attempt.last_time, len(attempt.syn_times))
