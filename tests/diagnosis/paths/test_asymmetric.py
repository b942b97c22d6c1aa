"""Connections of which one direction passes elsewhere, beside captures that hold one direction only."""

from typing import Any

from cases import reset
from proofs import fires, inconclusive, sample_fires, silent
from scenes import Scene, accused, moment

from lynccap.correlation.points.crossing import Crossing
from lynccap.correlation.points.crossings import Crossings
from lynccap.correlation.points.vantage import Vantage
from lynccap.diagnosis.catalogue import BY_NAME
from lynccap.diagnosis.inquiry import Inquiry
from lynccap.diagnosis.judgements import Found

DOMAIN = "contoso.example"
POOL, CLIENT, PC = "10.9.0.5", "10.1.0.9", "10.2.0.9"
SIP, OWN_TTL, FIREWALL_TTL = 5061, 126, 63
RULE = "asymmetric-routing"
NOTHING_BACK: dict[str, Any] = {
    "syn_ack_time": 0, "data_frames_server": 0, "bytes_server": 0, "ttl_server_min": 0, "ttl_server_max": 0,
}  # fmt: skip


def half(ttl: int | None = FIREWALL_TTL, healthy: bool = True, **facts: Any) -> tuple[Scene, set[int]]:
    """A connection of which only the client's packets are seen, and a reset with that TTL."""
    scene = Scene()
    for name in ("lyncdiscoverinternal", "sipinternal"):
        scene.named(f"{name}.{DOMAIN}", POOL)
    if healthy:
        scene.asks(CLIENT, f"pool.{DOMAIN}", 1.0)
    scene.secure(PC, POOL, SIP, 2.0, server_mac="00:00:00:00:99:01")
    frames_server = {"frames_server": 0 if ttl is None else 1}
    of = scene.connect(CLIENT, POOL, SIP, 20.0, **{**NOTHING_BACK, **frames_server, **facts})
    frames = {scene.flows[of]["first_frame_client"], scene.flows[of]["last_frame_client"]}
    if ttl is not None:
        scene.controls.append(reset(of, scene.frame(20.5, of), moment(20.5), ttl))
        frames.add(scene.frame(20.5, of))
    return scene, frames


def test_broken_by_a_reset_of_a_box_is_likely() -> None:
    scene, frames = half()
    one = fires(scene, RULE, CLIENT, frames)

    assert (one.confidence, one.peer, one.port) == ("likely", POOL, SIP)
    assert accused(scene) == {(RULE, CLIENT)}


def test_with_return_frames_from_another_machine_is_likely() -> None:
    scene, frames = half(OWN_TTL, server_mac="00:00:00:00:99:02")

    assert "00:00:00:00:99:02" in fires(scene, RULE, CLIENT, frames).why


def test_the_other_direction_only_is_found_too() -> None:
    scene, _ = half(None)
    scene.flows.pop()
    facts = {"originator": "syn-ack", "opening": "midstream", "syns": 0, "data_frames_client": 0, "frames_client": 1}
    of = scene.connect(CLIENT, POOL, SIP, 20.0, **facts)
    scene.controls.append({**reset(of, scene.frame(20.5, of), moment(20.5), 250), "from_client": True})
    row = scene.flows[of]

    fires(scene, RULE, CLIENT, {row["first_frame_server"], row["last_frame_server"], scene.frame(20.5, of)})


def test_several_connections_are_one_finding() -> None:
    scene, frames = half()
    of = scene.connect(CLIENT, POOL, SIP, 30.0, **{**NOTHING_BACK, "frames_server": 1})
    scene.controls.append(reset(of, scene.frame(30.5, of), moment(30.5), FIREWALL_TTL))

    assert len(fires(scene, RULE, CLIENT).flows) == 2
    assert frames


def test_that_another_capture_shows_whole_is_certain() -> None:
    here, _ = half()
    there = Scene()
    there.secure(CLIENT, POOL, SIP, 20.0)
    cases = (here.case(), there.case())
    flow = len(here.flows) - 1
    crossing = Crossing(
        capture_a=0, flow_a=flow, capture_b=1, flow_b=1, basis="tcp", relation="same", confidence="certain",
        nearer_client=0,
    )  # fmt: skip
    vantage = Vantage(0, cases, Crossings((crossing,)))
    (one,) = [said for said in BY_NAME[RULE].judge(Inquiry(cases[0], vantage)) if isinstance(said, Found)]

    assert one.confidence == "certain"
    assert [proof.place for proof in one.proof] == [None, 1]


def test_that_nothing_breaks_is_harmless() -> None:
    scene, _ = half(None)

    inconclusive(scene, RULE, because="nothing shows that this breaks")


def test_ended_by_the_server_itself_is_harmless() -> None:
    scene, _ = half(OWN_TTL, server_mac="00:00:00:00:99:01")

    inconclusive(scene, RULE, because="nothing shows that this breaks")


def test_in_a_capture_of_one_direction_is_doubted() -> None:
    scene, _ = half(healthy=False)

    inconclusive(scene, RULE, because=f"no other flow of {CLIENT} in both directions")


def test_in_a_capture_with_losses_is_doubted() -> None:
    scene, _ = half()
    scene.secure(PC, "10.9.0.6", 443, 20.2, lost_server=400)

    inconclusive(scene, RULE, because="lacks packets")


def test_a_syn_before_the_capture_is_doubted() -> None:
    scene, _ = half(None)
    scene.flows.pop()
    facts = {"originator": "syn-ack", "opening": "midstream", "syns": 0, "data_frames_client": 0, "frames_client": 1}
    of = scene.connect(CLIENT, POOL, SIP, -9.9, **facts)
    scene.controls.append({**reset(of, scene.frame(-9.5, of), moment(-9.5), 250), "from_client": True})

    inconclusive(scene, RULE, because="the capture starts")


def test_a_connection_that_is_seen_whole_is_nothing() -> None:
    scene, _ = half()
    scene.flows.pop()
    scene.secure(CLIENT, POOL, SIP, 20.0)

    silent(scene, RULE)


def test_a_lost_syn_ack_alone_is_nothing() -> None:
    scene, _ = half()
    scene.flows[-1] |= {"data_frames_server": 4, "frames_server": 6}

    silent(scene, RULE)


def test_of_somebody_elses_server_is_nothing() -> None:
    scene, _ = half()
    scene.flows[-1]["server"] = "10.9.0.60"

    silent(scene, RULE)


def test_real_firewall() -> None:
    assert sample_fires("paths-two-ways", RULE)
