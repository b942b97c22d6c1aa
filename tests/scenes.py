"""A network told step by step: connections, handshakes and messages at given seconds, as the tables ingest makes."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from cases import SECOND, START, answer, case, flow, reset, syn

from lynccap.correlation.case import Case
from lynccap.correlation.origins import Origins
from lynccap.diagnosis.catalogue import BY_NAME
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judge import judge
from lynccap.diagnosis.judgements import Doubt, Found
from lynccap.document import Finding, Severity
from lynccap.topology import Directory

RESOLVER, ANYBODY = "10.1.0.53", "10.1.0.250"
BEFORE = -8.0  # names are looked up by ANYBODY before anything else happens
SERVER_TTL = 126
NOTES = (Severity.INFO,)


def moment(at: float) -> int:
    """Nanoseconds of a second of the scene; second 0 is START, the capture starts 10 s earlier."""
    return START + round(at * SECOND)


class Scene:
    """Collects flows, control frames and messages; every step returns the number of its flow."""

    def __init__(self) -> None:
        self.flows: list[dict[str, Any]] = []
        self.answers: list[dict[str, Any]] = []
        self.controls: list[dict[str, Any]] = []
        self.errors: list[dict[str, Any]] = []
        self.repeats: list[dict[str, Any]] = []
        self.streams: list[dict[str, Any]] = []
        self.certificates: list[dict[str, Any]] = []
        self.interfaces: list[dict[str, Any]] = []
        self.host_names: list[dict[str, Any]] = []
        self.links: list[dict[str, Any]] = []
        self.neighbours: list[dict[str, Any]] = []
        self.anomalies: list[dict[str, Any]] = []
        self.messages: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.directory: Directory | None = None
        self.exchange(ANYBODY, RESOLVER, 53, BEFORE, stack="dns")

    def frame(self, at: float, of: int) -> int:
        """The frame of a flow at a time: later ones have higher numbers."""
        return round((at + 10) * 100_000) + of

    def case(self, seconds: float = 90.0) -> Case:
        """What correlation makes of it, for a capture that ends at `seconds`."""
        return case(
            self.flows, seconds=seconds, tcp_frames=self.controls, repeats=self.repeats, icmp=self.errors,
            media=self.streams, certificates=self.certificates, dns_answers=self.answers,
            interfaces=self.interfaces, host_names=self.host_names, arp=self.links, neighbours=self.neighbours,
            anomalies=self.anomalies, directory=self.directory, **self.messages,
        )  # fmt: skip

    def _add(self, client: str, server: str, port: int, at: float, seconds: float, **facts: Any) -> int:
        of, end = len(self.flows), at + seconds
        usual = {
            "client_port": 50_000 + of,
            "client_mac": f"00:00:00:00:{of >> 8:02x}:{of & 255:02x}",
            "first_time": moment(at),
            "first_time_client": moment(at),
            "last_time": moment(end),
            "last_time_client": moment(end - 0.002),
            "first_frame": self.frame(at, of),
            "first_frame_client": self.frame(at, of),
            "last_frame": self.frame(end, of),
            "last_frame_client": self.frame(end - 0.002, of),
            "first_time_server": moment(at + 0.001),
            "last_time_server": moment(end),
            "first_frame_server": self.frame(at + 0.001, of),
            "last_frame_server": self.frame(end, of),
        }
        self.flows.append(flow(client, server, port, **{**usual, **facts}))
        return of

    def connect(self, client: str, server: str, port: int, at: float = 0.0, seconds: float = 1.0, **facts: Any) -> int:
        """A TCP connection that is accepted and carries data both ways."""
        times = {"syn_time": moment(at), "syn_ack_time": moment(at + 0.001)}
        data = {"data_frames_client": 2, "data_frames_server": 2, "bytes_client": 900, "bytes_server": 900}
        return self._add(client, server, port, at, seconds, **{**times, **data, **facts})

    def midstream(self, client: str, server: str, port: int, at: float = 0.0, **facts: Any) -> int:
        """A TCP connection that was there before the capture, with data both ways."""
        data = {"data_frames_client": 3, "data_frames_server": 3, "bytes_client": 120, "bytes_server": 120}
        usual = {"opening": "midstream", "originator": "first-frame", "syns": 0, "stack": "tls"}
        return self._add(client, server, port, at, 5.0, **{**usual, **data, **facts})

    def exchange(self, client: str, server: str, port: int, at: float = 0.0, **facts: Any) -> int:
        """Datagrams both ways."""
        usual = {"transport": "udp", "opening": "answered", "originator": "first-frame", "syns": 0, "basis": "bytes"}
        return self._add(client, server, port, at, 0.01, **{**usual, **facts})

    def oneway(self, client: str, server: str, port: int, at: float = 0.0, **facts: Any) -> int:
        """Datagrams nobody answers."""
        usual = {"transport": "udp", "opening": "one-way", "originator": "first-frame", "syns": 0, "basis": "bytes"}
        return self._add(client, server, port, at, 1.0, **{**usual, **_nothing_back(), **facts})

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

    def shows(self, of: int, at: float, name: str, *certificate: str, sni: bool = True, done: bool = True) -> None:
        """TLS for a name on a connection of the scene, and the certificate that is shown for it."""
        self._say("tls", of, at + 0.01, kind="client-hello", version="tls1.2", sni=name if sni else None)
        self._say("tls", of, at + 0.02, False, kind="server-hello", version="tls1.2")
        if certificate:
            number = self._say("tls", of, at + 0.03, False, kind="certificate", certificates=(b"x",))
            leaf = {
                "common_name": certificate[0],
                "names": certificate,
                "issuer": "CN=Issuing CA",
                "sha256": certificate[0],
            }
            self.certificates.append({"flow": of, "frame": number, "time": moment(at + 0.03), **leaf})
        for place, from_client in enumerate((True, False) if done else ()):
            self._say("tls", of, at + 0.1 + place / 100, from_client, kind="application-data")

    def _say(self, protocol: str, of: int, at: float, from_client: bool = True, **fields: Any) -> int:
        number = self.frame(at, of)
        keys = {"flow": of, "frame": number, "first_frame": number, "time": moment(at), "from_client": from_client}
        self.messages[protocol].append({**keys, **fields})
        return number

    def refused(
        self, client: str, server: str, port: int, at: float = 0.0, *, tries: int = 2, every: float = 0.5,
        ttl: int = SERVER_TTL, copies: Iterable[float] = (0.0,),
    ) -> int:  # fmt: skip
        """SYNs of one flow, each answered with a reset; `copies` are the offsets at which a mirror repeats a frame."""
        copies = tuple(copies)
        frames = tries * len(copies)
        of = self._add(
            client, server, port, at, (tries - 1) * every + 0.001, opening="refused", closing="server-rst",
            syns=frames, frames_client=frames, frames_server=frames, ttl_server_min=0, ttl_server_max=0,
        )  # fmt: skip
        for place in range(tries):
            for copy in copies:
                asked = at + place * every + copy
                self.controls.append(syn(of, self.frame(asked, of), moment(asked)))
                self.controls.append(reset(of, self.frame(asked + 0.001, of), moment(asked + 0.001), ttl))
        return of

    def silent(self, client: str, server: str, port: int, at: float = 0.0, after: Iterable[float] = (0, 3, 9)) -> int:
        """SYNs of one flow that nobody answers."""
        times = [at + one for one in after]
        facts = {"opening": "unanswered", "syns": len(times), "frames_client": len(times), **_nothing_back()}
        of = self._add(client, server, port, at, times[-1] - at, **facts)
        self.controls += [syn(of, self.frame(one, of), moment(one)) for one in times]
        return of

    def secure(self, client: str, server: str, port: int, at: float = 0.0, **facts: Any) -> int:
        """A TLS connection that works."""
        of = self.connect(client, server, port, at, **{"stack": "tls", "basis": "bytes", **facts})
        self._hello(of, at)
        for place, from_client in enumerate((True, False)):
            self._say("tls", of, at + 0.1 + place / 100, from_client, kind="application-data")
        return of

    def distrusts(self, client: str, server: str, port: int, at: float = 0.0, **facts: Any) -> int:
        """A TLS connection the client ends with alert 48; returns the frame of the alert."""
        of = self.connect(client, server, port, at, **{"stack": "tls", "basis": "bytes", **facts})
        self._hello(of, at)
        return self._say("tls", of, at + 0.1, kind="alert", alert=48, alert_level="fatal", alert_name="unknown_ca")

    def turned_away(
        self, client: str, server: str, port: int, at: float = 0.0, *, version: str = "tls1.0", alert: int = 70,
        **facts: Any,
    ) -> int:  # fmt: skip
        """A TLS hello that the server ends at once, by an alert or, for 0, by a reset; returns the hello's frame."""
        usual = {"stack": "tls", "basis": "bytes", "closing": "server-rst"}
        of = self.connect(client, server, port, at, seconds=0.03, **{**usual, **facts})
        hello = self._say("tls", of, at + 0.01, kind="client-hello", version=version)
        if alert:
            names = {70: "protocol_version", 40: "handshake_failure"}
            told = {"alert": alert, "alert_level": "fatal", "alert_name": names[alert]}
            self._say("tls", of, at + 0.02, False, kind="alert", **told)
        self.controls.append(reset(of, self.frame(at + 0.03, of), moment(at + 0.03), SERVER_TTL))
        return hello

    def asks_time(self, client: str, server: str, at: float = 0.0, *, tries: int = 3, answered: bool = False) -> int:
        """NTP questions a second apart; returns the first frame."""
        of = (self.exchange if answered else self.oneway)(client, server, 123, at, stack="ntp")
        frames = [self._say("ntp", of, at + place, kind="client", transmit_time=1) for place in range(tries)]
        if answered:
            self._say("ntp", of, at + 0.01, False, kind="server", stratum=2, transmit_time=moment(at))
        return frames[0]

    def tickets(self, client: str, server: str, at: float, outcome: str, status: int, **facts: Any) -> int:
        """Extension and PIN offered to the web ticket service, read with a key; returns the flow."""
        of = self.secure(client, server, 443, at, stack="tls/http")
        usual = {"step": "issue", "authentication": "pin", "outcome": outcome, "status": status}
        self._say("web-ticket", of, at + 0.2, **{**usual, **facts})
        return of

    def _hello(self, of: int, at: float) -> None:
        self._say("tls", of, at + 0.01, kind="client-hello", version="1.2")
        self._say("tls", of, at + 0.02, False, kind="server-hello", version="1.2")
        shown = self._say("tls", of, at + 0.03, False, kind="certificate", certificates=(b"x",))
        row = {"flow": of, "frame": shown, "time": moment(at + 0.03), "common_name": "", "issuer": "CN=Issuing CA"}
        self.certificates.append(row)

    def meets(
        self, client: str, server: str, port: int, at: float = 0.0, *, sni: str = "", end: str | int = "data",
        leaf: Mapping[str, Any] | None = None, **facts: Any,
    ) -> int:  # fmt: skip
        """A TLS connection on which the server shows a leaf (columns of the certificates table).

        It ends in `data` both ways, in an alert of the client's (its number), the client `leaves`, or is `unused`.
        """
        of = self.connect(client, server, port, at, **{"stack": "tls", "basis": "bytes", **facts})
        self._hello(of, at)
        self.messages["tls"][-3]["sni"] = sni or None
        self._say("tls", of, at + 0.04, False, kind="server-hello-done")
        self.certificates[-1].update({"sha256": repr(leaf), "serial": "01", **(leaf or {})})
        if isinstance(end, int):
            self._say("tls", of, at + 0.1, kind="alert", alert=end, alert_level="fatal", alert_name=str(end))
        if end in ("data", "unused"):
            for place, from_client in enumerate((True, False)):
                self._say("tls", of, at + 0.05 + place / 100, from_client, kind="encrypted-handshake")
                if end == "data":
                    self._say("tls", of, at + 0.1 + place / 100, from_client, kind="application-data")
        if end in ("leaves", "unused"):
            number = self.frame(at + 0.2, of)
            self.controls.append(
                {"flow": of, "frame": number, "time": moment(at + 0.2), "from_client": True, "flags": 17, "ttl": 127}
            )
        return of

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

    def browses(self, client: str, server: str, at: float, user_agent: str) -> int:
        """An HTTP request with its answer."""
        of = self.connect(client, server, 80, at, stack="http", basis="bytes")
        self._say("http", of, at + 0.1, kind="request", method="GET", target="/", user_agent=user_agent)
        self._say("http", of, at + 0.2, False, kind="response", status=200)
        return of

    def provisions(self, client: str, server: str, at: float, outcome: str, status: int | None, **facts: Any) -> int:
        """An anonymous request for the root chain and what came of it."""
        of = self.connect(client, server, 80, at, stack="http", basis="bytes")
        usual = {"step": "root-chains", "anonymous": True, "outcome": outcome, "status": status}
        self._say("certprov", of, at + 0.1, **{**usual, **facts})
        return of

    def requests(
        self, client: str, server: str, at: float, protocol: str, outcome: str, status: int | None, *, port: int = 80,
        host: str = "", target: str = "/", asked: Mapping[str, Any] = {}, answered: Mapping[str, Any] = {},
        of: int = -1, lasts: float = 0.1, **facts: Any,
    ) -> int:  # fmt: skip
        """A readable request to a web service and its answer, on a connection of their own unless `of` is given."""
        if of < 0:
            stack = "http" if port in (80, 8080) else "tls/http"
            of = self.connect(client, server, port, at, stack=stack, basis="bytes")
        first, last = self.frame(at + 0.1, of), self.frame(at + 0.1 + lasts, of)
        words = {"kind": "request", "method": "GET", "target": target, "host": host or None, **asked}
        self._say("http", of, at + 0.1, **words)
        self._say("http", of, at + 0.1 + lasts, False, kind="response", status=status, **answered)
        self._say(protocol, of, at + 0.1 + lasts, outcome=outcome, status=status, **facts)
        self.messages[protocol][-1]["first_frame"] = first
        assert self.messages[protocol][-1]["frame"] == last
        return of

    def presents(self, sni: str = "", **certificate: Any) -> int:
        """The last connection, with this server name in its hello and these facts of its certificate."""
        of = len(self.flows) - 1
        for one in self.messages["tls"]:
            if one["flow"] == of and one["kind"] == "client-hello":
                one["sni"] = sni or None
        self.certificates[-1].update(certificate)
        return of

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

    def speaks(
        self, of: int, at: float = 1.0, seconds: float = 20.0, sides: Iterable[bool] = (True, False),
        payload_type: int = 114, carried: str = "udp",
    ) -> None:  # fmt: skip
        """Audio of 50 packets a second in a flow, from the client (True), the server (False) or both."""
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
                }
            )

    def cut(self, of: int, at: float, pause: float = 0.0, ttl: int = SERVER_TTL, **facts: Any) -> int:
        """A reset in the server's name ends a flow, `pause` seconds after the last packet; returns its frame."""
        number, row = self.frame(at, of), self.flows[of]
        last = {"last_time_client": moment(at - 0.001), "last_frame_client": self.frame(at - 0.001, of)}
        row.update({"closing": "server-rst", "last_time": moment(at), "last_frame": number, **last})
        row.update({"last_time_server": moment(at), "last_frame_server": number})
        reset_ = {"flow": of, "frame": number, "time": moment(at), "flags": 20, "ttl": ttl, "ip_id": -1}
        self.controls.append({**reset_, "pause": round(pause * SECOND), "ip_id_before": -1, **facts})
        return number

    def shuts(self, of: int, times: Iterable[float], *, by_client: bool = False, ack: int = 7000) -> list[int]:
        """Packets that close the receive window of one side; returns their frames."""
        times = list(times)
        side, last = "client" if by_client else "server", times[-1]
        self.flows[of].update({f"last_time_{side}": moment(last), f"last_frame_{side}": self.frame(last, of)})
        self.flows[of].update({"last_time": moment(last + 0.5), "last_frame": self.frame(last + 0.5, of)})
        for at in times:
            row = {"flow": of, "frame": self.frame(at, of), "time": moment(at), "from_client": by_client}
            self.controls.append({**row, "flags": 16, "window": 0, "ack": ack, "ttl": SERVER_TTL, "ip_id": -1})
        return [self.frame(at, of) for at in times]

    def forbidden(self, of: int, at: float = 0.01, reporter: str = "10.1.0.1") -> None:
        """ICMP "administratively prohibited" quotes the client's first packet of a flow."""
        self.reported(of, at, reporter, (3, 13))

    def reported(self, of: int, at: float, reporter: str, code: tuple[int, int]) -> int:
        """ICMP of a type and code quotes a packet of the client of a flow; returns the frame."""
        row = self.flows[of]
        self.errors.append(
            {
                "frame": self.frame(at, of),
                "time": moment(at),
                "reporter": reporter,
                "recipient": row["client"],
                "type": code[0],
                "code": code[1],
                "version": 4,
                "flow": of,
                "from_client": True,
                "quoted_transport": row["transport"],
                "quoted_source": row["client"],
                "quoted_source_port": row["client_port"],
                "quoted_destination": row["server"],
                "quoted_destination_port": row["server_port"],
            }
        )
        return self.frame(at, of)

    def link(self, kind: str, mac: str, address: str, target: str, at: float) -> int:
        """An ARP message, kind request or reply; returns its frame."""
        frame = self.frame(at, 90_000 + len(self.links))
        self.links.append(
            {
                "frame": frame,
                "time": moment(at),
                "kind": kind,
                "mac": mac,
                "address": address,
                "target": target,
                "vlan": -1,
            }
        )
        return frame


