"""The command line; see the package."""

import sys
import tempfile
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import NoReturn

from tests.fuzz import SECONDS_AN_INPUT

TESTS = Path(__file__).parent.parent
MEGABYTES_AN_INPUT = 400  # what the product may take for captures of gigabytes
MEGABYTES = 4096  # of the process: protects the machine; atheris itself takes some 25 kB more with every input
LONGEST_INPUT = 65_536


def main(arguments: list[str]) -> None:
    """Runs one target, either way."""
    sys.path.insert(0, str(TESTS))  # where the tests' own builders are
    if len(arguments) < 2:
        sys.exit("usage: python -m tests.fuzz TARGET SECONDS, or TARGET FILE...")
    name, *rest = arguments
    if rest[0].isdecimal():
        search(name, int(rest[0]))
    for path in map(Path, rest):
        target_of(name)(path.read_bytes())
        sys.stdout.write(f"{path}: nothing wrong\n")


def target_of(name: str) -> Callable[[bytes], None]:
    """The target, by its name."""
    targets = import_module("fuzz.targets").TARGETS
    if name not in targets:
        sys.exit(f"{name}: no such target; there are {', '.join(targets)}")
    return targets[name]


def search(name: str, seconds: int) -> NoReturn:
    """Run the target on ever new inputs; ends the process."""
    try:
        from resource import RUSAGE_SELF, getrusage

        import atheris
    except ImportError:
        sys.exit("atheris is not installed; pip install 'lynccap[fuzz]'")
    with atheris.instrument_imports(include=["lynccap", "dissectors"]):
        target = target_of(name)

    def measured(data: bytes) -> None:
        before = getrusage(RUSAGE_SELF).ru_maxrss
        target(data)
        taken = (getrusage(RUSAGE_SELF).ru_maxrss - before) // 1024  # Linux counts in KiB
        assert taken <= MEGABYTES_AN_INPUT, f"one input took {taken} MB"

    folder = Path(tempfile.gettempdir()) / "lynccap-fuzz" / name
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for place, seed in enumerate(import_module("fuzz.seeds").SEEDS[name]()):
        (corpus / f"seed-{place}").write_bytes(seed)
    options = (
        f"-max_total_time={seconds}",
        f"-timeout={SECONDS_AN_INPUT}",
        f"-rss_limit_mb={MEGABYTES}",
        f"-max_len={LONGEST_INPUT}",
        f"-artifact_prefix={folder}/",
        "-len_control=0",  # inputs need not begin short: the first ones are good
        "-print_final_stats=1",
    )
    atheris.Setup([sys.argv[0], *options, str(corpus)], measured)
    atheris.Fuzz()
    sys.exit()


if __name__ == "__main__":
    main(sys.argv[1:])
