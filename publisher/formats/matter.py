"""Front matter and body of a file apart, with the lines they start on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from frontmatter.default_handlers import YAMLHandler

from publisher.checks import text as characters
from publisher.checks.rules import error
from publisher.domain.finding import Finding, Place
from publisher.formats import placeholder

_HANDLER = YAMLHandler()


@dataclass(frozen=True, slots=True)
class Split:
    """Front matter and body as text, the line each starts on, and what is wrong already."""

    text: str
    matter: str
    matter_line: int
    body: str
    body_line: int
    findings: tuple[Finding, ...]


def split(raw: bytes, path: str) -> Split | Finding:
    """Take the file apart as python-frontmatter does, and keep count of the lines."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as wrong:
        line = raw.count(b"\n", 0, wrong.start) + 1
        message = f"byte {wrong.start:,} is not UTF-8"
        return error("invalid-utf8", Place(path, line), message, "save the file as UTF-8")
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    findings = (*characters.forbidden(text, path), *_reserved(text, path))
    if findings:
        text = characters.forbidden_characters().sub("\N{REPLACEMENT CHARACTER}", text)
    opening = _HANDLER.FM_BOUNDARY.match(text)
    if opening is None:
        return _missing(path)
    try:
        matter, body = _HANDLER.split(text)
    except ValueError:  # no second boundary
        return _missing(path)
    return Split(
        text=text,
        matter=matter,
        matter_line=text.count("\n", 0, opening.end()) + 1,
        body=body,
        body_line=text.count("\n", 0, len(text) - len(body)) + 1,
        findings=findings,
    )


def _missing(path: str) -> Finding:
    return error(
        "front-matter",
        Place(path, 1),
        "there is no front matter",
        "start the file with a line of ---, the keys, and another line of ---",
    )


def _reserved(text: str, path: str) -> Iterator[Finding]:
    if placeholder.BEGINNING in text:  # of all marks, so that one look is enough
        for mark in placeholder.MARKS:
            yield from characters.reserved(text, path, mark)
