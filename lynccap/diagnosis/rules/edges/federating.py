"""A/V Edges that cannot talk to each other (catalogue group 6)."""

from collections import defaultdict
from collections.abc import Iterator

from lynccap.correlation.edges import EdgeServer
from lynccap.correlation.media.relays import TURN_UDP_PORT
from lynccap.correlation.protocol_numbers import HTTPS
from lynccap.correlation.roles.claims import EDGE_AV
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Judgement
from lynccap.diagnosis.rules.edges.between import (
    Between,
    among_edges,
    doubt_of,
    frames_of,
    from_relay_ports,
    in_vain,
    is_alive,
    partner_edges,
    talks,
)
from lynccap.diagnosis.subjects import subject_of
from lynccap.document import Confidence, Severity

SEVERAL = 2
RELAYED_PORTS = 3  # of which none is answered: fewer may have nobody behind the address they try


@rule(
    title="A/V Edges cannot reach each other on UDP 3478",
    severity=Severity.MAJOR,
    stage=Stage.MEDIA,
    causes=("The outer firewall lets UDP 3478 in, but not out.",),
    fix=("Open UDP 3478 between the A/V Edge and the Internet in both directions.",),
    act=("network/firewall team",),
    sources=("ms-edge-nat", "ms-av-fw", "notes-poster"),
    explains=("edge-nat-pair-hairpin-missing", "ice-all-checks-failed", "media-one-way"),
)
def edge_to_edge_3478_blocked(inquiry: Inquiry) -> Iterator[Judgement]:
    """Our A/V Edge and those of partners send each other UDP 3478, and no answer comes.

    Evidence: packets from UDP 3478 of our Edge to UDP 3478 of others, in one direction only, with every partner:
    certain with two of them, likely with one that answers our Edge otherwise, as on TCP 443.

    Not this: a partner that answers nothing at all; others with whom it works, which makes it that partner's matter;
    members of our own pool; an ICMP report, which says by itself what is wrong.
    """
    talked = talks(inquiry)
    by_edge: dict[tuple[int, str], list[Between]] = defaultdict(list)
    for one in talked:
        if among_edges(one) and not _fellows(inquiry, one):
            by_edge[one.row.capture, one.own].append(one)
    for (_, own), ones in by_edge.items():
        lost = [one for one in ones if in_vain(one)]
        if any(one.answered for one in ones):
            if lost:
                yield Doubt(own, f"others answer on UDP 3478: {lost[0].peer} may be closed or gone itself")
            yield Clear(own)
        elif lost:
            yield _unheard(inquiry, own, lost, talked)


def _unheard(inquiry: Inquiry, own: str, lost: list[Between], talked: tuple[Between, ...]) -> Judgement:
    peers = tuple(dict.fromkeys(one.peer for one in lost))
    alive = [peer for peer in peers if is_alive([one for one in talked if not among_edges(one)], peer)]
    doubt = doubt_of(inquiry, lost)
    if not doubt and len(peers) < SEVERAL and not alive:
        doubt = f"{peers[0]} answers nothing else either: it may be gone"
    if doubt:
        return Doubt(own, doubt)
    outward = any(one.outward for one in lost)
    subject = subject_of(inquiry, lost[0].row.Index, lost[0].outward)
    how = "and gets no answer" if outward else "and no answer of its own passes here"
    does = f"sends to UDP 3478 of {', '.join(peers[:4])}" if outward else f"is sent UDP 3478 by {', '.join(peers[:4])}"
    fallback = f" {', '.join(alive)} answers it on other ports." if alive else ""
    return subject.found(
        f"The Edge {own} {does} {how}.",
        f"{sum(one.tried for one in lost)} packets between the two ports, none the other way.{fallback} Media with "
        "these partners has to take TCP 443, or fails.",
        Confidence.CERTAIN if len(peers) >= SEVERAL and outward else Confidence.LIKELY,
        frames_of(lost, "packets from UDP 3478 to UDP 3478 without any answer (first and last)"),
        port=TURN_UDP_PORT,
        service="stun-turn",
        time=min(one.row.first_time for one in lost),
        flows=tuple(one.row.Index for one in lost),
        rejected=(("icmp-port-unreachable-udp", "no ICMP message quotes these packets"),),
    )


