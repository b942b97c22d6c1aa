"""Refusals that say their reason in SIP: not allowed, not known, not with this program (catalogue group 5)."""

from collections.abc import Iterator

from lynccap.correlation.discovery_names import DISCOVERY_NAMES
from lynccap.correlation.searches import domain_of
from lynccap.correlation.sip.transactions import Transaction
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement
from lynccap.diagnosis.rules.signing_in.asking import (
    SIGN_IN,
    TIME_SKEW,
    Refused,
    number_of,
    refused,
    sign_ins,
    user_word,
)
from lynccap.diagnosis.rules.signing_in.outside_users import NOT_FROM_OUTSIDE, shut_out
from lynccap.diagnosis.sip_answers import meaning_of_number, quoted, said_by
from lynccap.diagnosis.subjects import times_in_words
from lynccap.document import Confidence, Severity

FORBIDDEN, NOT_FOUND = 403, 404
UNKNOWN_USER = (1003, 4005)
PARTNERS = (1002, 1005, 1012, 1027)  # of rules about federation
VERSIONS = range(17_000, 18_000)
NO_VERDICT = (17_000, 17_001, 17_004)  # the filter is busy, cannot read, allows: nothing is said against the version
DECLINED = (17_002, 17_003)
PARTICULAR = frozenset({*PARTNERS, TIME_SKEW})
"""Numbers with a rule of their own, whatever is refused."""
MAX_NAMES = 5


@rule(
    title="The server refuses the request (SIP 403)",
    severity=Severity.MAJOR,
    stage=Stage.SIGN_IN,
    causes=(
        "A policy of the user, or a setting of the server or of the Access Edge, does not allow it.",
        "The number and the text in the answer (ms-diagnostics) name the policy.",
    ),
    fix=(
        "Act by the ms-diagnostics number and text that the finding quotes.",
        "Without a number: look at the policies of the user and at the settings of the Access Edge.",
    ),
    act=("Lync administrator",),
    sources=("ms-ocer", "rfc3261"),
    explains=("sip-tls-then-close-loop",),
)
def sip_403_forbidden(inquiry: Inquiry) -> Iterator[Judgement]:
    """A Lync server understood a request and refuses it. Only where SIP can be read.

    Evidence: a final answer 403 to REGISTER, SUBSCRIBE, INVITE or MESSAGE; its diagnostics are quoted.

    Not this: a reason with a rule of its own (sign-in from outside, client version, partners, clocks); a refusal of
    what is granted later. Inconclusive: one refusal without a known number, where the capture may lack what followed.
    """
    methods = (SIGN_IN, "SUBSCRIBE", "INVITE", "MESSAGE")
    shut = {(one.subject.device, one.subject.peer) for one in shut_out(inquiry)}
    for one in refused(inquiry, _forbidden, *methods):
        if one.number == NOT_FROM_OUTSIDE and (one.subject.device, one.subject.peer) in shut:
            continue
        if doubt := _undecided(inquiry, one):
            yield Doubt(one.subject.device, doubt)
        else:
            yield _refusal(inquiry, one)


def _forbidden(one: Transaction) -> bool:
    return one.status == FORBIDDEN and number_of(one) not in PARTICULAR and not _by_version(one)


def _undecided(inquiry: Inquiry, one: Refused) -> str | None:
    """A device that is refused once may be let in a moment later, unless the server says why it is refused."""
    if len(one.steps) > 1 or meaning_of_number(one.row):
        return None
    last = one.steps[-1].last_time
    return inquiry.gates.missing(one.subject.capture, last, last)


def _refusal(inquiry: Inquiry, one: Refused) -> Found:
    subject, method = one.subject, one.steps[0].method
    what = f"the sign-in of {one.user}" if method == SIGN_IN else f"{method} requests of {one.user}"
    meaning = meaning_of_number(one.row)
    return subject.found(
        f"{inquiry.word(subject.device)}: {inquiry.server(subject.peer, subject.port)} refuses {what} with "
        f"status {FORBIDDEN}, {times_in_words(len(one.steps))}.",
        f"The server understood the request and does not allow it. It answers: {said_by(one.row)}."
        + (f" The number means: {meaning}" if meaning else ""),
        Confidence.CERTAIN,
        subject.shows("the requests and their refusals", *one.frames),
        reading=inquiry.reading(subject.flow),
        rejected=(("sip-auth-loop-401", "the last answer is a refusal, not a question for credentials"),),
    )


@rule(
    title="The SIP address does not exist",
    severity=Severity.MINOR,
    stage=Stage.SIGN_IN,
    causes=(
        "The address was typed wrong, or the logon name (UPN) was used in place of the SIP address.",
        "The user is not enabled for Lync any more.",
    ),
    fix=("Use the SIP address as the user's account in Lync shows it; enable the user if it should exist.",),
    act=("Lync administrator", "user"),
    sources=("ms-ocer", "notes-edge"),
    explains=("sip-tls-then-close-loop",),
)
def sip_user_not_found(inquiry: Inquiry) -> Iterator[Judgement]:
    """A server answers that a user does not exist. Only where SIP can be read.

    Evidence: a final answer 404 with diagnostics number 1003 or 4005 to REGISTER, INVITE or MESSAGE.

    Not this: a request of another kind; an address that is found later. Inconclusive: 404 to REGISTER without a
    number; an address in a domain of which nothing shows that this deployment serves it.
    """
    for one in refused(inquiry, lambda step: step.status == NOT_FOUND, SIGN_IN, "INVITE", "MESSAGE"):
        signs_in = one.steps[0].method == SIGN_IN
        if one.number in UNKNOWN_USER:
            yield _unknown(inquiry, one, signs_in)
        elif signs_in and one.number < 0:
            yield Doubt(one.subject.device, "REGISTER is answered 404 without a diagnostics number that says what is")


