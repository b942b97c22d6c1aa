import pytest
from dns_sites import DOMAIN, MANY, OTHER_PC, PC, POOL, asks_for_all, fragmented, inside, mirrored
from proofs import fires, inconclusive, silent
from scenes import ANYBODY, RESOLVER, Scene

from lynccap.document import Confidence

NAME, OTHER_NAME = f"lyncdiscoverinternal.{DOMAIN}", f"lyncdiscover.{DOMAIN}"
SECOND = "10.1.0.54"


class TestNoAnswer:
    RULE = "dns-server-no-answer"

    def _deaf(self, scene: Scene | None = None) -> list[int]:
        return (scene or Scene()).looks_up(PC, NAME, 0.0, tries=MANY, after=None, server=SECOND)

    def test_fires_at_the_questions(self):
        scene = mirrored(PC)
        frames = self._deaf(scene)

        one = fires(scene, self.RULE, PC, frames=set(frames))

        assert (one.peer, one.port, one.time) == (SECOND, 53, scene.flows[-1]["first_time"])
        assert one.rejected == ()

    def test_server_that_answers_others_is_up(self):
        scene = mirrored(PC)
        self._deaf(scene)
        answered = scene.looks_up(OTHER_PC, "files.example", 5.0, "10.1.0.8", server=SECOND)

        one = fires(scene, self.RULE, PC)
        assert answered[-1] in one.proof[1].frames
        assert one.rejected == (("host-unreachable", f"{SECOND} answers {OTHER_PC} in this capture"),)

    def test_second_server_answers(self):
        scene = mirrored(PC)
        self._deaf(scene)
        scene.looks_up(PC, NAME, 0.9, POOL)

        silent(scene, self.RULE)

    def test_only_some_names_hang(self):
        scene = mirrored(PC)
        self._deaf(scene)
        scene.looks_up(PC, "files.example", 3.0, "10.1.0.8", server=SECOND)

        inconclusive(scene, self.RULE, because="only some names hang")

    def test_device_goes_on_as_if_answered(self):
        scene = mirrored(PC)
        self._deaf(scene)
        scene.secure(PC, POOL, 5061, 6.0)

        inconclusive(scene, self.RULE, because="signs in all the same")

    def test_two_questions_may_be_lost(self):
        scene = mirrored(PC)
        scene.looks_up(PC, NAME, 0.0, tries=(0.0, 1.0), after=None)

        inconclusive(scene, self.RULE, because="fewer than 3 times")

    def test_names_of_others(self):
        scene = mirrored(PC)
        scene.looks_up(PC, "www.strangers.example", 0.0, tries=MANY, after=None)

        silent(scene, self.RULE)

    def test_one_direction_only(self):
        scene = inside()
        self._deaf(scene)

        inconclusive(scene, self.RULE, because="in both directions")

    def test_capture_ends(self):
        scene = mirrored(PC)
        self._deaf(scene)

        inconclusive(scene.case(seconds=6), self.RULE, because="the capture ends")

    def test_capture_lost_packets(self):
        scene = mirrored(PC)
        self._deaf(scene)
        scene.connect(PC, "10.1.0.81", 80, 1.0, lost_server=9000, bytes_server=20_000)

        inconclusive(scene, self.RULE, because="acknowledged")

    def test_fragments_are_missing(self):
        scene = mirrored(PC)
        self._deaf(scene)

        inconclusive(fragmented(scene), self.RULE, because="fragments")


class TestErrors:
    RULE = "dns-servfail-refused"

    def _fails(self, rcode: str = "servfail") -> tuple[Scene, list[int]]:
        scene = mirrored(PC)
        return scene, scene.looks_up(PC, NAME, 0.0, rcode=rcode)

    @pytest.mark.parametrize("rcode", ["servfail", "refused"])
    def test_fires_at_question_and_error(self, rcode):
        scene, frames = self._fails(rcode)
        good = scene.looks_up(ANYBODY, "www.else.example", 1.0, "192.0.2.9")

        one = fires(scene, self.RULE, PC, frames={*frames, *good})

        assert one.confidence is Confidence.CERTAIN

    def test_without_other_domains_it_is_likely(self):
        scene, _ = self._fails()

        assert fires(scene, self.RULE, PC).confidence is Confidence.LIKELY

    def test_single_error_before_an_answer(self):
        scene, _ = self._fails()
        scene.looks_up(PC, NAME, 1.0, POOL)

        silent(scene, self.RULE)

    def test_no_such_name_is_an_answer(self):
        scene, _ = self._fails("nxdomain")

        silent(scene, self.RULE)

    def test_server_that_fails_for_every_domain(self):
        scene, _ = self._fails()
        scene.looks_up(ANYBODY, "www.else.example", 1.0, rcode="servfail")

        inconclusive(scene, self.RULE, because="other domains")

    def test_capture_ends_before_a_second_try(self):
        scene, _ = self._fails()

        inconclusive(scene.case(seconds=4), self.RULE, because="the capture ends")


class TestSlow:
    RULE = "dns-slow"

    def _slow(self, seconds: float = 2.6, tries: tuple[float, ...] = (0.0, 1.0)) -> tuple[Scene, list[int]]:
        scene = mirrored(PC)
        first = scene.looks_up(PC, NAME, 0.0, POOL, tries=tries, after=seconds)
        return scene, first + scene.looks_up(PC, OTHER_NAME, 4.0, POOL, tries=tries, after=seconds)

    def test_fires_at_questions_and_answers(self):
        scene, frames = self._slow()

        one = fires(scene, self.RULE, PC, frames={one for place, one in enumerate(frames) if place % 3 != 1})

        assert (one.peer, one.confidence) == (RESOLVER, Confidence.CERTAIN)
        assert "2.6 s" in one.says

    @pytest.mark.parametrize("many", [4, 5])
    def test_half_of_many_answers(self, many):
        scene = mirrored(PC)
        for place, name in enumerate(
            ("lyncdiscoverinternal", "lyncdiscover", "sipinternal", "sip", "sipexternal")[:many]
        ):
            scene.looks_up(PC, f"{name}.{DOMAIN}", float(place), POOL, after=0.7)

        if many < 5:
            silent(scene, self.RULE)
        else:
            assert fires(scene, self.RULE, PC).confidence is Confidence.LIKELY

    def test_one_name_takes_long_to_find(self):
        scene = mirrored(PC)
        scene.looks_up(PC, NAME, 0.0, POOL, after=3.0)
        scene.looks_up(PC, OTHER_NAME, 4.0, POOL)

        silent(scene, self.RULE)

    def test_quick_answers(self):
        scene = mirrored(PC)
        asks_for_all(scene, PC)

        silent(scene, self.RULE)

    def test_answers_lost_in_the_capture(self):
        scene, _ = self._slow()
        scene.connect(PC, "10.1.0.81", 80, 1.0, seconds=5.0, lost_server=9000, bytes_server=20_000)

        inconclusive(scene, self.RULE, because="acknowledged")
