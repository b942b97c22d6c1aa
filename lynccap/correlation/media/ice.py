"""Connectivity checks: which pairs of addresses ICE tried, what came back, and which pair carried the media.

A pair is two transport addresses. Its checks run either on a flow of their own or through an allocation, wrapped in
Send and Data until the pair becomes the active destination. One pair recorded at several places of the path is
several pairs here, each as it looked from there. Sources: [MS-ICE2] 3.1.4.8, RFC 8445 7.

What a capture shows is what passed the recorder: an answer it holds may still have been lost behind it, and what it
lacks may have been lost before. Rules weigh that; here nothing is concluded from the recorder's place.
"""

from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import groupby
from typing import Any

from lynccap.correlation.addresses import join_endpoint, split_endpoint
from lynccap.correlation.media.allocations import Allocation
from lynccap.correlation.media.checks import CheckOutcome, Checks, CheckTransactions
from lynccap.correlation.media.paths import MediaSession
from lynccap.correlation.media.relays import RelayBook
from lynccap.correlation.rows import rows_of
from lynccap.tables import Tables

ANSWER_NS = 500_000_000  # the least time an answer must have had before its absence says anything

_COLUMNS = (
    *("flow", "frame", "time", "from_client", "kind", "dialect", "transaction_id", "has_username", "use_candidate"),
    *("ice_role", "fingerprint", "username", "error_code", "xor_mapped_address", "destination", "remote", "framing"),
)
_RELAYED = ("turn-data", "turn-tcp", "mturn")
_UNTOLD = ""


@dataclass(frozen=True, slots=True)
class CheckPair:
    """The checks between two transport addresses on one flow."""

    flow: int
    capture: int
    one: str
    """The client of the flow, or the relayed address of the allocation that carries the checks: "ip:port"."""
    other: str | None
    """None when the relay carries the checks to a peer that these messages do not name."""
    hosts: tuple[str, ...]
    """The addresses of the two ends; of a relayed end the device that holds the allocation, where that is known."""
    allocation: int | None
    """The flow of the allocation that carries the checks, None when they go between the two addresses themselves."""
    relays: tuple[str, ...]
    """Those of the two ends that are relayed addresses some device was given."""
    forth: Checks
    """What `one` asked."""
    back: Checks
    """What `other` asked."""
    outcome: CheckOutcome
    media: MediaSession | None
    """What the pair carried once its checks had begun; None also when several pairs of a flow could have."""

    @property
    def nominated(self) -> bool:
        """Whether USE-CANDIDATE was answered with success."""
        return bool(self.forth.nomination_frame or self.back.nomination_frame)

    @property
    def codes(self) -> tuple[int, ...]:
        """The error codes of both sides, each once, in order."""
        return tuple(sorted({code for side in (self.forth, self.back) for _, code in side.errors}))

    @property
    def first_time(self) -> int:
        """When the first request was sent."""
        return min(side.first_time for side in (self.forth, self.back) if side.requests)

    @property
    def ufrags(self) -> frozenset[str]:
        """The names both sides gave the ICE session; pairs of one stream of one call share them."""
        return _parts(self.forth.username or "", self.back.username or "")


@lru_cache(maxsize=4096)
def _parts(*usernames: str) -> frozenset[str]:
    return frozenset(part for name in usernames if name for part in name.split(":"))


@dataclass(frozen=True)
class IceBook:
    """All pairs, in order of flow and peer."""

    pairs: tuple[CheckPair, ...] = ()

    def pairs_of(self, device: str) -> tuple[CheckPair, ...]:
        """The pairs a device is an end of."""
        return tuple(self._by_host.get(device, ()))

    def pairs_on(self, flow: int) -> tuple[CheckPair, ...]:
        """The pairs whose checks run on a flow."""
        return tuple(self._by_flow.get(flow, ()))

    @cached_property
    def _by_host(self) -> dict[str, list[CheckPair]]:
        found: dict[str, list[CheckPair]] = defaultdict(list)
        for one in self.pairs:
            for host in dict.fromkeys(one.hosts):
                found[host].append(one)
        return found

    @cached_property
    def _by_flow(self) -> dict[int, list[CheckPair]]:
        found: dict[int, list[CheckPair]] = defaultdict(list)
        for one in self.pairs:
            found[one.flow].append(one)
        return found


