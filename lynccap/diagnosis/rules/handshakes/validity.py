"""Certificates and their dates: run out, still served after renewal, or judged by a wrong clock (group 4)."""

from collections.abc import Iterator

from lynccap.correlation.tls.presented import Presented
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Doubt, Judgement, Proof
from lynccap.diagnosis.rules.handshakes.objections import (
    BAD,
    CLOSED,
    EXPIRED,
    UNKNOWN,
    Objection,
    objections,
    served,
    servers_lists,
)
from lynccap.diagnosis.subjects import day
from lynccap.document import Confidence, Severity

OVER_DATES = (EXPIRED, BAD, UNKNOWN, CLOSED)


@rule(
    title="The server's certificate has run out",
    severity=Severity.CRITICAL,
    stage=Stage.TRUST,
    causes=(
        "The certificate was not renewed in time.",
        "It was renewed, but not assigned, or the service was not restarted.",
    ),
    fix=(
        "Renew the certificate, assign it to every service that uses it, and restart them.",
        "Check the certificate for relay tokens (A/V Authentication) as well.",
    ),
    act=("PKI team", "Lync administrator"),
    sources=("notes-edge", "ms-edge-changes"),
    explains=(
        "autodiscover-443-fails-80-works",
        "federation-tls-failed",
        "mras-tls-failed",
    ),
)
def cert_expired(inquiry: Inquiry) -> Iterator[Judgement]:
    """A Lync server shows a certificate whose end date has passed, and clients leave over it.

    Evidence: the leaf's end date lies before the time of the packet that shows it; the client ends the handshake
    with alert 45, 46 or 42, or closes right after the certificate.

    Not this: a recorder's clock that is wrong, by time servers or because everybody accepts the certificate; a
    resumed session, which shows none.
    """
    yield from served(inquiry)
    for one in _overdue(inquiry):
        wrong = inquiry.gates.clock_wrong(one.listener.capture)
        if wrong:
            yield Doubt(one.client, wrong)
            continue
        told = inquiry.gates.clock_error(one.listener.capture) is not None
        confidence = Confidence.CERTAIN if one.code == EXPIRED or told else Confidence.LIKELY
        leaf = one.shown.leaf
        why = f"The certificate of {leaf.common_name or leaf.subject} ended on {day(leaf.not_after)}."
        agrees = "Time servers agree with the recorder's clock." if told else "The recorder's clock is not confirmed."
        skew = ("cert-not-yet-valid-or-clock-skew", "time servers agree with the recorder's clock")
        what, rejected = f"it ended on {day(leaf.not_after)}", (skew,) if told else ()
        yield one.found(inquiry, what, f"{why} {agrees}", confidence, rejected=rejected)
    yield from _accepted_all_the_same(inquiry)


def _overdue(inquiry: Inquiry) -> Iterator[Objection]:
    """Objections to leaves that had ended, by the recorder's clock."""
    return (one for one in objections(inquiry, OVER_DATES) if one.shown.leaf.not_after < one.time)


def _accepted_all_the_same(inquiry: Inquiry) -> Iterator[Doubt]:
    objected = {(one.shown.holder, one.shown.port) for one in _overdue(inquiry)}
    for shown in servers_lists(inquiry):
        late = [one for one in shown.showings if one.time > shown.leaf.not_after]
        if late and (shown.holder, shown.port) not in objected:
            ended = f"by the recorder's clock its certificate ended on {day(shown.leaf.not_after)}"
            yield Doubt(shown.holder, f"{ended}, but no client leaves over it: the clock may be wrong")


@rule(
    title="One listener still shows the old certificate",
    severity=Severity.MAJOR,
    stage=Stage.TRUST,
    causes=(
        "The binding of the reverse proxy or of the web server was not changed to the new certificate.",
        "The server was not restarted after the change.",
    ),
    fix=("Assign the new certificate to every role and listener.", "Restart servers after their certificate changed."),
    act=("Lync administrator", "reverse proxy team"),
    sources=("notes-edge",),
    explains=("cert-expired",),
)
def cert_old_still_served(inquiry: Inquiry) -> Iterator[Judgement]:
    """One role shows a certificate that has ended while another already shows its successor.

    Evidence: two leaves for one name with different serial numbers and end dates; the older one has ended, and
    clients leave over it; nobody leaves over the newer one.

    Not this: different certificates for each role that are both valid; a newer one that fails as well.
    """
    yield from served(inquiry)
    overdue = list(_overdue(inquiry))
    failing = {(one.shown.holder, one.shown.port) for one in overdue}
    for one in overdue:
        newer = _successor(inquiry, one)
        if newer is None or (newer.holder, newer.port) in failing:
            continue
        wrong = inquiry.gates.clock_wrong(one.listener.capture)
        if wrong:
            yield Doubt(one.client, wrong)
            continue
        old, new = one.shown.leaf, newer.leaf
        place = f"{inquiry.server(newer.holder, newer.port)} TCP port {newer.port}"
        why = (
            f"The old one (serial {old.serial}) ended on {day(old.not_after)}. {place} already shows a newer one "
            f"for the same name (serial {new.serial}, until {day(new.not_after)})."
        )
        shows = Proof(newer.capture, (newer.showings[0].frame,), f"the newer certificate at {place}")
        what = f"it is the old one, which ended on {day(old.not_after)}"
        yield one.found(inquiry, what, why, Confidence.CERTAIN, shows)


def _successor(inquiry: Inquiry, one: Objection) -> Presented | None:
    """A list that another listener showed at that time, for one of the same names, newer and in force."""
    old = one.shown
    for newer in servers_lists(inquiry):
        elsewhere = newer.capture == old.capture and (newer.holder, newer.port) != (old.holder, old.port)
        same = not set(newer.names).isdisjoint(old.names) and newer.leaf.serial != old.leaf.serial
        if elsewhere and same and newer.leaf.not_after > one.time and newer.leaf.not_before > old.leaf.not_before:
            return newer
    return None
