"""Wireshark's dissection of many files in one process: sharkd comes with tshark, whose start for each file it saves.

Its fields are those of tshark, but for three things: numbered values with names come as names, it sees every frame
twice as `tshark -2` does, and so a few UDP streams that other protocols announce have other numbers.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from threading import Timer

import pytest

LONGEST_ANSWER = 60  # seconds; the largest capture takes two
MOST_COLUMNS = 32  # sharkd leaves out the fields behind these
LOAD, STATUS, FRAMES = 1, 2, 3


class Sharkd:
    """One running sharkd. `folder` is for its settings, of which it must find none, and for links to the files."""

    def __init__(self, folder: Path) -> None:
        """Skips the calling test without sharkd."""
        program = shutil.which("sharkd")
        if program is None:
            pytest.skip("sharkd is not installed")
        self._folder = folder
        self._loaded = 0
        self._process = subprocess.Popen(
            [program, "-"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={**os.environ, "WIRESHARK_CONFIG_DIR": str(folder), "TZ": "UTC"},
        )

    def frames(self, path: Path, *names: str) -> list[dict[str, list[str]]] | None:
        """The values of these fields in every frame up to where Wireshark stops; None for a file it refuses."""
        self._loaded += 1
        link = self._folder / f"{self._loaded}.capture"  # tells afterwards whether it is this file that is loaded
        link.symlink_to(path.resolve())
        parts = [names[start : start + MOST_COLUMNS] for start in range(0, len(names), MOST_COLUMNS)]
        questions = [(FRAMES + place, "frames", _columns(part)) for place, part in enumerate(parts)]
        answers = self._ask((LOAD, "load", {"file": str(link)}), *questions, (STATUS, "status", {}))
        if "error" in answers.get(LOAD, {}) or answers[STATUS]["result"].get("filename") != link.name:
            return None
        read = [[row["c"] for row in answers[number]["result"]] for number, *_ in questions]
        return [
            {name: text.split(",") if text else [] for name, text in zip(names, chain(*row), strict=True)}
            for row in zip(*read, strict=True)
        ]

    def close(self) -> None:
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait(LONGEST_ANSWER)

    def _ask(self, *questions: tuple[int, str, dict[str, str]]) -> dict[int, dict[str, object]]:
        """The answers by number. A file that ends in the middle of a packet is loaded without one."""
        for number, method, options in questions:
            question = {"jsonrpc": "2.0", "id": number, "method": method, "params": options}
            self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        timer = Timer(LONGEST_ANSWER, self._process.kill)
        timer.start()
        answers: dict[int, dict[str, object]] = {}
        try:
            while STATUS not in answers:
                line = self._process.stdout.readline()
                assert line, f"sharkd ended while it read file {self._loaded}"
                answer = json.loads(line)
                answers[answer["id"]] = answer
        finally:
            timer.cancel()
        return answers


def _columns(names: tuple[str, ...]) -> dict[str, str]:
    return {f"column{place}": f"{name}:0" for place, name in enumerate(names)}


@contextmanager
def running(folder: Path) -> Iterator[Sharkd]:
    """A sharkd, ended afterwards."""
    sharkd = Sharkd(folder)
    try:
        yield sharkd
    finally:
        sharkd.close()
