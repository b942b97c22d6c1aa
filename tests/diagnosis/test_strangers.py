"""Captures of other products accuse nobody."""

from pathlib import Path

import pytest

from lynccap.analysis import analyze
from lynccap.ingest import Source, UnreadableCapture

FOLDER = Path(__file__).parent.parent.parent.parent / "shared" / "captures"
STRANGERS = sorted(path for path in FOLDER.glob("*/*") if path.parent.name in ("real", "protocols"))

pytestmark = pytest.mark.skipif(not STRANGERS, reason="the public captures are not beside the project")


@pytest.mark.parametrize("path", STRANGERS, ids=lambda one: one.name)
def test_no_finding_on_a_capture_without_lync(path: Path) -> None:
    try:
        document = analyze([Source(str(path))])
    except UnreadableCapture:
        pytest.skip("not a format that is read")

    assert [(one.rule, one.device) for one in document.findings] == []
    assert [one for one in document.assessments if one.outcome == "rule-failed"] == []
