"""What a pause before a reset tells: who else was cut after the same one, and whether the client was awake in it."""

from collections.abc import Iterable

import pandas as pd

from lynccap.correlation.closings.claims import Closing

SAME = 0.1  # of a pause: two that differ by less are one timer's (catalogue, rst-midstream-idle)
MARGIN = 0.1  # of a pause, at both its ends: what a host says on falling asleep and on waking up


def alike(one: Closing, others: Iterable[Closing]) -> tuple[Closing, ...]:
    """Those of some closings that came after the same pause as one of them, that one among them."""
    return tuple(other for other in others if abs(other.pause - one.pause) <= SAME * max(one.pause, other.pause))


def was_awake(flows: pd.DataFrame, one: Closing) -> bool:
    """Whether the client spoke to anybody else in the middle of the pause that went before a reset."""
    since, until = one.when - round(one.pause * (1 - MARGIN)), one.when - round(one.pause * MARGIN)
    return any(_spoke(flows, one, side, since, until) for side in ("client", "server"))


def _spoke(flows: pd.DataFrame, one: Closing, side: str, since: int, until: int) -> bool:
    mine = flows[(flows["capture"] == one.capture) & (flows[side] == one.client) & (flows[f"frames_{side}"] > 0)]
    # Of a conversation across all of the pause nothing tells whether it paused as well.
    told = (mine[f"{which}_time_{side}"].between(since, until) for which in ("first", "last"))
    return any(bool(times.any()) for times in told)
