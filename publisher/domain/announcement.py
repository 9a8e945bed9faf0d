"""What a hub was told of a feed, and when it is told again after a failure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from publisher.domain.retry import RetryPolicy

POLICY = RetryPolicy()
"""As for deferred mail: after 5, 15, 30, 60, 120, then every 240 minutes, for 72 hours."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """One feed's. `version` is the hash of its bytes, of which the hub is to be told.

    `told_at`: when the hub accepted that; None until it does. `attempts` have failed since
    `first_failed_at`, the last one for `reason`; `due_at` is the next, None before the first
    and when it was given up.
    """

    topic: str
    version: str
    told_at: datetime | None = None
    attempts: int = 0
    first_failed_at: datetime | None = None
    due_at: datetime | None = None
    reason: str = ""

    @property
    def is_given_up(self) -> bool:
        """Whether it failed for too long: only a change of the feed begins anew."""
        return self.told_at is None and self.attempts > 0 and self.due_at is None

    def is_due(self, now: datetime) -> bool:
        """Whether the hub is to be told now."""
        if self.told_at is not None or self.is_given_up:
            return False
        return self.due_at is None or self.due_at <= now

    def accepted(self, now: datetime) -> Announcement:
        """The hub knows of this version."""
        return Announcement(self.topic, self.version, told_at=now)

    def failed(self, now: datetime, reason: str) -> Announcement:
        """One more attempt failed."""
        attempts = self.attempts + 1
        first = self.first_failed_at or now
        due = None if POLICY.expired(first, now) else POLICY.due(attempts, now, 0)
        return replace(self, attempts=attempts, first_failed_at=first, due_at=due, reason=reason)


def follow(known: Announcement | None, topic: str, version: str) -> Announcement:
    """What is to be told of a feed as it is now: nothing new where its version is known.

    A hub that does not answer is not asked sooner because a feed changes meanwhile.
    """
    if known is not None and known.version == version:
        return known
    if known is not None and known.due_at is not None:
        return replace(known, version=version)
    return Announcement(topic, version)
