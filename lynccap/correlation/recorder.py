"""What recorders say they lost, by their own counts in the capture file."""

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True, slots=True)
class RecorderLoss:
    """What a recorder lost on one interface."""

    interface: str
    """What to call it."""
    lost: int
    packets: int
    """That should have been recorded there, the lost ones included."""

    @property
    def share(self) -> float:
        """Lost packets among all, 0 to 1."""
        return self.lost / self.packets


def read_recorder_losses(interfaces: pd.DataFrame, capture: int) -> tuple[RecorderLoss, ...]:
    """The interfaces of a capture on which the recorder lost packets, each at its worst, the worst first."""
    losing = interfaces[(interfaces["capture"] == capture) & (interfaces["dropped"] > 0)]
    if losing.empty:
        return ()
    # Of a file that is an extract, the interface saw more than the file holds.
    losses = (
        RecorderLoss(
            row.description or row.name or str(row.number),
            int(row.dropped),
            int(max(row.received, row.frames + row.dropped)),
        )
        for row in losing.itertuples()
    )
    worst: dict[str, RecorderLoss] = {}
    for one in sorted(losses, key=lambda loss: loss.share, reverse=True):
        worst.setdefault(one.interface, one)
    return tuple(worst.values())
