"""Rows become a DataFrame with the columns and dtypes of their class."""

import ast
import inspect
from collections.abc import Iterable
from itertools import pairwise
from typing import Any, get_type_hints

import pandas as pd

_DTYPES: dict[Any, str] = {
    int: "int64",
    float: "float64",
    bool: "bool",
    pd.Timestamp: "datetime64[ns, UTC]",
    int | None: "Int64",
    float | None: "float64",
}


def dtypes_of(row_class: type[Any]) -> dict[str, str]:
    """Column to dtype; text and tuples are objects."""
    return {name: _DTYPES.get(hint, "object") for name, hint in get_type_hints(row_class).items()}


def timestamp(nanoseconds: int) -> pd.Timestamp:
    """A time of the tables of ingest; NaT for 0."""
    return pd.Timestamp(nanoseconds, tz="UTC") if nanoseconds else pd.NaT


def meanings_of(row_class: type[Any]) -> dict[str, str]:
    """Column to what it means: the docstrings that follow the fields in the class."""
    (body,) = ast.parse(inspect.getsource(row_class)).body
    assert isinstance(body, ast.ClassDef)
    return {
        field.target.id: inspect.cleandoc(said.value.value)
        for field, said in pairwise(body.body)
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
        if isinstance(said, ast.Expr) and isinstance(said.value, ast.Constant) and isinstance(said.value.value, str)
    }


def of_rows(row_class: type[Any], rows: Iterable[Any]) -> pd.DataFrame:
    """A DataFrame of rows of one class; without rows it has the columns all the same."""
    kept = list(rows)
    return of_columns(row_class, {name: [getattr(row, name) for row in kept] for name in dtypes_of(row_class)})


def of_columns(row_class: type[Any], columns: dict[str, Any]) -> pd.DataFrame:
    """A DataFrame of columns that are named as the fields of the class; times may be nanoseconds since 1970, 0 none."""
    return pd.DataFrame({name: _column(columns[name], dtype) for name, dtype in dtypes_of(row_class).items()})


def _column(values: Any, dtype: str) -> "pd.Series[Any]":
    series = pd.Series(values, dtype=None if dtype.startswith("datetime") else dtype).reset_index(drop=True)
    if not dtype.startswith("datetime"):
        return series
    times = pd.to_datetime(series, utc=True)
    return times.where(series.map(bool), pd.NaT).astype(dtype)
