"""The registry of formats."""

import subprocess
import sys

import pytest
from report import documents

from lynccap.document import from_json
from lynccap.report import EXTENSIONS, FORMATS
from lynccap.report.plain import visible


def test_each_format_has_an_extension_of_its_own() -> None:
    assert set(FORMATS) == set(EXTENSIONS) == {"html", "json", "md", "csv", "sarif"}
    assert len(set(EXTENSIONS.values())) == len(EXTENSIONS)


@pytest.mark.parametrize("form", list(FORMATS))
@pytest.mark.parametrize("name", list(documents.ALL))
def test_each_format_renders_each_document_the_same_each_time(form: str, name: str) -> None:
    document = documents.ALL[name]()
    data = FORMATS[form](document)
    assert data == FORMATS[form](document)
    assert data.endswith(b"\n")


@pytest.mark.parametrize("form", ["html", "csv", "sarif"])
def test_no_format_leaves_out_a_finding(form: str) -> None:
    document = documents.one_cause()
    said = FORMATS[form](document).decode()
    assert all(one.id in said for one in document.findings)


def test_a_name_outside_ascii_survives_each_format() -> None:
    name = "Zürich-電話"
    device = documents.finding(1, "r", name, says=f"{name} failed", title=name)
    for form, render in FORMATS.items():
        assert visible(name) in render(documents.build(findings=(device,))).decode(), form


def test_json_is_the_document_itself() -> None:
    assert from_json(FORMATS["json"](documents.one_cause())) == documents.one_cause()


def test_naming_the_formats_does_not_import_the_template_engine() -> None:
    code = "import sys, lynccap.report; sys.exit('jinja2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
