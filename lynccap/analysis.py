"""The one way from captures to a document: read, correlate, judge, and put it into the contract's form."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, count
from typing import TYPE_CHECKING, Any

from msgspec import structs

from lynccap import __version__
from lynccap.correlation.addresses import sort_key
from lynccap.correlation.case import Case, build_case
from lynccap.correlation.devices.book import DeviceFacts
from lynccap.correlation.journeys.steps import journey
from lynccap.correlation.origins import Origins
from lynccap.correlation.points.crossings import Crossings, read_crossings
from lynccap.correlation.points.records import clock_offsets, crossing_records
from lynccap.correlation.quality import read_quality
from lynccap.correlation.roles.claims import BASIS_WORDS, NOT_LYNC, ROLE_NAMES
from lynccap.diagnosis.judge import judge
from lynccap.document import (
    MAX_COMMENTS,
    MAX_POINTS,
    Capture,
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
from lynccap.ingest import Recorded, read_each, read_recordings
from lynccap.ingest.sources.source import Source

if TYPE_CHECKING:
    import pandas as pd

    from lynccap.ingest.decryption.keys import Keys

Progress = Callable[[int, int], None]
NO_CROSSINGS = Crossings()
SHOWN_DEVICES = 10  # devices an error message lists


class UnknownDevice(Exception):
    """A device was asked for that no capture shows; the text names those that are there."""


def analyze(
    sources: Sequence[Source],
    *,
    devices: Iterable[str] = (),
    progress: Progress | None = None,
    keys: "Keys | None" = None,
) -> Document:
    """The document of one or more captures; `devices` keeps only findings and journeys of these addresses,
    `keys` open TLS.

    Raises UnreadableCapture when nothing can be read, UnknownDevice for an address no capture has a device for.
    """
    recordings = list(read_recordings(sources, progress=progress, keys=keys))
    cases = [build_case(one.tables) for one in recordings]
    made = document_of(cases, frozenset(devices), crossings_of(recordings, cases))
    return _with_repeats(made, recordings)


def crossings_of(recordings: Sequence[Recorded], cases: Sequence[Case]) -> Crossings:
    """What the recordings show of the same conversations; each of them is read a second time for its packets."""
    if len(cases) < 2 and not any(_has_two_sides(case) for case in cases):
        return Crossings()

    def packets(place: int, flows: Sequence[int]) -> "tuple[pd.DataFrame, int] | None":
        listed = recordings[place].packets(flows)
        return None if listed is None else (listed.table, listed.until)

    return read_crossings(cases, packets)


def _has_two_sides(case: Case) -> bool:
    """Whether one recording may be of several points: it has several interfaces."""
    interfaces = case.tables.interfaces
    return int((interfaces["frames"] > 0).sum()) > 1


def _with_repeats(made: Document, recordings: Sequence[Recorded]) -> Document:
    """With the names of recordings that were given once more, at the first file of each."""
    places = accumulate((len(one.tables.files) for one in recordings), initial=0)
    repeated = {place: tuple(one.repeated) for place, one in zip(places, recordings, strict=False)}
    captures = tuple(structs.replace(one, repeated=repeated.get(place, ())) for place, one in enumerate(made.captures))
    return structs.replace(made, captures=captures)


def document_of(
    cases: Sequence[Case], only: frozenset[str] = frozenset(), crossings: Crossings = NO_CROSSINGS
) -> Document:
    """Correlated cases, one a capture, judged; with what several of them show of the same conversations."""
    origins = _origins(cases)
    assessments, findings = judge(cases, origins)
    devices = _devices(cases, origins)
    known = {address for one in devices for address in one.addresses} | {one.device for one in findings}
    if only - known:
        seen = ", ".join(sorted((one.id for one in devices), key=sort_key)[:SHOWN_DEVICES]) or "none"
        raise UnknownDevice(f"{', '.join(sorted(only - known))}: no such device in the capture; devices seen: {seen}")
    return Document(
        tool=Tool("lynccap", __version__),
        captures=tuple(
            one
            for case, files, recording in zip(cases, origins, _recordings(cases), strict=True)
            for one in _captures(case, files, recording)
        ),
        topology=Topology("inferred", _roles(cases)),
        devices=tuple(one for one in devices if not only or only & set(one.addresses)),
        services=_services(cases),
        assessments=assessments,
        findings=tuple(one for one in findings if not only or one.device in only),
        clock_offsets=clock_offsets(crossings, cases, origins),
        crossings=crossing_records(crossings, cases, origins),
    )


def _origins(cases: Sequence[Case]) -> list[Origins]:
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


def _roles(cases: Sequence[Case]) -> tuple[Role, ...]:
    """One entry a role and address: names belong to addresses, not to roles."""
    found: dict[tuple[str, str], tuple[set[str], str]] = {}
    for case in cases:
        for address in case.roles.servers():
            tied = {name for name in case.names.names_of(address, "dns", "sni") if not name.startswith("_")}
            for role in case.roles.roles_of(address) - NOT_LYNC:
                claim = case.roles.best(address, role)
                basis = f"{BASIS_WORDS[claim.basis]}: {claim.says}" if claim else ""
                names, _ = found.setdefault((role, address), (set(), basis))
                names |= tied
    ordered = sorted(found.items(), key=lambda item: (item[0][0], sort_key(item[0][1])))
    return tuple(
        Role(ROLE_NAMES.get(role, role), (address,), tuple(sorted(names)), basis)
        for (role, address), (names, basis) in ordered
    )


def _devices(cases: Sequence[Case], origins: Sequence[Origins]) -> list[Device]:
    """Every device once; its journeys through several captures follow each other."""
    merged: dict[str, Device] = {}
    for case, files in zip(cases, origins, strict=True):
        for one in case.devices.all():
            made = _device(case, one, files)
            merged[one.id] = _merged(merged[one.id], made) if one.id in merged else made
    return sorted(merged.values(), key=lambda one: sort_key(one.id))


def _device(case: Case, one: DeviceFacts, origins: Origins) -> Device:
    return Device(
        id=one.id,
        addresses=one.addresses,
        macs=one.macs,
        names=one.names,
        kind=one.kind,
        role=ROLE_NAMES.get(one.role, one.role) if one.role else None,
        basis=one.basis,
        journey=journey(case, one, origins),
    )


def _merged(first: Device, second: Device) -> Device:
    known = first if first.kind != "unknown" else second
    return structs.replace(
        known,
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
    sources: Sequence[Source], *, progress: Progress | None = None, keys: "Keys | None" = None
) -> list[dict[str, Any]]:
    """Every conversation as one record with FLOW_COLUMNS, in order of appearance.

    Raises UnreadableCapture when nothing can be read.
    """
    read = read_each(sources, progress=progress, keys=keys)
    return [row for tables in read for row in _flow_rows(build_case(tables))]


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
