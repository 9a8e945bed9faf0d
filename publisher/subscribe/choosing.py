"""What somebody ticked on a form, as choices: checked against what the journal offers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from publisher.domain.journal import Journal, Newsletter
from publisher.domain.request import Choice
from publisher.domain.subscription import Wishes
from publisher.errors import UsageError
from publisher.formats.catalogue import fill, mark
from publisher.subscribe.addresses import offered_topics

LONGEST_PAUSE = timedelta(days=366)

Fields = Mapping[str, Sequence[str]]
"""The fields of a form: name → values, as they came."""


class BadField(UsageError, ValueError):
    """`field` names what must be mended; `message` (of the catalogue) says how, with `values`."""

    def __init__(self, field: str, message: str, **values: object) -> None:
        super().__init__(fill(message, values))
        self.field = field
        self.message = message
        self.values = values


@cache
def zones() -> tuple[str, ...]:
    """The time zones that a form offers: places, not the names of clocks."""
    return tuple(
        sorted(
            name
            for name in available_timezones()
            if "/" in name and not name.startswith(("Etc/", "SystemV/", "posix/", "right/"))
        )
    )


def choices(journal: Journal, languages: Collection[str], fields: Fields) -> tuple[Choice, ...]:
    """Each newsletter that is ticked, with its wishes. Raises BadField."""
    ticked = set(fields.get("newsletter", ()))
    language = _language(journal, languages, _first(fields, "language"))
    zone = time_zone(_first(fields, "time_zone"))
    return tuple(
        Choice(each.slug, _wishes(journal, each, fields, language, zone))
        for each in journal.newsletters
        if each.slug in ticked
    )


def paused_until(journal: Journal, fields: Fields, now: datetime) -> datetime | None:
    """The beginning of the day that is given, where the reader lives. Raises BadField."""
    text = _first(fields, "paused_until")
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise BadField("paused_until", mark("Write the day as 2026-12-31.")) from None
    zone = ZoneInfo(time_zone(_first(fields, "time_zone")) or journal.time_zone)
    until = datetime.combine(day, time(), zone).astimezone(UTC)
    if until - now > LONGEST_PAUSE:
        raise BadField("paused_until", mark("A pause may last a year at most."))
    return until if until > now else None


def time_zone(text: str) -> str | None:
    """The zone, or None for the journal's own. Raises BadField."""
    if not text:
        return None
    if text not in zones():
        raise BadField("time_zone", mark("Choose a time zone from the list."))
    return text


def _first(fields: Fields, name: str) -> str:
    return next(iter(fields.get(name, ())), "").strip()


def _language(journal: Journal, languages: Collection[str], text: str) -> str | None:
    if not text or text == journal.language:
        return None
    if text not in languages:
        raise BadField("language", mark("Choose a language from the list."))
    return text


def _wishes(
    journal: Journal, newsletter: Newsletter, fields: Fields, language: str | None, zone: str | None
) -> Wishes:
    offered = [topic.slug for topic in offered_topics(journal, newsletter)]
    topics: tuple[str, ...] | None = None
    if len(offered) > 1 and f"topics-{newsletter.slug}" in fields:
        ticked = set(fields.get(f"topic-{newsletter.slug}", ()))
        chosen = tuple(sorted(slug for slug in offered if slug in ticked))
        if not chosen:
            raise BadField(
                f"topic-{newsletter.slug}",
                mark("Choose at least one topic of %(newsletter)s."),
                newsletter=newsletter.title,
            )
        # All of them: then new topics are wished for as well.
        topics = None if len(chosen) == len(offered) else chosen
    cadence = _first(fields, f"cadence-{newsletter.slug}") or None
    kinds = [each.kind.value for each in newsletter.cadences]
    if cadence is not None and cadence not in kinds:
        raise BadField(f"cadence-{newsletter.slug}", mark("Choose how often from the list."))
    return Wishes(topics, None if cadence == kinds[0] else cadence, language, zone)
