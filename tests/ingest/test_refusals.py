"""What is not read is named, with what to do about it, in one line."""

import shutil
import subprocess

import pytest
from capture_files import CLIENT, SERVER, pcap, read, section, timed, udp
from hypothesis import given
from hypothesis import strategies as st
from samples import FOLDER

from lynccap.ingest import UnreadableCapture
from lynccap.ingest.sources.refusals import MAGICS, refused

SAMPLE = FOLDER / "rootchain-80-refused.pcap"
CAPTURE = pcap(timed([udp(CLIENT, SERVER, b"x")]))
OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500)
PDML = b'<?xml version="1.0" encoding="utf-8"?>\n<?xml-stylesheet type="text/xsl" href="pdml2html.xsl"?>\n'
PDML += b'<!-- You can find pdml2html.xsl anywhere. -->\n<pdml version="0" creator="wireshark/4.0.17">\n'
MAIL = b"Received: from a (b [c])\r\n\tby d; Fri, 20 Nov 2026\r\nSubject: trace\r\n\r\nHello"


def says(content, folder, name="suspect.pcap"):
    with pytest.raises(UnreadableCapture) as caught:
        read(content, folder, name)
    text = str(caught.value)
    assert text.startswith(f"{folder / name}: ")
    assert "\n" not in text
    return text.removeprefix(f"{folder / name}: ")


@pytest.mark.parametrize(
    ("content", "what", "todo"),
    [
        (b"7z\xbc\xaf\x27\x1c\0\4", "a 7z archive", "7z x suspect.pcap"),
        (b"Rar!\x1a\x07\x01\0", "a rar archive", "7z x suspect.pcap"),
        (b"MSCF\0\0\0\0" + bytes(30), "a cabinet archive", "expand -F:* suspect.pcap ."),
        (b"\x1f\x9d\x90abc", "a compress (.Z) file", "gzip -d suspect.pcap"),
        (b"\x02\x21\x4c\x18abcd", "an lz4 file of the old form", "lz4 -d suspect.pcap"),
        (OFFICE, "an Outlook message or an old Office document", "save what is attached"),
        (b"PAGEDU64" + bytes(90), "a Windows crash dump", "capture file itself"),
        (b"MDMP\x93\xa7" + bytes(90), "a Windows crash dump", "capture file itself"),
        (b"ElfFile\0" + bytes(90), "a Windows event log", "capture file itself"),
        (b"L\0\0\0\x01\x14\x02\0" + bytes(90), "a Windows shortcut", "the file it points to"),
        (b"MZ\x90\0" + bytes(90), "a program", "7z x"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a picture", "screenshot"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", "a picture", "screenshot"),
        (b"\0\0\0\x20ftypisom", "a film", "screen"),
        (b"%PDF-1.7\n", "a PDF document", "capture file itself"),
        (b"{\\rtf1\\ansi hello}", "a text document", "capture file itself"),
        (PDML, "a PDML text, not a capture", "File > Save As"),
        (PDML.replace(b"pdml", b"psml"), "a PDML text, not a capture", "File > Save As"),
        (b'[\n  {\n    "_index": "packets",', "a JSON text of packets, not a capture", "File > Save As"),
        (b'{"index":{"_index":"packets"}}\n', "a JSON text of packets, not a capture", "File > Save As"),
        (b"08:36:37.06 IP a > b: UDP\n\t0x0000:  4500 0034\n", "a text of tcpdump, not a capture", "File > Save As"),
        (b"0000  01 00 5e 00 00 fc   ..^...\n0010  00 34 c7\n", "a hex dump as text", "File > Save As"),
        (b"No.     Time    Source   Destination\n", "a text of Wireshark, not a capture", "File > Save As"),
        (b'"No.","Time","Source","Destination"\r\n', "a text of Wireshark, not a capture", "File > Save As"),
        (b"Frame 1: 66 bytes on wire (528 bits)\n", "a text of Wireshark, not a capture", "File > Save As"),
        (b"TL_INFO(TF_PROTOCOL) [0]0F3C.1B54::11/20\n", "a Lync log", "Snooper"),
        (b"<!DOCTYPE html>\n<html><body>Sign in", "a web page", "failed download"),
        (b"\xef\xbb\xbf<html>", "a web page", "failed download"),
        (MAIL, "a mail", "save what is attached"),
        (b"<?xml version='1.0'?>\n<Events/>", "an XML text", "File > Save As"),
        (b"Dear support,\nhere is the trace.\n", "text, not a capture", "File > Save As"),
        ("﻿Dear support,\n".encode("utf-16-le"), "text, not a capture", "File > Save As"),
        (b"iptrace 2.0\0\0", "an AIX iptrace capture", "editcap -F pcapng suspect.pcap converted.pcapng"),
        (b"\x7fver\0\0\0\x09", "an AiroPeek or OmniPeek capture", "editcap -F pcapng"),
        (b"\0\0\x02\0\x12\x05\0\x10" + bytes(30), "a Tektronix K12 capture", "editcap -F pcapng"),
        (b"\x42\xd2\0\x34\x12\x66\x22\x88" + bytes(9), "a RADCOM capture", "editcap -F pcapng"),
        ((bytes(7) + b"\x65\2\4\0\x50\0\0\0\x3c" + bytes(64)) * 3, "an Endace ERF capture", "editcap -F pcapng"),
        (b"\0\0\0\x01\0\0\0\0\0\x07\xd0\0" + bytes(9), "an HP-UX nettl capture", "editcap -F pcapng"),
    ],
)
def test_what_arrives_in_tickets_is_named_with_what_to_do(content, what, todo, tmp_path):
    text = says(content, tmp_path)
    assert text.startswith(f"is {what}")
    assert todo in text


