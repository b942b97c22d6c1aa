"""The case: everything correlation made of the tables, in one value that rules and reports read."""

from dataclasses import dataclass

import pandas as pd

from lynccap.correlation.attempts import Attempt, read_attempts
from lynccap.correlation.devices import DeviceBook, read_devices
from lynccap.correlation.media import MediaSession, read_media
from lynccap.correlation.names import NameBook, read_names
from lynccap.correlation.relays import RelayBook, read_relays
from lynccap.correlation.roles import RoleBook, read_roles
from lynccap.correlation.services import name_services
from lynccap.correlation.sessions import TlsSession, read_sessions
from lynccap.tables import Tables


@dataclass(frozen=True)
class Case:
    """One or more captures, correlated."""

    tables: Tables
    flows: pd.DataFrame
    """`tables.flows` with `service` and `service_basis`."""
    names: NameBook
    roles: RoleBook
    relays: RelayBook
    media: tuple[MediaSession, ...]
    attempts: tuple[Attempt, ...]
    """TCP connection attempts to addresses that hold a role."""
    sessions: dict[int, TlsSession]
    devices: DeviceBook

    def is_lync(self) -> bool:
        """Whether anything decisive shows a Lync deployment."""
        return any(self.roles.is_lync(address) for address in self.roles.claims)

    def attempts_of(self, client: str) -> tuple[Attempt, ...]:
        """The attempts one client made."""
        return tuple(one for one in self.attempts if one.client == client)


def build_case(tables: Tables) -> Case:
    """Correlate what was read."""
    names = read_names(tables)
    roles = read_roles(tables, names)
    relays = read_relays(tables, names, roles)
    flows = name_services(tables, roles)
    return Case(
        tables=tables,
        flows=flows,
        names=names,
        roles=roles,
        relays=relays,
        media=read_media(tables, relays),
        attempts=read_attempts(tables, (*roles.servers(), *roles.crl_hosts())),
        sessions=read_sessions(tables),
        devices=read_devices(tables, flows, names, roles, relays),
    )
