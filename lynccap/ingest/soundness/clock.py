"""Whether the recorder's clock ran straight: frames out of order, and steps that no network explains."""

import numpy as np

from lynccap.ingest.frames import Frames, Ints
from lynccap.ingest.schemas import Arrays

BACK_NS = (
    1_000_000_000  # frames of several processors or interfaces are out of order by far less: the clock was set back
)
AHEAD_NS = 30 * 86_400 * 1_000_000_000  # nobody records a month of silence: the clock was set, as a booting phone's is
MAX_STEPS = 1000  # of a capture: more say no more

COLUMNS = ("frame", "before", "after")


class Clock:
    """The times of one capture's frames, in their order."""

    def __init__(self) -> None:
        """No frame yet."""
        self.reordered = 0
        """Frames a little older than the one before them."""
        self._last = 0
        self._steps: list[tuple[int, int, int]] = []

    def add(self, frames: Frames) -> None:
        """Follow the times of these frames; those without a time are passed over."""
        timed = np.flatnonzero(frames.time > 0)
        if not timed.size:
            return
        time = frames.time if len(timed) == len(frames) else frames.time[timed]
        step = np.diff(time, prepend=self._last or time[:1])
        self._last = int(time[-1])
        odd = np.flatnonzero((step < 0) | (step > AHEAD_NS))
        if odd.size:
            set_ = odd[(step[odd] < -BACK_NS) | (step[odd] > AHEAD_NS)]
            self.reordered += len(odd) - len(set_)
            self._note(frames.number + timed[set_], time[set_] - step[set_], time[set_])

    def steps(self) -> Arrays:
        """The steps of the clock: the first frame after each, and the times before and after it."""
        rows = np.array(self._steps, np.int64).reshape(-1, len(COLUMNS))
        return dict(zip(COLUMNS, rows.T.copy(), strict=True))

    def _note(self, frame: Ints, before: Ints, after: Ints) -> None:
        room = MAX_STEPS - len(self._steps)
        self._steps += list(zip(frame.tolist(), before.tolist(), after.tolist(), strict=True))[:room]
