"""What is counted of an issue, and how it is explained."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.bounce import BounceKind
from publisher.domain.delivery import DeliveryState
from publisher.domain.explaining import DEFERRED, OURS, REFUSED, UNKNOWN, explain
from publisher.domain.figures import FEWEST, MOST_DOMAINS, MOST_MOMENTS, OTHERS, largest, width
from publisher.ports import TROUBLE

START = datetime(2026, 11, 24, 9, tzinfo=UTC)


@given(st.integers(0, 10**9))
def test_a_chart_never_has_more_moments_than_it_can_show(seconds: int) -> None:
    """A sending of any length below years fits, and a short one is shown in detail."""
    long = width(START, START + timedelta(seconds=seconds))
    if seconds < MOST_MOMENTS * timedelta(weeks=1).total_seconds():
        assert seconds / long.total_seconds() < MOST_MOMENTS
    if seconds < MOST_MOMENTS:
        assert long == timedelta(seconds=1)


counts = st.dictionaries(st.sampled_from(["accepted", "refused"]), st.integers(1, 50), min_size=1)
names = st.text(st.characters(categories=["Ll"]), max_size=8)


@given(st.dictionaries(names, counts, max_size=60))
def test_no_delivery_is_lost_among_the_domains_and_no_small_one_is_named(
    domains: dict[str, dict[str, int]],
) -> None:
    """The sums agree; whoever is named has readers enough to hide among."""
    found = largest(domains)
    everything = sum(sum(each.values()) for each in domains.values())
    assert sum(sum(each.values()) for _, each in found) == everything
    named = [(name, each) for name, each in found if name in domains]
    assert len(named) <= MOST_DOMAINS
    assert all(sum(each.values()) >= FEWEST for name, each in named if name != OTHERS)
    sizes = [sum(each.values()) for name, each in found if name != OTHERS]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize(
    ("state", "code", "reply", "meaning"),
    [
        ("refused", 550, "5.1.1 no such user", REFUSED[BounceKind.HARD]),
        ("refused", 552, "5.2.2 mailbox full", REFUSED[BounceKind.SOFT]),
        ("refused", 550, "5.7.1 blocked using a blocklist", REFUSED[BounceKind.BLOCK]),
        ("refused", 552, "5.3.4 message too big", REFUSED[BounceKind.CONTENT]),
        ("refused", 0, "the address cannot be written", OURS),
        ("deferred", 450, "4.2.0 greylisted", DEFERRED[BounceKind.SOFT]),
        ("deferred", 421, "4.7.28 rate limited", DEFERRED[BounceKind.BLOCK]),
        ("deferred", 450, "4.1.1 no such user", DEFERRED[BounceKind.SOFT]),
        ("deferred", 0, "", DEFERRED[BounceKind.SOFT]),
        ("unknown", 0, "no answer", UNKNOWN),
        ("accepted", 250, "OK", ""),
    ],
)
def test_what_a_server_said_is_explained(state: str, code: int, reply: str, meaning: str) -> None:
    """Staff need not know what 5.1.1 is."""
    assert explain(DeliveryState(state), code, reply) == meaning


@given(st.sampled_from(list(DeliveryState)), st.integers(0, 599), st.text(max_size=60))
def test_whatever_was_said_there_is_an_explanation(
    state: DeliveryState, code: int, reply: str
) -> None:
    """Every message that was not accepted has one; no other has."""
    wanted = state in TROUBLE
    assert bool(explain(state, code, reply)) is wanted
