"""Answers that do not come by the load balancer, or sources that it hides (catalogue group 11)."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from lynccap.correlation.addresses import is_private, split_endpoint, subnet_of
from lynccap.correlation.media.allocations import Allocation
from lynccap.correlation.protocol_numbers import ACK, RST, SYN
from lynccap.correlation.roles.claims import LOAD_BALANCER
from lynccap.correlation.roles.farms import Farm
from lynccap.correlation.rows import rows_of
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement, Proof
from lynccap.diagnosis.subjects import subject_of
from lynccap.document import Confidence, Severity

SEQUENCES = 1 << 32
TEAM = ("load balancer team",)
CARDS = 3  # network cards that are shown; two prove it


@rule(
    title="Answers bypass the load balancer",
    severity=Severity.MAJOR,
    stage=Stage.REACH,
    causes=("Direct server return is set up on the load balancer: Lync does not support it.",),
    fix=("Switch direct server return off: let answers go back through the load balancer.",),
    act=TEAM,
    sources=("ms-hlb",),
    explains=("tcp-filtered-silent", "sip-registrar-unreachable-internal", "asymmetric-routing"),
)
def lb_dsr_or_asymmetric(inquiry: Inquiry) -> Iterator[Judgement]:
    """A client asks a load balancer's address, and a server behind it answers past the load balancer.

    Evidence: a SYN to a load balancer's address; the SYN-ACK to this very SYN comes from another address, and the
    client resets it; or the answers of the address come in turns from the network cards of the servers behind it.

    Not this: a SYN-ACK that was recorded before the load balancer put its own address in, which the client never
    resets; a port forwarded from a public address to a host beside the client. Inconclusive where the client's reset is
    not in the capture.
    """
    for flow, row in _unanswered(inquiry):
        answers = _answered_from(inquiry, flow, row)
        if answers is not None:
            yield _bypassed(inquiry, flow, row, answers)
    for vip, capture in inquiry.case.roles.direct_returns.items():
        if inquiry.case.roles.is_lync(vip):
            yield _by_cards(inquiry, vip, capture)


def _unanswered(inquiry: Inquiry) -> Iterator[tuple[int, Any]]:
    """Flows of SYNs without any answer, whose client and port are those of another one that got a SYN-ACK only."""
    flows = inquiry.case.flows
    half = _only_answered(flows)
    if half.empty:
        return
    ports = set(zip(half["capture"], half["client"], half["client_port"], strict=True))
    silent = flows[(flows["opening"] == "unanswered") & flows["client_port"].isin(half["client_port"])]
    for row in rows_of(silent, ("capture", "client", "client_port", "server", "server_port")):
        if (row.capture, row.client, row.client_port) in ports:
            yield row.Index, row


def _only_answered(flows: pd.DataFrame) -> pd.DataFrame:
    """The flows of a SYN-ACK and nothing said. Of one to a SYN sent elsewhere there is no SYN in the flow."""
    empty = (flows["data_frames_client"] == 0) & (flows["data_frames_server"] == 0)
    mute = flows[empty & (flows["syn_ack_time"] > 0)]
    return mute[(mute["originator"] == "syn-ack") | (mute["opening"] == "half-open")]


def _answered_from(inquiry: Inquiry, flow: int, row: Any) -> tuple[int, int, int, int] | None:
    """Of the SYN-ACK to these SYNs from elsewhere: its flow, the SYN's frame, its own, the client's reset (0: none)."""
    flows, frames = inquiry.case.flows, inquiry.case.tables.tcp_frames
    half = _only_answered(flows)
    other = half[
        (half["capture"] == row.capture)
        & (half["client"] == row.client)
        & (half["client_port"] == row.client_port)
        & (half["server"] != row.server)
    ]
    asked: dict[int, int] = {}
    for syn in rows_of(frames[frames["flow"] == flow], _FRAME):
        asked.setdefault((syn.seq + 1) % SEQUENCES, int(syn.frame))
    for number in other.index:
        mine = list(rows_of(frames[frames["flow"] == number], _FRAME))
        for one in mine:
            if not one.from_client and one.flags & (SYN | ACK) == SYN | ACK and one.ack in asked:
                reset = next((int(two.frame) for two in mine if two.from_client and two.flags & RST), 0)
                return int(number), asked[one.ack], int(one.frame), reset
    return None


_FRAME = ("frame", "from_client", "flags", "seq", "ack")


def _bypassed(inquiry: Inquiry, flow: int, row: Any, answer: tuple[int, int, int, int]) -> Judgement:
    number, asked, answered, reset = answer
    case, subject = inquiry.case, subject_of(inquiry, flow)
    member = str(case.flows.at[number, "server"])
    farm = case.farms.get(row.server)
    known = farm is not None and farm.sure and member in farm.members
    ours = case.roles.is_lync(row.server) or case.roles.is_lync(member)
    if not ours or (not known and not (is_private(row.server) and is_private(member))):
        return Clear(row.client)
    if not reset:
        return Doubt(
            row.client, f"no reset of {row.client} to {member} is in the capture: it may have got another answer"
        )
    return subject.found(
        f"{inquiry.word(row.client)} asks {inquiry.server(row.server, row.server_port)} on TCP port {row.server_port}, "
        f"but {member} answers in its own name, past the load balancer.",
        f"The SYN-ACK from {member} acknowledges the SYN to {row.server}. The client knows of no such connection and "
        "resets it.",
        Confidence.CERTAIN if known else Confidence.LIKELY,
        subject.shows("the SYN, the SYN-ACK from another address, and the client's reset", asked, answered, reset),
        flows=(flow, number),
    )


def _by_cards(inquiry: Inquiry, vip: str, capture: int) -> Judgement:
    """Answers in turns from the cards of several members: seen only where the capture is in the servers' network."""
    flows = inquiry.case.flows
    towards = flows[(flows["capture"] == capture) & (flows["server"] == vip) & (flows["first_frame_server"] > 0)]
    first = towards[~towards["client"].isin(inquiry.case.roles.members_of(vip))].drop_duplicates("server_mac")[:CARDS]
    if len(first) < len(inquiry.case.roles.members_of(vip)[:CARDS]):
        return Clear(vip)
    subject = subject_of(inquiry, int(first.index[0]))
    members = ", ".join(inquiry.case.roles.members_of(vip))
    return subject.found(
        f"Answers of the load balancer's address {vip} to {subject.device} and others come straight from {members}.",
        "They carry the hardware addresses of those servers, in turns. Direct server return is not supported by Lync.",
        Confidence.CERTAIN,
        subject.shows("answers from different network cards", *(int(one) for one in first["first_frame_server"])),
        flows=tuple(int(one) for one in first.index),
    )


