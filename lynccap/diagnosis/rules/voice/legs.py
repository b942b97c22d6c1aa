"""Legs of calls with gateways, as the rules on their speech read them."""

from collections.abc import Iterator

from lynccap.correlation.media.trunks import TrunkLeg
from lynccap.correlation.roles.claims import MEDIATION
from lynccap.correlation.sip.transactions import Transaction
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.subjects import Subject, subject_of
from lynccap.tables import SECOND

LEAST_NS, MOST_NS = 28 * SECOND, 32 * SECOND  # catalogue, trunk-media-timeout-30s; kb981218 says 30 s


def with_mediation(inquiry: Inquiry) -> Iterator[TrunkLeg]:
    """Those between a gateway and a Mediation Server."""
    return (one for one in inquiry.case.trunk_legs if inquiry.case.roles.has(one.other, MEDIATION))


def leg_of(inquiry: Inquiry, one: TrunkLeg, device: str) -> Subject:
    """The conversation of a leg, seen from one of its ends."""
    flow = one.leg.flows[0]
    return subject_of(inquiry, flow, of_client=inquiry.case.facts_of(flow, "client")[0] == device)


def timed_out(inquiry: Inquiry, one: TrunkLeg) -> bool:
    """Whether the Mediation Server ended a call as it does when nothing came from the gateway for 30 s."""
    closing = one.call.dialog.closing if one.call.dialog else None
    if closing is None or not one.sent.packets or sender_of(inquiry, closing) != one.other:
        return False
    return LEAST_NS <= closing.time - one.last_heard <= MOST_NS


def sender_of(inquiry: Inquiry, one: Transaction) -> str:
    """Who sent a request."""
    client, server = inquiry.case.facts_of(one.flow, "client", "server")
    return str(client if one.asked_by_client else server)


def stream_frames(inquiry: Inquiry, one: TrunkLeg, sender: str) -> tuple[int, int]:
    """First and last frame of what one end sent, 0 for nothing."""
    media = inquiry.case.tables.media
    mine = media[media["flow"].isin(one.leg.flows)]
    by_client = [inquiry.case.facts_of(flow, "client")[0] == sender for flow in mine["flow"]]
    mine = mine[mine["from_client"] == by_client]
    return (int(mine["first_frame"].min()), int(mine["last_frame"].max())) if len(mine) else (0, 0)
