"""What the document tells of services."""

from collections import Counter

from lynccap.analysis.study import Study
from lynccap.document import Service


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
