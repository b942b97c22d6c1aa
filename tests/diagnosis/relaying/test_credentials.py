"""Credentials for the relay: the pool's way to the service that makes them, and what clients are told."""

from typing import Any

from proofs import fires, inconclusive, sample_fires, silent
from scenes import RESOLVER, Scene, accused, findings

from dissectors.mras import MEDIA_TYPE
from lynccap.document import Confidence, Reading

POOL, SECOND_POOL, EDGE, PC, OTHER = "10.31.2.4", "10.31.2.5", "172.20.8.4", "10.31.7.20", "10.31.7.21"
BLOCKED = "mras-5062-blocked"
TLS = "mras-tls-failed"
REFUSED = "mras-request-refused"
OFFER = "no-relay-candidates-offered"
ROUTE = {"diagnostics_id": 1007, "diagnostics_reason": "Temporarily cannot route", "diagnostics_source": "pool.cedar"}
EDGE_PORT = {"diagnostics": '1007;reason="Temporarily cannot route";Port="5062"'}
HOST = "candidate:1 1 UDP 2130706431 10.31.7.20 50006 typ host"
RELAY = "candidate:3 1 UDP 184548351 203.0.113.90 51000 typ relay raddr 10.31.7.20 rport 50006"


def office() -> Scene:
    scene = Scene()
    scene.holds(
        ("fe", POOL, "pool.cedar.example"),
        ("fe", SECOND_POOL, "pool2.cedar.example"),
        ("edge_int", EDGE, "edge-in.cedar.example"),
    )
    for client in (POOL, PC, OTHER):
        scene.exchange(client, RESOLVER, 53, 40.0, stack="dns")
    scene.secure(SECOND_POOL, EDGE, 5061, 30.0)
    return scene


class TestBlocked:
    def test_dropped(self) -> None:
        scene = office()
        of = scene.silent(POOL, EDGE, 5062, 5.0)

        one = fires(scene, BLOCKED, POOL)

        assert (one.peer, one.port, one.flows) == (EDGE, 5062, (of,))
        assert {scene.frame(at, of) for at in (5.0, 8.0, 14.0)} <= set(one.proof[0].frames)
        assert accused(scene) == {(BLOCKED, POOL)}

    def test_refused_by_the_edge_itself(self) -> None:
        scene = office()
        scene.refused(POOL, EDGE, 5062, 5.0)

        assert fires(scene, BLOCKED, POOL).act[0] == "service owner of the server"

    def test_what_clients_are_told_is_its_consequence(self) -> None:
        scene = office()
        scene.silent(POOL, EDGE, 5062, 5.0)
        of = scene.opened(scene.secure(PC, POOL, 5061, 1.0, seconds=40.0))
        asked, answered = scene.asks_sip(of, 6.0, "SERVICE", 504, asked={"content_type": MEDIA_TYPE}, **ROUTE)

        assert answered in fires(scene, BLOCKED, POOL).proof[-1].frames
        told = {one.rule: one for one in findings(scene)}
        assert told[REFUSED].caused_by == told[BLOCKED].id
        assert asked in {frame for piece in told[REFUSED].evidence for frame in piece.frames}

    def test_inside_the_pool_it_is_another_service(self) -> None:
        scene = office()
        scene.silent(POOL, SECOND_POOL, 5062, 5.0)

        silent(scene, BLOCKED)

    def test_without_any_call_its_effect_is_not_told(self) -> None:
        scene = office()
        scene.silent(POOL, EDGE, 5062, 5.0)

        assert "no device asks" not in fires(scene, BLOCKED, POOL).why

    def test_reached(self) -> None:
        scene = office()
        scene.secure(POOL, EDGE, 5062, 5.0)

        silent(scene, BLOCKED)

    def test_the_capture_ends_too_early(self) -> None:
        scene = office()
        scene.silent(POOL, EDGE, 5062, 40.0, after=(0, 3))

        inconclusive(scene.case(44.0), BLOCKED, because="the capture ends")

    def test_on_real_stacks(self) -> None:
        assert sample_fires("relays-inside", BLOCKED)


