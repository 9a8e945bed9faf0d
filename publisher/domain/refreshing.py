"""When the data of retractions are loaded again by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from publisher.domain.retraction import Snapshot

PATIENCE = timedelta(hours=1)
"""How long is waited after a failure, or as long as between two refreshes, if that is shorter."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """The last time that the data were asked for, by whomever.

    `failing_since` and `why` are set as long as that fails.
    """

    tried_at: datetime
    failing_since: datetime | None = None
    why: str = ""


def due_at(last: Attempt | None, snapshot: Snapshot | None, every: timedelta) -> datetime | None:
    """When the data are to be asked for again; None: at once."""
    if last is None:
        return snapshot.loaded_at + every if snapshot else None
    if last.failing_since is not None:
        return last.tried_at + min(every, PATIENCE)
    return last.tried_at + every if snapshot else None


def failed(last: Attempt | None, why: str, now: datetime) -> Attempt:
    """The attempt of `now` came to nothing."""
    since = last.failing_since if last else None
    return Attempt(now, since or now, why)
