"""What staff are told by mail: each event once, by the unique key of its notice."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from publisher import dispatch, plan, release
from publisher.app import App
from publisher.domain.issue import Issue, IssueState
from publisher.domain.notice import Notice, NoticeKind
from publisher.errors import PublisherError
from publisher.watch import Fallen, draft

PATIENCE = timedelta(hours=1)
"""How long after its slot an issue may wait for its pages before staff hear of it."""

RECENT = 20
"""How many of the last skipped slots are looked at in one tick."""

log = logging.getLogger("publisher.scheduler")


@dataclass(frozen=True, slots=True)
class Alert:
    """`key` is unique for the event; `text` says what to do, `html` says it with more to see."""

    key: str
    subject: str
    text: str
    html: str = ""


def tell(
    app: App, alerts: Iterable[Alert], now: datetime, *, nonce: Callable[[], str], told: set[str]
) -> tuple[str, ...]:
    """Queue a notice for each alert that staff do not know yet; the keys of new ones.

    `told` holds the keys that this process has queued, so that the store is not asked again.
    Without a staff address there is only the log.
    """
    fresh = [alert for alert in alerts if alert.key not in told]
    queued: list[str] = []
    for alert in fresh:
        if app.journal.staff is not None:
            notice = Notice(
                NoticeKind.STAFF,
                f"staff:{alert.key}",
                app.journal.staff,
                f"[{app.journal.title}] {alert.subject}",
                f"{alert.text}\n",
                alert.html,
                transport=app.settings.notice_route,
            )
            try:
                new = app.store.notices.add(notice, nonce(), now)
            except PublisherError as error:
                log.error("staff cannot be told (%s): %s", alert.subject, error)  # noqa: TRY400 (in its own words)
                continue
        else:
            new = True
        told.add(alert.key)
        if new:
            log.warning("%s", alert.subject)
            queued.append(alert.key)
    return tuple(queued)


def skipped(app: App, now: datetime) -> Iterator[Alert]:
    """Slots that made no issue; a cadence without readers is told of once, not each time."""
    for issue in app.store.issues.list(states=(IssueState.SKIPPED,), limit=RECENT):
        if now - issue.slot_at > plan.LOOK_BACK:
            continue
        name = f"{issue.newsletter}, {issue.slot.cadence}, slot {issue.slot.key}"
        key = f"skipped:{issue.id}"
        if issue.reason == plan.NO_READERS:
            key = f"no readers:{issue.newsletter}:{issue.slot.cadence}"
        yield Alert(
            key,
            f"No issue: {name}",
            f"The slot {issue.slot.key} of {issue.newsletter} ({issue.slot.cadence}) made no "
            f"issue: {issue.reason}.\n\n"
            f"To plan it all the same: publisher issue plan {issue.newsletter} "
            f"--slot {issue.slot.key}",
        )


def paused(app: App) -> Iterator[Alert]:
    """Issues that stand still."""
    for issue in app.store.issues.list(states=(IssueState.PAUSED,)):
        unknown = issue.counts.get("unknown", 0)
        yield Alert(
            f"paused:{issue.id}:{unknown}",
            f"{issue.name} is paused",
            f"{_called(issue)} is paused{_because(issue)}.\n{unknown} of its {issue.audience} "
            "messages were never answered. Nobody else gets it until you decide.\n\n"
            f"Look: publisher issue show {issue.name}\nGo on: publisher resume {issue.name}",
        )


def overdue(issues: Iterable[Issue], cutoff: timedelta) -> Iterator[Alert]:
    """Drafts whose slot has passed."""
    for issue in issues:
        until = max(issue.slot_at, issue.planned_at) + cutoff
        yield Alert(
            f"overdue:{issue.id}",
            f"{issue.name} waits for approval",
            f"{_called(issue)} was due at {_at(issue.slot_at)} and nobody has approved it.\n"
            f"Approved before {_at(until)} it goes at once; after that it is skipped, and its "
            f"articles go with the next one.\n\n"
            f"Look: publisher issue show {issue.name}\n"
            f"Let it go: publisher issue approve {issue.name}",
        )


def held(waiting: Iterable[release.Held], now: datetime) -> Iterator[Alert]:
    """Issues that must not leave, at once; those that wait for pages, an hour after their slot."""
    for one in waiting:
        if one.why:
            yield Alert(
                f"gate:{one.issue.id}:{hashlib.sha256(one.why.encode()).hexdigest()[:16]}",
                f"{one.issue.name} must not be sent",
                f"{_called(one.issue)} was due, but {one.why}.\n\n"
                f"Then: publisher issue edit {one.issue.name} --anew",
            )
        elif now - one.issue.slot_at >= PATIENCE:
            urls = "\n".join(f"  {url}" for url in one.urls[:20])
            yield Alert(
                f"held:{one.issue.id}",
                f"{one.issue.name} waits for its pages",
                f"{_called(one.issue)} links to pages that cannot be opened:\n{urls}\n\n"
                "It goes by itself once they can. Look: publisher check, publisher build",
            )


def failed(failures: Iterable[dispatch.Failed], now: datetime) -> Iterator[Alert]:
    """Transports that cannot be used; told of once a day as long as it lasts."""
    for failure in failures:
        yield Alert(
            f"transport:{failure.transport}:{now.date().isoformat()}",
            f"The transport '{failure.transport}' fails",
            f"The transport '{failure.transport}' cannot be used: {failure.reason}\n"
            f"{_meanwhile(failure)}\n\nLook: publisher doctor",
        )


def fallen(works: Iterable[Fallen], today: date) -> Iterator[Alert]:
    """Works that were retracted after issues had carried them; each told of once."""
    for work in works:
        if not work.open:
            continue
        where = "\n".join(
            f"  {each.title or each.article_id}: {', '.join(i.name for i in each.issues)}; "
            f"{each.reach.people} can be told: publisher correct {each.slug} --plan"
            for each in work.open
        )
        yield Alert(
            f"fallen:{work.name}:{len(work.spread)}",
            "A work that we sent was retracted",
            f"{work.title} ({work.name}) was retracted. It went out in:\n{where}\n\n"
            "Mend the article and put a correction into its front matter, for instance:\n\n"
            f"{draft(work, today)}\nThen draft the mail with `publisher correct`. Nothing is sent "
            "before somebody has approved it.\n\nLook: publisher watch",
        )


def _called(issue: Issue) -> str:
    return f"{issue.name} ({issue.subject or issue.slot.key})"


def _because(issue: Issue) -> str:
    return f": {issue.reason}" if issue.reason else ""


def _at(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"


def _meanwhile(failure: dispatch.Failed) -> str:
    if not failure.instead:
        return "What it should send stays in the queue and leaves when it works again."
    others = ", ".join(f"'{name}'" for name in failure.instead)
    return f"Its mail leaves by {others} meanwhile; it is asked again by itself."
