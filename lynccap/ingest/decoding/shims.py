"""What lies between a link's header and the network layer: tags, PPPoE, PPP, MPLS, LLC, bridged Ethernet."""

import numpy as np

from lynccap.ingest.decoding.cursor import (
    BROKEN,
    CDP_TYPE,
    ENCRYPTED,
    ETHERNET_TYPE,
    IPV4_TYPE,
    IPV6_TYPE,
    LLC,
    MPLS_TYPE,
    NO_TAG,
    NOTHING,
    PPP_TYPE,
    SHORTEST_TYPE,
    UNKNOWN_NETWORK,
    Cursor,
    Step,
    by_version,
)
from lynccap.ingest.frames import Buffer, Ints

MAX_SHIMS = 8  # provider and customer tag, PPPoE with PPP, labels with a bridged frame and its tag: seven
MAX_LABELS = 8  # deeper MPLS stacks are not in use
MULTICAST_MPLS = 0x8848
CISCO = 0x00000C  # as the organisation of a SNAP header
BRIDGED_TYPES = (IPV4_TYPE, IPV6_TYPE, 0x0806, 0x8100, 0x88A8, 0x8863, 0x8864, 0x88CC)
PPP_KINDS = {0x0021: IPV4_TYPE, 0x0057: IPV6_TYPE, 0x0281: MPLS_TYPE, 0x0283: MULTICAST_MPLS}
PPP_CONTROL = 0x4000  # from here on PPP protocols carry no packets (RFC 1661 2)
PPP_ENCRYPTED = (0x0053, 0x00FD)  # RFC 1968 and RFC 2118, whose number Microsoft's encryption shares (RFC 3078)


def step_over(buffer: Buffer, cursor: Cursor) -> None:
    """Move every row to its network layer, as far as there is one."""
    rows = np.arange(len(cursor))
    for _ in range(MAX_SHIMS):
        kinds = cursor.kind[rows]
        rows = rows[(kinds != IPV4_TYPE) & (kinds != IPV6_TYPE)]
        if not rows.size:
            return
        _measure(cursor, rows)
        rows = np.concatenate([rows[:0], *_stepped(buffer, cursor, rows)])


def _stepped(buffer: Buffer, cursor: Cursor, rows: Ints) -> list[Ints]:
    """Step over one shim of each of these rows; those that had one."""
    kinds = cursor.kind[rows]
    stepped = []
    for kind, step in STEPS.items():
        of = rows[kinds == kind]
        if len(of) == len(cursor):
            step(buffer, cursor)
        elif of.size:
            part = cursor.where(of)
            step(buffer, part)
            cursor.put(of, part)
        stepped.append(of)
    return stepped


def _measure(cursor: Cursor, rows: Ints) -> None:
    """Where an 802.3 length stands in place of a type, LLC follows, and the rest is padding."""
    kind = cursor.kind[rows]
    measured = rows[(kind > LLC) & (kind < SHORTEST_TYPE)]
    bound = cursor.position[measured] + cursor.kind[measured]
    cursor.wire_end[measured] = np.minimum(cursor.wire_end[measured], bound)
    cursor.end[measured] = np.minimum(cursor.end[measured], bound)
    cursor.kind[measured] = LLC


def _tag(buffer: Buffer, cursor: Cursor) -> None:
    """802.1Q and 802.1ad."""
    at = cursor.position
    cursor.step(4, buffer.uint(">u2", at + 2))
    cursor.vlan = np.where(cursor.kind != BROKEN, buffer.uint(">u2", at) & 0x0FFF, cursor.vlan)


def _pppoe(buffer: Buffer, cursor: Cursor) -> None:
    """RFC 2516 4. Some senders count padding into the IP length; PPPoE's own length knows better."""
    at = cursor.position
    cursor.step(6, PPP_TYPE)
    cursor.wire_end = np.minimum(cursor.wire_end, at + 6 + buffer.uint(">u2", at + 4))
    cursor.end = np.minimum(cursor.end, np.maximum(cursor.wire_end, cursor.position))


