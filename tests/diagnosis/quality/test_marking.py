"""Whether audio is marked for priority, and whether the marking survives."""

from typing import Any

from proofs import fires, inconclusive, sample_fires, silent
from quality_calls import AT_SENDER, BETWEEN, MCU, PC, PEER, Confidence, Severity, call, office
from samples import document_of
from scenes import Scene

OTHER = "10.31.4.22"


def marked(dscp: int) -> dict[str, Any]:
    return {"dscp": dscp, "dscps": ((dscp, 1000),)}


def calls(*streams: tuple[str, int], ttls: tuple[int, int] = AT_SENDER) -> Scene:
    """Calls of these clients with these markings; the server's is not judged: it stands behind routers."""
    scene = office()
    for client, dscp in streams:
        call(scene, client, ttls=ttls, **marked(dscp))
        scene.streams[-1].update(marked(46))
    return scene


class TestUnmarked:
    def test_device_that_does_not_mark_while_others_do_is_found(self) -> None:
        scene = calls((PC, 0), (PEER, 46))
        stream = {scene.streams[0][name] for name in ("first_frame", "last_frame")}

        one = fires(scene, "dscp-unmarked", PC)

        assert stream <= {frame for proof in one.proof for frame in proof.frames}
        assert (one.peer, one.severity, one.confidence) == (MCU, None, Confidence.CERTAIN)

    def test_marking_devices_are_silent(self) -> None:
        silent(calls((PC, 46), (PEER, 46)), "dscp-unmarked")

    def test_nobody_marking_is_one_note(self) -> None:
        scene = office()
        for client in (PC, PEER, OTHER):
            call(scene, client, ttls=AT_SENDER)

        one = fires(scene, "dscp-unmarked", PC)

        assert one.severity is Severity.INFO
        assert "3 devices" in one.says

    def test_relays_and_devices_outside_need_not_mark(self) -> None:
        scene = calls((PEER, 46))
        scene.speaks(scene.allocates("198.51.100.77", "203.0.113.9", 2.0, "203.0.113.9:52000"), 3.0)

        silent(scene, "dscp-unmarked")

    def test_video_and_short_audio_are_not_judged(self) -> None:
        scene = calls((PEER, 46))
        call(scene, PC, ttls=AT_SENDER, payload_type=121)
        scene.streams[-1].update(payload_type=121, payload_types=((121, 1000),))
        call(scene, OTHER, ttls=AT_SENDER, packets=60)

        silent(scene, "dscp-unmarked")

    def test_behind_a_router_it_is_inconclusive(self) -> None:
        inconclusive(calls((PC, 0), (PEER, 46), ttls=BETWEEN), "dscp-unmarked", because="a router may have taken")


class TestRewritten:
    def test_two_points_tell_it(self) -> None:
        frames = sample_fires("points-firewall", "dscp-rewritten")

        assert frames
        one = next(one for one in document_of("points-firewall").findings if one.rule == "dscp-rewritten")
        assert len({proof.capture for proof in one.evidence}) == 2
        assert "DSCP 46 in floor.pcap, 0 in servers.pcap" in one.says

    def test_two_calls_of_one_device_with_different_markings_are_possible(self) -> None:
        scene = calls((PC, 0), (PC, 46), ttls=BETWEEN)

        one = fires(scene, "dscp-rewritten", PC)

        assert (one.confidence, one.peer) == (Confidence.POSSIBLE, MCU)

    def test_marking_that_stays_is_silent(self) -> None:
        silent(calls((PC, 46), (PEER, 46), ttls=BETWEEN), "dscp-rewritten")

    def test_beside_the_device_it_is_the_device_s_own(self) -> None:
        silent(calls((PC, 0), (PC, 46), ttls=AT_SENDER), "dscp-rewritten")

    def test_unmarked_answer_may_be_an_unmarking_device(self) -> None:
        inconclusive(calls((PC, 0), (PEER, 46), ttls=BETWEEN), "dscp-rewritten", because="does not mark")


def phone(dscp: int = 40, vendor_class: str = "MS-UC-Client") -> Scene:
    scene = office()
    if vendor_class:
        scene.boots(PC, 0.0, vendor_class)
    call(scene, PC, ttls=AT_SENDER, **marked(dscp))
    return scene


class TestPhones:
    def test_phone_that_marks_40_is_noted(self) -> None:
        scene = phone()
        stream = {scene.streams[0][name] for name in ("first_frame", "last_frame")}

        one = fires(scene, "dscp-lpe-40", PC, frames=stream)

        assert (one.severity or Severity.INFO, one.confidence) == (Severity.INFO, Confidence.CERTAIN)

    def test_phone_that_marks_46_is_silent(self) -> None:
        silent(phone(46), "dscp-lpe-40")

    def test_network_that_tells_phones_to_use_40_is_silent(self) -> None:
        scene = phone()
        told = {"frame": 3, "time": 1, "mac": "00:00:00:00:00:09", "protocol": "lldp", "device": "sw", "port": "1"}
        scene.neighbours.append({**told, "voice_vlan": 5, "native_vlan": -1, "dscp": 40, "priority": 5})

        silent(scene, "dscp-lpe-40")

    def test_device_of_unknown_kind_is_inconclusive(self) -> None:
        inconclusive(phone(vendor_class=""), "dscp-lpe-40", because="nothing shows that it is a Lync phone")
