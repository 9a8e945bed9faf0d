"""Brings every shipped catalogue up to what templates and code say.

What is new is empty, what is gone is dropped. Run it after words were changed, then translate
what is empty: `.venv/bin/python scripts/messages.py`.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po
from jinja2 import Environment

HERE = Path(__file__).resolve().parent.parent
LOCALE = HERE / "templates/locale"
TEMPLATES = ("email", "notice", "site", "web")
"""The folders of templates that readers see; reports are for staff, as the commands are."""
KEYWORDS = {
    **dict.fromkeys(("gettext", "mark")),
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
    "npgettext": ((1, "c"), 2, 3),
}
WIDTH = 96

Found = tuple[str, int, str | tuple[str, ...], str | None]
"""File, line, message (or its two forms) and context."""


def main() -> int:
    """Write every file; say what is left to do."""
    template = gathered()
    for path in sorted(LOCALE.glob("*.po")):
        catalogue = read_po(io.BytesIO(path.read_bytes()), locale=path.stem)
        catalogue.update(template, no_fuzzy_matching=True)
        catalogue.obsolete.clear()
        path.write_bytes(written(catalogue))
        empty = sum(not (message.string and all(message.string)) for message in catalogue)
        sys.stdout.write(f"{path.name}: {len(catalogue)} messages, {empty} to translate\n")
    return 0


def gathered() -> Catalog:
    """All messages, in order of file and line, with the places where they stand."""
    made = Catalog(project="publisher", version="", fuzzy=False)
    for path, line, message, context in [*_of_templates(), *_of_code()]:
        made.add(message, locations=[(path, line)], context=context)
    return made


def written(catalogue: Catalog) -> bytes:
    """The file, without a date that would change each time."""
    out = io.BytesIO()
    write_po(out, catalogue, width=WIDTH, sort_by_file=True, include_lineno=False)
    lines = out.getvalue().decode().splitlines(keepends=True)
    dated = ('"POT-', '"PO-', '"Last-', '"Generated-', '"Report-', '"Project-', '"Language-Team')
    return "".join(line for line in lines if not line.startswith(dated)).lstrip().encode()


def _of_templates() -> Iterator[Found]:
    env = Environment(extensions=["jinja2.ext.i18n"], trim_blocks=True, lstrip_blocks=True)  # noqa: S701 - nothing is rendered
    env.policies["ext.i18n.trimmed"] = True
    for folder in TEMPLATES:
        for path in sorted((HERE / "templates" / folder).rglob("*")):
            if path.suffix in (".html", ".mjml", ".txt"):
                name = path.relative_to(HERE).as_posix()
                for line, function, said in env.extract_translations(path.read_text()):  # type: ignore[attr-defined]
                    yield name, line, *_message(function, said)


def _of_code() -> Iterator[Found]:
    for path in sorted((HERE / "publisher").rglob("*.py")):
        source = path.read_bytes()
        if b"gettext(" in source or b"mark(" in source:
            found = extract("python", io.BytesIO(source), KEYWORDS, strip_comment_tags=True)
            for line, said, _, context in found:
                yield path.relative_to(HERE).as_posix(), line, said, context


def _message(
    function: str, said: str | tuple[str | None, ...]
) -> tuple[str | tuple[str, ...], str | None]:
    texts = [said] if isinstance(said, str) else [text for text in said if text is not None]
    context = texts.pop(0) if function in ("pgettext", "npgettext") else None
    return (texts[0] if len(texts) == 1 else tuple(texts)), context


if __name__ == "__main__":
    sys.exit(main())
