"""Web proxies that refuse Lync, and what answers in a server's name; and what only looks like it."""

from typing import Any

from proofs import fires, inconclusive, silent
from scenes import Scene, moment

from lynccap.document import Confidence

PC, PROXY, POOL = "10.9.1.40", "10.9.4.8", "10.9.9.5"
HOST = "sip.selkirk.example"
FOREIGN = {"server": "squid/3.5.27"}
IIS = {"server": "Microsoft-IIS/8.5"}


def office() -> Scene:
    """A deployment whose autodiscover name was asked for."""
    scene = Scene()
    scene.pool("selkirk.example", POOL)
    scene.asks(PC, "lyncdiscover.selkirk.example", 0.5)
    return scene


class TestExplicit:
    RULE = "explicit-proxy-blocks-lync"

    def tunnels(self, scene: Scene, *statuses: int | None, host: str = HOST, port: int = 443, at: float = 1.0) -> int:
        """Requests for a tunnel on connections of their own; returns the first flow."""
        first = len(scene.flows)
        for place, status in enumerate(statuses):
            asked = at + place
            of = scene.connect(PC, PROXY, 8080, asked, stack="http", basis="bytes")
            scene._say("http", of, asked + 0.1, kind="request", method="CONNECT", target=f"{host}:{port}")
            if status:
                scene._say("http", of, asked + 0.2, False, kind="response", status=status)
        return first

    def test_forbidden(self) -> None:
        scene = office()
        of = self.tunnels(scene, 403)

        found = fires(scene, self.RULE, PC, frames={scene.frame(1.1, of), scene.frame(1.2, of)})

        assert (found.peer, found.port, found.confidence) == (PROXY, 8080, Confidence.CERTAIN)

    def test_asks_for_the_user_again_and_again(self) -> None:
        scene = office()
        self.tunnels(scene, 407, 407, 407)

        fires(scene, self.RULE, PC)

    def test_port_of_lync_alone(self) -> None:
        scene = office()
        self.tunnels(scene, 503, host="pool.selkirk.example", port=5061)

        fires(scene, self.RULE, PC)

    def test_challenge_that_is_met(self) -> None:
        scene = office()
        self.tunnels(scene, 407, 407, 200)

        silent(scene, self.RULE)

    def test_web_page_that_is_kept_back(self) -> None:
        scene = office()
        self.tunnels(scene, 403, host="meet.selkirk.example")

        silent(scene, self.RULE)

    def test_somebody_elses_sip(self) -> None:
        scene = office()
        self.tunnels(scene, 403, host="sip.carrier.example")

        silent(scene, self.RULE)

    def test_client_that_goes_past_the_proxy(self) -> None:
        scene = office()
        scene.named(HOST, POOL)
        self.tunnels(scene, 403)
        scene.secure(PC, POOL, 5061, 3.0)

        silent(scene, self.RULE)

    def test_single_challenge(self) -> None:
        scene = office()
        self.tunnels(scene, 407)

        inconclusive(scene, self.RULE, because="a single request for the user's name")

    def test_answers_that_are_missing(self) -> None:
        scene = office()
        self.tunnels(scene, None, None)

        inconclusive(scene, self.RULE, because="no answer that can be read")

    def test_capture_that_ends_at_once(self) -> None:
        scene = office()
        self.tunnels(scene, 407, 407)

        inconclusive(scene.case(4.0), self.RULE, because="the capture ends")


