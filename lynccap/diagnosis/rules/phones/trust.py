"""Phones that do not trust, or cannot speak with, servers that have changed (catalogue group 10)."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lynccap.correlation.authorities import names_public_authority
from lynccap.correlation.boots import CERTIFICATE_CLASS, tells_web_service
from lynccap.correlation.devices.book import LYNC_PHONE, DeviceFacts
from lynccap.correlation.protocol_numbers import HTTP
from lynccap.correlation.tls.presented import Presented
from lynccap.correlation.tls.sessions import UNKNOWN_CA, TlsSession
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.purposes.root_chain import completes_later
from lynccap.diagnosis.subjects import subject_of
from lynccap.document import Confidence, Severity

FLEET = 2
"""Phones that refuse the same certificate: a single one may have a reason of its own."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    """A list of certificates that one phone refused with alert 48."""

    device: DeviceFacts
    shown: Presented
    session: TlsSession


def _refusals(inquiry: Inquiry) -> list[_Refusal]:
    """The first one of every phone and list, of servers that may be Lync's."""
    case = inquiry.case
    alerted = {flow: one for flow, one in case.sessions.items() if one.alerts and not one.completed and _by_client(one)}
    found: dict[tuple[str, int], _Refusal] = {}
    for place, shown in enumerate(case.presented if alerted else ()):
        if not shown.by_server or not case.roles.is_plausible(shown.holder):
            continue
        for one in shown.showings:
            session = alerted.get(one.flow)
            device = inquiry.device(one.viewer) if session else None
            if device and session and device.is_phone and not completes_later(case, session):
                found.setdefault((device.id, place), _Refusal(device, shown, session))
    return list(found.values())


def _by_client(session: TlsSession) -> bool:
    alert = session.alert(UNKNOWN_CA)
    return alert is not None and alert.from_client


def _accepted_by(inquiry: Inquiry, shown: Presented, *, phones: bool) -> Proof | None:
    """Another device, a phone or none, that completes TLS after it was shown this very list."""
    for one in shown.showings:
        device, session = inquiry.device(one.viewer), inquiry.case.sessions.get(one.flow)
        if session and session.completed and bool(device and device.is_phone) is phones:
            says = f"{one.viewer} is shown this certificate by {shown.holder} and completes TLS"
            return Proof(shown.capture, tuple(sorted({one.frame, session.data_frame} - {0})), says)
    return None


def _refused(
    inquiry: Inquiry,
    one: _Refusal,
    says: str,
    why: str,
    confidence: Confidence,
    *more: Proof,
    rejected: tuple[tuple[str, str], ...],
) -> Found:
    alert = one.session.alert(UNKNOWN_CA)
    assert alert is not None
    subject = subject_of(inquiry, one.session.flow)
    server = inquiry.server(subject.peer, subject.port)
    return subject.found(
        f"{inquiry.word(one.device.id)} refuses the certificate of {server} (TLS alert 48, unknown CA): {says}",
        why,
        confidence,
        subject.shows("the certificate, and the alert that refuses it", one.session.certificate_frame, alert.frame),
        *more,
        device=one.device.id,
        time=alert.time,
        rejected=rejected,
    )


@rule(
    title="Phones still trust the old certification authority",
    severity=Severity.CRITICAL,
    stage=Stage.TRUST,
    causes=("The servers got certificates of a new authority; phones do not fetch the new root by themselves.",),
    fix=(
        "Sign every phone out and in again: it then fetches the root certificates anew.",
        "In a change of authorities to come, keep both chains in place until all phones have the new one.",
    ),
    act=("PKI team", "endpoint team"),
    sources=("notes-http",),
    explains=("tls-unknown-ca",),
)
def phone_stale_ca_after_replacement(inquiry: Inquiry) -> Iterator[Judgement]:
    """Several phones refuse a server's certificate, which is of a new authority, and none asks for the new root.

    Evidence: two or more Lync phones end TLS with alert 48 after the same certificate; none of them asks for the root
    certificates; a certificate for the same name from another authority, which phones accept, is in the capture.

    Not this: a single phone; one that asks for the root certificates, or cannot (port 80 fails, DHCP does not name the
    service); one without the time; a public authority; a chain that nobody accepts. Without the old certificate it is
    likely only, and a PC must accept the new one.
    """
    fleets: dict[int, list[_Refusal]] = defaultdict(list)
    for one in _refusals(inquiry):
        if one.device.kind == LYNC_PHONE and not names_public_authority(one.shown.leaf.issuer):
            fleets[id(one.shown)].append(one)
    for ones in fleets.values():
        if len(ones) >= FLEET:
            yield from _stale(inquiry, ones)