def _nothing_back() -> Mapping[str, int]:
    names = ("frames_server", "first_frame_server", "last_frame_server", "first_time_server", "last_time_server")
    return dict.fromkeys((*names, "ttl_server_min", "ttl_server_max"), 0)


def found(rule: str, scene: Scene, seconds: float = 90.0) -> list[Found]:
    """What a rule found."""
    return [one for one in BY_NAME[rule].judge(Inquiry(scene.case(seconds))) if isinstance(one, Found)]


def doubts(rule: str, scene: Scene, seconds: float = 90.0) -> list[Doubt]:
    """What a rule doubted."""
    return [one for one in BY_NAME[rule].judge(Inquiry(scene.case(seconds))) if isinstance(one, Doubt)]


def findings(scene: Scene, seconds: float = 90.0) -> list[Finding]:
    """Everything found that is no mere note; a rule that failed is a failure of the test."""
    case = scene.case(seconds)
    assessments, told = judge([case], [Origins(case.tables, ["c1"])])
    failed = [one for one in assessments if one.outcome == "rule-failed"]
    assert failed == []
    return [one for one in told if one.severity not in NOTES]


def accused(scene: Scene, seconds: float = 90.0) -> set[tuple[str, str | None]]:
    """Rule and device of everything found that is no mere note."""
    return {(one.rule, one.device) for one in findings(scene, seconds)}
