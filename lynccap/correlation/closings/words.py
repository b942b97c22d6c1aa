"""What a closing says, in one sentence."""

from collections.abc import Sequence

from lynccap.correlation.closings.kinds import EndedBy, How, Points, Sign
from lynccap.document import Confidence

ROUND_TIMERS_S = (60, 120, 180, 240, 300, 600, 900, 1200, 1800, 3600, 7200)
"""Idle timers people configure on firewalls and load balancers."""
TIMER_SLACK = 0.02

_HOW = {
    How.REFUSED: "the connection was refused",
    How.ICMP: "the connection was turned away by ICMP",
    How.UNANSWERED: "no answer to the connection attempt was recorded",
    How.HALF_OPEN: "the connection was never fully opened",
    How.RESET: "the connection was reset while in use",
    How.RESET_AFTER_IDLE: "the connection was reset after {pause} without a packet",
    How.RESET_AFTER_ALERT: "the connection was reset after a TLS alert",
    How.RESET_AFTER_CLOSE: "the connection was closed, with a reset at the end, as many programs do",
    How.SILENCE: "{named} stopped answering",
    How.CLOSED_WINDOW: "{named} stopped reading",
}
_WHO = {
    EndedBy.CLIENT: "{client} itself ended it",
    EndedBy.SERVER: "{server} itself ended it",
    EndedBy.BOX_CLIENT_SIDE: "a box on the way to {client} ended it",
    EndedBy.BOX_BETWEEN: "a box in between ended it",
    EndedBy.BOX_SERVER_SIDE: "a box on the way to {server} ended it",
    EndedBy.UNKNOWN: "who ended it is not shown",
}
_FILTERED = {
    EndedBy.BOX_CLIENT_SIDE: "something on the way to {client}, or a filter on it, keeps packets back",
    EndedBy.BOX_SERVER_SIDE: "something on the way to {server}, or a filter on it, keeps packets back",
}
"""Where nothing was sent in a host's name, but packets are missing."""
_STALLED = {EndedBy.CLIENT: "{client} itself holds it up", EndedBy.SERVER: "{server} itself holds it up"}
"""Where the connection is still there at the end of the capture."""
_HEDGE = {Confidence.CERTAIN: "", Confidence.LIKELY: "probably ", Confidence.POSSIBLE: "possibly "}


def closing_words(
    how: How,
    by_client: bool,
    ended_by: EndedBy,
    confidence: Confidence,
    signs: Sequence[Sign],
    pause: int,
    ends: tuple[str, str],
) -> str:
    """How a connection of a client and a server (`ends`) ended, the signs, and who did it as far as they tell."""
    client, server = ends
    told = _HOW[how].format(pause=pause_words(pause), named=client if by_client else server)
    decisive = Points.BOX if ended_by.is_box else Points.HOST
    known = ended_by is not EndedBy.UNKNOWN
    shown = [sign.says for sign in signs if sign.points is decisive or not known]
    hedge = _HEDGE[confidence] if known else ""
    special = {How.HALF_OPEN: _FILTERED, How.SILENCE: _FILTERED, How.CLOSED_WINDOW: _STALLED}
    who = special.get(how, {}).get(ended_by, _WHO[ended_by])
    return "; ".join([told, *shown]) + f": {hedge}{who.format(client=client, server=server)}"


def pause_words(pause: int) -> str:
    """A pause, and the idle timer it looks like."""
    seconds = pause / 1e9
    timer = round_timer(pause)
    return f"{seconds:.1f} s" + (f" (an idle timer of {timer} s?)" if timer else "")


def round_timer(pause: int) -> int:
    """The usual idle timer, in seconds, that a pause comes close to; 0 when there is none."""
    seconds = pause / 1e9
    return next((one for one in ROUND_TIMERS_S if abs(seconds - one) <= one * TIMER_SLACK), 0)
