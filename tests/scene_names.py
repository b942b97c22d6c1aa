"""What a device asks before it reaches a server: DNS, DHCP and the time."""

from collections.abc import Iterable, Mapping
from typing import Any

from cases import answer
from scene_flows import BEFORE, RESOLVER, Flows, moment


class Names(Flows):
    """Questions for names, addresses and the time."""

    def named(self, name: str, *addresses: str) -> None:
        """A DNS answer to somebody."""
        for address in addresses:
            self.answers.append(answer(name, address, frame=self.frame(BEFORE, 0), time=moment(BEFORE)))

    def service(self, name: str, target: str, port: int) -> None:
        """A SRV answer to somebody."""
        record = answer(name, target, record_type="SRV", port=port, frame=self.frame(BEFORE, 0), time=moment(BEFORE))
        self.answers.append(record)

    def pool(self, domain: str, address: str) -> None:
        """A pool that a domain's SRV record leads to."""
        self.service(f"_sipinternaltls._tcp.{domain}", f"pool.{domain}", 5061)
        self.named(f"pool.{domain}", address)

    def asks(self, client: str, name: str, at: float = 0.0) -> int:
        """A DNS question of a client, answered with nothing."""
        of = self.exchange(client, RESOLVER, 53, at, stack="dns")
        self._say("dns", of, at, kind="request", name=name)
        return of

    def looks_up(
        self, client: str, name: str, at: float = 0.0, *told: Any, rcode: str = "", kind: int = 1,
        tries: Iterable[float] = (0.0,), after: float | None = 0.01, server: str = RESOLVER, whole: bool = True,
    ) -> list[int]:  # fmt: skip
        """A DNS question, sent at each of `tries`, and its answer; returns their frames.

        `told` are addresses or (type, value, port); nothing is "no such name". `after` None: no answer comes.
        """
        tries = list(tries)
        facts = {"stack": "dns", "last_time": moment(at + max([*tries, after or 0.0]))}
        of = (self.exchange if after is not None else self.oneway)(client, server, 53, at, **facts)
        asked = {"name": name, "record_type": kind, "transaction_id": of, "complete": True}
        frames = [self._say("dns", of, at + one, kind="request", **asked) for one in tries]
        if after is None:
            return frames
        code = rcode or ("noerror" if told else "nxdomain")
        said = {**asked, "complete": whole, "rcode_name": code, "rcode": {"noerror": 0, "nxdomain": 3}.get(code, 2)}
        frames.append(self._say("dns", of, at + after, False, kind="response", answers=len(told), **said))
        for one in told:
            record = ("A" if ":" not in one else "AAAA", one, 0) if isinstance(one, str) else one
            owner = record[3] if len(record) > 3 else name
            facts = {"flow": of, "record_type": record[0], "port": record[2], "frame": frames[-1]}
            self.answers.append({**answer(name, record[1], time=moment(at + after), **facts), "name": owner})
        return frames

    def asks_time(self, client: str, server: str, at: float = 0.0, *, tries: int = 3, answered: bool = False) -> int:
        """NTP questions a second apart; returns the first frame."""
        of = (self.exchange if answered else self.oneway)(client, server, 123, at, stack="ntp")
        frames = [self._say("ntp", of, at + place, kind="client", transmit_time=1) for place in range(tries)]
        if answered:
            self._say("ntp", of, at + 0.01, False, kind="server", stratum=2, transmit_time=moment(at))
        return frames[0]

    def boots(self, client: str, at: float = 0.0, vendor_class: str = "MS-UC-Client") -> int:
        """A lease given to a client, by its vendor class a phone."""
        of = self.exchange("0.0.0.0", "255.255.255.255", 67, at, stack="dhcp", client_port=68)
        mac = "00:04:f2:00:00:01"
        self._say("dhcp", of, at, kind="request", mac=mac, vendor_class=vendor_class, requested_address=client)
        self._say("dhcp", of, at + 0.005, False, kind="ack", mac=mac, your_address=client)
        return of

    def asks_dhcp(
        self, client: str, at: float = 0.0, told: Mapping[str, Any] | None = None, *, kind: str = "inform",
        vendor_class: str = "MS-UC-Client", wants: Iterable[int] = (43, 120), tries: int = 1, every: float = 4.0,
        mac: str = "00:04:f2:00:00:01",
    ) -> int:  # fmt: skip
        """A question to DHCP, acknowledged with `told` at once unless that is None; returns the question's frame."""
        source = client if kind == "inform" else "0.0.0.0"
        of = self.oneway(source, "255.255.255.255", 67, at, stack="dhcp", client_port=68)
        asked: dict[str, Any] = {"kind": kind, "mac": mac, "vendor_class": vendor_class, "transaction_id": of + 1}
        asked |= {"requested_options": tuple(wants), "client_address": client if kind == "inform" else None}
        frames = [self._say("dhcp", of, at + place * every, **asked) for place in range(tries)]
        if told is not None:
            back = self.oneway("10.1.7.1", "255.255.255.255", 68, at + 0.01, stack="dhcp", client_port=67)
            given = {"your_address": None if kind == "inform" else client, "server": "10.1.7.1"}
            answer = {"kind": "ack", "mac": mac, "transaction_id": of + 1, **given, **told}
            self._say("dhcp", back, at + 0.01, **answer)
        return frames[0]
