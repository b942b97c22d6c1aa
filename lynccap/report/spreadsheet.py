"""A document as CSV: one row a finding and its device, safe to open in a spreadsheet."""

import csv
import io
from collections.abc import Iterator

from lynccap.document import Document, Finding
from lynccap.report.plain import visible

COLUMNS = (
    *(
        "finding",
        "rule",
        "severity",
        "confidence",
        "title",
        "device",
        "device_names",
        "device_kind",
        "device_macs",
    ),
    *("peer", "port", "transport", "service", "says", "why", "causes", "fix", "act", "caused_by", "reading"),
    *("captures", "frames", "display_filters"),
)
SEPARATOR = " | "  # between the parts of one cell
FORMULA_STARTS = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "＝",
    "＋",
    "－",
    "＠",
)  # what a spreadsheet may run, wide forms too


def render_csv(document: Document) -> str:
    """Findings as RFC 4180 with a header line; an apostrophe leads cells that a spreadsheet would run."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(COLUMNS)
    for row in _rows(document):
        writer.writerow([neutral(value) for value in row])
    return out.getvalue()


def neutral(text: str) -> str:
    """`text` as a spreadsheet may show it, never run it: an apostrophe leads what could be a formula."""
    dangerous = text.startswith(FORMULA_STARTS) or text.lstrip().startswith(FORMULA_STARTS)
    return visible(f"'{text}" if dangerous else text)


def _rows(document: Document) -> Iterator[tuple[str, ...]]:
    devices = {key: one for one in reversed(document.devices) for key in (*one.addresses, one.id)}
    captures = {one.id: one.name for one in document.captures}
    for one in document.findings:
        device = devices.get(one.device or "")
        yield (
            *(one.id, one.rule, one.severity.value, one.confidence.value, one.title, one.device or ""),
            SEPARATOR.join(device.names) if device else "",
            device.kind if device else "",
            SEPARATOR.join(device.macs) if device else "",
            *(one.peer or "", str(one.port or ""), one.transport or "", one.service or "", one.says, one.why),
            *(
                SEPARATOR.join(one.causes),
                SEPARATOR.join(one.fix),
                SEPARATOR.join(one.act),
                one.caused_by or "",
                one.reading.value,
            ),
            *_proof(one, captures),
        )


def _proof(finding: Finding, captures: dict[str, str]) -> tuple[str, str, str]:
    names = dict.fromkeys(captures.get(one.capture, one.capture) for one in finding.evidence)
    frames = (" ".join(map(str, one.frames)) for one in finding.evidence)
    filters = (one.display_filter for one in finding.evidence)
    return SEPARATOR.join(names), SEPARATOR.join(frames), SEPARATOR.join(filters)
