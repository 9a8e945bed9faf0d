"""Articles against the data of retractions, and the data against the calendar."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime

from publisher.checks.rules import error, warning
from publisher.domain.article import Article, Source
from publisher.domain.finding import Finding, Place
from publisher.domain.retraction import (
    Event,
    Register,
    Snapshot,
    SourcePolicy,
    Standing,
    Status,
    age,
)

REFRESH = "run `publisher sources refresh`"
DATA = Place("var/retractions.sqlite3")
_TOLD = (Standing.CONCERN, Standing.CORRECTED, Standing.REINSTATED)


def article(of: Article, register: Register) -> Iterator[Finding]:
    """What the data say against an article's sources; blocking where one was retracted."""
    if not register.concerns(of):
        return
    place = Place(of.path)
    for source in of.sources:
        status = register.status(source)
        if status.standing is Standing.RETRACTED:
            if source.acknowledged is None:
                yield error("retracted-source", place, said(source, status), remedy(status))
        elif source.acknowledged is not None and status.standing is not Standing.UNKNOWN:
            message = f"source {source.key} is acknowledged as retracted; in the data it is not"
            yield warning("acknowledged-not-retracted", place, message, "look at the notice again")
        elif status.standing in _TOLD:
            message = f"source {source.key}: {status.standing}{_when(status.event)}"
            told = "readers see it beside the citation; say in the text what it means"
            yield warning("source-notice", place, message, told)


def said(source: Source, status: Status) -> str:
    """`source liu-2020 (doi:…) was retracted on 2020-06-04`."""
    name = source.links[0][0] if source.links else source.title
    return f"source {source.key} ({name}) was retracted{_when(status.event)}"


def remedy(status: Status) -> str:
    """What an author can do about a retracted source."""
    event = status.event
    instead = ""
    if event is not None and event.replacement:
        instead = f"cite what replaced it (doi:{event.replacement}), or "
    elif event is not None and event.replaced:
        instead = f"it was replaced (see its notice, doi:{event.notice}): cite that, or "
    return (
        f"{instead}remove the claim; to cite it on purpose, write `retracted: acknowledged` and "
        "`reason: …` under the source"
    )


def data(
    snapshot: Snapshot | None, policy: SourcePolicy, now: datetime, had: date | None = None
) -> Iterator[Finding]:
    """Data that are not there, or too old to rely on.

    `had`: the day of data that were here once, where that is known. Then they are gone, and that
    blocks whatever the policy says: what was looked at before must not go unseen now.
    """
    make = error if policy.stale_blocks else warning
    if snapshot is None and had is not None:
        message = f"the data of retractions are gone (those of {had} were here)"
        yield error(
            "retraction-data", DATA, message, f"{REFRESH}: until then nothing is built or sent"
        )
    elif snapshot is None:
        message = "there are no data of retractions, so no source was checked"
        yield make("retraction-data", DATA, message, REFRESH)
    elif (old := age(snapshot, now)) > policy.stale_after:
        message = f"the data of retractions are of {snapshot.as_of}, {old.days} days old"
        yield make("retraction-data", DATA, message, REFRESH)


def _when(event: Event | None) -> str:
    return f" on {event.on}" if event is not None and event.on else ""
