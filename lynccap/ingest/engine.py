"""One capture's way from frames to rows: holds the state that lives from window to window."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from lynccap.ingest.decoding import MAX_ANNOUNCEMENTS, MAX_RESOLUTIONS, Decoder, Packets
from lynccap.ingest.flows.flow_rows import FlowRows, repeat_columns
from lynccap.ingest.flows.flow_table import MAX_CONTROL_ROWS, FlowTable
from lynccap.ingest.flows.icmp import MAX_ERRORS, IcmpErrors
from lynccap.ingest.flows.sequences import Sequences
from lynccap.ingest.frames import Extent, Frames
from lynccap.ingest.recordings.files import FileFacts
from lynccap.ingest.recordings.merging import Origins
from lynccap.ingest.recordings.noted import tables_of
from lynccap.ingest.schemas import Arrays, columns_from, columns_of_rows
from lynccap.ingest.soundness.clock import Clock
from lynccap.ingest.soundness.copies import Copies
from lynccap.ingest.soundness.offload import Offload
from lynccap.ingest.streams.kept import Streams
from lynccap.ingest.streams.neighbours import neighbours_of
from lynccap.tables import DECRYPTIONS

NO_LINK = -1  # of records that hold no packet
Secrets = tuple[bytes, ...]
CONTROL_COLUMNS = ("frame", "time", "flags", "seq", "ack", "ttl", "ip_id", "window", "options", "pause", "ip_id_before")


@dataclass(slots=True)
class CaptureParts(Extent):
    """What one capture yields, before captures are joined; flow numbers are rows of its own `flows`."""

    name: str = ""
    digits: int = 0
    snap_length: int = 0
    snapped: int = 0
    undecoded: int = 0
    reordered: int = 0
    large_frames: int = 0
    unsealed_hosts: tuple[str, ...] = ()
    links: tuple[int, ...] = ()
    copies: int = 0
    routed_copies: int = 0
    undecoded_reasons: tuple[tuple[str, int], ...] = ()
    fragments_incomplete: int = 0
    fragments_overlapping: int = 0
    damage: str = ""
    recorder: str = ""
    secrets: Secrets = ()
    flows: Arrays = field(default_factory=dict)
    tcp_frames: Arrays = field(default_factory=dict)
    icmp: Arrays = field(default_factory=dict)
    tables: dict[str, Arrays] = field(default_factory=dict)
    """The other tables by name."""

    @property
    def extent(self) -> tuple[int, int, int, int]:
        """What no two recordings share: packets, captured bytes, and the times of the first and last packet."""
        return self.packets, self.bytes, self.first_time, self.last_time

    def take_files(self, files: Sequence[FileFacts], origins: Origins) -> None:
        """Note what the files say that the frames came from."""
        self.digits = max(one.digits for one in files)
        limits = [one.snap_length for file in files for one in file.notes.interfaces if one.snap_length]
        self.snap_length = min(limits, default=0)
        self.damage = "; ".join(
            one.damage if len(files) == 1 else f"{one.name}: {one.damage}" for one in files if one.damage
        )
        self.recorder = "; ".join(dict.fromkeys(one.notes.recorder for one in files if one.notes.recorder))
        self.secrets = tuple(secret for one in files for secret in one.notes.secrets)
        self.tables |= tables_of(files)
        self.tables["origins"] = {
            "first": np.array(origins.first, np.int64),
            "file": np.array(origins.file, np.int64),
            "frame": np.array(origins.frame, np.int64),
        }


class Engine:
    """Takes one capture's frames, window by window."""

    def __init__(self) -> None:
        """Nothing seen yet."""
        self._parts = CaptureParts()
        self._clock = Clock()
        self._offload = Offload()
        self._links: set[int] = set()
        self._copies = Copies()
        self._flows = FlowTable()
        self._decoder = Decoder(self._flows.intern)
        self._sequences = Sequences()
        self._icmp = IcmpErrors()
        self._streams = Streams()

    def add(self, frames: Frames) -> None:
        """Read one window."""
        self._count(frames)
        flows = self._flows.flows.rows
        self._take(self._decoder.decode(frames))
        self._flows.note_interfaces(frames, flows)

    def _take(self, packets: Packets) -> None:
        if not len(packets):
            return
        self._offload.add(packets)
        copies = self._copies.find(packets)
        if copies is not None:
            packets, again = packets.where(~copies), packets.where(copies)
        numbered = self._flows.add(packets)
        if copies is not None:
            self._flows.count_copies(again)
        offsets = self._sequences.add(packets, numbered, self._flows.flows.rows * 2)
        self._icmp.add(packets, numbered, self._flows)
        self._streams.add(packets, numbered, offsets, self._flows)

    def finish(self) -> CaptureParts:
        """The rows of everything that was read."""
        for packets in self._decoder.finish():
            self._take(packets)
        parts, decoder = self._parts, self._decoder
        parts.undecoded = decoder.unread.total()
        parts.undecoded_reasons = tuple(sorted(decoder.unread.items(), key=lambda one: (-one[1], one[0])))
        parts.fragments_incomplete, parts.fragments_overlapping = decoder.incomplete, decoder.overlapping
        flow_rows = FlowRows(self._flows, self._sequences)
        parts.icmp = self._icmp.columns(flow_rows)
        parts.tcp_frames = self._control(flow_rows)
        yielded = self._streams.finish(self._flows, flow_rows)
        parts.tables = yielded.tables
        parts.tables["neighbours"] = neighbours_of(decoder.announcements.kept)
        parts.tables["arp"] = decoder.resolutions.columns()
        self._say_bounds()
        parts.reordered = self._clock.reordered
        parts.large_frames, parts.unsealed_hosts = self._offload.large_frames, self._offload.hosts()
        parts.links = tuple(sorted(self._links - {NO_LINK}))
        parts.tables["clock_steps"] = self._clock.steps()
        parts.tables["decryptions"] = columns_of_rows(DECRYPTIONS, [])
        parts.copies, parts.routed_copies = self._copies.count, self._copies.routed
        parts.tables["repeats"] = repeat_columns(self._sequences, flow_rows)
        parts.flows = flow_rows.columns(yielded.stack, yielded.basis)
        return parts

    def _say_bounds(self) -> None:
        """An anomaly for every table that holds only the beginning of what there was."""
        kept = (
            ("tcp", "frames with SYN, FIN, RST or a closed window", self._flows.control_rows, MAX_CONTROL_ROWS),
            ("icmp", "ICMP errors", self._icmp.rows, MAX_ERRORS),
            ("lldp", "announcements of neighbours", self._decoder.announcements.count, MAX_ANNOUNCEMENTS),
            ("arp", "questions for hardware addresses and answers", self._decoder.resolutions.count, MAX_RESOLUTIONS),
        )
        rows = [
            (-1, 0, 0, False, protocol, "bounded", f"{count} {what}; the first {limit} are listed")
            for protocol, what, count, limit in kept
            if count > limit
        ]
        bounded, held = columns_from("anomalies", rows), self._parts.tables["anomalies"]
        self._parts.tables["anomalies"] = {name: np.concatenate((bounded[name], held[name])) for name in held}

    def _count(self, frames: Frames) -> None:
        parts = self._parts
        parts.count(frames)
        self._clock.add(frames)
        self._links.update(np.unique(frames.link).tolist() if np.ptp(frames.link) else frames.link[:1].tolist())
        parts.snapped += int((frames.captured < frames.wire).sum())

    def _control(self, flow_rows: FlowRows) -> Arrays:
        kept = self._flows.control or [np.zeros((len(CONTROL_COLUMNS) + 1, 0), np.int64)]
        side, *columns = (np.concatenate([part[place] for part in kept]) for place in range(len(CONTROL_COLUMNS) + 1))
        self._flows.control.clear()
        order = np.argsort(columns[0], kind="stable")  # copies of resets come behind the others of their window
        side, columns = side[order], [column[order] for column in columns]
        arrays: Arrays = dict(zip(CONTROL_COLUMNS, columns, strict=True))
        if len(side):
            return {"flow": flow_rows.index[side >> 1], "from_client": flow_rows.from_client(side), **arrays}
        return {"flow": side, "from_client": side > 0, **arrays}
