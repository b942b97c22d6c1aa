"""Python's search for cycles of objects, kept out of work that makes none."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """No search for cycles meanwhile; it is on again afterwards, if it was before.

    Correlation makes hundreds of thousands of small records that live until the end. The collector walks all of them
    again and again in search of cycles, which takes as long as the work itself; what is dropped is freed at once all
    the same.
    """
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
