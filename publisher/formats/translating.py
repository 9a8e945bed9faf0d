"""`{% trans %}` and `_()` in templates: translated once, when the template is compiled.

An environment speaks one language, so nothing is looked up while a page is filled: what is left
of a message are its words and the values between them.
"""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from types import CodeType
from typing import Any

from jinja2 import Environment, Template, TemplateSyntaxError, nodes
from jinja2.visitor import NodeTransformer

from publisher.formats.catalogue import Catalogue, english, pieces
from publisher.formats.escaping import Direct, Escaping, quick

FUNCTIONS: Mapping[str, tuple[bool, bool]] = {
    "_": (False, False),
    "gettext": (False, False),
    "ngettext": (False, True),
    "pgettext": (True, False),
    "npgettext": (True, True),
}
"""Whether a function takes a context first, and whether it takes two forms and a number."""

_CODE: dict[tuple[object, ...], CodeType] = {}
"""What templates came to in this process, by all that decides it: a rebuild and a copy of this
process need not compile them again. It is forgotten when it grows past MOST."""
MOST = 512

_FORM = "form"
_ENGLISH_FORM = "english_form"


class SpokenEnvironment(Environment):
    """An environment whose templates say everything in the language of `catalogue`.

    `_("…")`, `ngettext` and `pgettext` take the message in quotes and their values by name.
    What stands in a message is markup only where the English message holds markup itself: a
    translation cannot bring any into a page.
    """

    code_generator_class = Escaping
    context_class = Direct
    quick = staticmethod(quick)

    def __init__(self, catalogue: Catalogue, dialect: str, **options: Any) -> None:
        """`dialect` names all that templates are compiled by, beside their own text."""
        super().__init__(extensions=["jinja2.ext.i18n"], **options)
        self._dialect = dialect
        self.policies["ext.i18n.trimmed"] = True
        self.newstyle_gettext = True
        self.catalogue = catalogue
        self.language = catalogue.language
        self.filters |= {_FORM: catalogue.plural, _ENGLISH_FORM: english}
        self._kept: dict[str, Template] = {}

    def get_template(
        self,
        name: str | Template,
        parent: str | None = None,
        globals: MutableMapping[str, Any] | None = None,  # noqa: A002 - Jinja2's name
    ) -> Template:
        """A template, compiled once: every page asks for half a dozen, and none ever changes."""
        if not isinstance(name, str) or globals:
            return super().get_template(name, parent, globals)
        if (found := self._kept.get(name)) is None:
            found = self._kept[name] = super().get_template(name, parent)
        return found

    def compile(  # type: ignore[override]  # only as `get_template` calls it
        self, source: str, name: str | None = None, filename: str | None = None
    ) -> CodeType:
        """The code of a template, worked out once in a process."""
        # Jinja2 asks for filters by name, and works out what constants come to, as it compiles.
        key = (self._dialect, frozenset(self.filters), name, filename, source)
        if (found := _CODE.get(key)) is None:
            found = super().compile(source, name, filename)
            if len(_CODE) >= MOST:
                _CODE.clear()
            _CODE[key] = found
        return found

    def _generate(
        self,
        source: nodes.Template,
        name: str | None,
        filename: str | None,
        defer_init: bool = False,
    ) -> str:
        """Jinja2's hook between reading a template and compiling it."""
        said = _Folding(self, name, filename).visit(source)
        return super()._generate(said, name, filename, defer_init)


class _Folding(NodeTransformer):
    """Puts in the place of every call for a message what it says."""

    def __init__(self, env: SpokenEnvironment, name: str | None, filename: str | None) -> None:
        self._env = env
        self._name = name
        self._filename = filename

    def visit_Output(self, node: nodes.Output) -> nodes.Output:  # noqa: N802 - Jinja2's name
        """Words of a message join those around it; so does all else that is joined by `~`."""
        self.generic_visit(node)
        node.nodes = [
            part
            for each in node.nodes
            for part in (each.nodes if isinstance(each, nodes.Concat) else [each])
        ]
        return node

    def visit_Call(self, node: nodes.Call) -> nodes.Node:  # noqa: N802 - as above
        """`_("…", name=value)` as the words and values that it stands for."""
        self.generic_visit(node)
        if not (isinstance(node.node, nodes.Name) and node.node.name in FUNCTIONS):
            return node
        with_context, with_number = FUNCTIONS[node.node.name]
        wanted = 1 + with_context + 2 * with_number
        texts = node.args[: wanted - with_number]
        given = [text for each in texts if (text := _text(each)) is not None]
        if len(given) != wanted - with_number or len(node.args) != wanted or node.dyn_args:
            raise self._wrong(node, f"`{node.node.name}` takes its message in quotes")
        context = given.pop(0) if with_context else None
        values = {each.key: each.value for each in node.kwargs}
        number = node.args[-1] if with_number else None
        if number is not None:
            values.setdefault("num", number)
        many = given[1] if with_number else None
        forms, plural = self._env.catalogue.forms(given[0], many, context)
        markup = any(mark in given[0] for mark in "<&")
        said = [self._said(node, text, values, markup) for text in forms]
        found: nodes.Expr = said[0]
        if number is not None:
            name = _ENGLISH_FORM if plural is english else _FORM
            found = self._choice(said, nodes.Filter(number, name, [], [], None, None))
            found.set_lineno(node.lineno)
        return found.set_environment(self._env)

    def _said(
        self, node: nodes.Call, text: str, values: Mapping[str, nodes.Expr], markup: bool
    ) -> nodes.Concat:
        parts: list[nodes.Expr] = []
        for words, name in pieces(text):
            if words:
                made = nodes.TemplateData(words) if markup else nodes.Const(words)
                parts.append(made)
            if name is not None:
                if name not in values:
                    raise self._wrong(node, f"the message {text!r} lacks a value: {name}=…")
                parts.append(values[name])
        said = nodes.Concat(parts or [nodes.Const("")])
        said.set_lineno(node.lineno)
        return said

    def _choice(self, said: list[nodes.Concat], form: nodes.Expr) -> nodes.Expr:
        """The one whose turn it is, found while the page is filled."""
        found: nodes.Expr = said[-1]
        for index in reversed(range(len(said) - 1)):
            test = nodes.Compare(form, [nodes.Operand("eq", nodes.Const(index))])
            found = nodes.CondExpr(test, said[index], found)
        return found

    def _wrong(self, node: nodes.Node, message: str) -> TemplateSyntaxError:
        return TemplateSyntaxError(message, node.lineno, self._name, self._filename)


def _text(node: nodes.Expr) -> str | None:
    """What stands in quotes."""
    return node.value if isinstance(node, nodes.Const) and isinstance(node.value, str) else None
