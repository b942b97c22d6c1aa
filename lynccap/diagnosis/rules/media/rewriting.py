"""Clear SIP that is altered on its way (catalogue group 6)."""

from collections.abc import Iterator

from lynccap.correlation.points.rewriting import Rewritten, compare_messages
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement, Proof
from lynccap.diagnosis.subjects import subject_of
from lynccap.document import Confidence, Reading, Severity


@rule(
    title="A firewall's SIP helper alters clear SIP",
    severity=Severity.MINOR,
    stage=Stage.SIGN_IN,
    causes=("A SIP helper (application layer gateway) is on.",),
    fix=("Switch the SIP helper of the firewall off.",),
    act=("firewall team",),
    sources=("rfc3261",),
    explains=("ice-message-integrity-failed", "media-one-way", "one-way-udp-path", "ice-all-checks-failed"),
)
def sip_alg_rewrites(inquiry: Inquiry) -> Iterator[Judgement]:
    """The same SIP message has another Contact, media address or media port behind a firewall than before it.

    Evidence: one message (Call-ID, CSeq, tags and topmost Via branch) at two capture points, with a different Contact
    or session description. Certain: both are compared.

    Not this: a session border controller or proxy, which sends messages of its own; SIP over TLS, which nothing on the
    way can alter. Inconclusive when one of the captures does not hold the whole message.
    """
    if inquiry.vantage is None:
        return
    told: set[tuple[str, str]] = set()
    for one in compare_messages(inquiry.vantage):
        subject = subject_of(inquiry, one.here.flow, bool(one.here.from_client))
        ends = (subject.device, subject.peer)
        if one.cut:
            yield Doubt(subject.device, "one of the captures does not hold the whole message")
        elif not one.changes:
            yield Clear(subject.device)
        elif ends not in told:
            told.add(ends)
            yield _altered(inquiry, one)


def _altered(inquiry: Inquiry, one: Rewritten) -> Judgement:
    assert inquiry.vantage is not None
    subject = subject_of(inquiry, one.here.flow, bool(one.here.from_client))
    other = str(inquiry.vantage.cases[one.place].tables.captures["name"].iloc[0])
    what = "; ".join(f"{name} {here} here, {there} in {other}" for name, here, there in one.changes)
    message = f"{one.here.method} request" if one.here.kind == "request" else f"answer {one.here.status}"
    return subject.found(
        f"The SIP that {inquiry.word(subject.device)} sends to {subject.peer} is altered on its way: "
        f"{', '.join(name for name, _, _ in one.changes)}.",
        f"The same {message} at both capture points: {what}.",
        Confidence.CERTAIN,
        subject.shows("the message at this point", int(one.here.frame)),
        Proof(0, (int(one.there.frame),), f"the same message in {other}", one.place),
        time=int(one.here.time),
        service="sip",
        reading=Reading.CLEAR,
    )