class TestTransparent:
    RULE = "transparent-http-intercept"
    WEB = "10.9.9.6"

    def asked(self, status: int = 302, *, ttl: int = 126, **response: Any) -> tuple[Scene, int]:
        """A request for autodiscover on port 80, and its answer."""
        scene = office()
        scene.named("lyncdiscoverinternal.selkirk.example", self.WEB)
        of = scene.connect(PC, self.WEB, 80, 2.0, stack="http", basis="bytes")
        host = "lyncdiscoverinternal.selkirk.example"
        scene._say("http", of, 2.1, kind="request", method="GET", target="/", host=host)
        scene._say("http", of, 2.2, False, kind="response", status=status, **response)
        self.accepts(scene, of, 2.001, ttl)
        self.accepts(scene, scene.secure(PC, self.WEB, 443, 4.0), 4.001, 126)
        return scene, of

    def accepts(self, scene: Scene, of: int, at: float, ttl: int) -> None:
        number = scene.frame(at, of)
        scene.controls.append(
            {"flow": of, "frame": number, "time": moment(at), "flags": 18, "window": 8192, "ttl": ttl}
        )

    def test_redirect_to_a_log_on_page(self) -> None:
        scene, of = self.asked(location="http://guests.airport.example/login?u=1")

        found = fires(scene, self.RULE, PC, frames={scene.frame(2.1, of), scene.frame(2.2, of)})

        assert (found.confidence, found.peer, found.port) == (Confidence.CERTAIN, self.WEB, 80)

    def test_redirect_to_a_bare_address(self) -> None:
        scene, _ = self.asked(location="http://198.51.100.7:81/block.cgi")

        fires(scene, self.RULE, PC)

    def test_network_that_wants_a_log_on(self) -> None:
        scene, _ = self.asked(511)

        fires(scene, self.RULE, PC)

    def test_nearer_machine_is_likely(self) -> None:
        scene, _ = self.asked(403, ttl=254, **FOREIGN)

        assert fires(scene, self.RULE, PC).confidence is Confidence.LIKELY

    def test_device_that_never_opens_port_443(self) -> None:
        scene = office()
        scene.named("lyncdiscoverinternal.selkirk.example", self.WEB)
        of = scene.connect(PC, self.WEB, 80, 2.0, stack="http", basis="bytes")
        scene._say("http", of, 2.1, kind="request", method="GET", target="/", host="www.selkirk.example")
        scene._say("http", of, 2.2, False, kind="response", status=200, **FOREIGN)
        self.accepts(scene, of, 2.001, 63)

        silent(scene, self.RULE)

    def test_asked_twice_is_one_failure(self) -> None:
        scene, _ = self.asked(403, ttl=254, **FOREIGN)
        of = scene.connect(PC, self.WEB, 80, 6.0, stack="http", basis="bytes")
        scene._say("http", of, 6.1, kind="request", method="GET", target="/")
        scene._say("http", of, 6.2, False, kind="response", status=403, **FOREIGN)
        self.accepts(scene, of, 6.001, 254)

        fires(scene, self.RULE, PC)

    def test_redirects_within_lync(self) -> None:
        for location in (
            "https://lyncdiscoverinternal.selkirk.example/",
            "https://webpool.selkirk.example/autodiscover",
            "http://lyncdiscover.parent-group.example/",
            "https://webdir.online.lync.com/autodiscover",
            "/autodiscover/root",
            f"https://{self.WEB}/",
        ):
            silent(self.asked(location=location)[0], self.RULE)

    def test_lync_server_itself_on_another_path(self) -> None:
        silent(self.asked(200, ttl=254, **IIS)[0], self.RULE)

    def test_reverse_proxy_adds_headers_of_its_own(self) -> None:
        scene = Scene()
        scene.named("lyncdiscover.selkirk.example", "203.0.113.9")
        of = scene.connect(PC, "203.0.113.9", 80, 2.0, stack="http", basis="bytes")
        scene._say("http", of, 2.1, kind="request", method="GET", target="/", host="lyncdiscover.selkirk.example")
        scene._say("http", of, 2.2, False, kind="response", status=302, location="https://www.brand.example/")

        silent(scene, self.RULE)

    def test_other_peoples_web_server(self) -> None:
        scene = office()
        of = scene.connect(PC, "10.9.9.80", 80, 2.0, stack="http", basis="bytes")
        scene._say("http", of, 2.1, kind="request", method="GET", target="/", host="news.example")
        scene._say("http", of, 2.2, False, kind="response", status=302, location="http://guests.airport.example/")

        silent(scene, self.RULE)

    def test_header_of_a_proxy_alone(self) -> None:
        scene, _ = self.asked(200, via="1.1 cache-4", **FOREIGN)

        inconclusive(scene, self.RULE, because="the header Via")

    def test_ttl_alone(self) -> None:
        scene, _ = self.asked(404, ttl=254)

        inconclusive(scene, self.RULE, because="something nearer may answer")
