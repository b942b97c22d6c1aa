"""Handshakes told step by step: who showed which certificates, and how it ended."""

from typing import Any

from cases import SECOND, START, case
from scenes import Scene, moment

from lynccap.correlation.case import Case

DAY = 86_400 * SECOND
DOMAIN = "fabrikam.example"
SIP = 5061
POOL, WEB, PROXY, EDGE, EDGE2, INNER, PARTNER = (
    *("10.9.0.5", "10.9.0.6", "203.0.113.10", "203.0.113.9", "203.0.113.19", "10.9.0.8", "198.51.100.7"),
)
PC, OTHER, PHONE, HOME = "10.1.0.9", "10.1.0.10", "10.1.6.7", "198.51.100.201"
ISSUING, ROOT = "CN=Fabrikam Issuing CA", "CN=Fabrikam Root CA"


def leaf(name: str = f"pool.{DOMAIN}", **facts: Any) -> dict[str, Any]:
    """A certificate in order, but for what is said."""
    usual = {
        "subject": f"CN={name}",
        "common_name": name,
        "names": (name,),
        "issuer": ISSUING,
        "serial": f"{abs(hash(name)) % 10**9:x}",
        "not_before": START - 100 * DAY,
        "not_after": START + 400 * DAY,
        "usages": ("serverAuth",),
        "crl_urls": (f"http://crl.{DOMAIN}/a.crl",),
        "key": "rsa 2048",
        "signature": "sha256",
        "link": "not-shown",
        "issued_by": -1,
    }
    made = {**usual, **facts}
    return {**made, "sha256": made.get("sha256") or f"{name}-{made['serial']}"}


def issuing(**facts: Any) -> dict[str, Any]:
    """The authority below the root."""
    usual = {"subject": ISSUING, "issuer": ROOT, "authority": True, "names": (), "serial": "99", "crl_urls": ()}
    return leaf("Fabrikam Issuing CA", **{**usual, **facts})


def chain(name: str = f"pool.{DOMAIN}", **facts: Any) -> tuple[dict[str, Any], ...]:
    """The certificate with the intermediate above it, as servers send it."""
    return (leaf(name, **{"issued_by": 1, "link": "verified", **facts}), issuing())


