"""An A/V Edge that treats some clients badly: errors, addresses to ask instead, paths that its policy refuses."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from sample_pcaps.lab import turn
from sample_pcaps.lab.turn import Address, Message
from sample_pcaps.lab.turn_relay import Relay, Session

REASONS = {300: b"Try Alternate", 437: b"Allocation Mismatch", 486: b"Allocation Quota Reached"}
REMOTE_SITE_RESPONSE, LOCAL_SITE_RESPONSE = 0x805D, 0x805F


@dataclass(frozen=True)
class Manner:
    """How one client is treated."""

    error: int = 0
    """To its signed request."""
    alternate: Address | None = None
    """Named in the challenge, and in error 300."""
    denied: bool = False
    """Bandwidth answers that are not valid ([MS-TURNBWM] 2.2)."""


class Faulty(Session):
    """A session whose client may be in for it."""

    manner = Manner()

    async def control(self, data: bytes) -> None:
        manners = self.relay.manners  # type: ignore[attr-defined]
        self.manner = manners.get(self.client[0], Manner())
        request = turn.decode(data)
        if (
            request is not None
            and request.type == turn.ALLOCATE
            and self._authentic(request, data)
            and self.manner.error
        ):
            self._answer(self._refusal(request))
            return
        await super().control(data)

    def _refusal(self, request: Message) -> Message:
        code = self.manner.error
        attributes = [
            (turn.MS_VERSION, struct.pack("!I", self.version)),
            (turn.ERROR_CODE, bytes((0, 0, code // 100, code % 100)) + REASONS[code]),
        ]
        if self.manner.alternate:
            attributes.append((turn.ALTERNATE_SERVER, turn.pack_address(self.manner.alternate)))
        return Message(turn.ALLOCATE_ERROR, attributes, request.transaction)

    def _challenge(self, request: Message) -> Message:
        plain = super()._challenge(request)
        if not self.manner.alternate or self.manner.error:
            return plain
        elsewhere = turn.pack_address(self.manner.alternate)
        changed = [(n, elsewhere if n == turn.ALTERNATE_SERVER else value) for n, value in plain.attributes]
        return Message(plain.type, changed, plain.transaction)

    def _sequence(self) -> list[turn.Attribute]:
        usual = super()._sequence()
        if not self.manner.denied:
            return usual
        refused = struct.pack("!III", 0, 0, 0)
        return [*usual, (REMOTE_SITE_RESPONSE, refused), (LOCAL_SITE_RESPONSE, refused)]


class FaultyRelay(Relay):
    """A relay with a manner for each client."""

    session = Faulty

    def __init__(self, external: str, manners: Mapping[str, Manner]) -> None:
        super().__init__(lambda kind: socket.socket(socket.AF_INET, kind), external)
        self.manners = manners


def serve_faulty_relay(address: str, manners: Mapping[str, Manner]) -> None:
    """Run it until it is killed."""

    async def run() -> None:
        await FaultyRelay(address, manners).listen(address)
        await asyncio.Event().wait()

    asyncio.run(run())
