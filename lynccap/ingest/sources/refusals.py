"""What arrives in tickets and is not read: how it is recognised, what it is, and what to do with it."""

import re
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass

CONVERT = "convert it with: editcap -F pcapng {file} converted.pcapng"
SAVE_AGAIN = "in Wireshark choose File > Save As, type pcapng, and send that file"
UNPACK = "unpack it with: 7z x {file}, and name the captures that come out"
ASK = "ask for the capture file itself"
TEXT_BYTES = frozenset(b"\t\n\v\f\r\x1b") | frozenset(range(0x20, 0x100))
DATES = ((1990, 2037), (1, 12), (1, 31), (0, 23), (0, 59), (0, 60))  # year to second
ERF_TYPES = range(1, 49)
ERF_RECORD = 16  # bytes of a record's header, which it counts as its own


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a file is, and what to do."""

    what: str
    todo: str
    """`{file}` stands for its name."""

    def says(self, name: str) -> str:
        """The sentence about a file of this name, which is put in front of it."""
        return f"is {self.what}; {self.todo.format(file=_quoted(name))}"


def _capture(what: str) -> Refusal:
    return Refusal(f"{what} capture", CONVERT)


PICTURE = Refusal("a picture", f"{ASK}: packets cannot be read from a screenshot")
FILM = Refusal("a film", f"{ASK}: packets cannot be read from a recorded screen")
DUMP = Refusal("a Windows crash dump", f"{ASK}, recorded while the failure is repeated")
OLE = Refusal("an Outlook message or an old Office document", "open it, save what is attached, and name that")
MESSAGE_ANALYZER = Refusal(
    "a Message Analyzer trace", "open it in Message Analyzer 1.4, choose File > Save As > Export, and name the .cap"
)

MAGICS: tuple[tuple[int, bytes, Refusal], ...] = (
    (0, b"PK\x03\x04", Refusal("a zip archive", UNPACK)),
    (257, b"ustar", Refusal("a tar archive", "unpack it with: tar -xf {file}, and name the captures that come out")),
    (0, b"7z\xbc\xaf\x27\x1c", Refusal("a 7z archive", UNPACK)),
    (0, b"Rar!\x1a\x07", Refusal("a rar archive", UNPACK)),
    (0, b"MSCF\0\0\0\0", Refusal("a cabinet archive", "unpack it on Windows with: expand -F:* {file} .")),
    (0, b"ISc(", Refusal("an installer's cabinet", ASK)),
    (0, b"\x1f\x9d", Refusal("a compress (.Z) file", "unpack it with: gzip -d {file}")),
    (0, b"\x1f\xa0", Refusal("a compress (.Z) file", "unpack it with: gzip -d {file}")),
    (0, b"LZIP\x01", Refusal("an lzip file", "unpack it with: lzip -d {file}")),
    (0, b"\x02\x21\x4c\x18", Refusal("an lz4 file of the old form", "unpack it with: lz4 -d {file}")),
    (0, b"\x5d\0\0", Refusal("an lzma file", "unpack it with: xz --format=lzma -d {file}")),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE),
    (0, b"\x78\x9f\x3e\x22", Refusal("an Outlook winmail.dat", "save what is attached in Outlook, and name that")),
    (0, b"PAGEDU64", DUMP),
    (0, b"PAGEDUMP", DUMP),
    (0, b"MDMP", DUMP),
    (0, b"ElfFile\0", Refusal("a Windows event log", ASK)),
    (0, b"L\0\0\0\x01\x14\x02\0", Refusal("a Windows shortcut", "send the file it points to")),
    (0, b"MZ", Refusal("a program", f"if it unpacks itself, {UNPACK}")),
    (0, b"\x89PNG\r\n\x1a\n", PICTURE),
    (0, b"\xff\xd8\xff", PICTURE),
    (0, b"GIF8", PICTURE),
    (0, b"II*\0", PICTURE),
    (0, b"MM\0*", PICTURE),
    (8, b"WEBP", PICTURE),
    (4, b"ftypheic", PICTURE),
    (4, b"ftyp", FILM),
    (0, b"\x1a\x45\xdf\xa3", FILM),
    (8, b"AVI ", FILM),
    (0, b"%PDF-", Refusal("a PDF document", ASK)),
    (0, b"{\\rtf", Refusal("a text document", ASK)),
    (0, b"\xaa\xaa\xaa\xaa", _capture("an InfoVista 5View")),
    (0, b"\x05VNF", _capture("a Visual Networks")),
    (0, b"\x01\x10\x4c\0", _capture("a LANalyzer")),
    (0, b"TRSNIFF data", _capture("a Sniffer (DOS)")),
    (0, b"XCP\0", _capture("a NetXRay or Sniffer (Windows)")),
    (0, b"VL\0\0", _capture("a NetXRay")),
    (0, b"\0\0\x02\0\x12\x05\0\x10", _capture("a Tektronix K12")),
    (0, b"\x7fver", _capture("an AiroPeek or OmniPeek")),
    (0, b"iptrace 1.0", _capture("an AIX iptrace")),
    (0, b"iptrace 2.0", _capture("an AIX iptrace")),
    (0, b"TR\0d\0\0\0\0\0\0\0\x80", _capture("an HP-UX nettl")),
    (0, b"\0\0\0\x01\0\0\0\0\0\x07\xd0\0", _capture("an HP-UX nettl")),
    (0, b"ObserverPktBuffe", _capture("a Viavi Observer")),
    (0, b"btsnoop\0", _capture("a Bluetooth (btsnoop)")),
    (3, b"\x34\x12\x66\x22\x88", _capture("a RADCOM")),
    (0, b"cpse", _capture("a Colasoft Capsa")),
)
"""First bytes at an offset; the first that fits counts. Captures as Wireshark's wiretap recognises and editcap reads
them, except for btsnoop, 7z, rar and the like from their own specifications."""


def _exported(what: str) -> Refusal:
    return Refusal(f"{what}, not a capture", SAVE_AGAIN)


TEXTS: tuple[tuple[re.Pattern[bytes], Refusal], ...] = tuple(
    (re.compile(pattern, re.MULTILINE | re.IGNORECASE), refusal)
    for pattern, refusal in (
        (
            rb"\A\s*(<\?xml[^>]*\?>\s*)?(<\?xml-stylesheet[^>]*\?>\s*)?(<!--.*?-->\s*)?<p[sd]ml\b",
            _exported("a PDML text"),
        ),
        (rb"\A\s*\[?\s*\{\s*\"(_index|index|timestamp)\"", _exported("a JSON text of packets")),
        (rb"\A\s*(<!doctype html|<html\b)", Refusal("a web page", f"{ASK}: this may be the page of a failed download")),
        (rb"\A\+-{9}\+-{15}\+-{10}\+", Refusal("a K12 text", CONVERT)),
        (rb"^[ \t]+0x0000:[ \t]+[0-9a-f]{4}", _exported("a text of tcpdump")),
        (rb"^[ \t]*0{4,8}:?[ \t]+[0-9a-f]{2} [0-9a-f]{2} ", _exported("a hex dump as text")),
        (rb"^TL_(INFO|NOISE|WARN|ERROR|VERBOSE)\(", Refusal("a Lync log", "read it with Snooper; " + ASK)),
        (rb"\A\"?No\.\"?[\s,]+\"?Time\b", _exported("a text of Wireshark")),
        (rb"\A\s*1\s+\d+\.\d+\s+\S+\s+(\xe2\x86\x92|->)", _exported("a text of tshark")),
        (rb"\AFrame 1: \d+ bytes on wire", _exported("a text of Wireshark")),
        (
            rb"\A([\w-]+: .*\n)*?(received|return-path|mime-version|message-id|x-mailer): ",
            Refusal("a mail", "open it, save what is attached, and name that"),
        ),
        (rb"\A\s*<\?xml", Refusal("an XML text", SAVE_AGAIN)),
    )
)
TEXT = Refusal("text, not a capture", SAVE_AGAIN)

PACKAGES = (
    ("word/", "a Word document"),
    ("xl/", "an Excel workbook"),
    ("ppt/", "a PowerPoint presentation"),
    ("content.xml", "an OpenDocument file"),
)
"""First bytes of the members that tell what is packed as a zip archive."""
MEANT = {".matp": MESSAGE_ANALYZER, ".matu": MESSAGE_ANALYZER}
"""What a file was meant to be by its name, where its bytes do not tell."""


def refused(head: bytes, name: str) -> str:
    """What a file that begins with these bytes is, and what to do: a sentence without its beginning, "" if unknown."""
    if head and not head.strip(b"\0"):
        return f"begins with {len(head)} zero bytes: a copy that failed looks like this; copy it again from its source"
    found = next((refusal for at, magic, refusal in MAGICS if head.startswith(magic, at)), None)
    found = found or next((refusal for fits, refusal in SHAPES if fits(head)), None) or _text(head) or _meant(name)
    return found.says(name) if found else ""


def refused_package(paths: Iterable[str], name: str) -> str:
    """The same of a zip archive whose members have these paths."""
    for path in paths:
        for start, what in PACKAGES:
            if path.startswith(start):
                return Refusal(what, "save what is embedded in it, and name that").says(name)
    meant = _meant(name)
    return meant.says(name) if meant else ""


def _meant(name: str) -> Refusal | None:
    return next((refusal for suffix, refusal in MEANT.items() if name.lower().endswith(suffix)), None)


def _text(head: bytes) -> Refusal | None:
    for mark, encoding in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if head.startswith(mark):
            head = head[2:].decode(encoding, "replace").encode()
    head = head.removeprefix(b"\xef\xbb\xbf")
    if not head or not TEXT_BYTES.issuperset(head):
        return None
    found = next((refusal for pattern, refusal in TEXTS if pattern.search(head)), None)
    return found or (TEXT if _readable(head) else None)


def _readable(head: bytes) -> bool:
    return sum(byte >= 0x80 for byte in head) * 3 <= len(head)


def _dated(head: bytes, form: str, at: int) -> bool:
    """Whether a date and a time lie at `at`."""
    if len(head) < at + struct.calcsize(form):
        return False
    parts = struct.unpack_from(form, head, at)
    return all(low <= part <= high for part, (low, high) in zip(parts, DATES, strict=True))


def _commview(head: bytes) -> bool:
    """CommView's records have no magic: a length twice and version 0, or a length and the year, then the date."""
    ncf = head[:2] == head[2:4] and head[4:5] == b"\0" and _dated(head, "<H5B", 5)
    return ncf or (head[2:4] == b"\0\0" and _dated(head, "<H5B", 4))


def _erf(head: bytes) -> bool:
    """Endace's records have no magic either: three in a row that make sense are taken for them."""
    position = 0
    for _ in range(3):
        if len(head) < position + ERF_RECORD:
            return False
        kind, _, length = struct.unpack_from(">2BH", head, position + 8)
        if kind & 0x7F not in ERF_TYPES or length <= ERF_RECORD:
            return False
        position += length
    return True


SHAPES: tuple[tuple[Callable[[bytes], bool], Refusal], ...] = (
    (_commview, _capture("a CommView")),
    (_erf, _capture("an Endace ERF")),
)
"""What is recognised by more than its first bytes."""


def _quoted(name: str) -> str:
    return f'"{name}"' if " " in name else name
