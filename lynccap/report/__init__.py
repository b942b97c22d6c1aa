"""Documents in words and pictures: each format is a function from a document to the bytes of one file."""

from collections.abc import Callable

from lynccap.document import Document, to_json


def _html(document: Document) -> bytes:
    from lynccap.report.html import render_html

    return render_html(document).encode()


def _markdown(document: Document) -> bytes:
    from lynccap.report.markdown import render_markdown

    return render_markdown(document).encode()


def _csv(document: Document) -> bytes:
    from lynccap.report.spreadsheet import render_csv

    # The mark lets Excel read the file as UTF-8; without it names outside ASCII come out garbled.
    return render_csv(document).encode("utf-8-sig")


def _sarif(document: Document) -> bytes:
    from lynccap.report.sarif import render_sarif

    return render_sarif(document)


FORMATS: dict[str, Callable[[Document], bytes]] = {
    "html": _html,
    "json": to_json,
    "md": _markdown,
    "csv": _csv,
    "sarif": _sarif,
}
"""Renderers by the name users give; each imports what it needs when it is called."""

EXTENSIONS: dict[str, str] = {
    "html": ".html",
    "json": ".json",
    "md": ".md",
    "csv": ".csv",
    "sarif": ".sarif",
}
"""File name extensions by format."""
