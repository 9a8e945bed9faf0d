"""What the publisher writes into content/: a new article's file, and an id where one is missing."""

from __future__ import annotations

import hashlib
import json
import re
import unicodedata
from datetime import datetime

from frontmatter.default_handlers import YAMLHandler

from publisher.checks.text import forbidden_characters
from publisher.errors import AuthorError, Defect
from publisher.formats import yamltree
from publisher.formats.parts import SLUG_LENGTH
from publisher.formats.taguri import is_id

BOUNDARY: re.Pattern[str] = YAMLHandler.FM_BOUNDARY
# Letters that Unicode does not decompose into a plain one and a mark.
_PLAIN = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "þ": "th", "ł": "l", "ı": "i"}
)

_TEMPLATE = """\
---
id: {id}
title: {title}
slug: {slug}
category: {category}
published: {published}
{authors}# Nobody sees a draft. Delete the next line when `publisher check` has nothing left to say.
draft: true
# What was asked and what was found, in two or three sentences.
summary: ""
# The one thing to remember, with its limits.
key_takeaway: ""
# How strong the evidence is: laboratory, early, moderate, strong or mixed.
# evidence: early
# The works that the article rests on. Each needs one of doi, pmid, pmcid, isbn, nct, isrctn and
# url, and is cited in the body by its key in square brackets, after an @ sign. For each one:
#   - key: surname-2026
#     title: …
#     kind: randomised trial
#     year: 2026
#     doi: …
sources: []
---

<!-- Write here, in Markdown. Readers ask: what was asked, what was found, how strong is the
evidence, what does it mean for me? Headings start with ##. Delete this note. -->
"""


def skeleton(
    title: str,
    *,
    article_id: str,
    slug: str,
    category: str,
    published: datetime,
    author: str | None,
) -> str:
    """The file that `publisher new` writes: a draft whose findings say what is to be filled in."""
    return _TEMPLATE.format(
        id=article_id,
        title=_quoted(title),
        slug=slug,
        category=category,
        published=published.isoformat(timespec="seconds"),
        authors=f"authors:\n  - {_quoted(author)}\n" if author else "",
    )


def _quoted(text: str) -> str:
    """YAML's double-quoted style is a superset of JSON's strings (YAML 1.2 §1.3)."""
    return json.dumps(" ".join(forbidden_characters().sub(" ", text).split()), ensure_ascii=False)


def slugify(title: str) -> str:
    """A slug for any title: accents dropped, the rest joined by hyphens.

    A title without a Latin letter or digit gets a short name that is always the same for it.
    """
    folded = unicodedata.normalize("NFKD", title.casefold().translate(_PLAIN))
    kept = "".join(char for char in folded if not unicodedata.combining(char))
    slug = re.sub(r"[^a-z0-9]+", "-", kept.replace("'", "").replace("’", "")).strip("-")
    if len(slug) > SLUG_LENGTH:
        slug = slug[: SLUG_LENGTH + 1].rpartition("-")[0] or slug[:SLUG_LENGTH]
    if slug:
        return slug
    return f"article-{hashlib.sha256(title.encode('utf-8', 'replace')).hexdigest()[:8]}"


def mint_line(raw: bytes, article_id: str) -> bytes:
    """`raw` with an `id:` line as the first of its front matter; no other byte is changed.

    Raises AuthorError when the front matter cannot take a line (no front matter, one on a
    single line, or an id there already), and Defect when `article_id` is no tag URI.
    """
    if not is_id(article_id):
        raise Defect(f"the minted id {article_id!r} is not a tag: URI (RFC 4151)")
    first, newline, rest = raw.partition(b"\n")
    ending = b"\r\n" if first.endswith(b"\r") else b"\n"
    minted = first + newline + b"id: " + article_id.encode() + ending + rest
    before, after = _top(raw), _top(minted)
    if (
        before is None
        or after is None
        or before.find("id")
        or len(after.pairs) == len(before.pairs)
    ):
        raise AuthorError(
            "an id cannot be added here: the front matter must start with a line of --- "
            "and have each key on a line of its own"
        )
    return minted


def seconds_line(raw: bytes, seconds: int) -> bytes:
    """`raw` with a `feed_seconds:` line after that of its id; no other byte is changed.

    Raises AuthorError when there is no line of the id alone, or when it has seconds already.
    """
    line = _ID_LINE.search(raw)
    if line:
        added = b"feed_seconds: %d%s" % (seconds, b"\r\n" if line[0].endswith(b"\r\n") else b"\n")
        minted = raw[: line.end()] + added + raw[line.end() :]
        before, after = _top(raw), _top(minted)
        if before and after and not before.find("feed_seconds") and after.find("feed_seconds"):
            return minted
    raise AuthorError(
        "feed_seconds cannot be added here: the front matter must have `id: …` on a line of its own"
    )


_ID_LINE = re.compile(rb"^id:[^\r\n]*\r?\n", re.MULTILINE)


def _top(raw: bytes) -> yamltree.Mapping | None:
    text = raw.decode("utf-8-sig", "replace")
    if not BOUNDARY.match(text):
        return None
    parts = BOUNDARY.split(text, 2)
    tree = yamltree.compose(parts[1]) if len(parts) == 3 else None
    return tree if isinstance(tree, yamltree.Mapping) else None
