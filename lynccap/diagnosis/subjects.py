"""Whom a finding is about: a conversation with its ends and its service, and what a rule says of it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from lynccap.correlation.services import BY_PORT_OF_LYNC
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.meanings import Meaning
from lynccap.diagnosis.verdicts import Verdict
from lynccap.document import Confidence, Reading, rfc3339

FOR_ROOT_CHAIN = "Without the root certificates the phone trusts no Lync server."
_FACTS = ("capture", "client", "server", "server_port", "transport", "service", "first_time")


@dataclass(frozen=True, slots=True)
class Subject:
    """One conversation, seen from the device that a finding is filed under."""

    capture: int
    device: str
    peer: str
    port: int
    """The server's, whichever end the device is."""
    transport: str
    service: str
    time: int
    """Nanoseconds since 1970 of the first frame that matters."""
    flow: int
    others: tuple[int, ...] = ()
    """Further conversations of the same ends, where the finding is about several."""
    reading: Reading = Reading.PACKETS
    """From what the finding is read."""

    def found(self, says: str, why: str, confidence: Confidence, *proof: Proof, **more: Any) -> Found:
        """A finding on it; `more` are further fields of Found, `time` and `flows` among them where they differ."""
        usual: dict[str, Any] = {
            "device": self.device,
            "peer": self.peer,
            "port": self.port,
            "transport": self.transport,
            "service": self.service,
            "time": self.time,
            "flows": (self.flow, *self.others),
            "reading": self.reading,
        }
        return Found(says=says, why=why, confidence=confidence, proof=proof, **{**usual, **more})

    def shows(self, says: str, *frames: int) -> Proof:
        """Frames of its capture and what they show; 0 stands for a frame that is not there."""
        return Proof(self.capture, tuple(sorted({one for one in frames if one})), says)


def subject_of(inquiry: Inquiry, flow: int, of_client: bool = True) -> Subject:
    """A flow with its client, or its server, as the device."""
    capture, client, server, port, transport, service, time = inquiry.case.facts_of(flow, *_FACTS)
    device, peer = (client, server) if of_client else (server, client)
    return Subject(capture, device, peer, port, transport, service, time, int(flow))


def told_on(inquiry: Inquiry, flow: int, of_client: bool = True) -> Subject:
    """The same of a flow whose messages the finding rests on."""
    return replace(subject_of(inquiry, flow, of_client), reading=inquiry.reading(flow))


def day(time: int) -> str:
    """The date of a time, in UTC."""
    return (rfc3339(time, 0) or "")[:10]


def times_in_words(count: int) -> str:
    """How often."""
    return "once" if count == 1 else f"{count} times"


def judged(inquiry: Inquiry, name: str) -> Iterator[Verdict]:
    """The verdicts that belong to one rule."""
    return (one for one in inquiry.verdicts if one.rule == name)


def service_of(inquiry: Inquiry, verdict: Verdict) -> str:
    """The service an attempt was meant for."""
    if verdict.meaning is Meaning.ROOT_CHAIN:
        return "certprov"
    if verdict.meaning in (Meaning.CRL, Meaning.CLIENT_CRL):
        return "crl"
    named = str(inquiry.case.flows.at[verdict.attempt.flows[0], "service"])
    return named if named != "other" else BY_PORT_OF_LYNC.get(verdict.attempt.port, "other")


def found(
    inquiry: Inquiry,
    verdict: Verdict,
    says: str,
    why: str,
    confidence: Confidence | None = None,
    extra: tuple[Proof, ...] = (),
    causes: tuple[str, ...] = (),
    act: tuple[str, ...] = (),
    explains: tuple[str, ...] | None = None,
    fix: tuple[str, ...] = (),
) -> Judgement:
    """A verdict in a rule's words, or the doubt that forbids it; `extra` is proof beyond the attempt's own."""
    attempt = verdict.attempt
    if verdict.doubt:
        return Doubt(attempt.client, verdict.doubt)
    return Found(
        device=attempt.client,
        peer=attempt.server,
        port=attempt.port,
        transport="tcp",
        service=service_of(inquiry, verdict),
        says=says,
        why=why,
        confidence=confidence or verdict.confidence,
        proof=(*verdict.proof, *extra),
        time=attempt.first_time,
        causes=causes,
        act=act,
        explains=explains,
        fix=fix,
        rejected=verdict.rejected,
        flows=attempt.flows,
    )


def reached(inquiry: Inquiry) -> Iterator[Clear]:
    """Every device that reached a Lync server: the subjects on which a reachability rule is clear."""
    return map(Clear, inquiry.reached)
