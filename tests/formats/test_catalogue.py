from zoneinfo import ZoneInfo

import pytest

from publisher.domain.template import Template, TemplateSet
from publisher.errors import TemplateError
from publisher.formats import catalogue
from publisher.formats.catalogue import Catalogue, direction, fill, mark, spoken
from publisher.formats.templating import environment, render

POLISH = r"""
msgid ""
msgstr ""
"Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n%10>=2 && n%10<=4 && (n%100<10 || n%100>=20) ? 1 : 2);\n"

msgid "Hello %(name)s"
msgstr "Cześć %(name)s <b>"

msgid "<b>%(name)s</b> & more"
msgstr "<i>%(name)s</i> & inne"

msgid "%(number)s day"
msgid_plural "%(number)s days"
msgstr[0] "%(number)s dzień"
msgstr[1] "%(number)s dni"
msgstr[2] "%(number)s dnia"

msgctxt "noun"
msgid "Read"
msgstr "Odczyt"

#, fuzzy
msgid "Unsure"
msgstr "Niepewne"

msgid "Half of %(all)s is 50%%"
msgstr "Połowa %(all)s to 50%%"

msgid "Empty"
msgstr ""
"""
HEAD = 'msgid ""\nmsgstr ""\n"Plural-Forms: nplurals=2; plural=n != 1;\\n"\n\n'


def shelf(text: str = "", *more: tuple[str, str], **catalogues: str) -> TemplateSet:
    """One template under two names, and catalogues by language (`de_AT` is `de-AT`)."""
    files = [*((tag.replace("_", "-"), po) for tag, po in catalogues.items()), *more]
    held: dict[str, tuple[Template, ...]] = {}
    for tag, po in files:
        made = Template(f"locale/{tag}.po", po, f"/tpl/{tag}.po")
        held[tag] = (*held.get(tag, ()), made)
    names = ("a.html", "a.txt")
    return TemplateSet({n: Template(n, text, f"/tpl/{n}") for n in names}, {}, held)


def said(text: str, file: str = "a.txt", /, language: str = "pl", **context: object) -> str:
    templates = shelf(text, pl=POLISH)
    env = environment(templates, language=language, zone=ZoneInfo("UTC"))
    return render(env, templates, file, **context)


def test_a_message_is_said_in_the_language() -> None:
    """In blocks and in expressions; its values are filled in."""
    text = '{% trans name=x %}Hello {{ name }}{% endtrans %}|{{ _("Hello %(name)s", name=x) }}'
    assert said(text, x="A") == "Cześć A <b>|Cześć A <b>"
    assert said(text, x="A", language="en") == "Hello A|Hello A"


def test_a_block_may_run_over_lines() -> None:
    """White space within a message is one space, so that templates can be laid out."""
    assert said("{% trans name=x %}\n  Hello\n  {{ name }}\n{% endtrans %}", x="A") == "Cześć A <b>"


def test_every_number_takes_its_own_form() -> None:
    """Polish has three forms, chosen while the page is filled."""
    text = (
        "{% for n in numbers %}{% trans n, number=n %}{{ number }} day{% pluralize %}"
        "{{ number }} days{% endtrans %} {% endfor %}"
        '{{ ngettext("%(number)s day", "%(number)s days", 22, number=22) }}'
    )
    assert said(text, numbers=[1, 3, 5]) == "1 dzień 3 dni 5 dnia 22 dni"
    assert said(text, numbers=[1, 3, 0], language="en") == "1 day 3 days 0 days 22 days"


def test_what_has_no_translation_is_english_in_english_forms() -> None:
    """Also where the language has other forms; an unsure or empty translation is none."""
    text = '{{ ngettext("%(n)s new", "%(n)s newer", 5, n=5) }} {{ _("Unsure") }} {{ _("Empty") }}'
    assert said(text) == "5 newer Unsure Empty"


def test_context_tells_equal_words_apart() -> None:
    """`Read` the noun is not `Read` the verb."""
    assert said('{{ pgettext("noun", "Read") }} {{ _("Read") }}') == "Odczyt Read"


def test_a_translation_brings_no_markup_where_english_has_none() -> None:
    """Values are always escaped; markup is markup only if the message itself has some."""
    found = said('{{ _("Hello %(name)s", name=x) }}', "a.html", x="<x>")
    assert found == "Cześć &lt;x&gt; &lt;b&gt;"
    found = said("{% trans x %}<b>{{ name }}</b> & more{% endtrans %}", "a.html", x=1, name="<x>")
    assert found == "<i>&lt;x&gt;</i> & inne"


