"""Media that breaks off during a call, and ports that a NAT forgot (catalogue group 6)."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from lynccap.correlation.media.calls.records import Call, Flowing, Leg
from lynccap.correlation.media.paths import MediaSession
from lynccap.correlation.roles.sides import Location
from lynccap.correlation.rows import rows_of
from lynccap.correlation.sip.client_words import ClientWord, client_word
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement, Proof
from lynccap.diagnosis.rules.media.legs import legs, other_of, seen, subject_of_leg, with_gateway, word_of
from lynccap.diagnosis.subjects import subject_of
from lynccap.document import Confidence, Reading, Severity
from lynccap.tables import SECOND

BROKEN_OFF = range(32, 35)
"""Numbers of ms-client-diagnostics for media that broke off during a call ([MS-OCER] 2.2.1)."""
WENT_WELL_S = 5.0  # shorter is no call that went well first
AT_ONCE_NS = 2 * SECOND  # the end of media and the BYE of a call that is hung up lie this close together
LINGERS_NS = 10 * SECOND  # catalogue, media-path-lost-midcall: clients wait 10 s and more before they give up
ASKED, ASKED_NS = 3, 5 * SECOND
"""Requests on a dead path, and over how long, that are more than the last ones of a call that ended."""


@rule(
    title="Media broke off during the call",
    severity=Severity.MAJOR,
    stage=Stage.MEDIA,
    causes=(
        "The device changed its network (Wi-Fi roaming, VPN reconnected).",
        "A firewall forgot the pair of ports (UDP timeout).",
        "The relay address ran out and was not renewed.",
    ),
    fix=("Raise the UDP timeout of the firewall; see whether the VPN or Wi-Fi connection was made anew at that time.",),
    act=("network team",),
    sources=("ms-ocer",),
    explains=("media-one-way",),
)
def media_path_lost_midcall(inquiry: Inquiry) -> Iterator[Judgement]:
    """Media flows both ways for 5 s and more, then stops while the call goes on, until one side gives up.

    Evidence: media both ways, then silence; checks that nothing answers, or another INVITE; the call ends 10 s and
    more after the last media, or the client says that media broke off (ms-client-diagnostics 32 to 34). Certain where
    SIP is readable, likely where only unanswered checks show that the call went on.

    Not this: a user who hangs up, before or at once; hold; a device that has hung up and rejects what still comes;
    media that goes on in another way. Inconclusive when too few checks follow, the capture ends, or shows one
    direction only.
    """
    for call, leg in legs(inquiry):
        both = leg.forth.packets and leg.back.packets
        device = seen(leg)
        if not both or device is None or leg.flowing not in (Flowing.BOTH_WAYS, Flowing.ONE_WAY):
            continue
        stop = leg.silent_since or leg.last_time
        if (stop - leg.first_time) / SECOND < WENT_WELL_S or with_gateway(inquiry, leg):
            continue
        yield _after(inquiry, call, leg, stop, device.address)


def _after(inquiry: Inquiry, call: Call, leg: Leg, stop: int, device: str) -> Judgement:
    closing = call.dialog.closing if call.dialog else None
    if closing is not None and closing.time <= stop + AT_ONCE_NS:
        return Clear(device)
    if _renegotiated(call, stop) or _goes_on(inquiry, leg, device, stop) or _rejected(inquiry, leg, stop):
        return Clear(device)
    said = client_word(call.dialog)
    asked = _asked_in_vain(inquiry, leg, stop)
    if said and said.number in BROKEN_OFF:
        return _broken(inquiry, call, leg, stop, device, asked, said)
    if closing is not None:
        again = any(one.method == "INVITE" and one.time > stop for one in call.dialog.later) if call.dialog else False
        if closing.time - stop < LINGERS_NS or not (asked or again):
            return Clear(device)
        return _broken(inquiry, call, leg, stop, device, asked, None)
    if not asked:
        return Clear(device)
    lasted = int(asked[-1].time) - int(asked[0].time)
    if len(asked) < ASKED or lasted < ASKED_NS:
        return Doubt(device, f"{len(asked)} checks without answer follow the last media: the call may just have ended")
    return _broken(inquiry, call, leg, stop, device, asked, None)


def _renegotiated(call: Call, stop: int) -> bool:
    """Whether an INVITE within the call was answered just before media stopped: it was put on hold, or moved."""
    return any(
        one.method == "INVITE" and one.status == 200 and stop - 2 * AT_ONCE_NS <= one.last_time <= stop + AT_ONCE_NS
        for one in (call.dialog.later if call.dialog else ())
    )


def _goes_on(inquiry: Inquiry, leg: Leg, device: str, stop: int) -> bool:
    """Whether media of the same kind and parties is in another leg afterwards, or meanwhile."""
    ends = {one.address for one in leg.parties}
    return any(
        other is not leg and other.last_time > stop and ends & {one.address for one in other.parties}
        for call in inquiry.case.calls.of(device)
        for other in call.legs
        if other.kind == leg.kind and other.first_time
    )


def _rejected(inquiry: Inquiry, leg: Leg, stop: int) -> bool:
    icmp = inquiry.case.tables.icmp
    return bool((icmp["flow"].isin(leg.flows) & (icmp["time"] > stop)).any())


def _asked_in_vain(inquiry: Inquiry, leg: Leg, stop: int) -> list[Any]:
    """The Binding requests on the leg's flows after media stopped; empty when any of them was answered."""
    stun = inquiry.case.rows_on("stun", leg.flows)
    late = stun[(stun["time"] > stop + SECOND // 2) & (stun["method"] == "binding")]
    if (late["kind"] != "request").any():
        return []
    return list(rows_of(late, ("flow", "time", "frame", "from_client")))


def _broken(
    inquiry: Inquiry, call: Call, leg: Leg, stop: int, device: str, asked: list[Any], said: ClientWord | None
) -> Judgement:
    captures, closing = inquiry.case.tables.captures, call.dialog.closing if call.dialog else None
    end = closing.time if closing is not None else int(captures.at[leg.capture, "last_time"])
    doubt = inquiry.gates.one_sided(leg.capture, device) or inquiry.gates.lossy(leg.capture, stop, end, len(asked))
    if doubt or inquiry.gates.torn(leg.capture, stop, end):
        return Doubt(device, doubt or "the recording is damaged where media stops")
    if leg.silent:
        device = other_of(leg, leg.silent).address or device
    subject = subject_of_leg(inquiry, leg, device)
    shown = subject.shows("the last packets of the media", *leg.frames[-2:])
    proofs: list[Proof] = [shown]
    if asked:
        proofs.append(subject.shows("checks afterwards, unanswered", *(int(row.frame) for row in asked[:6])))
    if closing is not None:
        proofs.append(subject.shows("the end of the call", closing.frame))
    words = f"{len(asked)} checks on the same way get no answer afterwards. " if asked else ""
    if closing is not None:
        words += f"The call is ended {(closing.time - stop) / SECOND:.1f} s after the last media. "
    quiet = f"{leg.silent} is not heard any more" if leg.silent else "both sides fall silent"
    return subject.found(
        f"The {leg.kind or 'media'} between {inquiry.word(device)} and {other_of(leg, device).word} breaks off after "
        f"{(stop - leg.first_time) / SECOND:.1f} s: {quiet}, while the call goes on.",
        words + (word_of(said) if said else ""),
        Confidence.CERTAIN if closing is not None else Confidence.LIKELY,
        *proofs,
        time=stop,
        reading=inquiry.reading(call.dialog.opening.flow) if call.dialog else Reading.PACKETS,
        rejected=(("state-udp-port-unreachable-after-bye", "no ICMP message says that the port was closed"),),
    )


@rule(
    title="A NAT forgot the ports of a call during silence",
    severity=Severity.MINOR,
    stage=Stage.MEDIA,
    causes=("The UDP timeout of the home or branch router is short.",),
    fix=("Raise the router's UDP timeout to 60 s and more, and keep the client's keep-alives on.",),
    act=("owner of the remote network",),
    sources=("rfc4787",),
)
def nat_udp_binding_expired(inquiry: Inquiry) -> Iterator[Judgement]:
    """The same audio stream of a device behind NAT comes from another source port than before, in the middle of a call.

    Evidence: one stream (SSRC, payload) of one public address to the same address and port, first from one source
    port, then from another one, without new checks or a new allocation. Likely.

    Not this: checks or an allocation made anew, which choose a new port on purpose; a phone that sends and receives on
    different ports at the same time. Inconclusive when the recorder lost packets at that time.
    """
    media = inquiry.case.tables.media
    ssrcs = media["ssrc"]
    twice = (ssrcs.duplicated(keep=False) & (ssrcs > 0) & media["from_client"]).to_numpy()
    if not twice.any():
        return
    carrying = {one.flow: one for one in inquiry.case.media if one.basis and one.transport == "udp"}
    rows = [row for row in rows_of(media[twice], media.columns) if row.flow in carrying]
    for before, after in _moved(rows, carrying):
        yield _forgotten(inquiry, carrying[before.flow], before, after)


def _moved(rows: list[Any], carrying: dict[int, MediaSession]) -> Iterator[tuple[Any, Any]]:
    """The same stream in two flows, one after the other, that differ in the client's port only."""
    rows.sort(key=lambda row: (row.ssrc, row.payload_type, row.first_time))
    for before, after in pairwise(rows):
        one, other = carrying[before.flow], carrying[after.flow]
        same = (before.ssrc, before.payload_type) == (after.ssrc, after.payload_type)
        ends = (one.capture, one.client, one.server, one.server_port)
        alike = ends == (other.capture, other.client, other.server, other.server_port)
        if same and alike and before.flow != after.flow and before.last_time <= after.first_time:
            yield before, after


def _forgotten(inquiry: Inquiry, media: MediaSession, before: Any, after: Any) -> Judgement:
    device = media.client
    if inquiry.case.sides.of(device).location is Location.INSIDE or _begun_anew(inquiry, int(after.flow)):
        return Clear(device)
    stop, again = int(before.last_time), int(after.first_time)
    doubt = inquiry.gates.lossy(media.capture, stop, again)
    if doubt:
        return Doubt(device, doubt)
    subject = subject_of(inquiry, media.flow)
    ports = [int(inquiry.case.facts_of(int(one.flow), "client_port")[0]) for one in (before, after)]
    return subject.found(
        f"{inquiry.word(device)} comes from source port {ports[1]} instead of {ports[0]} in the middle of a call: its "
        "router has forgotten the first one.",
        f"The same stream goes on after {(again - stop) / SECOND:.1f} s of silence, to the same {subject.peer} UDP "
        f"{subject.port}, without new checks or a new allocation.",
        Confidence.LIKELY,
        subject.shows(f"the stream's last packet from port {ports[0]}", int(before.last_frame)),
        subject.shows(f"its first packet from port {ports[1]}", int(after.first_frame)),
        time=again,
        service="rtp",
        flows=(int(before.flow), int(after.flow)),
    )


def _begun_anew(inquiry: Inquiry, flow: int) -> bool:
    """Whether checks or an allocation open the flow: the device chose the new port itself."""
    stun = inquiry.case.tables["stun"]
    mine = stun[(stun["flow"] == flow) & (stun["kind"] == "request")]
    return bool((mine["method"].isin(("allocate", "set-active-destination")) | mine["has_username"]).any())
