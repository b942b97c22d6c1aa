"""By which names clients came to the servers whose certificates they were shown."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lynccap.correlation.names import DNS_PORT, SOURCE_DNS, SOURCE_SNI, NameBook, tunnelled
from lynccap.correlation.rows import rows_of
from lynccap.correlation.tls.presented import Presented, Showing
from lynccap.correlation.tls.sessions import TlsSession
from lynccap.tables import Tables


@dataclass(frozen=True, slots=True)
class Aim:
    """A name by which a client came to a server."""

    name: str
    """Lower case, without its final dot."""
    source: str
    """SOURCE_SNI: the client said so in its hello; SOURCE_DNS: it had asked for that name's address before."""
    frame: int
    """The hello, or the DNS answer."""
    aliases: tuple[str, ...] = ()
    """The names that DNS sent the client on to (CNAME)."""
    services: tuple[str, ...] = ()
    """The SRV questions that led to the name."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One client that was shown one list of certificates, by one name."""

    shown: Presented
    showing: Showing
    aims: tuple[Aim, ...]
    """The name said in the hello; without one every name the client had looked up, the latest last."""

    @property
    def covered(self) -> bool:
        """Whether the certificate is for a name by which the client came."""
        return any(self.shown.covers(one.name) for one in self.aims)


def read_arrivals(
    tables: Tables, names: NameBook, sessions: Mapping[int, TlsSession], presented: tuple[Presented, ...]
) -> tuple[Arrival, ...]:
    """The arrivals at servers, in the order of `presented`; those whose names nothing shows are left out.

    What is said through a proxy's tunnel was meant for another server than the flow's, and is left out as well.
    """
    reader, elsewhere = _Reader(tables, names, sessions), tunnelled(tables.flows)
    found = []
    for shown in presented:
        if not shown.by_server or not shown.names:
            continue
        for showing in shown.showings:
            aims = reader.aims(shown, showing) if showing.flow not in elsewhere else ()
            if aims:
                found.append(Arrival(shown, showing, aims))
    return tuple(found)


_Key = tuple[int, str, str]
"""Capture, client, and the address or name it was told."""


@dataclass(frozen=True)
class _Reader:
    tables: Tables
    names: NameBook
    sessions: Mapping[int, TlsSession]

    def aims(self, shown: Presented, showing: Showing) -> tuple[Aim, ...]:
        session = self.sessions.get(showing.flow)
        key = (shown.capture, showing.viewer, shown.holder)
        if session and session.sni:
            name = session.sni.lower().rstrip(".")
            return (self._aim(key, name, SOURCE_SNI, session.hello_frame),)
        told = [one for one in self._told.get(key, ()) if one[0] <= showing.time]
        return tuple(self._aim(key, name, SOURCE_DNS, frame) for _, frame, name in told)

    def _aim(self, key: _Key, name: str, source: str, frame: int) -> Aim:
        aliases = self._aliases.get((key[0], key[1], name), ())
        services = tuple(dict.fromkeys(link.name for link in self.names.srv.get(name, ())))
        return Aim(name, source, frame, tuple(aliases), services)

    @cached_property
    def _told(self) -> dict[_Key, list[tuple[int, int, str]]]:
        """Time, frame and name of the address answers, each name once."""
        found: dict[_Key, dict[str, tuple[int, int, str]]] = defaultdict(dict)
        for key, row in self._answers(("A", "AAAA")):
            if not row.question.startswith("_"):
                found[(*key, row.value)].setdefault(row.question, (row.time, row.frame, row.question))
        return {key: sorted(ones.values()) for key, ones in found.items()}

    @cached_property
    def _aliases(self) -> dict[_Key, dict[str, None]]:
        """By the name that was asked for: where it was sent on to."""
        found: dict[_Key, dict[str, None]] = defaultdict(dict)
        for key, row in self._answers(("CNAME",)):
            found[(*key, row.question)][row.value.lower().rstrip(".")] = None
        return found

    def _answers(self, kinds: tuple[str, ...]) -> list[tuple[tuple[int, str], Any]]:
        """The records of some kinds with the capture and the client they were told to, in order of time."""
        flows, answers = self.tables.flows, self.tables.dns_answers
        wanted = answers[answers["record_type"].isin(kinds)]
        wanted = wanted[wanted["flow"].map(flows["server_port"]) == DNS_PORT].sort_values("time", kind="stable")
        captures, clients = flows["capture"], flows["client"]
        rows = rows_of(wanted, ("flow", "frame", "time", "question", "value"))
        return [((int(captures[row.flow]), str(clients[row.flow])), row) for row in rows]
