"""Rebuild the samples: run scenarios in parallel, then derive the damaged copies from what they recorded."""

import importlib
import multiprocessing
import os
import pkgutil
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from multiprocessing.context import ForkProcess
from pathlib import Path
from types import ModuleType

from sample_pcaps import lab
from sample_pcaps.lab.scenario import Derived, Scenario

SAMPLES = Path(__file__).parent.parent
TOOLS = ("ip", "nft", "tcpdump", "dumpcap", "editcap", "mergecap")
AT_ONCE = 4
"""Most of a scenario is waiting for SYN retransmissions; more at once would disturb each other's timing."""

_fork = multiprocessing.get_context("fork")


def scenario_modules() -> Iterator[ModuleType]:
    """Import every module of the laboratory named `scenarios_…`, in order of name."""
    for found in pkgutil.iter_modules(lab.__path__):
        if found.name.startswith("scenarios_"):
            yield importlib.import_module(f"{lab.__name__}.{found.name}")


def main(wanted: Sequence[str]) -> int:
    """Build the named samples (file name stems), or all; return the exit code."""
    modules = list(scenario_modules())
    scenarios: list[Scenario] = [one for module in modules for one in getattr(module, "SCENARIOS", ())]
    copies: list[Derived] = [one for module in modules for one in getattr(module, "DERIVED", ())]
    known = {Path(file).stem for one in scenarios for file in one.files}
    known |= {Path(one.name).stem for one in copies}
    if unknown := sorted(set(wanted) - known):
        print(f"no such sample: {', '.join(unknown)}; there are: {', '.join(sorted(known))}", file=sys.stderr)
        return 2
    if lacking := [tool for tool in TOOLS if shutil.which(tool) is None]:
        print(f"not installed: {', '.join(lacking)}", file=sys.stderr)
        return 2
    if os.geteuid() != 0:
        print("network namespaces need root: run this with sudo", file=sys.stderr)
        return 2
    chosen = set(wanted) or known
    scenarios = [one for one in scenarios if chosen.intersection(Path(file).stem for file in one.files)]
    failed = _record(scenarios)
    recorded = {file for one in scenarios for file in one.files}
    for copy in copies:
        # A copy never outlives its source: both are made anew together.
        if Path(copy.name).stem in chosen or copy.source in recorded:
            copy.make(SAMPLES / copy.source, SAMPLES / copy.name)
            print(f"derived {copy.name}")
    return 1 if failed else 0


def _record(scenarios: Iterable[Scenario]) -> int:
    """Run all, a few at once; return how many failed."""
    waiting, failed = list(scenarios), 0
    running: list[ForkProcess] = []
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            process = _fork.Process(target=_record_one, args=(waiting.pop(0),))
            process.start()
            running.append(process)
        time.sleep(0.2)
        for process in [one for one in running if not one.is_alive()]:
            running.remove(process)
            failed += process.exitcode != 0
    return failed


def _record_one(scenario: Scenario) -> None:
    with tempfile.TemporaryDirectory() as folder:
        scenario.make(Path(folder))
        for file in scenario.files:
            _store(Path(folder, file), SAMPLES / file)
            print(f"recorded {file}", flush=True)


def _store(made: Path, target: Path) -> None:
    """Put a capture, or a folder of them, in its place."""
    if made.is_dir():
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        for file in made.iterdir():
            _store(file, target / file.name)
        return
    # Written in place, so that the sample keeps its owner when the build runs under sudo.
    target.write_bytes(made.read_bytes())
