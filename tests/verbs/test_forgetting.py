"""Forgetting by hand and by retention, files of mails included."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from publisher.domain.message import Envelope
from publisher.domain.notice import Notice, NoticeKind
from publisher.domain.retention import Erased, Retention
from publisher.domain.subscription import (
    Admission,
    Consent,
    SubscriptionEvent,
    Suppression,
    SuppressionReason,
)
from publisher.errors import SettingsError
from publisher.formats.pepper import Pepper
from publisher.ports import Eraser, Store
from publisher.stores import open_store
from publisher.subscribe import forget, forgetting, retain
from publisher.transports import connect
from tests.verbs.readers import admit, reader

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
HOST = "mail.example.org"
DAY = timedelta(days=1)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """A store that can hash."""
    pepper = Pepper((("k1", b"k" * 32),))
    opened = open_store(
        f"sqlite:///{tmp_path}/s.db", synchronous="NORMAL", host=HOST, pepper=pepper
    )
    opened.migrate(NOW)
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "outbox"


@pytest.fixture
def eraser(folder: Path) -> Eraser:
    transport = connect("default", "folder", {"path": str(folder)})
    assert isinstance(transport, Eraser)
    sender = transport.open()
    for name in ("ann", "bo"):
        message = f"To: Somebody <{name.upper()}@example.org>\r\nMessage-ID: <{name}@{HOST}>\r\n\r\nHello\r\n"
        sender.send(message.encode(), Envelope("b@example.org", f"{name}@example.org"))
    return transport


def why(name: str = "ann") -> Suppression:
    return Suppression(f"{name}@example.org", SuppressionReason.FORGOTTEN, NOW, "by letter")


def test_files_of_mails_are_erased(store: Store, folder: Path, eraser: Eraser) -> None:
    """Those to this person alone; again finds nothing more."""
    admit(store, [reader("ann"), reader("bo")])
    done = forget(store.subscribers, [eraser], "Ann@example.org", why(), NOW)
    assert done is not None
    assert (done.forgotten.subscriptions, done.files) == (1, 1)
    (left,) = folder.glob("*.eml")
    assert b"BO@example.org" in left.read_bytes()
    assert forget(store.subscribers, [eraser], "ann@example.org", why(), NOW) is None


def test_what_an_interrupted_forgetting_left_is_found(store: Store, eraser: Eraser) -> None:
    """A file to somebody of whom nothing else is known."""
    done = forget(store.subscribers, [eraser], "ann@example.org", why(), NOW)
    assert done is not None
    assert (done.forgotten.subscriptions, done.files) == (0, 1)


def test_files_are_known_by_their_message_id(store: Store, folder: Path) -> None:
    """Without reading any other file."""
    folder.mkdir()
    eraser = connect("default", "folder", {"path": str(folder)})
    assert isinstance(eraser, Eraser)
    store.notices.add(Notice(NoticeKind.WELCOME, "w", "ann@example.org", "s", "t"), "nonce", NOW)
    told = store.subscribers.forget("ann@example.org", None, NOW, dry_run=True)
    assert told is not None
    (message_id,) = told.message_ids
    eraser.open().send(
        f"To: ann@example.org\r\nMessage-ID: {message_id}\r\n\r\nx".encode(),
        Envelope("b@example.org", "ann@example.org"),
    )
    done = forget(store.subscribers, [eraser], "ann@example.org", None, NOW, by_address=False)
    assert done is not None
    assert (done.forgotten.notices, done.files) == (1, 1)


def test_nothing_is_erased_without_a_key(tmp_path: Path, folder: Path, eraser: Eraser) -> None:
    """Neither rows nor files: who is forgotten must be known when they come again."""
    opened = open_store(f"sqlite:///{tmp_path}/k.db", synchronous="NORMAL", host=HOST)
    opened.migrate(NOW)
    admit(opened, [reader("ann")])
    with pytest.raises(SettingsError, match=r"suppression\.key"):
        forget(opened.subscribers, [eraser], "ann@example.org", why(), NOW)
    assert len(list(folder.glob("*.eml"))) == 2
    assert opened.subscribers.by_address("ann@example.org")
    opened.close()


def left(store: Store, name: str, at: datetime) -> None:
    admit(store, [reader(name)])
    (one,) = store.subscribers.by_address(f"{name}@example.org")
    store.subscribers.change(one.id, SubscriptionEvent.UNSUBSCRIBE, at)


def test_retention_erases_who_is_no_reader(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Long gone and never confirmed; readers and the lately gone stay."""
    left(store, "gone", NOW)
    left(store, "lately", NOW + 300 * DAY)
    admit(store, [reader("stays"), reader("never")])
    (never,) = store.subscribers.by_address("never@example.org")
    store.subscribers.change(never.id, SubscriptionEvent.UNSUBSCRIBE, NOW)
    store.subscribers.change(never.id, SubscriptionEvent.REQUEST, NOW)
    policy = Retention(unconfirmed=30 * DAY, left=365 * DAY)
    assert retain(store.subscribers, [], policy, NOW) == Erased()
    monkeypatch.setattr(forgetting, "AT_ONCE", 1)
    rounds = [retain(store.subscribers, [], policy, NOW + 400 * DAY) for _ in range(3)]
    assert [(each.unconfirmed + each.left, each.more) for each in rounds] == [
        (1, True),
        (1, True),
        (0, False),
    ]
    assert sum(each.left for each in rounds) == 1
    assert "1 who had left" in str(next(each for each in rounds if each.left))
    assert {each.address for each in store.subscribers.list()} == {
        "lately@example.org",
        "stays@example.org",
    }


def test_who_left_long_ago_comes_back_only_by_opting_in(store: Store) -> None:
    """An old file does not bring them in; a pending request that is confirmed does."""
    left(store, "gone", NOW)
    policy = Retention(left=DAY)
    assert retain(store.subscribers, [], policy, NOW + 2 * DAY).left == 1
    answers = store.subscribers.admit(
        "weekly", [reader("gone")], ["t2"], Consent(NOW, "x", "y"), NOW
    )
    assert list(answers) == [Admission.SUPPRESSED]
    found = store.suppressions.find("gone@example.org")
    assert found is not None
    assert found.reason.lifted_by_opting_in


def test_never_means_never(store: Store) -> None:
    """`never` in the settings erases nobody, however long ago."""
    left(store, "gone", NOW)
    policy = Retention(unconfirmed=None, left=None, deliveries=timedelta(days=9_999_999))
    assert not retain(store.subscribers, [], policy, NOW + 3650 * DAY)
    assert store.subscribers.by_address("gone@example.org")
