"""Text from captures made harmless to read: nothing invisible, nothing reordered, nothing endless."""

import re
from typing import Any

import msgspec

from lynccap.document import Document

MAX_TEXT = 20_000  # characters of one text: a name longer than this is an attack, and a page must stay small

_BLANKS = re.compile(r"[\t\n\v\f\r]+")
_UNSEEN = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # C0 and C1 controls, which terminals obey
    "\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e"  # invisible, or reorders text
    "\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff"  # halves of characters, which UTF-8 cannot hold
    "\U000e0000-\U000e007f]"  # tags: text nobody sees
)


def visible(text: str) -> str:
    """`text` with control and reordering characters as signs, line breaks as blanks, cut at MAX_TEXT."""
    if len(text) > MAX_TEXT:
        text = f"{text[:MAX_TEXT]}… ({len(text) - MAX_TEXT} more characters)"
    if text.isascii() and text.isprintable():
        return text
    return _UNSEEN.sub(_sign, _BLANKS.sub(" ", text))


def _sign(match: re.Match[str]) -> str:
    return f"⟨U+{ord(match[0]):04X}⟩"


def harmless(document: Document) -> Document:
    """`document` with every text in it made `visible`."""
    return msgspec.convert(_each(msgspec.to_builtins(document)), Document)


def _each(value: Any) -> Any:
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {key: _each(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_each(one) for one in value]
    return value
