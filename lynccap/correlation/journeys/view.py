"""One device in one case: what its stages read, each looked up once."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lynccap.correlation.attempts import Attempt
from lynccap.correlation.case import Case
from lynccap.correlation.devices.book import DeviceFacts
from lynccap.correlation.journeys.coverage import Coverage
from lynccap.correlation.tls.sessions import TlsSession
from lynccap.correlation.tunnels import Tunnel


@dataclass(frozen=True)
class DeviceView:
    """What a case shows of one device."""

    device: DeviceFacts
    coverage: Coverage

    @property
    def case(self) -> Case:
        """The case it is seen in."""
        return self.coverage.case

    @cached_property
    def attempts(self) -> tuple[Attempt, ...]:
        """The connections it tried to open to servers with a role, in order of time."""
        found = self.case.attempts_of(*self.device.addresses)
        return tuple(sorted(found, key=lambda one: (one.first_time, one.flows)))

    @cached_property
    def sip_attempts(self) -> tuple[Attempt, ...]:
        """Those to a SIP service."""
        return tuple(one for one in self.attempts if self.case.roles.is_sip(one.server, one.port))

    @cached_property
    def tunnels(self) -> tuple[Tunnel, ...]:
        """The connections it asked a proxy for (CONNECT), in order of time."""
        return self.case.tunnels_of(*self.device.addresses)

    @cached_property
    def sip_tunnels(self) -> tuple[Tunnel, ...]:
        """Those to a SIP service."""
        return tuple(one for one in self.tunnels if one.service == "sip")

    @cached_property
    def sip_sessions(self) -> tuple[TlsSession, ...]:
        """The TLS sessions with SIP services, through a proxy too."""
        inner = [self.case.sessions[one.flow] for one in self.sip_tunnels if one.flow in self.case.sessions]
        return (*self.case.sessions_of(self.sip_attempts), *inner)

    def messages(self, protocol: str) -> list[Any]:
        """The rows of one protocol on the flows it opened, in order of time."""
        found = self.case.messages_of(protocol, *self.device.addresses)
        return sorted(found, key=lambda row: (row.time, row.frame))

    def server_of(self, flow: int) -> str:
        """Who answers on a flow: the server, or the host behind a proxy."""
        inner = next((one.host for one in self.tunnels if one.flow == flow), "") if flow in self.case.proxied else ""
        return inner or self.coverage.servers[flow]

    def is_lync(self, flow: int) -> bool:
        """Whether something ties the server of a flow to Lync; a proxy is none."""
        return flow not in self.case.proxied and self.case.roles.is_lync(self.coverage.servers[flow])
