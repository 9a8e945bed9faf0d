from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.formats import sanitise

PIECES = st.sampled_from(
    [
        *("<b>", "</b>", "<td>", "<p title='x'>", '<a href="javascript:alert(1)">', "</a>", "text"),
        *("<script>", "</script>", "<!--", "-->", '"', "'", ">", "<", "&#7;", "<svg onload=x>"),
        *("<img src=x onerror=y>", "<style>", "\n", "<math><mi>", "<div style='color:red'>"),
        *('<th style="text-align: right">', "<textarea>", "<noscript>", '<p title="', "é"),
    ]
)
HTML = st.lists(PIECES | st.text(max_size=5), max_size=12).map("".join)


class Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))


def seen(html: str) -> list[tuple[str, list[tuple[str, str | None]]]]:
    reader = Seen()
    reader.feed(html)
    return reader.tags


@given(HTML)
def test_only_the_policy_is_left(html: str) -> None:
    """Whatever comes in, only the policy's tags, attributes and schemes come out."""
    for tag, attributes in seen(sanitise.clean(html)):
        assert tag in sanitise.TAGS
        for name, value in attributes:
            assert name in sanitise.ANYWHERE | sanitise.ATTRIBUTES.get(tag, frozenset())
            if name in sanitise.LINKS:
                assert sanitise.scheme(value or "") in {None, *sanitise.SCHEMES}


@given(HTML)
def test_cleaning_twice_changes_nothing(html: str) -> None:
    """Clean HTML is a fixed point."""
    once = sanitise.clean(html)
    assert sanitise.clean(once) == once


@pytest.mark.parametrize(
    ("html", "lost"),
    [
        ("<script>alert(1)</script>", [(0, "<script>")]),
        ("x\n<b onclick='x'>", [(1, "the attribute onclick of <b>")]),
        ("<p id=a class=b>", [(0, "the attribute id of <p>"), (0, "the attribute class of <p>")]),
        (
            '<a href="java\nscript:x">',
            [(0, "the href of <a> (only http, https and mailto)")],
        ),
        ('<td style="color: red">', [(0, "the style of <td> (only text-align)")]),
        ('<td style="text-align: right">', []),
        ('<a href="#x">a</a> <a href="https://example.org">b</a>', []),
        ("<!-- a note -->", []),
        ("a\n<!-- a note", [(1, "a comment never closed")]),
        ("<!DOCTYPE html>", [(0, "<!DOCTYPE>")]),
        ("<![CDATA[x]]>", [(0, "<![CDATA[")]),
        ("<?php x ?>", [(0, "<?php")]),
        ('<div title="x', [(0, "a tag never finished")]),
        ("5 < 6 & 7 > 3", []),
        ("<br/><wbr><hr />", []),
    ],
)
def test_losses(html: str, lost: list[tuple[int, str]]) -> None:
    """Everything that cleaning takes out is named with its line; what survives is not."""
    assert list(sanitise.losses(html)) == lost


def test_lost_for_its_place_alone() -> None:
    """A table cell outside a table is allowed by name and lost all the same."""
    assert sanitise.missing_tags("<td>x</td><b>y</b>", sanitise.clean("<td>x</td><b>y</b>")) == (
        "td",
    )


def test_images_in_raw_html() -> None:
    """Images in raw HTML are found with their lines, so that they are judged like others."""
    assert list(sanitise.images('a\n<img src="x.png" alt="y"><img>')) == [
        (1, "x.png", "y"),
        (1, "", ""),
    ]
