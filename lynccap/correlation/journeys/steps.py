"""What each device tried, step by step, in the order a sign-in takes; one function a step.

A step is *ok* or *failed* by frames, *unknown* where the capture shows the step but not its end, and *not seen* where
nothing of it is there.
"""

from collections.abc import Callable, Iterable
from typing import Any

from msgspec import structs

from lynccap.correlation.attempts import TRIES, Attempt, Ending
from lynccap.correlation.case import Case
from lynccap.correlation.devices.book import DeviceFacts
from lynccap.correlation.devices.reading import DISCOVERY_QUESTIONS
from lynccap.correlation.origins import Origins
from lynccap.correlation.roles.claims import EDGE_ACCESS, PSOM_PORT, REVERSE_PROXY, WEB_ROLES
from lynccap.correlation.sip.registrations import CHALLENGES
from lynccap.document import Step, StepOutcome, rfc3339

LISTED = 12  # frames a step lists at most
CONTENTS = (
    ("certificates",),
    ("links", "access_location", "sip_client_internal", "sip_client_external"),
)
"""What answers of provisioning and of autodiscover hold, by their columns; those of other services are not kept."""

FAILED_WORDS = {
    Ending.REFUSED: "was refused",
    Ending.REJECTED: "was refused (ICMP)",
    Ending.PROHIBITED: "was forbidden by a router (ICMP)",
    Ending.NO_ROUTE: "found no route (ICMP)",
    Ending.UNANSWERED: "got no answer",
}


def journey(case: Case, device: DeviceFacts, files: Origins) -> tuple[Step, ...]:
    """The steps of one device; those that do not apply to its kind are left out."""
    made = (step(case, device, files) for step in STEPS)
    return tuple(one for one in made if one)


def _step(
    case: Case,
    files: Origins,
    name: str,
    outcome: StepOutcome,
    says: str,
    capture: int = -1,
    time: int = 0,
    frames: Iterable[int] = (),
) -> Step:
    if capture < 0:
        return Step(name, outcome, says)
    # A step names one file: the one in which it begins.
    file, listed = next(iter(files.split(frames).items()), (files.ids[0], ()))
    digits = int(case.tables.captures.at[capture, "digits"])
    return Step(name, outcome, says, rfc3339(time, digits), listed[:LISTED], file)


def _capture(case: Case, row: Any) -> int:
    return int(case.flows.at[row.flow, "capture"])


def _address(case: Case, device: DeviceFacts, files: Origins) -> Step | None:
    mine = {row.Index: row for key in (*device.macs, *device.addresses) for row in case.leases.get(key, ())}
    rows = [mine[place] for place in sorted(mine)]
    ack = next((row for row in rows if row.kind == "ack"), None)
    if ack:
        lync = f"; option 43 names {ack.uc_web_server}" if ack.uc_web_server else ""
        sip = f"; option 120 names {', '.join(ack.sip_servers)}" if ack.sip_servers else ""
        says = f"got {ack.your_address or ack.client_address} by DHCP{lync}{sip}"
        return _told(case, files, "address", StepOutcome.OK, says, ack, rows)
    if rows:
        says = "asked by DHCP; no acknowledgement is in the capture"
        return _told(case, files, "address", StepOutcome.UNKNOWN, says, rows[0], rows)
    if not device.is_phone:
        return None
    return _step(case, files, "address", StepOutcome.NOT_SEEN, "no DHCP of this phone is in the capture")


def _told(
    case: Case, files: Origins, name: str, outcome: StepOutcome, says: str, row: Any, rows: Iterable[Any]
) -> Step:
    """A step that messages tell: its time is that of `row`, its frames those of `rows`."""
    return _step(case, files, name, outcome, says, _capture(case, row), row.time, (one.frame for one in rows))


