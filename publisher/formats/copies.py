"""What an edition becomes where nobody's token belongs: web page, test mail, list of pages."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import urldefrag

from publisher.domain.journal import Journal
from publisher.formats import placeholder
from publisher.formats.catalogue import mark

if TYPE_CHECKING:
    from publisher.domain.issue import Edition

_BODY = re.compile(r"(<body\b[^>]*>)(.*)(</body>)", re.DOTALL)
_URL = re.compile(r"https?://[^\s<>\"]+")

IN_YOUR_COPY = mark(
    "To unsubscribe or to change what you get, use the links in the copy you received by email."
)


def links(edition: Edition, journal: Journal) -> tuple[str, ...]:
    """Pages of the journal that the mail links to, sorted, without tokens and `#fragments`."""
    from publisher.formats import outline  # a site without issues has no copies

    found = {url for url, _ in outline.parse(edition.html).links}
    found |= {src for src, _ in outline.parse(edition.html).images}
    found.update(_URL.findall(edition.text))
    return tuple(
        sorted(
            {
                urldefrag(url).url
                for url in found
                if url == journal.url or url.startswith(journal.url + "/")
                if not any(mark in url for mark in placeholder.MARKS)
            }
        )
    )


def archive_html(edition: Edition, journal: Journal, instead: str = IN_YOUR_COPY) -> str:
    """The mail's HTML as the page "view in your browser" leads to; no token in it.

    It is a page of its own, so it has a main landmark. It names itself as canonical, and says
    in words (`instead`) where the unsubscribe link is to be found.
    """
    page = _without_link(edition.html, placeholder.unsubscribe_url(journal), instead)
    page = _without_link(page, placeholder.preferences_url(journal), "")
    page = _BODY.sub(r"\1<main>\2</main>\3", _inert(page, journal))
    own = next((u for u in links(edition, journal) if u.startswith(f"{journal.url}/issues/")), None)
    if own is None:
        return page
    return page.replace("</head>", f'<link rel="canonical" href="{escape(own)}"></head>', 1)


def _without_link(html: str, url: str, words: str) -> str:
    href = re.escape(escape(url))
    said = escape(words, quote=False)
    link = re.compile(rf"<a\b[^>]*\bhref=\"{href}\"[^>]*>.*?</a>", re.DOTALL)
    return link.sub(lambda _: said, html)


def test_copy(edition: Edition, journal: Journal) -> tuple[str, str, str]:
    """Subject (marked `[Test]`), HTML and text, a reader's links leading to the front page."""
    return (
        f"[Test] {edition.subject}",
        _inert(edition.html, journal),
        _inert(edition.text, journal),
    )


def _inert(content: str, journal: Journal) -> str:
    from publisher.formats import greeting

    for url in (placeholder.unsubscribe_url(journal), placeholder.preferences_url(journal)):
        content = content.replace(url, f"{journal.url}/")
    content = greeting.general(content)
    for left in placeholder.MARKS:
        content = content.replace(left, "")
    return content


test_copy.__test__ = False  # type: ignore[attr-defined]  # pytest would take the name for a test
