"""Looks for inputs that break a promise: bytes chosen by coverage, with atheris (`pip install lynccap[fuzz]`).

    python -m tests.fuzz TARGET SECONDS     look for one, for so long; what is found is kept as a file
    python -m tests.fuzz TARGET FILE...     try files again; needs no atheris

Targets: capture, frames, reader, conversation, media, dialogue, analysis (see `targets`). The inputs to begin with are
built anew each time (see `seeds`), so nothing is stored here. `tests/test_fuzz.py` runs the same targets on a few
inputs of its own.
"""

SECONDS_AN_INPUT = 10  # inputs are a few kilobytes: what takes longer grows faster than its input
