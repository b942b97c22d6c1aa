"""The document of a study, and the whole way to it."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from lynccap.analysis.captures import captures_of
from lynccap.analysis.devices import devices_of
from lynccap.analysis.services import services_of
from lynccap.analysis.study import Progress, Study, read_study
from lynccap.analysis.topology import topology_of
from lynccap.correlation.addresses import sort_key
from lynccap.correlation.collector import collector_paused
from lynccap.correlation.points.records import clock_offsets, crossing_records
from lynccap.diagnosis.judge import judge
from lynccap.document import Document, Tool
from lynccap.ingest.sources.source import Source
from lynccap.topology.directory import Directory
from lynccap.version import __version__

if TYPE_CHECKING:
    from lynccap.ingest.decryption.keys import Keys

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
    return document_of(read_study(sources, progress=progress, keys=keys, directory=directory), frozenset(devices))


@collector_paused()
def document_of(study: Study, only: frozenset[str] = frozenset()) -> Document:
    """Correlated cases, judged; `only` keeps findings and journeys of these addresses.

    Raises UnknownDevice for an address no capture has a device for.
    """
    assessments, findings = judge(study.cases, study.origins, study.crossings)
    devices = devices_of(study)
    known = {address for one in devices for address in one.addresses} | {one.device for one in findings}
    if only - known:
        seen = ", ".join(sorted((one.id for one in devices), key=sort_key)[:SHOWN_DEVICES]) or "none"
        raise UnknownDevice(f"{', '.join(sorted(only - known))}: no such device in the capture; devices seen: {seen}")
    asked = only.union(*(one.addresses for one in devices if only & set(one.addresses)))
    return Document(
        tool=Tool("lynccap", __version__),
        captures=captures_of(study),
        topology=topology_of(study),
        devices=tuple(one for one in devices if not only or only & set(one.addresses)),
        services=services_of(study),
        assessments=assessments,
        findings=tuple(one for one in findings if not only or one.device in asked),
        clock_offsets=clock_offsets(study.crossings, study.cases, study.origins),
        crossings=crossing_records(study.crossings, study.cases, study.origins),
    )
