"""Every conversation as a record."""

from typing import Any

from lynccap.analysis.study import Study
from lynccap.correlation.case import Case
from lynccap.correlation.origins import Origins
from lynccap.document import rfc3339

FLOW_COLUMNS = (
    "capture",
    "transport",
    "client",
    "client_port",
    "server",
    "server_port",
    "service",
    "stack",
    "service_basis",
    "role",
    "outcome",
    "first_time",
    "seconds",
    "frames_client",
    "frames_server",
    "bytes_client",
    "bytes_server",
    "first_frame",
)


def flow_rows(study: Study) -> list[dict[str, Any]]:
    """Every conversation as one record with FLOW_COLUMNS, in order of appearance."""
    return [row for case in study.cases for row in _flow_rows(case)]


def _flow_rows(case: Case) -> list[dict[str, Any]]:
    captures = case.tables.captures
    flows = case.flows
    digits = flows["capture"].map(captures["digits"])
    outcome = flows["opening"].where(flows["closing"] == "", flows["opening"] + ", " + flows["closing"])
    origins = Origins(case.tables, case.tables.files["name"].tolist())
    captured, first = origins.places(flows["first_frame"])
    shown = flows.assign(
        capture=captured,
        first_frame=first,
        role=roles_at_ports(case),
        outcome=outcome,
        first_time=[rfc3339(int(time), int(count)) for time, count in zip(flows["first_time"], digits, strict=True)],
        seconds=((flows["last_time"] - flows["first_time"]) / 1e9).round(6),
    )
    records: list[dict[str, Any]] = shown[list(FLOW_COLUMNS)].to_dict("records")
    return records


def roles_at_ports(case: Case) -> list[str]:
    """The role each flow's server holds at the flow's port, "" where none is known."""
    ends = list(zip(case.flows["server"], case.flows["server_port"], strict=True))
    known = set(case.roles.claims)
    words = {(server, port): case.roles.word(server, int(port)) for server, port in set(ends) if server in known}
    return [words.get(end, "") for end in ends]
