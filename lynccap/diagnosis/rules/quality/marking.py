"""How the packets of calls are marked for priority: DSCP (catalogue group 7)."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from lynccap.correlation.devices.book import LYNC_PHONE
from lynccap.correlation.media.received import Received
from lynccap.correlation.points.crossing import UNKNOWN, Crossing
from lynccap.correlation.roles.sides import Location
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement, Proof
from lynccap.diagnosis.rules.quality.telling import subject_of_sender
from lynccap.document import Confidence, Severity

EXPEDITED, OF_PHONES, UNMARKED = 46, 40, 0
LEAST_PACKETS = 100  # the first packets of a call may leave before a policy holds
NETWORK = ("network/firewall team",)


def _audio(inquiry: Inquiry) -> Iterator[Received]:
    """The audio streams of Lync's calls that leave a device in packets of their own, each as first recorded."""
    relays = inquiry.case.relays
    for one in inquiry.case.received.all:
        spoken = one.is_speech and one.row.dscp >= 0 and one.row.packets >= LEAST_PACKETS
        if spoken and one.sender not in one.leg.relays and one.sender not in relays.sides:
            yield one


def _is_only(one: Received, dscp: int) -> bool:
    return {value for value, _ in one.row.dscps} <= {dscp} and one.row.dscp == dscp


@rule(
    title="A device sends audio without priority",
    severity=Severity.MINOR,
    stage=Stage.MEDIA,
    causes=(
        "No QoS policy for the device, or not for its ports.",
        "Its switch port does not trust the marking.",
        "EnableQoS is off for devices that are no PCs.",
        "Windows marks only where it knows the domain's network.",
    ),
    fix=("Give clients port ranges of their own, and a QoS policy that marks them: audio 46, video 34.",),
    act=(*NETWORK, "Lync administrator"),
    sources=("ms-edge-qos", "ms-clientports", "ms-lpe-qos"),
)
def dscp_unmarked(inquiry: Inquiry) -> Iterator[Judgement]:
    """A device's audio leaves it with DSCP 0 while other devices mark theirs with 46.

    Evidence: an audio stream of a Lync call with DSCP 0 on the sender's own network, before any router; audio of
    other devices with 46.

    Not this: nobody marks: then QoS is not used here, which is told once, as a note; devices outside and the Edge.
    Inconclusive behind a router, which may have taken the marking off.
    """
    streams = list(_audio(inquiry))
    marking = {one.sender: one for one in streams if any(value == EXPEDITED for value, _ in one.row.dscps)}
    bare: dict[str, Received] = {}
    for one in streams:
        if one.sender in marking or not _is_only(one, UNMARKED) or _is_outside(inquiry, one.sender):
            yield Clear(one.sender)
        elif one.sender_hops == 0:
            bare.setdefault(one.sender, one)
        elif marking:
            yield Doubt(
                one.sender,
                "its audio is not marked where it was recorded, which is not its own network: a router may have taken "
                "the marking off; a capture beside the device would show it",
            )
    if marking:
        other = next(iter(marking.values()))
        for one in bare.values():
            yield _unmarked(inquiry, one, other)
    elif len(bare) > 1:
        yield _nobody(inquiry, list(bare.values()))


def _is_outside(inquiry: Inquiry, address: str) -> bool:
    return inquiry.case.sides.of(address).location is Location.OUTSIDE


def _unmarked(inquiry: Inquiry, one: Received, other: Received) -> Found:
    subject = subject_of_sender(one)
    return subject.found(
        f"{inquiry.word(one.sender)} sends audio without marking it (DSCP 0), {one.way}.",
        f"{one.row.packets} packets, recorded before any router. {other.sender} marks its audio with {EXPEDITED}, so "
        "priority for voice is in use here; in a full queue these packets wait with all others.",
        Confidence.CERTAIN,
        subject.shows("the first and last packet, DSCP 0", one.row.first_frame, one.row.last_frame),
        subject.shows(f"audio of {other.sender} with DSCP {EXPEDITED}", other.row.first_frame),
        rejected=(("dscp-rewritten", "no router stands between the device and the capture"),),
    )


