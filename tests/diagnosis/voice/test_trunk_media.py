"""Speech on trunks: silence that ends a call, one way, and media bypass."""

from proofs import fires, inconclusive, silent
from scenes import RESOLVER, Scene

from lynccap.document import Confidence, Reading

MEDIATION, GATEWAY, FE = "10.85.2.21", "10.85.90.5", "10.85.2.11"
PC, OTHER_PC = "10.85.30.7", "10.85.31.7"
ALAW = 8
SDP = "v=0\r\no=- 1 1 IN IP4 {0}\r\ns=-\r\nc=IN IP4 {0}\r\nt=0 0\r\nm=audio {1} RTP/AVP 8\r\na={2}\r\n"


def site() -> Scene:
    scene = Scene()
    scene.holds(
        ("mediation", MEDIATION, "med.yew.example"),
        ("gateway", GATEWAY, "gw.yew.example"),
        ("fe", FE, "fe.yew.example"),
        domain="yew.example",
    )
    for one in (MEDIATION, GATEWAY, PC):
        scene.exchange(one, RESOLVER, 53, 1.0, stack="dns")
    return scene


def described(address: str, port: int, direction: str = "sendrecv") -> bytes:
    return SDP.format(address, port, direction).encode()


class Talk:
    """One call of the gateway to the Mediation Server, in readable SIP."""

    def __init__(self, scene: Scene, accepted: bool = True) -> None:
        self.scene = scene
        self.sip = scene.connect(GATEWAY, MEDIATION, 5068, 2.0, seconds=150.0, stack="sip", basis="bytes")
        self.rtp = scene.exchange(GATEWAY, MEDIATION, 49170, 5.0, client_port=6000, stack="rtp")
        self.say(4.0, "INVITE", *((100, 200) if accepted else (183,)), to_tag=None)

    def say(self, at: float, method: str, *statuses: int, **asked: object) -> list[int]:
        told = {"to_tag": "other", **({"body": described(GATEWAY, 6000)} if method == "INVITE" else {}), **asked}
        answer = {"to_tag": "other"} | ({"body": described(MEDIATION, 49170)} if method == "INVITE" else {})
        return self.scene.asks_sip(self.sip, at, method, *statuses, call_id="one", asked=told, **answer)

    def bye(self, at: float, by_mediation: bool = True) -> int:
        tags = {"from_tag": "other", "to_tag": f"tag-{self.sip}"} if by_mediation else {"to_tag": "other"}
        frames = self.scene.asks_sip(
            self.sip, at, "BYE", 200, from_client=not by_mediation, call_id="one", asked=tags, **tags
        )
        return frames[0]

    def speech(self, begin: float, end: float, by_gateway: bool) -> None:
        self.scene.speaks(self.rtp, begin, end - begin, [by_gateway], payload_type=ALAW)
        row, side = self.scene.flows[self.rtp], "client" if by_gateway else "server"
        row[f"frames_{side}"] = 500
        row[f"last_time_{side}"] = self.scene.streams[-1]["last_time"]
        row["last_time"] = max(row["last_time"], row[f"last_time_{side}"])


def report(scene: Scene, at: float, *, port: int = 49171, sent_by: str = GATEWAY) -> int:
    ends = {GATEWAY: (MEDIATION, port), MEDIATION: (GATEWAY, 6001)}[sent_by]
    of = scene.exchange(sent_by, *ends, at, client_port=6001 if sent_by == GATEWAY else port, stack="rtcp")
    return scene._say("rtcp", of, at)


