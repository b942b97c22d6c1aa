from dns_sites import AWAY, DOMAIN, EDGE, MEMBER, OUTER_DNS, PC, POOL, PROXY, SRV, WEBSITE, inside, mirrored
from proofs import fires, inconclusive, silent
from scenes import Scene, findings

from lynccap.document import Confidence

INNER, OUTER = f"lyncdiscoverinternal.{DOMAIN}", f"lyncdiscover.{DOMAIN}"
PAGES = f"www.{DOMAIN}"


def told(scene: Scene, name: str, *answers, client: str = AWAY, at: float = 0.0, **facts) -> list[int]:
    return scene.looks_up(client, name, at, *answers, server=OUTER_DNS, **facts)


def meets(scene: Scene, server: str, name: str, *certificate: str, client: str = AWAY, **facts) -> int:
    """TLS for a name at a server; returns the flow."""
    of = scene.connect(client, server, 443, 1.0, stack="tls", basis="bytes")
    scene.shows(of, 1.0, name, *certificate, **facts)
    return of


class TestWildcard:
    RULE = "dns-wildcard-catchall"

    def _caught(self) -> tuple[Scene, list[int]]:
        scene = mirrored(AWAY, Scene())
        frames = told(scene, PAGES, WEBSITE, at=-0.5)
        return scene, frames + told(scene, INNER, WEBSITE)

    def test_foreign_certificate_and_a_name_alike(self):
        scene, frames = self._caught()
        of = meets(scene, WEBSITE, INNER, PAGES, done=False)

        one = fires(scene, self.RULE, AWAY, frames={*frames, scene.frame(1.03, of)})

        assert one.confidence is Confidence.CERTAIN

    def test_refused_connections_are_likely(self):
        scene, _ = self._caught()
        scene.refused(AWAY, WEBSITE, 443, 1.0)

        assert fires(scene, self.RULE, AWAY).confidence is Confidence.LIKELY

    def test_one_proxy_for_everything(self):
        scene, _ = self._caught()
        meets(scene, WEBSITE, INNER, PAGES, INNER)

        silent(scene, self.RULE)

    def test_wildcard_certificate_fits_too(self):
        scene, _ = self._caught()
        meets(scene, WEBSITE, INNER, f"*.{DOMAIN}")

        silent(scene, self.RULE)

    def test_client_inside(self):
        scene = mirrored(PC)
        scene.connect(PC, POOL, 5061, -3.0)
        told(scene, PAGES, WEBSITE, client=PC, at=-0.5)
        told(scene, INNER, WEBSITE, client=PC)
        meets(scene, WEBSITE, INNER, PAGES, client=PC, done=False)

        silent(scene, self.RULE)

    def test_vpn_gives_a_private_address(self):
        scene = mirrored(AWAY, Scene())
        told(scene, PAGES, POOL, at=-0.5)
        told(scene, INNER, POOL)
        meets(scene, POOL, INNER, PAGES, done=False)

        silent(scene, self.RULE)

    def test_really_published(self):
        scene = mirrored(AWAY, Scene())
        told(scene, INNER, PROXY)
        meets(scene, PROXY, INNER, INNER, OUTER)

        silent(scene, self.RULE)

    def test_certificate_is_hidden(self):
        scene, _ = self._caught()
        meets(scene, WEBSITE, INNER)

        inconclusive(scene, self.RULE, because="TLS 1.3 hides")

    def test_home_address_shows_no_side(self):
        scene = mirrored("192.168.9.9", Scene())
        told(scene, PAGES, WEBSITE, client="192.168.9.9", at=-0.5)
        told(scene, INNER, WEBSITE, client="192.168.9.9")
        meets(scene, WEBSITE, INNER, PAGES, client="192.168.9.9", done=False)

        inconclusive(scene, self.RULE, because="on which side")


class TestAlias:
    RULE = "dns-cname-crosses-domain"
    ALIAS = "uc.hoster.example"

    def _follows(self, alias: str = ALIAS) -> tuple[Scene, list[int]]:
        scene = mirrored(AWAY, Scene())
        return scene, told(scene, OUTER, ("CNAME", alias, 0), ("A", PROXY, 0, alias))

    def test_fires_at_alias_and_certificate(self):
        scene, frames = self._follows()
        of = meets(scene, PROXY, OUTER, self.ALIAS, done=False)

        one = fires(scene, self.RULE, AWAY, frames={*frames, scene.frame(1.01, of), scene.frame(1.03, of)})

        assert (one.peer, one.port) == (PROXY, 443)

    def test_alias_within_the_domain(self):
        scene, _ = self._follows(f"web.{DOMAIN}")
        meets(scene, PROXY, OUTER, f"web.{DOMAIN}", done=False)

        silent(scene, self.RULE)

    def test_certificate_for_both_names(self):
        scene, _ = self._follows()
        meets(scene, PROXY, OUTER, self.ALIAS, OUTER, done=False)

        silent(scene, self.RULE)

    def test_client_that_goes_on(self):
        scene, _ = self._follows()
        meets(scene, PROXY, OUTER, self.ALIAS)

        silent(scene, self.RULE)

    def test_cloud(self):
        scene, _ = self._follows("webdir.online.lync.com")
        meets(scene, PROXY, OUTER, "webdir.online.lync.com", done=False)

        silent(scene, self.RULE)

    def test_certificate_is_hidden(self):
        scene, _ = self._follows()
        meets(scene, PROXY, OUTER, done=False)

        inconclusive(scene, self.RULE, because="TLS 1.3 hides")


