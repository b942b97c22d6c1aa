"""Which certificates were shown, once each, and what names they are for."""

import pytest
from scenes import Scene

from lynccap.correlation.tls.presented import Presented

SERVER, FIRST, SECOND = "10.9.0.5", "10.1.0.9", "10.1.0.10"


def shown(**leaf: object) -> Presented:
    scene = Scene()
    scene.secure(FIRST, SERVER, 443, 0.0)
    scene.certificates[-1].update(leaf)
    (one,) = scene.case().presented
    return one


def test_a_list_shown_to_two_clients_is_one() -> None:
    scene = Scene()
    scene.secure(FIRST, SERVER, 443, 0.0)
    scene.secure(SECOND, SERVER, 443, 5.0)
    for row in scene.certificates:
        row["sha256"] = "ab"

    (one,) = scene.case().presented

    assert (one.holder, one.port, one.by_server) == (SERVER, 443, True)
    assert [each.viewer for each in one.showings] == [FIRST, SECOND]


def test_the_same_list_at_two_ports_is_two() -> None:
    scene = Scene()
    scene.secure(FIRST, SERVER, 443, 0.0)
    scene.secure(FIRST, SERVER, 5061, 5.0)
    for row in scene.certificates:
        row["sha256"] = "ab"

    assert [one.port for one in scene.case().presented] == [443, 5061]


def test_fetched_certificates_are_not_shown() -> None:
    scene = Scene()
    scene.secure(FIRST, SERVER, 443, 0.0)
    scene.certificates[-1]["carried"] = "aia"

    assert scene.case().presented == ()


@pytest.mark.parametrize(
    ("name", "covered"),
    [
        ("sip.contoso.example", True),
        ("SIP.Contoso.Example.", True),
        ("meet.contoso.example", True),
        ("a.meet.contoso.example", False),
        ("contoso.example", False),
        ("example", False),
    ],
)
def test_names_by_the_alternative_names(name: str, covered: bool) -> None:
    one = shown(common_name="old.contoso.example", names=("sip.contoso.example", "*.contoso.example"))

    assert one.covers(name) is covered


def test_the_common_name_counts_only_without_alternative_names() -> None:
    assert shown(common_name="fe01.contoso.example").covers("fe01.contoso.example")
    assert not shown(common_name="fe01.contoso.example", names=("web.contoso.example",)).covers("fe01.contoso.example")
