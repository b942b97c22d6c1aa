"""What stages that open a connection share: attempts that worked or did not, and the TLS on them."""

from collections.abc import Sequence

from lynccap.correlation.attempts import TRIES, Attempt, Ending
from lynccap.correlation.journeys.coverage import Coverage
from lynccap.correlation.journeys.facts import StageFacts, StageName, after_tries, listed, worked_before
from lynccap.correlation.journeys.view import DeviceView
from lynccap.correlation.tls.handshakes import Handshake, HandshakeOutcome, Means
from lynccap.correlation.tls.sessions import TlsSession
from lynccap.document import StepOutcome

FAILED_WORDS = {
    Ending.REFUSED: "was refused",
    Ending.REJECTED: "was refused (ICMP)",
    Ending.PROHIBITED: "was forbidden by a router (ICMP)",
    Ending.UNREACHABLE: "found nobody at the address (ICMP)",
    Ending.NO_ROUTE: "found no route (ICMP)",
    Ending.EXPIRED: "ran out of hops (ICMP)",
    Ending.UNANSWERED: "got no answer",
}
ALERTS = {
    42: "something is wrong with the certificate",
    44: "the certificate was revoked",
    45: "the certificate has expired",
    46: "something is wrong with the certificate",
    48: "it does not trust who issued the certificate",
    40: "both sides have no settings in common",
    70: "both sides have no TLS version in common",
}
"""What alerts mean (RFC 5246 7.2.2)."""
TLS_ENDS = {
    HandshakeOutcome.COMPLETED: StepOutcome.OK,
    HandshakeOutcome.REFUSED: StepOutcome.FAILED,
    HandshakeOutcome.CLOSED: StepOutcome.FAILED,
    HandshakeOutcome.STALLED: StepOutcome.FAILED,
    HandshakeOutcome.UNKNOWN: StepOutcome.UNKNOWN,
}


def connection(view: DeviceView, name: StageName, tries: Sequence[Attempt], words: str) -> StageFacts:
    """A stage that is a TCP connection, by some attempts in order of time: it is as the last of them left it."""
    good = [one for one in tries if one.established]
    last = tries[-1]
    if good and (last.established or _lives_on(view.coverage, good, last.first_time)):
        return _reached(view, name, tries, good[0], words)
    since = max((one.first_time for one in good), default=0)
    lost = [one for one in tries if one.first_time > since and not one.established]
    one = next((one for one in lost if _is_certain(view, one)), lost[0])
    outcome = StepOutcome.FAILED if _is_certain(view, one) else StepOutcome.UNKNOWN
    says = f"{words} ({target_of(one)}) {FAILED_WORDS.get(one.ending, 'did not open')}{worked_before(since)}"
    begin = view.coverage.first_frames[one.flows[0]]
    return StageFacts(name, outcome, says, one.capture, one.first_time, listed(one.failed_frames, begin))


def _reached(view: DeviceView, name: StageName, tries: Sequence[Attempt], good: Attempt, words: str) -> StageFacts:
    coverage, flow = view.coverage, good.established[0]
    before = [one for one in tries if one.first_time < good.first_time and not one.established]
    failed = good.flows[: good.flows.index(flow)]
    first = before[0] if before else good
    count = sum(max(len(one.flows), 1) for one in before) + len(failed) + 1
    frames = listed((), coverage.first_frames[first.flows[0]], coverage.first_frames[flow])
    if coverage.openings[flow] == "midstream":
        says = f"was connected to {words} ({target_of(good)}) before the capture starts"
    else:
        says = f"reached {words} ({target_of(good)}){after_tries(count)}"
    return StageFacts(name, StepOutcome.OK, says, first.capture, first.first_time, frames)


def target_of(attempt: Attempt) -> str:
    """Address and port, as sentences name them."""
    return f"{attempt.server} TCP {attempt.port}"


def _lives_on(coverage: Coverage, good: Sequence[Attempt], time: int) -> bool:
    """Whether a connection that was opened still carried something when a further one failed."""
    return any(coverage.last_heard[flow] > time for one in good for flow in one.established)


