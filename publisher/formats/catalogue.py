"""The fixed words of pages and mails in another language: gettext catalogues (`.po`).

English is the source: a message is its own English text. A message without a translation stays
English. A catalogue of a region (`de-AT`) stands over that of its language (`de`).
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from gettext import c2py
from typing import TYPE_CHECKING, NamedTuple

from babel import Locale, UnknownLocaleError
from markupsafe import Markup

from publisher.domain.template import Template, TemplateSet
from publisher.errors import TemplateError

if TYPE_CHECKING:
    from babel.messages.catalog import Message

SOURCE = "en"
"""The language of the messages themselves."""

_HOLES = re.compile(r"%\((\w+)\)s|%%")
_LINE = re.compile(
    r"(?:#.*)?|(?:msgctxt|msgid|msgid_plural|msgstr|msgstr\[\d\])?\s*\"(?:[^\"\\]|\\.)*\""
)
_RIGHT_TO_LEFT = frozenset({"ar", "ckb", "dv", "fa", "he", "ps", "sd", "ug", "ur", "yi"})


def english(number: int) -> int:
    """Which form a number takes in English: 0 for one, else 1."""
    return int(number != 1)


class Forms(NamedTuple):
    """A message in every form that a language has. `plural` gives the index for a number."""

    texts: tuple[str, ...]
    plural: Callable[[int], int]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What is said in `language`. `messages` has every form by (context, message).

    `plural` tells which form a number takes.
    """

    language: str
    messages: Mapping[tuple[str | None, str], tuple[str, ...]] = field(default_factory=dict)
    plural: Callable[[int], int] = english

    def forms(self, message: str, many: str | None = None, context: str | None = None) -> Forms:
        """`message` in every form, and what chooses among them: English if not translated."""
        found = self.messages.get((context, message))
        if found is None:
            return Forms((message,) if many is None else (message, many), english)
        return Forms(found[:1] if many is None else found, self.plural)

    def gettext(self, message: str, /, **values: object) -> str:
        """`message` in this language, its `%(name)s` filled from `values`."""
        return fill(self.forms(message).texts[0], values)

    def pgettext(self, context: str, message: str, /, **values: object) -> str:
        """As `gettext`, for a message that English says twice and others do not."""
        return fill(self.forms(message, context=context).texts[0], values)

    def ngettext(self, one: str, many: str, number: int, /, **values: object) -> str:
        """The form that `number` takes; `%(number)s` is filled from `values`, as the others."""
        found = self.forms(one, many)
        return fill(found.texts[found.plural(number)], values)


def mark(message: str) -> str:
    """`message` as it is: it marks for the catalogue what is looked up later by a variable."""
    return message


def fill(text: str, values: Mapping[str, object]) -> str:
    """`text` with its `%(name)s` filled. KeyError for one that has no value."""
    return "".join(
        words if name is None else f"{words}{values[name]}" for words, name in pieces(text)
    )


def holes(text: str) -> frozenset[str]:
    """The names of what is filled in."""
    return frozenset(match[1] for match in _HOLES.finditer(text) if match[1])


def pieces(text: str) -> Iterator[tuple[str, str | None]]:
    """`text` as (words, the name of what follows them); the last has no name."""
    before, start = "", 0
    for match in _HOLES.finditer(text):
        before += text[start : match.start()]
        start = match.end()
        if match[1] is None:
            before += "%"
        else:
            yield before, match[1]
            before = ""
    yield before + text[start:], None


def of(templates: TemplateSet, language: str) -> Catalogue:
    """What is said in `language`; all English where there is no catalogue for it.

    Raises TemplateError naming file and line of a catalogue that cannot be used.
    """
    messages: dict[tuple[str | None, str], tuple[str, ...]] = {}
    plural: Callable[[int], int] = english
    for tag in reversed([*_ancestors(language)]):
        for file in templates.catalogues.get(_known(templates).get(tag, ""), ()):
            read = _parse(file)
            messages.update(read.messages)
            plural = read.plural
    return Catalogue(language, messages, plural)


def spoken(templates: TemplateSet, wanted: str | None, own: str) -> str:
    """The language in which somebody is written to who asked for `wanted`.

    That is the journal's `own`, unless there is a catalogue for what they asked for (or it is
    English): then the tag of the catalogue, so that `de-CH` and `de` get one mail, not two.
    """
    known = {SOURCE: SOURCE, **_known(templates)}
    mine = next((known[tag] for tag in _ancestors(own) if tag in known), None)
    found = next((known[tag] for tag in _ancestors(wanted or "") if tag in known), None)
    return own if found is None or found == mine else found


