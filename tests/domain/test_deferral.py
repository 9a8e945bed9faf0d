"""What "not now" means, and when it is tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.deferral import Deferral, asked, meaning
from publisher.domain.retry import LONGEST, SHORTEST, STEPS, RetryPolicy

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
JITTER = st.floats(0, 1, exclude_max=True)


@pytest.mark.parametrize(
    ("code", "reply", "what"),
    [
        (450, "4.2.0 <address>: Recipient address rejected: Greylisted, see example.org", "grey"),
        (451, "4.7.1 Greylisting in action, please come back later", "grey"),
        (451, "4.7.1 graylisted, try again in 300 seconds", "grey"),
        (421, "4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred", "rate"),
        (421, "4.7.28 Our system has detected an unusual rate of mail", "rate"),
        (451, "4.7.500 Server busy. Please try again later", "rate"),
        (450, "4.7.1 Error: too much mail from 192.0.2.1", "rate"),
        (421, "Too many concurrent connections", "rate"),
        (452, "Too many messages this session", "rate"),
        (450, "message rate exceeded, slow down", "rate"),
        (421, "Service not available", "rate"),
        (421, "4.3.2 System going down", "other"),
        (421, "4.4.2 relay Error: timeout exceeded", "other"),
        (452, "4.2.2 The mailbox holds too many messages", "other"),
        (450, "4.2.1 The user is receiving mail at a rate that", "other"),
        (452, "4.3.1 Insufficient system storage", "other"),
        (451, "4.4.3 Temporary lookup failure", "other"),
        (450, "", "other"),
    ],
)
def test_only_one_kind_of_not_now_is_about_our_pace(code: int, reply: str, what: str) -> None:
    """Greylisting bears the codes of policy and is none; a full mailbox is one reader's."""
    names = {"grey": Deferral.GREYLISTED, "rate": Deferral.RATE, "other": Deferral.OTHER}
    assert meaning(code, reply) is names[what]


@pytest.mark.parametrize(
    ("reply", "wait"),
    [
        ("4.7.1 Greylisted, retry in 00:09:58", timedelta(minutes=9, seconds=58)),
        ("4.2.0 greylisted for 300 seconds", timedelta(minutes=5)),
        ("greylisted, please try again in 20 min", timedelta(minutes=20)),
        ("graylisting: come back in 1 hour", timedelta(hours=1)),
        ("4.7.1 greylisted", timedelta(0)),
        ("4.7.0 wait 300 seconds", timedelta(0)),
    ],
)
def test_greylisting_may_say_how_long(reply: str, wait: timedelta) -> None:
    """What it asks for is waited; other servers' numbers mean other things."""
    assert asked(reply) == wait


@given(st.integers(0, 999), st.text(max_size=200))
def test_any_reply_means_something(code: int, reply: str) -> None:
    """No reply is too strange; what is asked for is a length of time."""
    assert meaning(code, reply) in Deferral
    assert asked(reply) >= timedelta(0)


@given(st.integers(1, 200), JITTER, st.timedeltas(timedelta(0), timedelta(days=3)))
def test_what_is_asked_for_is_waited_within_reason(
    attempts: int, jitter: float, ask: timedelta
) -> None:
    """It lengthens a wait, never shortens one, and nobody can make us wait past the longest."""
    policy = RetryPolicy()
    plain = policy.due(attempts, NOW, jitter)
    due = policy.due(attempts, NOW, jitter, ask)
    assert due == max(plain, NOW + min(ask, LONGEST))


@given(st.integers(1, 50), JITTER)
def test_waits_are_5_15_30_60_minutes_then_2_to_4_hours(attempts: int, jitter: float) -> None:
    """Each with its jitter; the last range repeats until the limit."""
    wait = RetryPolicy().due(attempts, NOW, jitter) - NOW
    if attempts <= 4:
        step = timedelta(minutes=(5, 15, 30, 60)[attempts - 1])
        assert step == STEPS[attempts - 1]
        assert step <= wait <= step * 1.2
    else:
        assert SHORTEST <= wait <= LONGEST


@given(st.lists(JITTER, min_size=60, max_size=60))
def test_three_days_hold_a_bounded_number_of_attempts(jitters: list[float]) -> None:
    """Some thirty at the most: a server is not pestered, and a reader not given up early."""
    policy, now, attempts = RetryPolicy(), NOW, 0
    while not policy.expired(NOW, now):
        attempts += 1
        now = policy.due(attempts, now, jitters[attempts])
    assert 20 <= attempts <= 41
