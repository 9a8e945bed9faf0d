"""For nginx: one file to include in a `server` block whose `root` is the built tree.

What nginx does by itself is left to it: ETags from date and size, HEAD, byte ranges, 304,
normalised paths. Conditional answers differ in one point: with both conditions nginx wants
both to hold for a 304 (RFC 9110 §13.1.3 wants If-None-Match alone), so it answers 200 more often.
"""

from __future__ import annotations

import re

from publisher.formats import answers, mediatypes
from publisher.formats.hosting.rules import Rules

FILE = "_nginx.conf"

_HEAD = """\
# Made by `publisher build`; do not edit. Include it in the server block of the journal:
#
#     server {{
#         listen 443 ssl;
#         server_name journal.example.org;
#         root /srv/www/public;
#         include /srv/www/public/{file};
#     }}
#
# nginx reads it when it starts: reload nginx after pages have moved or were withdrawn.

index index.html;
autoindex off;
etag on;
if_modified_since before;
absolute_redirect off;
server_tokens off;
charset utf-8;
charset_types {charsets};
gzip on;
gzip_comp_level 6;
gzip_min_length {smallest};
gzip_proxied any;
gzip_types {charsets};
gzip_vary off;
default_type {other};

types {{
{types}
}}

set $journal_cache {cache};
set $journal_link "";
set $journal_allow "";
set $journal_folder "";
{versions}
add_header Cache-Control $journal_cache always;
add_header Vary "Accept-Encoding" always;
add_header Link $journal_link;
add_header Allow $journal_allow always;
{security}

error_page 403 =404 {missing};
error_page 404 {missing};

if ($request_method !~ ^(GET|HEAD)$) {{
    set $journal_allow {methods};
    set $journal_cache "no-cache";
    return 405;
}}
if ($request_uri ~ "^[^?]*//") {{
    set $journal_cache "no-cache";
    return 404;
}}
# A folder without its last slash: a permanent redirect, where nginx's own would be a 301.
if (-d $request_filename) {{
    set $journal_folder folder;
}}
if ($uri ~ "[^/]$") {{
    set $journal_folder "${{journal_folder}} open";
}}
if ($journal_folder = "folder open") {{
    return 308 $uri/;
}}

location ~ /\\.(?!well-known/) {{
    return 404;
}}
location ~ ^{hidden}/_ {{
    return 404;
}}
"""

_FEED = """
location = {path} {{
    types {{ }}
    default_type {type};
    set $journal_link {link};
}}
"""
_VERSION = """\
if ($request_uri = {address}) {{
    set $journal_cache {forever};
}}
"""
_MISSING = """
location = {path} {{
    set $journal_cache "no-cache";
}}
"""
_MOVED = """
location = {path} {{
    return 308 {to};
}}
"""
_GONE = """
location = {path} {{
    return 410;
}}
"""
_GONE_PAGE = """
location = {path} {{
    error_page 410 {page};
    return 410;
}}
location = {page} {{
    internal;
}}
"""


def render(rules: Rules) -> dict[str, bytes]:
    """`_nginx.conf`."""
    texts = dict.fromkeys(
        kind.partition(";")[0]
        for kind in (*mediatypes.TYPES.values(), *mediatypes.FEEDS.values())
        if mediatypes.is_text(kind) and not kind.startswith("text/html")
    )
    parts = [
        _HEAD.format(
            file=FILE,
            charsets=" ".join(texts),
            smallest=answers.SMALLEST,
            other=mediatypes.OTHER,
            types="\n".join(
                f"    {kind.partition(';')[0]} {ending.lstrip('.')};"
                for ending, kind in mediatypes.TYPES.items()
            ),
            cache=_text(rules.cache_control),
            versions="".join(
                _VERSION.format(address=_text(address), forever=_text(answers.FOREVER))
                for address in rules.versioned
            ),
            security="\n".join(
                f"add_header {name} {_text(value)} always;"
                for name, value in rules.security.items()
            ),
            missing=_text(rules.missing),
            methods=_text(answers.METHODS),
            hidden=re.escape(rules.base),
        ),
        _MISSING.format(path=_text(rules.missing)),
    ]
    parts += [
        _FEED.format(path=_path(feed.path), type=feed.type, link=_text(feed.link))
        for feed in rules.feeds
    ]
    parts += [_MOVED.format(path=_path(path), to=_text(to)) for path, to in rules.redirects]
    for path, page in rules.gone:
        block = _GONE if page in (None, path) else _GONE_PAGE
        parts.append(block.format(path=_path(path), page=_path(page or "")))
    return {FILE: "".join(parts).encode()}


def _text(value: str) -> str:
    """A quoted value; nginx knows no way to write a `$` that begins no variable."""
    return _path(value.replace("$", ""))


def _path(value: str) -> str:
    """A quoted string in which a `$` means itself."""
    escaped = re.sub(r'(["\\])', r"\\\1", value)
    return f'"{escaped}"'
