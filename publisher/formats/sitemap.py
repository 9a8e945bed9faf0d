"""sitemap.xml and robots.txt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from html import escape

from publisher.formats.templating import instant

LIMIT = 50_000
"""The most URLs that one sitemap may hold (sitemaps.org)."""

Page = tuple[str, datetime | None]
"""Absolute URL and when the page truly changed last (None: not known)."""

_NAMESPACE = "http://www.sitemaps.org/schemas/sitemap/0.9"


def render(pages: Iterable[Page], url: str) -> Mapping[str, bytes]:
    """`sitemap.xml`, and where there are over LIMIT pages the parts that it then lists.

    `url` is the journal's, without trailing slash. Raises nothing; pages keep their order.
    """
    listed = tuple(pages)
    if len(listed) <= LIMIT:
        return {"sitemap.xml": _document("urlset", "url", listed)}
    parts = {
        f"sitemap-{number}.xml": listed[start : start + LIMIT]
        for number, start in enumerate(range(0, len(listed), LIMIT), start=1)
    }
    files = {name: _document("urlset", "url", part) for name, part in parts.items()}
    index = [
        (f"{url}/{name}", max((at for _, at in part if at), default=None))
        for name, part in parts.items()
    ]
    return {"sitemap.xml": _document("sitemapindex", "sitemap", index), **files}


def robots(url: str) -> bytes:
    """Everybody may read everything; the sitemap is here."""
    return f"User-agent: *\nAllow: /\n\nSitemap: {url}/sitemap.xml\n".encode()


def _document(root: str, entry: str, pages: Iterable[Page]) -> bytes:
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f'<{root} xmlns="{_NAMESPACE}">']
    for url, changed_at in pages:
        lastmod = f"<lastmod>{instant(changed_at)}</lastmod>" if changed_at else ""
        lines.append(f"<{entry}><loc>{escape(url, quote=False)}</loc>{lastmod}</{entry}>")
    lines.append(f"</{root}>\n")
    return "\n".join(lines).encode()
