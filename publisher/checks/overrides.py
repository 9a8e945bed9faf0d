"""The journal's own templates and catalogues: whether they can have any effect."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from difflib import get_close_matches

from jinja2 import Environment, TemplateSyntaxError, meta

from publisher.domain.finding import Finding, Place, Severity
from publisher.domain.template import TemplateSet
from publisher.formats import catalogue

RULES: Mapping[str, str] = {
    "template-unused": "Each template of the journal's own replaces a shipped one, or is used by "
    "one that does.",
    "language-words": "Every fixed word is said in the journal's language.",
}


def check(templates: TemplateSet, shipped: Collection[str], language: str) -> Iterator[Finding]:
    """Warnings; `shipped` are the names that there are without the journal's own files."""
    yield from _unused(templates, shipped)
    missing, number = catalogue.untranslated(templates, language)
    if missing:
        said = "all of them" if missing == number else f"{missing} of {number}"
        yield Finding(
            "language-words",
            Severity.WARNING,
            Place(f"templates/locale/{language}.po"),
            f"the fixed words of pages and mails ({said}) are English, and the journal is not",
            f"publisher templates eject locale/{language}.po, and translate them",
        )


def _unused(templates: TemplateSet, shipped: Collection[str]) -> Iterator[Finding]:
    own = [t for t in templates.templates.values() if t.overridden and t.name not in shipped]
    if not own:
        return
    used = _used(templates)
    if used is None:
        return  # a name is worked out while pages are made: nobody can say
    for template in own:
        if template.name not in used:
            yield Finding(
                "template-unused",
                Severity.WARNING,
                Place(f"templates/{template.name}"),
                "nothing uses this file, so it changes nothing",
                _remedy(template.name, shipped),
            )


def _used(templates: TemplateSet) -> set[str] | None:
    """Every name that some template includes, imports or extends."""
    env = Environment(extensions=["jinja2.ext.i18n"])  # noqa: S701 - nothing is rendered
    found: set[str] = set()
    for template in templates.templates.values():
        try:
            names = set(meta.find_referenced_templates(env.parse(template.text)))
        except TemplateSyntaxError:
            return None  # said by whoever renders it, with its line
        if None in names:
            return None
        found |= {name for name in names if name is not None}
        found |= {name for name in templates.templates if f"'{name}'" in template.text}
    return found


def _remedy(name: str, shipped: Collection[str]) -> str:
    last = name.rpartition("/")[2]
    same = [each for each in shipped if each.rpartition("/")[2] == last]
    near = same or get_close_matches(name, list(shipped), 1, 0.6)
    if near:
        return f"did you mean templates/{near[0]}?"
    return "include it from a template of yours, or delete it"
