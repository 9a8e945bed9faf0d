"""Mails to one address outside any issue: a few paragraphs and a button, written once.

A letter's template is plain text: the subject, an empty line, then paragraphs between empty
lines; a paragraph that is `[label](https://…)` and nothing else is a button. HTML and text are
both made from that, so that neither can say what the other does not.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from publisher.domain.journal import Journal
from publisher.domain.template import TemplateSet
from publisher.errors import TemplateError
from publisher.formats import colours, mjml_html, plaintext, templating
from publisher.formats.catalogue import direction

HTML = "email/letter.mjml"
TEXT = "email/letter.txt"

_BUTTON = re.compile(r"\[([^\[\]\n]{1,120})\]\((https?://[^\s()]{1,600})\)")


class Letter(StrEnum):
    """Each has a template `email/letters/NAME.txt`."""

    CONFIRM = "confirm"
    ALREADY = "already"
    WELCOME = "welcome"
    PREFERENCES = "preferences"
    ADDRESS = "address"
    MOVED = "moved"


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph; with a `url`, a button."""

    words: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """A letter, ready to be sent."""

    subject: str
    text: str
    html: str


def render(
    letter: Letter, journal: Journal, templates: TemplateSet, language: str, **facts: object
) -> Written:
    """The letter in a language. Raises TemplateError naming the file that must be mended."""
    name = f"email/letters/{letter}.txt"
    env = templating.environment(templates, language=language, zone=journal.zone)
    env.filters.update(wrap=plaintext.wrap)
    source = templating.render(env, templates, name, journal=journal, **facts)
    subject, *blocks = [each for each in map(_block, re.split(r"\n[ \t]*\n", source)) if each.words]
    if not blocks or subject.url:
        raise TemplateError(
            f"{templates.origin(name)}: write the subject, an empty line, and paragraphs"
        )
    values: dict[str, object] = {
        "journal": journal,
        "start": "right" if direction(language) == "rtl" else "left",
        "light": colours.light(journal.colours),
        "dark": colours.dark(journal.colours),
        "subject": subject.words,
        "blocks": blocks,
    }
    html = mjml_html.html(templating.render(env, templates, HTML, **values), templates, HTML)
    text = templating.render(env, templates, TEXT, **values)
    return Written(subject.words, text.strip("\n") + "\n", html)


def _block(source: str) -> Block:
    words = plaintext.one_line(source)
    found = _BUTTON.fullmatch(words)
    return Block(found[1], found[2]) if found else Block(words)
