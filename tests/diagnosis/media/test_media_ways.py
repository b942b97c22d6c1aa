"""Media on ways it should not take, and conference data that is blocked: each rule's three proofs."""

import pytest
from proofs import fires, inconclusive, silent
from scenes import Scene

DOMAIN = "dunlin.example"
POOL, CLIENT, PC = "10.9.0.5", "10.1.0.9", "10.2.0.9"
INNER, OUTER = "10.9.0.8", "203.0.113.13"
SIP, PSOM = 5061, 8057


def office() -> Scene:
    scene = Scene()
    for name in ("lyncdiscoverinternal", "sipinternal"):
        scene.named(f"{name}.{DOMAIN}", POOL)
    return scene


def stream_ends(scene: Scene) -> set[int]:
    return {one[name] for one in scene.streams for name in ("first_frame", "last_frame")}


class TestExternalEdgeFromInside:
    def _call(self, *, signs_in: bool = True, edge: str = OUTER, seconds: float = 20.0) -> Scene:
        scene = office()
        scene.allocates(PC, INNER, 1.0, f"{OUTER}:52002")
        scene.secure(CLIENT, POOL, SIP if signs_in else 443, 3.0)
        scene.speaks(scene.allocates(CLIENT, edge, 5.0, f"{edge}:52000"), 6.0, seconds)
        return scene

    def test_media_of_an_inside_device_is_found(self) -> None:
        scene = self._call()

        one = fires(scene, "media-via-external-edge-from-inside", CLIENT, frames=stream_ends(scene))

        assert (one.peer, one.port) == (OUTER, 3478)

    def test_checks_at_call_start_are_no_media(self) -> None:
        silent(self._call(seconds=1.0), "media-via-external-edge-from-inside")

    def test_media_on_the_inner_side_at_that_time_is_in_order(self) -> None:
        scene = self._call()
        scene.speaks(scene.allocates(CLIENT, INNER, 5.5, f"{OUTER}:52004"), 6.0)

        silent(scene, "media-via-external-edge-from-inside")

    def test_mobile_app_is_by_design(self) -> None:
        scene = self._call()
        scene.browses(CLIENT, POOL, 2.0, "iPhoneLync/5.4 (iPhone iOS 8.1)")

        silent(scene, "media-via-external-edge-from-inside")

    def test_relay_of_a_partner_is_doubted(self) -> None:
        inconclusive(self._call(edge="198.51.100.90"), "media-via-external-edge-from-inside", because="a partner's")

    def test_device_that_shows_no_sip_is_doubted(self) -> None:
        inconclusive(self._call(signs_in=False), "media-via-external-edge-from-inside", because="mobile")


class TestRelayedInside:
    def _call(self, *, named: bool = True, seconds: float = 20.0) -> Scene:
        scene = office()
        for client, own, other in ((CLIENT, 52_000, 52_002), (PC, 52_002, 52_000)):
            peer = f"{OUTER}:{other}" if named else None
            scene.speaks(scene.allocates(client, INNER, 5.0, f"{OUTER}:{own}", peer=peer), 6.0, seconds)
        return scene

    def test_both_ends_are_told(self) -> None:
        scene = self._call()

        one = fires(scene, "media-relayed-internal-edge", CLIENT, frames=stream_ends(scene), beside={PC})

        assert (one.peer, one.port) == (INNER, 3478)

    def test_end_whose_partner_is_not_in_the_capture_is_doubted(self) -> None:
        scene = office()
        of = scene.allocates(CLIENT, INNER, 5.0, f"{OUTER}:52000", peer=f"{OUTER}:52002")
        scene.speaks(of, 6.0)

        inconclusive(scene, "media-relayed-internal-edge", because=f"{OUTER}:52002")

    def test_call_with_somebody_outside_has_to_be_relayed(self) -> None:
        scene = office()
        of = scene.allocates(CLIENT, INNER, 5.0, f"{OUTER}:52000", peer="198.51.100.3:50002")
        scene.speaks(of, 6.0)

        silent(scene, "media-relayed-internal-edge")

    def test_checks_at_call_start_are_no_media(self) -> None:
        silent(self._call(seconds=1.0), "media-relayed-internal-edge")

    def test_two_that_never_name_each_other_talk_to_others(self) -> None:
        silent(self._call(named=False), "media-relayed-internal-edge")


