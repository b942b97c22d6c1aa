"""The one way from captures to a document: read, correlate, judge, and put it into the contract's form."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import reduce
from itertools import count
from typing import TYPE_CHECKING, Any

from msgspec import structs

from lynccap.correlation.addresses import sort_key
from lynccap.correlation.case import Case, build_case
from lynccap.correlation.devices.across import same_devices
from lynccap.correlation.devices.book import DeviceFacts
from lynccap.correlation.journeys.machine import Journeys
from lynccap.correlation.origins import Origins
from lynccap.correlation.quality import read_quality
from lynccap.correlation.roles.claims import BASIS_WORDS, CLOUD, NOT_LYNC, Contradiction, role_name
from lynccap.diagnosis.judge import judge
from lynccap.document import (
    MAX_COMMENTS,
    MAX_POINTS,
    Capture,
    Confidence,
    Conflict,
    Device,
    Document,
    Point,
    Remark,
    Role,
    Service,
    Tool,
    Topology,
    rfc3339,
)
from lynccap.ingest import read_each
from lynccap.ingest.sources.source import Source
from lynccap.topology.directory import Directory
from lynccap.topology.traps import traps
from lynccap.version import __version__

if TYPE_CHECKING:
    from lynccap.ingest.decryption.keys import Keys

Progress = Callable[[int, int], None]
INFERRED = "inferred"
UNTOLD = frozenset({CLOUD, "any"})  # roles of services that are nobody's machine
SHOWN_DEVICES = 10  # devices an error message lists


class UnknownDevice(Exception):
    """A device was asked for that no capture shows; the text names those that are there."""


def analyze(
    sources: Sequence[Source],
    *,
    devices: Iterable[str] = (),
    progress: Progress | None = None,
    keys: "Keys | None" = None,
    directory: Directory | None = None,
) -> Document:
    """The document of one or more captures; `devices` keeps only findings and journeys of these addresses,
    `keys` open TLS, `directory` is the customer's topology.

    Raises UnreadableCapture when nothing can be read, UnknownDevice for an address no capture has a device for.
    """
    cases = read_cases(sources, progress=progress, keys=keys, directory=directory)
    return document_of(cases, frozenset(devices), directory)


def read_cases(
    sources: Sequence[Source],
    *,
    progress: Progress | None = None,
    keys: "Keys | None" = None,
    directory: Directory | None = None,
) -> list[Case]:
    """The recordings, read and correlated; raises UnreadableCapture when nothing can be read."""
    return [build_case(tables, directory) for tables in read_each(sources, progress=progress, keys=keys)]


def document_of(
    cases: Sequence[Case], only: frozenset[str] = frozenset(), directory: Directory | None = None
) -> Document:
    """Correlated cases, one a capture, judged; `directory` is the topology that they were correlated with."""
    origins = origins_of(cases)
    assessments, findings = judge(cases, origins)
    devices = devices_of(cases, origins)
    known = {address for one in devices for address in one.addresses} | {one.device for one in findings}
    if only - known:
        seen = ", ".join(sorted((one.id for one in devices), key=sort_key)[:SHOWN_DEVICES]) or "none"
        raise UnknownDevice(f"{', '.join(sorted(only - known))}: no such device in the capture; devices seen: {seen}")
    asked = only.union(*(one.addresses for one in devices if only & set(one.addresses)))
    return Document(
        tool=Tool("lynccap", __version__),
        captures=tuple(
            one
            for case, files, recording in zip(cases, origins, _recordings(cases), strict=True)
            for one in _captures(case, files, recording)
        ),
        topology=_topology(cases, origins, directory),
        devices=tuple(one for one in devices if not only or only & set(one.addresses)),
        services=_services(cases),
        assessments=assessments,
        findings=tuple(one for one in findings if not only or one.device in asked),
    )


def origins_of(cases: Sequence[Case]) -> list[Origins]:
    """The files of all cases, numbered C1, C2, … in their order."""
    numbers = count(1)
    return [Origins(case.tables, [f"C{next(numbers)}" for _ in range(len(case.tables.files))]) for case in cases]


def _recordings(cases: Sequence[Case]) -> list[str | None]:
    """What the recordings are called that have several files; a ring with a gap makes more than one."""
    names = [str(case.tables.captures["name"].iloc[0]) if len(case.tables.files) > 1 else None for case in cases]
    seen: Counter[str | None] = Counter()
    told: list[str | None] = []
    for name in names:
        seen[name] += 1
        told.append(f"{name}, part {seen[name]}" if name and names.count(name) > 1 else name)
    return told


def _captures(case: Case, origins: Origins, recording: str | None) -> Iterator[Capture]:
    """One entry a file; what a recording of several files lacks is told with the first of them."""
    quality = read_quality(case)
    for id_, row in zip(origins.ids, case.tables.files.itertuples(), strict=True):
        yield Capture(
            id=id_,
            name=row.name,
            sha256=row.sha256,
            format=row.format,
            packets=int(row.packets),
            bytes=int(row.bytes),
            first_time=rfc3339(int(row.first_time), int(row.digits)),
            last_time=rfc3339(int(row.last_time), int(row.digits)),
            quality=quality,
            recording=recording,
            comments=_remarks(case, row.Index),
            recorder=case.tables.captures["recorder"].iloc[0] or None,
            points=_points(case, row.Index),
        )
        quality = ()


def _points(case: Case, file: int) -> tuple[Point, ...]:
    table = case.tables.interfaces
    seen = table[(table["file"] == file) & (table["frames"] > 0) & (table["name"] != "")][:MAX_POINTS]
    return tuple(
        Point(
            f"{one.description} ({one.name})" if one.description else one.name,
            int(one.frames),
            int(one.dropped) if one.dropped >= 0 else None,
        )
        for one in seen.itertuples()
    )


def _remarks(case: Case, file: int) -> tuple[Remark, ...]:
    table = case.tables.comments
    mine = table[table["file"] == file].drop_duplicates(["frame", "says"])[:MAX_COMMENTS]
    return tuple(Remark(int(one.frame), one.says) for one in mine.itertuples())


def _topology(cases: Sequence[Case], origins: Sequence[Origins], directory: Directory | None) -> Topology:
    used = next((case.directory for case in cases if case.directory), None)
    remarks = [_set_aside(case) for case in cases if case.roles.set_aside]
    if used:
        remarks += [*traps(used), *used.topology.remarks]
    return Topology(
        source=directory.topology.source if directory and used else INFERRED,
        roles=_roles(cases),
        conflicts=tuple(_conflicts(cases, origins)),
        remarks=tuple(dict.fromkeys(remarks)),
    )


def _set_aside(case: Case) -> str:
    return (
        f"{case.tables.captures['name'].iloc[0]}: the topology is not used: {case.roles.set_aside}. "
        "If it is of this deployment all the same, write the SIP domain of the capture into its sip_domains"
    )


def _conflicts(cases: Sequence[Case], origins: Sequence[Origins]) -> Iterator[Conflict]:
    for case, files in zip(cases, origins, strict=True):
        for one in case.roles.conflicts:
            capture, frames = next(iter(files.split((one.frame,)).items()), (files.ids[0], ()))
            yield Conflict(
                address=one.address,
                told=tuple(map(role_name, one.told)),
                seen=role_name(one.seen),
                basis=BASIS_WORDS[one.basis],
                capture=capture,
                frames=frames,
                says=one.says,
            )
        for pair in case.roles.contradictions():
            yield _contradiction(pair, files)


def _contradiction(pair: Contradiction, files: Origins) -> Conflict:
    """Two things the capture itself says of one address that cannot both be true; the stronger one is used."""
    one, other = pair.stronger, pair.weaker
    capture, frames = next(iter(files.split((one.frame, other.frame)).items()), (files.ids[0], ()))
    return Conflict(
        address=one.address,
        told=(role_name(one.role),),
        seen=role_name(other.role),
        basis=BASIS_WORDS[other.basis],
        capture=capture,
        frames=frames,
        says=(
            f"{one.address} looks like {role_name(one.role)} ({BASIS_WORDS[one.basis]}: {one.says}) and like "
            f"{role_name(other.role)} ({BASIS_WORDS[other.basis]}: {other.says}); one host is hardly both"
        ),
    )


def _roles(cases: Sequence[Case]) -> tuple[Role, ...]:
    """One entry a role and address: names belong to addresses, not to roles."""
    found: dict[tuple[str, str], tuple[set[str], str, Confidence]] = {}
    for case in cases:
        for address in _shown(case):
            tied = set(case.names.called(address))
            for role in case.roles.roles_of(address) - UNTOLD:
                claim = case.roles.best(address, role)
                if claim:
                    basis = f"{BASIS_WORDS[claim.basis]}: {claim.says}"
                    names, *_ = found.setdefault((role, address), (set(), basis, claim.confidence))
                    names |= tied
    # Lync's own roles come first: a host is called by the first one that it has.
    ordered = sorted(found.items(), key=lambda item: (item[0][0] in NOT_LYNC, item[0][0], sort_key(item[0][1])))
    return tuple(
        Role(role_name(role), (address,), tuple(sorted(names)), basis, confidence)
        for (role, address), (names, basis, confidence) in ordered
    )


def _shown(case: Case) -> Iterator[str]:
    """The servers; those of a topology only where the capture shows them: the rest is the customer's secret."""
    seen = {*case.flows["client"].unique(), *case.flows["server"].unique(), *case.relays.relay_hosts}
    return (one for one in case.roles.claims if not case.directory or one in seen)


