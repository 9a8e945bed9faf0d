"""The sequences that the CLI, the scheduler and the web app share."""

import itertools
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from publisher.app import App, build_site, drain, open_app, plan_slot, release_due, release_one
from publisher.building import archived, open_content
from publisher.connecting import judge
from publisher.domain.cadence import Slot
from publisher.domain.issue import IssueEvent, IssueState
from publisher.errors import BlockedByFindings, Defect, NotAllowed, SettingsError, SiteError
from publisher.settings import Publishing, Settings, TransportSettings, load
from publisher.subscribe import add
from tests.test_settings import KEY, MINIMAL, journal

SLOT_AT = datetime(2026, 11, 24, 9, tzinfo=UTC)
ARTICLE = """\
---
id: tag:journal.example.org,2026:a/one
title: "What one trial found"
summary: "Eleven people were treated."
category: heart-health
published: 2026-11-20T09:00:00+00:00
key_takeaway: "The evidence is early."
sources:
  - key: one-2020
    title: "A trial"
    kind: randomised trial
    year: 2020
    doi: 10.1056/NEJMoa1910607
---

It was asked, and answered [@one-2020].
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    root = journal(tmp_path)
    (root / "content").mkdir()
    (root / "content/one.md").write_text(ARTICLE)
    return load(None, {}, cwd=root)


@pytest.fixture
def app(settings: Settings) -> Iterator[App]:
    made = open_app(settings)
    made.store.migrate(SLOT_AT - timedelta(days=7))
    yield made
    made.close()


def subscribe(app: App) -> None:
    counter = itertools.count()
    add(
        app.store.subscribers,
        app.journal,
        app.journal.newsletters[0],
        "ada@example.org",
        consent="By phone",
        origin="a test",
        now=SLOT_AT - timedelta(days=3),
        token_id=lambda: f"token{next(counter)}",
    )


def plan(app: App) -> int:
    subscribe(app)
    weekly = app.journal.newsletters[0]
    slot = Slot("2026-11-24T09:00", SLOT_AT)
    return plan_slot(app, weekly, weekly.cadences[0], slot, SLOT_AT, nonce=lambda: "ab" * 16).id


def test_an_issue_goes_from_slot_to_reader(app: App, settings: Settings) -> None:
    """Plan, build, release and drain are the whole journey; each waits for the one before."""
    issue = app.store.issues.get(plan(app))
    assert issue.state is IssueState.APPROVED
    missing = release_one(app, issue, SLOT_AT)
    assert "https://journal.example.org/issues/weekly/1/" in missing
    assert app.store.issues.get(issue.id).state is IssueState.APPROVED
    build_site(app, SLOT_AT)
    assert release_one(app, issue, SLOT_AT) == ()
    with pytest.raises(NotAllowed):
        release_one(app, issue, SLOT_AT)
    report = drain(
        app,
        clock=lambda: SLOT_AT,
        jitter=lambda: 0.0,
        worker="a test",
        stop=threading.Event(),
        issue_id=issue.id,
    )
    assert report.counts == {"accepted": 1}
    assert report.finished == (issue.id,)
    assert len(list((settings.root / "var/outbox").glob("*.eml"))) == 1


def test_release_due_takes_what_is_built(app: App) -> None:
    """The scheduler's way: whatever is due and live goes."""
    issue_id = plan(app)
    assert [held.issue.id for held in release_due(app, SLOT_AT).held] == [issue_id]
    build_site(app, SLOT_AT)
    assert [issue.id for issue in release_due(app, SLOT_AT).released] == [issue_id]


def test_only_issues_with_a_page_are_archived(app: App) -> None:
    """A draft has none; an approved one has, before it is sent."""
    issue_id = plan(app)
    (entry,) = archived(app.store)
    assert entry.issue.id == issue_id
    assert [article_id for article_id, _ in entry.edition.articles] == [
        "tag:journal.example.org,2026:a/one"
    ]
    app.store.issues.move(issue_id, IssueEvent.CANCEL, SLOT_AT)
    assert archived(app.store) == ()


def test_a_build_tells_what_it_did(app: App, settings: Settings) -> None:
    """Changed the first time, unchanged the second; a blocking finding leaves the site alone."""
    assert build_site(app, SLOT_AT).changed
    again = build_site(app, SLOT_AT)
    assert not again.changed
    assert again.files > 5
    before = (settings.public_dir / "index.html").read_bytes()
    (settings.content_dir / "one.md").write_text(ARTICLE.replace("[@one-2020]", "[@two]"))
    with pytest.raises(BlockedByFindings, match=r"content/one\.md"):
        build_site(app, SLOT_AT)
    assert (settings.public_dir / "index.html").read_bytes() == before