class TestAudioOverTcp:
    def _call(self, *, asked: str = INNER, payload_type: int = 114, requests: int = 4) -> Scene:
        scene = office()
        scene.secure(CLIENT, POOL, SIP, 1.0)
        if requests:
            scene.allocates(CLIENT, asked, 3.0, requests=requests)
        of = scene.allocates(CLIENT, INNER, 5.0, f"{OUTER}:52000", over="tcp")
        scene.speaks(of, 6.0, payload_type=payload_type, carried="turn-tcp")
        return scene

    def test_beside_unanswered_datagrams_is_found(self) -> None:
        scene = self._call()
        asked = {one["frame"] for one in scene.messages["stun"] if one["framing"] == "udp"}

        one = fires(scene, "media-tcp443-fallback", CLIENT, frames=asked | stream_ends(scene))

        assert (one.peer, one.port, one.transport) == (INNER, 443, "tcp")

    def test_it_explains_the_quality_of_no_other_call(self) -> None:
        scene = self._call()
        alone = fires(scene, "media-tcp443-fallback", CLIENT).explains
        scene.speaks(scene.pair(CLIENT, PC, 30.0, answered=True), 31.0)

        assert "tcp-media-retransmissions" in (alone or ())
        assert fires(scene, "media-tcp443-fallback", CLIENT).explains == ()

    def test_shared_screens_always_use_tcp(self) -> None:
        silent(self._call(payload_type=127), "media-tcp443-fallback")

    def test_datagrams_that_are_answered_are_no_reason(self) -> None:
        scene = self._call()
        scene.allocates(CLIENT, INNER, 4.0, f"{OUTER}:52002")

        silent(scene, "media-tcp443-fallback")

    def test_connection_made_in_parallel_and_unused_is_in_order(self) -> None:
        scene = self._call()
        scene.streams.clear()

        silent(scene, "media-tcp443-fallback")

    @pytest.mark.parametrize(("requests", "word"), [(1, "was asked 1 times"), (0, "no attempt over UDP")])
    def test_too_few_datagrams_are_doubted(self, requests: int, word: str) -> None:
        inconclusive(self._call(requests=requests), "media-tcp443-fallback", because=word)

    def test_datagrams_to_another_relay_are_doubted(self) -> None:
        inconclusive(self._call(asked="10.9.0.99"), "media-tcp443-fallback", because="no attempt over UDP")


class TestConferenceData:
    def _signed_in(self) -> Scene:
        scene = office()
        scene.secure(CLIENT, POOL, SIP, 2.0)
        return scene

    def test_refused_is_found(self) -> None:
        scene = self._signed_in()
        of = scene.refused(CLIENT, POOL, PSOM, 12.0, tries=3)
        tried = {one["frame"] for one in scene.controls if one["flow"] == of}

        one = fires(scene, "psom-8057-blocked-internal", CLIENT)

        assert (one.peer, one.port) == (POOL, PSOM)
        assert tried <= {frame for proof in one.proof for frame in proof.frames}

    def test_meeting_without_data_opens_nothing(self) -> None:
        silent(self._signed_in(), "psom-8057-blocked-internal")

    def test_server_that_is_down_is_another_matter(self) -> None:
        scene = office()
        scene.silent(CLIENT, POOL, SIP, 2.0)
        scene.silent(CLIENT, POOL, PSOM, 12.0)

        silent(scene, "psom-8057-blocked-internal")

    def test_next_member_that_accepts_is_load_balancing(self) -> None:
        scene = self._signed_in()
        scene.named(f"sipinternal.{DOMAIN}", "10.9.0.6")
        scene.refused(CLIENT, POOL, PSOM, 12.0, tries=3)
        scene.secure(CLIENT, "10.9.0.6", PSOM, 14.0)

        silent(scene, "psom-8057-blocked-internal")

    def test_silence_in_a_capture_that_ends_early_is_doubted(self) -> None:
        scene = self._signed_in()
        scene.silent(CLIENT, POOL, PSOM, 12.0, after=(0, 1, 3))
        scene.secure(PC, POOL, SIP, 15.0)

        inconclusive(scene.case(17.0), "psom-8057-blocked-internal", because="capture ends")
