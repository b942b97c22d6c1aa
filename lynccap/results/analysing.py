"""From paths to results, for programs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from lynccap.analysis import Study, document_of, read_study
from lynccap.document import Document
from lynccap.ingest.collecting.collect import collect
from lynccap.ingest.decryption.keys import read_keys
from lynccap.results.tables import ResultTables
from lynccap.topology import Directory, read_files


@dataclass(frozen=True)
class Analysis:
    """What was found in some captures."""

    study: Study
    """The recordings, correlated."""

    @cached_property
    def document(self) -> Document:
        """Findings, journeys and roles: the JSON document as an object."""
        return document_of(self.study)

    @cached_property
    def tables(self) -> ResultTables:
        """The DataFrames by name."""
        return ResultTables(self.study)


def analyze(
    captures: str | Path | Iterable[str | Path],
    *,
    topology: Sequence[str | Path] = (),
    keylogs: Sequence[str | Path] = (),
    rsa_keys: Sequence[str | Path] = (),
    tshark: bool = True,
) -> Analysis:
    """Read and correlate files, folders, patterns or archives, as `lynccap analyze` does.

    `topology` are the customer's topology files. Raises UnreadableCapture (one line: what, which file, where) when
    nothing can be read, UnreadableTopology for such a file, UnusableKey for a key file that holds none.
    """
    paths = [captures] if isinstance(captures, str | Path) else list(captures)
    keys = read_keys([Path(one) for one in keylogs], [Path(one) for one in rsa_keys], tshark=tshark)
    directory = Directory(read_files([Path(one) for one in topology])) if topology else None
    return Analysis(read_study(collect([str(one) for one in paths]), keys=keys, directory=directory))
