"""Which frame each row of a window is, and when it came."""

from dataclasses import dataclass

import numpy as np

from lynccap.ingest.decoding.network import Network
from lynccap.ingest.frames import Frames, Ints


@dataclass(slots=True)
class Stamps:
    """Frame number and time by row. Behind the window's own frames come rows of frames seen in earlier windows."""

    number: Ints
    time: Ints
    late: int = 0
    """Rows of earlier windows."""

    @classmethod
    def of(cls, frames: Frames) -> "Stamps":
        """One row a frame of the window."""
        return cls(np.arange(frames.number, frames.number + len(frames)), frames.time)

    @classmethod
    def none(cls) -> "Stamps":
        """No row."""
        return cls(np.zeros(0, np.int64), np.zeros(0, np.int64))

    def extend(self, stamps: list[tuple[int, int]]) -> None:
        """More rows of earlier windows, each with frame number and time."""
        number, time = np.array(stamps, np.int64).reshape(-1, 2).T
        self.number, self.time = np.concatenate((self.number, number)), np.concatenate((self.time, time))
        self.late += len(stamps)

    def in_order(self, network: Network) -> Network:
        """The same packets in the order of their frames."""
        return network.where(np.argsort(self.number[network.row], kind="stable")) if self.late else network
