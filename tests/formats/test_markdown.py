import re
from urllib.parse import urljoin

import pyromark
import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.checks import links
from publisher.domain.finding import Place
from publisher.formats import markdown, reading, sanitise
from publisher.formats.reading import Reading

BASE = "https://journal.example.org/sub/articles/x/"
CITE = '<a id="cite-{0}-{1}" href="#source-{0}" role="doc-noteref" aria-label="Source {0}">{0}</a>'


def html(text: str, **numbers: int) -> str:
    return markdown.render(markdown.read(text), numbers or {"a": 1, "b": 2}).html


def sup(*pairs: tuple[int, int]) -> str:
    return f'<sup class="cite">{", ".join(CITE.format(*pair) for pair in pairs)}</sup>'


def test_citations_are_linked_superscripts() -> None:
    """Each use has an anchor of its own, and several keys share one superscript."""
    assert html("One [@a]. Two [@a; @b].") == (
        f"<p>One {sup((1, 1))}. Two {sup((1, 2), (2, 1))}.</p>\n"
    )


def test_uses_go_on_in_the_next_text() -> None:
    """Anchors never repeat on a page: an answer counts on from the body."""
    first = markdown.render(markdown.read("[@a]"), {"a": 1})
    second = markdown.render(markdown.read("[@a]"), {"a": 1}, first_uses=first.uses)
    assert 'id="cite-1-1"' in first.html
    assert 'id="cite-1-2"' in second.html
    assert second.uses == {"a": 2}
    assert first.uses == {"a": 1}


@pytest.mark.parametrize(
    "text",
    [
        "`[@a]`",
        "```\n[@a]\n```",
        "    [@a]",
        r"\[@a]",
        "[@a](https://example.org)",
        "<!-- [@a] -->",
    ],
)
def test_no_citation(text: str) -> None:
    """In code, behind a backslash, as a link's text and in a comment nothing is cited."""
    reading = markdown.read(text)
    assert reading.citations == ()
    assert "cite" not in markdown.render(reading, {"a": 1}).html


@pytest.mark.parametrize(
    ("text", "keys", "lines"),
    [
        ("é\n\n## [@a]\n\n- x [@b]", [("a",), ("b",)], [3, 5]),
        ("> [@a;\n> @b]", [("a", "b")], [1]),
        ("| [@a] |\n|---|\n| [@b] |", [("a",), ("b",)], [1, 3]),
        ("[[@a]] ![@b] **[@a]**", [("a",), ("b",), ("a",)], [1, 1, 1]),
        ("[@a_b] [@smith_2020.b:c-d]", [("a_b",), ("smith_2020.b:c-d",)], [1, 1]),
        (r"\\[@a]", [("a",)], [1]),
    ],
)
def test_where_citations_stand(text: str, keys: list[tuple[str, ...]], lines: list[int]) -> None:
    """Citations are found with their lines wherever text can stand."""
    found = markdown.read(text).citations
    assert [citation.keys for citation in found] == keys
    assert [citation.line for citation in found] == lines


@pytest.mark.parametrize("text", ["[@]", "[@a, @b]", "[@a p. 3]", "[@a; b]", "[@*a*]", "[@a"])
def test_malformed_citations_are_reported(text: str) -> None:
    """What starts like a citation and is none is never shown to readers in silence."""
    reading = markdown.read(f"x\n\n{text}")
    assert reading.citations == ()
    assert [line for line, _ in reading.malformed] == [3]


@pytest.mark.parametrize(
    "text",
    [
        "[see [@a]](https://example.org)",
        '<a href="https://example.org">[@a]</a>',
        "x <code>[@a]</code>",
        '<div title="\n\n[@a] onclick=alert(1)\n\n">',
        "[&#x1A;0&#x1A;] [@a]",
        "<table>\n\n<!-- [@a]\n\n[@a]\n",
    ],
)
def test_lost_citations_are_reported(text: str) -> None:
    """A citation that cannot be a link is reported, and leaves no mark of ours behind."""
    rendering = markdown.render(markdown.read(text), {"a": 1})
    reading = markdown.read(text)
    assert rendering.lost or reading.misplaced or not reading.citations
    assert "\x1a" not in rendering.html
    assert sanitise.clean(rendering.html.replace(sup((1, 1)), "")) == rendering.html.replace(
        sup((1, 1)), ""
    )


def test_unknown_keys_show_a_question_mark() -> None:
    """A preview of an unfinished article does not fail."""
    assert html("[@zzz]") == '<p><sup class="cite">?</sup></p>\n'


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("# a\n\n## b", ["2", "3"]),
        ("## a\n\n### b", ["2", "3"]),
        ("### a\n\n###### b", ["2", "5"]),
        ("# a\n\n###### b", ["2", "6"]),
    ],
)
def test_headings_start_below_the_title(text: str, levels: list[str]) -> None:
    """The body's highest heading is h2, whatever the author starts with; h6 is the lowest."""
    assert re.findall(r"<h(\d)>", html(text)) == levels
    assert re.findall(r"</h(\d)>", html(text)) == levels


