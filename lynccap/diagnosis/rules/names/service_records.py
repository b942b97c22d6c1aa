"""SRV records that lead to the wrong place, or that partners do not find."""

from collections.abc import Iterator
from typing import Any

from lynccap import reference
from lynccap.correlation.attempts import Ending
from lynccap.correlation.discovery_names import DISCOVERY_NAMES
from lynccap.correlation.searches import SRV, Question, Reply, Search, reply_to
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement, Proof
from lynccap.diagnosis.rules.names.asking import (
    FAILED,
    SHOWN,
    answer_words,
    attempts_of,
    found,
    of_cloud,
    shown,
    signs_in,
    silence_doubt,
    unheard,
    within,
)
from lynccap.document import Confidence, Severity

FEDERATION = "_sipfederationtls._tcp."
RECORDS = (*(one for one in DISCOVERY_NAMES if one.startswith("_")), FEDERATION, "_xmpp-server._tcp.")
MISSING = {
    "_sipinternaltls._tcp.": "dns-sip-srv-missing",
    "_sip._tls.": "dns-sip-srv-missing",
    FEDERATION: "dns-federation-srv-missing",
}
SHARED_EDGE = 5061  # an Edge with one address serves clients there as well
PROMPT_NS = 5_000_000_000  # catalogue, dns-srv-target-domain-mismatch: as long as somebody takes to answer a question


def _services(inquiry: Inquiry) -> Iterator[tuple[Question, list[Any]]]:
    """SRV answers of Lync's names, with their records."""
    for question in inquiry.case.searches.questions:
        if question.record_type == SRV and question.reply is Reply.FOUND and question.name.startswith(RECORDS):
            yield question, [one for one in question.records if one.record_type == "SRV"]


@rule(
    title="The SRV record leads to a server in another domain",
    severity=Severity.MAJOR,
    stage=Stage.NAMES,
    causes=("One Access Edge or pool name serves several SIP domains.",),
    fix=("Let the record lead to a name in the same domain, and put sip.<SIP domain> into the certificate.",),
    act=("DNS administrator", "PKI team"),
    sources=("notes-edge", "ms-dns", "schertz-cu7"),
    explains=("phone-strict-dns-refuses",),
)
def dns_srv_target_domain_mismatch(inquiry: Inquiry) -> Iterator[Judgement]:
    """The SRV record for sign-in names a server outside the SIP domain, and the client does not simply go there.

    Evidence: an SRV answer whose target is in another domain; a phone that stops there, or a client that waits more
    than 5 s before it connects.

    Not this: Windows clients that trust the domain and connect at once; clients that signed in by Autodiscover and
    never use the record. Inconclusive: a capture that ends early, or is of one direction.
    """
    for search in inquiry.client_searches:
        for question in search.questions:
            targets = [one for one in question.records if one.record_type == "SRV"]
            if question.record_type != SRV or question.reply is not Reply.FOUND or of_cloud(inquiry, [question]):
                continue
            if any(within(str(one.value), search.domain) for one in targets):
                yield Clear(search.device)
            else:
                yield _mismatch(inquiry, search, question, str(targets[0].value).rstrip("."))


def _mismatch(inquiry: Inquiry, search: Search, question: Question, target: str) -> Judgement:
    reached = signs_in(inquiry, search.addresses, search.first_time, search.capture)
    told = inquiry.case.names.addresses_of(target)
    if reached and reached[1].server not in told:
        return Clear(search.device)
    answered = question.best.response_time
    opening = inquiry.case.flows.loc[reached[0]] if reached else None
    device = inquiry.device(search.device)
    proof = [shown(question, f"the record leads to {target}")]
    rejected: tuple[tuple[str, str], ...] = ()
    if opening is not None:
        waited = int(opening["first_time"]) - answered
        if waited <= PROMPT_NS:
            return Clear(search.device)
        effect = f"It connects {waited / 1e9:.1f} s later: Windows clients ask their user first."
        proof.append(Proof(search.capture, (int(opening["first_frame"]),), "it connects late"))
    else:
        if device is None or not device.is_phone:
            return Doubt(
                search.device, "it does not connect, and nothing shows that it is a phone that refuses such names"
            )
        tried = next((one for one in inquiry.case.attempts_of(*search.addresses) if one.server in told), None)
        if tried and not tried.established:
            return Doubt(search.device, f"{tried.server} cannot be reached, whatever its name is")
        doubt = unheard(inquiry, search.capture, search.addresses[0], answered, answered)
        if doubt:
            return Doubt(search.device, doubt)
        if tried:
            rejected = (("host-unreachable", f"{tried.server} accepts the connection on TCP port {tried.port}"),)
        effect = "It never signs in there: Lync Phone Edition refuses servers outside the SIP domain."
    return found(
        question,
        f"{inquiry.word(search.device)} is told by {question.name} to sign in at {target}, which is not in "
        f"{search.domain}.",
        f"The names of the record and of its target have to share the SIP domain. {effect}",
        Confidence.LIKELY,
        *proof,
        rejected=rejected,
    )


