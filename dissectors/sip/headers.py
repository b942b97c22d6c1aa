"""The lines of a SIP head: names in long form, folded lines joined, addresses and parameters (RFC 3261 7.3, 20, 25)."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime

MAX_HEADERS = 512
"""Header lines read of one message; a real one has under 60."""

MAX_VALUE = 4 * 1024
"""Characters kept of one header: a diagnostics header with its media debug text fits."""

MAX_ROUTES = 16
"""Record-Route entries kept; a federated call crosses about six servers."""

Headers = Mapping[str, list[str]]
"""Values by long lower-case name, in order of appearance, not yet cut to MAX_VALUE."""

_COMPACT = {
    "b": "referred-by",
    "c": "content-type",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
}
"""RFC 3261 7.3.3, RFC 6665 8.2.1, RFC 3515, RFC 3892, RFC 4028."""

_FOLD = re.compile(r"\r?\n[ \t]+")
_DISPLAY_NAME = re.compile(r'\s*"(?:[^"\\]|\\.)*"')
_NAME_ADDRESS = re.compile(r"<([^<>]*)>")
_BARE_ADDRESS = re.compile(r"\s*([^;,<>\s]+)")
# Whatever is opened may stay open to the end, so that no text is scanned twice.
_QUOTED = r'"(?:[^"\\]|\\.)*(?:"|\\?\Z)'
_ITEM = re.compile(rf'(?:{_QUOTED}|<[^<>]*(?:>|\Z)|[^,"<])+')
_PARAMETER = re.compile(rf'(?<![\w.+-])([\w.+-]{{1,64}})[ \t]*=[ \t]*({_QUOTED}|[^;,\s"]*)')
_DATE = re.compile(r"(?:[A-Za-z]{3},\s*)?(\d{1,2}) ([A-Za-z]{3}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) (?:GMT|UTC)")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DIGITS = re.compile(r"\s*(\d{1,9})")


def read_headers(lines: bytes) -> dict[str, list[str]]:
    """The header lines of one head, without its start line (see Headers)."""
    found: dict[str, list[str]] = {}
    text = _FOLD.sub(" ", lines.decode("utf-8", "replace"))
    for line in text.split("\n", MAX_HEADERS)[:MAX_HEADERS]:
        name, colon, value = line.partition(":")
        key = name.strip().lower()
        if colon and key:
            found.setdefault(_COMPACT.get(key, key), []).append(value.strip())
    return found


def first(headers: Headers, name: str) -> str | None:
    """The first value of a header, at most MAX_VALUE characters."""
    values = headers.get(name)
    return values[0][:MAX_VALUE] if values else None


def items(value: str) -> list[str]:
    """The entries of a comma-separated header, commas in quotes and angle brackets left alone."""
    return [one.strip() for one in _ITEM.findall(value)]


def address(value: str | None) -> str | None:
    """The URI of a name-addr or addr-spec (RFC 3261 20.10), header parameters left out."""
    rest = _behind_name(value or "")
    found = _NAME_ADDRESS.search(rest) or _BARE_ADDRESS.match(rest)
    return (found[1] or None) if found else None


def address_parameters(value: str | None) -> dict[str, str]:
    """The parameters behind an address, those inside its angle brackets left out."""
    rest = _behind_name(value or "")
    bracket = _NAME_ADDRESS.search(rest)
    return parameters(rest[bracket.end() :] if bracket else rest)


def parameters(value: str | None) -> dict[str, str]:
    """The name=value pairs of a header by lower-case name, quotes taken off; the first of a name counts."""
    found: dict[str, str] = {}
    for name, content in _PARAMETER.findall(value or ""):
        plain = content[1:].removesuffix('"').replace("\\", "") if content.startswith('"') else content
        found.setdefault(name.lower(), plain)
    return found


def leading_number(value: str | None) -> int | None:
    """The number a value begins with."""
    found = _DIGITS.match(value or "")
    return int(found[1]) if found else None


def date(value: str | None) -> int | None:
    """A SIP date (RFC 3261 20.17) as seconds since 1970-01-01 UTC; None when it is none."""
    found = _DATE.fullmatch((value or "").strip())
    if not found or found[2].lower() not in _MONTHS:
        return None
    day, year, hour, minute, second = (int(found[place]) for place in (1, 3, 4, 5, 6))
    try:
        moment = datetime(year, _MONTHS.index(found[2].lower()) + 1, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        return None
    return int(moment.timestamp())


def without_parameters(value: str | None) -> str | None:
    """What stands before the first semicolon, lower case."""
    return value.partition(";")[0].strip().lower() or None if value else None


def _behind_name(value: str) -> str:
    named = _DISPLAY_NAME.match(value)
    return value[named.end() :] if named else value