def devices_of(cases: Sequence[Case], origins: Sequence[Origins]) -> list[Device]:
    """Every device once; its journeys through several captures follow each other."""
    journeys = [Journeys(case) for case in cases]
    made = []
    for group in same_devices(case.devices.all() for case in cases):
        first, *others = (_device(journeys[number], one, origins[number]) for number, one in group)
        made.append(reduce(_merged, others, first))
    return sorted(made, key=lambda one: sort_key(one.id))


def _device(journeys: Journeys, one: DeviceFacts, origins: Origins) -> Device:
    return Device(
        id=one.id,
        addresses=one.addresses,
        macs=one.macs,
        names=one.names,
        kind=one.kind,
        role=role_name(one.role) if one.role else None,
        basis=one.basis,
        address_basis=tuple(f"{link.first} and {link.second}: {link.says}" for link in one.links),
        journey=journeys.steps_of(one, origins),
        location=one.location,
        location_basis=one.location_basis,
    )


def _merged(first: Device, second: Device) -> Device:
    known = first if first.kind != "unknown" else second
    addresses = sorted({*first.addresses, *second.addresses} - {first.id}, key=sort_key)
    return structs.replace(
        known,
        id=first.id,
        addresses=(first.id, *addresses),
        address_basis=tuple(dict.fromkeys((*first.address_basis, *second.address_basis))),
        macs=tuple(dict.fromkeys((*first.macs, *second.macs))),
        names=tuple(sorted({*first.names, *second.names})),
        journey=(*first.journey, *second.journey),
    )


