"""Lync's TLS handshakes that came to nothing, by listener and client: found once, asked by many rules."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from lynccap import reference
from lynccap.correlation.case import Case
from lynccap.correlation.devices.book import LYNC_PHONE
from lynccap.correlation.tls.listeners import Listener
from lynccap.correlation.tls.sessions import TlsSession


@cache
def mutual_ports() -> frozenset[int]:
    """Ports on which Lync servers show certificates to each other, by the port table."""
    return frozenset(row.port_min for row in reference.ports() if row.protocol == "SIP/MTLS")


def concerns_lync(case: Case, client: str, server: str, port: int) -> bool:
    """Whether TLS there is Lync's: of a Lync server, of one with its peer, or of a Lync phone with what looks so.

    Phones of other makes serve any provider: what they refuse may be anybody's.
    """
    if case.roles.is_lync(server):
        return True
    device = case.devices.of(client)
    phone = device is not None and device.kind == LYNC_PHONE
    between = port in mutual_ports() and case.roles.is_lync(client)
    return (phone or between) and case.roles.is_plausible(server)


@dataclass(frozen=True, slots=True)
class FailedTls:
    """One client's sessions at one listener that carried no data, and that it did not get over at that server."""

    listener: Listener
    client: str
    sessions: tuple[TlsSession, ...]

    @property
    def doubt(self) -> str:
        """Why the capture does not show how a handshake of them ended, "" when it shows all."""
        return next((one.handshake.doubt for one in self.sessions if one.handshake.doubt), "")

    def some(self, sessions: tuple[TlsSession, ...]) -> "FailedTls":
        """The same ends with some of the sessions."""
        return FailedTls(self.listener, self.client, sessions)


def read_failed_tls(case: Case) -> Iterator[FailedTls]:
    """All of them, in the order in which listeners were first spoken with."""
    for listener in case.listeners:
        looks_so = case.roles.is_plausible(listener.server) or case.roles.is_lync(listener.server)
        for client, sessions in listener.failed.items() if looks_so else ():
            if concerns_lync(case, client, listener.server, listener.port):
                last = _last_success(case, client, listener.server)
                left = tuple(one for one in sessions if one.last_time >= last)
                if left:
                    yield FailedTls(listener, client, left)


def _last_success(case: Case, client: str, server: str) -> int:
    """When the client last completed TLS with the server, on any port; 0 when it never did."""
    same = (one for one in case.attempts_of(client) if one.server == server)
    return max((one.last_time for one in case.sessions_of(same) if one.completed), default=0)
