"""What holds of every capture and every document, whatever the input was."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from lynccap.analysis import Study
from lynccap.correlation.case import Case
from lynccap.correlation.clocks import clock_offsets
from lynccap.correlation.log_ons import read_log_ons
from lynccap.correlation.lookups import read_lookups
from lynccap.correlation.media.stream_quality import read_stream_quality
from lynccap.correlation.tls.issuers import issuer_links
from lynccap.document import Document, Outcome, from_json, to_json
from lynccap.ingest.engine import CaptureParts
from lynccap.ingest.frames import MAX_RECORD, Frames
from lynccap.report import FORMATS
from lynccap.results import ResultTables

Columns = Mapping[str, Any]


def keep_frames(frames: Frames, number: int) -> None:
    """Holds a batch of a reader against the promises; `number` is what its first frame must have."""
    assert len(frames)
    assert frames.number == number
    assert (frames.start >= 0).all()
    assert (frames.captured >= 0).all()
    assert (frames.captured <= frames.wire).all()
    assert (frames.captured <= MAX_RECORD).all()
    assert (frames.start + frames.captured <= frames.buffer.size).all()
    assert (frames.time >= 0).all()


def keep_parts(parts: CaptureParts) -> None:
    """Holds what was read of one capture against the promises."""
    flows, rows = parts.flows, len(parts.flows["client"])
    assert 0 <= parts.first_time <= parts.last_time or not parts.packets
    assert 0 <= parts.undecoded <= parts.packets
    assert 0 <= parts.copies <= parts.packets
    assert "\n" not in parts.damage
    counted = sum(int(flows[name].sum()) for name in COUNTS)
    assert counted <= parts.packets, f"{counted} frames in flows of a capture of {parts.packets}"
    assert all((flows[name] >= 0).all() for name in COUNTS)
    assert (flows["first_time"] <= flows["last_time"]).all()
    assert (flows["first_frame"] <= flows["last_frame"]).all()
    for name, columns in {"flows": flows, "tcp_frames": parts.tcp_frames, "icmp": parts.icmp, **parts.tables}.items():
        _keep_table(name, columns, parts.packets, rows)


COUNTS = ("frames_client", "frames_server", "copies_client", "copies_server")
CLOCKED = ("flows", "media")
"""Tables whose times are all the recorder's; those of messages are what hosts take for the time."""


def _keep_table(name: str, columns: Columns, packets: int, flows: int) -> None:
    assert len({len(values) for values in columns.values()}) <= 1, f"{name}: columns of different length"
    for column, values in columns.items():
        if column == "frame" or column.startswith(("first_frame", "last_frame")):
            low, high = 0, packets
        elif column == "flow":
            low, high = -1, flows - 1
        elif column == "time" or (column.endswith("_time") and name in CLOCKED):
            low, high = 0, np.iinfo(np.int64).max
        else:
            continue
        found = np.asarray(values, np.int64)
        assert ((low <= found) & (found <= high)).all(), f"{name}: {column} outside {low} to {high}"


def keep_books(case: Case) -> None:
    """Holds what is correlated only when somebody asks against the promise that anybody may ask."""
    tables, flows = case.tables, set(case.flows.index)
    for one in case.sessions.values():
        assert one.handshake
    for call in case.dialogs.calls:
        assert call.seconds is None or isinstance(call.seconds, float)
        assert call.diagnostics is None or call.diagnostics.diagnostics
    for subscription in case.dialogs.subscriptions:
        assert subscription.ended is None or isinstance(subscription.ended, str)
    for pair in case.ice.pairs:
        assert pair.flow in flows
        assert pair.first_time >= 0
        assert all(isinstance(one, str) for one in pair.ufrags)
    for allocation in case.relays.allocations:
        assert allocation in case.relays.session_of(allocation)
        assert allocation.active is None or allocation.active in allocation.activations
    for quality in read_stream_quality(tables):
        assert 0 <= quality.loss <= 1
        assert 0 <= (quality.reported_loss or 0) <= 1
    for lookup in read_lookups(tables):
        assert not lookup.answered or lookup.seconds is not None
    assert {one.flow for one in read_log_ons(tables)} <= flows
    assert {one.flow for one in clock_offsets(tables)} <= flows
    assert {one.presented for one in issuer_links(tables)} <= set(tables.certificates.index)
    _keep_calls(case, flows)
    for closing in case.closings.closings:
        assert closing.flow in flows
        assert closing.says
        assert closing.frames == tuple(sorted(closing.frames))


def _keep_calls(case: Case, flows: set[int]) -> None:
    for leg in case.calls.legs:
        assert set(leg.flows) <= flows
        assert leg.begun <= leg.ended
        assert all(0 <= (half.loss or 0) <= 1 for half in (leg.forth, leg.back))
    for one in case.calls.calls:
        assert one.first_time <= one.last_time
        assert one.seconds >= 0


def keep_results(study: Study) -> None:
    """Every table of a study can be made, and those of media point at connections."""
    results = ResultTables(study)
    made = {name: results[name] for name in results}
    carrying = [row for rows in made["media"]["connections"] for row in rows]
    assert set(carrying) <= set(made["connections"].index)
    assert set(made["journeys"]["device"]) <= set(made["devices"]["device"])


def keep_document(document: Document) -> None:
    """Holds a document, and every report of it, against the promises."""
    packets = {one.id: one.packets for one in document.captures}
    for one in document.captures:
        assert (one.first_time or "") <= (one.last_time or "")
    failed = [one for one in document.assessments if one.outcome is Outcome.RULE_FAILED]
    assert not failed, failed
    ids = {one.id for one in document.findings}
    for finding in document.findings:
        assert finding.caused_by in ids - {finding.id} | {None}
        assert finding.evidence
        for proof in finding.evidence:
            _keep_frames(proof.frames, packets[proof.capture])
    for step in (step for device in document.devices for step in device.journey):
        assert not step.frames or step.capture
        _keep_frames(step.frames, packets.get(step.capture or "", 0))
    assert from_json(to_json(document)) == document
    files = {name: made(document) for name, made in FORMATS.items()}
    json.loads(files["sarif"])
    assert all(data.decode() for data in files.values())


def _keep_frames(frames: Iterable[int], packets: int) -> None:
    listed = list(frames)
    assert listed == sorted(set(listed))
    assert not listed or (listed[0] >= 1 and listed[-1] <= packets), f"frames {listed} of {packets}"
