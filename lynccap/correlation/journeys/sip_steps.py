"""SIP: the connection, the TLS on it, REGISTER, and the relay credentials that are asked for on it."""

from typing import Any

from lynccap.correlation.journeys.connecting import connection, tls
from lynccap.correlation.journeys.exchanges import exchange
from lynccap.correlation.journeys.facts import StageFacts, StageName, after_tries, clock, listed, worked_before
from lynccap.correlation.journeys.view import DeviceView
from lynccap.correlation.protocol_numbers import SIP_PORT
from lynccap.correlation.sip.registrations import Registration, RegistrationEnd
from lynccap.correlation.tunnels import Tunnel
from lynccap.document import StepOutcome

ENDS = {
    RegistrationEnd.REGISTERED: StepOutcome.OK,
    RegistrationEnd.REMOVED: StepOutcome.OK,
    RegistrationEnd.REFUSED: StepOutcome.FAILED,
}
"""The others leave open whether the device is signed in."""
GRANTS = {"ok": StepOutcome.OK, "fault": StepOutcome.FAILED, "sip-error": StepOutcome.FAILED}


def sip_connect(view: DeviceView) -> StageFacts | None:
    """The TCP connection to the SIP server, or the tunnel to it through a proxy."""
    if view.sip_attempts:
        return connection(view, StageName.SIP_CONNECT, view.sip_attempts, "the SIP server")
    return _through_proxy(view.sip_tunnels) if view.sip_tunnels else None


def _through_proxy(tunnels: tuple[Tunnel, ...]) -> StageFacts:
    good = next((place for place, one in enumerate(tunnels) if one.opened), None)
    first, one = tunnels[0], tunnels[good or 0]
    outcome = StepOutcome.OK if one.opened else StepOutcome.FAILED if one.refused else StepOutcome.UNKNOWN
    says = one.says("the SIP server") + after_tries((good or 0) + 1)
    frames = listed((), first.frame, one.frame, one.answer_frame)
    return StageFacts(StageName.SIP_CONNECT, outcome, says, first.capture, first.time, frames)


def sip_tls(view: DeviceView) -> StageFacts | None:
    """The TLS handshake with the SIP server."""
    if view.sip_sessions:
        return tls(view, StageName.TLS, view.sip_sessions)
    opened = [one for one in view.sip_attempts if one.established and one.port != SIP_PORT]
    if not opened:
        return None
    flow = opened[0].established[0]
    coverage = view.coverage
    says = f"nothing of TLS is seen on its connection to {coverage.servers[flow]}"
    frames = listed((coverage.first_frames[flow],))
    return StageFacts(
        StageName.TLS, StepOutcome.UNKNOWN, says, coverage.captures[flow], coverage.first_times[flow], frames
    )


def sign_in(view: DeviceView) -> StageFacts | None:
    """REGISTER and what the server made of it ([MS-SIPREGE] 3.1): it is as the last telling answer left it."""
    ours = [one for address in view.device.addresses for one in view.coverage.registrations.get(address, ())]
    ours = sorted((one for one in ours if _is_ours(view, one)), key=lambda one: (one.time, one.flow))
    if not ours:
        return _sealed(view)
    last = next((one for one in reversed(ours) if one.end in ENDS), None)
    if last is None:
        return _open(view, ours)
    outcome = ENDS[last.end]
    good = [one for one in ours if ENDS.get(one.end) is StepOutcome.OK]
    bad = [one for one in ours if ENDS.get(one.end) is StepOutcome.FAILED]
    if outcome is StepOutcome.OK:
        let_in = next((one for one in good if one.end is RegistrationEnd.REGISTERED), good[0])
        before = [one for one in bad if one.time < let_in.time]
        says = f"{_answer(let_in)}{after_tries(len(before) + 1)}"
        if last.end is RegistrationEnd.REMOVED and last is not let_in:
            says += f"; it signed out at {clock(last.time)}"
        return _registered(view, outcome, says, [*before, let_in])
    lost = [one for one in bad if not good or one.time > good[-1].time]
    says = f"{_answer(lost[0])}{worked_before(good[-1].time if good else 0)}"
    return _registered(view, outcome, says, lost[:1])


def _open(view: DeviceView, ours: list[Registration]) -> StageFacts:
    """Asked, and neither let in nor turned away, as far as the capture shows."""
    last = ours[-1]
    if last.end is RegistrationEnd.REDIRECTED:
        says = f"{_answer(last)}: sent on to another server, and no answer of that one is in the capture"
    elif last.status is None:
        says = "REGISTER has no answer in the capture"
    else:
        says = _answer(last)
    return _registered(view, StepOutcome.UNKNOWN, says, [last])


def _registered(view: DeviceView, outcome: StepOutcome, says: str, told: list[Registration]) -> StageFacts:
    first, last = told[0], told[-1]
    frames = listed(last.frames, first.frames[0], last.frames[-1])
    return StageFacts(StageName.SIGN_IN, outcome, says, view.coverage.captures[first.flow], first.time, frames)


def _answer(one: Registration) -> str:
    reason = one.answer.reason if one.answer is not None and one.answer.reason else ""
    said = f"REGISTER answered {one.status} {reason}".rstrip()
    return f"{said}; it signed out" if one.end is RegistrationEnd.REMOVED else said


def _is_ours(view: DeviceView, one: Registration) -> bool:
    """Whether a registration is at a Lync server; other providers register their users on port 443 as well."""
    coverage, roles = view.coverage, view.case.roles
    server = (coverage.servers if one.from_client else coverage.clients)[one.flow]
    if roles.is_lync(server):
        return True
    # Lync's clients, and phones made for it, name their device so; on other ports it may be anybody's all the same.
    at_sip = roles.is_sip(server, coverage.ports[one.flow]) or one.flow in view.case.proxied
    return bool(one.epid) and at_sip


def _sealed(view: DeviceView) -> StageFacts | None:
    done = [one for one in view.sip_sessions if one.completed and one.flow not in view.case.decrypted]
    if not done:
        return None
    one, says = done[0], "SIP runs inside TLS: its answers are not readable here"
    capture = view.coverage.captures[one.flow]
    return StageFacts(StageName.SIGN_IN, StepOutcome.UNKNOWN, says, capture, one.data_time, listed((one.data_frame,)))


def relay_credentials(view: DeviceView) -> StageFacts | None:
    """Credentials for the media relay ([MS-AVEDGEA]), asked for inside SIP."""
    words = "asked for relay credentials"
    return exchange(view, StageName.RELAY_CREDENTIALS, view.messages("mras"), words, "sip", _grant)


def _grant(view: DeviceView, row: Any) -> StepOutcome:
    return GRANTS.get(row.outcome, StepOutcome.UNKNOWN)
