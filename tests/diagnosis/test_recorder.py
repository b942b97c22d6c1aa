"""What the recorder says of itself: its losses forbid conclusions from silence, its name table grounds none."""

import pytest
from scenes import Scene, accused, doubts, found

from lynccap.correlation.quality import read_quality

DOMAIN = "contoso.example"
POOL, CLIENT, PC = "10.9.0.5", "10.1.0.9", "10.2.0.9"
INNER_NAMES = (f"lyncdiscoverinternal.{DOMAIN}", f"sipinternal.{DOMAIN}")
SIP = 5061
FILTERED = "tcp-filtered-silent"


def silent_pool(names: bool = True, after: tuple[float, ...] = (0, 3, 9)) -> Scene:
    """One device gets no answer on 5061 from a pool that answers another one."""
    scene = Scene()
    for name in INNER_NAMES if names else ():
        scene.named(name, POOL)
    scene.asks(CLIENT, "www.news.test", 19.0)
    scene.silent(CLIENT, POOL, SIP, 20.0, after=after)
    scene.asks(CLIENT, "www.news.test", 24.0)
    scene.asks(CLIENT, "www.news.test", 40.0)
    scene.secure(PC, POOL, SIP, 25.0)
    return scene


def losing(scene: Scene, *interfaces: tuple[int, int, int]) -> Scene:
    """Interfaces that recorded, received and lost so many packets."""
    for number, (frames, received, dropped) in enumerate(interfaces):
        row = {"number": number, "name": f"eth{number}", "description": ""}
        scene.interfaces.append({**row, "frames": frames, "received": received, "dropped": dropped})
    return scene


class TestLosses:
    """Packets the recorder lost."""

    @pytest.mark.parametrize(
        "interfaces",
        [
            [(1000, -1, 0)],
            [(1000, -1, -1)],
            [(1000, -1, 4)],
            [(100, 10_000, 4)],  # an extract of a longer recording
            [],
        ],
        ids=["none", "not known", "few", "few of all", "no interface"],
    )
    def test_few_of_them_leave_silence_its_meaning(self, interfaces: list[tuple[int, int, int]]) -> None:
        assert [one.device for one in found(FILTERED, losing(silent_pool(), *interfaces))] == [CLIENT]

    @pytest.mark.parametrize(("dropped", "devices"), [(400, [CLIENT]), (1000, [])], ids=["less than half", "half"])
    def test_many_tries_are_not_lost_by_chance_unless_most_is(self, dropped: int, devices: list[str]) -> None:
        scene = losing(silent_pool(after=(0, 1, 2, 3, 4, 5, 9)), (1000, -1, dropped))

        assert [one.device for one in found(FILTERED, scene)] == devices

    @pytest.mark.parametrize(
        "interfaces",
        [[(1000, -1, 6)], [(1000, 1000, 6)], [(100_000, -1, 0), (1000, -1, 6)], [(1000, -1, 0), (0, -1, 1)]],
        ids=["half a percent", "by its own count", "on one of two", "on an interface without frames"],
    )
    def test_many_of_them_take_it(self, interfaces: list[tuple[int, int, int]]) -> None:
        scene = losing(silent_pool(), *interfaces)

        assert found(FILTERED, scene) == []
        (because,) = [one.because for one in doubts(FILTERED, scene) if one.device == CLIENT]
        assert "the recorder itself lost" in because
        assert accused(scene) == set()

    def test_many_tries_are_not_all_lost_by_chance(self) -> None:
        scene = losing(silent_pool(after=(0, 3, 9, 10, 13, 19)), (1000, -1, 6))

        assert [one.device for one in found(FILTERED, scene)] == [CLIENT]

    def test_the_report_says_how_many_and_what_that_forbids(self) -> None:
        quality = read_quality(losing(silent_pool(), (1000, -1, 6), (98, -1, 2)).case())

        (entry,) = [one for one in quality if one.code == "dropped"]
        assert entry.says.startswith(
            "The recorder itself lost 2 of 100 packets on interface eth1; 6 of 1006 packets on interface eth0."
        )
        assert "that an answer was never sent" in entry.forbids

    def test_a_recorder_that_lost_nothing_is_not_mentioned(self) -> None:
        quality = read_quality(losing(silent_pool(), (1000, 1000, 0)).case())

        assert "dropped" not in {one.code for one in quality}

    def test_many_interfaces_make_no_long_text(self) -> None:
        quality = read_quality(losing(silent_pool(), *[(100, -1, 1)] * 5000).case())

        (entry,) = [one for one in quality if one.code == "dropped"]
        assert "; 4997 more." in entry.says
        assert len(entry.says) < 400


class TestNameTable:
    """Names the recorder resolved."""

    def _heard(self, *pairs: tuple[str, str]) -> Scene:
        scene = silent_pool(names=False)
        scene.host_names = [{"address": address, "name": name} for address, name in pairs]
        return scene

    def test_names_of_servers_ground_no_role_and_no_finding(self) -> None:
        """With the same names in DNS answers, the device is told that its pool is unreachable."""
        assert accused(silent_pool()) == {(FILTERED, CLIENT)}
        scene = self._heard(*((POOL, name) for name in INNER_NAMES))

        assert accused(scene) == accused(silent_pool(names=False)) == set()
        case = scene.case()
        assert case.roles.claims == silent_pool(names=False).case().roles.claims
        assert not case.roles.is_lync(POOL)

    def test_devices_are_called_by_them(self) -> None:
        scene = silent_pool()
        scene.named("client-9.contoso.example", CLIENT)
        scene.host_names = [{"address": CLIENT, "name": name} for name in ("ANNA-PC.", "client-9.contoso.example")]

        (device,) = [one for one in scene.case().devices.all() if one.id == CLIENT]
        assert device.names == ("client-9.contoso.example", "anna-pc")

    def test_an_address_is_no_name(self) -> None:
        assert self._heard((CLIENT, CLIENT)).case().names.recorded == {}
