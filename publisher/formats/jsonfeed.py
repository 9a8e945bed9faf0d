"""A feed as JSON Feed 1.1."""

from __future__ import annotations

import json
import re
from json.encoder import encode_basestring
from typing import Any

from publisher.formats import mould
from publisher.formats.feed import Feed, Item, Reference
from publisher.formats.templating import instant

TYPE = "application/feed+json"
_SHORT = 500
EXTENSION = "_sources"
VERSION = "https://jsonfeed.org/version/1.1"


def render(feed: Feed) -> bytes:
    """UTF-8 JSON, keys in a fixed order."""
    document: dict[str, Any] = {
        "version": VERSION,
        "title": feed.title,
        "home_page_url": feed.home_url,
        "feed_url": feed.json_url,
        "description": feed.description,
        "icon": feed.logo,
        "favicon": feed.icon,
        "authors": [{"name": feed.author}],
        "language": feed.language,
        "hubs": [{"type": "WebSub", "url": feed.hub}] if feed.hub else None,
        # RFC 5005's archive, as far as the format can say it: the older items.
        "next_url": feed.previous.json if feed.previous else None,
        "items": [_item(item) for item in feed.items],
    }
    text = json.dumps(_present(document), ensure_ascii=False, indent=1)
    return (text + "\n").encode()


def _item(item: Item) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "id": item.id,
        "url": item.url,
        "title": item.title,
        "content_html": item.content_html,
        "summary": item.summary,
        "image": item.image.url if item.image else None,
        "date_published": instant(item.published_at),
        "date_modified": instant(item.updated_at),
        "authors": [{"name": author} for author in item.authors] or None,
        "tags": list(item.categories),
        "language": item.language,
    }
    if item.image:
        fields["attachments"] = [
            {
                "url": item.image.url,
                "mime_type": item.image.type,
                "size_in_bytes": item.image.length,
            }
        ]
    return _present(fields | _extension(item))


def _extension(item: Item) -> dict[str, Any]:
    """The works it rests on (JSON Feed 1.1, "Extensions": `about` leads to what this means)."""
    if not item.references:
        return {}
    works = [_work(cited) for cited in item.references]
    return {EXTENSION: {"about": item.about, "works": works}}


def _work(cited: Reference) -> dict[str, Any]:
    return _present(
        {
            "url": cited.url,
            "title": cited.title,
            "year": cited.year,
            "kind": cited.kind,
            "citation": cited.citation,
            **dict(cited.identifiers),
            "note": cited.note or None,
        }
    )


def _references(item: Item) -> str:
    """The extension as it stands after the last value of the item.

    Put together here, because `json` writes indented values in Python and not in C.
    """
    if not item.references:
        return ""
    works = ",\n".join(map(_work_text, item.references))
    about = encode_basestring(item.about)
    return f',\n   "{EXTENSION}": {{\n    "about": {about},\n    "works": [\n{works}\n    ]\n   }}'


def _work_text(cited: Reference) -> str:
    values = ",\n".join(
        f'      "{name}": {value if type(value) is int else encode_basestring(value)}'
        for name, value in _work(cited).items()
    )
    return f"     {{\n{values}\n     }}"


def _present(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _text(value: str) -> str:
    if len(value) < _SHORT:
        return encode_basestring(value)[1:-1]
    # Long ones hold no other controls (`feed.clean`), and this takes a third of the time.
    value = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return value.replace("\r", "\\r").replace("\t", "\\t")


def _spelling(before: str) -> mould.Spell:
    return _text if before.endswith('"') else str


FORMAT = mould.Format(
    render=render,
    published=instant,
    updated=instant,
    changed=instant,
    spell=_spelling,
    entry=re.compile('  \\{\n   "id".*\n  \\}(?=\n \\]\n)', re.DOTALL),
    between=b",\n",
    references=_references,
    end=b"\n  }",
)
"""How a document is put together from entries that are written already."""