class TestAtTheEdge:
    RULE = "lyncdiscover-points-to-edge"
    NAME = f"sip.{DOMAIN}"

    def _led(self, address: str = EDGE) -> tuple[Scene, list[int]]:
        scene = mirrored(AWAY, Scene())
        told(scene, f"_sip._tls.{DOMAIN}", ("SRV", self.NAME, 443), ("A", EDGE, 0, self.NAME), at=-0.5, kind=SRV)
        told(scene, self.NAME, EDGE, at=-0.4)
        return scene, told(scene, OUTER, address)

    def test_fires_with_the_edge_certificate(self):
        scene, frames = self._led()
        of = meets(scene, EDGE, OUTER, self.NAME, done=False)

        one = fires(scene, self.RULE, AWAY, frames={*frames, scene.frame(1.03, of)})

        assert one.confidence is Confidence.CERTAIN

    def test_shared_certificate(self):
        scene, _ = self._led()
        meets(scene, EDGE, OUTER, self.NAME, OUTER)

        silent(scene, self.RULE)

    def test_reverse_proxy(self):
        scene, _ = self._led(PROXY)
        meets(scene, PROXY, OUTER, self.NAME, done=False)

        silent(scene, self.RULE)

    def test_one_address_that_serves_both(self):
        scene, _ = self._led()
        meets(scene, EDGE, OUTER, self.NAME, done=False)
        of = scene.browses(AWAY, EDGE, 2.0, "AndroidLync/5.4")
        scene._say("autodiscover", of, 2.3, outcome="ok", status=200)

        silent(scene, self.RULE)

    def test_certificate_is_not_seen(self):
        inconclusive(self._led()[0], self.RULE, because="no certificate")


class TestOverridden:
    RULE = "name-bound-without-dns"

    def _bound(self, *answers, **facts) -> tuple[Scene, list[int], int]:
        scene = mirrored(PC, inside())
        frames = scene.looks_up(PC, INNER, 0.0, *(answers or (POOL,)), **facts)
        return scene, frames, meets(scene, MEMBER, INNER, INNER, client=PC)

    def test_fires_at_answer_and_hello(self):
        scene, frames, of = self._bound()

        one = fires(scene, self.RULE, PC, frames={*frames, scene.frame(1.01, of)})

        assert (one.peer, one.confidence) == (MEMBER, Confidence.CERTAIN)

    def test_one_of_several_addresses(self):
        silent(self._bound(POOL, MEMBER)[0], self.RULE)

    def test_another_answer_gave_it(self):
        scene, _, _ = self._bound()
        scene.looks_up("10.1.5.9", INNER, -5.0, MEMBER)

        silent(scene, self.RULE)

    def test_name_of_its_own_from_autodiscover(self):
        scene = mirrored(PC, inside())
        scene.looks_up(PC, INNER, 0.0, POOL)
        meets(scene, MEMBER, f"fe07.{DOMAIN}", f"fe07.{DOMAIN}", client=PC)

        silent(scene, self.RULE)

    def test_same_connection_before_and_behind_translation(self):
        scene, _, _ = self._bound()
        meets(scene, POOL, INNER, INNER, client=PC)

        silent(scene, self.RULE)

    def test_kept_from_before_the_capture(self):
        scene = mirrored(PC, inside())
        meets(scene, MEMBER, INNER, INNER, client=PC)

        inconclusive(scene, self.RULE, because="from before")

    def test_the_certificate_it_meets_there_is_folded_under_it(self):
        scene = mirrored(PC, inside())
        scene.looks_up(PC, INNER, 0.0, POOL)
        scene.meets(PC, MEMBER, 443, 1.0, sni=INNER, end=42, leaf={"names": (f"fe07.{DOMAIN}",)})

        told = {one.rule: one for one in findings(scene)}

        assert told["cert-lyncdiscover-missing-on-web"].caused_by == told[self.RULE].id
