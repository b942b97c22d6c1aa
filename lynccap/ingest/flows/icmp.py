"""ICMP and ICMPv6 errors and the packets they quote (RFC 792, RFC 4443)."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lynccap.ingest.decoding import ICMP, ICMP6, IPV4_TYPE, IPV6_TYPE, OFFSET, TCP, UDP, Packets, bare, network_layer
from lynccap.ingest.flows.flow_rows import FlowRows
from lynccap.ingest.flows.flow_table import FlowTable, Numbered, tuple_keys
from lynccap.ingest.frames import Ints

ERRORS = {4: (3, 4, 5, 11, 12), 6: (1, 2, 3, 4)}
QUOTE_AT = 8  # bytes of ICMP header before the quoted packet
PORT_BYTES = 4
MAX_ERRORS = 100_000  # a flood of errors says no more than its beginning

COLUMNS = (
    "frame", "time", "version", "reporter", "recipient", "type", "code", "tuple_flow", "upper",
    "protocol", "source", "source_port", "destination", "destination_port", "quoted_version",
)  # fmt: skip


class IcmpErrors:
    """The ICMP errors of one capture."""

    def __init__(self) -> None:
        """None yet."""
        self.rows = 0
        self._parts: list[NDArray[np.int64]] = []

    def add(self, packets: Packets, numbered: Numbered, table: FlowTable) -> None:
        """Keep the errors among these packets, with the flow the quoted packet belongs to at this time."""
        network = packets.network
        fourth = np.flatnonzero((network.protocol == ICMP) & (network.version == 4))
        sixth = np.flatnonzero((network.protocol == ICMP6) & (network.version == 6))
        for version, rows, kind in ((4, fourth, IPV4_TYPE), (6, sixth, IPV6_TYPE)):
            if rows.size:
                self._add(packets, numbered, table, rows, version, kind)

    def columns(self, flow_rows: FlowRows) -> dict[str, NDArray[Any]]:
        """The columns of ICMP but `capture`."""
        parts = self._parts or [np.zeros((len(COLUMNS), 0), np.int64)]
        one = dict(zip(COLUMNS, np.concatenate(parts, axis=1), strict=True))
        texts = flow_rows.address_texts
        flow = one["tuple_flow"]
        known = flow >= 0
        side = np.where(known, flow * 2 + one["upper"], 0)
        names = np.array([f"ip-{number}" for number in range(256)], object)
        names[TCP], names[UDP] = "tcp", "udp"
        return {
            "frame": one["frame"],
            "time": one["time"],
            "reporter": texts(one["version"], one["reporter"]),
            "recipient": texts(one["version"], one["recipient"]),
            "type": one["type"],
            "code": one["code"],
            "version": one["version"],
            "flow": np.where(known, flow_rows.index[flow], -1) if len(flow_rows.index) else flow,
            "from_client": known & flow_rows.from_client(side) if len(flow_rows.index) else known,
            "quoted_transport": names[one["protocol"]],
            "quoted_source": texts(one["quoted_version"], one["source"]),
            "quoted_source_port": one["source_port"],
            "quoted_destination": texts(one["quoted_version"], one["destination"]),
            "quoted_destination_port": one["destination_port"],
        }

    def _add(self, packets: Packets, numbered: Numbered, table: FlowTable, rows: Ints, version: int, kind: int) -> None:
        buffer, network = packets.buffer, packets.network
        rows = rows[packets.available[rows] >= QUOTE_AT]
        at = network.position[rows]
        types = buffer.octets[at].astype(np.int64)
        wanted = np.isin(types, ERRORS[version])
        rows, at, types = rows[wanted], at[wanted], types[wanted]
        kinds = np.full(len(rows), kind, np.int64)
        # What is quoted is usually cut short: its own lengths bound nothing here.
        end = network.end[rows]
        quoted, _ = network_layer(buffer, bare(at + QUOTE_AT, kinds, end), table.intern)
        of = quoted.row
        rows, at, types = rows[of], at[of], types[of]
        ported = ((quoted.protocol == TCP) | (quoted.protocol == UDP)) & (quoted.fragment & OFFSET == 0)
        ported &= quoted.position + PORT_BYTES <= end[of]
        ports = np.where(ported, buffer.uint(">u4", quoted.position), 0)
        source_port, destination_port = ports >> 16, ports & 0xFFFF
        first, second, upper = tuple_keys(
            quoted.version, quoted.protocol, quoted.source, quoted.destination, source_port, destination_port
        )
        values = (
            numbered.frame[rows], numbered.time[rows], network.version[rows], network.source[rows],
            network.destination[rows], types, buffer.octets[at + 1].astype(np.int64),
            table.find((first, second), numbered.frame[rows]), upper, quoted.protocol, quoted.source, source_port,
            quoted.destination, destination_port, quoted.version,
        )  # fmt: skip
        room = max(MAX_ERRORS - self.rows, 0)
        self._parts.append(np.stack(values)[:, :room])
        self.rows += len(rows)
