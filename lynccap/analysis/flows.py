"""What the document tells of services, and every conversation as a record."""

from collections import Counter
from typing import Any

from lynccap.analysis.study import Study
from lynccap.correlation.case import Case
from lynccap.correlation.origins import Origins
from lynccap.document import Service, rfc3339


def services_of(study: Study) -> tuple[Service, ...]:
    """Flows, packets and payload of each service in each stack, over all cases.

    A conversation that several captures show counts once, by the first of them.
    """
    keys = ["service", "stack", "service_basis"]
    totals: Counter[tuple[str, str, str, str]] = Counter()
    for place, case in enumerate(study.cases):
        new = case.flows[~case.flows.index.isin(list(study.crossings.again(place)))]
        flows = new.assign(
            packets=new["frames_client"] + new["frames_server"],
            payload=new["bytes_client"] + new["bytes_server"],
            flows=1,
        )
        sums = flows.groupby(keys, sort=True)[["flows", "packets", "payload"]].sum()
        for row in sums.itertuples():
            for name in ("flows", "packets", "payload"):
                totals[(*row.Index, name)] += int(getattr(row, name))
    found = sorted({key[:3] for key in totals})
    return tuple(Service(*key, *(totals[(*key, name)] for name in ("flows", "packets", "payload"))) for key in found)


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
