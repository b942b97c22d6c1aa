"""Relays and web conferencing."""

from lynccap.correlation.attempts import TRIES
from lynccap.correlation.journeys.connecting import connection
from lynccap.correlation.journeys.facts import StageFacts, StageName, after_tries, listed
from lynccap.correlation.journeys.view import DeviceView
from lynccap.correlation.media.allocations import Allocation, AllocationStepKind
from lynccap.correlation.protocol_numbers import PSOM_PORT
from lynccap.document import StepOutcome


def relay(view: DeviceView) -> StageFacts | None:
    """The TURN allocation ([MS-TURN] 3.1): one that was granted is enough, clients ask several at once."""
    mine = [one for address in view.device.addresses for one in view.case.relays.allocations_of(address)]
    if not mine:
        return None
    mine.sort(key=_begin)
    good = next((one for one in mine if one.success_frames), None)
    one = good or mine[0]
    where = f"{one.server} {one.transport.upper()} {one.port}"
    if good:
        # Several are asked for at once, one a stream and transport: only what failed before this one began was a try.
        before = [lost for lost in mine if lost.request_times and lost.request_times[-1] < _begin(good)[0]]
        outcome, says = StepOutcome.OK, f"allocated a relay at {where}{after_tries(len(before) + 1)}"
        first, last = (before[0] if before else good), good.success_frames[0]
    else:
        outcome, told = _refusal(view, one)
        first, last, says = one, 0, f"relay at {where} {told}"
    frames = listed((*one.challenge_frames, *(frame for frame, _ in one.errors)), *first.request_frames[:1], last)
    if not good and not one.answered:
        frames = listed(one.request_frames)
    return StageFacts(StageName.RELAY, outcome, says, first.capture, _begin(first)[0], frames)


def _begin(one: Allocation) -> tuple[int, int]:
    return (one.request_times[0] if one.request_times else 0, one.flow)


def _refusal(view: DeviceView, one: Allocation) -> tuple[StepOutcome, str]:
    """What became of a request that was not granted."""
    rejected = sum(step.kind is AllocationStepKind.REJECTED for step in one.steps)
    if one.errors:
        return StepOutcome.FAILED, f"answered error {one.errors[0][1]}"
    if rejected:
        times = f" {rejected} times" if rejected > 1 else ""
        return StepOutcome.FAILED, f"rejected its credentials{times} (401)"
    if one.answered:
        return StepOutcome.UNKNOWN, "asked for credentials; what followed is not in the capture"
    heard = view.coverage.is_two_way(one.capture, view.device.addresses, one.transport)
    silent = len(one.request_frames) >= TRIES and heard
    return StepOutcome.FAILED if silent else StepOutcome.UNKNOWN, "did not answer"


def conference(view: DeviceView) -> StageFacts | None:
    """The connection for web conferencing data ([MS-PSOM])."""
    tries = [one for one in view.attempts if one.port == PSOM_PORT or view.coverage.services[one.flows[0]] == "psom"]
    return connection(view, StageName.WEB_CONFERENCE, tries, "the web conferencing service") if tries else None
