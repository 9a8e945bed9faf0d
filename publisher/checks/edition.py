"""What must be true of a rendered edition before anybody gets it (`RULES` explains each id)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from publisher.checks import markup, retractions, styling, validity, withdrawals, wording
from publisher.domain.article import Article
from publisher.domain.finding import Finding, Place, Severity
from publisher.domain.issue import Edition
from publisher.domain.journal import Journal
from publisher.domain.retraction import Register
from publisher.formats import outline, placeholder, standing
from publisher.formats.catalogue import SOURCE, Catalogue
from publisher.formats.digest import HTML, TEXT, bare

SIZE_LIMIT = 100_000
SIZE_WARNING = 80_000
"""Bytes of HTML; Gmail cuts a mail off at about 102,000 and hides the unsubscribe link."""

LINE_LIMIT = 998
SUBJECT_LIMIT = 150
PREHEADER_LIMIT = 200

RULES: Mapping[str, str] = {
    "edition-articles": "An edition carries at least one article, and the ones it names.",
    "edition-title": "Each article's title is seen in HTML and text.",
    "edition-summary": "Each article's summary is seen in HTML and text.",
    "edition-takeaway": "Each article's key takeaway is seen in HTML and text.",
    "edition-source": "Each article has at least one source with a link, in HTML and text.",
    "edition-article-link": "Each article's page is linked in HTML and text.",
    "edition-retraction": "No article rests on a retracted work; one that is cited on purpose, or "
    "has a notice of concern, is called so beside the citation.",
    "edition-correction": "Each correction of an article is seen in HTML and text.",
    "edition-notice": "The notice of each article's category is seen in HTML and text.",
    "edition-disclaimer": "The journal's disclaimer is seen in HTML and text.",
    "edition-postal-address": "The postal address is seen in HTML and text.",
    "edition-unsubscribe": "HTML and text each have the reader's own unsubscribe link.",
    "edition-links": "HTML and text hold the same links.",
    "edition-link-address": "Links are absolute and start with https:// (http:// is a warning).",
    "edition-link-words": "Two links with the same words lead to the same place; none is empty.",
    "edition-size": "The HTML is at most 100 KB (error) and better under 80 KB (warning).",
    "edition-line": "No line is longer than 998 characters.",
    "edition-unrendered": "No template code, MJML tag or placeholder is left in the result.",
    "edition-hidden": "Only the preheader is hidden.",
    "edition-subject": "The subject is there, on one line, of at most 150 characters.",
    "edition-preheader": "The preheader is there, of at most 200 characters.",
    **markup.RULES,
    **withdrawals.RULES,
    **wording.RULES,
    **styling.RULES,
    **validity.RULES,
}

ALWAYS = frozenset(
    {"edition-articles", "edition-title", "edition-summary", "edition-takeaway", "edition-source"}
    | {"edition-correction", "edition-disclaimer", "edition-postal-address", "edition-unsubscribe"}
    | {"edition-retraction", "edition-withdrawn", "edition-notice"}
)
"""Rules that no journal can switch off and nobody can force an issue past: what a reader is owed,
by law or by this design.
"""

_URL = re.compile(r"(?:https?|mailto):[^\s<>\"]+")
_CODE = re.compile(r"\{\{[^{}<>\n]*\}\}|\{[%#][^{}<>\n]*[%#]\}|</?mj-[a-z]+|</?mjml")


@dataclass(frozen=True, slots=True)
class _Rendered:
    edition: Edition
    journal: Journal
    articles: Sequence[Article]
    html: outline.Outline
    html_links: frozenset[str]
    text_links: frozenset[str]
    register: Register
    said: Catalogue
    withdrawal: bool = False

    def parts(self) -> tuple[tuple[str, str, frozenset[str]], ...]:
        """(template, words without white space, links) of the HTML and of the text."""
        return (
            (HTML, bare(self.html.text), self.html_links),
            (TEXT, bare(self.edition.text), self.text_links),
        )


def check(
    edition: Edition,
    journal: Journal,
    articles: Sequence[Article],
    register: Register | None = None,
    words: Catalogue | None = None,
    *,
    withdrawal: bool = False,
) -> tuple[Finding, ...]:
    """Every finding about the edition of these `articles`, required blocks first.

    Looks at nothing but the result, so it holds whatever the templates do. `articles` are
    those the edition was rendered from, in its order, with the same `register`; `words`
    are the catalogue of its language. `withdrawal`: it tells that they were withdrawn, and must
    not repeat them. What the journal switched off is left out.
    """
    rendered = replace(
        _rendered(edition, journal, articles, register, words), withdrawal=withdrawal
    )
    rules = (
        _articles,
        _standing,
        _required,
        _links,
        _bounds,
        _words,
        _markup,
        _tone,
    )
    found = (finding for rule in rules for finding in rule(rendered))
    if withdrawal:
        gone = withdrawals.hinted(articles, edition.preheader)
    else:
        gone = withdrawals.of(articles)
    return _kept((*gone, *found), journal)


def check_rendered(edition: Edition, journal: Journal) -> tuple[Finding, ...]:
    """Those findings that need no article: what is required whatever is in the edition."""
    rendered = _rendered(edition, journal)
    rules = (_required, _links, _bounds, _markup)
    return _kept((finding for rule in rules for finding in rule(rendered)), journal)


def _rendered(
    edition: Edition,
    journal: Journal,
    articles: Sequence[Article] = (),
    register: Register | None = None,
    words: Catalogue | None = None,
) -> _Rendered:
    seen = outline.parse(edition.html)
    links = frozenset(url for url, _ in seen.links)
    in_text = frozenset(_URL.findall(edition.text))
    known, said = register or Register(), words or Catalogue(SOURCE)
    return _Rendered(edition, journal, articles, seen, links, in_text, known, said)


def _kept(findings: Iterable[Finding], journal: Journal) -> tuple[Finding, ...]:
    off = journal.checks.off
    return tuple(f for f in findings if f.rule in ALWAYS or f.rule not in off)


def _found(
    rule: str, where: str, message: str, remedy: str, severity: Severity = Severity.ERROR
) -> Finding:
    return Finding(rule, severity, Place(f"templates/{where}"), message, remedy)


def _articles(rendered: _Rendered) -> Iterator[Finding]:
    named = tuple((article.id, article.version) for article in rendered.articles)
    if not named or named != rendered.edition.articles:
        yield _found(
            "edition-articles",
            HTML,
            "the edition carries no article, or others than those it was made of",
            "plan the issue again",
        )
    for article in rendered.articles:
        for name, words, links in rendered.parts():
            one = _one_withdrawn if rendered.withdrawal else _one_article
            yield from one(article, name, words, links, rendered.journal)
            if rendered.journal.article_url(article) not in links:
                yield _found(
                    "edition-article-link",
                    name,
                    f"the page of '{article.title}' is not linked",
                    "link it in the template",
                )


def _one_article(
    article: Article, name: str, words: str, links: frozenset[str], journal: Journal
) -> Iterator[Finding]:
    wanted = [
        ("edition-title", "title", article.title),
        ("edition-summary", "summary", article.summary),
        ("edition-takeaway", "key takeaway", article.key_takeaway),
    ]
    notice = next((c.notice for c in journal.categories if c.slug == article.category), "")
    wanted += [("edition-notice", "notice of the category", notice)] if bare(notice) else []
    wanted += [("edition-correction", "correction", c.right) for c in article.corrections]
    yield from _seen(article, name, words, wanted)
    hrefs = {href for source in article.sources for _, href in source.links}
    if not hrefs & links:
        yield _found(
            "edition-source",
            name,
            f"'{article.title}' has no source that a reader can follow",
            "link its sources in the template",
        )


def _one_withdrawn(
    article: Article, name: str, words: str, _links: frozenset[str], _journal: Journal
) -> Iterator[Finding]:
    reason = article.withdrawn.reason if article.withdrawn else ""
    yield from _seen(
        article,
        name,
        words,
        (
            ("edition-title", "title", article.title),
            ("edition-correction", "reason of the withdrawal", reason),
        ),
    )
    rest = words.replace(bare(reason), "")  # a reason may quote what was wrong
    for what, value in (("summary", article.summary), ("key takeaway", article.key_takeaway)):
        if bare(value) and bare(value) in rest:
            yield _found(
                "edition-withdrawn",
                name,
                f"the {what} of '{article.title}' is shown, though it was withdrawn",
                "show nothing of an article with `article.withdrawn` but title, date and reason",
            )


def _seen(
    article: Article, name: str, words: str, wanted: Iterable[tuple[str, str, str]]
) -> Iterator[Finding]:
    for rule, what, value in wanted:
        if not bare(value):
            yield Finding(
                rule,
                Severity.ERROR,
                Place(article.path),
                f"the {what} is empty",
                "write it in the front matter",
            )
        elif bare(value) not in words:
            yield _found(
                rule, name, f"the {what} of '{article.title}' is missing", "show it in the template"
            )


def _standing(rendered: _Rendered) -> Iterator[Finding]:
    if rendered.withdrawal:
        return  # it shows no source
    for article in rendered.articles:
        for found in retractions.article(article, rendered.register):
            if found.blocks:
                yield replace(found, rule="edition-retraction")
        wanted = standing.notes(article, rendered.register, rendered.said)
        for name, words, _ in rendered.parts():
            for note in wanted:
                if bare(note) not in words:
                    message = f"'{note}' is missing beside a source of '{article.title}'"
                    remedy = "show `entry.notes` in the template"
                    yield _found("edition-retraction", name, message, remedy)


def _required(rendered: _Rendered) -> Iterator[Finding]:
    journal = rendered.journal
    for name, words, links in rendered.parts():
        for rule, what, value in (
            ("edition-disclaimer", "disclaimer", journal.disclaimer),
            ("edition-postal-address", "postal address", journal.postal_address),
        ):
            if not bare(value) or bare(value) not in words:
                yield _found(rule, name, f"the {what} is missing", "show it in the template")
        if placeholder.unsubscribe_url(journal) not in links:
            yield _found(
                "edition-unsubscribe",
                name,
                "the unsubscribe link is missing",
                "link `unsubscribe_url` in the template",
            )


def _links(rendered: _Rendered) -> Iterator[Finding]:
    for url in sorted(rendered.html_links - rendered.text_links):
        yield _found("edition-links", TEXT, f"'{url}' is in the HTML only", "add it to the text")
    for url in sorted(rendered.text_links - rendered.html_links):
        if url in rendered.html.text:
            continue  # an author's words that name an address, the same in both parts
        yield _found("edition-links", HTML, f"'{url}' is in the text only", "add it to the HTML")
    for url in sorted(rendered.html_links):
        if not url.startswith(("https://", "http://", "mailto:")):
            remedy = "write the whole address, with https://"
            yield _found("edition-link-address", HTML, f"'{url}' leads nowhere in a mail", remedy)
        elif url.startswith("http://"):
            yield _found(
                "edition-link-address",
                HTML,
                f"'{url}' is not encrypted",
                "use https:// where the site offers it",
                Severity.WARNING,
            )
    leads: dict[str, set[str]] = {}
    for url, words in rendered.html.links:
        leads.setdefault(words, set()).add(url)
    for words, urls in sorted(leads.items()):
        if not words or len(urls) > 1:
            message = (
                f"the link text '{words}' leads to {len(urls)} places"
                if words
                else (f"the link to '{min(urls)}' has no words")
            )
            remedy = "say in the words where the link leads"
            yield _found("edition-link-words", HTML, message, remedy, Severity.WARNING)


def _bounds(rendered: _Rendered) -> Iterator[Finding]:
    size = len(rendered.edition.html.encode())
    if size > SIZE_WARNING:
        yield _found(
            "edition-size",
            HTML,
            f"the HTML has {size:,} bytes; Gmail hides what comes after about 102,000",
            "lower the newsletter's maximum of articles, or shorten the template",
            Severity.ERROR if size > SIZE_LIMIT else Severity.WARNING,
        )
    for name, part in ((HTML, rendered.edition.html), (TEXT, rendered.edition.text)):
        for number, line in enumerate(part.split("\n"), 1):
            if len(line) > LINE_LIMIT:
                yield _found(
                    "edition-line",
                    name,
                    f"line {number} of the result has {len(line)} characters",
                    "shorten its longest word, or break the line in the template",
                    Severity.WARNING,  # it is encoded before it leaves, so it does no harm there
                )
                break


def _own_words(rendered: _Rendered) -> Iterator[str]:
    """Everything in the mail that people wrote, where `{{` may be meant."""
    journal, edition = rendered.journal, rendered.edition
    yield from (edition.subject, edition.preheader, journal.disclaimer, journal.postal_address)
    yield from (category.notice for category in journal.categories)
    for article in rendered.articles:
        yield from (article.title, article.summary, article.key_takeaway)
        for source in article.sources:
            yield from (source.title, source.kind, source.journal or "")
        for correction in article.corrections:
            yield from (correction.wrong, correction.right)


def _words(rendered: _Rendered) -> Iterator[Finding]:
    edition = rendered.edition
    own = bare(" ".join(_own_words(rendered)))
    for name, part in ((HTML, edition.html), (TEXT, edition.text)):
        for code in sorted(set(_CODE.findall(part))):
            opening = code[:2] if code.startswith("{") else bare(code)
            if opening not in own or (name == HTML and code.startswith("<")):
                yield _found(
                    "edition-unrendered", name, f"'{code[:40]}' is left over", "mend the template"
                )
    if bare(rendered.html.hidden) != bare(edition.preheader):
        yield _found(
            "edition-hidden", HTML, "more than the preheader is hidden", "show it or remove it"
        )
    if not edition.subject.strip() or "\n" in edition.subject:
        yield _found("edition-subject", "email/subject.txt", "there is no subject", "write one")
    elif len(edition.subject) > SUBJECT_LIMIT:
        yield _found(
            "edition-subject",
            "email/subject.txt",
            f"the subject has {len(edition.subject)} characters",
            f"use {SUBJECT_LIMIT} or fewer; inboxes show about 60",
            Severity.WARNING,
        )
    if not edition.preheader.strip() or len(edition.preheader) > PREHEADER_LIMIT:
        yield _found(
            "edition-preheader",
            "email/preheader.txt",
            "the preheader is missing or too long",
            "write a sentence of about 100 characters",
            Severity.WARNING,
        )


def _markup(rendered: _Rendered) -> Iterator[Finding]:
    yield from markup.check(rendered.edition.html, rendered.html)


def _tone(rendered: _Rendered) -> Iterator[Finding]:
    yield from wording.subject(rendered.edition.subject)
    yield from wording.articles(rendered.articles, rendered.journal.checks.words)
    yield from styling.check(rendered.html)
