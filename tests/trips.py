"""Journeys made by hand: what a device does, second by second, and what its journey tells of it."""

from collections import defaultdict
from typing import Any

from cases import START, answer, case, flow

from lynccap.correlation.case import Case
from lynccap.correlation.journeys.facts import StageFacts
from lynccap.correlation.journeys.machine import Journey, Journeys
from lynccap.tables import SECOND

DEVICE, DNS, SERVER, PROXY, PORTAL = "10.1.0.9", "10.1.0.53", "10.9.0.6", "10.1.0.80", "10.5.0.1"
MAC = "00:04:f2:00:00:09"
WEB_NAME = "lyncdiscoverinternal.contoso.example"
SRV = "_sipinternaltls._tcp.contoso.example"
HANDSHAKE = (
    ("client-hello", True),
    ("server-hello", False),
    ("certificate", False),
    ("server-hello-done", False),
    ("client-key-exchange", True),
    ("encrypted-handshake", True),
    ("encrypted-handshake", False),
    ("application-data", True),
    ("application-data", False),
)


class Trip:
    """A capture that begins 10 s before second 0; everything is placed in seconds after that."""

    def __init__(self, client: str = DEVICE, seconds: float = 120.0) -> None:
        self.client, self.seconds = client, seconds
        self.flows: list[dict[str, Any]] = []
        self.rows: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def flow(self, server: str, port: int, at: float, client: str = "", lasts: float = 1.0, **facts: Any) -> int:
        first, last, frame = _time(at), _time(at + lasts), len(self.flows) * 100 + 1
        times = {"first_time": first, "first_time_client": first, "first_time_server": first}
        ends = {"last_time": last, "last_time_client": last, "last_time_server": last}
        frames = {"first_frame": frame, "first_frame_client": frame, "last_frame": frame + 99}
        own = client in ("", self.client, "0.0.0.0")
        near = {"client_mac": MAC, "ttl_client_min": 128, "ttl_client_max": 128} if own else {"client_mac": ""}
        given = {**near, **times, **ends, **frames, **facts}
        self.flows.append(flow(client or self.client, server, port, **given))
        return len(self.flows) - 1

    def row(self, table: str, of: int, at: float, place: int, **says: Any) -> None:
        frame = of * 100 + 1 + place
        kept = {"flow": of, "frame": frame, "first_frame": frame, "time": _time(at)}
        self.rows[table].append({**kept, **says})

    def dns(self, name: str, at: float, address: str = "", rcode: int | None = 0, client: str = "") -> int:
        """A question; answered with an address, with a code (3: no such name), or not at all (None)."""
        heard = {"opening": "answered"} if rcode is not None else {"opening": "one-way", "frames_server": 0}
        of = self.flow(DNS, 53, at, client, transport="udp", stack="dns", basis="bytes", **heard)
        self.row("dns", of, at, 1, kind="request", from_client=True, name=name, transaction_id=of)
        if rcode is not None:
            codes = {0: "NOERROR", 2: "SERVFAIL", 3: "NXDOMAIN"}
            said = {"rcode": rcode, "rcode_name": codes[rcode], "answers": int(bool(address) and not rcode)}
            self.row("dns", of, at + 0.01, 2, kind="response", name=name, transaction_id=of, **said)
        if address:
            self.rows["dns_answers"].append(answer(name, address, flow=of, frame=of * 100 + 3, time=_time(at + 0.01)))
        return of

    def connect(self, server: str, port: int, at: float, **facts: Any) -> int:
        of = self.flow(server, port, at, **facts)
        self.rows["tcp_frames"].append(
            {"flow": of, "frame": of * 100 + 1, "time": _time(at), "from_client": True, "flags": 2, "ttl": 127}
        )
        return of

    def refuse(self, server: str, port: int, at: float, tries: int = 3) -> int:
        of = self.connect(server, port, at, opening="refused")
        for number in range(tries):
            self._reset(of, at + number, 2 + number * 2)
        return of

    def _reset(self, of: int, at: float, place: int) -> None:
        common = {"flow": of, "ttl": 126}
        self.rows["tcp_frames"] += [
            {**common, "frame": of * 100 + place, "time": _time(at), "from_client": True, "flags": 2},
            {**common, "frame": of * 100 + place + 1, "time": _time(at + 0.01), "from_client": False, "flags": 20},
        ]

    def silence(self, server: str, port: int, at: float, tries: int = 3) -> int:
        of = self.connect(server, port, at, opening="unanswered", frames_server=0)
        for number in range(1, tries):
            row = {"flow": of, "frame": of * 100 + 1 + number, "time": _time(at + 3 * number), "from_client": True}
            self.rows["tcp_frames"].append({**row, "flags": 2, "ttl": 127})
        return of

    def tls(self, of: int, at: float, upto: int = len(HANDSHAKE), alert: int | None = None) -> None:
        for place, (kind, from_client) in enumerate(HANDSHAKE[:upto]):
            says = {"kind": kind, "from_client": from_client, "version": "tls1.2"}
            self.row("tls", of, at + place / 1000, 10 + place, **says)
        if alert is not None:
            says = {"alert": alert, "alert_name": "unknown_ca", "alert_level": "fatal"}
            self.row("tls", of, at + 0.1, 30, kind="alert", from_client=True, version="tls1.2", **says)

    def secure(self, server: str, port: int, at: float, **facts: Any) -> int:
        """A connection with TLS that was completed."""
        of = self.connect(server, port, at, **{"stack": "tls", "data_frames_client": 5, **facts})
        self.tls(of, at + 0.01)
        return of

    def exchange(self, table: str, server: str, at: float, port: int = 80, **says: Any) -> int:
        """A request over HTTP and its answer, which `says` describes."""
        of = self.connect(server, port, at, stack="http")
        self.asked(of, at, **{name: says.pop(name) for name in ("target", "user_agent", "method") if name in says})
        self.row(table, of, at + 0.2, 6, **{"first_frame": of * 100 + 5, "status": 200, "outcome": "ok", **says})
        return of

    def asked(self, of: int, at: float, **says: Any) -> None:
        told = {"method": "GET", "target": "/", "kind": "request", "from_client": True, **says}
        self.row("http", of, at + 0.1, 4, **told)

    def register(self, of: int, at: float, status: int | None, place: int = 40, **says: Any) -> None:
        common = {"method": "REGISTER", "call_id": f"r{place}", "cseq": 1, **says}
        self.row("sip", of, at, place, kind="request", from_client=True, **common)
        if status:
            self.row("sip", of, at + 0.1, place + 1, kind="response", status=status, server="RTC/5.0", **common)

    def dhcp(self, kind: str, at: float, **says: Any) -> None:
        asks = kind in ("discover", "request", "inform", "release")
        of = self.flow("255.255.255.255", 67, at, "0.0.0.0" if asks else DNS, transport="udp", stack="dhcp")
        self.row("dhcp", of, at, 1, **{"kind": kind, "mac": MAC, "from_client": asks, **says})

    def boot(self, at: float) -> "Trip":
        """A Lync phone gets its address."""
        self.dhcp("discover", at, vendor_class="MS-UC-Client")
        self.dhcp("ack", at + 0.1, your_address=self.client)
        return self

    def known(self, at: float = 30.0, server: str = SERVER) -> "Trip":
        """The server's names are asked for, by somebody else in the same subnet."""
        self.dns(WEB_NAME, at, server, client="10.1.0.200")
        return self

    def case(self) -> Case:
        return case(self.flows, seconds=self.seconds, **self.rows)

    def journey(self, address: str = "") -> Journey:
        made = self.case()
        device = made.devices.of(address or self.client)
        assert device is not None, "no such device"
        return Journeys(made).of(device)

    def told(self, address: str = "") -> dict[str, StageFacts]:
        return {one.step: one for one in self.journey(address).stages}


def _time(at: float) -> int:
    return START + int(at * SECOND)
