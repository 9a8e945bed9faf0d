"""An article's description for reference managers and scholarly search: Highwire and Dublin Core.

Source: Google Scholar, "Inclusion Guidelines for Webmasters", and Zotero's "Exposing your
metadata" (`citation_…`); DCMI Metadata Terms and its "Expressing Dublin Core in HTML".
"""

from __future__ import annotations

from collections.abc import Iterator

from publisher.domain import naming
from publisher.domain.article import Article, Imprint, Source
from publisher.domain.journal import Journal
from publisher.formats.templating import instant

SCHEMAS = (
    ("schema.DC", "http://purl.org/dc/elements/1.1/"),
    ("schema.DCTERMS", "http://purl.org/dc/terms/"),
)
_NONE = Imprint()


def of(journal: Journal, article: Article) -> tuple[tuple[str, str], ...]:
    """The names and contents of the article's `meta` elements, in order."""
    return (*_highwire(journal, article), *_dublin(journal, article))


def _highwire(journal: Journal, article: Article) -> Iterator[tuple[str, str]]:
    yield "citation_title", article.title
    for author in article.authors:
        yield "citation_author", author
    day = journal.day(article.published_at)
    yield "citation_publication_date", day.strftime("%Y/%m/%d")
    yield "citation_journal_title", journal.title
    yield "citation_language", article.language or journal.language
    yield "citation_fulltext_html_url", journal.article_url(article)
    for tag in article.tags:
        yield "citation_keywords", tag
    for source in article.sources:
        yield "citation_reference", reference(source)


def reference(source: Source) -> str:
    """A work as `citation_reference` has it: names and values between semicolons."""
    said = source.imprint or _NONE
    first, _, last = (said.pages or "").replace("–", "-").partition("-")
    values = [("citation_title", source.title)]
    values += [("citation_author", naming.parse(name).shown) for name in source.authors]
    values += [
        ("citation_journal_title", source.journal or ""),
        ("citation_publication_date", str(source.year)),
        ("citation_volume", said.volume or ""),
        ("citation_issue", said.issue or ""),
        ("citation_firstpage", first.strip()),
        ("citation_lastpage", last.strip("- ")),
        ("citation_doi", source.doi or ""),
        ("citation_pmid", source.pmid or ""),
        ("citation_isbn", source.isbn or ""),
        ("citation_fulltext_html_url", source.url or source.href),
    ]
    # A semicolon of the work's own would begin another value.
    return "; ".join(f"{name}={value.replace(';', ',')}" for name, value in values if value)


def _dublin(journal: Journal, article: Article) -> Iterator[tuple[str, str]]:
    yield "DC.title", article.title
    for author in article.authors:
        yield "DC.creator", author
    yield "DC.publisher", journal.title
    yield "DC.type", "Text"
    yield "DC.language", article.language or journal.language
    yield "DC.identifier", journal.article_url(article)
    for subject in (journal.category(article.category).title, *article.tags):
        yield "DC.subject", subject
    yield "DCTERMS.abstract", article.summary
    yield "DCTERMS.issued", instant(article.published_at)
    yield "DCTERMS.modified", instant(article.updated_at)
    for source in article.sources:
        yield "DCTERMS.references", source.href
