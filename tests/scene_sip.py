"""SIP messages, in the clear or opened by keys, and what a topology says of the hosts."""

from typing import Any

from scene_names import Names

from lynccap.topology import Directory, read_bytes


class Sip(Names):
    """Requests and their answers on a connection that `connect` or `secure` made."""

    def opened(self, of: int) -> int:
        """A key log opened this connection."""
        self.decryptions.append({"flow": of, "outcome": "decrypted", "key": "keylog"})
        return of

    def asks_sip(
        self, of: int, at: float, method: str, *statuses: int, from_client: bool = True, call_id: str = "",
        reason: str = "", asked: dict[str, Any] | None = None, **answer: Any,
    ) -> list[int]:  # fmt: skip
        """A request and its answers 10 ms apart, frames in order; `asked` and `answer` are further fields of both."""
        self._cseq += 1
        same: dict[str, Any] = {
            "method": method,
            "call_id": call_id or f"call-{of}-{self._cseq}",
            "cseq": self._cseq,
            "from_uri": "sip:ada@cedar.example",
            "to_uri": "sip:ben@cedar.example",
            "from_tag": f"tag-{of}",
        }
        frames = [self._say("sip", of, at, from_client, kind="request", **{"hops": 1, **same, **(asked or {})})]
        for place, status in enumerate(statuses, 1):
            told = {"status": status, "reason": reason or None, **same, **answer}
            frames.append(self._say("sip", of, at + place / 100, not from_client, kind="response", **told))
        return frames

    def calls(
        self, of: int, at: float, offers: tuple[str, int], *, accepted: float = 0.5, ended: float = 0.0,
        says: str = "", call_id: str = "call",
    ) -> list[int]:  # fmt: skip
        """An INVITE that offers audio at an address and port, its 200 and, after `ended` seconds, a BYE; their frames.

        `says`: ms-client-diagnostics of the BYE.
        """
        address, port = offers
        described = f"v=0\r\no=- 0 0 IN IP4 {address}\r\ns=-\r\nc=IN IP4 {address}\r\nt=0 0\r\n"
        body = f"{described}m=audio {port} RTP/SAVP 114\r\na=ice-ufrag:aa\r\n".encode()
        same: dict[str, Any] = {"call_id": call_id, "from_tag": "a", "cseq": 1}
        asked = {**same, "method": "INVITE", "body": body, "kind": "request"}
        frames = [self._say("sip", of, at, **asked)]
        answer = {**same, "method": "INVITE", "to_tag": "b", "kind": "response", "status": 200}
        frames.append(self._say("sip", of, at + accepted, False, **answer))
        if ended:
            bye = {**same, "method": "BYE", "to_tag": "b", "cseq": 2}
            told = {"client_diagnostics": says or None, "diagnostics": says or None}
            frames.append(self._say("sip", of, at + ended, kind="request", **bye, **told))
            frames.append(self._say("sip", of, at + ended + 0.01, False, kind="response", status=200, **bye))
        return frames

    def holds(self, *hosts: tuple[str, str, str], domain: str = "cedar.example") -> None:
        """The customer's topology: (role, address, name) of each host; the names are looked up, so that it is used."""
        lines = ['format = "lynccap-topology/1"', f'sip_domains = ["{domain}"]']
        for role, address, name in hosts:
            lines += ["[[host]]", f'role = "{role}"', f'name = "{name}"', f'address = "{address}"']
            self.named(name, address)
        self.directory = Directory(read_bytes("\n".join(lines).encode(), "t.toml"))