@rule(
    title="The A/V Edge cannot send from its relay ports 50000-59999",
    severity=Severity.MAJOR,
    stage=Stage.MEDIA,
    causes=("The outer firewall lets only UDP 3478 and TCP 443 of the A/V Edge out, not its ports 50000-59999.",),
    fix=("Allow the A/V Edge's source ports 50000-59999, UDP and TCP, out to any address.",),
    act=("network/firewall team",),
    sources=("notes-sec2", "notes-poster", "ms-av-fw", "sfb-edge"),
    explains=("tcp-filtered-silent", "tcp-refused-by-middlebox", "ice-all-checks-failed", "media-one-way"),
)
def av_50k_outbound_blocked(inquiry: Inquiry) -> Iterator[Judgement]:
    """Nothing that our A/V Edge sends from its relay ports to partners' A/V Edges is answered.

    Evidence: SYNs from ports 50000-59999 to TCP 443 of a partner's A/V Edge, refused or unanswered, with two
    partners, or with one that answers our Edge otherwise (certain); or UDP from three and more of these ports
    without any answer while the same partner answers UDP 3478 (likely).

    Not this: a port of the range that is answered; connections of the Edge to other hosts, whose own ports may lie in
    this range too; what comes in to these ports, which only partners with Office Communications Server 2007 need.
    """
    talked = talks(inquiry)
    used = [one for one in talked if from_relay_ports(one)]
    partners = partner_edges(inquiry, talked) if used else frozenset()
    by_edge: dict[tuple[int, str], list[Between]] = defaultdict(list)
    for one in used:
        if one.peer in partners and inquiry.case.roles.has(one.own, EDGE_AV):
            by_edge[one.row.capture, one.own].append(one)
    for (_, own), ones in by_edge.items():
        if any(one.answered for one in ones):
            yield Clear(own)
            continue
        others = [one for one in talked if one not in ones and one.own == own]
        tcp = [one for one in ones if one.row.transport == "tcp" and one.peer_port == HTTPS and in_vain(one)]
        udp = [one for one in ones if one.row.transport == "udp" and in_vain(one)]
        if tcp or udp:
            yield _held_back(inquiry, own, tcp, udp, others)


def _held_back(inquiry: Inquiry, own: str, tcp: list[Between], udp: list[Between], others: list[Between]) -> Judgement:
    lost = tcp or udp
    peers = tuple(dict.fromkeys(one.peer for one in lost))
    alive = [peer for peer in peers if is_alive(others, peer)]
    doubt = doubt_of(inquiry, lost)
    if not doubt and not alive and (len(peers) < SEVERAL or not tcp):
        doubt = f"{peers[0]} answers nothing else either: it may be gone"
    if not doubt and not tcp and len({one.own_port for one in udp}) < RELAYED_PORTS:
        doubt = "fewer than three relay ports sent in vain: nobody may wait at the addresses they tried"
    if doubt:
        return Doubt(own, doubt)
    what = "TCP port 443" if tcp else "UDP"
    rest = f" {', '.join(alive)} answers it on other ports." if alive else ""
    ports = ", ".join(str(one.own_port) for one in lost[:4])
    subject = subject_of(inquiry, lost[0].row.Index)
    return subject.found(
        f"The Edge {own} gets nothing through from its relay ports 50000-59999 to {what} of {', '.join(peers[:4])}.",
        f"What it sends from ports {ports} is refused or not answered.{rest} Federated media and sharing need them.",
        Confidence.CERTAIN if tcp else Confidence.LIKELY,
        frames_of(lost, "what it sends from ports of the range (first and last)"),
        service="stun-turn",
        time=min(one.row.first_time for one in lost),
        flows=tuple(one.row.Index for one in lost),
    )


