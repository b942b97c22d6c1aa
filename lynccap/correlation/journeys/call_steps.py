"""The steps of a journey that calls make: whom a device called or was called by, and how its media went."""

from lynccap.correlation.case import Case
from lynccap.correlation.devices.book import DeviceFacts
from lynccap.correlation.journeys.facts import StageFacts, StageName, listed
from lynccap.correlation.journeys.view import DeviceView
from lynccap.correlation.media.calls.records import Attempted, Call, Flowing, Half, Leg, Party
from lynccap.correlation.media.paths import Path
from lynccap.correlation.roles.claims import NOT_LYNC
from lynccap.correlation.sip.dialogs import DialogEnd
from lynccap.document import StepOutcome
from lynccap.tables import SECOND

BESIDE_NS = 30 * SECOND  # the media of one call are set up together
ENDED = {
    DialogEnd.ESTABLISHED: (StepOutcome.OK, "it was accepted"),
    DialogEnd.REDIRECTED: (StepOutcome.OK, "it was redirected"),
    DialogEnd.CANCELLED: (StepOutcome.OK, "it was cancelled before it was accepted"),
    DialogEnd.CHALLENGED: (StepOutcome.UNKNOWN, "its caller was asked for proof, and none is in the capture"),
    DialogEnd.REFUSED: (StepOutcome.FAILED, "it was refused"),
    DialogEnd.PENDING: (StepOutcome.UNKNOWN, "no final answer is in the capture"),
    DialogEnd.UNANSWERED: (StepOutcome.UNKNOWN, "no answer is in the capture"),
}
NOT_FAILED = frozenset({486, 487, 600, 603})
"""Statuses of a callee who is busy or does not want to (RFC 3261 21)."""
NOT_TAKEN = frozenset({408, 480})
"""Nobody took it: often nobody was there, and sometimes nobody could be reached (RFC 3261 21.4.9, 21.4.18)."""
RINGING_NS = 180 * SECOND  # a call rings no longer (timer C, RFC 3261 16.6)
SPEECH = ("audio", "main-audio")
WAYS = {Path.DIRECT: "directly", Path.REFLEXIVE: "through a NAT", Path.RELAY_TCP: "through a relay over TCP"}
FLOWING = {
    Flowing.BOTH_WAYS: (StepOutcome.OK, "both ways"),
    Flowing.QUIET: (StepOutcome.OK, "both ways"),
    Flowing.HELD: (StepOutcome.OK, "with a hold"),
    Flowing.ONE_WAY: (StepOutcome.FAILED, "one way only"),
    Flowing.NOTHING: (StepOutcome.FAILED, "and no media followed"),
    Flowing.UNKNOWN: (StepOutcome.UNKNOWN, "the capture does not show both directions"),
}


def call(view: DeviceView) -> StageFacts | None:
    """The call of readable signalling that says most: one that failed, else the first; None without any."""
    mine = [one for one in view.case.calls.of(*view.device.addresses) if one.dialog is not None]
    if not mine:
        return None
    one = next((other for other in mine if _ended(other)[0] is StepOutcome.FAILED), mine[0])
    dialog = one.dialog
    if dialog is None:
        return None
    outcome, words = _ended(one)
    says = f"{dialog.from_uri} called {dialog.to_uri}: {words}"
    if outcome is StepOutcome.FAILED and dialog.status:
        says += f" with status {dialog.status}"
    says += f"; the {dialog.ended_by} hung up after {dialog.seconds:.1f} s" if dialog.seconds is not None else ""
    says += f" ({len(mine)} calls in all)" if len(mine) > 1 else ""
    frames = (dialog.opening.frame, dialog.opening.last_frame, *([dialog.closing.frame] if dialog.closing else []))
    return StageFacts(StageName.CALL, outcome, says, dialog.capture, dialog.opening.time, listed(frames))


def _ended(one: Call) -> tuple[StepOutcome, str]:
    dialog = one.dialog
    if dialog is None:
        return StepOutcome.UNKNOWN, ""
    if dialog.end is DialogEnd.REFUSED and dialog.status in NOT_FAILED:
        return StepOutcome.OK, "it was declined"
    if dialog.end is DialogEnd.REFUSED and dialog.status in NOT_TAKEN:
        return StepOutcome.UNKNOWN, f"nobody took it (status {dialog.status})"
    return ENDED[dialog.end]


def media(view: DeviceView) -> StageFacts | None:
    """The leg of a call that says most: one that failed, else the longest; None without any.

    Checks alone are no media: of those only a leg is told that was tried to its end and carried nothing.
    """
    addresses = view.device.addresses
    legs = [
        (leg, one)
        for one in view.case.calls.of(*addresses)
        for leg in one.legs
        if any(party.address in addresses for party in leg.parties)
    ]
    carried = [leg for leg, _ in legs if leg.first_time]
    told = [
        (leg, _outcome(leg, one, view.case))
        for leg, one in legs
        if leg.first_time or (leg.flowing is Flowing.NOTHING and not any(_beside(leg, other) for other in carried))
    ]
    if not told:
        return None
    leg, outcome = max(told, key=lambda one: (one[0].basis != "", one[1] is StepOutcome.FAILED, one[0].seconds))
    says = _sentence(leg, view.device, view.case)
    if leg.flowing is Flowing.ONE_WAY and outcome is StepOutcome.UNKNOWN and leg.basis:
        says += _normal(leg)
    return StageFacts(StageName.MEDIA, outcome, says, leg.capture, leg.begun, listed(leg.frames))