def _unknown(inquiry: Inquiry, one: Refused, signs_in: bool) -> Judgement:
    subject = one.subject
    uris = dict.fromkeys(step.first.from_uri if signs_in else step.first.to_uri for step in one.steps)
    strange = [uri for uri in uris if not _is_served(inquiry, uri or "", one)]
    if strange:
        because = (
            f"nothing shows that {user_word(strange[0])} is in a domain of this deployment: the domain may be wrong"
        )
        return Doubt(subject.device, because)
    names = ", ".join(user_word(uri) for uri in list(uris)[:MAX_NAMES])
    more = f" and {len(uris) - MAX_NAMES} more" if len(uris) > MAX_NAMES else ""
    tries = "signs in as" if signs_in else "looks for"
    return subject.found(
        f"{inquiry.word(subject.device)} {tries} {names}{more}, which {inquiry.server(subject.peer, subject.port)} "
        "does not know.",
        f"It answers: {said_by(one.row)}. The number means: {meaning_of_number(one.row)}",
        Confidence.CERTAIN,
        subject.shows("the requests, and the answers that there is no such user", *one.frames),
        reading=inquiry.reading(subject.flow),
        rejected=(("sip-403-forbidden", "the server does not know the user: no policy is asked"),),
    )


def _is_served(inquiry: Inquiry, uri: str, one: Refused) -> bool:
    """Whether the domain of an address is one of the deployment's: users of it sign in, DNS leads to it, or its name
    is the server's."""
    domain = uri.rpartition("@")[2].partition(";")[0].lower()
    if not domain:
        return False
    told = inquiry.case.roles.told
    if told and domain in (each.lower() for each in told.directory.topology.sip_domains):
        return True
    if (one.row.diagnostics_source or "").lower().endswith(f".{domain}") or _is_published(inquiry, domain):
        return True
    return any(each.signed_in and each.user.lower().endswith(f"@{domain}") for each in sign_ins(inquiry))


def _is_published(inquiry: Inquiry, domain: str) -> bool:
    """Whether DNS told clients of servers for it."""
    names = inquiry.case.names
    asked = (link.name for links in names.srv.values() for link in links)
    return domain in map(domain_of, asked) or any(names.addresses_of(start + domain) for start in DISCOVERY_NAMES)


@rule(
    title="The server refuses this version of the client",
    severity=Severity.MINOR,
    stage=Stage.SIGN_IN,
    causes=("The client version policy does not allow this program or version.",),
    fix=("Update the client, or allow its version in the client version policy.",),
    act=("Lync administrator",),
    sources=("ms-ocer",),
    explains=("sip-tls-then-close-loop", "sip-403-forbidden"),
)
def client_version_blocked(inquiry: Inquiry) -> Iterator[Judgement]:
    """A server refuses the program, or the version, with which somebody wants to sign in. Only where SIP can be read.

    Evidence: a final answer 403 to REGISTER with diagnostics 17002 (not allowed) or 17003 (declined, an update is
    offered), or another number of the version filter: likely then.

    Not this: numbers of the filter that say nothing against the version; a client that is let in later; other reasons.
    """
    for one in refused(inquiry, _by_version, SIGN_IN):
        yield _version(inquiry, one)
    for each in sign_ins(inquiry):
        if each.signed_in:
            yield Clear(each.subject.device)


def _by_version(one: Transaction) -> bool:
    """Whether a sign-in is refused for the program that makes it."""
    judged = number_of(one) in VERSIONS and number_of(one) not in NO_VERDICT
    return one.method == SIGN_IN and one.status == FORBIDDEN and judged


def _version(inquiry: Inquiry, one: Refused) -> Found:
    subject, agent = one.subject, one.steps[-1].first.user_agent
    meaning = meaning_of_number(one.row) or "a reason of the client version filter."
    return subject.found(
        f"{inquiry.word(subject.device)} is not let in by {inquiry.server(subject.peer, subject.port)} because of its "
        f"client version{f': {quoted(agent)}' if agent else ''}.",
        f"{one.user} tries to sign in. The server answers: {said_by(one.row)}. The number means: {meaning}",
        Confidence.CERTAIN if one.number in DECLINED else Confidence.LIKELY,
        subject.shows("the sign-in, and the refusal", *one.frames),
        reading=inquiry.reading(subject.flow),
        rejected=(
            ("sip-remote-access-disabled", f"number {one.number} is the version filter's"),
            ("sip-403-forbidden", f"number {one.number} names the client version"),
        ),
    )
