"""Documents put together from moulds are those of the formats' own writers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.formats import atom, feeds, jsonfeed, mould, rss
from publisher.formats.channel import of_journal
from publisher.formats.feed import Addresses, Enclosure, Feed, Item, Reference, clean
from tests.factories import journal

TEXT = st.text(max_size=40).map(clean)
SPECIAL = st.sampled_from(["a & b", "<p>x</p>", '"', "'", "]]>", "a\nb\tc\rd", "&amp;", "🧬 مرحبا"])
VALUE = (TEXT | SPECIAL).filter(bool)
MOMENT = st.datetimes(datetime(1980, 1, 1), datetime(2100, 1, 1)).map(  # noqa: DTZ001 - below
    lambda at: at.replace(microsecond=0, tzinfo=timezone(timedelta(hours=2)))
)
ITEM = st.builds(
    Item,
    id=VALUE,
    url=VALUE,
    title=VALUE,
    summary=TEXT | SPECIAL,
    content_html=VALUE | st.tuples(VALUE, VALUE).map(lambda two: "x".join(two) * 300),
    published_at=MOMENT,
    updated_at=MOMENT,
    authors=st.lists(VALUE, max_size=3).map(tuple),
    categories=st.lists(VALUE, max_size=3).map(tuple),
    language=st.sampled_from([None, "de"]),
    references=st.lists(
        st.builds(
            Reference,
            url=VALUE,
            title=VALUE,
            year=st.integers(1000, 2999),
            kind=VALUE,
            citation=VALUE,
            identifiers=st.sampled_from([(), (("doi", "10.1000/<1>"), ("pmid", "1"))]),
            note=TEXT,
        ),
        max_size=3,
    ).map(tuple),
    about=VALUE,
    image=st.none() | st.builds(Enclosure, VALUE, st.integers(0, 10**9), st.just("image/png")),
)
PAGE = st.none() | st.builds(Addresses, VALUE, VALUE, VALUE)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(ITEM, max_size=3),
    PAGE,
    PAGE,
    PAGE,
    st.booleans(),
    st.sampled_from([None, "https://h"]),
)
def test_a_mould_gives_what_the_writer_gives(
    items: list[Item],
    current: Addresses | None,
    previous: Addresses | None,
    following: Addresses | None,
    archived: bool,
    hub: str | None,
) -> None:
    """Byte for byte, whatever the values are, in all three formats."""
    of = journal()
    feed = replace(
        of_journal(of).feed(of, logo="https://journal.example.org/logo.png"),
        current=current,
        previous=previous,
        following=following,
        archived=archived,
        hub=hub,
    )
    changed = max((item.updated_at for item in items), default=None)
    for form in feeds.FORMS:
        made = mould.document(
            form, replace(feed, changed_at=changed), [mould.entry(form, item) for item in items]
        )
        assert made.decode() == form.render(replace(feed, items=tuple(items))).decode()


@pytest.mark.parametrize("render", [rss.render, atom.render, jsonfeed.render])
def test_a_head_without_items_has_their_date(render: object) -> None:
    """`changed_at` stands for the items that are elsewhere."""
    assert callable(render)
    of = journal()
    changed = datetime(2026, 11, 20, 6, 0, tzinfo=UTC)
    feed: Feed = replace(of_journal(of).feed(of), changed_at=changed)
    assert feed.updated_at == changed
    assert render(feed) == render(replace(feed, items=()))