def _names(case: Case, device: DeviceFacts, files: Origins) -> Step | None:
    dns = case.messages_of("dns", *device.addresses)
    asked = [row for row in dns if row.kind == "request"]
    if not asked:
        says = "no DNS question of this device is in the capture"
        return None if device.role else _step(case, files, "names", StepOutcome.NOT_SEEN, says)
    exist = {row.name for row in dns if row.kind == "response" and row.rcode == 0 and row.answers > 0}
    denied = {row.name for row in dns if row.kind == "response"} - exist
    lync = [name for name in dict.fromkeys(row.name for row in asked) if name.startswith(DISCOVERY_QUESTIONS)]
    wanted = lync or list(dict.fromkeys(row.name for row in asked))
    found = [name for name in wanted if name in exist]
    if found:
        outcome, answered = StepOutcome.OK, f"{len(found)} exist{'s' * (len(found) == 1)}: {', '.join(found[:4])}"
    elif denied >= set(wanted) and device.signs_in:
        outcome, answered = StepOutcome.UNKNOWN, "none exists; it reached its server without them"
    elif denied >= set(wanted):
        outcome, answered = StepOutcome.FAILED, "none exists"
    else:
        outcome, answered = StepOutcome.UNKNOWN, "no answer that can be read is in the capture"
    noun = ("Lync name" if lync else "name") + "s" * (len(wanted) != 1)
    says = f"asked for {len(wanted)} {noun}, {answered}"
    return _told(case, files, "names", outcome, says, asked[0], (row for row in dns if row.name in wanted))


def _clock(case: Case, device: DeviceFacts, files: Origins) -> Step | None:
    if not device.is_phone:
        return None
    ntp = case.messages_of("ntp", *device.addresses)
    if not ntp:
        return _step(case, files, "time", StepOutcome.NOT_SEEN, "no NTP of this phone is in the capture")
    answer = next((row for row in ntp if not row.from_client), None)
    if answer:
        says = f"got the time from {case.flows.at[answer.flow, 'server']}"
        return _told(case, files, "time", StepOutcome.OK, says, answer, ntp)
    return _told(case, files, "time", StepOutcome.UNKNOWN, "asked for the time", ntp[0], ntp)


def _exchange(name: str, protocol: str, words: str, phones_only: bool = False) -> Callable[..., Step | None]:
    """A step that is one kind of web exchange, or the connection attempt for it."""

    def step(case: Case, device: DeviceFacts, files: Origins) -> Step | None:
        if phones_only and not device.is_phone:
            return None
        rows = case.messages_of(protocol, *device.addresses)
        if not rows:
            return None
        good = [row for row in rows if row.outcome == "redirected" or (row.outcome == "ok" and not _is_empty(row))]
        row = (good or rows)[0]
        status = row.outcome if row.status is None else f"HTTP {int(row.status)}"
        outcome = StepOutcome.OK if good else StepOutcome.FAILED
        if not good and all(row.outcome in ("no-answer", "unseen", "cut", "challenged", "ok") for row in rows):
            outcome = StepOutcome.UNKNOWN
        through = "through the proxy" if row.flow in case.proxied else "from"
        says = f"{words} {through} {case.flows.at[row.flow, 'server']}: {status}"
        says += ", with nothing of it in the answer" if row.outcome == "ok" and _is_empty(row) else ""
        return _step(case, files, name, outcome, says, _capture(case, row), row.time, (row.first_frame, row.frame))

    return step


def _is_empty(row: Any) -> bool:
    """Whether an answer lacks what was asked for: a portal answers everything with a page of its own."""
    columns = next((ones for ones in CONTENTS if hasattr(row, ones[0])), ())
    return bool(columns) and not any(getattr(row, one) for one in columns)


def _root_chain(case: Case, device: DeviceFacts, files: Origins) -> Step | None:
    told = _exchange("root chain", "certprov", "asked for the root certificates", phones_only=True)(case, device, files)
    if told or not device.is_phone:
        return told
    tries = [
        one for one in case.attempts_of(*device.addresses) if one.port == 80 and case.roles.has(one.server, *WEB_ROLES)
    ]
    if not tries:
        return _step(case, files, "root chain", StepOutcome.NOT_SEEN, "did not ask for the root certificates")
    trusts = any(one.completed for one in case.sessions_of(case.attempts_of(*device.addresses)))
    if trusts and not any(one.established for one in tries):
        says = "TCP port 80 failed, but it trusts the servers already"
        return _step(case, files, "root chain", StepOutcome.SKIPPED, says)
    step = _connection(case, files, "root chain", tries, "TCP port 80 of the web services")
    if step.outcome is StepOutcome.OK:  # the port is open; what was fetched there is not readable
        return structs.replace(step, outcome=StepOutcome.UNKNOWN)
    return step


