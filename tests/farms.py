"""A pool behind a load balancer, told step by step: what is passed on has the same client hello twice."""

from typing import Any

from scenes import Scene, moment

from lynccap.topology import Directory, read_bytes

DOMAIN = "kestrel.example"
VIP, OWN, NODES = "10.9.0.5", "10.9.0.6", ("10.9.0.11", "10.9.0.12")
CLIENT, OTHER = "10.1.0.9", "10.1.0.19"
POOL = f"pool.{DOMAIN}"


class Farm(Scene):
    """Two servers behind one address; both sides of the load balancer are seen."""

    def __init__(self, vip: str = VIP, nodes: tuple[str, ...] = NODES, name: str = "lyncdiscoverinternal") -> None:
        """The load balancer has passed one connection to each server."""
        super().__init__()
        self.vip = vip
        self.named(f"{name}.{DOMAIN}", vip)
        self.named(POOL, vip)
        self._hellos = 0
        for place, node in enumerate(nodes):
            self.passes(OTHER, node, 5061, -3.0 + place)

    def passes(self, client: str, node: str, port: int, at: float, source: str = OWN, name: str = POOL) -> int:
        """A TLS connection to the shared address that is passed on to a server; returns its first flow."""
        self._hellos += 1
        random = self._hellos.to_bytes(32, "big")
        front = self._shakes(client, self.vip, port, at, random, name)
        self._shakes(source or client, node, port, at + 0.01, random, name)
        return front

    def _shakes(self, client: str, server: str, port: int, at: float, random: bytes, name: str) -> int:
        of = self.connect(client, server, port, at, stack="tls", basis="bytes")
        self._say("tls", of, at + 0.01, kind="client-hello", version="1.2", random=random, sni=name)
        self._say("tls", of, at + 0.02, False, kind="server-hello", version="1.2")
        for place, from_client in enumerate((True, False)):
            self._say("tls", of, at + 0.1 + place / 100, from_client, kind="application-data")
        return of

    def gives_up(self, client: str, node: str, port: int, at: float, **behind: Any) -> tuple[int, int]:
        """A connection that is accepted, given to a server that fails, and reset."""
        nothing = {"data_frames_server": 0, "bytes_server": 0, "closing": "server-rst"}
        front = self.connect(client, self.vip, port, at, seconds=0.05, **nothing)
        if behind:
            return front, self.connect(OWN, node, port, at + 0.01, seconds=0.01, **{**nothing, **behind})
        return front, self.refused(OWN, node, port, at + 0.01, tries=1)

    def sets_cookies(self, client: str, server: str, at: float, agent: str, *steps: tuple[tuple[str, ...], ...]) -> int:
        """HTTP in one connection: each step is the cookies of a request and those that its answer sets."""
        of = self.connect(client, server, 80, at, stack="http", basis="bytes")
        for place, (brought, given) in enumerate(steps):
            self._say(
                "http", of, at + place, kind="request", method="GET", target="/", cookies=brought, user_agent=agent
            )
            self._say("http", of, at + place + 0.1, False, kind="response", status=200, set_cookies=given)
        return of

    def names_itself(self, client: str, node: str, at: float) -> int:
        """An answer in which the server behind the shared address tells its name; returns the frame."""
        of = self.connect(client, self.vip, 80, at, stack="http", basis="bytes")
        self._say("http", of, at + 0.1, kind="request", method="GET", target="/")
        return self._say("http", of, at + 0.2, False, kind="response", status=200, server_fqdn=node)


def pool(name: str, machines: dict[str, dict[str, str]], service: str, ports: str) -> str:
    """One pool of a topology: machines with the address of each side, and a service with its ports."""
    lines = ["[[pool]]", f'name = "{name}"']
    for machine, sides in machines.items():
        faces = ", ".join(f'{{ side = "{side}", address = "{one}" }}' for side, one in sides.items())
        lines += ["[[pool.machine]]", f'name = "{machine}"', f"interfaces = [{faces}]"]
    return "\n".join([*lines, "[[service]]", f'name = "{service}"', f'pool = "{name}"', f"ports = [{ports}]"])


def written(*pools: str) -> Directory:
    """A topology of some pools."""
    head = f'format = "lynccap-topology/1"\nsip_domains = ["{DOMAIN}"]\n'
    return Directory(read_bytes((head + "\n".join(pools)).encode(), "t.toml"))


__all__ = ["CLIENT", "DOMAIN", "NODES", "OTHER", "OWN", "POOL", "VIP", "Farm", "moment", "pool", "written"]
