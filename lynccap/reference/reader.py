"""CSV files of this package into rows."""

import csv
import dataclasses
from collections.abc import Callable
from importlib.resources import files
from typing import Any, TypeVar

Row = TypeVar("Row")

SEPARATOR = "|"
_TRUTH = {"true": True, "false": False}


def _texts(cell: str) -> tuple[str, ...]:
    return tuple(cell.split(SEPARATOR)) if cell else ()


def _number(cell: str) -> int:
    return int(cell, 0)  # flags are written in hexadecimal


def _numbers(cell: str) -> tuple[int, ...]:
    return tuple(_number(one) for one in _texts(cell))


_CONVERTERS: dict[Any, Callable[[str], Any]] = {
    str: str,
    int: _number,
    float: float,
    bool: _TRUTH.__getitem__,
    int | None: lambda cell: _number(cell) if cell else None,
    float | None: lambda cell: float(cell) if cell else None,
    tuple[str, ...]: _texts,
    tuple[int, ...]: _numbers,
}


def read(row_type: type[Row], name: str) -> tuple[Row, ...]:
    """The rows of the file `name`, in its order.

    Raises ValueError when the header is not the fields of `row_type` or a row has too few or too many cells.
    """
    fields = dataclasses.fields(row_type)  # type: ignore[arg-type]
    converters = [_CONVERTERS[one.type] for one in fields]
    text = files("lynccap.reference").joinpath(name).read_text("utf-8")
    header, *records = csv.reader(text.splitlines())
    if header != [one.name for one in fields]:
        raise ValueError(f"{name}: columns {header} are not the fields of {row_type.__name__}")
    return tuple(
        row_type(*(convert(cell) for convert, cell in zip(converters, record, strict=True))) for record in records
    )