@rule(
    title="The SRV record names a port where nothing listens",
    severity=Severity.MAJOR,
    stage=Stage.NAMES,
    causes=("The port was mistyped in the record.", "The port was changed in the topology, and not in DNS."),
    fix=("Correct the port in the SRV record.",),
    act=("DNS administrator",),
    sources=("notes-poster", "ms-dns-edge"),
)
def dns_srv_wrong_port(inquiry: Inquiry) -> Iterator[Judgement]:
    """The SRV record names a port that is not the service's own, and the connection to it fails.

    Evidence: an SRV answer with another port than 5061 (inside, federation), 443 (outside) or 5269 (XMPP); a
    connection to that port of its target that is refused, or not answered.

    Not this: port 5061 for clients outside, at an Edge with a single address; a port that works; a port that the
    topology file names. Inconclusive: nobody tries the port; a capture that cannot prove silence.
    """
    for question, records in _services(inquiry):
        odd = [one for one in records if one.port not in _usual_ports(question.name)]
        if not odd:
            yield Clear(question.device)
        for record in odd:
            yield _wrong_port(inquiry, question, record)


def _usual_ports(name: str) -> set[int]:
    return {row.port for row in reference.name_rows(name) if row.port} | {SHARED_EDGE}


def _wrong_port(inquiry: Inquiry, question: Question, record: Any) -> Judgement:
    target, port = str(record.value).lower().rstrip("."), int(record.port)
    told, case = inquiry.case.names.addresses_of(target), inquiry.case
    if any(one.port == port and one.established for address in told for one in case.attempts_at(address)):
        return Clear(question.device)
    if case.roles.told and any(case.roles.told.services_at(address, port, "tcp") for address in told):
        return Clear(question.device)
    tried = [
        one
        for one in attempts_of(inquiry, question.device)
        if one.server in told and one.port == port and one.ending in FAILED
    ]
    usual = " or ".join(str(one) for one in sorted(_usual_ports(question.name)))
    if not tried:
        return Doubt(question.device, f"{question.name} names port {port} instead of {usual}, but nobody tries it")
    attempt = tried[0]
    doubt = silence_doubt(inquiry, attempt)
    if doubt:
        return Doubt(question.device, doubt)
    refused = attempt.ending is not Ending.UNANSWERED
    return found(
        question,
        f"{inquiry.word(question.device)} is sent by {question.name} to TCP port {port} of {target} "
        f"({attempt.server}), which {'refuses' if refused else 'does not answer'}.",
        f"The service is usually at port {usual}. The record, not the client, chooses the port.",
        Confidence.CERTAIN if refused else Confidence.LIKELY,
        shown(question, f"the record names port {port}"),
        Proof(attempt.capture, attempt.failed_frames[:SHOWN], "the connections that fail"),
        peer=attempt.server,
        port=port,
        transport="tcp",
        service="sip",
        rejected=(("tcp-filtered-silent", f"{attempt.server} refuses TCP port {port}, it is not silent"),)
        if attempt.ending is Ending.REFUSED
        else (),
    )


@rule(
    title="The SRV record leads to a name that has no address",
    severity=Severity.MAJOR,
    stage=Stage.NAMES,
    causes=("The host record is missing in the zone of the target.",),
    fix=("Make the host record of the name that the SRV record leads to.",),
    act=("DNS administrator",),
    sources=("ms-dns-fed", "rfc2782"),
)
def dns_srv_target_unresolvable(inquiry: Inquiry) -> Iterator[Judgement]:
    """The SRV record exists, and the name it leads to does not.

    Evidence: an SRV answer; the same device asks for the address of its target and is told that there is none.

    Not this: an answer that brought the address along; another target of the record, or another DNS server, that
    has an address; an address of the other kind (IPv6). Inconclusive: the answer about the target did not come, or
    only in part.
    """
    for question, records in _services(inquiry):
        targets = dict.fromkeys(str(one.value).lower().rstrip(".") for one in records)
        asked = [one for name in targets for one in inquiry.case.searches.for_name(name, question.device)]
        replies = {name: reply_to(inquiry.case.searches.for_name(name, question.device)) for name in targets}
        if any(inquiry.case.names.addresses_of(name) for name in targets) or not asked:
            yield Clear(question.device)
        elif any(one in (Reply.PARTIAL, Reply.SILENT, Reply.FAILED) for one in replies.values()):
            yield Doubt(question.device, "the answer about the record's target did not come, or not whole")
        elif Reply.EMPTY in replies.values():
            missing = next(one for one in asked if one.reply is Reply.EMPTY)
            yield found(
                question,
                f"{inquiry.word(question.device)} is sent by {question.name} to {missing.name}, which "
                f"{answer_words(missing)}.",
                "The record for the service is there, and the host record it needs is not.",
                Confidence.CERTAIN,
                shown(question, f"the record leads to {missing.name}"),
                shown(missing, f"{missing.name} {answer_words(missing)}"),
                peer=missing.best.server,
                rejected=_exists(question, missing),
            )


def _exists(question: Question, target: Question) -> tuple[tuple[str, str], ...]:
    """The rule that tells of the record where it does not exist, and that it does."""
    because = f"{question.name} exists and leads to {target.name}"
    return tuple((name, because) for start, name in MISSING.items() if question.name.startswith(start))
