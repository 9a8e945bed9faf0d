"""Words of advertising, honest subjects, styles that mails can have, and each journal's switches."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.checks import styling, wording
from publisher.checks.caniemail import LACKING
from publisher.checks.edition import ALWAYS, RULES, check
from publisher.domain.article import Question, Withdrawal
from publisher.domain.finding import Severity
from publisher.domain.journal import Checks
from publisher.formats import outline
from tests import factories, mails

WORDS = Checks().words


def quoted(text: str, words: tuple[str, ...] = WORDS) -> list[str]:
    """The messages about an article with this body."""
    return [found.message for found in wording.articles((factories.article(body=text),), words)]


def test_a_word_of_advertising_is_quoted_with_its_sentence() -> None:
    """The author sees what was said where, as a warning: the word may be right in its place."""
    article = factories.article(body="Nine slept. A true\nBreakthrough, they say! Fine.")
    (found,) = wording.articles((article,), WORDS)
    assert found.message == "'Breakthrough' in: A true Breakthrough, they say!"
    assert (found.rule, found.severity) == ("edition-marketing", Severity.WARNING)
    assert found.place.path == article.path
    assert found.remedy


@pytest.mark.parametrize("field", ["title", "summary", "key_takeaway"])
def test_every_text_that_readers_see_is_read(field: str) -> None:
    """Title, summary, key takeaway, and answers; a reader's own question is theirs."""
    assert len(list(wording.articles((factories.article(**{field: "A miracle"}),), WORDS))) == 1
    asked = Question("Is it a cure?", "It is a cure.", "<p>It is a cure.</p>")
    (found,) = wording.articles((factories.article(questions=(asked,)),), WORDS)
    assert "It is a cure." in found.message


def test_whole_words_only_unless_the_journal_says_otherwise() -> None:
    """`cure` is not in `secure`; a star stands for any end; an empty list finds nothing."""
    assert quoted("A secure and accurate procedure for manicures.") == []
    assert quoted("Miraculously, breakthroughs.") != []
    assert quoted("Detoxing helps.", ("detox*",)) == ["'Detoxing' in: Detoxing helps."]
    assert quoted("A miracle.", ()) == []
    assert quoted("100% safe (a+b)", ("a+b",)) != []


def test_a_long_sentence_is_cut() -> None:
    """A finding stays one line that can be read."""
    (message,) = quoted("A miracle " + "and more " * 100)
    assert len(message) < 250
    assert message.endswith("…")


@pytest.mark.parametrize(
    "subject",
    [
        *(
            "CAR-NK cells: what the first trials show",
            "DNA, RNA and you",
            "Really?",
            "Reading: how",
        ),
        *(
            "Regular sleep: 9 trials",
            "Wg 12 und mehr",
            "日本語の件名です",
            "What is a hazard ratio!",
        ),
        "COVID-19 and the heart",
    ],
)
def test_an_honest_subject_passes(subject: str) -> None:
    """Abbreviations, other scripts and a single mark are no shouting."""
    assert list(wording.subject(subject)) == []


@pytest.mark.parametrize("prefix", ["Re:", "RE :", "Fwd:", "Fw:", "AW:", "WG:", "Re[3]:", " Re："])
def test_a_pretended_answer_blocks(prefix: str) -> None:
    """In the ways that mail programs write it, in several languages."""
    (found,) = wording.subject(f"{prefix} your sleep")
    assert (found.rule, found.blocks) == ("edition-reply", True)


@given(st.text(max_size=200))
def test_any_subject_can_be_judged(subject: str) -> None:
    """No text makes the rules fail or take long."""
    assert {found.rule for found in wording.subject(subject)} <= set(wording.RULES)


def test_a_dropped_style_names_who_drops_it() -> None:
    """By the property, or by property and value; style sheets are not looked at."""
    html = '<style>p{position:absolute}</style><p style="z-index:1; color:red; broken">x</p>'
    (found,) = styling.check(outline.parse(html))
    assert found.message == "'z-index' is dropped by Gmail, Outlook for Windows"
    assert all(len(programs) > 1 for programs in LACKING.values())


def test_a_journal_switches_rules_off() -> None:
    """Its own list of words, and rules it does not follow; the rest still holds."""
    journal = factories.journal(checks=Checks(("strain",), ("edition-shouting",)))
    edition = replace(mails.render(), subject="GREAT NEWS today")
    found = check(edition, journal, mails.articles())
    assert [f.rule for f in found] == ["edition-marketing"]


def test_what_readers_are_owed_cannot_be_switched_off() -> None:
    """Not even by a value that passed the settings by."""
    assert set(RULES) >= ALWAYS
    told = tuple(replace(each, notice="Ask first.") for each in factories.journal().categories)
    journal = factories.journal(checks=Checks((), tuple(RULES)), categories=told)
    edition = mails.render()
    gone = replace(edition, html="<p>nothing</p>", text="nothing", articles=())
    withdrawn = Withdrawal(date(2026, 11, 23), "The trial was retracted.")
    first, *rest = mails.articles()
    source = replace(first.sources[0], acknowledged="On purpose.")
    sources = (source, *first.sources[1:])
    first = replace(first, sources=sources, acknowledges=True, withdrawn=withdrawn)
    found = {f.rule for f in check(gone, journal, [first, *rest])}
    assert found == ALWAYS
