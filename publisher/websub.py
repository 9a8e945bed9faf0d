"""The verb that tells the journal's hub which feeds have changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from publisher.domain.announcement import Announcement, follow
from publisher.ports import Announcements, Hub, HubAnswer


@dataclass(frozen=True, slots=True)
class Report:
    """What this round did, by topic. `failed` has the reasons, `waiting` is not due yet.

    `busy`: another process tells the hub at this moment, so nothing was done here.
    """

    told: tuple[str, ...] = ()
    failed: tuple[tuple[str, str], ...] = ()
    waiting: tuple[str, ...] = ()
    busy: bool = False


def ping(hub: Hub, announcements: Announcements, feeds: Mapping[str, str], now: datetime) -> Report:
    """Tell the hub of every feed whose version it does not know, and remember what it said.

    `feeds` are the topics with the hashes of their bytes. Once the hub gave no answer, the
    others of this round fail with it, so that a dead hub costs one timeout. What was told is
    kept after each feed: a process killed in between tells one of them again, which is harmless.
    Raises StoreError.
    """
    with announcements.turn(hub.url) as mine:
        if not mine:
            return Report(busy=True)
        known = announcements.load(hub.url)
        present = {
            topic: follow(known.get(topic), topic, version)
            for topic, version in sorted(feeds.items())
        }
        told, failed = [], []
        silence = ""
        for topic, announcement in present.items():
            if not announcement.is_due(now):
                continue
            answer = HubAnswer(silence=silence) if silence else hub.publish(topic)
            silence = answer.silence
            if reason := answer.refusal or answer.silence:
                failed.append((topic, reason))
                present[topic] = announcement.failed(now, reason)
            else:
                told.append(topic)
                present[topic] = announcement.accepted(now)
            announcements.save(hub.url, present)
        if present != known:
            announcements.save(hub.url, present)
    waiting = tuple(t for t, each in present.items() if each.told_at is None and each.due_at)
    return Report(tuple(told), tuple(failed), waiting)


def pending(announcements: Announcements, hub: str) -> tuple[Announcement, ...]:
    """Feeds of whose present version the hub does not know, with the reasons; for people."""
    known = announcements.load(hub)
    return tuple(each for _, each in sorted(known.items()) if each.told_at is None)
