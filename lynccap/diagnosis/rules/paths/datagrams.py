"""Datagrams to a media relay that come back as ICMP errors: of the host, or of a router on the way."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lynccap.correlation.attempts import PORT_CODES
from lynccap.correlation.media.allocations import Allocation, AllocationStepKind
from lynccap.correlation.media.relays import TURN_UDP_PORT
from lynccap.correlation.rows import rows_of
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement
from lynccap.diagnosis.reports import codes_words
from lynccap.diagnosis.subjects import Subject, subject_of
from lynccap.document import Confidence, Severity

Codes = Mapping[int, Collection[tuple[int, int]]]
HITS = 2  # catalogue, icmp-port-unreachable-udp: Allocate requests that were rejected
LATE_NS = 5_000_000_000  # who hangs up stops sending sooner than this
MEDIA_HITS = 3


@dataclass(frozen=True, slots=True)
class Bounced:
    """Datagrams of a client that came back as ICMP errors of one kind."""

    subject: Subject
    errors: tuple[Any, ...]
    """Rows of the ICMP table, in order."""
    first_frame: int
    sent: int
    """Packets the client sent in all."""
    answered: bool

    @property
    def reporters(self) -> tuple[str, ...]:
        """Who sent the errors."""
        return tuple(dict.fromkeys(one.reporter for one in self.errors))

    @property
    def says(self) -> str:
        """What came back, without a full stop."""
        first = self.errors[0]
        meant = codes_words(first.version, ((one.type, one.code) for one in self.errors))
        return f"{', '.join(self.reporters)} answers its datagrams with {meant}"

    def found(self, says: str, confidence: Confidence, **more: Any) -> Found:
        """A finding with the first datagram and the errors as its proof."""
        frames = (self.first_frame, *(one.frame for one in self.errors))
        proof = self.subject.shows("the first datagram and the ICMP messages that quote them", *frames)
        return self.subject.found(says, f"{self.says}.", confidence, proof, **more)


def bounced(inquiry: Inquiry, codes: Codes) -> Iterator[Bounced]:
    """By flow the client's datagrams that came back as errors of these types and codes."""
    table = inquiry.case.tables.icmp
    if table.empty:
        return
    table = table[(table["flow"] >= 0) & (table["quoted_transport"] == "udp") & table["from_client"]]
    errors: dict[int, list[Any]] = {}
    for row in rows_of(table, ("flow", "frame", "time", "version", "type", "code", "reporter")):
        if (row.type, row.code) in codes.get(row.version, ()):
            errors.setdefault(row.flow, []).append(row)
    for flow, ones in sorted(errors.items()):
        facts = inquiry.case.flows.loc[flow]
        yield Bounced(
            subject_of(inquiry, flow),
            tuple(ones),
            int(facts["first_frame_client"]),
            int(facts["frames_client"]),
            bool(facts["frames_server"]),
        )


def bounced_from_relay(inquiry: Inquiry, codes: Codes) -> Iterator[Bounced]:
    """Those to a media relay that never answered, of devices that have no other way for their media."""
    for one in bounced(inquiry, codes):
        subject = one.subject
        known = subject.port == TURN_UDP_PORT and inquiry.case.roles.is_lync(subject.peer)
        if (
            (known or _asked(inquiry, subject))
            and not one.answered
            and not _has_relay_or_media(inquiry, subject.device)
        ):
            yield one


def _has_relay_or_media(inquiry: Inquiry, device: str) -> bool:
    """Another path of the device works: what was forbidden was one of many that ICE tries."""
    allocated = any(one.success_frames for one in inquiry.case.relays.allocations_of(device))
    return allocated or any(one.sustained and device in one.devices for one in inquiry.case.media)