def _nobody(inquiry: Inquiry, ones: list[Received]) -> Found:
    first = ones[0]
    subject = subject_of_sender(first)
    return subject.found(
        f"Nobody marks audio here: {len(ones)} devices send it with DSCP 0, {inquiry.word(first.sender)} among them.",
        "QoS seems not to be used in this network. Where it is meant to be, no policy marks the clients' ports.",
        Confidence.LIKELY,
        *(
            subject.shows(f"audio of {one.sender}, first and last packet", one.row.first_frame, one.row.last_frame)
            for one in ones[:4]
        ),
        severity=Severity.INFO,
        flows=tuple(one.row.flow for one in ones),
    )


@dataclass(frozen=True, slots=True)
class _Changed:
    """One stream with another marking at another point."""

    here: int
    there: int
    place: int
    """Of the other capture's case."""
    name: str
    there_first: bool | None
    """Whether the other point is nearer to the sender; None when nothing tells."""
    frame: int
    """The stream's first there, 0 when unknown."""


@rule(
    title="The marking of media changes on the way",
    severity=Severity.MINOR,
    stage=Stage.MEDIA,
    causes=("A switch port that does not trust the marking.", "A provider's network that sets its own."),
    fix=("Let the first switch trust the marking, or set it there; agree with the provider on the classes.",),
    act=NETWORK,
    sources=("ms-edge-qos",),
)
def dscp_rewritten(inquiry: Inquiry) -> Iterator[Judgement]:
    """Media of a Lync call loses its marking (DSCP) on the way, so that it has no priority from there on.

    Evidence: the same stream with another DSCP at a second capture point. At one point only: a device's audio comes
    with 46 in one call and with 0 in another at the same time; then it is no more than possible.

    Not this: a marking that is set where there was none. Inconclusive at one point where one direction is marked and
    the other is not: the other device may not mark at all.
    """
    told: set[tuple[str, str]] = set()
    for one in inquiry.case.received.all:
        if one.row.dscp < 0 or one.row.packets < LEAST_PACKETS // 2:
            continue
        for cross in _crossings(inquiry, one):
            changed = _changed(inquiry, one, cross)
            if changed is None or (changed.here if changed.there_first else changed.there) == EXPEDITED:
                yield Clear(one.sender)
            elif (one.sender, one.receiver) not in told:
                told.add((one.sender, one.receiver))
                yield _rewritten(inquiry, one, changed)
    yield from _at_one_point(inquiry)


def _crossings(inquiry: Inquiry, one: Received) -> tuple[Crossing, ...]:
    """Of its flow, told from the first of the two captures: the table calls client whom that one does."""
    vantage = inquiry.vantage
    if vantage is None:
        return ()
    crossings = vantage.crossings.other_side(vantage.place, one.row.flow)
    return tuple(each for each in crossings if each.capture_a == vantage.place and each.capture_b != vantage.place)


def _changed(inquiry: Inquiry, one: Received, cross: Crossing) -> _Changed | None:
    side = "client" if one.row.from_client else "server"
    here, there = getattr(cross, f"dscp_{side}_a"), getattr(cross, f"dscp_{side}_b")
    if UNKNOWN in (here, there) or here == there or not cross.remarked or inquiry.vantage is None:
        return None
    case = inquiry.vantage.cases[cross.capture_b]
    media = case.tables.media
    frames = media.loc[(media["flow"] == cross.flow_b) & (media["ssrc"] == one.row.ssrc), "first_frame"]
    first: bool | None = None
    if cross.nearer_client != UNKNOWN:
        first = (cross.nearer_client == cross.capture_b) is bool(one.row.from_client)
    name = str(case.tables.captures["name"].iloc[0])
    return _Changed(here, there, cross.capture_b, name, first, int(frames.min()) if len(frames) else 0)


def _rewritten(inquiry: Inquiry, one: Received, changed: _Changed) -> Found:
    subject = subject_of_sender(one)
    own = str(inquiry.case.tables.captures["name"].iloc[0])
    ends = [(own, changed.here), (changed.name, changed.there)]
    if changed.there_first:
        ends.reverse()
    (near, before), (far, after) = ends
    order = "" if changed.there_first is None else f" {near} stands nearer to {one.sender}: it is changed in between."
    there = [Proof(0, (changed.frame,), f"DSCP {changed.there} in {changed.name}", changed.place)]
    return subject.found(
        f"The marking of {one.way} changes on the way: DSCP {before} in {near}, {after} in {far}.",
        f"The same packets are in both captures.{order} Behind that place they have no priority for voice.",
        Confidence.CERTAIN,
        subject.shows(f"DSCP {changed.here} in {own}, first and last packet", one.row.first_frame, one.row.last_frame),
        *(there if changed.frame else []),
        rejected=(("dscp-unmarked", f"{one.sender} marks its packets: DSCP {before} at the point nearer to it"),),
    )


