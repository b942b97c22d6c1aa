"""Every RTP stream of Lync's calls with who sends it, who hears it, and where on its way it was recorded."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from lynccap.correlation.media.calls.book import CallBook
from lynccap.correlation.media.calls.directions import COUNTED
from lynccap.correlation.media.calls.records import Call, Leg, Party
from lynccap.correlation.media.stream_quality import StreamQuality
from lynccap.correlation.protocol_numbers import INITIAL_TTLS
from lynccap.correlation.rows import rows_of
from lynccap.tables import SECOND, Tables

if TYPE_CHECKING:
    import pandas as pd

REDUNDANCY = 97
"""The payload type of RED, as Lync numbers it ([MS-SDPEXT] 3.1.5.3)."""
_ENDS = ["client", "client_port", "server", "server_port", "ttl_client_max", "ttl_server_max"]


@dataclass(frozen=True, slots=True)
class Received:
    """One stream, as it was where the capture stood."""

    call: Call
    leg: Leg
    row: Any
    """Of the media table."""
    sender: str
    """The end of the flow that sends it: the speaker, or the relay it is behind."""
    sender_port: int
    receiver: str
    """The end of the flow that it goes to: who hears it, or the relay."""
    receiver_port: int
    speaker: Party
    hearer: Party
    sender_hops: int | None
    """Routers between the end that sends and the capture, by its TTL; None when nothing tells."""
    receiver_hops: int | None
    quality: StreamQuality | None
    """Of audio."""

    @property
    def seconds(self) -> float:
        """From its first to its last packet."""
        return float(self.row.last_time - self.row.first_time) / SECOND

    @property
    def is_speech(self) -> bool:
        """Whether it is audio; of what is sent redundantly nothing but the payload type tells."""
        return self.leg.kind == "audio" or (not self.leg.kind and self.row.payload_type == REDUNDANCY)

    @property
    def loss(self) -> float:
        """Share of its packets that are missing here, 0 to 1."""
        return float(self.row.lost / self.row.expected) if self.row.expected else 0.0

    @property
    def relayed(self) -> bool:
        """Whether an end of its flow is a relay."""
        return self.sender in self.leg.relays or self.receiver in self.leg.relays

    @property
    def at_receiver(self) -> bool:
        """Recorded on the network of who hears it, or on that device."""
        return self.receiver_hops == 0 and self.receiver not in self.leg.relays

    @property
    def at_sender(self) -> bool:
        """Recorded on the network of who speaks, or on that device."""
        return self.sender_hops == 0 and self.sender not in self.leg.relays

    @property
    def device(self) -> str:
        """The address of who hears it; of somebody unknown behind a relay the relay's."""
        return self.hearer.address if self.hearer.address and self.hearer.seen else self.receiver

    @property
    def peer(self) -> str:
        """The address of who speaks; of somebody unknown behind a relay the relay's."""
        return self.speaker.address if self.speaker.address and self.speaker.seen else self.sender

    @property
    def way(self) -> str:
        """Direction and leg in words."""
        kind = self.leg.kind or "media"
        relays = [one for one in (self.sender, self.receiver) if one in self.leg.relays]
        through = f", through the relay {relays[0]}" if relays else ""
        ends = f"{self.sender} port {self.sender_port} to {self.receiver} port {self.receiver_port}"
        return f"{kind} from {self.speaker.word} to {self.hearer.word} ({ends}{through})"


@dataclass(frozen=True)
class ReceivedBook:
    """The streams of Lync's calls, in order of calls, legs and flows; strangers' are none."""

    tables: Tables
    calls: CallBook
    quality: tuple[StreamQuality, ...]

    @cached_property
    def all(self) -> tuple[Received, ...]:
        """Every stream of every flow: one that was recorded before and behind a relay is there twice."""
        ours = [(call, leg) for call in self.calls.calls if call.basis for leg in call.legs if leg.basis]
        flows = sorted({flow for _, leg in ours for flow in leg.flows})
        ends = {row.Index: row for row in rows_of(self.tables.flows.loc[flows, _ENDS], _ENDS)}
        rows = _by_flow(self.tables.media, flows)
        qualities = {(one.flow, bool(one.from_client), one.ssrc): one for one in self.quality}
        return tuple(
            _received(call, leg, row, ends[flow], qualities.get((flow, bool(row.from_client), row.ssrc)))
            for call, leg in ours
            for flow in leg.flows
            for row in rows[flow]
        )

    @cached_property
    def last(self) -> tuple[Received, ...]:
        """The same, each stream once: as it was nearest to who hears it, having lost most."""
        best: dict[tuple[int, int, int], Received] = {}
        for one in self.all:
            key = (id(one.leg), one.leg.parties.index(one.speaker), one.row.ssrc)
            known = best.get(key)
            if known is None or _nearness(one) > _nearness(known):
                best[key] = one
        return tuple(best.values())

    @cached_property
    def counted(self) -> tuple[Received, ...]:
        """Those of `last` of which every packet was counted."""
        return tuple(one for one in self.last if one.row.carried in COUNTED)

    def beside(self, one: Received) -> list[Received]:
        """The other counted streams of its leg that go on meanwhile."""
        return [
            other
            for other in self._by_leg[id(one.leg)]
            if other is not one
            and other.row.first_time < one.row.last_time
            and other.row.last_time > one.row.first_time
        ]

    @cached_property
    def _by_leg(self) -> dict[int, list[Received]]:
        found: dict[int, list[Received]] = defaultdict(list)
        for one in self.counted:
            found[id(one.leg)].append(one)
        return found


def _by_flow(media: "pd.DataFrame", flows: list[int]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    mine = media[media["flow"].isin(flows)]
    for row in rows_of(mine, mine.columns):
        found[row.flow].append(row)
    return found


def _nearness(one: Received) -> tuple[bool, int]:
    return one.receiver not in one.leg.relays, int(one.row.first_time)


def _received(call: Call, leg: Leg, row: Any, ends: Any, quality: StreamQuality | None) -> Received:
    client, server = (ends.client, ends.client_port), (ends.server, ends.server_port)
    hops = _hops(ends.ttl_client_max), _hops(ends.ttl_server_max)
    sender, receiver = (client, server) if row.from_client else (server, client)
    speaker = _speaker(leg, sender[0], receiver[0])
    return Received(
        call=call,
        leg=leg,
        row=row,
        sender=sender[0],
        sender_port=int(sender[1]),
        receiver=receiver[0],
        receiver_port=int(receiver[1]),
        speaker=leg.parties[speaker],
        hearer=leg.parties[1 - speaker],
        sender_hops=hops[0] if row.from_client else hops[1],
        receiver_hops=hops[1] if row.from_client else hops[0],
        quality=quality,
    )


def _speaker(leg: Leg, sender: str, receiver: str) -> int:
    """Which of the leg's parties speaks on a flow with these ends."""
    for place in _places(leg, sender):
        return place
    for place in _places(leg, receiver):
        return 1 - place
    return 0


def _places(leg: Leg, address: str) -> Iterator[int]:
    return (place for place, party in enumerate(leg.parties) if party.address == address)


def _hops(ttl: int) -> int | None:
    """Routers that a packet with this TTL has passed."""
    return next((first - ttl for first in INITIAL_TTLS if first >= ttl), None) if ttl else None