class TestSilence:
    RULE = "trunk-media-timeout-30s"

    def _call(self, bye: float | None = 50.0, by_mediation: bool = True) -> Talk:
        talk = Talk(site())
        talk.speech(5.0, 20.0, by_gateway=True)
        talk.speech(5.0, bye or 90.0, by_gateway=False)
        self.bye = talk.bye(bye, by_mediation) if bye else 0
        return talk

    def test_thirty_seconds_after_the_last_packet(self) -> None:
        talk = self._call()
        last = talk.scene.streams[0]["last_frame"]

        one = fires(talk.scene, self.RULE, GATEWAY, frames={last, self.bye})

        assert (one.peer, one.confidence, one.reading) == (MEDIATION, Confidence.CERTAIN, Reading.CLEAR)
        assert "30.0 s later" in one.says
        silent(talk.scene, "gateway-one-way-audio")

    def test_thirty_seconds_after_the_last_report(self) -> None:
        talk = self._call(70.0)
        last = report(talk.scene, 40.0)

        fires(talk.scene, self.RULE, GATEWAY, frames={last, self.bye})

    def test_reports_go_on(self) -> None:
        talk = self._call()
        for at in (25.0, 35.0, 45.0):
            report(talk.scene, at)

        silent(talk.scene, self.RULE)

    def test_reports_of_the_other_side_prove_nothing(self) -> None:
        talk = self._call()
        report(talk.scene, 45.0, sent_by=MEDIATION)

        fires(talk.scene, self.RULE, GATEWAY)

    def test_the_gateway_hangs_up(self) -> None:
        silent(self._call(by_mediation=False).scene, self.RULE)

    def test_a_user_hangs_up(self) -> None:
        talk = self._call()
        pool = talk.scene.connect(FE, MEDIATION, 5070, 2.0, seconds=60.0, stack="tls/sip", basis="bytes")
        talk.scene.asks_sip(pool, 49.9, "BYE", 200)

        silent(talk.scene, self.RULE)

    def test_long_after(self) -> None:
        silent(self._call(80.0).scene, self.RULE)

    def test_lost_packets(self) -> None:
        talk = self._call()
        talk.scene.flows[talk.sip].update({"lost_client": 5000, "first_time": talk.scene.flows[talk.rtp]["first_time"]})

        inconclusive(talk.scene, self.RULE, because="lacks packets")

    def _hidden(self, *stops: float) -> Scene:
        scene = site()
        for place, stop in enumerate(stops):
            of = scene.exchange(GATEWAY, MEDIATION, 49170 + 4 * place, 5.0, client_port=6000 + 4 * place, stack="rtp")
            scene.speaks(of, 5.0, 15.0, [True], payload_type=ALAW)
            scene.speaks(of, 5.0, stop - 5.0, [False], payload_type=ALAW)
            scene.flows[of].update({"frames_client": 750, "frames_server": 2000})
        return scene

    def test_hidden_signalling_twice(self) -> None:
        one = fires(self._hidden(50.0, 50.5), self.RULE, GATEWAY)

        assert (one.confidence, one.reading) == (Confidence.LIKELY, Reading.PATTERN)
        assert "2 calls" in one.says

    def test_hidden_signalling_once(self) -> None:
        assert fires(self._hidden(50.0), self.RULE, GATEWAY).confidence is Confidence.POSSIBLE

    def test_hidden_signalling_and_another_time(self) -> None:
        silent(self._hidden(60.0), self.RULE)


class TestOneWay:
    RULE = "gateway-one-way-audio"

    def _call(self, accepted: bool = True) -> Talk:
        talk = Talk(site(), accepted)
        talk.speech(5.0, 25.0, by_gateway=True)
        talk.scene.flows[talk.rtp].update({"frames_server": 0, "opening": "one-way"})
        return talk

    def test_the_gateway_hears_nothing(self) -> None:
        talk = self._call()

        one = fires(talk.scene, self.RULE, GATEWAY)

        assert (one.peer, one.confidence, one.reading) == (MEDIATION, Confidence.CERTAIN, Reading.CLEAR)
        assert "never comes" in one.says
        fires(talk.scene, "one-way-udp-path", GATEWAY)
        assert "one-way-udp-path" in (one.explains or ("one-way-udp-path",))

    def test_it_stops(self) -> None:
        talk = Talk(site())
        talk.speech(5.0, 60.0, by_gateway=True)
        talk.speech(5.0, 15.0, by_gateway=False)

        one = fires(talk.scene, self.RULE, GATEWAY)

        assert "stops" in one.says

    def test_early_media(self) -> None:
        silent(self._call(accepted=False).scene, self.RULE)

    def test_hold(self) -> None:
        talk = Talk(site())
        talk.speech(5.0, 60.0, by_gateway=True)
        talk.speech(5.0, 15.0, by_gateway=False)
        body = {"body": described(GATEWAY, 6000, "sendonly")}
        talk.say(15.0, "INVITE", 200, **body)

        silent(talk.scene, self.RULE)

    def test_muted_with_reports(self) -> None:
        talk = self._call()
        report(talk.scene, 12.0, sent_by=MEDIATION)

        silent(talk.scene, self.RULE)

    def test_both_ways(self) -> None:
        talk = Talk(site())
        talk.speech(5.0, 60.0, by_gateway=True)
        talk.speech(5.0, 60.0, by_gateway=False)

        silent(talk.scene, self.RULE)

    def test_hidden_signalling_may_be_an_announcement(self) -> None:
        inconclusive(self._hidden(25.0), self.RULE, because="a key log would tell")

    def test_hidden_signalling_for_longer_than_anything_rings(self) -> None:
        one = fires(self._hidden(80.0), self.RULE, GATEWAY)

        assert (one.confidence, one.reading) == (Confidence.LIKELY, Reading.PATTERN)

    def _hidden(self, end: float) -> Scene:
        scene = site()
        scene.secure(MEDIATION, GATEWAY, 5082, 2.0)
        of = scene.oneway(GATEWAY, MEDIATION, 49170, 5.0, client_port=6000, stack="rtp")
        scene.speaks(of, 5.0, end - 5.0, [True], payload_type=ALAW)
        scene.flows[of].update({"frames_client": 900})
        return scene

    def test_the_capture_ends(self) -> None:
        talk = Talk(site())
        talk.speech(5.0, 12.0, by_gateway=True)
        talk.scene.flows[talk.rtp].update({"frames_server": 0, "opening": "one-way"})

        inconclusive(talk.scene.case(13.0), self.RULE, because="the capture ends")


