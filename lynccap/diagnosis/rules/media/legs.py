"""Legs of calls as the rules on media read them: whose they are, on which flows, and what a finding on one is about."""

from collections.abc import Iterator

from lynccap.correlation.media.calls.records import Call, Leg, Party
from lynccap.correlation.media.ice import CheckPair
from lynccap.correlation.media.paths import MediaSession
from lynccap.correlation.roles.claims import GATEWAY, MEDIATION, NOT_LYNC
from lynccap.correlation.sip.client_words import ClientWord
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Proof
from lynccap.diagnosis.sip_answers import quoted
from lynccap.diagnosis.subjects import Subject, subject_of

SHOWN_PAIRS, SHOWN_FRAMES = 6, 2
"""Pairs of addresses that a finding lists, and frames of each."""
SOON_NS = 10_000_000_000
"""Media begins within this time of the last check: clients give up after 10 s ([MS-ICE2])."""
REPORT_NS = 1_000_000_000
"""Reports that are under way when media stops arrive within this time."""


def legs(inquiry: Inquiry) -> Iterator[tuple[Call, Leg]]:
    """Legs that something ties to Lync, those with a telephone gateway at one end among them."""
    for call in inquiry.case.calls.calls:
        for leg in call.legs:
            if leg.basis:
                yield call, leg


def with_gateway(inquiry: Inquiry, leg: Leg) -> bool:
    """Whether a telephone gateway is one end of it."""
    return any(inquiry.case.roles.has(one.address, GATEWAY) for one in leg.parties)


def seen(leg: Leg) -> Party | None:
    """The first party whose packets are in the capture."""
    return next((one for one in leg.parties if one.seen and one.address), None)


def other_of(leg: Leg, address: str) -> Party:
    """The party that does not have an address."""
    return leg.parties[1] if leg.parties[0].address == address else leg.parties[0]


def plays(inquiry: Inquiry, address: str) -> bool:
    """Whether it is a server that speaks for itself: it announces, mixes a conference, or waits for a caller."""
    held = inquiry.case.roles.roles_of(address)
    return MEDIATION not in held and bool(held - NOT_LYNC)


def pairs_of(inquiry: Inquiry, leg: Leg) -> list[CheckPair]:
    """The checked pairs of a leg, in order of their first request."""
    ends = {frozenset((one.one, one.other)) for one in leg.tried if one.what == "pair"}
    if leg.used is not None:
        ends.add(frozenset((leg.used.one, leg.used.other)))
    found = {
        id(pair): pair
        for address in dict.fromkeys(one.address for one in leg.parties if one.address)
        for pair in inquiry.case.ice.pairs_of(address)
        if pair.capture == leg.capture
        and frozenset((pair.one, pair.other or "")) in ends
        and leg.check_time <= pair.first_time <= leg.last_check_time
    }
    return sorted(found.values(), key=lambda pair: (pair.first_time, pair.flow))


def subject_of_leg(inquiry: Inquiry, leg: Leg, device: str, flows: tuple[int, ...] = ()) -> Subject:
    """A leg with one of its parties as the device; `flows` where it carried no media."""
    first, *others = flows or leg.flows
    plain = subject_of(inquiry, first, inquiry.case.facts_of(first, "client")[0] == device)
    peer = other_of(leg, device).address or plain.peer
    time = leg.begun
    return Subject(leg.capture, device, peer, plain.port, plain.transport, "rtp", time, first, tuple(others))


def relayed_beside(inquiry: Inquiry, leg: Leg, *addresses: str) -> MediaSession | None:
    """Lasting media of some addresses by a relay that begins while a leg is checked, or soon after.

    What a relay was told of the peer may not be in the capture: then nothing ties this media to the leg.
    """
    for one in inquiry.case.media_of(*addresses):
        begins = leg.check_time <= one.first_time <= leg.last_check_time + SOON_NS
        if one.capture == leg.capture and one.relayed and one.sustained and begins:
            return one
    return None


def pair_proof(leg: Leg, says: str, *outcomes: str) -> Proof:
    """The first frames of the pairs that were tried, of some outcomes where they are given."""
    tried = [one for one in leg.tried if one.what == "pair" and (not outcomes or one.outcome in outcomes)]
    frames = {frame for one in tried[:SHOWN_PAIRS] for frame in one.frames[:SHOWN_FRAMES]}
    return Proof(leg.capture, tuple(sorted(frames)), says)


def word_of(said: ClientWord) -> str:
    """What a client said, as a sentence."""
    text = f' "{quoted(said.reason)}"' if said.reason else ""
    flags = " ".join(one.meaning for one in said.warnings)
    return f"The client ends the call with diagnostics number {said.number}{text}." + (f" {flags}" if flags else "")


def reports(inquiry: Inquiry, leg: Leg, sender: str, after: int) -> tuple[bool, bool]:
    """Whether anybody's reports (RTCP) of a leg's ends are in the capture, and any of `sender` after a time."""
    rtcp = inquiry.case.tables["rtcp"]
    if rtcp.empty:
        return False, False
    flows = inquiry.case.flows
    ends = {end for flow in leg.flows for end in (flows.at[flow, "client"], flows.at[flow, "server"])}
    near = flows[(flows["capture"] == leg.capture) & flows["client"].isin(ends) & flows["server"].isin(ends)]
    rows = rtcp[rtcp["flow"].isin(near.index) & (rtcp["time"] >= leg.first_time)]
    by_sender = {flow: sides(inquiry, leg, flow, sender) for flow in rows["flow"].unique()}
    late = rows[rows["time"] > after + REPORT_NS]
    mine = any(by_sender[flow] == side for flow, side in zip(late["flow"], late["from_client"], strict=True))
    return not rows.empty, mine


def sides(inquiry: Inquiry, leg: Leg, flow: int, sender: str) -> bool:
    """Whether a party's packets are those of a flow's client: its own address, else whoever is not the other party."""
    client, server = inquiry.case.facts_of(flow, "client", "server")
    if sender in (client, server):
        return bool(client == sender)
    return bool(server == other_of(leg, sender).address)


def last_packet(inquiry: Inquiry, leg: Leg, sender: str) -> int:
    """When a party's last packet of any kind came on the flows of a leg, 0 when none ever did."""
    times = [0]
    for flow in leg.flows:
        count, time = (
            ("frames_client", "last_time_client")
            if sides(inquiry, leg, flow, sender)
            else ("frames_server", "last_time_server")
        )
        packets, last = inquiry.case.facts_of(flow, count, time)
        times.append(int(last) if packets else 0)
    return max(times)