class TlsScene(Scene):
    """A scene with handshakes; a pool, web services, a reverse proxy and an Edge by their names."""

    def __init__(self) -> None:
        super().__init__()
        self.revocations: list[dict[str, Any]] = []
        for name, address in (
            (f"lyncdiscoverinternal.{DOMAIN}", WEB),
            (f"sipinternal.{DOMAIN}", POOL),
            (f"lyncdiscover.{DOMAIN}", PROXY),
            (f"sipexternal.{DOMAIN}", EDGE),
        ):
            self.named(name, address)
        self.service(f"_sipinternaltls._tcp.{DOMAIN}", f"pool.{DOMAIN}", SIP)
        self.named(f"pool.{DOMAIN}", POOL)
        self.named(f"pool.{DOMAIN}", WEB)

    def case(self, seconds: float = 90.0) -> Case:
        """What correlation makes of it."""
        return case(
            self.flows, seconds=seconds, tcp_frames=self.controls, icmp=self.errors, certificates=self.certificates,
            dns_answers=self.answers, revocations=self.revocations, interfaces=self.interfaces, **self.messages,
        )  # fmt: skip

    def show(self, of: int, at: float, certificates: tuple[dict[str, Any], ...], from_client: bool = False) -> int:
        """A certificate message; the frame."""
        bodies = tuple(one["sha256"].encode() for one in certificates)
        frame = self._say("tls", of, at, from_client, kind="certificate", certificates=bodies)
        for position, one in enumerate(certificates):
            keys = {"flow": of, "frame": frame, "time": moment(at), "from_client": from_client, "position": position}
            self.certificates.append({**keys, **one})
        return frame

    def hello(
        self, client: str, server: str, port: int, at: float, *, sni: str = "", offers: str = "tls1.2",
        suites: tuple[int, ...] = (0x2F,), seconds: float = 1.0, **facts: Any,
    ) -> int:  # fmt: skip
        """A connection with a client's hello."""
        of = self.connect(client, server, port, at, seconds, **{"stack": "tls", "basis": "bytes", **facts})
        self._say("tls", of, at + 0.01, kind="client-hello", version=offers, sni=sni or None, suites=suites)
        return of

    def shake(
        self, client: str, server: str, port: int = SIP, at: float = 1.0, *, shown: Any = None, chosen: int = 0x2F,
        version: str = "tls1.2", asks: tuple[str, ...] | None = None, bytes_asked: int = 0, answer: Any = None,
        **hello: Any,
    ) -> int:  # fmt: skip
        """A handshake up to the server's last word, and with `asks` to the client's answer."""
        of = self.hello(client, server, port, at, **hello)
        facts = {"version": version, "suites": (chosen,), "suite": f"SUITE_{chosen:x}"}
        self._say("tls", of, at + 0.02, False, kind="server-hello", **facts)
        self.show(of, at + 0.03, chain() if shown is None else shown)
        if asks is not None:
            size = bytes_asked or 60 * len(asks)
            told = {"authorities": len(asks), "authorities_bytes": size, "authority_names": asks}
            self._say("tls", of, at + 0.035, False, kind="certificate-request", **told)
        self._say("tls", of, at + 0.04, False, kind="server-hello-done")
        if answer is not None:
            self.show(of, at + 0.05, answer, from_client=True)
            self._say("tls", of, at + 0.06, kind="encrypted-handshake")
        return of

    def works(self, client: str, server: str, port: int = SIP, at: float = 1.0, **how: Any) -> int:
        """One that carries data."""
        of = self.shake(client, server, port, at, **how)
        for place, from_client in enumerate((True, False)):
            self._say("tls", of, at + 0.1 + place / 100, from_client, kind="application-data")
        return of

    def alert(self, of: int, code: int, after: float = 0.1, *, from_client: bool = True) -> int:
        """A fatal alert some seconds after the connection began; the frame."""
        at = self._began(of) + after
        return self._say("tls", of, at, from_client, kind="alert", alert=code, alert_level="fatal", alert_name="x")

    def leaves(self, of: int, after: float = 0.1, *, from_client: bool = True, flags: int = 17) -> int:
        """A FIN some seconds after the connection began; the frame."""
        at = self._began(of) + after
        frame = self.frame(at, of)
        row = {"flow": of, "frame": frame, "time": moment(at), "from_client": from_client, "flags": flags, "ttl": 127}
        self.controls.append(row)
        return frame

    def _began(self, of: int) -> float:
        return float((self.flows[of]["first_time"] - START) / SECOND)

    def at(self, of: int, after: float) -> int:
        """The frame of a connection some seconds after it began."""
        return self.frame(self._began(of) + after, of)

    def tells_time(self, offset: float = 0.0, at: float = 0.5) -> None:
        """A time server's answer to somebody, so many seconds off the recorder's clock."""
        of = self.exchange("10.1.0.77", "10.9.0.123", 123, at, stack="ntp")
        told = {"kind": "server", "stratum": 3, "leap": 0, "transmit_time": moment(at + offset)}
        self._say("ntp", of, at, False, **told)

    def asks_time(self, client: str, times: tuple[float, ...], clock: float | None = None) -> list[int]:
        """Questions for the time that nobody answers, by a clock so many seconds off; the frames."""
        of = self.oneway(client, "10.9.0.124", 123, times[0], stack="ntp")
        return [
            self._say("ntp", of, one, kind="client", transmit_time=moment(one + clock) if clock is not None else 0)
            for one in times
        ]

    def fetches(
        self, client: str, server: str, at: float, url: str, *, until: int, kind: str = "crl", **facts: Any
    ) -> int:
        """A revocation list fetched over port 80; the frame of the answer."""
        of = self.connect(client, server, 80, at, stack="http", basis="bytes")
        told = {"kind": kind, "url": url, "outcome": "ok", "status": 200, "content_ok": True, "content": b""}
        dates = {"this_update": until - 7 * DAY, "next_update": until}
        frame = self._say("crl", of, at + 0.2, **{**told, **dates, **facts})
        row = {"flow": of, "frame": frame, "time": moment(at + 0.2), "kind": kind, "url": url, "issuer": ISSUING}
        self.revocations.append({**row, **dates, "revoked": 1, "serial": "", "certificate_status": ""})
        return frame

    def told_revoked(self, client: str, at: float, serial: str, status: str = "revoked") -> int:
        """An OCSP response on a serial number; the frame."""
        of = self.connect(client, "198.51.100.90", 80, at, stack="http", basis="bytes")
        frame = self._say(
            "crl", of, at + 0.2, kind="ocsp", url="http://ocsp", outcome="ok", status=200, content_ok=True
        )
        row = {"flow": of, "frame": frame, "time": moment(at + 0.2), "kind": "ocsp", "url": "http://ocsp"}
        said = {"serial": serial, "certificate_status": status, "revoked": -1, "revoked_at": START - DAY}
        self.revocations.append({**row, **said, "issuer": ""})
        return frame
