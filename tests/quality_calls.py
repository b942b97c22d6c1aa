"""Calls whose streams were measured, for the tests of quality."""

from dataclasses import replace
from typing import Any

from cases import rows
from scene_flows import moment
from scenes import Scene

from lynccap.correlation.case import Case
from lynccap.document import Confidence, Severity
from lynccap.tables import CLOCK_STEPS

__all__ = ["MCU", "PC", "PEER", "Confidence", "Severity", "call", "clock_set", "lost", "office"]

PC, PEER, MCU, DOMAIN = "10.31.4.20", "10.31.4.21", "10.31.90.6", "wren.example"
AT_SENDER, AT_RECEIVER, BETWEEN = (128, 126), (126, 128), (127, 127)


def office(role: str = "fe") -> Scene:
    """A server that the topology knows; it talks with whoever calls."""
    scene = Scene()
    scene.holds((role, MCU, f"fe1.{DOMAIN}"), domain=DOMAIN)
    return scene


def lost(*seconds: float, each: int = 6, of: int = 0) -> dict[str, Any]:
    """Packets missing in some seconds of a stream of 1000: so many in each, in one stretch."""
    missing = each * len(seconds)
    return {
        "packets": 1000 - missing,
        "expected": 1000,
        "lost": missing,
        "loss_bursts": len(seconds),
        "longest_burst": each,
        "long_bursts": len(seconds) if each >= 5 else 0,
        "lossy_seconds": tuple((round((at + 10) * 100_000) + of, moment(at), each) for at in seconds),
    }


def call(
    scene: Scene, client: str = PC, at: float = 1.0, seconds: float = 20.0, ttls: tuple[int, int] = AT_RECEIVER,
    **facts: Any,
) -> int:  # fmt: skip
    """A call of a client with the server: what `facts` say is measured of what the client sends; returns the flow.

    `ttls` are those of client and server where it was recorded.
    """
    ends = {"ttl_client_min": ttls[0], "ttl_client_max": ttls[0], "ttl_server_min": ttls[1], "ttl_server_max": ttls[1]}
    of = scene.exchange(client, MCU, 50_000 + len(scene.flows), at, stack="rtp", frames_client=1000, **ends)
    scene.speaks(of, at, seconds, sides=(True,), **facts)
    scene.speaks(of, at, seconds, sides=(False,))
    return of


def clock_set(scene: Scene, at: float) -> Case:
    """The scene, recorded by a clock that was put back by two seconds."""
    case = scene.case()
    step = {"frame": 5, "before": moment(at), "after": moment(at - 2)}
    return replace(case, tables=replace(case.tables, clock_steps=rows(CLOCK_STEPS, [step])))
