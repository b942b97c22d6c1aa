"""Keeps who asked for which IPv4 address on the link, and who said it is theirs: ARP (RFC 826)."""

import socket
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lynccap.ingest.decoding.cursor import ARP_TYPE, Cursor
from lynccap.ingest.decoding.stamps import Stamps
from lynccap.ingest.frames import Buffer, Flags, Ints

MAX_RESOLUTIONS = 50_000  # of one capture: a large VLAN asks some ten times a second, a scan says no more than this
KINDS = np.array(["", "request", "reply"], object)

_MESSAGE = np.dtype(
    {
        "names": ["form", "operation", "mac_high", "mac_low", "sender", "target"],
        "formats": [">u8", ">u2", ">u2", ">u4", ">u4", ">u4"],
        "offsets": [0, 6, 8, 10, 14, 24],
        "itemsize": 28,
    }
)
_ETHERNET_IPV4 = 0x0001_0800_0604  # the kinds of both addresses and their lengths, before the operation
_COLUMNS = ("frame", "time", "kind", "mac", "address", "target", "vlan")


class Resolutions:
    """The questions and answers of one capture."""

    def __init__(self) -> None:
        """None yet."""
        self.count = 0
        """All that were seen."""
        self._parts: list[Ints] = []

    def add(self, buffer: Buffer, stamps: Stamps, cursor: Cursor) -> None:
        """Keep those among the frames of a window; `cursor` stands at their network layer."""
        rows = np.flatnonzero((cursor.kind == ARP_TYPE) & (cursor.position + _MESSAGE.itemsize <= cursor.end))
        if not rows.size:
            return
        message = buffer.gather("V28", cursor.position[rows]).view(_MESSAGE)
        sound: Flags = (message["form"] >> 16 == _ETHERNET_IPV4) & np.isin(message["operation"], (1, 2))
        rows, message = rows[sound], message[sound]
        room = slice(max(MAX_RESOLUTIONS - self.count, 0))
        self.count += len(rows)
        of, names = cursor.row[rows], ("operation", "mac_high", "mac_low", "sender", "target")
        operation, high, low, sender, target = (message[name].astype(np.int64) for name in names)
        values = (stamps.number[of], stamps.time[of], operation, high << 32 | low, sender, target, cursor.vlan[rows])
        self._parts.append(np.stack(values)[:, room])

    def columns(self) -> dict[str, NDArray[Any]]:
        """The columns of ARP but `capture`."""
        parts = self._parts or [np.zeros((len(_COLUMNS), 0), np.int64)]
        one: dict[str, NDArray[Any]] = dict(zip(_COLUMNS, np.concatenate(parts, axis=1), strict=True))
        one["kind"] = KINDS[one["kind"]]
        one["mac"] = _texts(one["mac"], lambda code: code.to_bytes(6, "big").hex(":"))
        for name in ("address", "target"):
            one[name] = _texts(one[name], lambda code: socket.inet_ntoa(struct.pack(">I", code)))
        return one


def _texts(codes: Ints, text: Callable[[int], str]) -> NDArray[Any]:
    """One shared text for each different code."""
    different, place = np.unique(codes, return_inverse=True)
    texts = np.empty(len(different), object)
    texts[:] = [text(code) for code in different.tolist()]
    return texts[place.reshape(-1)]
