"""From the flow table's columns to the rows of FLOWS: who is the client, how it opened and closed."""

import socket
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lynccap.ingest.decoding import TCP, UDP
from lynccap.ingest.flows.flow_table import NEVER, FlowTable, endpoints
from lynccap.ingest.flows.sequences import Sequences
from lynccap.ingest.frames import Flags, Ints
from lynccap.ingest.schemas import columns_of_rows
from lynccap.tables import REPEATS

PAIRS = {
    "frames": "frames_{}",
    "bytes": "bytes_{}",
    "data_frames": "data_frames_{}",
    "first_frame": "first_frame_{}",
    "last_frame": "last_frame_{}",
    "ttl_min": "ttl_{}_min",
    "ttl_max": "ttl_{}_max",
    "copies": "copies_{}",
}


class FlowRows:
    """The finished flows of one capture, in order of first appearance."""

    def __init__(self, table: FlowTable, sequences: Sequences) -> None:
        """Decide clients and the order of `table`'s flows."""
        self._table = table
        self._sequences = sequences
        count = table.flows.rows
        first = table.sides.column("first_frame").reshape(-1, 2)[:count]
        opened = np.where(first > 0, first, NEVER).min(axis=1)
        self.order = np.argsort(opened, kind="stable")
        self.index = np.empty(count, np.int64)
        """The row of each flow number."""
        self.index[self.order] = np.arange(count)
        self.client_side, self.originator = self._clients(first[self.order])
        first_key, second_key = table.tuples.keys()
        tuples = table.flows.column("tuple")[self.order]
        self.endpoints = endpoints(first_key[tuples], second_key[tuples])

    def from_client(self, side: Ints) -> Flags:
        """Whether each side is its flow's client."""
        sent: Flags = (side & 1) == self.client_side[self.index[side >> 1]]
        return sent

    def pair(self, name: str, last: bool = False) -> tuple[NDArray[Any], NDArray[Any]]:
        """A side column as the client's and the server's; at the `last` use its memory is freed."""
        sides = self._table.sides
        return self._pick(sides.last(name) if last else sides.column(name))

    def columns(self, stack: NDArray[Any], basis: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """The columns of FLOWS but `capture`; `stack` and `basis` come by flow number. To be called once."""
        tcp = self.endpoints["protocol"] == TCP
        data: dict[str, NDArray[Any]] = {"transport": self._transports(), **self._addresses()}
        data["originator"] = _words(self.originator, ("first-frame", "syn-ack", "syn"))
        data["client_mac"], data["server_mac"] = (self._macs(one) for one in self.pair("mac", last=True))
        for name in ("vlan", "interface"):
            data[name] = self._table.flows.column(name)[self.order].astype(np.int64)
        data["stack"], data["basis"] = stack[self.order], basis[self.order]
        data["closing"] = self._closings(tcp)
        data["opening"] = self._openings(tcp)
        data["syns"] = np.add(*self.pair("syns", last=True)).astype(np.int64)
        data["syn_time"] = self.pair("syn_time", last=True)[0]
        data["syn_ack_time"] = self.pair("syn_ack_time", last=True)[1]
        data["lost_client"], data["lost_server"] = self._pick(self._sequences.lost())
        data["next_seq_client"], data["next_seq_server"] = self._pick(self._sequences.following())
        data["unanswered_client"], data["unanswered_server"] = self._pick(self._sequences.unanswered())
        retransmitted = self._pick(self._sequences.sides.last("retransmitted"))
        data["retransmitted_client"], data["retransmitted_server"] = retransmitted
        data.update(self._extremes())
        for name, form in PAIRS.items():
            client, server = self.pair(name, last=True)
            if name == "ttl_min":
                client, server = (np.where(one > 255, 0, one) for one in (client, server))
            data[form.format("client")], data[form.format("server")] = client, server
        return data

    def address_texts(self, version: Ints, code: Ints) -> NDArray[Any]:
        """Addresses as text, one shared object for each different address."""
        keys = (version == 6).astype(np.int64) << 32 | code
        different, place = np.unique(keys, return_inverse=True)
        high, low = self._table.addresses.keys()
        texts = np.empty(len(different), object)
        for row, key in enumerate(different.tolist()):
            number = key & 0xFFFFFFFF
            if key >> 32:
                packed = struct.pack(">2Q", int(high[number]), int(low[number]))
                texts[row] = socket.inet_ntop(socket.AF_INET6, packed)
            else:
                texts[row] = socket.inet_ntoa(struct.pack(">I", number))
        return texts[place.reshape(-1)]

    def listeners(self) -> tuple[NDArray[Any], Ints]:
        """Transport and server port of every flow."""
        upper = self.client_side == 1
        return self._transports(), np.where(upper, self.endpoints["lower_port"], self.endpoints["upper_port"])

    def _pick(self, column: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        sides = column[: 2 * len(self.order)].reshape(-1, 2)[self.order]
        rows = np.arange(len(sides))
        return sides[rows, self.client_side], sides[rows, 1 - self.client_side]

    def _clients(self, first: NDArray[Any]) -> tuple[Ints, Ints]:
        """The client's side bit, and what it rests on: 2 SYN, 1 SYN-ACK, 0 first frame."""
        sides = self._table.sides

        def earliest(name: str) -> tuple[Ints, Flags]:
            frames = sides.column(name)[: 2 * len(self.order)].reshape(-1, 2)[self.order]
            frames = np.where(frames > 0, frames, NEVER)
            return np.argmin(frames, axis=1), frames.min(axis=1) < NEVER

        sender, has_syn = earliest("syn_frame")
        answerer, has_answer = earliest("syn_ack_frame")
        starter = np.argmin(np.where(first > 0, first, NEVER), axis=1)
        side = np.where(has_syn, sender, np.where(has_answer, 1 - answerer, starter))
        return side, np.where(has_syn, 2, np.where(has_answer, 1, 0))

    def _transports(self) -> NDArray[Any]:
        protocol = self.endpoints["protocol"]
        names = np.array([f"ip-{number}" for number in range(256)], object)
        names[TCP], names[UDP] = "tcp", "udp"
        return names[protocol]

    def _addresses(self) -> dict[str, NDArray[Any]]:
        ends = self.endpoints
        upper = self.client_side == 1
        version = ends["version"]
        client = np.where(upper, ends["upper"], ends["lower"])
        server = np.where(upper, ends["lower"], ends["upper"])
        texts = self.address_texts(np.concatenate((version, version)), np.concatenate((client, server)))
        return {
            "client": texts[: len(version)],
            "client_port": np.where(upper, ends["upper_port"], ends["lower_port"]),
            "server": texts[len(version) :],
            "server_port": np.where(upper, ends["lower_port"], ends["upper_port"]),
        }

    def _macs(self, codes: Ints) -> NDArray[Any]:
        different, place = np.unique(codes, return_inverse=True)
        texts = np.array([_mac(code) for code in different.tolist()], object)
        return texts[place.reshape(-1)]

    def _extremes(self) -> dict[str, NDArray[Any]]:
        first_client, first_server = self.pair("first_time", last=True)
        last_client, last_server = self.pair("last_time", last=True)
        frame_client, frame_server = self.pair("first_frame")
        ended = np.maximum(*self.pair("last_frame"))
        begun = np.where(frame_client == 0, NEVER, frame_client)
        return {
            "first_time": np.minimum(first_client, first_server),
            "last_time": np.maximum(last_client, last_server),
            "first_frame": np.minimum(begun, np.where(frame_server == 0, NEVER, frame_server)),
            "last_frame": ended,
            "first_time_client": np.where(first_client == NEVER, 0, first_client),
            "first_time_server": np.where(first_server == NEVER, 0, first_server),
            "last_time_client": last_client,
            "last_time_server": last_server,
        }

    def _openings(self, tcp: Flags) -> NDArray[Any]:
        words = ("answered", "one-way", "established", "half-open", "refused", "unanswered", "midstream")
        client_frames, server_frames = self.pair("frames")
        both = (client_frames > 0) & (server_frames > 0)
        syn = self.pair("syn_frame", last=True)[0] > 0
        answered = self.pair("syn_ack_frame", last=True)[1] > 0
        reset = self.pair("rst_frame", last=True)[1] > 0
        client_acks, server_acks = (one > 0 for one in self.pair("ack_frame", last=True))
        # A client that acknowledges has seen a SYN-ACK, even where this capture has not.
        kind = np.select(
            [~tcp & both, ~tcp, ~syn, client_acks, reset & ~answered & ~server_acks, server_frames == 0],
            [0, 1, 6, 2, 4, 5],
            3,
        )
        return _words(kind, words)

    def _closings(self, tcp: Flags) -> NDArray[Any]:
        words = ("client-fin", "server-fin", "client-rst", "server-rst", "")
        ends = np.stack([*self.pair("fin_frame"), *self.pair("rst_frame")])
        ends = np.where(ends > 0, ends, NEVER)
        return _words(np.where(tcp & (ends.min(axis=0) < NEVER), np.argmin(ends, axis=0), 4), words)


def repeat_columns(sequences: Sequences, flow_rows: FlowRows) -> dict[str, NDArray[Any]]:
    """The columns of REPEATS, in order of flows."""
    stuck = sequences.repeats.stuck()
    side = np.array(list(stuck), np.int64)
    flow, from_client = side, side > 0
    if len(side):
        flow, from_client = flow_rows.index[side >> 1], flow_rows.from_client(side)
    acked, passed = sequences.acknowledged(), sequences.passed()
    rows = [
        (one.first_frame, one.last_frame, one.first_time, one.last_time, one.size, one.tries,
         bool(acked[number] >= one.start + one.size), one.cut, one.cut_frame, int(passed[number]))
        for number, one in stuck.items()
    ]  # fmt: skip
    names = [name for name in REPEATS if name not in ("flow", "from_client")]
    columns = columns_of_rows({name: REPEATS[name] for name in names}, rows)
    order = np.argsort(flow, kind="stable")
    return {name: column[order] for name, column in {"flow": flow, "from_client": from_client, **columns}.items()}


def _words(codes: Ints, words: tuple[str, ...]) -> NDArray[Any]:
    return np.array(words, object)[codes]


def _mac(code: int) -> str:
    return ":".join(f"{byte:02x}" for byte in code.to_bytes(6, "big")) if code >= 0 else ""