def _services(cases: Sequence[Case]) -> tuple[Service, ...]:
    keys = ["service", "stack", "service_basis"]
    totals: Counter[tuple[str, str, str, str]] = Counter()
    for case in cases:
        flows = case.flows.assign(
            packets=case.flows["frames_client"] + case.flows["frames_server"],
            payload=case.flows["bytes_client"] + case.flows["bytes_server"],
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


def flow_rows(
    sources: Sequence[Source],
    *,
    progress: Progress | None = None,
    keys: "Keys | None" = None,
    directory: Directory | None = None,
) -> list[dict[str, Any]]:
    """Every conversation as one record with FLOW_COLUMNS, in order of appearance; `directory` is a topology.

    Raises UnreadableCapture when nothing can be read.
    """
    read = read_each(sources, progress=progress, keys=keys)
    return [row for tables in read for row in _flow_rows(build_case(tables, directory))]


def _flow_rows(case: Case) -> list[dict[str, Any]]:
    captures = case.tables.captures
    flows = case.flows
    digits = flows["capture"].map(captures["digits"])
    outcome = flows["opening"].where(flows["closing"] == "", flows["opening"] + ", " + flows["closing"])
    origins = Origins(case.tables, case.tables.files["name"].tolist())
    places = [origins.place(int(frame)) for frame in flows["first_frame"]]
    shown = flows.assign(
        capture=[name for name, _ in places],
        first_frame=[frame for _, frame in places],
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