def test_headings_of_answers_start_lower() -> None:
    """An answer stands below the heading of its question."""
    assert markdown.render(markdown.read("## x"), {}, top=4).html == "<h4>x</h4>\n"


def test_tables_and_strikethrough_but_no_footnotes() -> None:
    """The extensions that articles use, with the alignment of columns kept."""
    out = html("| a |\n|--:|\n| ~~1~~ |\n\nb[^1]\n\n[^1]: c")
    assert '<th style="text-align:right">a</th>' in out
    assert "<del>1</del>" in out
    assert "footnote" not in out


def test_what_is_written_from_the_root_is_relative_to_the_page() -> None:
    """A page works below any path, and so do its links and pictures in a feed."""
    out = html(
        '![x](images/a%20b.png) ![y](/images/c.png "t") ![z](d.png) [l](/articles/y/) [f](#f)'
    )
    assert 'src="../../images/a%20b.png"' in out
    assert 'src="../../images/c.png"' in out
    assert 'src="../../images/d.png"' in out
    assert 'href="../../articles/y/"' in out
    assert 'href="#f"' in out
    assert markdown.pictures(out) == ("images/a b.png", "images/c.png", "images/d.png")
    far = markdown.absolute(out, BASE)
    assert 'src="https://journal.example.org/sub/images/c.png"' in far
    assert 'href="https://journal.example.org/sub/articles/y/"' in far
    assert f'href="{BASE}#f"' in far


def test_remote_images_are_left_for_the_check() -> None:
    """Another site's image keeps its address, so that the finding can name it."""
    assert 'src="https://example.org/x.png"' in html("![x](https://example.org/x.png)")
    assert markdown.pictures(html("![x](https://example.org/x.png)")) == ()


@pytest.mark.parametrize(
    ("link", "kept"),
    [
        ("https://example.org/?a=1&amp;b=2", "https://example.org/?a=1&amp;b=2"),
        ("mailto:a@example.org", "mailto:a@example.org"),
        ("#source-1", BASE + "#source-1"),
        ("?q=1&amp;r=2", BASE + "?q=1&amp;r=2"),
        ("../y/", "https://journal.example.org/sub/articles/y/"),
        ("//example.org/y", "https://example.org/y"),
        ("//[", "//["),
        ("", BASE),
    ],
)
def test_absolute(link: str, kept: str) -> None:
    """Relative addresses get the page's; those with a scheme are left as they are."""
    assert markdown.absolute(f'<a href="{link}" title="href=&quot;x&quot;">href="y"</a>', BASE) == (
        f'<a href="{kept}" title="href=&quot;x&quot;">href="y"</a>'
    )


def test_absolute_rewrites_every_kind_of_address() -> None:
    """`src` and `cite` too."""
    assert markdown.absolute(
        '<q cite="/a"><img alt="x" src="b"></q>', "https://example.org/c/"
    ) == ('<q cite="https://example.org/a"><img alt="x" src="https://example.org/c/b"></q>')


TEXT = st.lists(
    st.sampled_from(
        [
            *("[@a]", "[@a; @b]", "[@", "]", "`", "*", "# ", "\n\n", "\n", "    ", "> ", "- ", "|"),
            *("<b>", "</b>", '<a href="x">', "</a>", '<div title="', '">', "<script>", "<!--"),
            *("![x](y.png)", "[l](/z)", "[m](javascript:x)", "&#7;", "&#xFDD0;", "\\", "é", "text"),
            *("<td>", "<pre>", "</pre>", "&lt;", "[n](//[)", "~~", "---\n", "](", "<kbd>"),
        ]
    )
    | st.text(max_size=4),
    max_size=25,
).map("".join)


@given(TEXT)
def test_nothing_gets_past_the_sanitiser(text: str) -> None:
    """Whatever is written, the HTML is clean but for our own superscripts."""
    out = markdown.render(markdown.read(text), {"a": 1, "b": 2}).html
    bare = re.sub(r'<sup class="cite">.*?</sup>', "", out)
    assert sanitise.clean(bare) == bare
    led_to = re.findall(r'(?:href|src)="([^"]*)"', bare)
    assert not [url for url in led_to if url.strip().lower().startswith("javascript:")]


@given(TEXT)
def test_every_citation_is_a_link_or_reported(text: str) -> None:
    """Each citation read is a superscript or in `lost`; anchors are unique."""
    reading = markdown.read(text)
    rendering = markdown.render(reading, {"a": 1, "b": 2})
    anchors = re.findall(r' id="(cite-\d-\d+)"', rendering.html)
    assert len(anchors) == len(set(anchors))
    if not rendering.lost:
        known = [key for c in reading.citations for key in c.keys if key in {"a", "b"}]
        assert len(anchors) == len(known)
        assert sum(rendering.uses.values()) == len(anchors)