def _stale(inquiry: Inquiry, fleet: Sequence[_Refusal]) -> Iterator[Judgement]:
    shown = fleet[0].shown
    old, accepted = _predecessor(inquiry, shown), _accepted_by(inquiry, shown, phones=False)
    for one in fleet:
        doubt = _other_reason(inquiry, one.device)
        if not doubt and not old and not accepted:
            doubt = "the capture shows neither an older certificate nor anybody who accepts this one"
        if doubt:
            yield Doubt(one.device.id, doubt)
            continue
        was = f" Phones accept the certificate for the same name from {old[0]}." if old else ""
        yield _refused(
            inquiry,
            one,
            "it still trusts another authority than the one that issued it.",
            f"The certificate is issued by {shown.leaf.issuer}. {len(fleet)} phones refuse it, "
            f"and this one does not ask for the root certificates.{was}",
            Confidence.CERTAIN if old else Confidence.LIKELY,
            *([old[1]] if old else []),
            *([accepted] if accepted else []),
            rejected=tuple(_excluded(inquiry, one.device)),
        )


def _predecessor(inquiry: Inquiry, shown: Presented) -> tuple[str, Proof] | None:
    """Another authority's certificate for the same name that a phone accepts, with the proof."""
    names = set(shown.names)
    for one in inquiry.case.presented:
        same = one.by_server and one.leaf.issuer != shown.leaf.issuer and names & set(one.names)
        if same and (proof := _accepted_by(inquiry, one, phones=True)):
            return one.leaf.issuer, proof
    return None


def _other_reason(inquiry: Inquiry, device: DeviceFacts) -> str | None:
    """Why this phone may lack the root for another reason than its age."""
    case = inquiry.case
    if any(row.step == "root-chains" for row in case.messages_of("certprov", *device.addresses)):
        return "it asks for the root certificates, so what it gets there decides"
    if any(one.port == HTTP and not one.established for one in case.attempts_of(*device.addresses)):
        return "its connection to TCP port 80 fails, so it cannot get the root certificates"
    asked = [boot.of_class(CERTIFICATE_CLASS) for boot in case.boots if boot.device.id == device.id]
    if any(talks and not any(tells_web_service(row) for one in talks for row in one.acks) for talks in asked):
        return "DHCP does not tell it where the root certificates are"
    ntp = case.messages_of("ntp", *device.addresses)
    if ntp and all(row.from_client for row in ntp):
        return "its questions for the time stay unanswered, so its clock may be wrong"
    return None


def _excluded(inquiry: Inquiry, device: DeviceFacts) -> Iterator[tuple[str, str]]:
    """The other reasons that this phone's own packets speak against."""
    case = inquiry.case
    reached = next((one for one in case.attempts_of(*device.addresses) if one.port == HTTP), None)
    if reached:
        yield "rootchain-http80-refused", f"{reached.server} accepts its connection to TCP port {HTTP}"
    boots = (boot for boot in case.boots if boot.device.id == device.id)
    acks = (row for boot in boots for one in boot.of_class(CERTIFICATE_CLASS) for row in one.acks)
    told = next((row for row in acks if row.uc_web_server), None)
    if told:
        yield "phone-dhcp43-missing", f"DHCP names {told.uc_web_server} as its certificate service"
    timed = next((row for row in case.messages_of("ntp", *device.addresses) if not row.from_client), None)
    if timed:
        yield "phone-ntp-missing", f"{case.flows.at[timed.flow, 'server']} answers its question for the time"


@rule(
    title="The phone's list of public authorities is too old",
    severity=Severity.MAJOR,
    stage=Stage.TRUST,
    causes=("The phone's firmware is older than this authority's root certificate.",),
    fix=(
        "Update the firmware of the phone.",
        "Let the phone sign in with its PIN inside once: it then fetches the root certificates.",
    ),
    act=("endpoint team",),
    sources=("schertz-lpe-ca", "notes-http"),
    explains=("tls-unknown-ca",),
)
def phone_outdated_public_ca_store(inquiry: Inquiry) -> Iterator[Judgement]:
    """A phone refuses a public authority's certificate that PCs accept: its built-in list is older than the authority.

    Evidence: alert 48 of a phone after a certificate of a well-known public authority; a PC that completes TLS after
    it was shown the same list of certificates.

    Not this: a private authority; a list without the intermediate certificate, which PCs fetch by themselves and
    phones do not. Inconclusive: nobody else is shown the list.
    """
    for one in _refusals(inquiry):
        if not names_public_authority(one.shown.leaf.issuer) or not one.shown.readable:
            continue
        accepted = _accepted_by(inquiry, one.shown, phones=False)
        if one.shown.leaf.issued_by < 0:
            yield Clear(one.device.id)
        elif accepted is None:
            yield Doubt(one.device.id, "nobody else is shown this certificate, so the server's list may be the fault")
        else:
            yield _refused(
                inquiry,
                one,
                "its list of public authorities does not have the issuer.",
                f"The certificate is issued by {one.shown.leaf.issuer}, a public authority. The server shows the "
                "intermediate certificate too, and a PC accepts both.",
                Confidence.LIKELY,
                accepted,
                rejected=(("cert-chain-incomplete", f"{one.shown.holder} sends the issuing authority's too"),),
            )
