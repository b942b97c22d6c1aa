"""Which client generation a device's DNS questions fit, by the order in which each of them looks for its servers."""

from collections.abc import Iterable, Sequence
from functools import cache

from lynccap import reference
from lynccap.reference.rows import DiscoveryOrderRow

PARALLEL_NS = 50_000_000  # clients ask several names at once; of those the order on the wire tells nothing

ENOUGH = 2  # different questions: one alone is no order


def order_words(asked: Sequence[tuple[int, str]], kind: str) -> str:
    """ ", in the order of …" for questions (time, name) that fit some clients of this kind, "" when they fit none.

    They fit when they begin with what the client asks first and follow its order; steps that are left out are
    normal, as a client stops at the first name that leads it on. Answers it had kept are not asked for again.
    """
    fitting = [row for row in _orders() if (kind in row.kinds or kind in ("client", "unknown")) and fits(asked, row)]
    products = list(dict.fromkeys(row.product for row in fitting))
    return f", in the order of {_joined(products)}" if products else ""


def fits(asked: Sequence[tuple[int, str]], row: DiscoveryOrderRow) -> bool:
    """Whether questions (time, name) follow the order of one client."""
    order = [step for step in row.steps if " " not in step]  # the others are no names
    places = [_place(name, order) for _, name in asked]
    if not order or not places or None in places:
        return False
    firsts: dict[int, int] = {}
    for (time, _), place in zip(asked, places, strict=True):
        firsts.setdefault(place or 0, time)
    return 0 in firsts and len(firsts) >= ENOUGH and _in_order(sorted(firsts.items()))


def _in_order(firsts: Iterable[tuple[int, int]]) -> bool:
    """Whether later steps were first asked for later, or at the same time."""
    latest = 0
    for _, time in firsts:
        if time < latest - PARALLEL_NS:
            return False
        latest = max(latest, time)
    return True


def _place(name: str, order: Sequence[str]) -> int | None:
    return next((place for place, step in enumerate(order) if name.startswith(f"{step}.")), None)


@cache
def _orders() -> tuple[DiscoveryOrderRow, ...]:
    return tuple(reference.discovery_orders().values())


def _joined(words: Sequence[str]) -> str:
    return " or ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else "".join(words)
