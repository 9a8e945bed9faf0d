"""Links that lead somewhere safe from every place where the article is read."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from publisher.checks.rules import error, warning
from publisher.domain.finding import Finding, Place

ALLOWED = ("http", "https", "mailto")


def link(target: str, scheme: str | None, place: Place) -> Iterator[Finding]:
    """A link in the body; `scheme` is what a browser would see in it."""
    if scheme is not None and scheme not in ALLOWED:
        yield error(
            "unsafe-link",
            place,
            f"links with {scheme}: are removed",
            "use http, https or mailto",
        )
    elif scheme is None and target and not target.startswith(("#", "/")):
        yield warning(
            "relative-link",
            place,
            f"{target!r} leads to different places from the page, the feed and the mail",
            "write it from the journal's root, such as /articles/its-slug/",
        )


def is_web_address(text: str) -> bool:
    """Whether `text` is an absolute http(s) address with a host and without a password."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    plain = text.isprintable() and not any(char in text for char in ' <>"\\^`{|}')
    host = bool(parts.hostname) and port != 0 and "@" not in parts.netloc
    return plain and host and parts.scheme in ("http", "https")
