"""Front matter and body of a file apart, with the lines they start on."""

from __future__ import annotations

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
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    findings = (
        *characters.forbidden(text, path),
        *(f for mark in placeholder.MARKS for f in characters.reserved(text, path, mark)),
    )
    if findings:
        text = characters.FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
    missing = error(
        "front-matter",
        Place(path, 1),
        "there is no front matter",
        "start the file with a line of ---, the keys, and another line of ---",
    )
    opening = _HANDLER.FM_BOUNDARY.match(text)
    if opening is None:
        return missing
    try:
        matter, body = _HANDLER.split(text)
    except ValueError:  # no second boundary
        return missing
    return Split(
        text=text,
        matter=matter,
        matter_line=text.count("\n", 0, opening.end()) + 1,
        body=body,
        body_line=text.count("\n", 0, len(text) - len(body)) + 1,
        findings=findings,
    )
