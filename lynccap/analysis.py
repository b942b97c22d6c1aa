"""The one way from captures to a document: read, correlate, judge, and put it into the contract's form."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lynccap import __version__
from lynccap.correlation.addresses import sort_key
from lynccap.correlation.case import Case, build_case
from lynccap.correlation.devices import DeviceFacts
from lynccap.correlation.journeys import journey
from lynccap.correlation.quality import read_quality
from lynccap.correlation.roles import BASIS_WORDS, NOT_LYNC, ROLE_NAMES
from lynccap.diagnosis.judge import judge
from lynccap.document import Capture, Device, Document, Role, Service, Tool, Topology, rfc3339
from lynccap.ingest import read_tables
from lynccap.ingest.source import Source

Progress = Callable[[int, int], None]


def analyze(sources: Sequence[Source], *, devices: Iterable[str] = (), progress: Progress | None = None) -> Document:
    """The document of one or more captures; `devices` keeps only findings and journeys of these addresses.

    Raises UnreadableCapture when nothing can be read.
    """
    return document_of(build_case(read_tables(sources, progress=progress)), frozenset(devices))


def document_of(case: Case, only: frozenset[str] = frozenset()) -> Document:
    """A correlated case, judged."""
    ids = [f"C{number + 1}" for number in range(len(case.tables.captures))]
    assessments, findings = judge(case, ids)
    wanted = [one for one in case.devices.all() if not only or only & set(one.addresses)]
    return Document(
        tool=Tool("lynccap", __version__),
        captures=_captures(case, ids),
        topology=Topology("inferred", _roles(case)),
        devices=tuple(_device(case, one, ids) for one in wanted),
        services=_services(case),
        assessments=assessments,
        findings=tuple(one for one in findings if not only or one.device in only),
    )


def _captures(case: Case, ids: Sequence[str]) -> tuple[Capture, ...]:
    quality = read_quality(case)
    made = []
    for row in case.tables.captures.itertuples():
        made.append(
            Capture(
                id=ids[row.Index],
                name=row.name,
                sha256=row.sha256,
                format=row.format,
                packets=int(row.packets),
                bytes=int(row.bytes),
                first_time=rfc3339(int(row.first_time), int(row.digits)),
                last_time=rfc3339(int(row.last_time), int(row.digits)),
                quality=quality.get(row.Index, ()),
            )
        )
    return tuple(made)


def _roles(case: Case) -> tuple[Role, ...]:
    by_role: dict[str, list[Any]] = {}
    for address in case.roles.claims:
        if case.roles.is_plausible(address):
            for role in case.roles.roles_of(address) - NOT_LYNC:
                claim = case.roles.best(address, role)
                by_role.setdefault(role, []).append(claim)
    made = []
    for role, claims in sorted(by_role.items()):
        claims.sort(key=lambda one: sort_key(one.address))
        addresses = tuple(one.address for one in claims)
        tied = {name for one in addresses for name in case.names.names_of(one, "dns", "sni")}
        names = sorted(name for name in tied if not name.startswith("_"))
        basis = "; ".join(f"{one.address}: {BASIS_WORDS[one.basis]}, {one.says}" for one in claims)
        made.append(Role(ROLE_NAMES.get(role, role), addresses, tuple(names), basis))
    return tuple(made)


def _device(case: Case, one: DeviceFacts, ids: Sequence[str]) -> Device:
    return Device(
        id=one.id,
        addresses=one.addresses,
        macs=one.macs,
        names=one.names,
        kind=one.kind,
        role=ROLE_NAMES.get(one.role, one.role) if one.role else None,
        basis=one.basis,
        journey=journey(case, one, ids),
    )


def _services(case: Case) -> tuple[Service, ...]:
    flows = case.flows.assign(
        packets=case.flows["frames_client"] + case.flows["frames_server"],
        payload=case.flows["bytes_client"] + case.flows["bytes_server"],
    )
    groups = flows.groupby(["service", "stack", "service_basis"], sort=True)
    return tuple(
        Service(str(service), str(stack), str(basis), len(rows), int(rows["packets"].sum()), int(rows["payload"].sum()))
        for (service, stack, basis), rows in groups
    )


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


def flow_rows(sources: Sequence[Source], *, progress: Progress | None = None) -> list[dict[str, Any]]:
    """Every conversation as one record with FLOW_COLUMNS, in order of appearance.

    Raises UnreadableCapture when nothing can be read.
    """
    case = build_case(read_tables(sources, progress=progress))
    captures = case.tables.captures
    flows = case.flows
    digits = flows["capture"].map(captures["digits"])
    outcome = flows["opening"].where(flows["closing"] == "", flows["opening"] + ", " + flows["closing"])
    shown = flows.assign(
        capture=flows["capture"].map(captures["name"]),
        role=_roles_of(case),
        outcome=outcome,
        first_time=[rfc3339(int(time), int(count)) for time, count in zip(flows["first_time"], digits, strict=True)],
        seconds=((flows["last_time"] - flows["first_time"]) / 1e9).round(6),
    )
    records: list[dict[str, Any]] = shown[list(FLOW_COLUMNS)].to_dict("records")
    return records


def _roles_of(case: Case) -> list[str]:
    """The role each flow's server holds at the flow's port, "" where none is known."""
    ends = list(zip(case.flows["server"], case.flows["server_port"], strict=True))
    known = set(case.roles.claims)
    words = {(server, port): case.roles.word(server, int(port)) for server, port in set(ends) if server in known}
    return [words.get(end, "") for end in ends]
