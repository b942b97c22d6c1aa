"""placeholder"""

from dataclasses import dataclass, field
from typing import Any
import numpy as np
from numpy.typing import NDArray


@dataclass(slots=True)
class Yielded:
    rows: dict[str, list[tuple[Any, ...]]]
    stack: NDArray[Any]
    basis: NDArray[Any]


class Streams:
    def add(self, packets: Any, numbered: Any, offsets: Any, table: Any) -> None: ...

    def finish(self, table: Any, flow_rows: Any) -> Yielded:
        n = table.flows.rows
        return Yielded({"anomalies": []}, np.full(n, "", object), np.full(n, "", object))
