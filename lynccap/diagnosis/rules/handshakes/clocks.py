"""Devices whose own clock is outside a certificate's dates (catalogue group 4)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Doubt, Found, Judgement, Proof
from lynccap.diagnosis.rules.handshakes.objections import BAD, EXPIRED, UNKNOWN, Objection, objections, served
from lynccap.diagnosis.subjects import day
from lynccap.document import Confidence, Severity
from lynccap.tables import SECOND

STEADY_NS = 2 * SECOND  # two questions of one clock tell the same offset; random stamps do not (RFC 8915 7)
UNSET = "Alert 45 alone does not prove it: the device may object to something else"


@dataclass(frozen=True, slots=True)
class _Clock:
    """What the capture shows of a device's clock."""

    says: str
    frames: tuple[int, ...]
    outside: bool
    """The time it shows is outside the certificate's dates; else it only could not set its clock."""


@rule(
    title="The device's clock is outside the certificate's dates",
    severity=Severity.MAJOR,
    stage=Stage.TRUST,
    causes=("The phone gets no time: no time server answers it.", "The clock of a machine runs wrong or was reset."),
    fix=("Give the device a time server: DHCP option 42, or the DNS record _ntp._udp of the SIP domain.",),
    act=("endpoint team", "network team"),
    sources=("ms2010-ntp", "sfb-dns"),
    explains=("federation-tls-failed", "mras-tls-failed"),
)
def cert_not_yet_valid_or_clock_skew(inquiry: Inquiry) -> Iterator[Judgement]:
    """A device refuses a certificate for its dates although it is valid: the device's own clock is wrong.

    Evidence: alert 45 (or 42, 46 with a clock that is shown to be wrong) for a certificate that is in force at that
    time; the device's questions for the time go unanswered, or carry a time outside the certificate's dates. A
    certificate that begins only later is found where time servers confirm the recorder's clock.

    Not this: a certificate, or one of its issuers, that has ended; the time in a TLS hello, which is random now.
    """
    yield from served(inquiry)
    for one in objections(inquiry, (EXPIRED, BAD, UNKNOWN)):
        if one.time < one.shown.leaf.not_before:
            yield _too_early(inquiry, one)
        elif all(each.not_before <= one.time <= each.not_after for each in one.shown.chain):
            yield from _skewed(inquiry, one)


def _too_early(inquiry: Inquiry, one: Objection) -> Judgement:
    begins = day(one.shown.leaf.not_before)
    error = inquiry.gates.clock_error(one.listener.capture)
    if error is None or inquiry.gates.clock_wrong(one.listener.capture):
        return Doubt(one.client, f"the certificate begins on {begins}, or the recorder's clock is wrong")
    why = "Time servers agree with the recorder's clock: the certificate is used before its time."
    causes = ("The certification authority's clock is ahead.", "The certificate was put to use too early.")
    return one.found(inquiry, f"it begins only on {begins}", why, Confidence.LIKELY, causes=causes, act=("PKI team",))


def _skewed(inquiry: Inquiry, one: Objection) -> Iterator[Judgement]:
    wrong = inquiry.gates.clock_wrong(one.listener.capture)
    if wrong:
        yield Doubt(one.client, wrong)
        return
    clock = _clock_of(inquiry, one)
    if clock or one.code == EXPIRED:
        yield _found(inquiry, one, clock)


def _found(inquiry: Inquiry, one: Objection, clock: _Clock | None) -> Found:
    leaf = one.shown.leaf
    dates = f"It is valid from {day(leaf.not_before)} to {day(leaf.not_after)}, so the device's clock may be wrong."
    rejected = (("cert-expired", f"the certificate ends on {day(leaf.not_after)} only"),)
    what = "it is valid, by the recorder's clock"
    if clock is None:
        return one.found(inquiry, what, f"{dates} {UNSET}.", Confidence.POSSIBLE, rejected=rejected)
    sure = clock.outside or one.code == EXPIRED
    confidence = Confidence.CERTAIN if sure else Confidence.POSSIBLE
    proof = Proof(one.listener.capture, clock.frames, clock.says)
    return one.found(inquiry, what, f"{dates} {clock.says}.", confidence, proof, rejected=rejected)


def _clock_of(inquiry: Inquiry, one: Objection) -> _Clock | None:
    device = inquiry.device(one.client)
    rows = inquiry.case.messages_of("ntp", *(device.addresses if device else (one.client,)))
    asked = [row for row in rows if row.kind == "client" and row.from_client]
    if not asked:
        return None
    return _own_time(one, asked) or _unanswered(inquiry, one, asked)


def _own_time(one: Objection, asked: list[Any]) -> _Clock | None:
    """The time the device's own questions carry, where two of them agree."""
    offsets = [row.transmit_time - row.time for row in asked if row.transmit_time]
    if len(offsets) < 2 or max(offsets) - min(offsets) > STEADY_NS:
        return None
    own = one.time + offsets[0]
    if one.shown.leaf.not_before <= own <= one.shown.leaf.not_after:
        return None
    return _Clock(f"Its questions for the time carry {day(own)}", tuple(row.frame for row in asked[:2]), True)


def _unanswered(inquiry: Inquiry, one: Objection, asked: list[Any]) -> _Clock | None:
    """Questions for the time that nobody answers."""
    flows = inquiry.case.flows
    first, last = asked[0], asked[-1]
    if any(flows.at[row.flow, "frames_server"] for row in asked):
        return None
    if inquiry.gates.absence(one.listener.capture, one.client, first.time, last.time, len(asked)):
        return None
    servers = ", ".join(sorted({flows.at[row.flow, "server"] for row in asked}))
    return _Clock(f"Its questions for the time get no answer from {servers}", (first.frame, last.frame), False)
