from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.formats.plaintext import WIDTH, columns, cut, one_line, underline, wrap

TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=300)


@given(TEXT, st.sampled_from(["", "- ", " 1. ", "日本 "]))
def test_wrapping_keeps_every_word_within_the_width(text: str, first: str) -> None:
    """No line is wider than 72 columns unless a link is, and no character is lost."""
    wrapped = wrap(text, first)
    assert "".join(wrapped.split()) == "".join((first + text).split())
    assert all(columns(line) <= WIDTH for line in wrapped.split("\n") if "://" not in text)


def test_a_link_is_never_cut() -> None:
    """A long address stays one piece, so that it can be clicked."""
    link = "https://journal.example.org/" + "a" * 100
    assert link in wrap(f"See {link} for more").split("\n")


def test_later_lines_hang_under_the_first() -> None:
    """A numbered source is set off from its number."""
    lines = wrap("word " * 30, first=" 1. ").split("\n")
    assert lines[0].startswith(" 1. word")
    assert all(line.startswith("    word") for line in lines[1:])


def test_wide_and_combining_characters_count_as_they_are_shown() -> None:
    """Chinese takes two columns a character; an accent of its own takes none."""
    assert columns("日本") == 4
    assert columns("e\u0301") == 1
    assert all(columns(line) <= 72 for line in wrap("日" * 100).split("\n"))


def test_a_heading_is_as_long_as_its_line() -> None:
    """The rule under a heading ends where its longest line does."""
    assert underline("Sleep", "-") == "Sleep\n-----"
    assert underline("日本").endswith("\n====")


@given(TEXT, st.integers(1, 120))
def test_a_cut_text_fits(text: str, limit: int) -> None:
    """What is cut is at most as long as asked, begins as the text does, and says it was cut."""
    short = cut(text, limit)
    assert len(short) <= limit
    if short != one_line(text):
        assert short.endswith("…")
        assert one_line(text).startswith(short[:-1])


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("What the first trial found", 15, "What the first…"),
        ("What the first trial found", 14, "What the…"),
        ("Sleep, and the heart", 8, "Sleep…"),
        ("日本語の長い題名です", 6, "日本語の長…"),
        ("as it is", 8, "as it is"),
        ("cafe\u0301s", 5, "caf…"),
    ],
)
def test_a_cut_falls_between_words(text: str, limit: int, expected: str) -> None:
    """At a word where the script has spaces, never between a letter and its accent."""
    assert cut(text, limit) == expected
