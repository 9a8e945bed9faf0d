"""The parts of an article's front matter: corrections, image, names and dates."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TypeVar
from zoneinfo import ZoneInfo

from publisher.checks import aliases as moves
from publisher.checks import citations, dates, images, instants, links
from publisher.checks import text as characters
from publisher.domain.article import Alias, Correction, CorrectionKind, Image, Withdrawal
from publisher.domain.finding import Finding, Place
from publisher.formats.fields import PARAGRAPH_LENGTH, Fields, Schema
from publisher.formats.markdown import picture_path
from publisher.formats.sanitise import TAGS
from publisher.formats.taguri import is_id
from publisher.formats.yamltree import Mapping, Node, Scalar

QUESTION = Schema("a question", ("question", "answer"))
CORRECTION = Schema("a correction", ("date", "kind", "wrong", "right"))
IMAGE = Schema("the image", ("path", "alt"))
WITHDRAWAL = Schema("a withdrawal", ("date", "reason"))

HTML = TAGS | {"body", "center", "font", "html", "iframe", "script", "style", "title"}
_PLAIN = frozenset("<&@")
"""No citation and no markup is without one of them."""
SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
SLUG_LENGTH = 100
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8})*")


def article_id(fields: Fields, node: Node) -> str | None:
    """The article's permanent id."""
    value = fields.text(node, "id")
    if value is not None and not is_id(value):
        remedy = "delete the line and run `publisher check --mint`"
        fields.note("bad-id", node, f"{value!r} is not a tag: URI", remedy)
        return None
    return value


def slug(fields: Fields, node: Node) -> str | None:
    """The article's name in addresses."""
    value = fields.text(node, "slug", SLUG_LENGTH)
    if value is not None and not SLUG.fullmatch(value):
        remedy = "use a-z, 0-9 and single hyphens, such as car-nk-cells"
        fields.note("bad-slug", node, f"{value!r} cannot be a slug", remedy)
        return None
    return value


def language(fields: Fields, node: Node | None) -> str | None:
    """A language tag; only its form is judged."""
    if isinstance(node, Scalar) and node.kind == "yes/no value":
        return node.value  # YAML 1.1 takes Norwegian (`no`) for a refusal
    value = fields.text(node, "language")
    if node is not None and value is not None and not _LANGUAGE.fullmatch(value):
        fields.note("bad-language", node, f"{value!r} is not a language tag", "write en or pt-BR")
        return None
    return value


def address(fields: Fields, node: Node | None, name: str) -> str | None:
    """An absolute http(s) URL."""
    value = fields.text(node, name, PARAGRAPH_LENGTH)
    if node is not None and value is not None and not links.is_web_address(value):
        remedy = "write the whole address, such as https://example.org/page"
        fields.note("bad-url", node, f"{name} {value!r} is not a web address", remedy)
        return None
    return value


def instant(fields: Fields, node: Node | None, name: str, zone: ZoneInfo) -> datetime | None:
    """An instant as aware UTC."""
    value = fields.scalar(node, name, ("date", "text", "number"), "a date")
    if node is None or value is None:
        return None
    return _kept(fields, dates.instant(value.strip(), zone, fields.place(node)))


def day(fields: Fields, node: Node | None, name: str) -> date | None:
    """A civil date."""
    value = fields.scalar(node, name, ("date", "text", "number"), "a date")
    if node is None or value is None:
        return None
    return _kept(fields, dates.day(value.strip(), fields.place(node)))


_Date = TypeVar("_Date", date, datetime)


def _kept(fields: Fields, found: Finding | _Date) -> _Date | None:
    if isinstance(found, Finding):
        fields.findings.append(found)
        return None
    return found


