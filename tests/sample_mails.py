"""The sample journal's own mails, as the wire carries them: what readers and staff really get."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from publisher.app import open_app
from publisher.building import open_content
from publisher.domain.issue import Edition, IssueKind, Shaping, SlotId
from publisher.domain.journal import Journal
from publisher.domain.notice import Notice, NoticeKind
from publisher.formats import email
from publisher.scheduler import alerts
from publisher.settings import Settings, load
from tests import factories, mails

ROOT = Path(__file__).parents[1]
TOKEN = b"k1.u.abcdefgh.AAAAAAAAAAAAAAAAAAAAAA"


@lru_cache
def settings() -> Settings:
    return load(
        ROOT / "config/publisher.toml", {"PUBLISHER_SECRET_KEY": "0123456789abcdef" * 4}, cwd=ROOT
    )


def journal() -> Journal:
    return settings().journal


@lru_cache
def edition(language: str | None = None, count: int = 8) -> Edition:
    """The `count` newest articles that are public, those with a correction first."""
    public = [
        article
        for article in open_content(settings()).load().articles
        if article.is_public(factories.NOW)
    ]
    weekly = journal().newsletters[0]
    newest = sorted(public, key=lambda a: (bool(a.corrections), a.published_at), reverse=True)
    return email.render(
        journal(),
        weekly,
        number=12,
        slot_at=factories.NOW,
        articles=newest[:count],
        language=language or journal().language,
        shaping=Shaping(),
        templates=mails.shipped(),
    )


def digest(count: int = 8, dated_at: datetime = factories.NOW) -> bytes:
    """As Zoë gets it."""
    message = email.compile(
        edition(count=count), 7, journal().newsletters[0], journal(), boundary_seed="7"
    )
    return message.fill(
        email.to_header("Zoë Example", "zoe@example.org"),
        email.date_header(dated_at),
        b"<0123456789abcdef@journal.example.org>",
        TOKEN,
        TOKEN.replace(b".u.", b".p."),
    )


def _notice(notice: Notice, dated_at: datetime) -> bytes:
    return email.notice_message(
        notice,
        journal(),
        message_id="<0123456789abcdef@journal.example.org>",
        dated_at=dated_at,
    )


def marked_copy(count: int = 8, dated_at: datetime = factories.NOW) -> bytes:
    """What `send --test` sends."""
    subject, html, text = email.test_copy(edition(count=count), journal())
    return _notice(Notice(NoticeKind.TEST, "t", "desk@example.org", subject, text, html), dated_at)


def staff_notice(folder: Path, dated_at: datetime = factories.NOW) -> bytes:
    """What staff get of a slot without an issue, in the scheduler's own words."""
    slot = SlotId("weekly", IssueKind.DIGEST, "weekly", "2026-11-24T09:00")
    app = open_app(replace(settings(), store_url=f"sqlite:///{folder}/store.sqlite3"))
    try:
        app.store.migrate(factories.NOW)
        app.store.issues.skip(slot, factories.NOW, "nothing new", factories.NOW)
        (alert,) = alerts.skipped(app, factories.NOW)
    finally:
        app.close()
    subject = f"[{journal().title}] {alert.subject}"
    return _notice(
        Notice(NoticeKind.STAFF, "s", "desk@example.org", subject, f"{alert.text}\n"), dated_at
    )
