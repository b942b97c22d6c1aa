"""What holds for every test run."""

import os
import shutil

import pytest

TOOLS = (("tshark",), ("sharkd",), ("chromium", "chromium-browser", "google-chrome"))


def pytest_sessionstart() -> None:
    """Where a tool is missing the tests that need it skip, but not in CI: there it is a failure."""
    missing = [names[0] for names in TOOLS if not any(map(shutil.which, names))]
    if missing and os.environ.get("CI"):
        raise pytest.UsageError(f"CI runs every test, but this is not installed: {', '.join(missing)}")
