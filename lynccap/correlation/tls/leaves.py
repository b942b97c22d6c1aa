"""The certificates that servers showed, each once for each server, whatever the port."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from lynccap.correlation.tls.presented import Presented


@dataclass(frozen=True, slots=True)
class Leaf:
    """One server's own certificate, as it was shown at all its ports."""

    capture: int
    holder: str
    lists: tuple[Presented, ...]
    """In the order in which they were first shown."""

    @property
    def row(self) -> Any:
        """The certificate: a row of the certificates table."""
        return self.lists[0].leaf

    @property
    def ports(self) -> tuple[int, ...]:
        """Where it was shown."""
        return tuple(sorted({one.port for one in self.lists}))

    @property
    def viewers(self) -> frozenset[str]:
        """The addresses it was shown to."""
        return frozenset(showing.viewer for one in self.lists for showing in one.showings)

    @property
    def flows(self) -> tuple[int, ...]:
        """The connections on which it was shown."""
        return tuple(showing.flow for one in self.lists for showing in one.showings)


def read_leaves(presented: Iterable[Presented]) -> tuple[Leaf, ...]:
    """The readable leaves of servers, in the order they were first shown."""
    found: dict[tuple[int, str, str], list[Presented]] = defaultdict(list)
    for one in presented:
        if one.by_server and one.readable:
            found[one.capture, one.holder, one.leaf.sha256].append(one)
    return tuple(Leaf(capture, holder, tuple(ones)) for (capture, holder, _), ones in found.items())