@rule(
    title="The load balancer translates addresses of the A/V Edge",
    severity=Severity.CRITICAL,
    stage=Stage.RELAY,
    causes=("Address translation of sources (SNAT) is on for all services of the load balancer.",),
    fix=(
        "Switch address translation off for the A/V Edge's address: clients and servers have to see each other's own.",
    ),
    act=TEAM,
    sources=("ms-edge-hlb",),
    explains=("media-tcp443-fallback",),
)
def lb_snat_on_av_edge(inquiry: Inquiry) -> Iterator[Judgement]:
    """The A/V Edge sees the load balancer's address instead of its clients', or answers under another address.

    Evidence: the relay tells a client, as the address it is seen under, one of the load balancer's; or the answer to a
    request comes from another address than was asked, one of them the load balancer's and the other its server's.

    Not this: Access and Web Conferencing Edge, which may be translated; a relay that sends its clients to another
    address, which they then ask. Inconclusive where nothing shows a load balancer: a firewall may translate as well.
    """
    allocations = inquiry.case.relays.allocations
    answers = {} if all(one.answered for one in allocations) else _stray_answers(inquiry)
    for one in allocations:
        if one.server in inquiry.case.relays.cloud:
            continue
        seen = split_endpoint(one.reflexive)
        if seen and one.success_frames and seen[0] != one.client:
            yield _seen_as(inquiry, one, seen[0])
        elif one.flow in answers and not one.answered:
            yield _answered_elsewhere(inquiry, one, *answers[one.flow])
        elif one.success_frames:
            yield Clear(one.client)


def _seen_as(inquiry: Inquiry, one: Allocation, seen: str) -> Judgement:
    case = inquiry.case
    farms = [farm for farm in case.farms.values() if one.server in (farm.vip, *farm.members)]
    balancer = any(seen in farm.own for farm in farms if farm.sure) or case.roles.has(seen, LOAD_BALANCER)
    if not balancer:
        beside = subnet_of(seen) == subnet_of(one.server) != subnet_of(one.client)
        because = f"{seen}, beside the relay, stands in for {one.client}: nothing shows whether it is a load balancer"
        return Doubt(one.client, because) if beside else Clear(one.client)
    subject = subject_of(inquiry, one.flow, case.flows.at[one.flow, "client"] == one.client)
    return subject.found(
        f"{inquiry.word(one.client)} is seen by the A/V Edge {one.server} as {seen}, the load balancer's address.",
        "The relay answers with the address it sees. Media that goes there never reaches the device.",
        Confidence.CERTAIN,
        subject.shows("the answer that tells the address", one.success_frames[0]),
        time=one.request_times[0],
    )


def _stray_answers(inquiry: Inquiry) -> dict[int, tuple[int, int]]:
    """By flow of an allocation: the flow and frame of an answer to it that its client never asked for there."""
    stun = inquiry.case.tables["stun"]
    turn = stun[(stun["dialect"] == "ms-turn") & (stun["method"] == "allocate")]
    columns = ("flow", "frame", "kind", "transaction_id")
    asked: dict[bytes, int] = {}
    seen: dict[tuple[int, bytes], None] = {}
    found: dict[int, tuple[int, int]] = {}
    for row in rows_of(turn.sort_values("frame", kind="stable"), columns):
        if row.kind == "request":
            asked.setdefault(row.transaction_id, row.flow)
            seen[row.flow, row.transaction_id] = None
        elif row.transaction_id in asked and (row.flow, row.transaction_id) not in seen:
            found.setdefault(asked[row.transaction_id], (row.flow, row.frame))
    return found


def _answered_elsewhere(inquiry: Inquiry, one: Allocation, flow: int, frame: int) -> Judgement:
    row = inquiry.case.flows.loc[flow]
    other = str(row["server"] if row["client"] == one.client else row["client"])
    if one.client not in (row["client"], row["server"]):
        return Clear(one.client)
    if not any(_pairs(farm, one.server, other) for farm in inquiry.case.farms.values() if farm.sure):
        because = f"{other} answers what {one.server} was asked: nothing shows which of them is a load balancer's"
        return Doubt(one.client, because)
    subject = subject_of(inquiry, one.flow)
    return subject.found(
        f"{inquiry.word(one.client)} asks the A/V Edge {one.server} for a relay address, and {other} answers.",
        "One of the two is the load balancer's address, the other its server's. A client drops answers from elsewhere.",
        Confidence.CERTAIN,
        Proof(one.capture, (one.request_frames[0], frame), "the request, and the answer from another address"),
        flows=(one.flow, flow),
    )


def _pairs(farm: Farm, one: str, other: str) -> bool:
    return (one == farm.vip and other in farm.members) or (other == farm.vip and one in farm.members)