def _connection(case: Case, files: Origins, name: str, tries: list[Attempt], words: str) -> Step:
    """A step that is a TCP connection: the first attempt that worked, else the first that did not."""
    good = next((one for one in tries if one.established), None)
    one = good or tries[0]
    target = f"{one.server} TCP {one.port}"
    if good:
        frames = (int(case.flows.at[good.established[0], "first_frame"]),)
        says = f"reached {words} ({target})"
        return _step(case, files, name, StepOutcome.OK, says, one.capture, one.first_time, frames)
    certain = one.ending in FAILED_WORDS and (one.ending is not Ending.UNANSWERED or len(one.syn_times) >= TRIES)
    outcome = StepOutcome.FAILED if certain else StepOutcome.UNKNOWN
    says = f"{words} ({target}) {FAILED_WORDS.get(one.ending, 'did not open')}"
    return _step(case, files, name, outcome, says, one.capture, one.first_time, one.failed_frames)


def _sip_attempts(case: Case, device: DeviceFacts) -> list[Attempt]:
    return [one for one in case.attempts_of(*device.addresses) if case.roles.is_sip(one.server, one.port)]


def _web(case: Case, device: DeviceFacts, files: Origins) -> Step | None:
    told = _exchange("web ticket", "web-ticket", "asked for a web ticket")(case, device, files)
    tries = [one for one in case.attempts_of(*device.addresses) if one.port == 443 and _is_web(case, one)]
    if told or not tries:
        return told
    return _connection(case, files, "web services", tries, "the web services")


def _is_web(case: Case, attempt: Attempt) -> bool:
    return case.roles.has(attempt.server, *WEB_ROLES, REVERSE_PROXY) and not case.roles.has(attempt.server, EDGE_ACCESS)


def _sip(case: Case, device: DeviceFacts, files: Origins) -> Step | None:
    tries = _sip_attempts(case, device)
    if not tries and device.role:
        return None  # it is signed in at
    if not tries:
        return _step(case, files, "sip connect", StepOutcome.NOT_SEEN, "no SIP connection is in the capture")
    return _connection(case, files, "sip connect", tries, "the SIP server")


def _tls(case: Case, device: DeviceFacts, files: Origins) -> Step | None:
    sessions = case.sessions_of(case.attempts_of(*device.addresses))
    if not sessions:
        return None
    refused = next((one for one in sessions if not one.completed and one.refusal), None)
    sip = [flow for one in _sip_attempts(case, device) for flow in one.established]
    done = [one for one in sessions if one.completed]
    best = next((one for one in done if one.flow in sip), next(iter(done), None))
    if best and (best.flow in sip or not refused or best.last_time > refused.last_time):
        server = case.flows.at[best.flow, "server"]
        says = f"TLS with {server} completed" + (f" ({best.version})" if best.version else "")
        frames = (best.hello_frame, best.server_hello_frame, best.data_frame)
        return _step(case, files, "tls", StepOutcome.OK, says, _capture(case, best), best.data_time, frames)
    alert = refused.refusal if refused else None
    if refused and alert:
        server = case.flows.at[refused.flow, "server"]
        who = "the device" if alert.from_client else server
        says = f"TLS with {server} ended: {who} sent alert {alert.code}, {alert.name.replace('_', ' ')}"
        frames = (refused.hello_frame, refused.certificate_frame, alert.frame)
        return _step(case, files, "tls", StepOutcome.FAILED, says, _capture(case, refused), alert.time, frames)
    one = sessions[0]
    says = f"TLS with {case.flows.at[one.flow, 'server']} began; its end is not visible"
    return _step(case, files, "tls", StepOutcome.UNKNOWN, says, _capture(case, one), one.last_time, (one.hello_frame,))


