"""Templates are compiled once in a process, by all that decides what they come to."""

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from jinja2 import TemplateSyntaxError

from publisher.domain.template import Template, TemplateSet
from publisher.formats import page, translating
from publisher.formats.templating import environment, render
from tests import factories

ZONE = ZoneInfo("Europe/London")


def templates(text: str, **catalogues: str) -> TemplateSet:
    said = {
        name: (Template(f"locale/{name}.po", po, f"{name}.po", True),)
        for name, po in catalogues.items()
    }
    return TemplateSet({"a.html": Template("a.html", text, "a.html", True)}, {}, said)


def code(given: TemplateSet, language: str = "en", zone: ZoneInfo = ZONE, **filters: Any) -> Any:
    env = environment(given, language=language, zone=zone)
    env.filters.update(filters)
    return env.get_template("a.html").root_render_func.__code__


def test_the_same_is_compiled_once() -> None:
    """Another environment of the same language, catalogues and zone has the very code."""
    given = templates("{{ 1 }} {{ x }}")
    assert code(given) is code(templates("{{ 1 }} {{ x }}"))
    assert code(templates("{{ 2 }} {{ x }}")) is not code(given)
    assert code(given, zone=ZoneInfo("UTC")) is not code(given)
    assert code(given, language="de") is not code(given)
    assert code(given, shout=str.upper) is not code(given)


def test_each_language_says_its_own() -> None:
    """What a catalogue says is in the code, so another catalogue has another."""
    po = 'msgid ""\nmsgstr ""\n"Language: de\\n"\n\nmsgid "Sources"\nmsgstr "{}"\n'
    text = '{{ _("Sources") }}'
    said = {}
    for word in ("Quellen", "Belege"):
        given = templates(text, de=po.format(word))
        said[word] = render(environment(given, language="de", zone=ZONE), given, "a.html")
    given = templates(text)
    assert said == {"Quellen": "Quellen", "Belege": "Belege"}
    assert render(environment(given, language="en", zone=ZONE), given, "a.html") == "Sources"


def test_it_does_not_grow_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that stays and whose templates are worked on forgets the old ones."""
    monkeypatch.setattr(translating, "MOST", 3)
    monkeypatch.setattr(translating, "_CODE", {})
    for number in range(10):
        code(templates(f"{{{{ {number} }}}}"))
        assert len(translating._CODE) <= 3


def test_what_cannot_be_compiled_is_left_to_who_needs_it() -> None:
    """Compiling beforehand says nothing; the page itself names file and line."""
    broken = TemplateSet(
        {"site/base.html": Template("site/base.html", "{% if %}", "base.html", True)}, {}, {}
    )
    page.ready(factories.journal(), broken)
    page.ready(factories.journal(), TemplateSet({}, {}, {}))
    with pytest.raises(TemplateSyntaxError):
        environment(broken, language="en", zone=ZONE).get_template("site/base.html")
