"""Citations as readers see them: Vancouver by us, every other style through the processor."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher import csl
from publisher.domain.article import Imprint, Source
from publisher.errors import SettingsError
from publisher.formats import reference, vancouver

TRIAL = Source(
    "liu-2020",
    "Use of CAR-Transduced Natural Killer Cells",
    "trial",
    2020,
    journal="N Engl J Med",
    doi="10.1056/NEJMoa1910607",
    authors=("Liu, Enli", "Marin, David", "{World Health Organization, Geneva}"),
    imprint=Imprint(volume="382", issue="6", pages="545-553"),
)
MANY = Source(
    "many",
    "How many?",
    "trial",
    2019,
    journal="Lancet",
    authors=tuple(f"Name{n}, A" for n in "abcdefgh"),
)
BOOK = Source(
    "book",
    "Sleep",
    "book",
    2020,
    isbn="9783161484100",
    authors=("Doe, Jane",),
    imprint=Imprint(edition="2nd ed.", place="Oxford", publisher="Oxford University Press"),
)
CHAPTER = Source(
    "chapter",
    "Dreams",
    "chapter",
    2018,
    journal="The Book of Sleep",
    authors=("Doe, Jane",),
    imprint=Imprint(
        type="chapter", editors=("Roe, Richard", "Poe, Ann"), pages="20-41", publisher="Press"
    ),
)
REPORT = Source(
    "report",
    "Salt",
    "report",
    2021,
    url="https://example.org/salt",
    authors=("{WHO}",),
    imprint=Imprint(type="report", publisher="WHO", place="Geneva"),
)
PAGE = Source("page", "Measles", "web page", 2024, url="https://example.org/measles")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (
            TRIAL,
            (
                "Liu E, Marin D, World Health Organization, Geneva. Use of CAR-Transduced Natural "
                "Killer Cells. N Engl J Med. 2020;382(6):545-53."
            ),
        ),
        (
            MANY,
            "Namea A, Nameb A, Namec A, Named A, Namee A, Namef A, et al. How many? Lancet. 2019.",
        ),
        (BOOK, "Doe J. Sleep. 2nd ed. Oxford: Oxford University Press; 2020."),
        (
            CHAPTER,
            "Doe J. Dreams. In: Roe R, Poe A, editors. The Book of Sleep. Press; 2018. p. 20-41.",
        ),
        (REPORT, "WHO. Salt. Geneva: WHO; 2021."),
        (PAGE, "Measles. 2024."),
    ],
)
def test_vancouver(source: Source, said: str) -> None:
    """The forms of the ICMJE's sample references, and the same from the style processor."""
    assert reference.text(source) == said
    style = csl.load("nlm-citation-sequence", Path())
    theirs = re.sub("<[^>]+>", "", style.cite(source, "en-US")).replace("–", "-")
    assert theirs.replace("(et al).", "et al.") == said


@pytest.mark.parametrize(
    ("pages", "short"),
    [
        ("545-553", "545-53"),
        ("1340–8", "1340-8"),
        ("99--102", "99-102"),
        ("e12", "e12"),
        ("7-7", "7-7"),
    ],
)
def test_page_ranges_lose_what_is_repeated(pages: str, short: str) -> None:
    """As Citing Medicine has it, whichever dash was typed."""
    assert vancouver.page_range(pages) == short


@pytest.mark.parametrize(
    ("name", "trial", "page"),
    [
        (
            "apa",
            (
                "Liu, E., Marin, D., &amp; World Health Organization, Geneva. (2020). Use of "
                "CAR-Transduced Natural Killer Cells. <i>N Engl J Med</i>, <i>382</i>(6), 545–553."
            ),
            "<i>Measles</i>. (2024).",
        ),
        (
            "nature",
            (
                "Liu, E., Marin, D. &amp; World Health Organization, Geneva. Use of CAR-Transduced "
                "Natural Killer Cells. <i>N Engl J Med</i> <b>382</b>, 545–553 (2020)."
            ),
            "Measles. (2024).",
        ),
    ],
)
def test_other_styles(name: str, trial: str, page: str) -> None:
    """In their own markup; a work without authors has its title once, and no number stands first."""
    style = csl.load(name, Path())
    assert style.cite(TRIAL, "en-US") == trial
    assert style.cite(PAGE, "en") == page
    assert style.cite(MANY, "xx")  # a language that nobody translated


