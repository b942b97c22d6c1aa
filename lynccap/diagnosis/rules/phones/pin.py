"""Signing in with a PIN, and what a phone asks beside it (catalogue group 10)."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from lynccap.correlation.devices.book import DeviceFacts
from lynccap.correlation.protocol_numbers import HTTPS
from lynccap.correlation.roles.claims import WEB_ROLES
from lynccap.correlation.tls.sessions import TlsSession
from lynccap.correlation.web_exchanges import WebExchange
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.rules.phones.aftermath import quiet_for, to_registrars
from lynccap.diagnosis.subjects import subject_of, times_in_words, told_on
from lynccap.document import Confidence, Severity

FAILED = ("fault", "http-error", "challenged")
SESSIONS = 3
"""Connections to the web services one after the other that lead to no sign-in: fewer may be anything else."""
SHORT_NS = 15_000_000_000  # a refused PIN is answered within seconds


@dataclass(frozen=True, slots=True)
class _Tries:
    """What one phone tried of the web ticket service."""

    device: DeviceFacts
    failed: tuple[WebExchange, ...] = ()
    """Readable, in order."""
    sealed: tuple[TlsSession, ...] = ()
    """Short sessions nobody can read."""
    works: bool = False


@rule(
    title="The phone's sign-in with extension and PIN fails",
    severity=Severity.MAJOR,
    stage=Stage.SIGN_IN,
    causes=(
        "The extension or the PIN is wrong, or the PIN was never set, has expired or is locked.",
        "The web ticket service does not answer PINs.",
    ),
    fix=(
        "Check the PIN with Get-CsClientPinInfo and set it anew with Set-CsClientPin.",
        "Check the web ticket service with Test-CsPhoneBootstrap.",
    ),
    act=("Lync administrator",),
    sources=("ms-phoneboot", "ms-ocauthws"),
)
def phone_webticket_pin_failed(inquiry: Inquiry) -> Iterator[Judgement]:
    """A phone holds the root certificates and is refused when it offers extension and PIN to the web ticket service.

    Evidence: the root certificates fetched over port 80; TLS to port 443 completed; where TLS can be read, the web
    ticket service answers the PIN with a fault or an error. Where it cannot: three or more short connections to port
    443, and no connection to a registrar.

    Not this: a PIN accepted at a later try; a service that refuses every phone, which is then inconclusive.
    """
    tries = list(_tries(inquiry))
    failing = [one for one in tries if not one.works and (one.failed or len(one.sealed) >= SESSIONS)]
    works = any(one.works for one in tries)
    for one in tries:
        if one.works:
            yield Clear(one.device.id)
    for one in failing:
        if len(failing) > 1 and not works:
            yield Doubt(one.device.id, "every phone that tries is refused, so the service itself may have failed")
        else:
            yield _refused(inquiry, one) if one.failed else _sealed(inquiry, one)


def _tries(inquiry: Inquiry) -> Iterator[_Tries]:
    """Those of every phone that fetched the root certificates, or whose PIN can be read."""
    case = inquiry.case
    pins: dict[str, list[WebExchange]] = defaultdict(list)
    for one in case.exchanges:
        if one.protocol == "web-ticket" and one.row.authentication == "pin":
            pins[case.devices.id_of(one.client) or one.client].append(one)
    chains = case.tables["certprov"]
    fetched = chains[(chains["step"] == "root-chains") & (chains["outcome"] == "ok")]["flow"]
    clients = {case.devices.id_of(one) for one in case.flows.loc[fetched, "client"].unique()}
    for client in sorted({*pins, *(one for one in clients if one)}):
        device = inquiry.device(client)
        if device and device.is_phone:
            yield _tries_of(inquiry, device, pins.get(client, []))


def _tries_of(inquiry: Inquiry, device: DeviceFacts, pins: list[WebExchange]) -> _Tries:
    if pins:
        failed = tuple(one for one in pins if one.row.outcome in FAILED)
        return _Tries(device, failed, works=pins[-1].row.outcome not in FAILED)
    if to_registrars(inquiry, device):
        return _Tries(device, works=True)
    case = inquiry.case
    web = [one for one in case.attempts_of(*device.addresses) if one.port == HTTPS]
    web = [one for one in web if case.roles.has(one.server, *WEB_ROLES)]
    sealed = [one for one in case.sessions_of(web) if one.completed and one.flow not in case.decrypted]
    length = case.flows["last_time"] - case.flows["first_time"]
    return _Tries(device, sealed=tuple(one for one in sealed if length[one.flow] <= SHORT_NS))


def _refused(inquiry: Inquiry, tries: _Tries) -> Found:
    first, last = tries.failed[0], tries.failed[-1]
    subject = told_on(inquiry, first.flow)
    statuses = sorted({int(one.row.status) for one in tries.failed if one.row.status is not None})
    answered = f"a fault (HTTP {statuses[0]})" if last.row.outcome == "fault" else f"HTTP {statuses[0]}"
    said = next((str(one.row.fault_reason) for one in tries.failed if one.row.fault_reason), "")
    frames = tuple(frame for one in tries.failed[:6] for frame in one.frames)
    return subject.found(
        f"{inquiry.word(tries.device.id)} offered extension and PIN to {inquiry.server(subject.peer, subject.port)} "
        f"and was refused with {answered}, {times_in_words(len(tries.failed))}.",
        "The phone trusts the server and reaches the web ticket service; the service does not accept the PIN."
        + (f" The server's own words: {said.rstrip('.')}." if said else ""),
        Confidence.CERTAIN,
        subject.shows("extension and PIN offered, and the answers", *frames),
        device=tries.device.id,
        service="web-ticket",
        time=first.time,
        flows=tuple(sorted({one.flow for one in tries.failed})),
    )


def _sealed(inquiry: Inquiry, tries: _Tries) -> Judgement:
    subject = subject_of(inquiry, tries.sealed[0].flow)
    last = tries.sealed[-1]
    doubt = quiet_for(inquiry, subject.capture, tries.device.id, last.last_time)
    if doubt:
        return Doubt(tries.device.id, doubt)
    return subject.found(
        f"{inquiry.word(tries.device.id)} opens {len(tries.sealed)} short connections to "
        f"{inquiry.server(subject.peer, subject.port)} and never goes on to a registrar.",
        "It fetched the root certificates and trusts the server. What it says there cannot be read; "
        "a phone whose PIN is refused behaves like this.",
        Confidence.LIKELY,
        _chain_of(inquiry, tries, subject.capture),
        subject.shows("connections to the web services that lead nowhere", *(one.data_frame for one in tries.sealed)),
        device=tries.device.id,
        flows=tuple(one.flow for one in tries.sealed),
        rejected=(("tls-unknown-ca", f"it completes TLS with {subject.peer}, {times_in_words(len(tries.sealed))}"),),
    )


def _chain_of(inquiry: Inquiry, tries: _Tries, capture: int) -> Proof:
    rows = inquiry.case.messages_of("certprov", *tries.device.addresses)
    row = next(row for row in rows if row.step == "root-chains" and row.outcome == "ok")
    return Proof(capture, tuple(sorted({row.first_frame, row.frame})), "the root certificates, fetched over port 80")
