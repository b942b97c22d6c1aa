"""Whether two flows with the same contents are one connection, or two that a device in between joined."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Relation(StrEnum):
    """What two flows are to each other."""

    SAME = "same"
    """One conversation, whose packets were routed, switched or translated in between."""
    RECREATED = "re-created"
    """The contents are the same and the connections are not: a proxy or load balancer stands in between."""
    UNDECIDED = "undecided"
    """Sequence numbers differ: a firewall that draws them anew, or a device that ends the connection."""


def relations(a: Mapping[str, NDArray[Any]], b: Mapping[str, NDArray[Any]]) -> NDArray[np.object_]:
    """The relation of each row of `a` to the same row of `b`; both as `sightings` makes them.

    A router or translator leaves initial sequence numbers alone (RFC 9293 3.4.1, RFC 5382). Firewalls may draw them
    anew and leave window and options; who ends a connection opens the next with its own.
    """

    def differs(name: str) -> NDArray[np.bool_]:
        one, other = a[name], b[name]
        unlike: NDArray[np.bool_] = (one >= 0) & (other >= 0) & (one != other)
        return unlike

    renumbered = differs("syn_isn") | differs("answer_isn")
    # Translators keep the identification, and it is 0 where a host gives none.
    kept = (a["syn_ip_id"] > 0) & ~differs("syn_ip_id") & (b["syn_ip_id"] > 0)
    rebuilt = differs("syn_window") | differs("syn_options") | differs("answer_window")
    found = np.full(len(renumbered), Relation.SAME, object)
    found[renumbered] = Relation.UNDECIDED
    found[renumbered & rebuilt & ~kept] = Relation.RECREATED
    return found
