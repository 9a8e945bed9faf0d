"""A reader's name in the mail, where a newsletter greets."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import lru_cache
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.domain.issue import Edition
from publisher.domain.message import FIELDS
from publisher.domain.template import TemplateSet
from publisher.errors import Defect, TemplateError
from publisher.formats import email, greeting, outline, placeholder
from tests import factories, mails

JOURNAL = factories.journal(newsletters=(factories.newsletter(greeting=True),))
TOKENS = ("k1.u.abcdefgh.AAAAAAAAAAAAAAAAAAAAAA", "k1.p.abcdefgh20781.AAAAAAAAAAAAAAAAAAAAAA")


@lru_cache
def edition(language: str = "en") -> Edition:
    return mails.render(journal=JOURNAL, language=language)


def parts(name: str, language: str = "en") -> tuple[str, str]:
    """The HTML and the text that a reader of this name gets."""
    message = mails.parsed(mails.compiled(edition(language), JOURNAL, name))
    return mails.content(message, "html"), mails.content(message, "plain")


@pytest.mark.parametrize(
    ("language", "name", "line"),
    [
        ("en", "Zoë Example", "Dear Zoë Example,"),
        ("en", "", "Dear reader,"),
        ("de", "Zoë Example", "Guten Tag Zoë Example,"),
        ("de", "", "Guten Tag,"),
        ("en", "Ann O'Neil & Sons", "Dear Ann O'Neil & Sons,"),
        ("en", "宮沢賢治", "Dear 宮沢賢治,"),
        ("en", "דנה כהן", "Dear \u2068דנה כהן\u2069,"),
        ("he", "Dana", "Dear \u2068Dana\u2069,"),
    ],
)
def test_the_first_words_are_for_the_reader(language: str, name: str, line: str) -> None:
    """In HTML and text, in the mail's language, a name of the other direction held apart."""
    html, text = parts(name, language)
    assert line in text.split("\n")
    assert line in outline.parse(html).text.split("\n")


@pytest.mark.parametrize(
    "name",
    [
        "https://evil.example",
        "Win now at www.evil.example",
        "evil.example",
        "Dr. evil.example",
        "mailto:x",
        "a@example.org",
        "<b>Zoë</b>",
        "<script>alert(1)</script>",
        "\u202egpj.exe",
        "\u200b",
        "12345",
        "...",
        "\r\n",
    ],
)
def test_a_name_that_is_no_name_is_not_said(name: str) -> None:
    """Nothing that a mail program would make a link of, no markup, nothing without letters."""
    html, text = parts(name)
    for shown in (outline.parse(html).text, text):
        assert "Dear reader," in shown.split("\n")


def test_a_name_changes_neither_the_head_nor_the_direction() -> None:
    """Line breaks become blanks, marks of direction go, and a long name is cut."""
    html, text = parts("Zoë\r\nBcc: x\u202e\u2066 " + "y" * 200)
    line = next(row for row in text.split("\n") if row.startswith("Dear "))
    assert re.fullmatch(r"Dear Zoë Bcc: x y+…,", line)
    assert len(line) <= 72
    assert not set(html + text) & set("\u202e\u2066")
    message = mails.parsed(mails.compiled(edition(), JOURNAL, "Zoë\r\nBcc: x"))
    assert "Bcc" not in message


NAMES = st.one_of(st.text(max_size=120), st.text("aé.日😀א<&>'\"=\n\r\u202e ", max_size=80))


@settings(max_examples=60, deadline=None)
@given(NAMES)
def test_filling_gives_what_a_full_render_gives(name: str) -> None:
    """Joined segments read as the edition with the greeting written into it."""
    shown = greeting.spoken(name)
    html, text = parts(name)
    raw = mails.compiled(edition(), JOURNAL, name)
    for found, before in ((html, edition().html), (text, edition().text)):
        pattern = f"{placeholder.GREETING}(.*){placeholder.OTHERWISE}(.*){placeholder.GREETED}"
        start, named, general, end = re.split(pattern, before)
        for mark, token in zip(placeholder.MARKS, TOKENS, strict=False):
            start, end = start.replace(mark, token), end.replace(mark, token)
        assert found.startswith(start)
        assert found.endswith(end)
        said = found[len(start) : len(found) - len(end)]
        said = unescape(said) if found is html else said
        wanted = named.replace(placeholder.NAME, shown) if shown else general
        assert re.sub("[\u2068\u2069]", "", said) == wanted
    assert "<" not in greeting.spoken(name)
    body = raw.partition(b"\r\n\r\n")[2]
    assert raw.isascii()
    assert max(map(len, body.split(b"\r\n"))) <= 76
    assert raw.count(b"\n") == raw.count(b"\r\n") == raw.count(b"\r")


def test_what_differs_is_still_put_between_fixed_bytes() -> None:
    """One field more for each part."""
    message = email.compile(edition(), 7, JOURNAL.newsletters[0], JOURNAL, boundary_seed="7")
    assert [FIELDS[field] for field in message.fields] == [
        *("to", "date", "message_id", "token"),
        *("greeting", "token", "preferences"),
        *("greeting_html", "token", "preferences"),
    ]


def test_nobody_is_greeted_who_did_not_ask() -> None:
    """Off, nothing is compiled, filled or said; no name is in the mail but in To."""
    plain = mails.render()
    assert greeting.of(plain) == ()
    assert "Dear" not in plain.text + plain.html
    assert mails.compiled(plain).count("Zoë".encode()) == 0


def test_the_web_and_staff_see_the_general_form() -> None:
    """Archive page and test copy greet nobody by name and show no mark."""
    _, html, text = email.test_copy(edition(), JOURNAL)
    for shown in (html, text, email.archive_html(edition(), JOURNAL)):
        assert "Dear reader," in shown
        assert "0publisher0" not in shown


@pytest.mark.parametrize("name", ["email/digest.mjml", "email/digest.txt"])
def test_a_template_without_the_greeting_is_told(name: str) -> None:
    """A setting that does nothing would be a surprise."""
    known = mails.shipped()
    template = known.templates[name]
    own = replace(template, text=template.text.replace("{{ greeting }}", ""))
    changed = TemplateSet({**known.templates, name: own}, known.assets)
    with pytest.raises(TemplateError, match="greeting"):
        mails.render(journal=JOURNAL, templates=changed)


def test_half_a_greeting_is_never_compiled() -> None:
    """An edition on record that greets in one part only is a mistake of ours."""
    half = replace(edition(), text=greeting.general(edition().text))
    with pytest.raises(Defect, match="one of its two parts"):
        greeting.of(half)