def test_a_failed_publish_is_tried_again_by_the_next_build(settings: Settings) -> None:
    """Even when nothing has changed since: the static host may still have the old site."""
    command = ("sh", "-c", "test -e ready && touch published")
    app = open_app(replace(settings, publishing=Publishing(command)))
    try:
        app.store.migrate(SLOT_AT)
        with pytest.raises(SiteError, match="publish command"):
            build_site(app, SLOT_AT)
        (settings.root / "ready").touch()
        assert not build_site(app, SLOT_AT).changed
        assert (settings.root / "published").exists()
    finally:
        app.close()


def test_a_transport_that_does_not_exist_is_refused_at_once(settings: Settings) -> None:
    """Before anything is planned or sent."""
    wrong = {"default": TransportSettings("default", "smpt")}
    with pytest.raises(SettingsError, match="did you mean 'smtp'"):
        open_app(replace(settings, transports=wrong))


def test_what_is_wrong_about_transports_is_said_at_once_and_where(tmp_path: Path) -> None:
    """As of every other setting: the line or the variable, each option, and of all transports."""
    more = """
[transports.default]
kind = "smtp"
hots = "mail.example.org"
port = "abc"
password_file = "var/secret.key"

[transports.spare]
kind = "smpt"

[transports.disk]
kind = "folder"
path = "var/outbox"
"""
    folder = journal(tmp_path / "j", MINIMAL + more)
    environ = {"PUBLISHER_TRANSPORTS__DISK__CONNECTIONS": "many"}
    at = MINIMAL.count("\n") + 2
    made = load(None, environ, cwd=folder)
    with pytest.raises(SettingsError) as caught:
        open_app(made)
    with pytest.raises(SettingsError) as judged:
        judge(made)
    assert judged.value.problems == caught.value.problems
    file = "config/publisher.toml:"
    unknown = "'smpt' is not installed; did you mean 'smtp'? (known kinds: folder, memory, smtp)"
    assert caught.value.problems == (
        f"{file}{at}: transports.default.host: this is required; please add it",
        f"{file}{at + 2}: transports.default.hots: unknown setting; did you mean 'host'?",
        f"{file}{at + 3}: transports.default.port: this must be a whole number",
        f"{file}{at + 7}: transports.spare.kind: {unknown}",
        "environment: PUBLISHER_TRANSPORTS__DISK__CONNECTIONS: this must be a whole number",
    )
    assert KEY not in str(caught.value)


def test_a_password_that_is_elsewhere_is_missed_by_what_sends_alone(tmp_path: Path) -> None:
    """A check of articles needs none, as it needs no key; all else about a login it judges."""
    more = '[transports.default]\nkind = "smtp"\nhost = "relay.example.org"\nusername = "u"\n'
    made = load(None, {}, cwd=journal(tmp_path / "j", MINIMAL + more))
    judge(made)
    with pytest.raises(SettingsError, match="go together"):
        open_app(made)
    made = load(None, {}, cwd=journal(tmp_path / "k", f'{MINIMAL}{more}security = "none"\n'))
    with pytest.raises(SettingsError, match="would show the password to the network"):
        judge(made)


def test_ids_are_made_only_where_randomness_was_given(settings: Settings) -> None:
    """Below the entry points nothing is random by itself."""
    path = settings.content_dir / "one.md"
    path.write_text("\n".join(line for line in ARTICLE.split("\n") if not line.startswith("id:")))
    with pytest.raises(Defect):
        open_content(settings).mint()
    minted = open_content(settings, lambda: "tag:journal.example.org,2026:a/two").mint()
    assert minted == ("content/one.md",)
    assert "a/two" in path.read_text()


def test_shipped_templates_are_nobodys_own(settings: Settings) -> None:
    """In a checkout, where templates/ is the shipped folder itself, nothing is overridden."""
    shipped = Path(__file__).resolve().parents[1] / "templates"
    app = open_app(replace(settings, templates_dir=shipped))
    loaded = app.templates.load().templates
    app.close()
    assert loaded
    assert not any(template.overridden for template in loaded.values())