def test_a_style_speaks_the_articles_language() -> None:
    """A German article has German words in its list."""
    assert "Hrsg." in csl.load("american-medical-association", Path()).cite(CHAPTER, "de")


@given(text=st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), min_size=1, max_size=30))
def test_nothing_of_an_author_becomes_markup(text: str) -> None:
    """Whatever a title, name or journal holds, a page shows it as text."""
    source = Source("k", text, "x", 2020, journal=text, authors=(text,), url="https://example.org/")
    made = csl.load("nature", Path()).cite(source, "en-US")
    for shown in (made, str(reference.html(source))):
        assert set(re.findall("<[^>]*>", shown)) <= {
            f"<{e}>" for e in ("i", "/i", "b", "/b", "sup", "/sup", "sub", "/sub")
        }
        assert not re.search(r"&(?!amp;|lt;|gt;|#34;|#39;)", shown)


def test_markup_in_a_title_is_its_text() -> None:
    """The processor escapes nothing, so we do; text and HTML say the same."""
    wicked = Source(
        "k", "<script>alert(1)</script> & more?", "x", 2020, journal="A & B", doi="10.1000/1"
    )
    made = csl.load("nature", Path()).cite(wicked, "en-US")
    assert made == "&lt;script&gt;alert(1)&lt;/script&gt; &amp; more? <i>A &amp; B</i> (2020)."
    styled = Source("k", "t", "x", 2020, citation=made)
    assert reference.text(styled) == "<script>alert(1)</script> & more? A & B (2020)."
    assert str(reference.html(styled)) == made
    assert str(reference.html(wicked)).startswith("&lt;script&gt;alert(1)")


def test_a_style_of_the_journals_own(tmp_path: Path) -> None:
    """A .csl file; what is none is refused with what to do."""
    own = tmp_path / "own.csl"
    own.write_text(
        '<style xmlns="http://purl.org/net/xbiblio/csl" class="in-text" version="1.0"><info><title>o'
        "</title><id>o</id><updated>2026-01-01T00:00:00+00:00</updated></info><citation><layout/>"
        '</citation><bibliography><layout><text variable="citation-number" suffix=". "/>'
        '<text variable="title" text-case="uppercase"/></layout></bibliography></style>'
    )
    assert csl.load("own.csl", tmp_path).cite(TRIAL, "en") == TRIAL.title.upper()
    for content, why in {
        "<style": "no XML",
        "<style/>": "no CSL style",
        '<style xmlns="http://purl.org/net/xbiblio/csl"/>': "no list of references",
    }.items():
        own.write_text(content)
        with pytest.raises(SettingsError, match=why):
            csl.load("own.csl", tmp_path)
    own.write_bytes(b"x" * (1024 * 1024 + 1))
    with pytest.raises(SettingsError, match="1 MiB"):
        csl.load("own.csl", tmp_path)
    with pytest.raises(SettingsError, match="cannot be read"):
        csl.load("other.csl", tmp_path)
    with pytest.raises(SettingsError, match="no style of this name"):
        csl.load("vancuver", tmp_path)


def test_a_style_reads_no_files(tmp_path: Path) -> None:
    """Nor anything else that its XML names as an entity."""
    (tmp_path / "secret").write_text("SECRET")
    (tmp_path / "own.csl").write_text(
        f'<!DOCTYPE style [<!ENTITY e SYSTEM "{(tmp_path / "secret").as_uri()}"><!ENTITY f "LOCAL">]>'
        '<style xmlns="http://purl.org/net/xbiblio/csl" version="1.0"><bibliography><layout>'
        '<text value="said: "/><text variable="title"/>&e;</layout></bibliography></style>'
    )
    try:
        made = csl.load("own.csl", tmp_path).cite(TRIAL, "en")
    except SettingsError as refused:
        made = str(refused)
    assert "SECRET" not in made


def test_a_style_that_fails_says_so(tmp_path: Path) -> None:
    """A macro that is not there is the style's fault, not the author's."""
    (tmp_path / "own.csl").write_text(
        '<style xmlns="http://purl.org/net/xbiblio/csl" version="1.0"><bibliography><layout>'
        '<text macro="gone"/></layout></bibliography></style>'
    )
    with pytest.raises(SettingsError, match=r"own\.csl.*cannot write the source liu-2020"):
        csl.load("own.csl", tmp_path).cite(TRIAL, "en")