@pytest.mark.tshark
@pytest.mark.parametrize(
    ("form", "what"),
    [
        ("5views", "an InfoVista 5View"),
        ("commview-ncf", "a CommView"),
        ("commview-ncfx", "a CommView"),
        ("k12text", "a K12 text"),
        ("lanalyzer", "a LANalyzer"),
        ("nettl", "an HP-UX nettl"),
        ("ngsniffer", "a Sniffer (DOS)"),
        ("ngwsniffer_1_1", "a NetXRay or Sniffer (Windows)"),
        ("ngwsniffer_2_0", "a NetXRay or Sniffer (Windows)"),
        ("observer", "a Viavi Observer"),
        ("visual", "a Visual Networks"),
    ],
)
def test_captures_that_editcap_writes_are_named_with_how_it_reads_them(form, what, tmp_path):
    if shutil.which("editcap") is None:
        pytest.skip("editcap is not installed")
    path = tmp_path / "trace file.cap"
    subprocess.run(["editcap", "-F", form, SAMPLE, path], check=True, capture_output=True)
    text = says(path.read_bytes(), tmp_path, path.name)
    assert text.startswith(f"is {what}")
    assert 'editcap -F pcapng "trace file.cap" converted.pcapng' in text


@pytest.mark.parametrize("content", [bytes(16), bytes(100_000)])
def test_zero_bytes_are_a_failed_copy(content, tmp_path):
    assert "zero bytes: a copy that failed looks like this; copy it again" in says(content, tmp_path)


def test_an_empty_file_is_named(tmp_path):
    assert says(b"", tmp_path) == "the file is empty (0 bytes); copy or capture it again"


def test_what_is_unknown_shows_its_first_bytes(tmp_path):
    assert "is not a capture (the file begins with 01 02 03 80 at byte 0)" in says(b"\1\2\3\x80\4\5", tmp_path)


@pytest.mark.parametrize("name", ["trace.matp", "trace.MATU"])
def test_a_message_analyzer_trace_is_named_by_what_it_was_meant_to_be(name, tmp_path):
    assert "Message Analyzer 1.4" in says(b"\1\2\3\x80\4\5", tmp_path, name)


@pytest.mark.parametrize(
    "head", [CAPTURE, section(), b"\x4d\x3c\xb2\xa1" + bytes(20), b"RTSS\1\1", b"GMBU\0\2", b"snoop\0\0\0"]
)
def test_captures_that_are_read_are_not_refused(head):
    assert refused(head, "a.cap") == ""


def test_every_first_bytes_of_the_table_are_reached():
    for at, magic, refusal in MAGICS:
        assert refused(bytes([1] * at) + magic + b"\1\2", "a") == refusal.says("a"), magic


@given(head=st.binary(max_size=4096), name=st.text(max_size=20))
def test_any_bytes_are_refused_in_one_line_or_not_at_all(head, name):
    text = refused(head, "a")
    assert "\n" not in text
    assert isinstance(refused(head, name), str)


@given(head=st.from_regex(rb"\A[\w: .\r\n-]{0,3000}", fullmatch=True))
def test_any_text_is_recognised_in_time(head):
    assert "\n" not in refused(head, "a")
