from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.checks import aliases, instants, length
from publisher.checks.text import markup
from publisher.domain.article import Article
from publisher.domain.finding import Finding, Place
from publisher.errors import Defect
from publisher.formats.parts import HTML
from tests.factories import article, numbered

HERE = Place("content/x.md", 3)


@pytest.mark.parametrize("written", ["/old/", "/old", "/2019/05/a_b~c.html", "/a.b/c-d/"])
def test_a_path_of_the_journal_can_be_an_alias(written: str) -> None:
    """Letters, digits and `- _ . ~` in parts that do not start with a dot."""
    assert not list(aliases.path(written, HERE))


@pytest.mark.parametrize(
    "written",
    [
        *(
            "/",
            "old",
            "old/",
            "//evil.example.org/",
            "/a//b",
            "/../x",
            "/a/../b",
            "/./a",
            "/.git/x",
        ),
        *("/a?b", "/a#b", "/a b", "/a%2e%2e/", "/a\\b", "/é", "/a\n", "https://x.example.org/"),
        "/" + "a" * 200,
    ],
)
def test_anything_else_cannot(written: str) -> None:
    """No traversal, no other host, nothing that servers or file systems read differently."""
    (finding,) = aliases.path(written, HERE)
    assert (finding.rule, finding.place) == ("bad-alias", HERE)


@given(st.text(st.sampled_from("/.a-_~%\\"), max_size=12))
def test_an_alias_never_leaves_the_tree(written: str) -> None:
    """What is let through becomes a file below the root, and nothing hidden."""
    if not list(aliases.path(written, HERE)):
        parts = aliases.file(written).split("/")
        assert all(part and not part.startswith(".") for part in parts)


def same(count: int) -> list[Article]:
    when = numbered(1)[0].published_at
    return [replace(a, published_at=when, updated_at=when) for a in numbered(count)]


def test_two_articles_of_one_second_are_found() -> None:
    """Each but the first is named, with what to do; a draft disturbs nobody."""
    one, two, three = same(3)
    found = list(instants.shared([three, replace(two, draft=True), one]))
    assert [(f.rule, f.place.path, f.remedy) for f in found] == [
        ("shared-instant", "content/article-0002.md", "run `publisher check --mint`")
    ]
    stored = [replace(a, feed_seconds=9) for a in (one, three)]
    (finding,) = instants.shared(stored)
    assert "updated:" in finding.remedy
    assert not list(instants.shared(numbered(9)))


def test_who_readers_have_longer_stays() -> None:
    """Stored seconds first, then what is not new, then what never changed, then the path."""
    one, two, three, four = same(4)
    three = replace(three, feed_seconds=5)
    two = replace(two, published_at=two.published_at - timedelta(days=1))
    gave_way = [a.path for a, _ in instants.moved([one, two, three, four], {one.path})]
    assert gave_way == [four.path, two.path, one.path]


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 60))
def test_seconds_part_any_number(count: int) -> None:
    """Each gets an instant of its own, near its day's beginning."""
    taken: set[datetime] = set()
    for each in same(count):
        seconds = instants.free(each, taken)
        assert 0 < seconds < instants.NEAR
        taken.add(each.updated_at + timedelta(seconds=seconds))
    assert len(taken) == count


def test_seconds_go_on_after_the_first_minutes_and_end_with_the_day() -> None:
    """A crowded day takes later ones; a full one is our mistake."""
    one = article()
    near = {one.updated_at + timedelta(seconds=n) for n in range(instants.NEAR)}
    assert instants.free(one, near) == instants.NEAR
    whole = {one.updated_at + timedelta(seconds=n) for n in range(instants.DAY)}
    with pytest.raises(Defect):
        instants.free(one, whole)


def test_seconds_come_from_the_id() -> None:
    """The same article gets the same ones, whatever else there is."""
    assert instants.free(article(), set()) == instants.free(
        article(title="x"), {article().updated_at}
    )


@pytest.mark.parametrize("written", ["-1", "86400", "01", "1.5", "x", "99999999"])
def test_seconds_of_a_day(written: str) -> None:
    """Whole ones, from 0 to 86,399."""
    found = instants.seconds(written, HERE)
    assert isinstance(found, Finding)
    assert found.rule == "bad-feed-seconds"
    assert instants.seconds("86399", HERE) == 86399
    assert instants.seconds("0", HERE) == 0


def test_an_article_too_long_for_feeds_is_remarked_upon() -> None:
    """A warning: its page is whole."""
    assert not list(length.for_feeds(length.LONGEST, HERE))
    (finding,) = length.for_feeds(length.LONGEST + 1, HERE)
    assert not finding.blocks


@pytest.mark.parametrize(
    "text", ["a <b>c</b>", "x</p>", "<br/>", '<a href="x">', "R &amp; D", "&#8211;", "&#xe9;"]
)
def test_markup_in_plain_text_is_found(text: str) -> None:
    """Readers would see it, or their programs take it for HTML."""
    (finding,) = markup("title", text, HTML, HERE)
    assert finding.rule == "markup-in-text"


@pytest.mark.parametrize(
    "text", ["p < 0.05 & n > 3", "p<0.05", "R&D", "Q&A; 5", "<x> </y>", "a<=b"]
)
def test_signs_are_text(text: str) -> None:
    """Less-than, and, more-than: medicine needs them."""
    assert not list(markup("title", text, HTML, HERE))
