"""Which way the media of calls took, and what follows when they end (catalogue group 14)."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from lynccap.correlation.devices.signs import UCWA_PATHS
from lynccap.correlation.media.calls.records import Call, Leg
from lynccap.correlation.media.paths import MediaSession, Path
from lynccap.correlation.roles.claims import REVERSE_PROXY
from lynccap.correlation.roles.sides import Location
from lynccap.correlation.rows import rows_of
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.rules.states.by_design import NOBODY, NOTHING_TO_DO
from lynccap.diagnosis.subjects import subject_of
from lynccap.document import Confidence, Severity
from lynccap.tables import SECOND

NOT_OURS = (Path.CLOUD, Path.RELAY_FOREIGN)
UNPLACED = (Path.UNKNOWN, Path.RELAY_UNPLACED)
CHOSEN = ("nomination", "remote-candidates")
SHOWN_LEGS = 8  # of one device, with their frames; the others are counted
PORT_UNREACHABLE = ((4, 3, 3), (6, 1, 4))
"""IP version, type and code (RFC 792, RFC 4443)."""
AFTERWARDS = 2 * SECOND  # the last packets of the other side are on their way no longer

Taken = tuple[Call, Leg]


@rule(
    title="The way that the media of calls took",
    severity=Severity.INFO,
    stage=Stage.NOTE,
    causes=("Direct paths are preferred, then those through address translation, then the relay of the Edge.",),
    fix=("Nothing: it is what findings on relays rest on.",),
    act=NOBODY,
    sources=("schertz-stun", "ms-ice2", "notes-edge"),
)
def state_media_path_classified(inquiry: Inquiry) -> Iterator[Judgement]:
    """Says for each device by which ways the media of its calls went: direct, reflexive or relayed, UDP or TCP.

    Evidence: media of more than 5 s and 100 packets that is Lync's; the pair of addresses that carried it, compared
    with the devices' own addresses, those that translation gave them, and those of the relays.

    Not this: probes at call start; media of others than Lync. Inconclusive where nothing tells the way, or which side
    of the Edge a relay address is.
    """
    taken: dict[str, list[Taken]] = defaultdict(list)
    for call in inquiry.case.calls.calls:
        for leg in call.legs if call.basis else ():
            if leg.sustained and leg.path not in NOT_OURS and (device := _device(leg)):
                taken[device].append((call, leg))
    for device, legs in taken.items():
        placed = [one for one in legs if one[1].path not in UNPLACED]
        for _, leg in legs:
            if leg.path in UNPLACED:
                yield Doubt(device, f"{leg.path}: {leg.path_basis}")
        if placed:
            yield _classified(inquiry, device, placed)


def _device(leg: Leg) -> str:
    return next((one.address for one in leg.parties if one.seen and one.address), "")


def _classified(inquiry: Inquiry, device: str, taken: list[Taken]) -> Found:
    packets: Counter[str] = Counter()
    for _, leg in taken:
        packets[_way(leg)] += leg.forth.packets + leg.back.packets
    total = packets.total()
    shares = [way if len(packets) == 1 else f"{way} ({100 * count / total:.0f} %)" for way, count in packets.items()]
    others = list(dict.fromkeys(party.word for _, leg in taken for party in leg.parties if party.address != device))
    sure = all(_is_sure(inquiry, call, leg) for call, leg in taken)
    proof = [Proof(leg.capture, leg.frames, f"{leg.kind or 'media'}: {_way(leg)}") for _, leg in taken[:SHOWN_LEGS]]
    whom = (others[0] if others else "somebody") + (f" and {len(others) - 1} more" if len(others) > 1 else "")
    return Found(
        device=device,
        peer=next((one.address for one in taken[0][1].parties if one.address and one.address != device), None),
        service="rtp",
        transport=taken[0][1].transport.partition("/")[0] or None,
        says=f"{inquiry.word(device)} with {whom}, media {'; '.join(shares)}.",
        why="A device prefers the direct way, then the one through address translation, and the relay last.",
        confidence=Confidence.CERTAIN if sure else Confidence.LIKELY,
        proof=tuple(proof),
        time=min(leg.first_time for _, leg in taken),
        flows=tuple(flow for _, leg in taken for flow in leg.flows),
    )


def _way(leg: Leg) -> str:
    through = f" {', '.join(leg.relays)}" if leg.relays else ""
    return f"{leg.path}{through} over {leg.transport.upper()}"


def _is_sure(inquiry: Inquiry, call: Call, leg: Leg) -> bool:
    """The descriptions or the checks tell the pair, and the capture has the beginning."""
    told = call.dialog is not None or (leg.used is not None and leg.used.basis in CHOSEN)
    return told and not inquiry.gates.started_late(leg.capture, leg.first_time)


@rule(
    title="A mobile on the office network uses the external servers",
    severity=Severity.INFO,
    stage=Stage.NOTE,
    causes=("Mobile apps always use the services that are published outside.",),
    fix=("Nothing, unless the load on the outer firewall matters: then let it turn this traffic round early.",),
    act=NOBODY,
    sources=("schertz-mobmedia", "ms-mobility"),
)
def state_mobile_external_edge(inquiry: Inquiry) -> Iterator[Judgement]:
    """A mobile inside signs in through the reverse proxy and relays its media at the Edge's external interface.

    Evidence: a device that names itself a mobile app or speaks UCWA; HTTPS to the reverse proxy; sustained media with
    the external interface of the A/V Edge.

    Not this: a desktop that does the same, which is a defect; a mobile outside. Inconclusive where nothing shows
    where the mobile is, or no connection to the proxy is in the capture.
    """
    for device in inquiry.case.devices.all():
        if device.kind != "mobile":
            continue
        # That it signs in through a public address says nothing of where a mobile is: they all do.
        places = {inquiry.case.sides.of(one).location for one in device.addresses}
        media = [one for one in inquiry.case.media_of(*device.addresses) if _outer(one)]
        if not media or places == {Location.OUTSIDE}:
            yield Clear(device.id)
        elif Location.INSIDE not in places:
            yield Doubt(device.id, f"nothing in the capture shows whether {device.id} is inside or outside")
        else:
            yield _mobile(inquiry, device.addresses, media[0])


def _outer(media: MediaSession) -> bool:
    return media.sustained and media.path is Path.RELAY_EXTERNAL


def _mobile(inquiry: Inquiry, addresses: tuple[str, ...], media: MediaSession) -> Judgement:
    case, device = inquiry.case, addresses[0]
    towards = [one for one in case.attempts_of(*addresses) if one.established and one.port == 443]
    proxy = next((one for one in towards if case.roles.has(one.server, REVERSE_PROXY)), None)
    if proxy is None:
        return Doubt(device, f"no HTTPS connection of {device} to the reverse proxy is in the capture")
    paths = (str(row.target or "").lower() for row in case.messages_of("http", *addresses))
    subject = subject_of(inquiry, media.flow, media.client == device)
    signals = int(case.flows.at[proxy.established[0], "first_frame_server"])
    return subject.found(
        f"{inquiry.word(device)} is inside, but signs in through {inquiry.server(proxy.server, 443)} "
        f"and relays its media at the external Edge {media.relay}.",
        "Mobile apps use the published services wherever they are. A desktop doing this would be a defect.",
        Confidence.CERTAIN if any(one.startswith(UCWA_PATHS) for one in paths) else Confidence.LIKELY,
        subject.shows("its media with the external relay", *media.frames),
        Proof(proxy.capture, (signals,), "the reverse proxy answers"),
        port=None,
        service="rtp",
    )


@rule(
    title="The last audio packets are rejected after the call",
    severity=Severity.INFO,
    stage=Stage.NOTE,
    causes=("The device closed its port when the call ended; packets on their way are rejected.",),
    fix=NOTHING_TO_DO,
    act=NOBODY,
    sources=("rfc1122",),
)
def state_udp_port_unreachable_after_bye(inquiry: Inquiry) -> Iterator[Judgement]:
    """A device answers late media with ICMP "port unreachable" because it has hung up.

    Evidence: ICMP port unreachable from a device that sent media itself up to 2 s before, or within 2 s of the BYE;
    the rejected media ends soon.

    Not this: media that goes on after the ICMP message, in either direction: the call is not over. Inconclusive where
    the capture ends within 2 s.
    """
    carrying = {one.flow: one for one in inquiry.case.media if one.basis and one.transport == "udp"}
    errors = inquiry.case.tables.icmp
    errors = errors[errors["flow"].isin(list(carrying))]
    rejected: dict[int, list[Any]] = defaultdict(list)
    for row in rows_of(errors, errors.columns):
        media = carrying[row.flow]
        by_its_end = row.reporter == (media.server if row.from_client else media.client)
        if (row.version, row.type, row.code) in PORT_UNREACHABLE and by_its_end:
            rejected[row.flow].append(row)
    for flow, rows in rejected.items():
        frames = tuple(int(row.frame) for row in rows[:SHOWN_LEGS])
        yield _hung_up(inquiry, carrying[flow], rows[0], frames)


def _hung_up(inquiry: Inquiry, media: MediaSession, told: Any, frames: tuple[int, ...]) -> Judgement:
    own, late = _last_media(inquiry, media, not told.from_client), _last_media(inquiry, media, told.from_client)
    bye = _bye(inquiry, media, told.time)
    over = bye or own
    if not own or own > told.time or told.time - over > AFTERWARDS or late > told.time + AFTERWARDS:
        return Clear(told.reporter)
    early = inquiry.gates.ended_early(media.capture, told.time, AFTERWARDS)
    if early and not bye:
        return Doubt(told.reporter, f"{early}: whether the call went on is not shown")
    subject = subject_of(inquiry, media.flow, not told.from_client)
    since = "the BYE" if bye else "its own last media"
    return subject.found(
        f"{inquiry.word(subject.device)} rejected late media of {subject.peer} with ICMP port unreachable, "
        f"{(told.time - over) / SECOND:.1f} s after {since}.",
        "The call was over and the port closed. What was still on its way is rejected; nobody hears a difference.",
        Confidence.LIKELY,
        subject.shows("the rejected packets", *frames),
        time=int(told.time),
        service="rtp",
    )


def _last_media(inquiry: Inquiry, media: MediaSession, from_client: bool) -> int:
    """Of one direction of a flow, 0 when it carried none."""
    streams = inquiry.case.tables.media
    mine = streams[(streams["flow"] == media.flow) & (streams["from_client"] == from_client)]
    return int(mine["last_time"].max()) if len(mine) else 0


def _bye(inquiry: Inquiry, media: MediaSession, before: int) -> int:
    """When the call that the media belongs to was ended by signalling, 0 when that is not readable."""
    for call in inquiry.case.calls.of(*media.devices):
        closing = call.dialog.closing if call.dialog else None
        if closing and closing.time <= before and any(media.flow in leg.flows for leg in call.legs):
            return closing.time
    return 0
