"""Devices that have no relay to offer: their offers show it, or DNS lacks the relay's name (catalogue group 6)."""

from collections.abc import Iterator
from typing import Any

from lynccap.correlation.discovery_names import OWN_NAMES
from lynccap.correlation.lookups import Lookup
from lynccap.correlation.media.allocations import Allocation
from lynccap.correlation.media.calls.records import Flowing
from lynccap.correlation.media.relays import is_outer_name
from lynccap.correlation.names import parent_of
from lynccap.correlation.roles.claims import EDGE_AV, EDGE_INT
from lynccap.correlation.roles.sides import Location
from lynccap.correlation.searches import Reply
from lynccap.correlation.sip.dialogs import Dialog
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement
from lynccap.diagnosis.rules.relaying.asks import WITHOUT_RELAY
from lynccap.diagnosis.sip_answers import asker_of
from lynccap.diagnosis.subjects import subject_of
from lynccap.document import Confidence, Severity

WORKED = frozenset({Flowing.BOTH_WAYS, Flowing.QUIET, Flowing.HELD})
ADDRESS_TYPES = (1, 28)
OUTER_NAME = "it is how the outer names of A/V Edges are formed"


@rule(
    title="A device offers no relayed address for its call",
    severity=Severity.MAJOR,
    stage=Stage.RELAY,
    causes=("It has no relay credentials.", "UDP 3478 and TCP 443 of the Edge are both blocked."),
    fix=("Follow what became of its requests for a relay.",),
    act=("Lync administrator", "network team"),
    sources=("notes-edge", "icewarn"),
    explains=WITHOUT_RELAY,
)
def no_relay_candidates_offered(inquiry: Inquiry) -> Iterator[Judgement]:
    """A call is offered with addresses of the device alone, none of a relay.

    Evidence: where SIP is readable, the description in the INVITE of a client lists addresses to check, none of type
    relay. Before it the device asked no relay (it has no credentials) or in vain (the network, or refused).

    Not this: servers and gateways, and offers without any address to check; a call whose media went all the same.
    Inconclusive where the description is cut off, where the device did get a relay, or where nothing shows that the
    organisation has an Edge.
    """
    for dialog in inquiry.case.dialogs.calls:
        request = dialog.opening.request
        if request is None or not (request.candidates or not request.complete):
            continue
        device = asker_of(inquiry, dialog.opening).device
        if not inquiry.is_client(device):
            continue
        if any("typ relay" in one for one in request.candidates):
            yield Clear(device)
        elif not request.complete:
            yield Doubt(device, "the description of its call is cut off")
        elif any("typ " in one for one in request.candidates):
            yield _without_relay(inquiry, dialog, request, device)


def _without_relay(inquiry: Inquiry, dialog: Dialog, request: Any, device: str) -> Judgement:
    call = next((one for one in inquiry.case.calls.calls if one.dialog is dialog), None)
    if call and call.legs and all(leg.flowing in WORKED for leg in call.legs):
        return Clear(device)
    before = [one for one in inquiry.case.relays.allocations_of(device) if one.request_times[0] <= request.time]
    if any(one.success_frames for one in before):
        return Doubt(device, "it got a relay before the call and does not offer it")
    if not before and any(row.granted for row in inquiry.case.messages_of("mras", device)):
        return Doubt(device, "it was given credentials for a relay, and no request for one is in the capture")
    if not _has_edge(inquiry):
        return Doubt(device, "nothing in the capture shows that the organisation has an Edge")
    return _offer(inquiry, dialog, request, before)


def _has_edge(inquiry: Inquiry) -> bool:
    """Whether anything shows that devices are meant to have a relay."""
    case = inquiry.case
    asked = bool(case.relays.allocations) or not case.tables["mras"].empty
    return asked or any(case.roles.has(one, EDGE_INT, EDGE_AV) for one in case.roles.servers())


def _offer(inquiry: Inquiry, dialog: Dialog, request: Any, before: list[Allocation]) -> Found:
    subject = asker_of(inquiry, dialog.opening)
    kinds = sorted({one.partition(" typ ")[2].split(" ")[0] for one in request.candidates if " typ " in one})
    late = inquiry.gates.started_late(subject.capture, int(request.time))
    proof = [subject.shows("the offer, without an address of a relay", int(request.frame))]
    if before:
        frames = [frame for one in before for frame in one.request_frames[:4]]
        asked = f"It asked {before[0].server} for a relay before, in vain: the network, or the relay, is at fault."
        proof.append(subject.shows("its requests for a relay", *frames))
        causes = no_relay_candidates_offered.causes[::-1]
    elif late:
        asked, causes = "Whether it asked for a relay before is not in the capture.", ()
    else:
        asked, causes = "It asked no relay before: it has no credentials for one, or no name of one.", ()
    return subject.found(
        f"{inquiry.word(subject.device)} offers a call to {dialog.to_uri} with {len(request.candidates)} addresses of "
        f"type {' and '.join(kinds)}, none of a relay.",
        f"{asked} Such a call works only where a direct way exists.",
        Confidence.CERTAIN,
        *proof,
        time=int(request.time),
        causes=causes,
        reading=inquiry.reading(subject.flow),
    )


