"""The media type of every file of the site, written out: systems' own tables differ."""

from __future__ import annotations

from pathlib import PurePosixPath

FEEDS = {
    "feed.xml": "application/rss+xml; charset=utf-8",
    "atom.xml": "application/atom+xml; charset=utf-8",
    "feed.json": "application/feed+json; charset=utf-8",
}
"""Feeds by file name: their types differ from what their endings say."""

TYPES = {
    ".avif": "image/avif",
    ".css": "text/css; charset=utf-8",
    ".gif": "image/gif",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/vnd.microsoft.icon",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".json": "application/json; charset=utf-8",
    ".opml": "text/x-opml; charset=utf-8",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".svg": "image/svg+xml; charset=utf-8",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json; charset=utf-8",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
    ".xml": "application/xml; charset=utf-8",
}

OTHER = "application/octet-stream"


def media_type(name: str) -> str:
    """The Content-Type of a file."""
    return feed_type(name) or TYPES.get(PurePosixPath(name).suffix.lower(), OTHER)


def feed_type(name: str) -> str | None:
    """The Content-Type of a feed, its archived pages included; None for anything else."""
    return FEEDS.get(PurePosixPath(name).name)


def is_current_feed(name: str) -> bool:
    """Whether this is a feed that readers follow, not one of its archived pages."""
    # They are at `archive/NUMBER/feed.xml` beside it (RFC 5005 §4).
    return feed_type(name) is not None and PurePosixPath(name).parts[-3:-2] != ("archive",)


def is_text(kind: str) -> bool:
    """Whether this type shrinks: what has a charset does, pictures and fonts are small already."""
    return "charset=" in kind
