"""What the document tells of the capture files."""

from collections import Counter
from collections.abc import Iterator, Sequence

from lynccap.analysis.study import Study
from lynccap.correlation.case import Case
from lynccap.correlation.origins import Origins
from lynccap.correlation.quality import read_quality
from lynccap.document import MAX_COMMENTS, MAX_POINTS, Capture, Point, Remark, rfc3339


def captures_of(study: Study) -> tuple[Capture, ...]:
    """One entry a file, in the order in which they were read."""
    told = _recordings(study.cases)
    repeated = [tuple(one.repeated) for one in study.recordings] or [()] * len(study.cases)
    return tuple(
        one
        for (case, files), recording, again in zip(study, told, repeated, strict=True)
        for one in _captures(case, files, recording, again)
    )


def _recordings(cases: Sequence[Case]) -> list[str | None]:
    """What the recordings are called that have several files; a ring with a gap makes more than one."""
    names = [str(case.tables.captures["name"].iloc[0]) if len(case.tables.files) > 1 else None for case in cases]
    seen: Counter[str | None] = Counter()
    told: list[str | None] = []
    for name in names:
        seen[name] += 1
        told.append(f"{name}, part {seen[name]}" if name and names.count(name) > 1 else name)
    return told


def _captures(case: Case, origins: Origins, recording: str | None, repeated: tuple[str, ...]) -> Iterator[Capture]:
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
            repeated=repeated,
        )
        quality, repeated = (), ()


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
