"""Hosts to which others send and of which nothing is ever heard."""

from dataclasses import dataclass

from lynccap.correlation.media.relays import RELAY_PORTS
from lynccap.diagnosis.inquiry import Inquiry

TRIES = 4  # packets: fewer may be lost by chance


@dataclass(frozen=True, slots=True)
class Unheard:
    """What was sent to a host in vain."""

    capture: int
    senders: tuple[str, ...]
    packets: int
    frames: tuple[int, ...]
    doubt: str | None
    """Why its silence may not be believed."""


def relays_there(inquiry: Inquiry, host: str) -> bool:
    """Whether a relay port of a host and somebody else hear each other."""
    flows = inquiry.case.flows
    for side in ("client", "server"):
        mine = flows[(flows[side] == host) & flows[f"{side}_port"].isin(RELAY_PORTS)]
        if ((mine["frames_client"] > 0) & (mine["frames_server"] > 0)).any():
            return True
    return False


def unheard(inquiry: Inquiry, host: str) -> Unheard | None:
    """The flows to a host that it never answers; None where nobody tried often enough.

    What relays send there is left out: a relay drops what comes from where its client has sent nothing yet.
    """
    flows, edges = inquiry.case.flows, inquiry.case.edges
    asked = flows[(flows["server"] == host) & (flows["frames_server"] == 0)]
    asked = asked[~asked["client"].isin([address for edge in edges.edges for address in edge.addresses])]
    if int(asked["frames_client"].sum()) < TRIES:
        return None
    capture = int(asked["capture"].iloc[0])
    asked = asked[asked["capture"] == capture]
    packets = int(asked["frames_client"].sum())
    senders = tuple(dict.fromkeys(asked["client"].tolist()))
    first, last = int(asked["first_time"].min()), int(asked["last_time"].max())
    doubt = inquiry.gates.absence(capture, senders[0], first, last, packets)
    return Unheard(capture, senders, packets, tuple(sorted(asked["first_frame"].tolist())), doubt)
