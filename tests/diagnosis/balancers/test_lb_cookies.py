"""The persistence cookie as Lync 2010 clients need it."""

import pytest
from farms import CLIENT, VIP, Farm
from proofs import fires, inconclusive, silent
from scenes import Scene

from lynccap.document import Confidence

RULE = "lb-cookie-wrong"
APP_2010, APP_2013, DESKTOP_2010 = "iPhoneLync/4.3.8120.0 (iPhone)", "iPhoneLync/5.4.1 (iPhone)", "OC/4.0.7577.4446"
GOOD = "MS-WSMAN; path"


def scene_of(*steps: tuple[tuple[str, ...], ...], agent: str = APP_2010) -> Farm:
    scene = Farm()
    scene.sets_cookies(CLIENT, VIP, 5.0, agent, *steps)
    return scene


def answer_frames(scene: Farm) -> list[int]:
    return [one["frame"] for one in scene.messages["http"] if one["kind"] == "response"]


@pytest.mark.parametrize(
    ("cookie", "word"),
    [
        ("MS-WSMAN; path; httponly", "HttpOnly"),
        ("MS-WSMAN; expires", "an expiry"),
        ("ms-wsman; max-age; path", "an expiry"),
        ("BIGipServerlync", "BIGipServerlync"),
        ("NSC_pool; path", "NSC_pool"),
    ],
)
@pytest.mark.parametrize("agent", [APP_2010, DESKTOP_2010])
def test_cookie_that_a_2010_client_cannot_use_is_found(cookie: str, word: str, agent: str) -> None:
    scene = scene_of(((), (cookie,)), agent=agent)

    one = fires(scene, RULE, CLIENT, frames=answer_frames(scene))

    assert word in one.says
    assert (one.peer, one.confidence) == (VIP, Confidence.CERTAIN)


def test_set_once_only_in_a_connection_is_found() -> None:
    scene = scene_of(((), (GOOD,)), ((), ()))

    fires(scene, "lb-cookie-wrong", CLIENT, frames=answer_frames(scene)[1:])


@pytest.mark.parametrize(
    "steps",
    [(((), (GOOD,)), (("MS-WSMAN",), ())), (((), (GOOD,)), ((), (GOOD,))), (((), (GOOD, "BIGipServerx")),)],
    ids=["brought back", "set again", "beside another one"],
)
def test_cookie_as_it_should_be_is_in_order(steps: tuple[tuple[tuple[str, ...], ...], ...]) -> None:
    silent(scene_of(*steps), "lb-cookie-wrong")


def test_later_clients_need_no_cookie() -> None:
    silent(scene_of(((), ("MS-WSMAN; httponly",)), agent=APP_2013), "lb-cookie-wrong")


def test_application_cookies_are_nobodys() -> None:
    silent(scene_of(((), ("ASP.NET_SessionId; httponly",))), "lb-cookie-wrong")


def test_other_web_servers_may_set_what_they_like() -> None:
    scene = Scene()
    Farm.sets_cookies(scene, CLIENT, "10.7.7.7", 5.0, APP_2010, ((), ("BIGipServerweb",)))  # type: ignore[arg-type]

    silent(scene, "lb-cookie-wrong")


@pytest.mark.parametrize("agent", ["Mozilla/5.0", "CPE/4.0.7577.4455 OCPhone/4.0.7577.4455"])
def test_client_of_unknown_generation_is_doubted(agent: str) -> None:
    inconclusive(scene_of(((), ("MS-WSMAN; httponly",)), agent=agent), "lb-cookie-wrong", because="Lync 2010")


def test_capture_that_lacks_answers_is_doubted() -> None:
    scene = scene_of(((), (GOOD,)), ((), ()))
    scene.flows[-1]["lost_server"] = 700

    inconclusive(scene, "lb-cookie-wrong", because=f"lacks bytes that {VIP}")
