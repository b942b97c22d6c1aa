"""SIP connections on which nobody speaks until something in between forgets them (catalogue group 5)."""

from collections.abc import Iterator, Sequence
from typing import Any

from lynccap.correlation.closings.claims import Closing
from lynccap.correlation.closings.kinds import EndedBy, How
from lynccap.correlation.closings.words import pause_words
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.cuts import because, by_subject, cut, first_time, may_have_slept, proof_of, unknown_sender
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement
from lynccap.document import Confidence, Reading, Severity

SILENT_NS = 300_000_000_000  # catalogue, sip-keepalive-missing: the interval that Lync's servers ask for


@rule(
    title="Nothing keeps the SIP connection alive, and it is cut",
    severity=Severity.MINOR,
    stage=Stage.SIGN_IN,
    causes=("The agreement on keep-alives was lost: a box in between changed or removed the header ms-keep-alive.",),
    fix=(
        "With a key log, look at ms-keep-alive in the REGISTER and its answer.",
        "Raise the idle timeout for TCP connections on the box in between.",
    ),
    act=("Lync administrator", "network/firewall team"),
    sources=("ms-hlb", "ms-sipregistration"),
    explains=("rst-midstream-idle",),
)
def sip_keepalive_missing(inquiry: Inquiry) -> Iterator[Judgement]:
    """A client's SIP connection carries no packet at all for more than 5 min, and is then cut by a box in between.

    Evidence: a SIP connection that worked; silence of 5 min or more; a reset that neither end sent. Where SIP can be
    read, what the server had asked for.

    Not this: keep-alives, however small, for they are packets; a shorter pause; a reset of the server itself; a device
    that slept. Inconclusive: nothing shows who sent the reset, or whether the device was awake.
    """
    cuts = [one for one in cut(inquiry, How.RESET_AFTER_IDLE) if _is_sign_in(inquiry, one)]
    boxes = [one for one in cuts if one.ended_by.is_box]
    for ones in by_subject(cuts):
        mine = [one for one in ones if one.pause >= SILENT_NS]
        if any(one.ended_by.is_box for one in mine):
            yield _judged(inquiry, [one for one in mine if one.ended_by.is_box], boxes)
        elif any(one.ended_by is EndedBy.UNKNOWN for one in mine):
            yield unknown_sender(inquiry, mine[-1])
        else:
            yield Clear(ones[0].client)


def _is_sign_in(inquiry: Inquiry, one: Closing) -> bool:
    return inquiry.case.roles.is_sip(one.server, one.port) and inquiry.is_client(one.client)


def _judged(inquiry: Inquiry, mine: Sequence[Closing], boxes: Sequence[Closing]) -> Judgement:
    one = mine[0]
    if doubt := may_have_slept(inquiry, one, boxes):
        return Doubt(one.client, doubt)
    return _cut(inquiry, mine)


def _cut(inquiry: Inquiry, mine: Sequence[Closing]) -> Found:
    one = mine[0]
    subject, proof = proof_of(inquiry, mine)
    agreed = _agreed(inquiry, one.flow)
    return subject.found(
        f"{inquiry.word(one.client)} and {inquiry.server(one.server, one.port)} sent nothing on their SIP connection "
        f"for {pause_words(one.pause)}, until a box in between cut it.",
        "The device should send a keep-alive every few minutes, four bytes that count as traffic. There was none. "
        f"{_asked(agreed)} Neither end sent the reset: {because(one)}.",
        Confidence.LIKELY,
        proof,
        *([subject.shows("the answer to the sign-in", int(agreed.frame))] if agreed is not None else []),
        time=min(first_time(inquiry, one), int(agreed.time) if agreed is not None else one.when),
        flows=tuple(each.flow for each in mine),
        reading=inquiry.reading(one.flow) if agreed is not None else Reading.PATTERN,
        rejected=(("lb-idle-timeout-short", f"the reset is not the server's own: {because(one)}"),),
    )


def _agreed(inquiry: Inquiry, flow: int) -> Any | None:
    """The row of the answer that let the user in on this connection, where it can be read."""
    mine = [one.answer for one in inquiry.case.dialogs.registrations if one.flow == flow and one.status == 200]
    return mine[-1] if mine else None


def _asked(row: Any | None) -> str:
    if row is None:
        return "What was agreed is encrypted."
    if row.keep_alive_timeout is not None:
        return f"The server had asked for one within {int(row.keep_alive_timeout)} s (ms-keep-alive)."
    return "The server's answer to the sign-in asks for none (no ms-keep-alive)."
