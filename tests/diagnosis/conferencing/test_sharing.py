"""Shared screens between two clients, and with people outside."""

from proofs import fires, inconclusive, silent
from scenes import RESOLVER, Scene

from lynccap.document import Confidence, Reading

DOMAIN = "yew.example"
POOL, ACCESS, EDGE = "10.67.1.11", "198.51.100.70", "198.51.100.71"
VIEWER, SHARER = "10.67.7.7", "10.67.8.8"
ADA = "192.0.2.120"


def described(*ports: int) -> bytes:
    """What the sharer offers: a shared screen that waits for TCP at these ports of its own address."""
    lines = [f"a=candidate:{place} 1 TCP-PASS 21747211 {SHARER} {port} typ host" for place, port in enumerate(ports, 1)]
    head = ["v=0", f"o=- 0 0 IN IP4 {SHARER}", "s=session", f"c=IN IP4 {SHARER}", "t=0 0"]
    line = f"m=applicationsharing {ports[0] if ports else 9} TCP/RTP/SAVP 127"
    return "\r\n".join([*head, line, "a=rtpmap:127 x-data/90000", *lines, ""]).encode()


class TestDirect:
    RULE = "appshare-p2p-tcp-blocked"

    def _office(self, *ports: int) -> tuple[Scene, int]:
        scene = Scene()
        scene.pool(DOMAIN, POOL)
        of = scene.secure(VIEWER, POOL, 5061, 1.0, seconds=60.0, stack="tls/sip")
        scene.opened(of)
        frames = scene.asks_sip(of, 5.0, "INVITE", 200, from_client=False, asked={"body": described(*ports)})
        scene.exchange(VIEWER, RESOLVER, 53, 40.0, stack="dns")
        return scene, frames[0]

    def test_all_addresses_are_closed_and_the_relay_is_used(self) -> None:
        scene, offer = self._office(50_044, 50_045)
        tries = [scene.refused(VIEWER, SHARER, port, 6.0) for port in (50_044, 50_045)]
        scene.allocates(VIEWER, EDGE, 8.0, f"{EDGE}:52000", over="tcp")

        one = fires(scene, self.RULE, VIEWER)

        shown = {frame for proof in one.proof for frame in proof.frames}
        assert {row["frame"] for row in scene.controls if row["flow"] in tries} | {offer} == shown
        assert one.confidence is Confidence.CERTAIN
        assert one.reading is Reading.DECRYPTED

    def test_relay_that_is_not_asked_makes_it_likely(self) -> None:
        scene, _ = self._office(50_044)
        scene.silent(VIEWER, SHARER, 50_044, 6.0)

        assert fires(scene, self.RULE, VIEWER).confidence is Confidence.LIKELY

    def test_one_of_the_addresses_works(self) -> None:
        scene, _ = self._office(50_044, 50_045)
        scene.refused(VIEWER, SHARER, 50_044, 6.0)
        scene.connect(VIEWER, SHARER, 50_045, 6.5)

        silent(scene, self.RULE)

    def test_ports_that_nobody_offered(self) -> None:
        scene, _ = self._office(50_044)
        scene.refused(VIEWER, SHARER, 3389, 6.0)

        silent(scene, self.RULE)

    def test_sealed_sip_says_nothing(self) -> None:
        scene = Scene()
        scene.pool(DOMAIN, POOL)
        scene.secure(VIEWER, POOL, 5061, 1.0, seconds=60.0)
        scene.refused(VIEWER, SHARER, 50_044, 6.0)

        silent(scene, self.RULE)

    def test_capture_that_ends_early(self) -> None:
        scene, _ = self._office(50_044)
        scene.silent(VIEWER, SHARER, 50_044, 6.0, after=(0, 1, 3))

        inconclusive(scene.case(10.0), self.RULE, "capture ends")


class TestOutside:
    RULE = "appshare-external-fails"

    def _talking(self) -> Scene:
        """Ada talks through the relay over UDP from second 4 to 44."""
        scene = Scene()
        scene.named(f"sipexternal.{DOMAIN}", ACCESS)
        scene.named(f"av.{DOMAIN}", EDGE)
        sip = scene.secure(ADA, ACCESS, 443, 1.0, seconds=80.0, stack="tls/sip")
        scene.opened(sip)
        of = scene.allocates(ADA, EDGE, 3.0, f"{EDGE}:52001")
        scene.speaks(of, 4.0, seconds=40.0)
        return scene

    def test_relay_over_tcp_is_refused_long_after_sound_began(self) -> None:
        scene = self._talking()
        of = scene.refused(ADA, EDGE, 443, 20.0, tries=3)
        tried = {row["frame"] for row in scene.controls if row["flow"] == of}

        one = fires(scene, self.RULE, ADA)

        assert (one.peer, one.port) == (EDGE, 443)
        assert one.confidence is Confidence.LIKELY
        assert tried <= {frame for proof in one.proof for frame in proof.frames}

    def test_shared_screen_that_sip_describes(self) -> None:
        scene = self._talking()
        frames = scene.asks_sip(1, 5.0, "INVITE", 200, asked={"body": described(50_044)})
        scene.refused(ADA, EDGE, 443, 6.0, tries=3)

        one = fires(scene, self.RULE, ADA)

        assert frames[0] in {frame for proof in one.proof for frame in proof.frames}

    def test_relay_that_never_answers(self) -> None:
        scene = self._talking()
        scene.allocates(ADA, EDGE, 20.0, over="tcp")

        assert "never answers" in fires(scene, self.RULE, ADA).why

    def test_tries_while_the_call_is_set_up(self) -> None:
        scene = self._talking()
        scene.refused(ADA, EDGE, 443, 4.5, tries=3)

        silent(scene, self.RULE)

    def test_relay_over_tcp_that_answers(self) -> None:
        scene = self._talking()
        scene.refused(ADA, EDGE, 443, 20.0, tries=3)
        scene.allocates(ADA, EDGE, 22.0, f"{EDGE}:52009", over="tcp")

        silent(scene, self.RULE)

    def test_presenter_who_stopped(self) -> None:
        silent(self._talking(), self.RULE)

    def test_capture_that_ends_early(self) -> None:
        scene = self._talking()
        scene.silent(ADA, EDGE, 443, 20.0, after=(0, 1, 3))

        inconclusive(scene.case(25.0), self.RULE, "capture ends")
