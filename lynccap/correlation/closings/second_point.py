"""What a second capture of the same connection adds: whether the last word passed there too."""

from dataclasses import dataclass, replace

from lynccap.correlation.closings.claims import Closing
from lynccap.correlation.closings.judging import decide
from lynccap.correlation.closings.kinds import EndedBy, How, Points, Sign
from lynccap.correlation.closings.signs import SECOND_POINT


@dataclass(frozen=True, slots=True)
class SeenElsewhere:
    """The same connection at another capture point."""

    capture: int
    name: str
    """What to call that point."""
    nearer: bool
    """It stands nearer to the host in whose name the last word came."""
    saw_end: bool
    """The packet that ended the connection is in that capture too."""
    saw_others: bool
    """So are the packets just before and what was sent until then: the point missed nothing."""


def with_second_point(closing: Closing, other: SeenElsewhere) -> Closing:
    """The closing with what another capture of the same flow says of it; unchanged where that says nothing.

    Only a point nearer to the host in whose name the end came can tell: a packet it lacks came from between.
    """
    if not other.nearer or not other.saw_others or closing.how in (How.UNANSWERED, How.SILENCE, How.CLOSED_WINDOW):
        return closing
    if other.saw_end:
        sign = Sign(SECOND_POINT, Points.NEITHER, f"it passed {other.name} too", (other.capture,))
        return replace(closing, signs=(*closing.signs, sign))
    says = f"it never passed {other.name}, nearer to {closing.named}: it was sent between the two points"
    sign = Sign(SECOND_POINT, Points.BOX, says, (other.capture,))
    signs = (*(one for one in closing.signs if one.points is not Points.HOST), sign)
    ended_by, confidence = decide(signs, closing.by_client)
    return replace(
        closing, signs=signs, ended_by=EndedBy.BOX_BETWEEN if ended_by.is_box else ended_by, confidence=confidence
    )
