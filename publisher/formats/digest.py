"""A digest as an edition: subject, preheader, HTML and text, the same for all its readers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from markupsafe import Markup

from publisher.domain.article import Article, Correction
from publisher.domain.issue import Edition, Shaping
from publisher.domain.journal import Journal, Newsletter
from publisher.domain.retraction import Register
from publisher.domain.template import TemplateSet
from publisher.errors import AuthorError, TemplateError
from publisher.formats import (
    catalogue,
    colours,
    greeting,
    mjml_html,
    outline,
    placeholder,
    plaintext,
    standing,
    templating,
)
from publisher.formats.catalogue import Catalogue

if TYPE_CHECKING:
    from jinja2 import Environment

    from publisher.formats.translating import SpokenEnvironment

HTML = "email/digest.mjml"
TEXT = "email/digest.txt"
SUBJECT = "email/subject.txt"
PREHEADER = "email/preheader.txt"


@dataclass(frozen=True, slots=True)
class Entry:
    """An article as the templates see it. `attributes` is `lang` and `dir` where they differ.

    `notes` are what stands beside each source; empty where all of them are clear. `notice` is
    what the category wants said with each of its articles.
    """

    article: Article
    category: str
    url: str
    grade: str
    attributes: Markup
    notes: tuple[str, ...] = ()
    notice: str = ""


def render(
    journal: Journal,
    newsletter: Newsletter,
    *,
    number: int,
    slot_at: datetime,
    articles: Sequence[Article],
    language: str,
    shaping: Shaping,
    templates: TemplateSet,
    register: Register | None = None,
    corrections: Sequence[tuple[Article, Correction]] = (),
) -> Edition:
    """The edition of issue `number` that carries `articles`, in this order, in `language`.

    Pure: the same values give the same bytes. `slot_at` dates the issue; `shaping` replaces
    subject and preheader and adds a few words of introduction (paragraphs between empty
    lines); its order and drops were applied before. `register` says how the works that are
    cited stand, and of which day its data are; `corrections` are told of below the articles,
    because earlier issues carried theirs. Raises TemplateError where a template
    fails or leaves out what every mail must hold, AuthorError for an article that contains
    the mark of the reader's token.
    """
    _refuse_mark(articles, shaping)
    env = _environment(templates, journal, language)
    known = register or Register()
    facts: dict[str, object] = {
        "journal": journal,
        "newsletter": newsletter,
        "number": number,
        "slot_at": slot_at,
        "articles": tuple(articles),
        "entries": tuple(
            _entry(journal, article, language, known, env.catalogue) for article in articles
        ),
        "corrections": tuple(
            (_entry(journal, article, language, known, env.catalogue), correction)
            for article, correction in corrections
        ),
        "checked": known.snapshot.as_of if known.snapshot else None,
        "intro": tuple(_paragraphs(shaping.intro or "")),
        "own": catalogue.attributes(journal.language, language),
        "start": "right" if catalogue.direction(language) == "rtl" else "left",
        "end": "left" if catalogue.direction(language) == "rtl" else "right",
        "greeting": greeting.marked(env.catalogue) if newsletter.greeting else "",
        "light": colours.light(journal.colours),
        "dark": colours.dark(journal.colours),
        "archive_url": journal.url + journal.issue_path(newsletter.slug, number),
        "unsubscribe_url": placeholder.unsubscribe_url(journal),
        "preferences_url": placeholder.preferences_url(journal),
        "sources_url": f"{journal.url}/sources/",
    }
    subject = _line(env, templates, SUBJECT, shaping.subject, facts)
    preheader = _line(env, templates, PREHEADER, shaping.preheader, facts)
    facts |= {"subject": subject, "preheader": preheader}
    html = mjml_html.html(templating.render(env, templates, HTML, **facts), templates, HTML)
    text = _text(templating.render(env, templates, TEXT, **facts))
    _require(journal, templates, html, text, greets=newsletter.greeting)
    return Edition(
        language=language,
        subject=subject,
        preheader=preheader,
        html=html,
        text=text,
        articles=tuple((article.id, article.version) for article in articles),
    )


def _environment(templates: TemplateSet, journal: Journal, language: str) -> SpokenEnvironment:
    env = templating.environment(templates, language=language, zone=journal.zone)
    env.filters.update(
        wrap=plaintext.wrap, underline=plaintext.underline, cut=plaintext.cut, ended=_ended
    )
    return env


def _ended(sentence: str) -> str:
    return sentence if sentence.endswith((".", "?", "!", "…", "。")) else sentence + "."


def _entry(
    journal: Journal, article: Article, language: str, register: Register, words: Catalogue
) -> Entry:
    filed = next((each for each in journal.categories if each.slug == article.category), None)
    own = article.language or journal.language
    return Entry(
        article=article,
        category=filed.title if filed else article.category,
        url=journal.article_url(article),
        grade=journal.grades.get(article.evidence, "") if article.evidence else "",
        attributes=catalogue.attributes(own, language),
        notes=standing.notes(article, register, words),
        notice=filed.notice if filed else "",
    )


def _paragraphs(text: str) -> Iterator[str]:
    for block in re.split(r"\r?\n[ \t]*\r?\n", text):
        if line := plaintext.one_line(block):
            yield line


def _line(
    env: Environment,
    templates: TemplateSet,
    name: str,
    given: str | None,
    facts: Mapping[str, object],
) -> str:
    text = given if given is not None else templating.render(env, templates, name, **facts)
    return plaintext.one_line(text)


def _refuse_mark(articles: Iterable[Article], shaping: Shaping) -> None:
    for mark in placeholder.MARKS:
        for article in articles:
            if mark in repr(article):
                raise AuthorError(
                    f"{article.path}: the text holds '{mark}', which mails keep for the "
                    "reader's own links; write it differently"
                )
        if mark in repr(shaping):
            raise AuthorError(
                f"the issue's own words hold '{mark}', which mails keep for the reader's "
                "own links; write it differently"
            )


def _text(rendered: str) -> str:
    """The text part without trailing blanks and without more than two empty lines together."""
    lines = "\n".join(line.rstrip(" ") for line in rendered.split("\n"))
    return re.sub(r"\n{4,}", "\n\n\n", lines).strip("\n") + "\n"


def _require(
    journal: Journal, templates: TemplateSet, html: str, text: str, *, greets: bool
) -> None:
    """What no mail may leave without, whoever wrote the templates."""
    seen = outline.parse(html)
    unsubscribe = placeholder.unsubscribe_url(journal)
    shown = {HTML: (seen.text, {url for url, _ in seen.links}), TEXT: (text, set(text.split()))}
    for name, (words, links) in shown.items():
        missing = [
            what
            for what, value in (
                ("journal.disclaimer", journal.disclaimer),
                ("journal.postal_address", journal.postal_address),
            )
            if bare(value) not in bare(words)
        ]
        if unsubscribe not in links:
            missing.append("unsubscribe_url (as a link of its own)")
        if greets and placeholder.GREETED not in words:
            missing.append("greeting (which newsletters.NAME.greeting asks for)")
        if missing:
            raise TemplateError(
                f"{templates.origin(name)}: the mail would leave without {', '.join(missing)}; "
                "put it back into the template"
            )


def bare(text: str) -> str:
    """`text` without any white space: equal however it was wrapped."""
    return "".join(text.split())
