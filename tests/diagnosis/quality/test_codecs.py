"""Narrowband where wideband was possible, and redundancy."""

from typing import Any

from proofs import fires, inconclusive, silent
from quality_calls import MCU, PC, Confidence, call, lost, office
from scenes import Scene, findings

from lynccap.document import Reading

CHANGE = 2_000_000
"""A frame in the middle of the call, at 10 s."""
SIP = 5061


def changed(**facts: Any) -> Scene:
    """RTAudio wideband goes over to narrowband in the middle of a call."""
    scene = office(facts.pop("role", "fe"))
    types = {"payload_types": ((114, 600), (115, 400)), "type_frames": ((115, CHANGE),)}
    call(scene, at=2.0, **{**types, **facts})
    return scene


def offer(*codecs: tuple[int, str], port: int) -> bytes:
    lines = ["v=0", f"o=- 1 1 IN IP4 {PC}", "s=session", f"c=IN IP4 {PC}", "t=0 0", f"m=audio {port} RTP/SAVP 114 115"]
    return "\r\n".join([*lines, *(f"a=rtpmap:{kind} {name}" for kind, name in codecs), ""]).encode()


def described(first: tuple[tuple[int, str], ...], second: tuple[tuple[int, str], ...], **facts: Any) -> Scene:
    """A call in narrowband from the beginning, with both descriptions readable."""
    scene = office()
    signals = scene.opened(scene.secure(PC, MCU, SIP, 1.0))
    of = call(scene, at=4.0, **{"payload_type": 115, "payload_types": ((115, 1000),), **facts})
    scene.streams[-1].update(payload_type=115, payload_types=((115, 1000),))
    port = scene.flows[of]["client_port"]
    answer = offer(*second, port=scene.flows[of]["server_port"]).replace(PC.encode(), MCU.encode())
    asked = {"body": offer(*first, port=port), "to_tag": None}
    scene.asks_sip(signals, 3.0, "INVITE", 200, asked=asked, body=answer, to_tag="there")
    return scene


WIDE, NARROW = ((114, "x-msrta/16000"), (115, "x-msrta/8000")), ((115, "x-msrta/8000"),)


class TestDowngraded:
    def test_change_during_the_call_with_loss_is_likely(self) -> None:
        scene = changed(**lost(3.0, 4.0, 6.0, each=8))
        stream = {scene.streams[0][name] for name in ("first_frame", "last_frame")}

        one = fires(scene, "codec-downgraded", MCU, frames={CHANGE} | stream)

        assert (one.peer, one.confidence) == (PC, Confidence.LIKELY)
        assert "RTAudio narrowband" in one.says

    def test_change_without_loss_is_possible(self) -> None:
        assert fires(changed(), "codec-downgraded", MCU).confidence is Confidence.POSSIBLE

    def test_it_hangs_under_the_loss_before_it(self) -> None:
        told = {one.rule: one for one in findings(changed(**lost(3.0, 4.0, 6.0, each=8)))}

        assert told["codec-downgraded"].caused_by == told["rtp-loss-poor"].id

    def test_both_descriptions_with_wideband_and_loss_are_certain(self) -> None:
        one = fires(described(WIDE, WIDE, **lost(5.0, 6.0, 7.0)), "codec-downgraded", MCU, beside={PC})

        assert (one.confidence, one.reading) == (Confidence.CERTAIN, Reading.DECRYPTED)

    def test_end_that_offers_narrowband_only_is_silent(self) -> None:
        silent(described(WIDE, NARROW), "codec-downgraded")

    def test_telephone_network_is_narrowband_by_nature(self) -> None:
        for role in ("mediation", "gateway"):
            silent(changed(role=role), "codec-downgraded")

    def test_change_back_to_wideband_is_silent(self) -> None:
        silent(changed(payload_types=((115, 600), (114, 400)), type_frames=((114, CHANGE),)), "codec-downgraded")

    def test_moment_of_narrowband_is_silent(self) -> None:
        silent(changed(payload_types=((114, 980), (115, 20))), "codec-downgraded")

    def test_narrowband_from_the_beginning_without_descriptions_is_inconclusive(self) -> None:
        scene = changed(payload_type=115, payload_types=((115, 1000),), type_frames=())

        inconclusive(scene, "codec-downgraded", because="only a key log would show")


TYPES = {"payload_types": ((114, 600), (97, 400)), "type_frames": ((97, CHANGE),)}


class TestRedundancy:
    def test_redundancy_that_begins_during_the_call_is_noted(self) -> None:
        scene = office()
        call(scene, at=2.0, **TYPES, **lost(3.0, 4.0, 6.0, each=8))

        one = fires(scene, "fec-active", MCU, frames={CHANGE})

        assert (one.peer, one.confidence) == (PC, Confidence.LIKELY)

    def test_without_loss_here_it_is_possible(self) -> None:
        scene = office()
        call(scene, at=2.0, **TYPES)

        assert fires(scene, "fec-active", MCU).confidence is Confidence.POSSIBLE

    def test_redundancy_from_the_first_packet_on_is_how_it_is_set(self) -> None:
        scene = office()
        call(scene, at=2.0, payload_type=97, payload_types=((97, 1000),))
        scene.streams[-1].update(payload_type=97, payload_types=((97, 1000),))

        silent(scene, "fec-active")

    def test_keys_and_comfort_noise_are_no_redundancy(self) -> None:
        scene = office()
        call(scene, payload_types=((114, 900), (101, 60), (118, 40)), type_frames=((101, CHANGE), (118, CHANGE)))

        silent(scene, "fec-active")

    def test_call_that_was_there_before_the_capture_is_inconclusive(self) -> None:
        scene = office()
        call(scene, at=-9.9, payload_types=((97, 1000),), payload_type=97)
        scene.streams[-1].update(payload_type=97, payload_types=((97, 1000),))

        inconclusive(scene, "fec-active", because="what came earlier is not in it")