@rule(
    title="Edge pool members cannot reach each other by their public addresses",
    severity=Severity.MAJOR,
    stage=Stage.MEDIA,
    causes=("The firewall does not turn packets back that come from inside for its own public addresses.",),
    fix=("Let the firewall turn them back (NAT hairpin) between the public addresses of all Edge Servers.",),
    act=("network/firewall team",),
    sources=("sfb-edge",),
)
def edge_nat_pair_hairpin_missing(inquiry: Inquiry) -> Iterator[Judgement]:
    """One member of our Edge pool sends to the public A/V address of another and gets no answer.

    Evidence: packets of one Edge to UDP 3478 or TCP 443 of another one of the same pool, unanswered; the other one
    answers somebody else meanwhile.

    Not this: a single Edge Server; a member that is down and answers nobody, or is not heard in this capture
    (inconclusive); one whose answers to its fellow are seen.
    """
    talked = talks(inquiry)
    case = inquiry.case
    lost: dict[tuple[int, str, str], list[Between]] = defaultdict(list)
    heard = {(one.own, one.peer) for one in talked if one.answered}
    for one in talked:
        if case.edges.of(one.own) is case.edges.of(one.peer) or not _fellows(inquiry, one):
            continue
        if one.answered:
            yield Clear(one.own)
        elif (
            one.outward
            and one.peer_port in (HTTPS, TURN_UDP_PORT)
            and in_vain(one)
            and (one.own, one.peer) not in heard
        ):
            lost[one.row.capture, one.own, one.peer].append(one)
    for ends, ones in lost.items():
        yield _not_turned_back(inquiry, ends, ones)


def _fellows(inquiry: Inquiry, one: Between) -> bool:
    """Whether both ends are of one Edge, or of two members of one pool."""
    own, other = inquiry.case.edges.of(one.own), inquiry.case.edges.of(one.peer)
    return own is not None and other is not None and (own is other or _one_pool(inquiry, own, other))


def _one_pool(inquiry: Inquiry, one: EdgeServer, other: EdgeServer) -> bool:
    """Whether two Edges are members of one pool: by the topology, or by a name that leads to both."""
    told, names = inquiry.case.roles.told, inquiry.case.names
    pools = [
        {place.pool for address in edge.addresses for place in told.places.get(address, ()) if place.pool}
        for edge in (one, other)
    ] if told else [set(), set()]  # fmt: skip
    called = [{name for address in edge.addresses for name in names.names_of(address, "dns")} for edge in (one, other)]
    return not pools[0].isdisjoint(pools[1]) or not called[0].isdisjoint(called[1])


def _not_turned_back(inquiry: Inquiry, ends: tuple[int, str, str], ones: list[Between]) -> Judgement:
    capture, own, peer = ends
    other = inquiry.case.edges.of(peer)
    addresses = other.addresses if other else (peer,)
    alive = [frame for one in addresses if (frame := inquiry.case.heard_after(capture, one, ones[0].row.first_time))]
    doubt = doubt_of(inquiry, ones)
    if not doubt and not alive:
        doubt = f"nothing of {peer} is in the capture: it may be down"
    if doubt:
        return Doubt(own, doubt)
    subject = subject_of(inquiry, ones[0].row.Index)
    return subject.found(
        f"The Edge {own} cannot reach {peer}, the public address of another member of its Edge pool.",
        f"{sum(one.tried for one in ones)} packets got no answer, while that member answers others. Calls fail whose "
        "two parties are on different members.",
        Confidence.CERTAIN,
        frames_of(ones, "packets for the other member without any answer (first and last)"),
        subject.shows("the other member is alive", *alive[:1]),
        service="stun-turn",
        rejected=(("edge-to-edge-3478-blocked", "the other end is a member of the same pool, no partner"),),
        time=min(one.row.first_time for one in ones),
        flows=tuple(one.row.Index for one in ones),
    )