def read_ice(tables: Tables, relays: RelayBook, media: tuple[MediaSession, ...]) -> IceBook:
    """The connectivity checks of all captures; questions to STUN servers and keep-alives are none."""
    stun = tables["stun"]
    binding = stun[stun["method"] == "binding"]
    if binding.empty:
        return IceBook()
    rows = sorted(rows_of(binding, _COLUMNS), key=lambda row: (row.flow, row.frame))
    held = {one.flow: one for one in relays.allocations}
    on_flow = {one.flow: one for one in media}
    flows = tables.flows.loc[sorted({int(row.flow) for row in rows})]
    of = {int(flow.Index): flow for flow in rows_of(flows, flows.columns)}
    ends = tables.captures["last_time"].to_dict()
    made: list[CheckPair] = []
    for number, mine in groupby(rows, key=lambda row: int(row.flow)):
        maker = _Maker(of[number], held.get(number), relays, ends[of[number].capture])
        made += _with_media(maker.pairs(list(mine)), maker.allocation, on_flow.get(number))
    return IceBook(tuple(made))


def _with_media(pairs: list[CheckPair], allocation: Allocation | None, media: MediaSession | None) -> list[CheckPair]:
    if media is None:
        return pairs
    active = allocation.active if allocation else None
    good = [one for one in pairs if one.outcome in (CheckOutcome.SUCCEEDED, CheckOutcome.ONE_WAY)]

    def carries(one: CheckPair) -> bool:
        if one.allocation is None:
            return True
        return one.other == active.peer if active else [one] == good

    return [replace(one, media=media) if carries(one) and media.last_time >= one.first_time else one for one in pairs]


class _Maker:
    """Sorts the Binding messages of one flow into pairs."""

    def __init__(self, flow: Any, allocation: Allocation | None, relays: RelayBook, capture_end: int) -> None:
        self.flow = flow
        self.allocation = allocation
        self._relays = relays
        self._capture_end = capture_end

    def pairs(self, rows: list[Any]) -> list[CheckPair]:
        sides: dict[str | None, dict[bool, CheckTransactions]] = {}
        for row in rows:
            peer = self._peer(row)
            if row.kind == "request":
                if _is_check(row):
                    sides.setdefault(peer, {True: CheckTransactions(), False: CheckTransactions()})[
                        bool(row.from_client)
                    ].ask(row)
                continue
            asker = sides[peer][not row.from_client] if peer in sides else None
            if asker is not None and row.transaction_id in asker.asked:
                asker.answer(row)
        return [self._pair(peer, both[True].checks(), both[False].checks()) for peer, both in sides.items()]

    def _peer(self, row: Any) -> str | None:
        """To or from whom the relay carries a message; _UNTOLD when it does not say, None when nobody carries it."""
        active = self.allocation.active_at(int(row.time)) if self.allocation else None
        return row.destination or row.remote or active or (_UNTOLD if row.framing in _RELAYED else None)

    def _pair(self, peer: str | None, of_client: Checks, of_server: Checks) -> CheckPair:
        flow, holder = self.flow, self.allocation
        one, other = join_endpoint(flow.client, flow.client_port), join_endpoint(flow.server, flow.server_port)
        forth, back = of_client, of_server
        hosts: tuple[str, ...] = (self._host(one), self._host(other))
        if peer is not None:
            if holder and holder.client == flow.server:
                one, forth, back = other, of_server, of_client
            one, other = self._relay_of(holder) or one, peer
            hosts = (holder.client if holder else flow.client, *([self._host(peer)] if peer else []))
        return CheckPair(
            flow=int(flow.Index),
            capture=int(flow.capture),
            one=one,
            other=other or None,
            hosts=hosts,
            allocation=None if peer is None else int(flow.Index),
            relays=tuple(end for end in (one, other) if self._relays.holder_of(end)),
            forth=forth,
            back=back,
            outcome=self._outcome(forth, back),
            media=None,
        )

    def _relay_of(self, holder: Allocation | None) -> str | None:
        session = self._relays.session_of(holder) if holder else []
        return next((one.relay for one in session if one.relay), None)

    def _host(self, end: str) -> str:
        """The device behind an address: of a relayed one the holder, else the host itself."""
        holder, endpoint = self._relays.holder_of(end), split_endpoint(end)
        return holder.client if holder else endpoint[0] if endpoint else end

    def _outcome(self, forth: Checks, back: Checks) -> CheckOutcome:
        asking = [side for side in (forth, back) if side.requests]
        outcomes = [side.outcome for side in asking]
        if CheckOutcome.SUCCEEDED in outcomes:
            return CheckOutcome.ONE_WAY if CheckOutcome.UNANSWERED in outcomes else CheckOutcome.SUCCEEDED
        if CheckOutcome.REFUSED in outcomes:
            return CheckOutcome.REFUSED
        waited = self._capture_end - min(side.first_time for side in asking)
        return CheckOutcome.UNANSWERED if waited >= ANSWER_NS else CheckOutcome.OPEN


def _is_check(row: Any) -> bool:
    """Whether a Binding request is a connectivity check: those carry a user name, questions to servers do not."""
    return bool(row.has_username) and row.dialect in ("ms-ice2", "ms-ice", "rfc5389")