@given(TEXT)
def test_lines_lie_in_the_text(text: str) -> None:
    """Every line that is reported exists."""
    reading: Reading = markdown.read(text)
    last = text.count("\n") + 1
    for line, _ in (*reading.malformed, *reading.misplaced, *reading.raw, *reading.links):
        assert 1 <= line <= last
    for line, _ in (*reading.images, *reading.headings, *markdown.stripped(reading)):
        assert 1 <= line <= last
    assert len(reading.images) == len(reading.alts)


@given(TEXT)
def test_absolute_leaves_no_relative_address(text: str) -> None:
    """On any sanitised HTML: every address is absolute or none, and nothing else changes."""
    out = markdown.render(markdown.read(text), {"a": 1, "b": 2}).html
    far = markdown.absolute(out, BASE)
    assert markdown.absolute(far, BASE) == far
    assert markdown.plain(far) == markdown.plain(out)
    tags = re.compile(r'(</?[a-z0-9]+)[^>"]*(?:"[^"]*"[^>"]*)*>')
    assert tags.sub(r"\1>", far) == tags.sub(r"\1>", out)
    for url in re.findall(r'<a href="([^"]*)"', far):
        assert sanitise.scheme(url) in {"http", "https", "mailto", None}
        if sanitise.scheme(url) is None:
            with pytest.raises(ValueError, match=r".*"):
                urljoin(BASE, url)


def test_plain() -> None:
    """A line per block, entities resolved, citations in brackets."""
    out = html("# A & B\n\nOne *two*\nthree [@a; @b].\n\n- x<br>y\n- `<b>`")
    assert markdown.plain(out) == "A & B\nOne two three [1, 2].\nx\ny\n<b>"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("One *two*three [@a]. Four.", 3),
        ("a\nb\n\nc\n\n- d\n- e", 5),
        ("<p>one two</p>\n\nthree <!-- not this -->", 3),
        ("![not this](x.png) `one` two", 2),
        ("", 0),
    ],
)
def test_words(text: str, words: int) -> None:
    """Reading time counts what is read: neither marks nor comments nor alternative texts."""
    assert markdown.read(text).words == words


def test_addresses_of_mail() -> None:
    """`<name@example.org>` is a mail address, not a relative link."""
    assert markdown.read("<a@example.org>").links == ((1, "mailto:a@example.org"),)


WRITTEN = st.lists(
    st.sampled_from(
        [
            *(
                "Words here",
                " and",
                " [@a]",
                "[@b; @a]",
                ".",
                "\n",
                "\n\n",
                "## ",
                "- ",
                "1. ",
                "> ",
            ),
            *("**x**", " *y* ", "`z [@a]`", "[t](https://e.org/?a=1&b)", "[u](/articles/x/)", "\\"),
            *(
                "<",
                " < 3",
                "<b>",
                "&amp;",
                "\u00a0",
                "    ",
                "| [@a] |\n|---|\n| x |\n",
                "---\n",
                "~~s~~",
            ),
            *(
                "![@b]",
                "[@a](x)",
                "![i](images/a.png)",
                "# ",
                "[@a p]",
                '"q"',
                "<https://e.org>",
                "\u00e9",
            ),
            *(
                "[v](ftp://e.org)",
                "[w](x.html)",
                '[y](https://e.org "t")',
                "  \n",
                "```\n",
                "[r]: /x\n",
            ),
            *("[@a]: /y\n", "[#](#s)", "<!-- c -->", "&#65;", "[@a", "_", "*"),
        ]
    ),
    max_size=9,
).map("".join)


@given(WRITTEN)
def test_what_is_skimmed_is_what_a_walk_finds(text: str) -> None:
    """The quick way gives the same citations, words and HTML, and never misses a remark."""
    quick = reading.skim(text)
    if quick is None:
        return
    thorough = reading.walk(text)
    assert (quick.marked, quick.citations, quick.words) == (
        thorough.marked,
        thorough.citations,
        thorough.words,
    )
    assert [level for _, level in quick.headings] == [level for _, level in thorough.headings]
    remarks = (*thorough.malformed, *thorough.misplaced, *thorough.raw, *thorough.images)
    assert remarks == ()
    place = Place("x")
    for _, target in thorough.links:
        assert not list(links.link(target, sanitise.scheme(target), place))
    numbers = {"a": 1, "b": 2}
    assert markdown.render(quick, numbers) == markdown.render(thorough, numbers)
    assert quick.html == sanitise.clean(pyromark.html(quick.marked, options=reading.OPTIONS))


def test_ordinary_markdown_is_skimmed() -> None:
    """Headings, lists, emphasis, links, tables and citations take the short way."""
    text = "## A\n\nX **y** [z](https://e.org/), p < 0.05 [@a].\n\n- `q`\n\n|a|\n|-|\n|b|\n"
    found = reading.skim(text)
    assert found is not None
    assert found.words == reading.walk(text).words == 10
    for odd in ("# T", "<b>x</b>", "![a](b.png)", "[@a b]", "[x](ftp://y)", "\\[@a]", "\0"):
        assert reading.skim(odd) is None