def _ppp(buffer: Buffer, cursor: Cursor) -> None:
    """RFC 1661 2: address and control may be left out, and so may the first byte of the protocol (RFC 1662 3.1)."""
    framed = (cursor.position + 2 <= cursor.end) & (buffer.uint(">u2", cursor.position) == 0xFF03)
    at = cursor.position + np.where(framed, 2, 0)
    wide = buffer.uint(">u2", at)
    compressed = wide & 0x0100 > 0
    protocol = np.where(compressed, wide >> 8, wide)
    kind = np.where(protocol >= PPP_CONTROL, NOTHING, UNKNOWN_NETWORK)
    for number, inside in PPP_KINDS.items():
        kind = np.where(protocol == number, inside, kind)
    for number in PPP_ENCRYPTED:
        kind = np.where(protocol == number, ENCRYPTED, kind)
    cursor.step(np.where(framed, 2, 0) + np.where(compressed, 1, 2), kind)


def _labels(buffer: Buffer, cursor: Cursor) -> None:
    """MPLS (RFC 3032): labels up to the bottom of the stack. What follows has no type; IP is told by its version.

    A zero there is the control word of a pseudo wire (RFC 4448), taken for Ethernet when its type field is a known one.
    """
    at, end = cursor.position, cursor.end
    inside = np.zeros(len(cursor), np.bool_)
    for _ in range(MAX_LABELS):
        bottom = buffer.octets[at + 2] & 1 > 0
        at = np.where(inside, at, np.minimum(at + 4, end))
        inside |= bottom
        if inside.all():
            break
    wire = np.isin(buffer.uint(">u2", at + 16), BRIDGED_TYPES) & (at + 18 <= end) & (buffer.octets[at] >> 4 == 0)
    kind = np.where(wire, ETHERNET_TYPE, by_version(buffer, at, UNKNOWN_NETWORK))
    cursor.step(at - cursor.position + np.where(wire, 4, 0), np.where(inside & (at < end), kind, BROKEN))


def _llc(buffer: Buffer, cursor: Cursor) -> None:
    """802.2 with SNAP (RFC 1042), Cisco's discovery included; other service access points carry no IP today."""
    at = cursor.position
    snap = (at + 3 <= cursor.end) & (buffer.uint(">u2", at) == 0xAAAA) & (buffer.octets[at + 2] == 3)
    organisation = buffer.uint(">u4", at + 2) & 0xFFFFFF
    typed = snap & ((organisation == 0) | (organisation == 0x0000F8))  # RFC 1042; 802.1H bridge tunnels
    inside = buffer.uint(">u2", at + 6)
    inside = np.where(inside < SHORTEST_TYPE, NOTHING, inside)
    discovery = snap & (organisation == CISCO) & (inside == CDP_TYPE) & (at + 8 <= cursor.end)
    inside = np.where(typed | discovery, inside, NOTHING)
    cursor.step(np.where(typed | discovery, 8, 0), inside)


def _bridged(buffer: Buffer, cursor: Cursor) -> None:
    """An Ethernet frame inside something else: its own addresses and tags are what counts."""
    at = cursor.position
    cursor.step(14, buffer.uint(">u2", at + 12))
    whole = cursor.kind != BROKEN
    cursor.hardware = np.where(whole, at + 6, cursor.hardware)
    cursor.vlan = np.where(whole, NO_TAG, cursor.vlan)


def _backbone(buffer: Buffer, cursor: Cursor) -> None:
    """802.1ah: a service tag before the customer's frame."""
    cursor.step(4, ETHERNET_TYPE)


def _sealed(buffer: Buffer, cursor: Cursor) -> None:
    """MACsec."""
    cursor.step(0, ENCRYPTED)


STEPS: dict[int, Step] = {
    LLC: _llc,
    ETHERNET_TYPE: _bridged,
    PPP_TYPE: _ppp,
    MPLS_TYPE: _labels,
    MULTICAST_MPLS: _labels,
    0x8100: _tag,
    0x88A8: _tag,
    0x9100: _tag,
    0x8864: _pppoe,
    0x88E5: _sealed,
    0x88E7: _backbone,
}
"""How each kind of shim is stepped over."""
