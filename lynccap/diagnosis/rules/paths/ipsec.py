"""IPsec that stands in front of media (catalogue group 1)."""

from collections.abc import Iterator
from typing import Any

from lynccap.correlation.media.calls.records import Call, Leg
from lynccap.correlation.rows import rows_of
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement
from lynccap.diagnosis.subjects import subject_of
from lynccap.document import Confidence, Severity
from lynccap.tables import SECOND

IKE_PORTS = (500, 4500)
NO_PORT = 0
ENCRYPTED = ("ip-50", "ip-51")
BEFORE_NS = 10 * SECOND  # policy is negotiated at the first packet; three tries in clear mode take 3 s
DELAY_S = 1.0
Pair = tuple[int, frozenset[str]]
_COLUMNS = ["capture", "transport", "client", "server", "server_port", "first_frame", "last_frame", "first_time"]


@rule(
    title="IPsec is negotiated before media can flow",
    severity=Severity.MINOR,
    stage=Stage.MEDIA,
    causes=("A domain isolation policy (IPsec) has no exemption for media.",),
    fix=("Exempt the media ports of Edge, Mediation and conferencing servers and of clients from the IPsec policy.",),
    act=("network team", "endpoint policy owner"),
    sources=("notes-sec2", "ms-ipsec"),
    explains=("media-start-late",),
)
def ipsec_delays_media(inquiry: Inquiry) -> Iterator[Judgement]:
    """The two ends of a call negotiate IPsec with each other, and their media begins late.

    Evidence: IKE (UDP 500 or 4500) between the two media addresses themselves, just before their first media; the
    first media comes more than 1 s after the first check or after the call was accepted.

    Not this: VPN clients, which negotiate with a concentrator and not with the media's other end; media that begins in
    time. Inconclusive when the capture begins during the call, or media is encrypted altogether (ESP).
    """
    negotiated, encrypted = _read(inquiry)
    if not negotiated and not encrypted:
        return
    for call in inquiry.case.calls.calls:
        for leg in call.legs:
            if leg.basis:
                yield from _of_leg(inquiry, call, leg, negotiated, encrypted)


def _read(inquiry: Inquiry) -> tuple[dict[Pair, list[Any]], dict[Pair, list[Any]]]:
    """Negotiations, and what was encrypted, by the two hosts."""
    flows = inquiry.case.flows
    negotiated: dict[Pair, list[Any]] = {}
    encrypted: dict[Pair, list[Any]] = {}
    for row in rows_of(flows.loc[flows["server_port"].isin((NO_PORT, *IKE_PORTS)), _COLUMNS], _COLUMNS):
        pair = (row.capture, frozenset((row.client, row.server)))
        if row.transport == "udp" and row.server_port != NO_PORT:
            negotiated.setdefault(pair, []).append(row)
        elif row.transport in ENCRYPTED:
            encrypted.setdefault(pair, []).append(row)
    return negotiated, encrypted


def _of_leg(
    inquiry: Inquiry, call: Call, leg: Leg, negotiated: dict[Pair, list[Any]], encrypted: dict[Pair, list[Any]]
) -> Iterator[Judgement]:
    pairs = {(leg.capture, frozenset(one.address for one in leg.parties))}
    flows = inquiry.case.flows
    pairs |= {(leg.capture, frozenset((flows.at[one, "client"], flows.at[one, "server"]))) for one in leg.flows}
    device = leg.parties[0].address
    delay = min((one for one in call.delays(leg) if one is not None), default=None)
    for pair in sorted(pairs, key=sorted_pair):
        if pair in negotiated:
            yield _judged(inquiry, call, leg, negotiated[pair], delay)
            return
        if pair in encrypted and delay is None:
            yield Doubt(
                device, "the two ends of the call send each other ESP: their media is encrypted and not visible"
            )
            return


def sorted_pair(pair: Pair) -> tuple[int, list[str]]:
    """Orders pairs of addresses."""
    return pair[0], sorted(pair[1])


def _judged(inquiry: Inquiry, call: Call, leg: Leg, negotiations: list[Any], delay: float | None) -> Judgement:
    first = negotiations[0]
    device = str(first.client)
    if delay is None:
        late = inquiry.gates.started_late(leg.capture, leg.begun)
        return Doubt(device, late or "the capture does not show how long media was waited for")
    since = call.answered_time or leg.check_time
    between = [one for one in negotiations if since - BEFORE_NS <= one.first_time <= leg.first_time]
    if delay <= DELAY_S or not between:
        return Clear(device)
    return _found(inquiry, call, leg, between, delay)


def _found(inquiry: Inquiry, call: Call, leg: Leg, between: list[Any], delay: float) -> Found:
    subject = subject_of(inquiry, between[0].Index)
    since = "the call was accepted" if call.answered_time else "the first check"
    heard = [one.frames[0] for one in inquiry.case.media if one.flow in leg.flows]
    frames = [frame for one in between for frame in (one.first_frame, one.last_frame)]
    return subject.found(
        f"{inquiry.word(subject.device)} negotiates IPsec with {subject.peer}; their media begins {delay:.1f} s late.",
        f"IKE between the two media addresses comes before their first media, {delay:.1f} s after {since}.",
        Confidence.LIKELY,
        subject.shows("IKE between the two ends of the call (first and last)", *frames),
        subject.shows(f"the first media, {delay:.1f} s after {since}", min(heard)),
        service="rtp",
    )