def _normal(leg: Leg) -> str:
    """What is no failure and looks the same."""
    if leg.kind not in SPEECH:
        return "; when only one side shares, it looks the same"
    return "; a call on hold looks the same" if leg.silent_since else "; a call on hold or still ringing looks the same"


def _beside(leg: Leg, other: Leg) -> bool:
    """Whether another medium went at that time: one that was offered and not used is no failure."""
    return other.capture == leg.capture and abs(other.begun - leg.begun) < BESIDE_NS


def _outcome(leg: Leg, one: Call, case: Case) -> StepOutcome:
    if not leg.basis:
        return StepOutcome.UNKNOWN
    if leg.flowing is Flowing.ONE_WAY and leg.kind not in SPEECH:
        return StepOutcome.UNKNOWN  # pictures and desktops go the way somebody shares them
    if leg.flowing is Flowing.NOTHING and leg.kind and leg.kind not in SPEECH and leg.used is not None:
        return StepOutcome.UNKNOWN  # and not at all when nobody does
    if leg.flowing is Flowing.ONE_WAY and one.dialog is None:
        # Unread signalling may have put it on hold, unless it was so from its first moment on; or nobody answered.
        first = int(case.tables.captures.at[leg.capture, "first_time"])
        if leg.silent_since or leg.begun - first < SECOND or leg.last_time - leg.first_time < RINGING_NS:
            return StepOutcome.UNKNOWN
    return FLOWING[leg.flowing][0]


def _peer(peer: Party, case: Case) -> str:
    """The other party; a server is no user, and is told as what it is."""
    served = peer.address and case.roles.roles_of(peer.address) - NOT_LYNC
    return f"the {case.roles.word(peer.address)} {peer.word}" if served else peer.word


def _sentence(leg: Leg, device: DeviceFacts, case: Case) -> str:
    place = 0 if leg.parties[0].address in device.addresses else 1
    peer = leg.parties[1 - place]
    if not leg.first_time:
        return _without(leg, peer)
    verb = "shared its screen or files with" if leg.kind in ("data", "applicationsharing") else "talked with"
    says = f"{verb} {_peer(peer, case)} for {leg.seconds:.1f} s, {_way(leg)}, {_direction(leg, place)}"
    tail = [_why(leg), _quality((leg.forth, leg.back)[1 - place])]
    tail += [] if leg.basis else ["nothing shows that it is Lync's"]
    return "; ".join([says, *(one for one in tail if one)])


def _without(leg: Leg, peer: Party) -> str:
    if leg.used is not None:
        return f"agreed with {peer.word} on a pair of addresses, and no media followed"
    failed = len(leg.failures)
    if not failed:
        return f"no media was exchanged with {peer.word}"
    return f"could not reach {peer.word}: {failed} {'way was' if failed == 1 else 'ways were'} tried in vain"


def _way(leg: Leg) -> str:
    return WAYS.get(leg.path, leg.path.value)


def _direction(leg: Leg, place: int) -> str:
    if leg.flowing is Flowing.QUIET:
        since = f" after {(leg.silent_since - leg.first_time) / SECOND:.1f} s" if leg.silent_since else ""
        silent = leg.parties[1 - place].word if leg.silent != leg.parties[place].address else "it"
        return f"the way is open both ways, but {silent} sent no media{since}"
    if leg.flowing is not Flowing.ONE_WAY:
        return FLOWING[leg.flowing][1]
    silent = leg.parties[1 - place].word if leg.silent != leg.parties[place].address else "it"
    if not leg.silent_since:
        return f"one way only: nothing came from {silent}" if silent != "it" else "one way only: nothing of it is seen"
    return f"one way only after {(leg.silent_since - leg.first_time) / SECOND:.1f} s: {silent} fell silent"


def _why(leg: Leg) -> str:
    """What had been tried in vain, and how the way was settled."""
    failed = leg.failures
    if not failed:
        return ""
    silent = [one for one in failed if one.outcome is Attempted.UNANSWERED]
    words = "got no answer" if len(silent) == len(failed) else "failed"
    return f"{len(failed)} other {'way' if len(failed) == 1 else 'ways'} {words}"


def _quality(heard: Half) -> str:
    """How it heard the other one, where that is worth a word."""
    if heard.loss is None or heard.loss < 0.005:
        return ""
    return f"it lacked {heard.loss:.1%} of what it was sent"
