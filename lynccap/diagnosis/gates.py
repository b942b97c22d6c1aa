"""The gates: what a capture cannot prove (catalogue section 0). Asked before anything absent is made a finding.

Every gate answers with a sentence that says why a verdict is forbidden, or with None when the way is free.
"""

from dataclasses import dataclass
from functools import cached_property
from statistics import median

import pandas as pd

from lynccap.correlation.case import Case

PATIENCE_NS = 9_000_000_000  # a first SYN and two repeats at 3 s and 6 s, the slowest common schedule (Windows)
LOSS_MARGIN_NS = 1_000_000_000
LOST_SHARE = 0.005  # a stray lost segment is everywhere; at this share a SYN and its answer may be among the lost
MANY_TRIES = 6
MANY_LOST = 0.5  # of the packets: what is missing then is missing for one cause, however often it was tried
LATE_NS = 1_000_000_000
CLOCK_SLACK = 300.0  # seconds two clocks may differ: what Kerberos allows


@dataclass(frozen=True)
class Gates:
    """Answers for one case."""

    case: Case

    @cached_property
    def _flows(self) -> pd.DataFrame:
        return self.case.flows

    @cached_property
    def _two_way(self) -> set[tuple[int, str]]:
        flows = self._flows
        both = flows[(flows["frames_client"] > 0) & (flows["frames_server"] > 0)]
        pairs = [
            both[["capture", side]].set_axis(["capture", "address"], axis=1).astype(object)
            for side in ("client", "server")
        ]
        return set(pd.concat(pairs).drop_duplicates().itertuples(index=False, name=None))

    def _addresses(self, address: str) -> tuple[str, ...]:
        """All of the device that has it: IPv6 may be dead where IPv4 is answered."""
        facts = self.case.devices.of(address)
        return tuple(dict.fromkeys((address, *facts.addresses))) if facts else (address,)

    @cached_property
    def _losses(self) -> pd.DataFrame:
        flows = self._flows
        return flows[(flows["lost_client"] > 0) | (flows["lost_server"] > 0)]

    def _lost_share(self, capture: int, start: int, end: int) -> float:
        """Lost bytes among all bytes of the conversations that lost some, around a time."""
        losses = self._losses
        if losses.empty:
            return 0.0
        near = losses[
            (losses["capture"] == capture)
            & (losses["first_time"] <= end + LOSS_MARGIN_NS)
            & (losses["last_time"] >= start - LOSS_MARGIN_NS)
        ]
        lost = int(near[["lost_client", "lost_server"]].to_numpy().sum())
        return lost / max(int(near[["bytes_client", "bytes_server"]].to_numpy().sum()), lost, 1)

    def one_sided(self, capture: int, device: str) -> str | None:
        """The capture shows only one direction of everything this device does."""
        if any((capture, address) in self._two_way for address in self._addresses(device)):
            return None
        return (
            f"the capture shows no flow of {device} in both directions, so an answer that is missing here "
            "may have been sent"
        )

    def ended_early(self, capture: int, since: int, patience: int = PATIENCE_NS) -> str | None:
        """The capture ends before an answer, or a further try, was due."""
        left = int(self.case.tables.captures.at[capture, "last_time"]) - since
        if left >= patience:
            return None
        return (
            f"the capture ends {left / 1e9:.1f} s after the first unanswered packet; "
            f"{patience / 1e9:.0f} s are needed to call it unanswered"
        )

    def started_late(self, capture: int, since: int) -> str | None:
        """The capture starts with, or after, what should have been its beginning."""
        gap = since - int(self.case.tables.captures.at[capture, "first_time"])
        if gap >= LATE_NS:
            return None
        return f"the capture starts {max(gap, 0) / 1e9:.1f} s before this, so what came earlier is not in it"

    def lossy(self, capture: int, start: int, end: int, tries: int = 1) -> str | None:
        """The capture itself dropped packets at that time; many tries are not all lost by chance."""
        # Which interface the answer would have come in by is not known: the worst one counts.
        worst = next(iter(self.case.recorder_losses(capture)), None)
        if tries >= MANY_TRIES and not (worst and worst.share >= MANY_LOST):
            return None
        if worst and worst.share >= LOST_SHARE:
            return (
                f"the recorder itself lost {worst.lost} of {worst.packets} packets on interface {worst.interface}, "
                "so a missing answer proves nothing"
            )
        if self._lost_share(capture, start, end) < LOST_SHARE:
            return None
        return (
            "the capture lacks packets that the other side acknowledged at that time, "
            "so a missing answer proves nothing"
        )

    def clock_set(self, capture: int, start: int, end: int) -> str | None:
        """The recorder's clock was set meanwhile, so that nobody knows how long nothing came."""
        steps = self.case.tables.clock_steps
        if steps.empty:
            return None
        touched = steps[
            (steps["capture"] == capture)
            & (steps[["before", "after"]].max(axis=1) >= start)
            & (steps[["before", "after"]].min(axis=1) <= end + PATIENCE_NS)
        ]
        if touched.empty:
            return None
        return "the recorder's clock was set at that time, so how long an answer was missing is unknown"

    def clock_error(self, capture: int) -> float | None:
        """Seconds the recorder's clock is behind, by the time servers; None when none tells, or they disagree."""
        flows = self._flows["capture"]
        told = [one.seconds for one in self.case.clocks if flows[one.flow] == capture]
        return median(told) if told and max(told) - min(told) < CLOCK_SLACK else None

    def clock_wrong(self, capture: int) -> str | None:
        """Time servers contradict the recorder's clock, so that dates cannot be compared with it."""
        error = self.clock_error(capture)
        if error is None or abs(error) < CLOCK_SLACK:
            return None
        where = "behind" if error > 0 else "ahead of"
        return f"the recorder's clock is {abs(error) / 3600:.1f} h {where} what time servers say"

    def torn(self, capture: int, start: int, end: int) -> str | None:
        """A file of the recording breaks off, or cannot be read at all, where the answer may have been."""
        files = self.case.tables.files
        if len(files) == 1:
            return None  # what follows the damage is beyond the capture's end
        broken = files[(files["capture"] == capture) & (files["damage"] != "")]
        lost = (broken["packets"] == 0) | broken["last_time"].between(start - LOSS_MARGIN_NS, end + PATIENCE_NS)
        if not lost.any():
            return None
        return f"{broken['name'][lost].iloc[0]} is damaged, so what is missing here may have been in it"

    def absence(self, capture: int, device: str, start: int, end: int, tries: int = 1) -> str | None:
        """Why "no answer" may not be concluded for a device between two times; None when it may."""
        return self.one_sided(capture, device) or self.missing(capture, start, end, tries)

    def missing(self, capture: int, start: int, end: int, tries: int = 1) -> str | None:
        """The same where something else than flows shows that what comes back is recorded."""
        return (
            self.ended_early(capture, start)
            or self.lossy(capture, start, end, tries)
            or self.clock_set(capture, start, end)
            or self.torn(capture, start, end)
        )

    def cut_off(self, capture: int, device: str, since: int) -> str | None:
        """Nothing at all reaches the device from then on: the device itself is cut off, whatever it asks."""
        if any(self.case.heard_by(capture, address, since) for address in self._addresses(device)):
            return None
        return f"nothing reaches {device} from anybody from then on: the device itself is cut off"
