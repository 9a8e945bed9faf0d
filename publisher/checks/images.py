"""Images that are ours, described in words, and what they say they are."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from pathlib import PurePosixPath

from publisher.checks.rules import error
from publisher.domain.finding import Finding, Place

MAX_BYTES = 5 * 1024 * 1024
# No SVG: mail programs do not show it, and it can carry scripts.
KINDS = {
    ".png": (b"\x89PNG\r\n\x1a\n",),
    ".jpg": (b"\xff\xd8\xff",),
    ".jpeg": (b"\xff\xd8\xff",),
    ".gif": (b"GIF87a", b"GIF89a"),
    ".webp": (b"RIFF",),
}


def alt(text: str, target: str, place: Place) -> Iterator[Finding]:
    """An image that says nothing to those who do not see it."""
    if not text.strip():
        yield error(
            "image-without-alt",
            place,
            f"the image {target!r} has no alternative text",
            "say in words what it shows",
        )


def path(given: str, place: Place) -> Iterator[Finding]:
    """A path that does not stay below content/, or is of another kind."""
    parts = given.split("/")
    if "\\" in given or not given.isprintable() or any(p == "" or p.startswith(".") for p in parts):
        yield error(
            "image-path",
            place,
            f"{given!r} is not a path below content/",
            "write it as images/name.png",
        )
    elif PurePosixPath(given).suffix.lower() not in KINDS:
        yield error("image-kind", place, f"{given!r} is of a kind that not everybody sees", _KINDS)


def remote(target: str, place: Place) -> Finding:
    """An image from somewhere else."""
    return error(
        "remote-image",
        place,
        f"{target!r} would be loaded from another site",
        "save it below content/images/ and name it there",
    )


def content(given: str, head: bytes, size: int, place: Place) -> Iterator[Finding]:
    """What the file itself shows; `head` is its first bytes (16 are enough)."""
    if size > MAX_BYTES:
        yield error("image-too-large", place, f"{given!r} has {size:,} bytes", _SMALLER)
    marks = KINDS[PurePosixPath(given).suffix.lower()]
    if not head.startswith(marks) or (marks == (b"RIFF",) and head[8:12] != b"WEBP"):
        yield error("image-kind", place, f"{given!r} is not what its name says", _KINDS)


def missing(given: str, place: Place) -> Finding:
    """A path that leads to no file."""
    return error(
        "missing-image", place, f"there is no file content/{given}", "add it or mend the path"
    )


def of_article(
    paths: Collection[str], pictures: Mapping[str, bytes | Finding], place: Place
) -> Iterator[Finding]:
    """An article's images that are not there, or cannot be used (then a Finding says why)."""
    for given in paths:
        # `content/a.png` is served from `images/` too (Journal.image_path).
        found = pictures.get(given) or pictures.get(given.removeprefix("images/"))
        if found is None:
            yield missing(given, place)
        elif isinstance(found, Finding):
            yield error(found.rule, place, found.message, found.remedy)


_KINDS = "use PNG, JPEG, GIF or WebP, with the right ending"
_SMALLER = "scale it down; 5 MiB is the most, and 200 KB is plenty"