def empty(model: Template, language: str) -> str:
    """A `.po` for `language` with every message of `model`, for a translator to fill in."""
    from babel.messages.catalog import Catalog
    from babel.messages.pofile import read_po, write_po

    read = read_po(io.BytesIO(model.text.encode()), charset="utf-8")
    made = Catalog(_locale(language), charset="utf-8", fuzzy=False)
    for message in read:
        if message.id:
            made.add(message.id, locations=message.locations, context=message.context)
    out = io.BytesIO()
    write_po(out, made, include_lineno=False, omit_header=True)
    forms = f"nplurals={made.num_plurals}; plural={made.plural_expr};"
    head = f'msgid ""\nmsgstr ""\n"Language: {language}\\n"\n"Plural-Forms: {forms}\\n"\n\n'
    return head + out.getvalue().decode().lstrip()


def untranslated(templates: TemplateSet, language: str) -> tuple[int, int]:
    """(how many messages have no words in `language`, how many there are) of those shipped."""
    shipped = [file for files in templates.catalogues.values() for file in files]
    known = {key for file in shipped if not file.overridden for key in _parse(file).messages}
    own = set(of(templates, language).messages)
    missing = 0 if SOURCE in _ancestors(language) else len(known - own)
    return missing, len(known)


def direction(language: str) -> str:
    """`rtl` for languages written from right to left, else `ltr`; a script decides over both."""
    try:
        return Locale.parse(language, sep="-").text_direction
    except (UnknownLocaleError, ValueError):
        return "rtl" if language.lower().split("-")[0] in _RIGHT_TO_LEFT else "ltr"


def attributes(language: str, around: str) -> Markup:
    """` lang="…" dir="…"` for words in `language` that stand among others; empty if the same."""
    if language == around:
        return Markup()
    return Markup(' lang="{}" dir="{}"').format(language, direction(language))


def _known(templates: TemplateSet) -> dict[str, str]:
    """The tag of each catalogue by its lower case."""
    return {tag.lower().replace("_", "-"): tag for tag in templates.catalogues}


def _ancestors(tag: str) -> Iterator[str]:
    """`de-at`, `de`: a tag in lower case and what it narrows down (RFC 4647 §3.4)."""
    parts = tag.lower().replace("_", "-").split("-")
    for end in range(len(parts), 0, -1):
        yield "-".join(parts[:end])


@lru_cache(maxsize=64)
def _parse(file: Template) -> Catalogue:
    """One file. Raises TemplateError with the line of what is wrong in it."""
    from babel.messages.pofile import PoFileError, read_po  # that no English journal needs

    language = file.name.rpartition("/")[2].removesuffix(".po")
    for number, line in enumerate(file.text.splitlines(), 1):
        if not _LINE.fullmatch(line.strip()):  # Babel would pass over some of these
            raise TemplateError(
                f"{file.origin}:{number}: this is no line of a catalogue: msgid or msgstr and "
                'its text in double quotes (inside them \\" and \\n); correct it'
            )
    try:
        read = read_po(
            io.BytesIO(file.text.encode()), _locale(language), charset="utf-8", abort_invalid=True
        )
        plural = c2py(read.plural_expr)
    except PoFileError as error:
        place = f"{file.origin}:{error.lineno + 1}"
        said = str(error).removesuffix(f" on {error.lineno}")
        raise TemplateError(f"{place}: {said}; correct the file") from error
    except (ValueError, UnicodeError) as error:
        raise TemplateError(f"{file.origin}: {error}; correct the head of the file") from error
    messages: dict[tuple[str | None, str], tuple[str, ...]] = {}
    for message in read:
        if message.id and not message.fuzzy:
            given = (message.string,) if isinstance(message.string, str) else message.string
            if given and all(given):
                forms = tuple(map(str, given))
                _judge(file, message, forms)
                name = message.id if isinstance(message.id, str) else message.id[0]
                messages[message.context, name] = forms
    return Catalogue(language, messages, plural)


def _locale(tag: str) -> str:
    """What Babel calls it; the nearest it knows, since plural rules are the language's."""
    for each in _ancestors(tag):
        try:
            return str(Locale.parse(each, sep="-"))
        except (UnknownLocaleError, ValueError):
            continue
    return SOURCE


def _judge(file: Template, message: Message, given: tuple[str, ...]) -> None:
    """A translation must be able to stand where the message stands."""
    place = f"{file.origin}:{message.lineno}"
    names = (message.id,) if isinstance(message.id, str) else tuple(message.id)
    wanted = frozenset().union(*map(holes, names))
    for text in given:
        if unknown := sorted(holes(text) - wanted):
            raise TemplateError(
                f"{place}: nothing is filled in for '%({unknown[0]})s' here; "
                f"use what the message has: {names[-1]!r}"
            )
