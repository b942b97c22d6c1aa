"""Who spoke TLS with whom at which port, and which clients never got through."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import pandas as pd

from lynccap.correlation.tls.sessions import TlsSession


@dataclass(frozen=True)
class Listener:
    """One server's port with the TLS sessions spoken there, in order of their flows."""

    capture: int
    server: str
    port: int
    clients: tuple[str, ...]
    """Of the sessions, one each."""
    sessions: tuple[TlsSession, ...]

    @cached_property
    def agreed(self) -> frozenset[str]:
        """Clients that had a version and a suite in common with the server at least once."""
        pairs = zip(self.clients, self.sessions, strict=True)
        return frozenset(
            client for client, one in pairs if one.completed or (one.server_hello_frame and not one.refusal)
        )

    @cached_property
    def naming(self) -> tuple[TlsSession, ...]:
        """The sessions whose hello names a server."""
        return tuple(one for one in self.sessions if one.sni)

    @cached_property
    def completed(self) -> Mapping[str, TlsSession]:
        """By client the last session that carried data."""
        pairs = zip(self.clients, self.sessions, strict=True)
        return {client: one for client, one in pairs if one.completed}

    @cached_property
    def failed(self) -> Mapping[str, tuple[TlsSession, ...]]:
        """By client the sessions that carried no data, without those after which it got through."""
        found: dict[str, list[TlsSession]] = defaultdict(list)
        for client, one in zip(self.clients, self.sessions, strict=True):
            later = self.completed.get(client)
            if not one.completed and not (later and later.last_time > one.last_time):
                found[client].append(one)
        return {client: tuple(ones) for client, ones in found.items()}


def read_listeners(flows: pd.DataFrame, sessions: Mapping[int, TlsSession]) -> tuple[Listener, ...]:
    """The listeners of all captures, in the order in which they were first spoken with."""
    names = ("capture", "client", "server", "server_port")
    captures, clients, servers, ports = (flows[name].tolist() for name in names)
    found: dict[tuple[int, str, int], list[tuple[str, TlsSession]]] = defaultdict(list)
    for flow, session in sessions.items():
        found[captures[flow], servers[flow], ports[flow]].append((clients[flow], session))
    return tuple(
        Listener(*key, tuple(client for client, _ in talks), tuple(one for _, one in talks))
        for key, talks in found.items()
    )