def _at_one_point(inquiry: Inquiry) -> Iterator[Judgement]:
    """What markings of several streams of one device tell at one place behind a router."""
    streams: dict[str, list[Received]] = defaultdict(list)
    for one in _audio(inquiry):
        if one.sender_hops:
            streams[one.sender].append(one)
    marking = {name for name, ones in streams.items() if any(one.row.dscp == EXPEDITED for one in ones)}
    for sender, ones in streams.items():
        bare = next((one for one in ones if _is_only(one, UNMARKED)), None)
        marked = next((one for one in ones if one.row.dscp == EXPEDITED), None)
        if bare is None:
            yield Clear(sender)
        elif marked is not None:
            yield _differs(inquiry, bare, marked)
        elif marking:
            yield Doubt(
                sender,
                f"audio of {min(marking)} comes marked with {EXPEDITED}, that of {sender} unmarked: whether the device "
                "does not mark or the network takes it off, a capture beside the device would show",
            )


def _differs(inquiry: Inquiry, bare: Received, marked: Received) -> Found:
    subject = subject_of_sender(bare)
    return subject.found(
        f"{inquiry.word(bare.sender)} sends one call's audio with DSCP {EXPEDITED} and another's with 0, {bare.way}.",
        f"The device marks {marked.way}; on the way of the other one the marking seems to be taken off.",
        Confidence.POSSIBLE,
        subject.shows("unmarked: first and last packet", bare.row.first_frame, bare.row.last_frame),
        subject.shows(f"marked with {EXPEDITED}", marked.row.first_frame),
        time=max(int(bare.row.first_time), int(marked.row.first_time)),
        rejected=(("dscp-unmarked", f"it marks other audio with {EXPEDITED}"),),
    )


@rule(
    title="A Lync phone marks audio with DSCP 40",
    severity=Severity.INFO,
    stage=Stage.NOTE,
    causes=("VoiceDiffServTag of the phones' configuration has its default.",),
    fix=("Set VoiceDiffServTag to 46 (Set-CsUCPhoneConfiguration), or let the network treat 40 as voice.",),
    act=("Lync administrator",),
    sources=("ms-lpe-qos",),
)
def dscp_lpe_40(inquiry: Inquiry) -> Iterator[Judgement]:
    """A phone with Lync Phone Edition marks its audio with DSCP 40, while networks are made for 46.

    Evidence: audio of a device that shows itself to be a Lync phone, with DSCP 40.

    Not this: a network whose switches tell phones to use 40, or whose other devices mark with 40 too: it has a class
    for it. Inconclusive where nothing shows that the device is a Lync phone.
    """
    streams = [one for one in _audio(inquiry) if one.row.dscp == OF_PHONES]
    if not streams:
        return
    told = bool((inquiry.case.tables.neighbours["dscp"] == OF_PHONES).any())
    phones: dict[str, Received] = {}
    for one in streams:
        device = inquiry.device(one.sender)
        if device is not None and device.kind == LYNC_PHONE:
            phones.setdefault(device.id, one)
        elif device is None or device.kind in ("unknown", "phone"):
            yield Doubt(one.sender, "its audio is marked with 40, but nothing shows that it is a Lync phone")
        else:
            told = True
    for name, one in phones.items():
        yield Clear(name) if told else _forty(inquiry, one)


def _forty(inquiry: Inquiry, one: Received) -> Found:
    subject = subject_of_sender(one)
    return subject.found(
        f"{inquiry.word(one.sender)} marks its audio with DSCP {OF_PHONES}, {one.way}.",
        f"That is the default of Lync Phone Edition. Networks mostly give priority to {EXPEDITED}: then this audio "
        "waits with other traffic.",
        Confidence.CERTAIN if one.at_sender else Confidence.LIKELY,
        subject.shows(f"DSCP {OF_PHONES}, first and last packet", one.row.first_frame, one.row.last_frame),
    )