class TestTls:
    def test_refused_by_an_alert(self) -> None:
        scene = office()
        of = scene.meets(
            POOL, EDGE, 5062, 5.0, end=42, leaf={"common_name": "old.cedar.example", "issuer": "CN=Old CA"}
        )

        one = fires(scene, TLS, POOL)

        assert (one.peer, one.port, one.flows, one.confidence) == (EDGE, 5062, (of,), Confidence.CERTAIN)
        assert "old.cedar.example, issued by CN=Old CA" in one.why
        assert scene.frame(5.1, of) in one.proof[0].frames

    def test_closed_after_the_certificate_twice(self) -> None:
        scene = office()
        for at in (5.0, 15.0):
            scene.meets(POOL, EDGE, 5062, at, end="leaves", leaf={"common_name": "old.cedar.example"})

        assert fires(scene, TLS, POOL).confidence is Confidence.LIKELY

    def test_one_close_may_be_a_restart(self) -> None:
        scene = office()
        scene.meets(POOL, EDGE, 5062, 5.0, end="leaves")

        inconclusive(scene, TLS, because="restarting")

    def test_a_restart_that_is_over(self) -> None:
        scene = office()
        scene.meets(POOL, EDGE, 5062, 5.0, end="leaves")
        scene.meets(POOL, EDGE, 5062, 15.0)

        silent(scene, TLS)

    def test_inside_the_pool_it_is_another_service(self) -> None:
        scene = office()
        scene.meets(POOL, SECOND_POOL, 5062, 5.0, end=42)

        silent(scene, TLS)

    def test_under_the_rule_that_tells_the_reason(self) -> None:
        assert sample_fires("relays-inside", TLS)


class TestRequests:
    def _asked(self, *statuses: int, **answer: Any) -> tuple[Scene, int, list[int]]:
        scene = office()
        of = scene.opened(scene.secure(PC, POOL, 5061, 1.0, seconds=40.0))
        frames = scene.asks_sip(of, 6.0, "SERVICE", *statuses, asked={"content_type": MEDIA_TYPE}, **answer)
        return scene, of, frames

    def _granted(self, scene: Scene, of: int, at: float) -> None:
        (_, frame) = scene.asks_sip(of, at, "SERVICE", 200, asked={"content_type": MEDIA_TYPE}, complete=True)
        told = {"flow": of, "frame": frame, "first_frame": frame, "status": 200, "outcome": "ok", "granted": True}
        scene._say(
            "mras", of, at + 0.01, False, **{k: v for k, v in told.items() if k in ("status", "outcome", "granted")}
        )

    def test_an_error(self) -> None:
        scene, _, frames = self._asked(504, **ROUTE, **EDGE_PORT)

        one = fires(scene, REFUSED, PC, frames=frames)

        assert (one.peer, one.port, one.confidence, one.reading) == (POOL, 5061, Confidence.CERTAIN, Reading.DECRYPTED)
        assert 'diagnostics number 1007 "Temporarily cannot route"' in one.says
        assert "5062" in one.causes[0]

    def test_200_without_credentials(self) -> None:
        scene, of, frames = self._asked(200, complete=True)
        scene._say("mras", of, 6.01, False, status=200, outcome="fault", reason_phrase="Not Found")

        assert '"Not Found"' in fires(scene, REFUSED, PC, frames=frames).says

    def test_both_hops_are_one_failure(self) -> None:
        scene, of, _ = self._asked(504, call_id="one", **ROUTE)
        inner = scene.opened(scene.secure(POOL, EDGE, 5062, 1.0, seconds=40.0))
        cseq = scene.messages["sip"][0]["cseq"]
        asked = {"content_type": MEDIA_TYPE, "cseq": cseq}
        scene.asks_sip(inner, 6.001, "SERVICE", 504, call_id="one", asked=asked, cseq=cseq)

        assert of in fires(scene, REFUSED, PC).flows

    def test_while_the_pool_fails_over(self) -> None:
        scene, _, _ = self._asked(480)

        inconclusive(scene, REFUSED, because="failing over")

    def test_granted_later(self) -> None:
        scene, of, _ = self._asked(504)
        self._granted(scene, of, 20.0)

        silent(scene, REFUSED)

    def test_a_relay_all_the_same(self) -> None:
        scene, _, _ = self._asked(504)
        scene.negotiates(PC, EDGE, 10.0, "203.0.113.90:51000")

        silent(scene, REFUSED)

    def test_another_service(self) -> None:
        scene = office()
        of = scene.opened(scene.secure(PC, POOL, 5061, 1.0, seconds=40.0))
        scene.asks_sip(of, 6.0, "SERVICE", 504, asked={"content_type": "application/SOAP+xml"})

        silent(scene, REFUSED)

    def test_encrypted(self) -> None:
        scene = office()
        scene.secure(PC, POOL, 5061, 1.0, seconds=40.0)

        silent(scene, REFUSED)

    def test_no_answer(self) -> None:
        scene, _, _ = self._asked()

        inconclusive(scene, REFUSED, because="no answer")

    def test_an_answer_that_is_cut_off(self) -> None:
        scene, _, _ = self._asked(200)

        inconclusive(scene, REFUSED, because="cut off")

    def test_on_real_stacks(self) -> None:
        assert sample_fires("mras-504", REFUSED)


