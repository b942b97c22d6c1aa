"""The list of conversations: for a terminal, a spreadsheet, or a program."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from lynccap.report.plain import visible
from lynccap.report.spreadsheet import neutral

SHOWN = ("transport", "client", "server", "service", "stack", "service_basis", "role", "outcome", "frames")


def _table(rows: Sequence[dict[str, Any]]) -> str:
    lines = [SHOWN, *(tuple(visible(text) for text in _line(row)) for row in rows)]
    widths = [max(len(line[place]) for line in lines) for place in range(len(SHOWN))]
    padded = ("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)) for line in lines)
    return "".join(f"{line.rstrip()}\n" for line in padded)


def _line(row: dict[str, Any]) -> tuple[str, ...]:
    client = f"{row['client']}:{row['client_port']}"
    server = f"{row['server']}:{row['server_port']}"
    frames = f"{row['frames_client']}+{row['frames_server']}"
    words = (row[name] for name in ("service", "stack", "service_basis", "role", "outcome"))
    return (row["transport"], client, server, *(str(one) for one in words), frames)


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(rows[0] if rows else ())
    writer.writerows(
        [neutral(str(value)) if isinstance(value, str) else value for value in row.values()] for row in rows
    )
    return out.getvalue()


def _json(rows: Sequence[dict[str, Any]]) -> str:
    return json.dumps(list(rows), indent=1, ensure_ascii=False) + "\n"


FLOW_FORMATS: Mapping[str, Callable[[Sequence[dict[str, Any]]], str]] = MappingProxyType(
    {"table": _table, "csv": _csv, "json": _json}
)
