"""What is claimed of a connection's end: how it ended, by whom, and the signs both rest on."""

from dataclasses import dataclass

from lynccap.correlation.closings.kinds import EndedBy, How, Sign
from lynccap.correlation.closings.words import closing_words
from lynccap.document import Confidence


@dataclass(frozen=True, slots=True)
class Closing:
    """The end of one TCP connection that did not simply close."""

    flow: int
    capture: int
    client: str
    server: str
    port: int
    when: int
    """Of the frame that ended it; of a silence, of the last frame of the side that fell silent."""
    how: How
    by_client: bool
    """The last word came in the client's name; of a silence: the client is the one who says nothing more."""
    ended_by: EndedBy
    confidence: Confidence
    """Of `ended_by`; means nothing where that is unknown."""
    signs: tuple[Sign, ...]
    pause: int
    """The longest pause just before it, nanoseconds; 0 when untold."""
    frames: tuple[int, ...]
    """That show the end, in order."""

    @property
    def normal(self) -> bool:
        """Whether it is a way to say goodbye."""
        return self.how is How.RESET_AFTER_CLOSE

    @property
    def says(self) -> str:
        """One sentence: how it ended, the signs, and who did it, as far as they tell."""
        ends = (self.client, self.server)
        return closing_words(self.how, self.by_client, self.ended_by, self.confidence, self.signs, self.pause, ends)

    @property
    def named(self) -> str:
        """The address the last word came from, or that fell silent."""
        return self.client if self.by_client else self.server


@dataclass(frozen=True, slots=True)
class Refusal:
    """Who refused all the connections of one attempt, taken together."""

    ended_by: EndedBy
    quick: bool
    """The resets came sooner than the server answers."""
    by_second_point: str = ""
    """What a capture point nearer to the server shows, where that proves who it was."""
