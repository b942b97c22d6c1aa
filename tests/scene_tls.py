"""TLS connections: handshakes that work, and how others end."""

from collections.abc import Mapping
from typing import Any

from cases import reset
from scene_flows import SERVER_TTL, Flows, moment

from dissectors.tls import ALERTS


class Tls(Flows):
    """Handshakes with their certificates."""

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
            self._say("tls", of, at + 0.1, kind="alert", alert=end, alert_level="fatal", alert_name=ALERTS[end])
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

    def presents(self, sni: str = "", **certificate: Any) -> int:
        """The last connection, with this server name in its hello and these facts of its certificate."""
        of = len(self.flows) - 1
        for one in self.messages["tls"]:
            if one["flow"] == of and one["kind"] == "client-hello":
                one["sni"] = sni or None
        self.certificates[-1].update(certificate)
        return of
