"""What the providers of packets have in common."""

from collections import Counter
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import ClassVar, Protocol

from lynccap.ingest.formats.etl.records import Event
from lynccap.ingest.formats.reading import Interface

ETHERNET, RAW_IP, IEEE_802_11 = 1, 101, 105  # LINKTYPE
MAX_INTERFACES = 4096  # a host has tens; more is damage, and shares one


@dataclass(slots=True)
class Packet:
    """One frame of the trace."""

    interface: Interface
    link: int
    wire: int
    data: bytes
    remark: str = ""


class Provider(Protocol):
    """Reads the events of one provider. What cannot be read with certainty is left out, and counted by its reason."""

    GUID: ClassVar[bytes]
    """As it lies in the file."""
    PACKETS: ClassVar[frozenset[int]]
    """Events that hold packets or parts of them."""
    CONTEXT: ClassVar[frozenset[int]]
    """Events that are to be learnt from before the first packet is read."""
    left_out: Counter[str]

    def learn(self, event: Event) -> None:
        """Take note of an event among CONTEXT."""
        ...

    def packet(self, event: Event) -> Packet | None:
        """The packet that is complete with an event among PACKETS; events come in order of time."""
        ...

    def finish(self) -> None:
        """Count what is still incomplete."""
        ...


class Interfaces:
    """The interfaces of one provider, made when they are first seen."""

    def __init__(self) -> None:
        """None yet."""
        self._known: dict[Hashable, Interface] = {}
        self._others = Interface(-1, name="further interfaces")

    def of(self, key: Hashable, make: Callable[[], Interface]) -> Interface:
        """The interface with this key."""
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= MAX_INTERFACES:
                return self._others
            found = self._known[key] = make()
        return found


def printable(text: str, limit: int = 200) -> str:
    """A name from the trace, on one line of bounded length."""
    return "".join(one for one in text[:limit] if one.isprintable()).strip()
