"""What a capture can be trusted to show: when it ran, and whether it lost packets itself."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lynccap.correlation.case import Case

LOST_SHARE = 0.005  # of the bytes; the gates of the rules draw the line there too
MARGIN_NS = 100_000_000  # at both ends of a capture: recorders start and stop in the middle of a burst


@dataclass(frozen=True, slots=True)
class Coverage:
    """When a capture would have shown a packet that passed its point."""

    first: int
    last: int
    """Nanoseconds of its own clock."""
    doubt: str
    """Why a packet that is missing may have passed all the same; "" when it may not."""

    def shows(self, time: NDArray[np.int64], error: int) -> NDArray[np.bool_]:
        """Whether packets of these times, by its own clock give or take `error`, would be in it."""
        margin = MARGIN_NS + error
        inside: NDArray[np.bool_] = (time >= self.first + margin) & (time <= self.last - margin)
        return inside & (self.doubt == "")


def coverage(case: Case, until: int = 0) -> Coverage:
    """Of one case; `until` is the time of the last packet that was compared, 0 when all were."""
    row = next(case.tables.captures.itertuples())
    doubt = "the recorder lost packets" if case.recorder_losses(int(row.Index)) else ""
    doubt = doubt or ("it lacks packets that were acknowledged" if _lost_share(case) >= LOST_SHARE else "")
    doubt = doubt or ("a file of it is damaged" if row.damage and len(case.tables.files) > 1 else "")
    doubt = doubt or ("its clock was set while it ran" if len(case.tables.clock_steps) else "")
    return Coverage(int(row.first_time), min(int(row.last_time), until or int(row.last_time)), doubt)


def _lost_share(case: Case) -> float:
    """Bytes that were acknowledged and are not in the capture, among all of TCP."""
    tcp = case.tables.flows[case.tables.flows["transport"] == "tcp"]
    lost, held = (float(tcp[[f"{name}_client", f"{name}_server"]].to_numpy().sum()) for name in ("lost", "bytes"))
    return lost / max(lost + held, 1.0)