@rule(
    title="A media port is closed: the host rejects the datagrams",
    severity=Severity.MAJOR,
    stage=Stage.RELAY,
    causes=(
        "The A/V Edge service is stopped.",
        "The in-band settings give clients an address on which the relay does not listen.",
        "The program that receives the media closed its port too early.",
    ),
    fix=("Start the A/V Edge service.", "Check on which address and port it listens."),
    act=("service owner of the server",),
    sources=("ms-edge-nat", "rfc792"),
    explains=("media-tcp443-fallback", "media-via-external-edge-from-inside"),
)
def icmp_port_unreachable_udp(inquiry: Inquiry) -> Iterator[Judgement]:
    """A host says by ICMP "port unreachable" that nothing listens where a device sends UDP: the relay's port or media.

    Evidence: Allocate requests to UDP 3478 of a relay and, for two or more of them, ICMP type 3 code 3 from that very
    address; no answer of the relay before. Of media: errors that quote it for 5 s and more, while it goes on.

    Not this: media that arrives after the other side hung up; connectivity checks to candidates that are closed; a box
    in between that rejects, which has another address.
    """
    for one in bounced(inquiry, PORT_CODES):
        asked = _asked(inquiry, one.subject)
        if asked is not None:
            yield _of_relay(inquiry, one, asked)
        elif not one.answered or one.subject.flow in _media_flows(inquiry):
            yield from _of_media(inquiry, one)
    for held in inquiry.case.relays.allocations:
        if held.transport == "udp" and held.success_frames:
            yield Clear(held.client)


def _asked(inquiry: Inquiry, subject: Subject) -> Allocation | None:
    """The request for a relay that a flow carries: in Microsoft's dialect, which only Lync's clients speak."""
    mine = inquiry.case.relays.allocations_of(subject.device)
    return next((one for one in mine if one.flow == subject.flow), None)


def _of_relay(inquiry: Inquiry, one: Bounced, asked: Allocation) -> Judgement:
    subject = one.subject
    if asked.answered:
        return Clear(subject.device)
    if one.reporters != (subject.peer,):
        return Doubt(subject.device, f"{', '.join(one.reporters)} rejects the datagrams and not {subject.peer} itself")
    if min(len(one.errors), len(asked.request_frames)) < HITS:
        return Doubt(subject.device, f"only one request to {subject.peer} UDP port {subject.port} was rejected")
    if asked.steps[0].kind is not AllocationStepKind.REQUEST:
        because = f"the capture begins amid the requests to {subject.peer}: whether it answered before is not in it"
        return Doubt(subject.device, because)
    says = (
        f"{inquiry.word(subject.device)} gets no media relay from {inquiry.server(subject.peer, subject.port)}: "
        f"nothing listens on UDP port {subject.port}."
    )
    times = len(one.errors)
    because = f"the {times} ICMP messages come from {subject.peer} itself and say that the port is closed"
    return one.found(says, Confidence.CERTAIN, rejected=(("icmp-admin-prohibited", because),))


def _media_flows(inquiry: Inquiry) -> frozenset[int]:
    return frozenset(one.flow for one in inquiry.case.media if one.basis and one.transport == "udp")


def _of_media(inquiry: Inquiry, one: Bounced) -> Iterator[Judgement]:
    """Media of Lync's that the other side's host rejects, while its sender believes the call to go on."""
    subject = one.subject
    media = next((media for media in inquiry.case.media if media.flow == subject.flow and media.basis), None)
    if media is None or one.reporters != (subject.peer,):
        return
    first, last = one.errors[0].time, one.errors[-1].time
    ended = _hung_up(inquiry, subject.flow)
    if (ended and ended <= last) or last - first < LATE_NS or len(one.errors) < MEDIA_HITS:
        yield Clear(subject.device)
        return
    says = (
        f"{inquiry.word(subject.device)} sends media to {subject.peer} UDP port {subject.port}, "
        "which is closed while the call goes on."
    )
    yield one.found(says, Confidence.LIKELY, time=first, causes=icmp_port_unreachable_udp.causes[::-1])


def _hung_up(inquiry: Inquiry, flow: int) -> int:
    """When the call of a media flow was ended by signalling, 0 when that is not readable."""
    for call in inquiry.case.calls.calls:
        if call.dialog and call.dialog.closing and any(flow in leg.flows for leg in call.legs):
            return int(call.dialog.closing.time)
    return 0
