"""Which client generation a device's DNS questions fit, by the order in which each of them looks for its servers."""

from collections.abc import Sequence
from functools import lru_cache

from lynccap import reference
from lynccap.reference.rows import DiscoveryOrderRow

PARALLEL_NS = 50_000_000  # clients ask several names at once; of those the order on the wire tells nothing

UNDECIDED = ("client", "unknown")  # kinds that may be any of the others
ENOUGH = 2  # different questions: one alone is no order


def order_words(asked: Sequence[tuple[int, str]], kind: str) -> str:
    """Words on whose order questions (time, name) follow, for a device of this kind; "" when they follow nobody's.

    They fit when they begin with what the client asks first and follow its order; steps that are left out are
    normal, as a client stops at the first name that leads it on. Answers it had kept are not asked for again.
    """
    return _words(rounds_of(asked), kind)


def rounds_of(asked: Sequence[tuple[int, str]]) -> tuple[tuple[str, int], ...]:
    """The beginnings of the names that discovery knows, each with the round in which it was asked for first."""
    found: dict[str, int] = {}
    number, start = 0, asked[0][0] if asked else 0
    for time, name in sorted(asked):
        number, start = (number + 1, time) if time - start > PARALLEL_NS else (number, start)
        found.setdefault(_beginning(name), number)
    return tuple(found.items())


def _beginning(name: str) -> str:
    """The labels before the domain: two of an SRV record, else one."""
    return ".".join(name.split(".")[: 2 if name.startswith("_") else 1])


@lru_cache(maxsize=1024)
def _words(rounds: tuple[tuple[str, int], ...], kind: str) -> str:
    known = reference.discovery_orders().values()
    fitting = [row for row in known if kind in row.kinds or kind in UNDECIDED]
    products = dict.fromkeys(row.product for row in fitting if fits(rounds, row))
    return f", in the order of {_joined(list(products))}" if products else ""


def fits(rounds: Sequence[tuple[str, int]], row: DiscoveryOrderRow) -> bool:
    """Whether questions follow the order of one client; `rounds` are those of `rounds_of`."""
    order = [step for step in row.steps if " " not in step]  # the others are no names
    if len(rounds) < ENOUGH or not {name for name, _ in rounds} <= set(order):
        return False
    places = sorted((order.index(name), number) for name, number in rounds)
    numbers = [number for _, number in places]
    return places[0][0] == 0 and numbers == sorted(numbers)


def _joined(words: Sequence[str]) -> str:
    return " or ".join((", ".join(words[:-1]), words[-1])) if len(words) > 1 else "".join(words)
