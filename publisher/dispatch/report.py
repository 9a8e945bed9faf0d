"""What a drain is bounded by, and what it says about itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from publisher.domain.retry import RetryPolicy


@dataclass(frozen=True, slots=True)
class Bounds:
    """Every bound of a drain.

    `lease`: how long a claim is held without a sign of life. `batch`: messages taken on at a
    time, piece by piece, which also bounds memory. `reopen`: seconds to wait before each further
    attempt to open a session. `losses`: sessions that one message may lose before that counts as
    a deferral. `patience`: seconds to wait before each further attempt at a store that fails.
    `grace`: how long a stop waits for what is under way.
    """

    lease: timedelta = timedelta(seconds=60)
    batch: int = 200
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    reopen: tuple[float, ...] = (0.0, 1.0, 5.0)
    losses: int = 3
    patience: tuple[float, ...] = (0.1, 0.5, 2.0, 5.0)
    grace: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Paused:
    """An issue that was paused because too many of its messages were never answered."""

    issue_id: int
    transport: str
    reason: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A transport that could not be used; its mail goes by `instead`, or is still queued."""

    transport: str
    reason: str
    instead: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Limited:
    """A transport whose limits let nothing leave before `until`."""

    transport: str
    until: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """Messages settled so far by outcome (`accepted`, `deferred`, …, `returned`).

    `domains`: the same by recipient domain, a view that goes on changing.
    """

    counts: Mapping[str, int]
    under_way: int
    domains: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """What a drain did: counts by outcome, in all and by issue (None: notices).

    `returned` counts messages that went back to the queue because their session was lost.
    `lapsed` counts those of a dead worker that are unknown now. `abandoned` were still under
    way when a stop ran out of grace; they become unknown when their lease ends.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    by_issue: Mapping[int | None, Mapping[str, int]] = field(default_factory=dict)
    paused: tuple[Paused, ...] = ()
    failed: tuple[Failed, ...] = ()
    limited: tuple[Limited, ...] = ()
    finished: tuple[int, ...] = ()
    lapsed: int = 0
    abandoned: int = 0
    stopped: bool = False
