"""The JSON document keeps its contract."""

import json

import jsonschema
import pytest
from samples import document_of, samples

from lynccap.document import Evidence, Finding, from_json, json_schema, rfc3339, to_json


@pytest.mark.parametrize("name", [one.name for one in samples()])
def test_documents_follow_the_schema(name: str) -> None:
    jsonschema.validate(json.loads(to_json(document_of(name))), json_schema())


def test_survives_being_read_again() -> None:
    document = document_of("rootchain-80-refused")

    assert from_json(to_json(document)) == document


def test_schema_refuses_a_document_without_findings() -> None:
    broken = json.loads(to_json(document_of("rootchain-80-refused")))
    del broken["findings"]

    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, json_schema())


def test_finding_without_frames_is_refused() -> None:
    with pytest.raises(ValueError, match="without frames"):
        Finding(
            "F1", "r", "t", "major", "certain", None, None, None, None, None, "s", "w", (), (), (), (),
            (Evidence("C1", (), "nothing", ""),),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("nanoseconds", "digits", "text"),
    [
        (1_700_000_000_123_456_789, 6, "2023-11-14T22:13:20.123456Z"),
        (1_700_000_000_123_456_789, 9, "2023-11-14T22:13:20.123456789Z"),
        (1_700_000_000_000_000_000, 0, "2023-11-14T22:13:20Z"),
        (0, 6, None),
    ],
)
def test_times_have_the_captures_own_resolution(nanoseconds: int, digits: int, text: str | None) -> None:
    assert rfc3339(nanoseconds, digits) == text
