"""Says what a stream is, by bytes; ports never override bytes, they only name what has none."""

import re
from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from dissectors import DISSECTORS
from dissectors.contract import Dissector, Verdict
from dissectors.dns import DNS, read_question
from dissectors.known import recognise
from lynccap.ingest.frames import Flags, Ints
from lynccap.ingest.streams.assembly import Segment
from lynccap.reference import ports

HEAD_BYTES = 2048  # a probe decides on the first bytes; a ClientHello with padding fits
REJECT, LIKELY, CERTAIN = Verdict.REJECT, Verdict.LIKELY, Verdict.CERTAIN  # looking into an enumeration takes time
_TCP_DISSECTORS = [one for one in DISSECTORS if one.name in ("tls", "http", "http2", "sip", "stun", "dns", "kerberos")]
_TEXT_DISSECTORS = [one for one in DISSECTORS if one.name in ("http", "sip")]
_TEXT_BEGINS = re.compile(rb"[A-Z][A-Z_]{2,19}[ /]")  # "GET ", "HTTP/": spares the bytes of others the whole probe
_ON_UDP = ("sip", "stun", "rtp", "dns", "dhcp", "dhcpv6", "kerberos", "ntp")
_UDP_DISSECTORS = [one for one in DISSECTORS if one.name in _ON_UDP]


def head_of(segments: Sequence[Segment]) -> bytes:
    """The first contiguous bytes of one side, at most HEAD_BYTES; of datagrams the first one."""
    if not segments:
        return b""
    if len(segments) == 1:
        return segments[0].data[:HEAD_BYTES]
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
    """Who claims these heads more strongly; the first head wins a tie. REJECT: both are nobody's.

    What is only recognised is believed where it is surer than what is read: a shape that is likely may be shared.
    """
    heads = [head for head in (client_head, server_head) if head]
    read, verdict = _read_by(heads, on_tcp)
    if verdict is CERTAIN and read is not DNS:
        return read, verdict
    known, strength = recognise(heads, on_tcp)
    surer = strength > verdict or strength is CERTAIN  # NetBIOS names have DNS's whole shape, and more
    return (known, strength) if surer else (read, verdict)


def _read_by(heads: Sequence[bytes], on_tcp: bool) -> tuple[Dissector | None, Verdict]:
    best, strength = None, REJECT
    for head in heads:
        for dissector in _TCP_DISSECTORS if on_tcp else _UDP_DISSECTORS:
            verdict = dissector.probe(head)
            if verdict > strength:
                best, strength = dissector, verdict
                if verdict is CERTAIN:  # nothing beats it
                    return best, strength
    # A shape that fits one side by chance does not fit the other.
    if on_tcp and best is not None and strength is LIKELY and any(best.probe(head) is REJECT for head in heads):
        return None, REJECT
    return best, strength


def classify_within(segments: Sequence[Segment]) -> Dissector | None:
    """Whose message begins with one of these segments, as its first line proves: the head is of a message before.

    For streams that began before the capture. Binary protocols have no beginning that could not be chance.
    """
    for one in segments:
        if _TEXT_BEGINS.match(one.data):
            for dissector in _TEXT_DISSECTORS:
                if dissector.probe(one.data[:HEAD_BYTES]) is CERTAIN:
                    return dissector
    return None


def names_in_part(*sides: Sequence[Segment]) -> bool:
    """Whether a datagram captured short is DNS, by the question that is left of it."""
    return any(one.length > len(one.data) and read_question(one.data) is not None for side in sides for one in side)


@cache
def _named_ports(transport: str) -> NDArray[np.bool_]:
    named = np.zeros(65536, np.bool_)
    for row in ports():
        if transport in row.transport and not row.is_pool:
            named[row.port_min : row.port_max + 1] = True
    return named


def named_by_port(transport: NDArray[np.object_], port: Ints) -> Flags:
    """Which server ports the reference has a service for."""
    tcp, udp = transport == "tcp", transport == "udp"
    found: Flags = (tcp & _named_ports("tcp")[port]) | (udp & _named_ports("udp")[port])
    return found