def _sign_in(case: Case, device: DeviceFacts, files: Origins) -> Step | None:
    registers = [
        row for row in case.messages_of("sip", *device.addresses) if row.method == "REGISTER" and _is_ours(case, row)
    ]
    final = [row for row in registers if row.kind == "response" and row.status >= 200]
    if final:
        row = final[-1]
        says = f"REGISTER answered {int(row.status)} {row.reason or ''}".rstrip()
        good = any(one.status == 200 for one in final)
        outcome = StepOutcome.OK if good else StepOutcome.UNKNOWN if row.status in CHALLENGES else StepOutcome.FAILED
        return _told(case, files, "sign-in", outcome, says, row, registers)
    sealed = [one for one in case.sessions_of(_sip_attempts(case, device)) if one.flow not in case.decrypted]
    done = next((one for one in sealed if one.completed), None)
    if done:
        says = "SIP runs inside TLS: its answers are not readable here"
        return _step(
            case,
            files,
            "sign-in",
            StepOutcome.UNKNOWN,
            says,
            _capture(case, done),
            done.data_time,
            (done.data_frame,),
        )
    return None


def _is_ours(case: Case, message: Any) -> bool:
    """Whether a SIP message belongs to a Lync server; other providers register their users on port 443 as well."""
    flow = case.flows.loc[message.flow]
    if case.roles.is_lync(flow["server"]):
        return True
    # Lync's clients, and phones made for it, name their device so; on other ports it may be anybody's all the same.
    at_sip = case.roles.is_sip(flow["server"], int(flow["server_port"])) or message.flow in case.proxied
    return bool(message.epid) and at_sip


def _relay(case: Case, device: DeviceFacts, files: Origins) -> Step | None:
    mine = [one for address in device.addresses for one in case.relays.allocations_of(address)]
    if not mine:
        return None
    good = next((one for one in mine if one.success_frames), None)
    one = good or mine[0]
    where = f"{one.server} {one.transport.upper()} {one.port}"
    if good:
        says = f"allocated a relay at {where}"
        frames = (*one.challenge_frames, *one.success_frames[:1])
        return _step(case, files, "relay", StepOutcome.OK, says, one.capture, one.request_times[0], frames)
    outcome = StepOutcome.FAILED if one.errors or len(one.request_frames) >= TRIES else StepOutcome.UNKNOWN
    says = f"relay at {where} answered error {one.errors[0][1]}" if one.errors else f"relay at {where} did not answer"
    return _step(case, files, "relay", outcome, says, one.capture, one.request_times[0], one.request_frames)


def _media(case: Case, device: DeviceFacts, files: Origins) -> Step | None:
    mine = [one for one in case.media_of(*device.addresses) if one.sustained]
    if not mine:
        return None
    one = next((one for one in mine if one.basis), mine[0])
    peer = one.server if one.client in device.addresses else one.client
    says = f"media with {peer}, {one.path.value}, {one.packets} packets in {one.seconds:.1f} s"
    if not (one.packets_client and one.packets_server):
        says += ", one direction only"
    if not one.basis:
        says += "; nothing shows that it is Lync's"
    outcome = StepOutcome.OK if one.basis else StepOutcome.UNKNOWN
    return _step(case, files, "media", outcome, says, one.capture, one.first_time, one.frames)


def _conference(case: Case, device: DeviceFacts, files: Origins) -> Step | None:
    tries = [
        one
        for one in case.attempts_of(*device.addresses)
        if one.port == PSOM_PORT or case.flows.at[one.flows[0], "service"] == "psom"
    ]
    return _connection(case, files, "web conference", tries, "web conferencing data") if tries else None


STEPS: tuple[Callable[[Case, DeviceFacts, Origins], Step | None], ...] = (
    _address,
    _names,
    _clock,
    _exchange("autodiscover", "autodiscover", "asked for autodiscover"),
    _root_chain,
    _web,
    _sip,
    _tls,
    _sign_in,
    _relay,
    _media,
    _conference,
)
