"""A digest as an edition: subject, preheader, HTML and text, the same for all its readers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from jinja2 import Environment
from markupsafe import Markup
from mjml import mjml2html

from publisher.domain.article import Article
from publisher.domain.issue import Edition, Shaping
from publisher.domain.journal import Journal, Newsletter
from publisher.domain.retraction import Register
from publisher.domain.template import TemplateSet
from publisher.errors import AuthorError, TemplateError
from publisher.formats import (
    catalogue,
    colours,
    mjml_tags,
    outline,
    placeholder,
    plaintext,
    standing,
    templating,
)
from publisher.formats.catalogue import Catalogue
from publisher.formats.translating import SpokenEnvironment

HTML = "email/digest.mjml"
TEXT = "email/digest.txt"
SUBJECT = "email/subject.txt"
PREHEADER = "email/preheader.txt"

_SOURCE_LINE = 900  # characters; well under what RFC 5322 §2.1.1 allows once encoded
_AFTER = re.compile(
    r"(</(?:td|tr|tbody|table|div|p|li|ol|ul|h[1-6]|head|style)>|<tbody>|<!\[endif\]-->)(?=<)"
)
_GROUND = re.compile(r"(<td\b[^>]*?) bgcolor=\"[^\"]*\"")
"""MJML repeats a cell's ground as an attribute. Where styles are dropped it would stay without the
text colour that goes with it: blue links on a dark button.
"""
_TOKENS = re.compile(r"<!--.*?-->|<[^>]*>|[ \n]+|[^<\s]+|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Entry:
    """An article as the templates see it. `attributes` is `lang` and `dir` where they differ.

    `notes` are what stands beside each source; empty where all of them are clear.
    """

    article: Article
    category: str
    url: str
    grade: str
    attributes: Markup
    notes: tuple[str, ...] = ()


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
) -> Edition:
    """The edition of issue `number` that carries `articles`, in this order, in `language`.

    Pure: the same values give the same bytes. `slot_at` dates the issue; `shaping` replaces
    subject and preheader and adds a few words of introduction (paragraphs between empty
    lines); its order and drops were applied before. `register` says how the works that are
    cited stand, and of which day its data are. Raises TemplateError where a template
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
        "checked": known.snapshot.as_of if known.snapshot else None,
        "intro": tuple(_paragraphs(shaping.intro or "")),
        "own": catalogue.attributes(journal.language, language),
        "start": "right" if catalogue.direction(language) == "rtl" else "left",
        "end": "left" if catalogue.direction(language) == "rtl" else "right",
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
    html = _html(templates, templating.render(env, templates, HTML, **facts))
    text = _text(templating.render(env, templates, TEXT, **facts))
    _require(journal, templates, html, text)
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
    titles = {category.slug: category.title for category in journal.categories}
    own = article.language or journal.language
    return Entry(
        article=article,
        category=titles.get(article.category, article.category),
        url=journal.article_url(article),
        grade=journal.grades.get(article.evidence, "") if article.evidence else "",
        attributes=catalogue.attributes(own, language),
        notes=standing.notes(article, register, words),
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


def _html(templates: TemplateSet, source: str) -> str:
    if found := mjml_tags.wrong(source):
        raise TemplateError(f"{templates.origin(HTML)}: {'; '.join(found)}; correct the template")
    try:
        html: str = mjml2html(source, fonts={})
    except ValueError as error:
        raise TemplateError(
            f"{templates.origin(HTML)}: this is not MJML: {error}; "
            "close every tag, and write `&amp;` and `&lt;` in text"
        ) from error
    # mrml lets unknown tags and misplaced components through as they are.
    if left := re.search(r"</?(mj-[a-z-]*|mjml)", html):
        raise TemplateError(
            f"{templates.origin(HTML)}: <{left[1]}> is not a component of MJML, or stands where "
            "it cannot; correct its name or its place"
        )
    # `vertical-align` is no attribute of HTML; the style beside it says the same.
    html = _GROUND.sub(r"\1", html.replace(' vertical-align="middle"', ""))
    # The preheader is hidden; white on white as well is what spam does, and filters count it.
    html = html.replace('"display:none;font-size:1px;color:#ffffff;', '"display:none;', 1)
    return _break_lines(html)


def _break_lines(html: str) -> str:
    """Line breaks where they change nothing: between blocks, and for spaces in long text."""
    lines = _AFTER.sub(r"\1\n", html).split("\n")
    return "\n".join(_fold(line) if len(line) > _SOURCE_LINE else line for line in lines) + "\n"


def _fold(line: str) -> str:
    parts: list[str] = []
    used = 0
    for token in _TOKENS.findall(line):
        if token.isspace() and used > _SOURCE_LINE // 2:
            parts.append("\n")
            used = 0
        else:
            parts.append(token)
            used += len(token)
    return "".join(parts)


def _text(rendered: str) -> str:
    """The text part without trailing blanks and without more than two empty lines together."""
    lines = "\n".join(line.rstrip(" ") for line in rendered.split("\n"))
    return re.sub(r"\n{4,}", "\n\n\n", lines).strip("\n") + "\n"


def _require(journal: Journal, templates: TemplateSet, html: str, text: str) -> None:
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
        if missing:
            raise TemplateError(
                f"{templates.origin(name)}: the mail would leave without {', '.join(missing)}; "
                "put it back into the template"
            )


def bare(text: str) -> str:
    """`text` without any white space: equal however it was wrapped."""
    return "".join(text.split())
