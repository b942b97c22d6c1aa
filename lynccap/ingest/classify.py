"""Says what a stream is, by bytes; ports never override bytes, they only name what has none."""

from collections.abc import Iterable, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from dissectors import DISSECTORS
from dissectors.contract import Dissector, Verdict
from lynccap.ingest.assembly import Segment
from lynccap.ingest.window import Flags, Ints
from lynccap.reference import ports

HEAD_BYTES = 2048  # a probe decides on the first bytes; a ClientHello with padding fits
WIDEST_PORT_ROW = 100  # rows of the reference that name wider ranges are media pools: they say nothing of a port
_TCP_DISSECTORS = [one for one in DISSECTORS if one.name in ("tls", "http", "sip", "stun", "dns")]
_UDP_DISSECTORS = [one for one in DISSECTORS if one.name in ("sip", "stun", "rtp", "dns", "dhcp", "ntp")]


def head_of(segments: Sequence[Segment]) -> bytes:
    """The first contiguous bytes of one side, at most HEAD_BYTES; of datagrams the first one."""
    if not segments:
        return b""
    first = min(segments, key=lambda one: one.start)
    head, end = first.data, first.start + len(first.data)
    for one in segments:
        if len(head) >= HEAD_BYTES:
            break
        if one.start == end and one is not first:
            head += one.data
            end += len(one.data)
    return head[:HEAD_BYTES]


def classify(client_head: bytes, server_head: bytes, on_tcp: bool) -> tuple[Dissector | None, Verdict]:
    """Who claims these heads more strongly; the first head wins a tie. REJECT: both are nobody's."""
    best: tuple[Dissector | None, Verdict] = (None, Verdict.REJECT)
    for head in (client_head, server_head):
        if head and best[1] < Verdict.CERTAIN:
            best = _stronger(head, _TCP_DISSECTORS if on_tcp else _UDP_DISSECTORS, best)
    dissector, verdict = best
    if on_tcp and dissector is not None and verdict is Verdict.LIKELY:
        # A shape that fits one side by chance does not fit the other.
        heads = [head for head in (client_head, server_head) if head]
        if any(dissector.probe(head) is Verdict.REJECT for head in heads):
            return None, Verdict.REJECT
    return best


def _stronger(
    head: bytes, dissectors: Iterable[Dissector], best: tuple[Dissector | None, Verdict]
) -> tuple[Dissector | None, Verdict]:
    """What `identify` says of these dissectors, without asking on after a CERTAIN: nothing beats it."""
    for dissector in dissectors:
        verdict = dissector.probe(head)
        if verdict > best[1]:
            best = (dissector, verdict)
            if verdict is Verdict.CERTAIN:
                break
    return best


@cache
def _named_ports(transport: str) -> NDArray[np.bool_]:
    named = np.zeros(65536, np.bool_)
    for row in ports():
        if transport in row.transport and row.port_max - row.port_min < WIDEST_PORT_ROW:
            named[row.port_min : row.port_max + 1] = True
    return named


def named_by_port(transport: NDArray[np.object_], port: Ints) -> Flags:
    """Which server ports the reference has a service for."""
    tcp, udp = transport == "tcp", transport == "udp"
    found: Flags = (tcp & _named_ports("tcp")[port]) | (udp & _named_ports("udp")[port])
    return found
