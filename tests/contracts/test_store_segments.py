"""What any store promises about segments, and about rows that wait to be imported."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.cadence import Cadence, CadenceKind
from publisher.domain.segment import Segment
from publisher.domain.subscription import Consent, NewSubscriber, SubscriptionEvent
from publisher.ports import Store
from publisher.stores.staging import open_staging
from tests.contracts.samples import CONSENT, NOW, admit, claim, one, release, row, settle, start
from tests.contracts.samples import suppress as suppress_one
from tests.factories import journal, newsletter

JOURNAL = journal(
    language="en-GB",
    newsletters=(
        newsletter(
            slug="digest",
            cadences=(Cadence(CadenceKind.WEEKLY, weekday=1), Cadence(CadenceKind.MONTHLY, day=1)),
        ),
        newsletter(slug="news", cadences=(Cadence(CadenceKind.EACH),)),
    ),
)


def named(store: Store, segment: Segment) -> list[str]:
    """Who is in it, in order; the count says the same."""
    chosen = segment.at(NOW, JOURNAL)
    found = store.subscribers.list(segment=chosen)
    assert sum(store.subscribers.count(chosen).values()) == len(found)
    return [each.address.partition("@")[0] for each in found]


@pytest.fixture
def peopled(store: Store) -> Store:
    """Four readers of the digest, one of the news, and three who are none."""
    admit(
        store,
        row("ann", topics=("heart", "sleep"), cadence="monthly", language="de"),
        row("bo", language="de-AT"),
        row("cy", topics=("cancer",), cadence="weekly", language="en"),
        row("di"),
        row("left"),
        row("bad"),
        row("pending"),
    )
    admit(store, row("ed"), newsletter="news")
    store.subscribers.change(one(store, "left").id, SubscriptionEvent.UNSUBSCRIBE, NOW)
    for event in (SubscriptionEvent.UNSUBSCRIBE, SubscriptionEvent.REQUEST):
        store.subscribers.change(one(store, "pending").id, event, NOW)
    suppress_one(store, "bad")
    return store


@pytest.mark.parametrize(
    ("segment", "expected"),
    [
        (Segment(newsletters=("digest",)), ["ann", "bo", "cy", "di"]),
        (Segment(newsletters=("news",)), ["ed"]),
        (Segment(), ["ann", "bo", "cy", "di", "ed"]),
        (Segment(topics=("heart",)), ["ann", "bo", "di", "ed"]),
        (Segment(topics=("hear",)), ["bo", "di", "ed"]),
        (Segment(topics=("heart", "cancer")), ["ann", "bo", "cy", "di", "ed"]),
        (Segment(cadences=("weekly",)), ["bo", "cy", "di"]),
        (Segment(cadences=("monthly",)), ["ann"]),
        (Segment(cadences=("each",)), ["ed"]),
        (Segment(languages=("de",)), ["ann", "bo"]),
        (Segment(languages=("de-AT",)), ["bo"]),
        (Segment(languages=("en",)), ["cy", "di", "ed"]),
        (Segment(domains=("example.org",)), ["ann", "bo", "cy", "di", "ed"]),
        (Segment(domains=("xample.org", "e_ample.org")), []),
        (Segment(joined_since=timedelta(days=1)), ["ann", "bo", "cy", "di", "ed"]),
        (Segment(joined_before=NOW), []),
        (Segment(newsletters=("digest",), topics=("sleep",), languages=("de",)), ["ann", "bo"]),
    ],
)
def test_who_is_in_a_segment(peopled: Store, segment: Segment, expected: list[str]) -> None:
    """All conditions hold; what somebody did not choose counts as what they get."""
    assert named(peopled, segment) == expected


def test_by_the_last_accepted_mail(peopled: Store) -> None:
    """Since a date, or not since then, which includes never."""
    issue = release(peopled)
    settle(peopled, start(peopled, claim(peopled, limit=2, issue_id=issue.id)))
    took = named(peopled, Segment(accepted_since=NOW))
    others = named(peopled, Segment(not_accepted_since=NOW))
    assert len(took) == 2
    assert sorted(took + others) == ["ann", "bo", "cy", "di", "ed"]
    assert named(peopled, Segment(accepted_since=NOW + timedelta(seconds=1))) == []


def test_a_newsletter_that_is_gone_takes_nobody(peopled: Store) -> None:
    """A segment of newsletters that the settings no longer name is empty, not everybody."""
    assert named(peopled, Segment(newsletters=("old",))) == []


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
ROWS = st.builds(
    NewSubscriber,
    address=st.just("a@example.org"),
    key=st.integers(0, 20).map(lambda number: f"{number}@example.org"),
    name=TEXT,
    topics=st.none() | st.lists(st.sampled_from(["a", "b-c"]), min_size=1).map(tuple),
    cadence=st.none() | st.just("weekly"),
    language=st.none() | st.just("de"),
    time_zone=st.none() | st.just("Europe/Paris"),
    consent=st.none() | st.builds(Consent, st.just(NOW), TEXT, TEXT, TEXT, TEXT, TEXT),
)


@given(st.lists(ROWS, max_size=30), st.integers(1, 7))
def test_rows_wait_as_they_were(rows: list[Any], size: int) -> None:
    """Each address once, the first; in the order of the file, however they are taken."""
    numbered = list(enumerate(rows, 2))
    first: dict[str, int] = {}
    for number, each in numbered:
        first.setdefault(each.key, number)
    with open_staging() as staging:
        twice = [
            pair
            for start_at in range(0, len(numbered), size)
            for pair in staging.add(numbered[start_at : start_at + size])
        ]
        kept = [pair for batch in staging.batches(size) for pair in batch]
    assert twice == [(n, first[each.key]) for n, each in numbered if first[each.key] != n]
    assert kept == [(n, each) for n, each in numbered if first[each.key] == n]


def test_a_rows_own_consent_goes_on_record(store: Store) -> None:
    """Before what is said for all; choices and time zone come along."""
    own = Consent(NOW - timedelta(days=9), "old list", "Their words", network="192.0.2.0/24")
    admit(store, row("ann", consent=own, time_zone="Europe/Paris"), row("bo"))
    assert one(store, "ann").consent == own
    assert one(store, "ann").time_zone == "Europe/Paris"
    assert one(store, "bo").consent == CONSENT


def test_many_come_in_at_once_whatever_is_known_of_them(store: Store) -> None:
    """Known addresses, other newsletters and pending ones, over several chunks."""
    admit(store, row("r3"), row("r7000"), newsletter="news")
    admit(store, row("r5"))
    for event in (SubscriptionEvent.UNSUBSCRIBE, SubscriptionEvent.REQUEST):
        store.subscribers.change(one(store, "r5").id, event, NOW)
    answers = admit(store, *(row(f"r{number}") for number in range(7_500)))
    assert {str(each) for each in answers} == {"added"}
    assert store.subscribers.counts() == {"digest": {"confirmed": 7_500}, "news": {"confirmed": 2}}
    assert len(store.subscribers.by_address("r7000@example.org")) == 2
    (again,) = {str(each) for each in admit(store, *(row(f"r{n}") for n in range(10)))}
    assert again == "already subscribed"