def _is_certain(view: DeviceView, one: Attempt) -> bool:
    """Whether frames show the failure: silence does where the capture sees what comes to the device."""
    if one.ending is Ending.UNANSWERED:
        return len(one.syn_times) >= TRIES and view.coverage.is_two_way(one.capture, view.device.addresses, "tcp")
    return one.ending in FAILED_WORDS


def tls(view: DeviceView, name: StageName, sessions: Sequence[TlsSession]) -> StageFacts:
    """A stage that is a TLS handshake, by some sessions: it is as the last that can be judged left it."""
    ordered = sorted(sessions, key=lambda one: (begin_of(view, one), one.flow))
    done = [one for one in ordered if one.completed]
    ends = [one for one in ordered if not one.completed and _ended(one)]
    alive = max((one.last_time for one in done), default=0)
    lost = [one for one in ends if one.last_time >= alive]
    if done and not lost:
        before = [one for one in ends if begin_of(view, one) < begin_of(view, done[0])]
        return _completed(view, name, [*before, done[0]])
    one = (lost or ordered)[0]
    outcome, told = TLS_ENDS[one.handshake.outcome], _ending(view, one)
    since = begin_of(view, done[-1]) if done else 0
    says = f"TLS with {view.server_of(one.flow)} {told}{worked_before(since)}"
    shown = one.handshake.frames or (one.hello_frame, one.last_frame)
    frames = listed((one.hello_frame, one.certificate_frame), begin_frame_of(view, one), shown[-1])
    return StageFacts(name, outcome, says, view.coverage.captures[one.flow], begin_of(view, one), frames)


def _ended(session: TlsSession) -> bool:
    return TLS_ENDS[session.handshake.outcome] is StepOutcome.FAILED


def _completed(view: DeviceView, name: StageName, sessions: Sequence[TlsSession]) -> StageFacts:
    first, good = sessions[0], sessions[-1]
    version = f" ({good.version})" if good.version else ""
    says = f"TLS with {view.server_of(good.flow)} completed{version}{after_tries(len(sessions))}"
    frames = listed((good.hello_frame, good.server_hello_frame), begin_frame_of(view, first), good.data_frame)
    return StageFacts(name, StepOutcome.OK, says, view.coverage.captures[first.flow], begin_of(view, first), frames)


def begin_of(view: DeviceView, session: TlsSession) -> int:
    """When a handshake began; of one that is older than the capture when its first protected data was seen."""
    hello = view.coverage.hellos.get(session.flow) if session.hello_frame else None
    return hello or session.data_time or view.coverage.first_times[session.flow]


def begin_frame_of(view: DeviceView, session: TlsSession) -> int:
    """The frame of `begin_of`."""
    return session.hello_frame or session.data_frame or view.coverage.first_frames[session.flow]


def _ending(view: DeviceView, session: TlsSession) -> str:
    verdict, alert = session.handshake, session.refusal
    if verdict.outcome is HandshakeOutcome.UNKNOWN:
        return f"began; its end is not visible: {verdict.doubt}" if verdict.doubt else "began; its end is not visible"
    who = _who(view, session, verdict)
    if alert and verdict.outcome is HandshakeOutcome.REFUSED:
        means = f" ({ALERTS[alert.code]})" if alert.code in ALERTS else ""
        return f"ended: {who} sent alert {alert.code}, {alert.name.replace('_', ' ')}{means}"
    if verdict.outcome is HandshakeOutcome.STALLED:
        return f"stopped: {who} said no more for {verdict.waited:.0f} s"
    means = " with a reset" if verdict.end and verdict.end.means is Means.RST else ""
    return f"ended halfway: {who} closed the connection{means}"


def _who(view: DeviceView, session: TlsSession, verdict: Handshake) -> str:
    from_client = verdict.end.from_client if verdict.end else verdict.client_due
    return "the device" if from_client else view.server_of(session.flow)
