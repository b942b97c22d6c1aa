"""HTTP requests with the answers that came to them on the same connection."""

from collections.abc import Iterable, Iterator
from typing import Any


def request_answers(rows: Iterable[Any]) -> Iterator[tuple[Any, Any | None]]:
    """Rows of the http table in their order, as requests with the first answer to each; None where none is readable."""
    asked: list[Any] = []
    answers: dict[int, Any] = {}
    latest: dict[int, Any] = {}
    for row in rows:
        if row.kind == "request":
            latest[row.flow] = row
            asked.append(row)
        elif row.flow in latest:
            answers.setdefault(latest[row.flow].Index, row)
    return ((row, answers.get(row.Index)) for row in asked)
