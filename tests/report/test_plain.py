"""What a capture may put into a name, and what a reader gets to see of it."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report import documents

from lynccap.report.plain import MAX_TEXT, harmless, visible

ANY_TEXT = st.text(st.characters(), max_size=200)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("plain name-1.example", "plain name-1.example"),
        ("Zürich 日本 عربي", "Zürich 日本 عربي"),
        ("a\x1b[31mb", "a⟨U+001B⟩[31mb"),
        ("a\u202eb\u2066c", "a⟨U+202E⟩b⟨U+2066⟩c"),
        ("a\r\n\tb", "a b"),
        ("\ud800", "⟨U+D800⟩"),
        ("zero\u200bwidth\ufeff", "zero⟨U+200B⟩width⟨U+FEFF⟩"),
    ],
)
def test_letters_stay_and_controls_become_signs(text: str, seen: str) -> None:
    assert visible(text) == seen


@given(ANY_TEXT)
def test_no_text_keeps_a_control_or_reordering_character(text: str) -> None:
    seen = visible(text)
    seen.encode()
    assert not any(unicodedata.category(one) in ("Cc", "Cs") for one in seen)
    assert not any(unicodedata.bidirectional(one) in ("RLO", "LRO", "RLE", "LRE", "RLI", "LRI") for one in seen)


def test_an_endless_text_is_cut_and_says_so() -> None:
    seen = visible("x" * (MAX_TEXT + 5))
    assert len(seen) < MAX_TEXT + 50
    assert "5 more characters" in seen


def test_a_document_of_plain_texts_is_left_as_it_is() -> None:
    document = documents.one_cause()
    assert harmless(document) == document
