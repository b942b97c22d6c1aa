"""Office Web Apps: reached or not, answered or not, checked or not."""

import pytest
from proofs import fires, inconclusive, silent
from scenes import RESOLVER, Scene

from lynccap.document import Confidence, Reading

POOL, SLIDES, VIEWER, LISTS = "10.63.1.11", "10.63.1.30", "10.63.7.7", "10.63.1.40"
NAME, LIST = "wac.cedar.example", "crl.cedar.example"
TLS, ASK = 443, "/m/ParticipantFrame.aspx"


def meeting() -> Scene:
    """A viewer in a meeting: data on 8057; the name of the server for slides is known."""
    scene = Scene()
    scene.pool("cedar.example", POOL)
    scene.named(NAME, SLIDES)
    scene.secure(VIEWER, POOL, 5061, 1.0, seconds=60.0)
    scene.secure(VIEWER, POOL, 8057, 3.0, seconds=60.0)
    scene.exchange(VIEWER, RESOLVER, 53, 40.0, stack="dns")
    return scene


class TestReaching:
    RULE = "wac-unreachable"

    def test_refused(self) -> None:
        scene = meeting()
        of = scene.refused(VIEWER, SLIDES, TLS, 12.0, tries=3)
        tried = {one["frame"] for one in scene.controls if one["flow"] == of}

        one = fires(scene, self.RULE, VIEWER)

        assert (one.peer, one.port) == (SLIDES, TLS)
        assert tried <= {frame for proof in one.proof for frame in proof.frames}

    def test_refused_to_the_pool_by_topology(self) -> None:
        scene = Scene()
        scene.holds(("fe", POOL, "pool.cedar.example"), ("wac", SLIDES, "slides.cedar.example"))
        scene.refused(POOL, SLIDES, TLS, 5.0)

        assert fires(scene, self.RULE, POOL).peer == SLIDES

    def test_tls_that_the_server_ends(self) -> None:
        scene = meeting()
        hello = scene.turned_away(VIEWER, SLIDES, TLS, 12.0, alert=40)

        one = fires(scene, self.RULE, VIEWER)

        assert hello in one.proof[0].frames
        assert "alert 40" in one.says

    def test_request_answered_with_an_error(self) -> None:
        scene = meeting()
        of = scene.requests(
            VIEWER, SLIDES, 12.0, "web-service", "http-error", 500, port=TLS, host=NAME, target=ASK,
            service="office-web-apps", operation="",
        )  # fmt: skip
        scene.opened(of)

        one = fires(scene, self.RULE, VIEWER)

        assert "HTTP 500" in one.says
        assert one.reading is Reading.DECRYPTED

    def test_server_that_works(self) -> None:
        scene = meeting()
        scene.secure(VIEWER, SLIDES, TLS, 12.0)

        silent(scene, self.RULE)

    def test_client_of_2010_never_asks(self) -> None:
        silent(meeting(), self.RULE)

    def test_viewer_that_refuses_the_certificate(self) -> None:
        scene = meeting()
        scene.distrusts(VIEWER, SLIDES, TLS, 12.0)

        silent(scene, self.RULE)

    def test_answered_well_later(self) -> None:
        scene = meeting()
        facts = {"port": TLS, "host": NAME, "target": ASK, "service": "office-web-apps", "operation": ""}
        scene.requests(VIEWER, SLIDES, 12.0, "web-service", "http-error", 503, **facts)
        scene.requests(VIEWER, SLIDES, 15.0, "web-service", "ok", 200, **facts)

        silent(scene, self.RULE)

    def test_other_products_that_use_the_same_server(self) -> None:
        scene = Scene()
        scene.pool("cedar.example", POOL)
        scene.named(NAME, SLIDES)
        scene.refused("10.63.1.77", SLIDES, TLS, 12.0, tries=3)

        silent(scene, self.RULE)

    def test_capture_that_ends_early(self) -> None:
        scene = meeting()
        scene.silent(VIEWER, SLIDES, TLS, 12.0, after=(0, 1, 3))

        inconclusive(scene.case(17.0), self.RULE, "capture ends")


class TestRevocation:
    RULE = "wac-revocation-check-fails"

    def _leaves(self, urls: tuple[str, ...] = (f"http://{LIST}/a.crl",), end: str | int = "leaves") -> Scene:
        scene = meeting()
        scene.named(LIST, LISTS)
        leaf = {"common_name": NAME, "names": (NAME,), "crl_urls": urls}
        scene.meets(VIEWER, SLIDES, TLS, 12.0, sni=NAME, end=end, leaf=leaf, closing="client-fin", seconds=0.3)
        return scene

    def test_list_that_is_refused(self) -> None:
        scene = self._leaves()
        of = scene.refused(VIEWER, LISTS, 80, 12.1)
        tried = {one["frame"] for one in scene.controls if one["flow"] == of}

        one = fires(scene, self.RULE, VIEWER)

        assert one.confidence is Confidence.LIKELY
        assert tried <= {frame for proof in one.proof for frame in proof.frames}

    def test_list_in_the_directory_only(self) -> None:
        one = fires(self._leaves(("ldap:///CN=Cedar",)), self.RULE, VIEWER)

        assert "ldap:///" in one.says

    def test_name_of_the_list_that_does_not_exist(self) -> None:
        scene = self._leaves(("http://pki.cedar.example/a.crl",))
        frames = scene.looks_up(VIEWER, "pki.cedar.example", 12.15)

        assert set(frames) <= {frame for proof in fires(scene, self.RULE, VIEWER).proof for frame in proof.frames}

    def test_viewer_that_goes_on(self) -> None:
        scene = self._leaves(end="data")
        scene.refused(VIEWER, LISTS, 80, 12.1)

        silent(scene, self.RULE)

    @pytest.mark.parametrize("alert", [42, 45, 48])
    def test_certificate_that_is_refused_itself(self, alert: int) -> None:
        scene = self._leaves(end=alert)
        scene.refused(VIEWER, LISTS, 80, 12.1)

        silent(scene, self.RULE)

    def test_viewer_that_leaves_for_no_shown_reason(self) -> None:
        inconclusive(self._leaves(), self.RULE, "nothing shows why")
