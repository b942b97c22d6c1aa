"""What holds for every test run."""

import os
import shutil
from collections import Counter

import pytest

TOOLS = (("tshark",), ("sharkd",), ("chromium", "chromium-browser", "google-chrome"))


def pytest_sessionstart() -> None:
    """Where a tool is missing the tests that need it skip, but not in CI: there it is a failure."""
    missing = [names[0] for names in TOOLS if not any(map(shutil.which, names))]
    if missing and os.environ.get("CI"):
        raise pytest.UsageError(f"CI runs every test, but this is not installed: {', '.join(missing)}")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """The counts tests published with `record_property`, added up over all of them and all processes."""
    totals: dict[str, Counter[str]] = {}
    for report in (*terminalreporter.getreports("passed"), *terminalreporter.getreports("failed")):
        for name, counts in report.user_properties:
            if isinstance(counts, dict):
                totals.setdefault(name, Counter()).update(counts)
    if totals:
        terminalreporter.section("agreement")
    for name, counts in sorted(totals.items()):
        terminalreporter.line(f"{name}: " + ", ".join(f"{count} {what}" for what, count in counts.items()))
