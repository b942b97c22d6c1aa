"""What a rule is given: the case, the gates, and the verdicts on connection attempts, each made once."""

from dataclasses import dataclass
from functools import cached_property

from lynccap.correlation.attempts import Attempt
from lynccap.correlation.case import Case
from lynccap.correlation.devices.book import DeviceFacts
from lynccap.correlation.points.vantage import Vantage
from lynccap.correlation.roles.claims import AROUND_LYNC, GATEWAY, role_name
from lynccap.correlation.roles.sides import Location
from lynccap.correlation.searches import Search
from lynccap.diagnosis.failed_tls import FailedTls, read_failed_tls
from lynccap.diagnosis.gates import Gates
from lynccap.diagnosis.misnamed import Named, judge_names
from lynccap.diagnosis.verdicts import Verdict, judge_attempts
from lynccap.document import Reading


@dataclass(frozen=True)
class Inquiry:
    """One case under judgement."""

    case: Case
    vantage: Vantage | None = None
    """What other captures of the same study show; None where there is no other."""

    @cached_property
    def gates(self) -> Gates:
        """What the captures cannot prove."""
        return Gates(self.case)

    @cached_property
    def verdicts(self) -> tuple[Verdict, ...]:
        """How every connection attempt to a Lync server ended, and which rule that belongs to."""
        return judge_attempts(self.case, self.gates, self.vantage)

    def verdicts_of(self, client: str) -> tuple[Verdict, ...]:
        """The verdicts on one client's attempts, in their order."""
        return self._verdicts_of.get(client, ())

    @cached_property
    def _verdicts_of(self) -> dict[str, tuple[Verdict, ...]]:
        found: dict[str, list[Verdict]] = {}
        for one in self.verdicts:
            found.setdefault(one.attempt.client, []).append(one)
        return {client: tuple(ones) for client, ones in found.items()}

    @cached_property
    def named(self) -> tuple[Named, ...]:
        """Whether the certificates that clients were shown are for the names by which they came."""
        return judge_names(self.case)

    @cached_property
    def failed_tls(self) -> tuple[FailedTls, ...]:
        """Lync's TLS handshakes that came to nothing and that their clients did not get over."""
        return tuple(read_failed_tls(self.case))

    @cached_property
    def client_searches(self) -> tuple[Search, ...]:
        """How clients looked for their servers; what servers ask is left out."""
        return tuple(one for one in self.case.searches.searches if self.is_client(one.device))

    @cached_property
    def reached(self) -> tuple[str, ...]:
        """The addresses that opened connections to what looks like a Lync server."""
        roles = self.case.roles
        opened = {(one.client, one.server): None for one in self.case.attempts if one.established}
        return tuple(dict.fromkeys(client for client, server in opened if roles.is_plausible(server)))

    def is_client(self, device: str) -> bool:
        """Whether it is no server that asks for itself."""
        facts = self.case.devices.of(device)
        return facts is None or (facts.kind != "server" and (facts.role is None or facts.role in AROUND_LYNC))

    def reading(self, *flows: int) -> Reading:
        """How the messages of some flows could be read."""
        return Reading.CLEAR if self.case.decrypted.isdisjoint(flows) else Reading.DECRYPTED

    def word(self, device: str) -> str:
        """What to call a device at the start of a sentence."""
        facts = self.case.devices.of(device)
        roles = self.case.roles
        if facts and not (facts.kind == "unknown" and not facts.shared and roles.has(device, GATEWAY)):
            return facts.word
        claim = roles.best(device) or roles.best(device, GATEWAY)
        noun = role_name(claim.role) if claim else "device"
        return f"{noun[:1].upper()}{noun[1:]} {device}"

    def ends(self, attempt: Attempt) -> tuple[str, str]:
        """What to call both ends of a connection attempt: the device, and the server at that port."""
        return self.word(attempt.client), self.server(attempt.server, attempt.port)

    def device(self, address: str) -> DeviceFacts | None:
        """What is known of a device."""
        return self.case.devices.of(address)

    def is_placed(self, address: str, where: Location) -> bool:
        """Whether a device is shown to be there: inside or outside; nothing is where nothing shows it."""
        device = self.device(address)
        return device is not None and device.location is where

    def server(self, address: str, port: int = 0) -> str:
        """What to call a server inside a sentence: its role at a port, its address, and the name asked for it."""
        names = self.case.names.called(address)
        return f"{self.case.roles.word(address, port)} {address}" + (f" ({names[0]})" if names else "")
