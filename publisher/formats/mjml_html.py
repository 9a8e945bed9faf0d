"""MJML to HTML as mail programs take it: checked, and in lines of a bounded length."""

from __future__ import annotations

import re

from mjml import mjml2html

from publisher.domain.template import TemplateSet
from publisher.errors import TemplateError
from publisher.formats import mjml_tags

_SOURCE_LINE = 900  # characters; well under what RFC 5322 §2.1.1 allows once encoded
_AFTER = re.compile(
    r"(</(?:td|tr|tbody|table|div|p|li|ol|ul|h[1-6]|head|style)>|<tbody>|<!\[endif\]-->)(?=<)"
)
_GROUND = re.compile(r"(<td\b[^>]*?) bgcolor=\"[^\"]*\"")
"""MJML repeats a cell's ground as an attribute. Where styles are dropped it would stay without the
text colour that goes with it: blue links on a dark button.
"""
_TOKENS = re.compile(r"<!--.*?-->|<[^>]*>|[ \n]+|[^<\s]+|.", re.DOTALL)


def html(source: str, templates: TemplateSet, name: str) -> str:
    """The HTML of the rendered template `name`. TemplateError names the file, and the line if it
    can be told.
    """
    origin = templates.origin(name)
    if found := mjml_tags.wrong(source):
        said = (f"{_place(templates, origin, fault)}: {fault.words}" for fault in found)
        raise TemplateError("; correct the template\n".join(said) + "; correct the template")
    try:
        made: str = mjml2html(source, fonts={})
    except ValueError as error:
        raise TemplateError(
            f"{origin}: this is not MJML: {error}; "
            "close every tag, and write `&amp;` and `&lt;` in text"
        ) from error
    # mrml lets unknown tags and misplaced components through as they are.
    if left := re.search(r"</?(mj-[a-z-]*|mjml)", made):
        raise TemplateError(
            f"{origin}: <{left[1]}> is not a component of MJML, or stands where "
            "it cannot; correct its name or its place"
        )
    # `vertical-align` is no attribute of HTML; the style beside it says the same.
    made = _GROUND.sub(r"\1", made.replace(' vertical-align="middle"', ""))
    # The preheader is hidden; white on white as well is what spam does, and filters count it.
    made = made.replace('"display:none;font-size:1px;color:#ffffff;', '"display:none;', 1)
    return _break_lines(made)


def _place(templates: TemplateSet, origin: str, fault: mjml_tags.Fault) -> str:
    """The template's file and line where `fault` is, if only one fits; else the rendered line."""
    hits = [
        f"{template.origin}:{number}"
        for template in templates.templates.values()
        if template.name.endswith(".mjml")
        for number, line in enumerate(template.text.splitlines(), 1)
        if all(mark in line for mark in fault.marks)
    ]
    if len(hits) == 1:
        return hits[0]
    return f"{origin}: line {fault.line} of the rendered MJML"


def _break_lines(html: str) -> str:
    """Line breaks where they change nothing: between blocks, and for spaces in long text."""
    lines = _AFTER.sub(r"\1\n", html).split("\n")
    return "\n".join(_fold(line) if len(line) > _SOURCE_LINE else line for line in lines) + "\n"


def _fold(line: str) -> str:
    parts: list[str] = []
    used = 0
    for token in _TOKENS.findall(line):
        if token.isspace() and used > _SOURCE_LINE // 2:
            parts.append("\n")
            used = 0
        else:
            parts.append(token)
            used += len(token)
    return "".join(parts)
