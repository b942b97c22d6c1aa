"""Relays and media."""

from collections.abc import Iterable
from typing import Any

from scene_flows import Flows, moment


class Media(Flows):
    """Allocations at relays, and what is spoken."""

    def allocates(
        self, client: str, server: str, at: float = 0.0, relay: str | None = None, *, over: str = "udp",
        requests: int = 4, peer: str | None = None,
    ) -> int:  # fmt: skip
        """Allocate requests, granted with `relay`, or without any answer when there is none."""
        stack, port = {"udp": ("stun/rtp", 3478), "tcp": ("pseudo-tls/stun", 443)}[over]
        if over == "tcp":
            of = self.connect(client, server, port, at, seconds=30.0, stack=stack, basis="bytes")
        else:
            of = (self.exchange if relay else self.oneway)(client, server, port, at, stack=stack)
        turn: dict[str, Any] = {
            "method": "allocate",
            "dialect": "ms-turn",
            "ms_version": 4,
            "framing": "turn-tcp" if over == "tcp" else "udp",
        }
        for place in range(1 if relay else requests):
            self._say("stun", of, at + place / 5, kind="request", lifetime=None, **turn)
        if relay:
            self._say("stun", of, at + 0.01, False, kind="error", error_code=401, **turn)
            self._say("stun", of, at + 0.02, kind="request", lifetime=None, **turn)
            seen = f"{client}:{50_000 + of}"
            granted: dict[str, Any] = {"mapped_address": relay, "relayed_address": relay, "xor_mapped_address": seen}
            self._say("stun", of, at + 0.03, False, kind="response", **granted, **turn)
        if peer:
            wanted = {**turn, "method": "set-active-destination", "destination": peer}
            self._say("stun", of, at + 0.05, kind="request", **wanted)
        return of

    def checks(
        self, of: int, at: float = 0.0, tries: int = 5, every: float = 0.4, *, sides: Iterable[bool] = (True,),
        answered: bool = False, nominated: bool = False, code: int = 0, names: str = "bb:aa",
        **facts: Any,
    ) -> list[int]:  # fmt: skip
        """Connectivity checks (MS-ICE2) of the client (True), the server or both; each one is repeated until answered.

        Their frames, those of answers (success, or an error `code`) included.
        """
        said: list[int] = []
        row = self.flows[of]
        for from_client in sides:
            asked, _, asker = names.partition(":")
            check: dict[str, Any] = {
                "method": "binding",
                "dialect": "ms-ice2",
                "framing": "udp",
                "transaction_id": len(self.messages["stun"]).to_bytes(16, "big"),
                "has_username": True,
                "username": names if from_client else f"{asker}:{asked}",
                "ice_role": "controlling" if from_client else "controlled",
                "use_candidate": nominated,
                **facts,
            }
            for place in range(1 if answered else tries):
                said.append(self._say("stun", of, at + place * every, from_client, kind="request", **check))
                if answered or code:
                    told = {**check, "has_username": answered, "error_code": code or None, "use_candidate": False}
                    kind = "response" if answered else "error"
                    said.append(self._say("stun", of, at + place * every + 0.02, not from_client, kind=kind, **told))
        row["last_time"] = max(row["last_time"], moment(at + tries * every))
        return said

    def pair(
        self, client: str, server: str, at: float = 0.0, ports: tuple[int, int] = (50_030, 50_040), *,
        sides: Iterable[bool] = (True,), answered: bool = False, **facts: Any,
    ) -> int:  # fmt: skip
        """Two transport addresses over UDP that are checked."""
        both = answered or len(tuple(sides)) > 1
        make = self.exchange if both else self.oneway
        return make(client, server, ports[1], at, stack="stun/rtp", client_port=ports[0], **facts)

    def negotiates(
        self, client: str, server: str, at: float = 0.0, *answers: int | str | None,
        challenge: dict[str, Any] | None = None, told: dict[str, Any] | None = None,
    ) -> list[int]:  # fmt: skip
        """An Allocate over UDP, its challenge, and signed ones 0.2 s apart, each with its answer; their frames.

        An answer is an error, a relay address, or None for none. `challenge` and `told` are further fields of the
        401 and of the answers.
        """
        of = self.exchange(client, server, 3478, at, stack="stun/rtp")
        turn: dict[str, Any] = {"method": "allocate", "dialect": "ms-turn", "ms_version": 4, "framing": "udp"}
        frames = [self._say("stun", of, at, kind="request", lifetime=None, transaction_id=b"first%d" % of, **turn)]
        refusal = {"kind": "error", "error_code": 401, "transaction_id": b"first%d" % of, **(challenge or {})}
        frames.append(self._say("stun", of, at + 0.01, False, **refusal, **turn))
        signed: dict[str, Any] = {"kind": "request", "has_integrity": True, "has_username": True, "lifetime": None}
        for place, answer in enumerate(answers, 1):
            time = at + place / 5
            key: dict[str, Any] = {"transaction_id": b"%d-%d" % (of, place)}
            frames.append(self._say("stun", of, time, **signed, **key, **turn))
            said: dict[str, Any] = {"kind": "error", "error_code": answer}
            if isinstance(answer, str):
                said = {"kind": "response", "mapped_address": answer, "lifetime": 600}
            if answer is not None:
                frames.append(self._say("stun", of, time + 0.01, False, **said, **key, **(told or {}), **turn))
        return frames

    def speaks(
        self, of: int, at: float = 1.0, seconds: float = 20.0, sides: Iterable[bool] = (True, False),
        payload_type: int = 114, carried: str = "udp", **measured: Any,
    ) -> None:  # fmt: skip
        """Audio of 50 packets a second in a flow, from the client (True), the server (False) or both.

        `measured` are further fields of its streams, or other values of these.
        """
        for from_client in sides:
            self.streams.append(
                {
                    "flow": of,
                    "from_client": from_client,
                    "ssrc": 1 + from_client,
                    "payload_type": payload_type,
                    "carried": carried,
                    "payload_types": ((payload_type, round(50 * seconds)),),
                    "dscps": ((0, round(50 * seconds)),),
                    "packets": round(50 * seconds),
                    "expected": round(50 * seconds),
                    "bytes": round(50 * seconds) * 120,
                    "first_time": moment(at),
                    "last_time": moment(at + seconds),
                    "first_frame": self.frame(at, of),
                    "last_frame": self.frame(at + seconds, of),
                    **measured,
                }
            )

    def reports(self, of: int, at: float, lost_total: int | None = None, *, by_client: bool = False) -> int:
        """RTCP of the server, or the client, on what the other one sends (`speaks`); returns the frame."""
        told: dict[str, Any] = {"packet_type": 201, "ssrc": 1 + by_client}
        if lost_total is not None:
            told |= {"source": 2 - by_client, "lost_total": lost_total, "highest_sequence": round(at * 50)}
        return self._say("rtcp", of, at, by_client, reports=int(lost_total is not None), **told)
