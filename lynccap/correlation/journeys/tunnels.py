"""Connections through a proxy: what a device asked it for with CONNECT (RFC 9110 9.3.6), and what it answered."""

from dataclasses import dataclass
from typing import Any

from lynccap.correlation.clues import UNKNOWN, service_of_name
from lynccap.correlation.devices.book import DeviceFacts
from lynccap.correlation.journeys.coverage import Coverage

CHALLENGE = 407


@dataclass(frozen=True, slots=True)
class Tunnel:
    """One request to a proxy for a connection."""

    flow: int
    capture: int
    time: int
    frame: int
    proxy: str
    host: str
    port: int
    service: str
    """sip, psom, stun-turn or web by the host's name; ? when the name tells none."""
    status: int | None
    """None when no answer is readable."""
    answer_frame: int

    @property
    def opened(self) -> bool:
        """Whether the proxy let it through."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def refused(self) -> bool:
        """Whether the proxy said no; a request for the user's name is none."""
        return self.status is not None and self.status >= 400 and self.status != CHALLENGE

    def says(self, words: str) -> str:
        """What the proxy made of it, in a sentence about `words`."""
        target = f"{words} {self.host} TCP {self.port} through the proxy {self.proxy}"
        if self.opened:
            return f"reached {target}"
        said = "no answer can be read" if self.status is None else f"the proxy answered {self.status}"
        return f"asked for {target}: {said}"


def tunnels_of(coverage: Coverage, device: DeviceFacts) -> tuple[Tunnel, ...]:
    """The tunnels a device asked for, in order of time."""
    asked: list[Any] = []
    answers: dict[tuple[int, int], Any] = {}
    latest: dict[int, Any] = {}
    for row in coverage.case.messages_of("http", *device.addresses):
        if row.kind == "request":
            latest[row.flow] = row
            if row.method == "CONNECT":
                asked.append(row)
        elif row.flow in latest:
            answers.setdefault((row.flow, latest[row.flow].frame), row)
    made = (_tunnel(coverage, row, answers.get((row.flow, row.frame))) for row in asked)
    return tuple(sorted(made, key=lambda one: (one.time, one.frame)))


def _tunnel(coverage: Coverage, request: Any, answer: Any | None) -> Tunnel:
    host, _, port = str(request.target or "").lower().rpartition(":")
    status = None if answer is None or answer.status is None else int(answer.status)
    return Tunnel(
        flow=request.flow,
        capture=coverage.captures[request.flow],
        time=int(request.time),
        frame=int(request.frame),
        proxy=coverage.servers[request.flow],
        host=host,
        port=int(port) if port.isdecimal() and port.isascii() else 0,
        service=_service(coverage, request.flow, host),
        status=status,
        answer_frame=0 if answer is None else int(answer.frame),
    )


def _service(coverage: Coverage, flow: int, host: str) -> str:
    if "sip" in coverage.stacks[flow].split("/"):
        return "sip"
    leads = {link.name for link in coverage.case.names.srv.get(host, ())}
    if any(one.startswith(("_sip._tls.", "_sipinternaltls._tcp.")) for one in leads):
        return "sip"
    return service_of_name(host) if host else UNKNOWN
