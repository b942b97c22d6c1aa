"""Sign-in as it should be, and what of it a capture cannot show (catalogue group 14)."""

from collections.abc import Iterator

from lynccap.correlation.roles.sides import Location
from lynccap.correlation.sip.registrations import CHALLENGES, Registration, RegistrationEnd
from lynccap.correlation.tls.sessions import TlsSession
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.purposes.root_chain import distrust
from lynccap.diagnosis.rules.states.by_design import NOBODY, NOTHING_TO_DO
from lynccap.diagnosis.subjects import Subject, subject_of, told_on
from lynccap.document import Confidence, Severity

MAX_CHALLENGES = 2  # NTLM and Kerberos ask twice; more is a loop


@rule(
    title="Sign-in was challenged for credentials first",
    severity=Severity.INFO,
    stage=Stage.NOTE,
    causes=("The registrar asks every device for proof.",),
    fix=NOTHING_TO_DO,
    act=NOBODY,
    sources=("ms-ocauthws", "ms-sipregistration"),
)
def state_sip_challenge(inquiry: Inquiry) -> Iterator[Judgement]:
    """A REGISTER is answered with 401 once or twice, and then accepted. Only where SIP can be read.

    Evidence: one or two answers 401 or 407 to REGISTER requests of one sign-in, then 200. Answers that carry a step of
    the handshake of TLS-DSK are none of these: they are the proof itself, on its way.

    Not this: more challenges, which are a loop; a sign-in that is refused. Inconclusive where the capture may lack
    what followed the challenge.
    """
    told: set[tuple[str, str]] = set()
    for one in inquiry.case.dialogs.registrations:
        subject = told_on(inquiry, one.flow, one.from_client)
        if not 1 <= len(_asked(one)) <= MAX_CHALLENGES or not inquiry.case.roles.is_lync(subject.peer):
            continue
        if one.end is RegistrationEnd.CHALLENGED:
            last = one.transactions[-1].last_time
            if because := inquiry.gates.absence(one.capture, subject.device, last, last):
                yield Doubt(subject.device, because)
        elif one.end is not RegistrationEnd.REGISTERED:
            yield Clear(subject.device)
        elif (subject.device, subject.peer) not in told:
            told.add((subject.device, subject.peer))
            yield _challenged(inquiry, subject, one)


def _asked(one: Registration) -> list[int]:
    """Frames of the challenges, those that carry on a handshake left out."""
    finals = (step.final for step in one.transactions if step.final is not None)
    return [int(row.frame) for row in finals if row.status in CHALLENGES and not row.handshake]


def _challenged(inquiry: Inquiry, subject: Subject, one: Registration) -> Found:
    times = "once" if len(_asked(one)) == 1 else "twice"
    finals = [step.final for step in one.transactions if step.final is not None]
    frames = [int(row.frame) for row in finals if row.status in CHALLENGES or row is one.answer]
    return subject.found(
        f"{inquiry.word(subject.device)} was asked {times} for credentials by {inquiry.server(subject.peer)} "
        "and then signed in.",
        "Status 401 tells the device how to prove who it is. It is the normal first answer.",
        Confidence.CERTAIN,
        subject.shows("the challenges, then the acceptance", *frames),
        time=one.time,
    )


@rule(
    title="A phone outside fetches no root certificates",
    severity=Severity.INFO,
    stage=Stage.NOTE,
    causes=("Root certificates are offered inside only. Outside, certificates come from public authorities.",),
    fix=NOTHING_TO_DO,
    act=NOBODY,
    sources=("notes-http",),
)
def state_external_no_root_download(inquiry: Inquiry) -> Iterator[Judgement]:
    """A phone outside connects by TLS and asks for no root certificates.

    Evidence: a phone that is outside; TLS with a Lync server that works; no request for the root chain.

    Not this: a phone that refuses a certificate; one that is inside. Inconclusive where the capture begins after the
    phone did, or lacks packets.
    """
    for device in inquiry.case.devices.all():
        if device.is_phone and device.location is Location.OUTSIDE:
            yield from _without_chain(inquiry, device.addresses)


def _without_chain(inquiry: Inquiry, addresses: tuple[str, ...]) -> Iterator[Judgement]:
    case, device = inquiry.case, addresses[0]
    towards = [one for one in case.attempts_of(*addresses) if case.roles.is_lync(one.server)]
    works = [one for one in case.sessions_of(towards) if one.completed]
    asked = any(row.step == "root-chains" for row in case.messages_of("certprov", *addresses))
    if not works or asked or any(distrust(case, one) for one in addresses):
        yield Clear(device)
        return
    first, last = min(one.first_time for one in towards), max(one.last_time for one in towards)
    subject = subject_of(inquiry, works[0].flow)
    gates = inquiry.gates
    doubt = gates.started_late(subject.capture, first) or gates.lossy(subject.capture, first, last)
    if doubt:
        yield Doubt(device, doubt)
        return
    yield subject.found(
        f"{inquiry.word(device)} is outside, asks for no root certificates, and its TLS with "
        f"{inquiry.server(subject.peer, subject.port)} works.",
        "Root certificates are handed out inside only. Outside the servers show certificates of a public authority.",
        Confidence.CERTAIN,
        subject.shows("the hello, and the first protected data of the server", *_ends(works[0])),
        flows=tuple(one.flow for one in works),
    )


def _ends(session: TlsSession) -> tuple[int, int]:
    return session.hello_frame, session.data_frame


@rule(
    title="What is inside TLS cannot be read from this capture",
    severity=Severity.INFO,
    stage=Stage.NOTE,
    causes=("The capture holds no session keys.",),
    fix=("For what happens inside SIP or HTTPS, ask for a client or server trace of the same minutes.",),
    act=NOBODY,
    sources=("rfc5246", "rfc8446"),
)
def state_encrypted_limits(inquiry: Inquiry) -> Iterator[Judgement]:
    """SIP and web traffic of the deployment is encrypted, and the capture cannot show what was said in it.

    Evidence: completed TLS sessions with Lync servers whose data is protected.

    Not this: sessions in the clear, or with keys.
    """
    case = inquiry.case
    sealed = [
        session
        for flow, session in case.sessions.items()
        if session.completed and flow not in case.decrypted and case.roles.is_lync(case.flows.at[flow, "server"])
    ]
    if not sealed:
        return
    by_capture: dict[int, list[int]] = {}
    for session in sealed:
        by_capture.setdefault(int(case.flows.at[session.flow, "capture"]), []).append(session.data_frame)
    yield Found(
        device=None,
        service="tls",
        transport="tcp",
        says=f"{_counted(len(sealed))} encrypted; what was said inside is not visible.",
        why="Sign-in answers, error texts and conference joins travel inside: that none is reported proves nothing.",
        confidence=Confidence.CERTAIN,
        proof=tuple(
            Proof(capture, tuple(sorted(frames))[:20], "first protected data of the servers")
            for capture, frames in sorted(by_capture.items())
        ),
        time=min(int(case.flows.at[session.flow, "first_time"]) for session in sealed),
        flows=tuple(sorted(session.flow for session in sealed)),
    )


def _counted(sessions: int) -> str:
    return "1 TLS session with a Lync server is" if sessions == 1 else f"{sessions} TLS sessions with Lync servers are"
