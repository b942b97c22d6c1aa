"""Two machines with one address on the same link (catalogue group 1)."""

from collections.abc import Iterator
from typing import Any

from lynccap.correlation.devices.hardware import is_shared_mac
from lynccap.correlation.link_addresses import Rivals
from lynccap.correlation.rows import rows_of
from lynccap.diagnosis.contract import Stage, rule
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Clear, Doubt, Found, Judgement
from lynccap.diagnosis.subjects import subject_of
from lynccap.document import Confidence, Severity

MANY_ADDRESSES = 8  # an Edge Server has some; who answers for more is a router that does it for others (proxy ARP)
ALTERNATING = 2
LISTED = 12
_COLUMNS = ("client", "opening", "server_mac", "first_frame", "first_frame_server", "first_time", "transport")


@rule(
    title="Two machines use the same address",
    severity=Severity.MAJOR,
    stage=Stage.NETWORK,
    causes=(
        "Two machines were given the same static address.",
        "A virtual machine was cloned with its address.",
        "A second address of an Edge Server is still in use elsewhere.",
    ),
    fix=("Take the address from the machine that should not have it: both hardware addresses are in the evidence.",),
    act=("network team",),
    sources=("rfc5227",),
    explains=(
        "tcp-refused-by-host",
        "tcp-refused-by-middlebox",
        "tcp-filtered-silent",
        "sip-registrar-unreachable-internal",
        "sip-redirect-target-unreachable",
        "psom-8057-blocked-internal",
        "port80-open-443-filtered",
        "rootchain-http80-refused",
        "rst-midstream-active",
    ),
)
def duplicate_ip(inquiry: Inquiry) -> Iterator[Judgement]:
    """Two hardware addresses answer for the address of a Lync server, and the wrong one rejects its clients.

    Evidence: ARP answers or announcements for one address from two machines within 60 s; connections to the server
    that are refused by one of the two machines, while the other one accepts. Certain when the two alternate.

    Not this: virtual routers and server clusters, which have hardware addresses of their own kind; a failover, after
    which the new machine announces itself and the old one is silent; a router that answers for others. Inconclusive
    when no connection shows the wrong machine answering.
    """
    for rivals in inquiry.case.links.rivals:
        if inquiry.case.roles.is_plausible(rivals.address):
            yield from _judged(inquiry, rivals)


def _judged(inquiry: Inquiry, rivals: Rivals) -> Iterator[Judgement]:
    links = inquiry.case.links
    if rivals.taken_over or any(is_shared_mac(mac) for mac in rivals.macs):
        yield Clear(rivals.address)
        return
    proxy = next((mac for mac in rivals.macs if links.addresses_of(mac) > MANY_ADDRESSES), None)
    if proxy:
        count = links.addresses_of(proxy)
        yield Doubt(rivals.address, f"{proxy} answers for {count} addresses: a router may do that for others")
        return
    refused = list(_refused_by_one(inquiry, rivals))
    if not refused:
        because = (
            f"{' and '.join(rivals.macs)} both claim {rivals.address}, but no connection shows the wrong one "
            "answering: a server with two network cards may do that"
        )
        yield Doubt(rivals.address, because)
    for device in dict.fromkeys(one.client for one in refused):
        yield _found(inquiry, rivals, [one for one in refused if one.client == device])


def _refused_by_one(inquiry: Inquiry, rivals: Rivals) -> Iterator[Any]:
    """Connections to the address that one of the machines refused, where another one accepts connections."""
    flows = inquiry.case.flows
    mine = flows[
        (flows["capture"] == rivals.capture)
        & (flows["server"] == rivals.address)
        & (flows["transport"] == "tcp")
        & flows["server_mac"].isin(rivals.macs)
    ]
    accepting = set(mine.loc[mine["opening"] == "established", "server_mac"])
    for row in rows_of(mine[mine["opening"] == "refused"], _COLUMNS):
        if accepting - {row.server_mac}:
            yield row


def _found(inquiry: Inquiry, rivals: Rivals, refused: list[Any]) -> Found:
    first = refused[0]
    subject = subject_of(inquiry, first.Index)
    wrong = first.server_mac
    says = (
        f"{inquiry.word(subject.device)} is refused by a machine that uses the address of "
        f"{inquiry.server(subject.peer, subject.port)} too."
    )
    both = " and ".join(rivals.macs)
    return subject.found(
        says,
        f"{both} both claim {rivals.address}, {rivals.turns + 1} times in turn; {wrong} refuses connections that the "
        "other one accepts.",
        Confidence.CERTAIN if rivals.turns >= ALTERNATING else Confidence.LIKELY,
        subject.shows(f"claims of {both} to {rivals.address}", *_turning(rivals)),
        subject.shows(f"connections that {wrong} refuses", *_frames(refused)),
        time=min(rivals.claims[0].time, subject.time),
        flows=tuple(one.Index for one in refused),
    )


def _turning(rivals: Rivals) -> list[int]:
    """The claims that follow another machine's, and the first one."""
    turns = [rivals.claims[0].frame]
    last = rivals.claims[0].mac
    for one in rivals.claims:
        if one.mac != last:
            turns.append(one.frame)
        last = one.mac
    return turns[:LISTED]


def _frames(refused: list[Any]) -> list[int]:
    return [frame for one in refused for frame in (one.first_frame, one.first_frame_server)][:LISTED]
