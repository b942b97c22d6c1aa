"""Header lines and what a reader asks of them (RFC 9112 5)."""

import re
from collections.abc import Iterable, Mapping

MAX_HEADERS = 256  # header lines kept; keeps a head of 30 000 one-letter lines from costing time
MAX_VALUE = 4 * 1024  # characters kept of one header value: enough for any URL a person can use
MAX_COOKIES = 64  # of one message; browsers keep some fifty for one site
COOKIE_ATTRIBUTES = frozenset({"expires", "max-age", "domain", "path", "secure", "httponly", "samesite"})
MAX_COOKIE_NAME = 128  # characters
BAD_LENGTH = -1
"""A Content-Length that is no number, or several that differ."""

Headers = Mapping[str, list[str]]
"""Values by lower-case name, in the order of the lines."""

_USER_INFO = re.compile(r"(?<=://)[^/?#@]*@")


def read_headers(lines: Iterable[bytes]) -> dict[str, list[str]]:
    """Lines that are no header are passed over."""
    headers: dict[str, list[str]] = {}
    values: list[str] = []
    for line in lines:
        text = text_of(line.rstrip(b"\r"))
        if text[:1] in (" ", "\t"):  # folded (RFC 9112 5.2): continues the value above
            if values and len(values[-1]) < MAX_VALUE:
                values[-1] = f"{values[-1]} {text.strip()}".strip()
            continue
        name, colon, value = text.partition(":")
        if colon:
            values = headers.setdefault(name.strip().lower(), [])
            values.append(value.strip())
    return headers


def text_of(raw: bytes) -> str:
    """Bytes as text, whatever they are."""
    return raw.decode("utf-8", "backslashreplace")


def first(headers: Headers, name: str) -> str | None:
    """The header's first value, at most MAX_VALUE characters."""
    values = headers.get(name)
    return values[0][:MAX_VALUE] if values else None


def joined(words: Iterable[str]) -> str | None:
    """The distinct words with commas between; None without any."""
    return ", ".join(dict.fromkeys(words)) or None


def without_user(url: str) -> str:
    """The URL without name and password."""
    return _USER_INFO.sub("", url)


def content_length(headers: Headers) -> int | None:
    """None without the header, BAD_LENGTH when it is no number or several that differ."""
    values = {one.strip() for value in headers.get("content-length", []) for one in value.split(",")}
    if not values:
        return None
    only = values.pop()
    valid = not values and only.isascii() and only.isdecimal() and len(only) <= 18
    return int(only) if valid else BAD_LENGTH


def soap_action(headers: Headers) -> str | None:
    """SOAP 1.1 names its action in a header, SOAP 1.2 in the content type."""
    said = (first(headers, "soapaction") or "").strip('"')
    if said:
        return said
    action = re.search(r'action="?([^";]+)', first(headers, "content-type") or "", re.IGNORECASE)
    return action[1].strip() if action else None


def cookie_names(headers: Headers) -> tuple[str, ...]:
    """Names of the cookies a request brings (RFC 6265 4.2); values are never kept, nor are cookies without a name."""
    pairs = (one for line in headers.get("cookie", [])[:MAX_COOKIES] for one in line.split(";", MAX_COOKIES))
    return tuple(dict.fromkeys(name for one in pairs if (name := _before_equals(one))))[:MAX_COOKIES]


def cookies_set(headers: Headers) -> tuple[str, ...]:
    """Cookies a response sets, each as its name and, in lower case, those of its attributes: "id; path; httponly".

    Only attributes that are known (RFC 6265 5.2) are kept: anything else may be part of a value.
    """
    found = []
    for line in headers.get("set-cookie", [])[:MAX_COOKIES]:
        pair, *told = line.split(";", MAX_COOKIES)
        attributes = (one.partition("=")[0].strip().lower() for one in told)
        if name := _before_equals(pair):
            found.append("; ".join((name, *(one for one in attributes if one in COOKIE_ATTRIBUTES))))
    return tuple(found)


def _before_equals(text: str) -> str:
    name, equals, _ = text.partition("=")
    return name.strip()[:MAX_COOKIE_NAME] if equals else ""
