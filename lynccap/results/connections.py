"""The table `connections`: every conversation, with what its ends are."""

from typing import Any

import pandas as pd

from lynccap.analysis.flows import roles_at_ports
from lynccap.analysis.study import Study
from lynccap.correlation.case import Case
from lynccap.correlation.origins import Origins
from lynccap.results.building import of_columns
from lynccap.results.rows import ConnectionRow

_AS_READ = (
    *("transport", "client", "client_port", "server", "server_port", "service", "service_basis", "stack", "opening"),
    *("closing", "first_time", "frames_client", "frames_server", "bytes_client", "bytes_server"),
    *("retransmitted_client", "retransmitted_server"),
)


def connections(study: Study) -> pd.DataFrame:
    """One row a conversation, in order of appearance."""
    parts = [of_columns(ConnectionRow, _columns(case, files)) for case, files in study]
    return pd.concat(parts, ignore_index=True)


def _columns(case: Case, files: Origins) -> dict[str, Any]:
    flows = case.flows
    first = [files.place(int(frame)) for frame in flows["first_frame"]]
    return {
        **{name: flows[name] for name in _AS_READ},
        "capture": [name for name, _ in first],
        "first_frame": [frame for _, frame in first],
        "last_frame": [files.place(int(frame))[1] for frame in flows["last_frame"]],
        "seconds": (flows["last_time"] - flows["first_time"]) / 1e9,
        "client_device": _devices(case, "client"),
        "server_device": _devices(case, "server"),
        "role": roles_at_ports(case),
    }


def _devices(case: Case, side: str) -> list[str]:
    known = {address: one.id for address, one in case.devices.devices.items()}
    return [known.get(address, "") for address in case.flows[side]]
