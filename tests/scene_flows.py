"""Connections and datagrams of a network told step by step: how they open and end, and what routers say of them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from cases import SECOND, START, case, flow, reset, syn

from lynccap.correlation.case import Case
from lynccap.topology import Directory

RESOLVER, ANYBODY = "10.1.0.53", "10.1.0.250"
BEFORE = -8.0  # names are looked up by ANYBODY before anything else happens
SERVER_TTL = 126


def moment(at: float) -> int:
    """Nanoseconds of a second of the scene; second 0 is START, the capture starts 10 s earlier."""
    return START + round(at * SECOND)


class Flows:
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
        self.decryptions: list[dict[str, Any]] = []
        self._cseq = 0
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
            anomalies=self.anomalies, decryptions=self.decryptions, directory=self.directory, **self.messages,
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
