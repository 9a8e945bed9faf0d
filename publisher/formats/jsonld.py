"""schema.org descriptions of pages, as JSON-LD that is safe inside a script element."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

import msgspec

from publisher.domain import naming
from publisher.domain.article import Article, Source
from publisher.domain.journal import Journal
from publisher.formats.picture import Picture
from publisher.formats.templating import instant

CONTEXT = "https://schema.org"

_WRITER = msgspec.json.Encoder()
_SUPERSCRIPT = re.compile(r"<sup\b.*?</sup>", re.DOTALL)


def render(graph: Sequence[dict[str, Any]]) -> str:
    """One JSON-LD document. `<`, `>` and `&` are escaped: nothing in it can end the script."""
    document = {"@context": CONTEXT, "@graph": graph}
    try:
        text = _WRITER.encode(document).decode()
    except UnicodeEncodeError:  # a lone surrogate, which whoever writes the page takes out
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def journal_graph(journal: Journal, logo: str | None) -> list[dict[str, Any]]:
    """The front page: the web site and who publishes it."""
    site = {
        "@type": "WebSite",
        "@id": f"{journal.url}/#site",
        "url": f"{journal.url}/",
        "name": journal.title,
        "description": journal.description,
        "inLanguage": journal.language,
        "publisher": {"@id": f"{journal.url}/#publisher"},
    }
    return [site, _publisher(journal, logo)]


def article_graph(
    journal: Journal, article: Article, picture: Picture | None, logo: str | None
) -> list[dict[str, Any]]:
    """An article's page: the article with what it cites, the page, its place, its questions."""
    url = journal.article_url(article)
    language = article.language or journal.language
    about = _present(
        {
            "@type": "Article",
            "@id": f"{url}#article",
            "identifier": article.id,
            "headline": article.title,
            "abstract": article.summary,
            "datePublished": instant(article.published_at),
            "dateModified": instant(article.updated_at),
            "author": [{"@type": "Person", "name": name} for name in article.authors]
            or {"@id": f"{journal.url}/#publisher"},
            "publisher": {"@id": f"{journal.url}/#publisher"},
            "articleSection": journal.category(article.category).title,
            "keywords": list(article.tags) or None,
            "wordCount": article.words,
            "inLanguage": language,
            "image": journal.url + picture.path if picture else None,
            "citation": [_citation(source) for source in article.sources],
            "correction": [f"{c.wrong} → {c.right}" for c in article.corrections] or None,
            "mainEntityOfPage": {"@id": url},
        }
    )
    page = {
        "@type": "MedicalWebPage",
        "@id": url,
        "url": url,
        "name": article.title,
        "description": article.summary,
        "inLanguage": language,
        "isPartOf": {"@id": f"{journal.url}/#site"},
        "mainEntity": {"@id": f"{url}#article"},
        "breadcrumb": {"@id": f"{url}#breadcrumb"},
    }
    graph = [page, about, _breadcrumb(journal, article, url), *journal_graph(journal, logo)]
    if article.questions:
        graph.append(_questions(article, url))
    return graph


def plain(fragment: str) -> str:
    """Sanitised HTML as plain text on one line, without its citation marks."""
    from publisher.formats import markdown

    return " ".join(markdown.plain(_SUPERSCRIPT.sub("", fragment)).split())


def _publisher(journal: Journal, logo: str | None) -> dict[str, Any]:
    return _present(
        {
            "@type": "Organization",
            "@id": f"{journal.url}/#publisher",
            "name": journal.title,
            "url": f"{journal.url}/",
            "logo": logo,
        }
    )


_TYPES = {
    "book": "Book",
    "chapter": "Chapter",
    "dataset": "Dataset",
    "report": "Report",
    "software": "SoftwareSourceCode",
    "thesis": "Thesis",
    "webpage": "WebPage",
}
"""What schema.org calls a type of CSL that the author named."""


def _kind(source: Source) -> str:
    if source.imprint is not None and source.imprint.type in _TYPES:
        return _TYPES[source.imprint.type]
    if source.doi or source.pmid or source.pmcid:
        return "ScholarlyArticle"
    if source.isbn:
        return "Book"
    return "MedicalTrial" if source.nct or source.isrctn else "WebPage"


_NAMES = ("doi", "pmid", "pmcid", "isbn", "nct", "isrctn")


def _citation(source: Source) -> dict[str, Any]:
    links = source.links
    found: dict[str, Any] = {"@type": _kind(source), "name": source.title, "url": links[0][1]}
    if links[1:]:
        found["sameAs"] = [href for _, href in links[1:]]
    found["datePublished"] = str(source.year)
    if source.authors:
        found["author"] = [_who(name) for name in source.authors]
    if source.journal:
        found["isPartOf"] = _part_of(source)
    if source.imprint is not None and source.imprint.pages is not None:
        found["pagination"] = source.imprint.pages
    named = [
        {"@type": "PropertyValue", "propertyID": name, "value": value}
        for name in _NAMES
        if (value := getattr(source, name))
    ]
    if named:
        found["identifier"] = named
    return found


def _who(text: str) -> dict[str, Any]:
    name = naming.parse(text)
    if name.given:
        return {
            "@type": "Person",
            "name": name.shown,
            "givenName": name.given,
            "familyName": name.family,
        }
    return {"@type": "Organization" if text.startswith("{") else "Person", "name": name.shown}


def _part_of(source: Source) -> dict[str, Any] | None:
    """The journal, or the issue of the volume of it; the book of a chapter."""
    if not source.journal:
        return None
    kind = "Book" if _kind(source) == "Chapter" else "Periodical"
    part: dict[str, Any] = {"@type": kind, "name": source.journal}
    if source.imprint is not None and kind == "Periodical":
        if volume := source.imprint.volume:
            part = {"@type": "PublicationVolume", "volumeNumber": volume, "isPartOf": part}
        if issue := source.imprint.issue:
            part = {"@type": "PublicationIssue", "issueNumber": issue, "isPartOf": part}
    return part


def _breadcrumb(journal: Journal, article: Article, url: str) -> dict[str, Any]:
    steps = (
        (journal.title, f"{journal.url}/"),
        (
            journal.category(article.category).title,
            journal.url + journal.category_path(article.category),
        ),
        (article.title, url),
    )
    return {
        "@type": "BreadcrumbList",
        "@id": f"{url}#breadcrumb",
        "itemListElement": [
            {"@type": "ListItem", "position": position, "name": name, "item": href}
            for position, (name, href) in enumerate(steps, start=1)
        ],
    }


def _questions(article: Article, url: str) -> dict[str, Any]:
    return {
        "@type": "FAQPage",
        "@id": f"{url}#questions",
        "mainEntity": [
            {
                "@type": "Question",
                "name": question.question,
                "acceptedAnswer": {"@type": "Answer", "text": plain(question.answer_html)},
            }
            for question in article.questions
        ],
    }


def _present(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
