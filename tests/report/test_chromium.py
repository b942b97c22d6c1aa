"""The page in a real browser."""

import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import pytest
from report import documents

from lynccap.report.html import render_html

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--enable-logging=stderr", "--v=0"),
)

pytestmark = [
    pytest.mark.chromium,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
]


def browse(page: Path, *options: str) -> subprocess.CompletedProcess[str]:
    profile = f"--user-data-dir={page.parent / 'profile'}"
    command = [str(CHROMIUM), *QUIET, profile, *options, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)


def pixels(png: bytes) -> set[bytes]:
    """The different scan lines of an 8-bit PNG, still filtered: a blank page has one or two."""
    width, _, depth, colour = struct.unpack(">IIBB", png[16:26])
    assert depth == 8
    data, at = b"", 8
    while at < len(png):
        length, kind = struct.unpack(">I4s", png[at : at + 8])
        data += png[at + 8 : at + 8 + length] if kind == b"IDAT" else b""
        at += 12 + length
    raw, stride = zlib.decompress(data), 1 + width * {2: 3, 6: 4}[colour]
    return {raw[start : start + stride] for start in range(0, len(raw), stride)}


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "report.html"
    path.write_bytes(render_html(documents.one_cause()).encode())
    return path


def test_the_page_is_drawn(page: Path) -> None:
    picture = page.with_suffix(".png")
    browse(page, f"--screenshot={picture}", "--window-size=1280,2000")
    assert len(pixels(picture.read_bytes())) > 200


def test_the_verdict_and_the_proof_are_there_without_javascript(page: Path) -> None:
    # A second policy that forbids all scripts; --dump-dom fails with scripts switched off.
    forbid = b'<meta http-equiv="Content-Security-Policy" content="script-src \'none\'">'
    page.write_bytes(page.read_bytes().replace(b"<head>", b"<head>" + forbid, 1))
    drawn = browse(page, "--dump-dom").stdout
    assert "14 of 17&nbsp;devices failed." in drawn
    assert "tcp.port == 80 &amp;&amp; tcp.flags.syn == 1" in drawn
    assert '<div class="controls" hidden="">' in drawn


def test_the_page_keeps_its_own_policy_and_shows_its_filters(page: Path) -> None:
    done = browse(page, "--dump-dom")
    assert '<div class="controls">' in done.stdout
    assert "Content Security Policy" not in done.stderr
    assert "Uncaught" not in done.stderr


PROBE = b"""<script>
document.getElementById("device-text").value = "sep-2-01";
document.getElementById("device-text").dispatchEvent(new Event("input"));
document.getElementById("unfold").click();
setTimeout(() => {
  const shown = document.querySelectorAll(".devices > tbody > tr:not([hidden])").length;
  const shut = document.querySelectorAll("#findings details:not([open])").length;
  document.title = `${shown} rows, ${shut} shut`;
}, 500);
</script></body>"""


def test_the_filter_and_the_button_do_what_they_say(page: Path) -> None:
    # The page's own policy would refuse the probe: here it is taken out.
    source = page.read_bytes().replace(b'http-equiv="Content-Security-Policy"', b'name="policy"')
    page.write_bytes(source.replace(b"</body>", PROBE))
    drawn = browse(page, "--dump-dom", "--virtual-time-budget=3000").stdout
    assert "<title>10 rows, 0 shut</title>" in drawn


def test_hostile_names_run_nothing(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_bytes(render_html(documents.hostile()).encode())
    done = browse(path, "--dump-dom")
    assert done.stdout.count("<script>") == 1
    assert "<img" not in done.stdout
    assert "Content Security Policy" not in done.stderr
