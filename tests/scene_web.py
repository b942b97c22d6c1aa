"""Requests to web services that can be read, and their answers."""

from collections.abc import Mapping
from typing import Any

from scene_tls import Tls


class Web(Tls):
    """Requests over HTTP, and over TLS read with a key."""

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

    def tickets(self, client: str, server: str, at: float, outcome: str, status: int, **facts: Any) -> int:
        """Extension and PIN offered to the web ticket service, read with a key; returns the flow."""
        of = self.secure(client, server, 443, at, stack="tls/http")
        usual = {"step": "issue", "authentication": "pin", "outcome": outcome, "status": status}
        self._say("web-ticket", of, at + 0.2, **{**usual, **facts})
        return of