def image(fields: Fields, node: Node | None) -> Image | None:
    """The article's picture; whether the file exists is for whoever reads files to say."""
    if node is None:
        return None
    if not isinstance(node, Mapping):
        remedy = "write `path:` and `alt:` below it"
        fields.note("wrong-type", node, f"image must be a mapping, not a {node.kind}", remedy)
        return None
    values = fields.keys(node, IMAGE)
    path = fields.text(values.get("path"), "path")
    alt = values.get("alt")
    if alt is None or (isinstance(alt, Scalar) and not alt.value.strip()):
        if alt is not None:
            fields.findings += images.alt("", path or "", fields.place(alt))
        words = None
    else:
        words = fields.text(alt, "alt", PARAGRAPH_LENGTH)
    if path is not None:
        path = path.removeprefix("./")
        wrong = tuple(images.path(path, fields.place(values["path"])))
        fields.findings += wrong
        path = None if wrong else path
    return Image(path, words) if path and words else None


def corrections(fields: Fields, node: Node | None) -> tuple[tuple[Correction, Place], ...]:
    """The notices, in the order of the file, each with the place of its date."""
    found: list[tuple[Correction, Place]] = []
    for _, values in fields.mappings(node, "corrections", CORRECTION):
        when = day(fields, values.get("date"), "date")
        kind = fields.choice(values.get("kind"), "kind", tuple(CorrectionKind))
        wrong = plain(fields, values.get("wrong"), "wrong")
        right = plain(fields, values.get("right"), "right")
        if when and kind and wrong and right:
            correction = Correction(when, CorrectionKind(kind), wrong, right)
            found.append((correction, fields.place(values["date"])))
    return tuple(found)


def withdrawal(fields: Fields, node: Node | None) -> tuple[tuple[Withdrawal, Place], ...]:
    """The withdrawal with the place of its date; none where the article stands."""
    if node is None:
        return ()
    if not isinstance(node, Mapping):
        remedy = "write `date:` and `reason:` below it"
        fields.note("wrong-type", node, f"withdrawn must be a mapping, not a {node.kind}", remedy)
        return ()
    values = fields.keys(node, WITHDRAWAL)
    when = day(fields, values.get("date"), "date")
    reason = plain(fields, values.get("reason"), "reason")
    if when is None or reason is None:
        return ()
    return ((Withdrawal(when, reason), fields.place(values["date"])),)


def aliases(fields: Fields, node: Node | None) -> tuple[Alias, ...]:
    """The addresses that the article had before."""
    found: list[Alias] = []
    for item in fields.items(node, "aliases"):
        path = fields.text(item, "an entry of aliases")
        if path is not None:
            wrong = tuple(moves.path(path, fields.place(item)))
            fields.findings += wrong
            found += () if wrong else (Alias(path, item.line),)
    return tuple(found)


def feed_seconds(fields: Fields, node: Node | None) -> int:
    """The seconds that keep the article's `updated` apart from others'; 0 without any."""
    written = fields.scalar(node, "feed_seconds", ("number",), "a number")
    if node is None or written is None:
        return 0
    found = instants.seconds(written, fields.place(node))
    if isinstance(found, Finding):
        fields.findings.append(found)
        return 0
    return found


def plain(
    fields: Fields, node: Node | None, name: str, limit: int = PARAGRAPH_LENGTH
) -> str | None:
    """A text that stands alone in feeds, mails and lists, so nothing can be cited in it."""
    if node is None:
        return None
    value = fields.text(node, name, limit)
    if value is not None and not _PLAIN.isdisjoint(value):
        fields.findings += citations.in_plain_text(name, value, fields.place(node))
        fields.findings += characters.markup(name, value, HTML, fields.place(node))
    return value


def words(fields: Fields, node: Node | None, name: str) -> tuple[str, ...]:
    """A list of names or labels, plain text each."""
    found = (plain(fields, item, f"an entry of {name}") for item in fields.items(node, name))
    return tuple(text for text in found if text is not None)


def body_image(target: str, scheme: str | None, alt: str, place: Place) -> list[Finding]:
    """What is wrong with one image in a body or an answer."""
    found = list(images.alt(alt, target, place))
    if scheme is not None or target.startswith("//"):
        found.append(images.remote(target, place))
    else:
        found += images.path(picture_path(target), place)
    return found