@rule(
    title="The name of the Edge's relay cannot be resolved",
    severity=Severity.MAJOR,
    stage=Stage.NAMES,
    causes=("The host record is missing.",),
    fix=("Add inner A records for the Edge pool, and an outer record for the A/V name.",),
    act=("DNS administrator",),
    sources=("notes-edge", "ms-dnslb", "ms-qoe"),
    explains=("no-relay-candidates-offered", *WITHOUT_RELAY),
)
def relay_fqdn_unresolved(inquiry: Inquiry) -> Iterator[Judgement]:
    """A device asks DNS for the relay it was told to use, and there is no such name.

    Evidence: "no such name" for the name of the Edge's internal interface (inside) or of the A/V Edge (outside), and
    no request for a relay by the device. That the name is a relay's is shown by the credentials' answer, a topology,
    the answer another device got, or, in a domain that uses Lync, the outer A/V name itself.

    Not this: settings that name addresses; a later answer to the same name; inner names that outsiders ask in vain.
    Inconclusive where nothing shows whose name it is, or the capture ends too soon to see requests for a relay.
    """
    names = _relay_names(inquiry)
    wanted = {name for name in {one.name for one in inquiry.case.lookups} if name in names or is_outer_name(name)}
    for lookup in inquiry.case.lookups if wanted else ():
        if lookup.name not in wanted or lookup.record_type not in ADDRESS_TYPES:
            continue
        if not lookup.denied or not inquiry.is_client(lookup.client):
            if lookup.records and inquiry.is_client(lookup.client):
                yield Clear(lookup.client)
        elif first_of(inquiry, lookup):
            yield from _unresolved(inquiry, lookup, names.get(lookup.name, OUTER_NAME))


def _uses_lync(inquiry: Inquiry, domain: str) -> bool:
    """Whether anybody finds a name of the domain by which Lync's clients look for their servers."""
    names = {start + domain for start in OWN_NAMES}
    return any(one.name in names and one.reply is Reply.FOUND for one in inquiry.case.searches.questions)


def first_of(inquiry: Inquiry, lookup: Lookup) -> bool:
    """Whether it is the device's first question for the name that was denied."""
    same = (one for one in inquiry.case.lookups_of(lookup.client) if one.name == lookup.name and one.denied)
    return next(same, None) is lookup


def _relay_names(inquiry: Inquiry) -> dict[str, str]:
    """Names of relays, each with what shows it."""
    case = inquiry.case
    found: dict[str, str] = {}
    if case.roles.told:
        places = (place for ones in case.roles.told.places.values() for place in ones)
        for place in places:
            if place.role in (EDGE_INT, EDGE_AV):
                found.update(dict.fromkeys((name.lower() for name in place.names), "the topology file names it"))
    for server in case.roles.servers():
        if case.roles.has(server, EDGE_INT, EDGE_AV):
            for name in case.names.names_of(server, "dns"):
                found.setdefault(name, f"others are led to {server} by it")
    for hosts in case.tables["mras"]["relay_hosts"]:
        for name in hosts:
            found[name.lower()] = "the answer with the relay credentials names it"
    return found


def _knows_another(inquiry: Inquiry, lookup: Lookup) -> bool:
    """Whether a device inside fails with an outer name only: the inner relay's, which it needs, it gets."""
    if not is_outer_name(lookup.name) or inquiry.case.sides.of(lookup.client).location is Location.OUTSIDE:
        return False
    records = (row for one in inquiry.case.lookups_of(lookup.client) for row in one.records)
    return any(inquiry.case.roles.has(row.value, EDGE_INT) for row in records)


def _unresolved(inquiry: Inquiry, lookup: Lookup, shown: str) -> Iterator[Judgement]:
    device, case = lookup.client, inquiry.case
    same = [one for one in case.lookups_of(device) if one.name == lookup.name and one.records]
    if same or case.relays.allocations_of(device) or _knows_another(inquiry, lookup):
        yield Clear(device)
        return
    outside = inquiry.is_placed(device, Location.OUTSIDE)
    if outside and not is_outer_name(lookup.name) and not shown.startswith("the answer"):
        return  # inner names are not for outsiders
    doubt = inquiry.gates.ended_early(lookup.capture, lookup.first_time)
    if not doubt and shown == OUTER_NAME and not _uses_lync(inquiry, parent_of(lookup.name)):
        doubt = f"nothing shows that {lookup.name} is a relay's name, nor that its domain uses Lync"
    if doubt:
        yield Doubt(device, doubt)
        return
    flow = int(case.tables["dns"].loc[case.tables["dns"]["frame"] == lookup.response_frame, "flow"].iloc[0])
    subject = subject_of(inquiry, flow)
    yield subject.found(
        f"{inquiry.word(device)} cannot resolve {lookup.name}, the name of the Edge's relay: {lookup.server} says that "
        "there is no such name.",
        f"That it is the relay's name: {shown}. The device asks no relay in this capture.",
        Confidence.LIKELY if shown == OUTER_NAME else Confidence.CERTAIN,
        subject.shows("the question, and the answer", lookup.request_frames[0], lookup.response_frame),
        time=lookup.first_time,
    )