def test_a_percent_sign_stays_one() -> None:
    """Jinja2 doubles it in messages; readers see one."""
    assert said("{% trans all=x %}Half of {{ all }} is 50%{% endtrans %}", x=4) == "Połowa 4 to 50%"
    assert said("{% trans %}50% off{% endtrans %}") == "50% off"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x\n{{ _(name) }}", "takes its message in quotes"),
        ('x\n{{ ngettext("a", "b") }}', "takes its message in quotes"),
        ('x\n{{ _("Hello %(name)s") }}', "lacks a value: name=…"),
    ],
)
def test_a_call_that_cannot_be_translated_names_its_line(text: str, words: str) -> None:
    """What cannot be found in a catalogue is an error, not silent English."""
    with pytest.raises(TemplateError, match=words) as caught:
        said(text, name="x")
    assert str(caught.value).startswith("/tpl/a.txt:2: ")


def test_code_says_things_too() -> None:
    """The same catalogue answers to Python."""
    polish = catalogue.of(shelf(pl=POLISH), "pl")
    assert polish.gettext("Hello %(name)s", name="A") == "Cześć A <b>"
    assert polish.ngettext("%(number)s day", "%(number)s days", 2, number="2") == "2 dni"
    assert polish.pgettext("noun", "Read") == "Odczyt"
    english = Catalogue("en")
    assert english.ngettext("%(number)s day", "%(number)s days", 1, number=1) == "1 day"
    assert english.gettext(mark("50%% of %(all)s"), all="it") == "50% of it"
    with pytest.raises(KeyError):
        fill("%(name)s", {"other": 1})


def test_a_region_stands_over_its_language_and_the_journal_over_what_is_shipped() -> None:
    """Message by message; whatever is not said there comes from below."""
    shipped = f'{HEAD}msgid "A"\nmsgstr "Ä"\n\nmsgid "B"\nmsgstr "Bé"\n\nmsgid "C"\nmsgstr "Cé"\n'
    own = f'{HEAD}msgid "B"\nmsgstr "unser B"\n'
    austrian = f'{HEAD}msgid "C"\nmsgstr "C in Wien"\n'
    templates = shelf("", ("de", shipped), ("de", own), ("de-AT", austrian))
    found = catalogue.of(templates, "de-AT")
    assert [found.gettext(m) for m in "ABCD"] == ["Ä", "unser B", "C in Wien", "D"]
    assert catalogue.of(templates, "de-CH").gettext("C") == "Cé"
    assert catalogue.of(templates, "fr").gettext("A") == "A"


@pytest.mark.parametrize(
    ("wanted", "own", "expected"),
    [
        (None, "en-GB", "en-GB"),
        ("de", "en-GB", "de"),
        ("de-CH", "en-GB", "de"),
        ("DE_at", "en-GB", "de-AT"),
        ("en", "en-GB", "en-GB"),  # the journal's own English
        ("en-US", "de", "en"),
        ("fr", "en-GB", "en-GB"),  # nobody has said anything in French yet
        ("de-CH", "de-CH", "de-CH"),
        ("fr-CA", "fr", "fr"),
        ("ar", "he", "he"),
    ],
)
def test_which_language_somebody_is_written_to_in(
    wanted: str | None, own: str, expected: str
) -> None:
    """The one they asked for if there are words for it, else the journal's."""
    assert spoken(shelf(de=POLISH, de_AT=POLISH), wanted, own) == expected


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("en", "ltr"),
        ("ar", "rtl"),
        ("he-IL", "rtl"),
        ("az-Arab", "rtl"),
        ("xx", "ltr"),
        ("dv", "rtl"),
    ],
)
def test_direction(tag: str, expected: str) -> None:
    """By script and language; those that Babel does not know as well."""
    assert direction(tag) == expected


@pytest.mark.parametrize(
    ("po", "line", "words"),
    [
        (HEAD + 'msgid "A %(x)s"\nmsgstr "A %(y)s"\n', 5, r"nothing is filled in for '%\(y\)s'"),
        (HEAD + 'msgid "a"\nmsgid_plural "b"\nmsgstr[2] "c"\n', 5, "more translations than"),
        (HEAD + 'msgid "a"\nmsgstr "b"\nmsgstr "c" d\n', 7, "no line of a catalogue"),
        (HEAD + 'msgid "a"\nmsgid "b"\nmsgstr "c"\n', 5, "missing msgstr"),
        (HEAD + 'msgid "a"\nmsgstr "b\n', 6, "correct"),
        ('msgid ""\nmsgstr ""\n"Plural-Forms: nplurals=2; plural=n !;\\n"\n', 0, "plural"),
    ],
)
def test_a_catalogue_that_cannot_be_used_names_its_line(po: str, line: int, words: str) -> None:
    """A translator sees where to look, and no page is made with a hole in it."""
    with pytest.raises(TemplateError, match=words) as caught:
        catalogue.of(shelf(de=po), "de")
    assert str(caught.value).startswith(f"/tpl/de.po:{line}:" if line else "/tpl/de.po:")
