"""What every answer with a file of the site says, whoever serves it: here, or a static host."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from publisher.domain.journal import Journal
from publisher.errors import SiteError
from publisher.formats import mediatypes

CONTROL = "_site.json"
"""The file of a tree that says what has moved and what is gone."""
MISSING = "404.html"
"""The page of a tree that answers for what is not there."""
SMALLEST = 1024
"""Bytes under which a text is not compressed: it fits into one packet as it is."""
FOREVER = "public, max-age=31536000, immutable"
"""For an address that names the version of its bytes (RFC 8246)."""
VERSION_DIGITS = 8
"""Hexadecimal digits that a version needs at least."""
METHODS = "GET, HEAD"


@dataclass(frozen=True, slots=True)
class Control:
    """`redirects`: old path → new path or URL; `gone`: paths of withdrawn pages."""

    redirects: Mapping[str, str] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()


def control(content: bytes | None) -> Control:
    """What CONTROL says; nothing where there is none. Raises SiteError."""
    if content is None:
        return Control()
    try:
        document = json.loads(content)
        redirects, gone = document.get("redirects", {}), document.get("gone", [])
        wrong = [path for path in (*redirects, *gone) if not _is_path(path)]
        wrong += [to for to in redirects.values() if not (_is_path(to) or _is_url(to))]
    except (ValueError, AttributeError, TypeError) as error:
        raise SiteError(f"{CONTROL} cannot be understood ({error}); build the site again") from None
    if wrong:
        raise SiteError(f"{CONTROL}: {wrong[0]!r} is no path of this site; build it again")
    return Control(dict(redirects), frozenset(gone))


def _is_path(value: object) -> bool:
    # `//host/` would lead to another site (RFC 3986 §4.2); browsers read `\` as `/`.
    return (
        isinstance(value, str)
        and value.startswith("/")
        and "//" not in value
        and "\\" not in value
        and value.isprintable()
    )


def _is_url(value: object) -> bool:
    return (
        isinstance(value, str)
        and urlsplit(value).scheme in ("http", "https")
        and bool(urlsplit(value).netloc)
        and value.isprintable()
        and not any(character in value for character in " \\\"'<>{};$")
    )


def base(journal: Journal) -> str:
    """The path that the journal lives below: `` or `/journal`."""
    return urlsplit(journal.url).path


def location(journal: Journal, target: str) -> str:
    """A redirect's target as Location says it."""
    return target if _is_url(target) else quote(base(journal) + target, safe="/%#?=&")


def address(name: str) -> str:
    """The path under which a file is linked to: `/articles/x/` for its index.html."""
    folder, slash, last = name.rpartition("/")
    return f"/{folder}{slash}" if last == "index.html" else f"/{name}"


def link(journal: Journal, name: str) -> str | None:
    """A feed's Link header: where it is, and its hub (WebSub §4); None for other files."""
    if mediatypes.feed_type(name) is None:
        return None
    found = f'<{journal.url}/{quote(name)}>; rel="self"'
    if journal.hub and mediatypes.is_current_feed(name):
        found += f', <{journal.hub}>; rel="hub"'
    return found


def is_compressed(name: str, size: int) -> bool:
    """Whether a file of so many bytes is worth compressing."""
    return size >= SMALLEST and mediatypes.is_text(mediatypes.media_type(name))


def version(content: bytes) -> str:
    """What stands behind `?v=` in the address of these bytes."""
    return hashlib.sha256(content).hexdigest()[:10]


def is_version(version: str, digest: str) -> bool:
    """Whether `version` is the beginning of the hexadecimal SHA-256 `digest` of the bytes."""
    return len(version) >= VERSION_DIGITS and digest.startswith(version)


def security(journal: Journal) -> dict[str, str]:
    """What browsers are told about every answer.

    Styles may be inline, because an issue's page is the mail itself; scripts may not exist.
    """
    parts = urlsplit(journal.url)
    forms = urlsplit(journal.app_url)
    allowed = dict.fromkeys(("'self'", f"{forms.scheme}://{forms.netloc}"))
    if (forms.scheme, forms.netloc) == (parts.scheme, parts.netloc):
        allowed = {"'self'": None}
    return {
        "Content-Security-Policy": (
            "default-src 'self'; "
            f"img-src 'self' data: {parts.scheme}://{parts.netloc}; "
            "style-src 'self' 'unsafe-inline'; script-src 'none'; object-src 'none'; "
            f"base-uri 'none'; form-action {' '.join(allowed)}; frame-ancestors 'none'"
        ),
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
    }
