"""People as a whole: the places that hold something of them, and the segments they are in.

Like `app`, what the CLI and the scheduler share.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from difflib import get_close_matches

from publisher import subscribe
from publisher.app import App
from publisher.domain.retention import Erased
from publisher.domain.segment import Selection
from publisher.domain.subscription import Suppression
from publisher.errors import NotFound
from publisher.ports import Eraser, Staging
from publisher.stores.staging import open_staging


def forget(app: App, address: str, why: Suppression, now: datetime) -> subscribe.Farewell | None:
    """Erase a person; None when nothing is known of them. See `subscribe.forget`."""
    return subscribe.forget(app.store.subscribers, _erasers(app), address, why, now)


def retain(app: App, now: datetime) -> Erased:
    """One round of what retention asks for. See `subscribe.retain`."""
    kept = app.settings.retention
    return subscribe.retain(app.store.subscribers, _erasers(app), kept, now)


def _erasers(app: App) -> tuple[Eraser, ...]:
    return tuple(each for each in app.transports.values() if isinstance(each, Eraser))


def staging() -> AbstractContextManager[Staging]:
    """Where the rows of one import wait until all have been read."""
    return open_staging()


def selection(app: App, name: str, now: datetime) -> Selection:
    """The segment of this name, as it is at `now`. Raises NotFound with the nearest name."""
    segments = app.settings.segments
    if name not in segments:
        near = get_close_matches(name, segments, 1)
        hint = (
            f"did you mean '{near[0]}'?" if near else f"there is: {', '.join(segments) or 'none'}"
        )
        raise NotFound(
            f"there is no segment '{name}' ({hint}); segments are named in the settings, as "
            "[segments.NAME]"
        )
    return segments[name].at(now, app.journal)
