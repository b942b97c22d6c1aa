"""Names of pools and Edges beside their kind of load balancing."""

from farms import CLIENT, DOMAIN, NODES, OTHER, pool, written
from proofs import fires, inconclusive, silent
from scenes import Scene

from lynccap.document import Confidence
from lynccap.topology import Directory

WEB, SPREAD = f"web.{DOMAIN}", f"frontpool.{DOMAIN}"


class TestWebByThePoolsName:
    RULE = "lb-web-fqdn-equals-pool-fqdn"

    def _pool(self, *members: str, srv: bool = True) -> Scene:
        scene = Scene()
        scene.named(f"lyncdiscoverinternal.{DOMAIN}", NODES[0])
        if srv:
            scene.service(f"_sipinternaltls._tcp.{DOMAIN}", SPREAD, 5061)
        scene.named(SPREAD, *members)
        return scene

    def _asks(self, scene: Scene, name: str, port: int = 443) -> int:
        of = scene.secure(CLIENT, NODES[0], port, 5.0)
        hello = next(one for one in scene.messages["tls"] if one["flow"] == of)
        hello["sni"] = name
        return int(hello["frame"])

    def test_https_is_found(self) -> None:
        scene = self._pool(*NODES)
        asked = self._asks(scene, SPREAD)
        told = {one["frame"] for one in scene.answers if one["name"] == SPREAD}

        one = fires(scene, "lb-web-fqdn-equals-pool-fqdn", CLIENT, frames={asked, *told})

        assert (one.peer, one.port, one.confidence) == (NODES[0], 443, Confidence.LIKELY)

    def test_http_is_found(self) -> None:
        scene = self._pool(*NODES)
        scene.browses(CLIENT, NODES[0], 5.0, "OC/15.0")
        scene.messages["http"][0]["host"] = f"{SPREAD}:80"

        assert fires(scene, "lb-web-fqdn-equals-pool-fqdn", CLIENT).port == 80

    def test_standard_edition_has_one_address(self) -> None:
        scene = self._pool(NODES[0])
        self._asks(scene, SPREAD)

        silent(scene, "lb-web-fqdn-equals-pool-fqdn")

    def test_name_of_the_web_services_own_is_right(self) -> None:
        scene = self._pool(*NODES)
        scene.named(WEB, NODES[0])
        self._asks(scene, WEB)

        silent(scene, "lb-web-fqdn-equals-pool-fqdn")

    def test_sign_in_by_the_pools_name_is_right(self) -> None:
        scene = self._pool(*NODES)
        self._asks(scene, SPREAD, 5061)

        silent(scene, "lb-web-fqdn-equals-pool-fqdn")

    def test_name_that_nothing_calls_a_pools_is_doubted(self) -> None:
        scene = self._pool(*NODES, srv=False)
        self._asks(scene, SPREAD)

        inconclusive(scene, "lb-web-fqdn-equals-pool-fqdn", because="nothing shows that it is a pool's name")


class TestMixedEdge:
    RULE = "lb-edge-mixed-types"
    INNER, OUTER, VIP = ("10.9.7.1", "10.9.7.2"), ("203.0.113.41", "203.0.113.42"), "203.0.113.40"
    EDGE, ACCESS = f"edgepool.{DOMAIN}", f"access.{DOMAIN}"

    def _edge(self, outside: tuple[str, ...], inside: tuple[str, ...] = INNER, *, told: bool = True) -> Scene:
        scene = Scene()
        scene.named(f"lyncdiscoverinternal.{DOMAIN}", NODES[0])
        scene.named(self.EDGE, *inside)
        scene.named(self.ACCESS, *outside)
        for one in (*inside, *outside):
            scene.secure(CLIENT if one in inside else OTHER, one, 5061 if one in inside else 443, 2.0)
        if told:
            scene.directory = self._written(self.ACCESS)
        return scene

    def _written(self, *outside: str) -> Directory:
        pairs = enumerate(zip(self.INNER, self.OUTER, strict=True))
        machines = {f"edge{place}.{DOMAIN}": {"internal": one, "external": two} for place, (one, two) in pairs}
        side = 'protocol = "tls", side = "external", number = 1, owner = "AccessEdge"'
        ports = ['{ port = "5061", protocol = "mtls", side = "internal", owner = "AccessEdge" }']
        ports += [f'{{ port = "{443 + place}", {side}, fqdn = "{name}" }}' for place, name in enumerate(outside)]
        text = pool(self.EDGE, machines, "EdgeServer", ", ".join(ports))
        return written(text.replace('side = "external", address', 'side = "external", number = 1, address'))

    def test_dns_inside_and_a_load_balancer_outside_is_found(self) -> None:
        one = fires(self._edge((self.VIP,)), "lb-edge-mixed-types", self.VIP)

        assert one.confidence is Confidence.LIKELY
        assert "inside by DNS load balancing" in one.says
        assert "outside by a load balancer" in one.says

    def test_shows_the_names_and_the_direct_answers(self) -> None:
        scene = self._edge((self.VIP,))
        named = {one["frame"] for one in scene.answers if one["name"] in (self.EDGE, self.ACCESS)}
        direct = {one["first_frame_server"] for one in scene.flows if one["server"] in self.INNER}

        fires(scene, "lb-edge-mixed-types", self.VIP, frames=named | direct)

    def test_dns_on_both_sides_is_right(self) -> None:
        silent(self._edge(self.OUTER), "lb-edge-mixed-types")

    def test_both_kinds_outside_are_a_migration(self) -> None:
        scene = self._edge((self.VIP,))
        scene.named(f"sip.{DOMAIN}", *self.OUTER)
        scene.directory = self._written(self.ACCESS, f"sip.{DOMAIN}")

        silent(scene, "lb-edge-mixed-types")

    def test_without_a_connection_to_the_members_is_doubted(self) -> None:
        scene = self._edge((self.VIP,))
        scene.flows = [one for one in scene.flows if one["server"] not in self.INNER]
        scene.messages.clear()
        scene.certificates.clear()

        inconclusive(scene, "lb-edge-mixed-types", because="no connection to")
