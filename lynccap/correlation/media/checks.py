"""What one side of a pair of addresses asked in its connectivity checks, and what came back.

Sources: [MS-ICE2] 3.1.4.8 (every check and every answer is sent twice), RFC 8445 7.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

MAX_FRAMES = 64  # of one kind and side that are named as evidence; calls of hours check every few seconds
SAME_TRIP = 0.25  # by which answers to repeats of one request may come apart: else some of them were lost
TWIN_NS = 20_000_000  # twins leave together; requests are repeated after several times this long


class CheckOutcome(StrEnum):
    """What came of the checks of one side, or of both."""

    SUCCEEDED = "succeeded"
    """Of a pair: every side that asked was answered, or heard at least."""
    ONE_WAY = "answered in one direction only"
    """Both sides asked; one was answered, the other got nothing."""
    REFUSED = "refused"
    """Errors came back and no success."""
    UNANSWERED = "unanswered"
    OPEN = "the capture ends too early"
    """Nothing came back in the little time that was left."""
    SILENT = "not asked"
    """Of one side: it sent no checks."""


@dataclass(frozen=True, slots=True)
class Checks:
    """What one side of a pair asked, and what it was answered. Times are nanoseconds."""

    requests: int = 0
    """Transactions: a request, its twin and its repeats are one."""
    twins: int = 0
    """Requests sent along with another one: MS-ICE2 sends every check twice, with two kinds of FINGERPRINT.

    The two kinds often come out equal; then twins are known by following each other at once.
    """
    repeats: int = 0
    """The same request again because no answer had come."""
    answered: int = 0
    """Transactions with a success."""
    errors: tuple[tuple[int, int], ...] = ()
    """Frame and code of errors, the first MAX_FRAMES."""
    frames: tuple[int, ...] = ()
    """Of requests, the first MAX_FRAMES."""
    answer_frames: tuple[int, ...] = ()
    """Of the first success of each transaction, the first MAX_FRAMES."""
    first_time: int = 0
    last_time: int = 0
    first_answer_time: int = 0
    round_trip: int | None = None
    """The shortest between a request that was not repeated and its success, as seen at the recorder.

    Where all were repeated before an answer came: of those of which every repeat was answered after the same time.
    """
    reflexive: tuple[str, ...] = ()
    """The addresses this side learnt to have, "ip:port"."""
    nominated_frame: int = 0
    """First request with USE-CANDIDATE, 0 without."""
    nomination_frame: int = 0
    """First success to such a request, 0 without."""
    nomination_time: int = 0
    role: str | None = None
    """controlling or controlled, as last claimed"""
    username: str | None = None
    """Of the first request that shows one: "ufrag:ufrag", the asked side's first."""

    @property
    def outcome(self) -> CheckOutcome:
        """SUCCEEDED, REFUSED, UNANSWERED or SILENT."""
        if not self.requests:
            return CheckOutcome.SILENT
        if self.answered:
            return CheckOutcome.SUCCEEDED
        return CheckOutcome.REFUSED if self.errors else CheckOutcome.UNANSWERED


class CheckTransactions:
    """Collects the Binding requests of one side and their answers, row by row in the order of frames."""

    def __init__(self) -> None:
        """None yet."""
        self.asked: dict[bytes, list[Any]] = {}
        self.answers: dict[bytes, Any] = {}
        self.all_answers: dict[bytes, list[int]] = {}
        """Times of all successes, also those to repeats."""
        self.errors: list[tuple[int, int]] = []
        self.messages: list[Any] = []
        self.twins = 0
        self.repeated: set[bytes] = set()
        """Transactions with a repeat before the answer."""

    def ask(self, row: Any) -> None:
        """One more request."""
        self.messages.append(row)
        before = self.asked.setdefault(row.transaction_id, [])
        before.append(row)
        if len(before) == 1:
            return
        if _is_twin(row, before[0], before[-2]):
            self.twins += 1
        elif row.transaction_id not in self.answers:
            self.repeated.add(row.transaction_id)

    def answer(self, row: Any) -> None:
        """One more response or error to a request that was seen."""
        if row.kind == "response":
            self.answers.setdefault(row.transaction_id, row)
            self.all_answers.setdefault(row.transaction_id, []).append(int(row.time))
        elif row.error_code is not None:
            self.errors.append((int(row.frame), int(row.error_code)))

    def checks(self) -> Checks:
        """What it amounts to."""
        if not self.messages:
            return Checks()
        good = list(self.answers.values())
        nominating = [row for row in self.messages if row.use_candidate]
        agreed = [self.answers[row.transaction_id] for row in nominating if row.transaction_id in self.answers]
        return Checks(
            requests=len(self.asked),
            twins=self.twins,
            repeats=len(self.messages) - self.twins - len(self.asked),
            answered=len(good),
            errors=tuple(self.errors[:MAX_FRAMES]),
            frames=tuple(int(row.frame) for row in self.messages[:MAX_FRAMES]),
            answer_frames=tuple(int(row.frame) for row in good[:MAX_FRAMES]),
            first_time=int(self.messages[0].time),
            last_time=int(self.messages[-1].time),
            first_answer_time=int(good[0].time) if good else 0,
            round_trip=self._round_trip(),
            reflexive=tuple(dict.fromkeys(row.xor_mapped_address for row in good if row.xor_mapped_address)),
            nominated_frame=int(nominating[0].frame) if nominating else 0,
            nomination_frame=int(agreed[0].frame) if agreed else 0,
            nomination_time=int(agreed[0].time) if agreed else 0,
            role=next((row.ice_role for row in reversed(self.messages) if row.ice_role), None),
            username=next((row.username for row in self.messages if row.username), None),
        )

    def _round_trip(self) -> int | None:
        trips = [
            int(answer.time - self.asked[one][0].time)
            for one, answer in self.answers.items()
            if one not in self.repeated
        ]
        return (
            min(trips, default=None)
            if trips
            else min(filter(None, map(self._of_repeated, self.repeated)), default=None)
        )

    def _of_repeated(self, transaction: bytes) -> int | None:
        """The round trip of a request that was repeated before its answer came; None when that is not sure.

        Where every one of them was answered, each after about the same time, the first answer is to the first request.
        """
        asked, answered = self.asked[transaction], self.all_answers.get(transaction, [])
        if len(asked) != len(answered):
            return None
        trips = [time - int(row.time) for row, time in zip(asked, answered, strict=True)]
        least, most = min(trips), max(trips)
        return least if most - least < least * SAME_TRIP else None


def _is_twin(row: Any, first: Any, before: Any) -> bool:
    if row.dialect != "ms-ice2":
        return False
    return bool(row.fingerprint != first.fingerprint or row.time - before.time < TWIN_NS)