class TestOffers:
    def _offers(self, *candidates: str, client: str = PC, complete: bool = True, knows_relay: bool = True) -> Scene:
        scene = office() if knows_relay else Scene()
        of = scene.opened(scene.secure(client, POOL, 5061, 1.0, seconds=40.0))
        asked = {"candidates": candidates, "complete": complete, "body": b"v=0\r\n", "body_length": 5}
        self.frame = scene.asks_sip(of, 12.0, "INVITE", 200, asked=asked)[0]
        return scene

    def test_nothing_was_asked_before(self) -> None:
        one = fires(self._offers(HOST), OFFER, PC, frames=[self.frame])

        assert (one.peer, one.port, one.confidence, one.reading) == (POOL, 5061, Confidence.CERTAIN, Reading.DECRYPTED)
        assert "It asked no relay before" in one.why

    def test_asked_in_vain(self) -> None:
        scene = self._offers(HOST)
        scene.allocates(PC, EDGE, 8.0)

        one = fires(scene, OFFER, PC)

        assert "in vain" in one.why
        assert one.causes[0].startswith("UDP 3478")
        told = {each.rule: each for each in findings(scene)}
        assert told[OFFER].caused_by == told["stun-3478-blocked-internal"].id

    def test_with_a_relay(self) -> None:
        silent(self._offers(HOST, RELAY), OFFER)

    def test_a_gateway_without_ice(self) -> None:
        silent(self._offers(), OFFER)

    def test_a_server(self) -> None:
        silent(self._offers(HOST, client=SECOND_POOL), OFFER)

    def test_a_call_that_works(self) -> None:
        scene = self._offers("candidate:1 1 UDP 2130706431 10.31.7.20 50099 typ host")
        body = b"v=0\r\nc=IN IP4 %s\r\nm=audio %d RTP/SAVP 114\r\n"
        asked, answered = scene.messages["sip"]
        of = scene.exchange(PC, OTHER, 50004, 13.0, stack="stun/rtp", client_port=50099)
        asked["body"] = body % (PC.encode(), 50099)
        answered.update({"body": body % (OTHER.encode(), 50004), "to_tag": "other", "complete": True})
        scene.speaks(of, 13.0)

        silent(scene, OFFER)

    def test_a_description_that_is_cut_off(self) -> None:
        inconclusive(self._offers(HOST, complete=False), OFFER, because="cut off")

    def test_credentials_were_given(self) -> None:
        scene = self._offers(HOST)
        scene._say("mras", 5, 3.0, False, status=200, outcome="ok", granted=True)
        scene.messages["mras"][-1]["flow"] = len(scene.flows) - 1

        inconclusive(scene, OFFER, because="no request for one is in the capture")

    def test_no_edge_at_all(self) -> None:
        inconclusive(self._offers(HOST, knows_relay=False), OFFER, because="has an Edge")

    def test_on_real_stacks(self) -> None:
        assert sample_fires("mras-504", OFFER)
