"""The table `connections`: every conversation, with what its ends are."""

from typing import Any

import pandas as pd

from lynccap.analysis.flows import roles_at_ports
from lynccap.correlation.case import Case
from lynccap.correlation.closings.kinds import EndedBy
from lynccap.correlation.origins import Origins
from lynccap.results.building import of_columns
from lynccap.results.material import Material
from lynccap.results.rows import ConnectionRow

_AS_READ = (
    *("transport", "client", "client_port", "server", "server_port", "service", "service_basis", "stack", "opening"),
    *("closing", "first_time", "frames_client", "frames_server", "bytes_client", "bytes_server"),
    *("retransmitted_client", "retransmitted_server"),
)


def connections(material: Material) -> pd.DataFrame:
    """One row a conversation, in order of appearance."""
    parts = [of_columns(ConnectionRow, _columns(case, files)) for case, files in material.study]
    return pd.concat(parts, ignore_index=True)


def _columns(case: Case, files: Origins) -> dict[str, Any]:
    flows = case.flows
    captures, first = files.places(flows["first_frame"])
    return {
        **{name: flows[name] for name in _AS_READ},
        "capture": captures,
        "first_frame": first,
        "last_frame": files.places(flows["last_frame"])[1],
        "seconds": (flows["last_time"] - flows["first_time"]) / 1e9,
        "client_device": _devices(case, "client"),
        "server_device": _devices(case, "server"),
        "role": roles_at_ports(case),
        **_endings(case),
    }


def _endings(case: Case) -> dict[str, list[Any]]:
    """How conversations ended that did not simply close, and who ended them."""
    columns: dict[str, list[Any]] = {
        "ended_how": [""] * len(case.flows),
        "ended_normally": [True] * len(case.flows),
        "ended_by": [""] * len(case.flows),
        "ended_by_confidence": [""] * len(case.flows),
        "ended_says": [""] * len(case.flows),
    }
    for one in case.closings.closings:
        named = one.ended_by is not EndedBy.UNKNOWN
        told = (str(one.how), one.normal, str(one.ended_by), str(one.confidence) if named else "", one.says)
        for name, value in zip(columns, told, strict=True):
            columns[name][one.flow] = value
    return columns


def _devices(case: Case, side: str) -> list[str]:
    known = {address: one.id for address, one in case.devices.devices.items()}
    return [known.get(address, "") for address in case.flows[side]]
