"""Users who cannot prove who they are because clocks differ (catalogue group 5)."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from lynccap.correlation.sip.transactions import Transaction
from lynccap.correlation.tickets import CLOCKS_APART, Ticket
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.gates import CLOCK_SLACK
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement
from lynccap.diagnosis.rules.signing_in.asking import (
    SHOWN,
    TIME_SKEW,
    Refused,
    SignIn,
    number_of,
    refused,
    sign_ins,
    user_word,
)
from lynccap.diagnosis.rules.signing_in.kerberos import SIP_SERVICE, is_registrar
from lynccap.diagnosis.rules.signing_in.loops import sip_sessions
from lynccap.diagnosis.rules.signing_in.proving import frames_of, in_vain
from lynccap.diagnosis.sip_answers import quoted, said_by
from lynccap.diagnosis.subjects import subject_of
from lynccap.document import Confidence, Severity
from lynccap.tables import SECOND


@rule(
    title="Signing in fails because clocks differ",
    severity=Severity.MAJOR,
    stage=Stage.SIGN_IN,
    causes=("The clock of the client, or of the server, is wrong: its time service does not work.",),
    fix=("Set the clock, and repair the time service of the computer whose clock is wrong.",),
    act=("owner of the endpoint", "owner of the time service (NTP)"),
    sources=("ms-ocer", "rfc4120"),
    explains=("sip-auth-loop-401", "sip-403-forbidden", "sip-tls-then-close-loop"),
)
def sip_auth_time_skew(inquiry: Inquiry) -> Iterator[Judgement]:
    """The clocks of client and server differ too much for the proof of who the user is. Only where SIP can be read.

    Evidence: an error with diagnostics number 1013. Or credentials refused with a Date that is more than 5 min from
    the recorder's clock, where time servers agree with the recorder: likely. Or KRB-ERROR 37 (clocks too far apart) in
    answer to a request for a ticket for a registrar, or to any by a device whose credentials are refused: certain, and
    minor where the device holds a session all the same.

    Not this: a ticket that is granted after all; a Date that only a recorder with a wrong clock contradicts; a sign-in
    that works. Inconclusive: no time server tells whose clock is right, or it contradicts the recorder.
    """
    stated = refused(inquiry, lambda step: number_of(step) == TIME_SKEW)
    for each in stated:
        yield _stated(inquiry, each)
    told = {each.subject.device for each in stated}
    tries = list(sign_ins(inquiry))
    failing = {one.subject.device for one in tries if in_vain(one)}
    for ticket in inquiry.case.tickets:
        if ticket.client not in told and _is_kept_out(inquiry, ticket, failing):
            told.add(ticket.client)
            yield _by_kerberos(inquiry, ticket)
    for one in tries:
        if one.subject.device not in told:
            yield from _by_date(inquiry, one)


def _stated(inquiry: Inquiry, one: Refused) -> Found:
    subject = one.subject
    apart = _apart(one.row)
    date = f" Its Date is {_words(apart)} the recorder's clock." if apart is not None else ""
    return subject.found(
        f"{inquiry.word(subject.device)} cannot sign {one.user} in at {inquiry.server(subject.peer, subject.port)}: "
        "their clocks are too far apart.",
        f"The server answers: {said_by(one.row)}. The number means that the clocks of client and server differ too "
        f"much to check the credentials; 5 min are allowed.{date}",
        Confidence.CERTAIN,
        subject.shows("the requests, and the refusals", *one.frames),
        reading=inquiry.reading(subject.flow),
        rejected=(("sip-auth-loop-401", "the server says that it is the clocks, not the credentials"),),
    )


def _apart(row: Any) -> float | None:
    """Seconds the server's clock is ahead of the recorder's by its Date; None without one."""
    return None if row.date is None else int(row.date) - int(row.time) / SECOND


def _words(apart: float) -> str:
    return f"{abs(apart) / 60:.1f} min {'ahead of' if apart > 0 else 'behind'}"


def _by_date(inquiry: Inquiry, one: SignIn) -> Iterator[Judgement]:
    vain = [step for step in in_vain(one) if step.final is not None and abs(_apart(step.final) or 0.0) > CLOCK_SLACK]
    device, gates = one.subject.device, inquiry.gates
    if not vain:
        if one.signed_in:
            yield Clear(device)
        return
    last = vain[-1].final
    apart, error = _apart(last), gates.clock_error(one.subject.capture)
    if apart is None or last is None:
        return
    if error is None:
        yield Doubt(
            device,
            f"the Date of the server that refuses the credentials is {_words(apart)} the recorder's clock, and no time "
            "server in the capture tells which of them is right",
        )
    elif doubt := gates.clock_wrong(one.subject.capture):
        yield Doubt(device, doubt)
    else:
        yield _dated(inquiry, one, vain, apart)


def _dated(inquiry: Inquiry, one: SignIn, vain: Sequence[Transaction], apart: float) -> Found:
    subject, capture = one.subject, inquiry.case.flows["capture"]
    clocks = [each.frame for each in inquiry.case.clocks if capture[each.flow] == subject.capture]
    return subject.found(
        f"{inquiry.word(subject.device)} cannot sign {user_word(one.user)} in at "
        f"{inquiry.server(subject.peer, subject.port)}, whose clock is {_words(apart)} the right time.",
        "Credentials are good for 5 min around the time at which they were made. The server's own Date is further off "
        "from the recorder's clock, and a time server agrees with the recorder.",
        Confidence.LIKELY,
        subject.shows(
            "the refusals with the server's Date", *(frame for step in vain[:SHOWN] for frame in frames_of(step))
        ),
        subject.shows("the answers of time servers", *clocks[:SHOWN]),
        time=vain[0].time,
        flows=tuple(dict.fromkeys(step.flow for step in vain)),
        reading=inquiry.reading(*(step.flow for step in vain)),
        rejected=(("sip-auth-loop-401", "the clocks differ by more than credentials allow"),),
    )


def _is_kept_out(inquiry: Inquiry, ticket: Ticket, failing: Collection[str]) -> bool:
    """Whether clocks kept a client from a ticket that it needed to sign in."""
    if not ticket.refusals(CLOCKS_APART):
        return False
    wanted = ticket.service.lower().startswith(SIP_SERVICE) and is_registrar(inquiry, ticket.service)
    return wanted or ticket.client in failing


def _by_kerberos(inquiry: Inquiry, ticket: Ticket) -> Found:
    errors, subject = ticket.refusals(CLOCKS_APART), subject_of(inquiry, ticket.flows[0])
    last = errors[-1]
    both = last.client_time is not None and last.server_time is not None
    apart = f", {_words(float(last.client_time - last.server_time))} its own" if both else ""
    works = any(each.client == ticket.client and each.held for each in sip_sessions(inquiry))
    rest = " It signs in by another proof all the same." if works else ""
    return subject.found(
        f"{inquiry.word(ticket.client)} gets no Kerberos ticket for {quoted(ticket.service)}: its clock is too far "
        "from that of the domain controller.",
        f"{ticket.server} answers with error 37, clocks too far apart (the client's clock is wrong for it{apart}); 5 "
        f"min are allowed.{rest}",
        Confidence.CERTAIN,
        subject.shows(
            "the requests, and KRB-ERROR 37",
            *(int(row.frame) for row in (*ticket.asked[:SHOWN], *errors[:SHOWN])),
        ),
        severity=Severity.MINOR if works else None,
        time=int(min(row.time for row in (*ticket.asked, *errors))),
        flows=ticket.flows,
        rejected=(("ntlm-kerberos-failure-hint", "the error is 37, not 7: the service is known"),),
    )
