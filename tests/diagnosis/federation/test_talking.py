"""Between Edges once TCP is open: TLS, and messages in one direction only."""

from proofs import fires, inconclusive, silent
from scenes import RESOLVER, Scene, accused, doubts

from lynccap.document import Confidence, Reading

EDGE, PARTNER, THEIR_OUT = "203.0.113.21", "198.51.100.71", "198.51.100.75"
DOMAIN, TARGET = "fabrikam.example", "sip.fabrikam.example"
LEAF = {"common_name": TARGET, "names": (TARGET,), "issuer": "CN=Somebody"}


def perimeter() -> Scene:
    """An Access Edge that knows where a partner is."""
    scene = Scene()
    record = f"_sipfederationtls._tcp.{DOMAIN}"
    scene.looks_up(EDGE, record, 1.0, ("SRV", TARGET, 5061), ("A", PARTNER, 0, TARGET), kind=33)
    scene.service(record, TARGET, 5061)
    scene.named(TARGET, PARTNER)
    for at in (20.0, 60.0):
        scene.exchange(EDGE, RESOLVER, 53, at, stack="dns")
    return scene


class TestTls:
    RULE = "federation-tls-failed"

    def test_who_ends_it_and_by_which_alert(self) -> None:
        scene = perimeter()
        of = scene.meets(EDGE, PARTNER, 5061, 5.0, sni=TARGET, end=42, leaf=LEAF)

        one = fires(scene, self.RULE, EDGE, frames=[scene.frame(5.1, of)])

        assert f"{EDGE} sends alert 42 (bad_certificate) after server-hello-done" in one.says
        assert f"It is for {TARGET}, which DNS gave" in one.why
        assert "issued by CN=Somebody" in one.why
        assert one.confidence is Confidence.CERTAIN

    def test_a_certificate_for_another_name(self) -> None:
        scene = perimeter()
        scene.meets(
            EDGE, PARTNER, 5061, 5.0, end=42, leaf={**LEAF, "common_name": "x.example", "names": ("x.example",)}
        )

        assert f"It is not for {TARGET}" in fires(scene, self.RULE, EDGE).why

    def test_from_the_partner(self) -> None:
        scene = perimeter()
        scene.meets(PARTNER, EDGE, 5061, 5.0, end=46, leaf=LEAF)

        one = fires(scene, self.RULE, EDGE)

        assert (one.peer, one.port) == (PARTNER, 5061)
        assert f"{PARTNER} sends alert" in one.says

    def test_closed_after_tls_by_the_partners_rules(self) -> None:
        scene = perimeter()
        scene.meets(EDGE, PARTNER, 5061, 5.0, end="unused", leaf=LEAF)

        silent(scene, self.RULE)
        assert doubts(self.RULE, scene) == []
        assert accused(scene) == set()

    def test_works_on_the_next_try(self) -> None:
        scene = perimeter()
        scene.meets(EDGE, PARTNER, 5061, 5.0, end=42, leaf=LEAF)
        scene.secure(EDGE, PARTNER, 5061, 9.0)

        silent(scene, self.RULE)

    def test_a_user_outside(self) -> None:
        scene = perimeter()
        scene.meets("192.0.2.88", EDGE, 5061, 5.0, end=46, leaf=LEAF)

        silent(scene, self.RULE)

    def test_a_part_of_it_is_missing(self) -> None:
        scene = perimeter()
        scene.meets(EDGE, PARTNER, 5061, 5.0, end="leaves", leaf=LEAF, lost_client=40)

        inconclusive(scene, self.RULE, "acknowledged")


class TestOneWay:
    RULE = "federation-one-way-messages"

    def _partner_talks(self, client: str = PARTNER) -> tuple[Scene, int]:
        scene = perimeter()
        return scene, scene.secure(client, EDGE, 5061, 3.0, seconds=50.0)

    def test_what_comes_in_works_and_nothing_gets_out(self) -> None:
        scene, _ = self._partner_talks()
        of = scene.silent(EDGE, PARTNER, 5061, 5.0)

        one = fires(scene, self.RULE, EDGE)

        assert (one.peer, one.flows, one.confidence) == (PARTNER, (of,), Confidence.LIKELY)
        assert "no connection to its partner" in one.says
        assert {scene.frame(at, of) for at in (5.0, 8.0, 14.0)} <= set(one.proof[0].frames)

    def test_a_partner_with_another_address_for_what_it_sends(self) -> None:
        scene, of = self._partner_talks(THEIR_OUT)
        scene.certificates.append(
            {"flow": of, "frame": scene.frame(3.04, of), "time": 0, "from_client": True, "names": (TARGET,)}
        )
        scene.silent(EDGE, PARTNER, 5061, 5.0)
        scene.secure(THEIR_OUT, EDGE, 5061, 15.0)
        scene.secure(EDGE, PARTNER, 443, 16.0)

        assert fires(scene, self.RULE, EDGE).peer == PARTNER

    def test_hangs_under_the_blocked_way_out(self) -> None:
        scene, _ = self._partner_talks()
        scene.silent(EDGE, PARTNER, 5061, 5.0)
        scene.named("sip.northwind.example", "192.0.2.71")
        scene.silent(EDGE, "192.0.2.71", 5061, 6.0)

        assert accused(scene) == {("federation-5061-outbound-blocked", EDGE), (self.RULE, EDGE)}

    def test_everything_that_goes_out_is_refused_by_sip(self) -> None:
        scene, incoming = self._partner_talks()
        outgoing = scene.secure(EDGE, PARTNER, 5061, 4.0, seconds=50.0)
        for one in (incoming, outgoing):
            scene.opened(one)
        scene.asks_sip(incoming, 6.0, "MESSAGE", 200)
        frames = [scene.asks_sip(outgoing, at, "MESSAGE", 403, diagnostics_id=1002)[0] for at in (7.0, 8.0)]

        one = fires(scene, self.RULE, EDGE)

        assert set(frames) == set(one.proof[0].frames)
        assert "what it sends to its partner" in one.says
        assert "number 1002" in one.why
        assert one.reading is Reading.DECRYPTED

    def test_one_refusal_among_others(self) -> None:
        scene, incoming = self._partner_talks()
        outgoing = scene.opened(scene.secure(EDGE, PARTNER, 5061, 4.0, seconds=50.0))
        scene.asks_sip(scene.opened(incoming), 6.0, "MESSAGE", 200)
        scene.asks_sip(outgoing, 7.0, "MESSAGE", 403)
        scene.asks_sip(outgoing, 8.0, "MESSAGE", 200)

        silent(scene, self.RULE)

    def test_a_direction_nobody_uses(self) -> None:
        scene, _ = self._partner_talks()

        silent(scene, self.RULE)
        assert accused(scene) == set()

    def test_the_capture_ends_too_early(self) -> None:
        scene = perimeter()
        scene.secure(PARTNER, EDGE, 5061, 3.0, seconds=5.0)
        scene.silent(EDGE, PARTNER, 5061, 5.0, after=(0, 3))

        inconclusive(scene.case(9.0), self.RULE, "the capture ends")
