"""Every word that readers see is in the catalogues, and German is whole."""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from bs4 import BeautifulSoup
from bs4.element import Comment, Doctype, NavigableString
from jinja2 import Environment, nodes

from publisher.formats.catalogue import holes
from scripts import messages

SHIPPED = sorted(messages.LOCALE.glob("*.po"))
NO_WORDS = re.compile(r"[\w-]+\.(?:com|org)\b|\b(?:lang|dir|OPML)\b|[^\w]|\d")


def read(path: Path) -> Catalog:
    return read_po(io.BytesIO(path.read_bytes()), locale=path.stem)


def forms(message: object) -> tuple[str, ...]:
    return message if isinstance(message, tuple) else (str(message),)


def test_german_is_shipped() -> None:
    """As the proof that another language works."""
    assert "de.po" in [path.name for path in SHIPPED]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_a_shipped_catalogue_is_whole(path: Path) -> None:
    """No message is missing, unsure or left over (`python scripts/messages.py` brings it up)."""
    wanted = {(m.context, m.id) for m in messages.gathered() if m.id}
    found = read(path)
    assert {(m.context, m.id) for m in found if m.id} == wanted
    assert not found.obsolete
    for message in found:
        assert not (message.id and message.fuzzy), message.id
        assert all(forms(message.string)), message.id


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_a_translation_keeps_what_the_message_holds(path: Path) -> None:
    """The same values and the same tags, and no English punctuation for others' quotes."""
    for message in read(path):
        if not message.id:
            continue
        original = forms(message.id)[-1]
        for text in forms(message.string):
            assert holes(text) == holes(original), text
            tags = re.compile(r"<[^>]*>")
            assert tags.findall(text) == tags.findall(original), text
            assert "…" not in original or "…" in text
            assert text == text.strip() or original != original.strip() or text[0] == " ", text


def templates() -> list[Path]:
    folders = [messages.HERE / "templates" / folder for folder in messages.TEMPLATES]
    found = [path for folder in folders for path in sorted(folder.rglob("*"))]
    return [path for path in found if path.suffix in (".html", ".mjml", ".txt")]


@pytest.mark.parametrize("path", templates(), ids=lambda path: path.name)
def test_no_template_says_anything_by_itself(path: Path) -> None:
    """Text, labels and strings in expressions all come through the catalogue."""
    env = Environment(extensions=["jinja2.ext.i18n"])  # noqa: S701 - nothing is rendered
    tree = env.parse(path.read_text())
    raw = "".join(_raw(tree))
    assert [text for text in _words(raw, path) if NO_WORDS.sub("", text)] == []


def _raw(tree: nodes.Template) -> Iterator[str]:
    """What stands in the template outside of Jinja2; a dot for each value."""
    within = ("kind", "og_type")  # they stand in attributes
    apart = {
        id(o)
        for b in tree.find_all(nodes.Block)
        if b.name in within
        for o in b.find_all(nodes.Output)
    }
    for output in tree.find_all(nodes.Output):
        if id(output) in apart:
            continue
        for node in output.nodes:
            yield node.data if isinstance(node, nodes.TemplateData) else "·"


def _words(raw: str, path: Path) -> Iterator[str]:
    if path.suffix == ".txt":
        yield raw
        return
    found = BeautifulSoup(raw, "html.parser")
    for gone in found.find_all(["style", "mj-style", "script", "mj-attributes"]):
        gone.decompose()
    for text in found.find_all(string=True):
        if type(text) is NavigableString and not isinstance(text, Comment | Doctype):
            yield text
    for tag in found.find_all(True):
        yield from (str(tag.get(name, "")) for name in ("alt", "aria-label", "title", "summary"))


def test_no_sentence_of_a_template_is_an_expression_of_its_own() -> None:
    """`{{ "Read" }}` would stay English: words in quotes stand within `_()`."""
    env = Environment(extensions=["jinja2.ext.i18n"])  # noqa: S701 - nothing is rendered
    for path in templates():
        tree = env.parse(path.read_text())
        said = {id(c) for call in tree.find_all(nodes.Call) for c in call.find_all(nodes.Const)}
        loose = [
            const.value
            for output in tree.find_all(nodes.Output)
            for const in output.find_all(nodes.Const)
            if id(const) not in said
            and isinstance(const.value, str)
            and re.match(r"[A-Z][a-z]+( |$)", const.value)
        ]
        assert loose == [], path


def test_code_marks_only_what_stands_in_quotes() -> None:
    """The script finds messages by reading code, so `gettext(f"…")` would be lost."""
    for path in sorted((messages.HERE / "publisher").rglob("*.py")):
        source = path.read_text()
        if "gettext(" not in source:
            continue
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in (
                "gettext",
                "ngettext",
                "pgettext",
            ):
                assert not isinstance(node.args[0], ast.JoinedStr | ast.BinOp), path
