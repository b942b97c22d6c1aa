"""What a capture file says of itself reaches the document; its secrets never do."""

import io
import struct
from functools import partial

from capture_files import (
    CLIENT,
    KEY_LOG,
    SERVER,
    START,
    block,
    enhanced,
    full_pcapng,
    interface,
    option,
    secrets,
    section,
    udp,
)

from lynccap.analysis import analyze
from lynccap.document import MAX_COMMENTS, Document, Point, Remark, from_json, to_json
from lynccap.ingest import Source
from lynccap.report.html import render_html
from lynccap.report.markdown import render_markdown
from lynccap.report.sarif import render_sarif
from lynccap.report.spreadsheet import render_csv
from lynccap.report.text import render_text


def analyzed(data: bytes) -> Document:
    return analyze([Source("a.pcapng", io.BytesIO(data))])


def test_comments_are_in_the_document_and_survive_it() -> None:
    document = analyzed(full_pcapng())

    assert document.captures[0].comments == (
        Remark(0, "site Bremen no sign-in"),
        Remark(0, "Capture filter: not port 22"),
        Remark(0, "the loopback"),
        Remark(1, "here"),
        Remark(1, "é"),
        Remark(3, "old"),
    )
    assert from_json(to_json(document)) == document


def test_where_it_was_recorded_is_told() -> None:
    document = analyzed(full_pcapng())
    (capture,) = document.captures

    assert capture.recorder == "Dumpcap 4, Windows 10, VM"
    assert capture.points == (Point("Ethernet 2 (\\Device\\NPF_{1})", 2, 10), Point("lo", 2, 12))
    page = render_html(document)
    assert all(one.name in page for one in capture.points)
    assert capture.recorder in page
    assert "interface lo: 2" in render_markdown(document)


def test_a_remark_that_every_interface_repeats_is_told_once() -> None:
    filtered = b"".join(
        block(1, struct.pack("<HHI", 1, 0, 0) + option(11, b"\0host 10.1.2.3") + option(0, b"")) for _ in range(3)
    )
    (capture,) = analyzed(section() + filtered + enhanced(udp(CLIENT, SERVER, b"x"), START // 1000)).captures

    assert [one.says for one in capture.comments] == ["Capture filter: host 10.1.2.3"]


def test_the_first_comments_are_kept() -> None:
    frame = udp(CLIENT, SERVER, b"x")
    packets = [enhanced(frame, START // 1000 + place, options=option(1, b"%d" % place)) for place in range(60)]
    (capture,) = analyzed(section() + interface() + b"".join(packets)).captures

    assert [one.frame for one in capture.comments] == list(range(1, MAX_COMMENTS + 1))


def test_reports_show_comments_as_text() -> None:
    hostile = option(1, b"<script>alert(1)</script> **bold** [a](https://x)")
    data = section() + interface() + enhanced(udp(CLIENT, SERVER, b"x"), START // 1000, options=hostile)
    document = analyzed(data)

    page, ticket = render_html(document), render_markdown(document)
    assert "Comment on frame 1" in page
    assert "&lt;script&gt;alert(1)" in page
    assert "comment on frame 1" in ticket
    assert r"\*\*bold\*\*" in ticket
    assert "<script" not in ticket


def test_secrets_are_in_no_output() -> None:
    key = b"0123456789abcdef" * 4
    head = full_pcapng() + section() + secrets(b"CLIENT_RANDOM " + key + b" " + key)
    document = analyzed(head + interface() + struct.pack("<2I", 5, 12) + struct.pack("<I", 12))

    renderings = (render_html, render_markdown, render_sarif, render_csv, partial(render_text, colour=False))
    for said in (to_json(document), repr(document), *(render(document) for render in renderings)):
        text = said.decode() if isinstance(said, bytes) else str(said)
        assert key.decode() not in text
        assert KEY_LOG.decode().strip() not in text