class TestBypass:
    RULE = "media-bypass-path-blocked"

    def _call(self, seconds: float = 20.0, payload_type: int = ALAW, gateway_lives: bool = True) -> tuple[Scene, int]:
        scene = site()
        scene.flows = [one for one in scene.flows if one["client"] != GATEWAY]
        scene.secure(PC, FE, 5061, 1.0)
        scene.secure(MEDIATION, GATEWAY, 5082, 2.0, seconds=60.0 if gateway_lives else 1.0)
        of = scene.oneway(PC, GATEWAY, 7000, 5.0, client_port=51000, stack="rtp")
        scene.speaks(of, 5.0, seconds, [True], payload_type=payload_type)
        scene.flows[of].update({"frames_client": 900})
        return scene, of

    def _other(self, scene: Scene, pc: str = OTHER_PC) -> None:
        of = scene.exchange(pc, GATEWAY, 7004, 5.0, client_port=51000, stack="rtp")
        scene.speaks(of, 5.0, payload_type=ALAW)
        scene.flows[of].update({"frames_client": 900, "frames_server": 900})

    def test_another_subnet_talks(self) -> None:
        scene, _ = self._call()
        self._other(scene)

        one = fires(scene, self.RULE, PC)

        assert (one.peer, one.port, one.confidence) == (GATEWAY, 7000, Confidence.LIKELY)
        assert OTHER_PC in one.why

    def test_nobody_else_talks(self) -> None:
        assert fires(self._call()[0], self.RULE, PC).confidence is Confidence.POSSIBLE

    def test_a_router_rejects_it(self) -> None:
        scene, of = self._call()
        frame = scene.reported(of, 5.01, "10.85.30.1", (3, 13))

        one = fires(scene, self.RULE, PC)

        assert one.confidence is Confidence.LIKELY
        assert any(frame in proof.frames for proof in one.proof)

    def test_a_moment_only(self) -> None:
        silent(self._call(seconds=2.0)[0], self.RULE)

    def test_another_codec_is_no_bypass(self) -> None:
        silent(self._call(payload_type=114)[0], self.RULE)

    def test_the_gateway_answers(self) -> None:
        scene = site()
        scene.secure(PC, FE, 5061, 1.0)
        self._other(scene, PC)

        silent(scene, self.RULE)

    def test_waiting_for_signalling(self) -> None:
        scene, _ = self._call()
        sip = scene.connect(PC, FE, 5061, 2.0, seconds=60.0, stack="tls/sip", basis="bytes")
        scene.opened(sip)
        asked = {"body": described(PC, 51000), "to_uri": "sip:+15550199@yew.example"}
        scene.asks_sip(sip, 4.0, "INVITE", 100, 183, asked=asked, to_tag="x", body=described(GATEWAY, 7000))

        inconclusive(scene, self.RULE, because="waiting for signalling")

    def test_the_gateway_may_be_down(self) -> None:
        inconclusive(self._call(gateway_lives=False)[0], self.RULE, because="nothing shows that")
