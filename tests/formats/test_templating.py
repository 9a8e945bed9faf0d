from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup, escape

from publisher.domain.template import Template, TemplateSet
from publisher.errors import Defect, TemplateError
from publisher.formats.escaping import quick
from publisher.formats.templating import environment, instant, locale, render

BERLIN = ZoneInfo("Europe/Berlin")


def shelf(**texts: str) -> TemplateSet:
    """Templates by name (`a_html` is `a.html`), each from `/tpl/NAME`."""
    names = {key.replace("_", "."): text for key, text in texts.items()}
    return TemplateSet({n: Template(n, t, f"/tpl/{n}") for n, t in names.items()}, {})


def filled(templates: TemplateSet, name: str, language: str = "en", **context: object) -> str:
    return render(
        environment(templates, language=language, zone=BERLIN), templates, name, **context
    )


@pytest.mark.parametrize("name", ["a.html", "a.mjml", "a.xml"])
def test_values_are_escaped_in_markup(name: str) -> None:
    """An author's `<` never becomes markup in pages, mails or XML."""
    templates = TemplateSet({name: Template(name, "{{ x }}", name)}, {})
    assert filled(templates, name, x="<b>&") == "&lt;b&gt;&amp;"


def test_values_are_plain_in_text() -> None:
    """A text part shows the author's characters as they are."""
    assert filled(shelf(a_txt="{{ x }}"), "a.txt", x="<b>&") == "<b>&"


def test_dates_are_in_the_journals_language_and_zone() -> None:
    """23:30 UTC is the next day in Berlin, and German journals say so in German."""
    templates = shelf(
        a_html="{{ x | date }}|{{ x | datetime }}|{{ x | iso }}|{{ 1234.5 | number }}"
    )
    late = datetime(2026, 11, 16, 23, 30, tzinfo=UTC)
    german = filled(templates, "a.html", language="de-DE", x=late)
    assert german.startswith("17. November 2026|17. November 2026")
    assert german.endswith("|2026-11-16T23:30:00Z|1.234,5")
    assert filled(templates, "a.html", x=late).startswith("November 17, 2026|")


def test_a_plain_date_stays_that_day() -> None:
    """A correction's date has no time, so no zone can move it."""
    assert (
        filled(shelf(a_html="{{ x | date('short') }}"), "a.html", x=date(2026, 11, 1)) == "11/1/26"
    )
    assert instant(date(2026, 11, 1)) == "2026-11-01"


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("pt-BR", Locale("pt", "BR")),
        ("de-XX", Locale("de")),
        ("tlh", Locale("en")),
        ("", Locale("en")),
    ],
)
def test_the_nearest_known_locale_is_taken(tag: str, expected: Locale) -> None:
    """A language that Babel does not know falls back instead of failing."""
    assert locale(tag) == expected


def test_blocks_leave_no_blank_lines() -> None:
    """Statements on their own lines do not show in the output."""
    assert filled(shelf(a_txt="a\n  {% if true %}\nb\n  {% endif %}\nc"), "a.txt") == "a\nb\nc"


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("ok\n{{ nowhere }}", 2, "'nowhere' is undefined"),
        ("ok\nok\n{% if %}", 3, "Expected an expression"),
        ("\n\n\n{{ 1 + 'a' }}", 4, "unsupported operand"),
        ("{% include 'b.html' %}", None, "no template 'b.html' to include"),
        ("{{ none.gone.further }}", 1, "has no attribute"),
    ],
)
def test_a_wrong_template_is_named_with_its_line(text: str, line: int | None, said: str) -> None:
    """Whoever overrides a template learns the file, the line and the reason."""
    with pytest.raises(TemplateError) as caught:
        filled(shelf(a_html=text), "a.html")
    place = "/tpl/a.html" if line is None else f"/tpl/a.html:{line}"
    assert str(caught.value).startswith(f"{place}: ")
    assert said in str(caught.value)


def test_the_included_template_is_the_one_named() -> None:
    """The innermost template is at fault, not the page that includes it."""
    with pytest.raises(TemplateError, match=r"^/tpl/b\.html:2: "):
        filled(shelf(a_html="{% include 'b.html' %}", b_html="\n{{ nowhere }}"), "a.html")


def test_an_unknown_template_says_how_to_see_all() -> None:
    """Asking for a template that does not exist is told plainly."""
    with pytest.raises(TemplateError, match=r"there is no template 'x\.html'"):
        filled(shelf(a_html=""), "x.html")


def test_our_own_errors_pass_through() -> None:
    """An error of the tree keeps its class, so that its reader is still the right one."""

    def broken() -> str:
        raise Defect("counts do not add up")

    with pytest.raises(Defect, match="add up"):
        filled(shelf(a_html="{{ f() }}"), "a.html", f=broken)


def test_a_string_cannot_shadow_a_missing_name() -> None:
    """Even `default` has to be asked for: silence is never the answer."""
    assert filled(shelf(a_html="{{ x | default('-') }}"), "a.html") == "-"


def test_an_error_outside_any_template_is_not_blamed_on_one() -> None:
    """A mistake of ours while a template is merely being found stays our mistake."""
    templates = shelf(a_html="x")
    env = environment(templates, language="en", zone=BERLIN)
    env.template_class = None  # type: ignore[assignment]  # breaks Jinja2 before the template runs
    with pytest.raises(AttributeError):
        render(env, templates, "a.html")


@given(
    st.text()
    | st.text(alphabet="a&<>\"'")
    | st.integers()
    | st.booleans()
    | st.none()
    | st.floats()
)
def test_the_quick_way_of_escaping_is_the_thorough_one(value: object) -> None:
    """Values come out as markupsafe escapes them, and what is marked safe as it is."""
    assert quick(value) == str(escape(value))
    assert quick(Markup(f"<b>{value}</b>")) == f"<b>{value}</b>"  # noqa: S704 - that is the point
