"""What changed: since an issue was planned, and against the one before it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from publisher.domain.issue import IssueEvent
from publisher.domain.subscription import (
    SubscriptionEvent,
    Suppression,
    SuppressionReason,
    Wishes,
    address_key,
)
from publisher.ports import Store
from publisher.settings import load
from publisher.stores import open_store
from tests.cli.conftest import BEFORE, SLOT, Journal

NEXT = "2026-12-01T09:00+00:00"
MEANWHILE = datetime(2026, 11, 26, 9, 0, tzinfo=UTC)


def opened(journal: Journal) -> Store:
    found = load(None, {}, cwd=journal.root, keys_needed=False)
    return open_store(found.store_url)


def subscription(store: Store, name: str) -> int:
    return store.subscribers.by_address(address_key(f"{name}@example.org"))[0].id


def another(journal: Journal, slug: str, title: str, day: str, category: str = "nutrition") -> None:
    """A copy of the sample article under another name."""
    text = (journal.root / "content/vitamin-d.md").read_text("utf-8")
    lines = []
    for line in text.splitlines():
        key = line.partition(":")[0]
        changed = {
            "id": f"id: tag:journal.example.org,2026:a/{slug.replace('-', '')}",
            "slug": f"slug: {slug}",
            "title": f"title: {title}",
            "published": f"published: {day}T07:00:00+00:00",
            "category": f"category: {category}",
        }.get(key, line)
        lines.append(changed)
    assert not any(line.startswith("slug: vitamin") for line in lines)
    if not any(line.startswith("slug:") for line in lines):
        lines.insert(1, f"slug: {slug}")
    (journal.root / f"content/{slug}.md").write_text("\n".join(lines) + "\n", "utf-8")


def test_nothing_has_changed(planned: Journal) -> None:
    """Just planned: the same articles, subject and readers; there is no issue before."""
    found = planned.json("issue", "diff", "weekly/1", now=BEFORE)
    assert found["since_last"] is None
    now = found["since_planned"]
    assert now["subject"]["before"] == now["subject"]["after"]
    assert now["articles"] == {"added": [], "changed": [], "removed": []}
    assert (now["audience"], now["added"], now["removed"]) == ({"before": 3, "after": 3}, {}, {})
    assert "  nothing" in planned.run("issue", "diff", "weekly/1", now=BEFORE).stdout
    assert "nothing has changed" in planned.run("issue", "show", "weekly/1", now=BEFORE).stdout


def test_readers_who_left_are_counted_by_reason(planned: Journal) -> None:
    """Unsubscribed, suppressed, another topic, another cadence; who came gets the next."""
    planned.add("dana", "eve")
    planned.run("issue", "cancel", "weekly/1", now=BEFORE)
    planned.run("issue", "plan", "weekly", now=BEFORE)
    store = opened(planned)
    store.subscribers.change(subscription(store, "ada"), SubscriptionEvent.UNSUBSCRIBE, MEANWHILE)
    store.suppressions.add(Suppression("brook@example.org", SuppressionReason.BOUNCE, MEANWHILE))
    store.subscribers.wish(subscription(store, "chen"), Wishes(topics=("sleep",)))
    store.subscribers.wish(subscription(store, "dana"), Wishes(cadence="monthly"))
    store.subscribers.wish(
        subscription(store, "eve"), Wishes(paused_until=datetime(2027, 1, 1, tzinfo=UTC))
    )
    store.close()
    planned.add("fay")
    now: dict[str, Any] = planned.json("issue", "diff", "weekly/2", now=BEFORE)["since_planned"]
    assert now["removed"] == {
        "unsubscribed": 1,
        "suppressed": 1,
        "other topic": 1,
        "other cadence": 1,
        "paused": 1,
    }
    assert now["added"] == {"subscribed since": 1}
    assert now["audience"] == {"before": 5, "after": 1}
    shown = planned.run("issue", "diff", "weekly/2", now=BEFORE).stdout
    assert "1 person, 5 when it was planned" in shown
    assert "-5 (not mailed): 1 other cadence" in shown
    assert "+1 (get the next issue): 1 subscribed since" in shown
    assert "1 person joined, 5 people left" in planned.run("issue", "show", "weekly/2").stdout


def test_articles_that_changed_are_named(planned: Journal) -> None:
    """Edited, new and gone, each with its title; a subject that would be another one."""
    path = planned.root / "content/vitamin-d.md"
    path.write_text(path.read_text("utf-8").replace("title: ", "title: Again: ", 1), "utf-8")
    text = path.read_text("utf-8").replace("title: Again: ", "title: Again, ")
    path.write_text(text, "utf-8")
    another(planned, "late-one", "A late one", "2026-11-21")
    found = planned.json("issue", "diff", "weekly/1", now=BEFORE)["since_planned"]
    assert [each["title"] for each in found["articles"]["added"]] == ["A late one"]
    assert len(found["articles"]["changed"]) == 1
    assert found["subject"]["before"] != found["subject"]["after"]
    path.write_text(text.replace("category:", "draft: true\ncategory:", 1), "utf-8")
    shown = planned.run("issue", "diff", "weekly/1", now=BEFORE).stdout
    assert "it is a draft" in shown
    assert "new: A late one" in shown
    assert "subject: " in shown
    assert "publisher issue cancel weekly/1, then plan it again" in shown
    path.unlink()
    assert "its file is gone" in planned.run("issue", "diff", "weekly/1", now=BEFORE).stdout


def test_what_staff_decided_stays(planned: Journal) -> None:
    """Their subject is no difference, and what they dropped does not come back."""
    another(planned, "second", "A second one", "2026-11-21")
    planned.run("issue", "cancel", "weekly/1", now=BEFORE)
    planned.run("issue", "plan", "weekly", now=BEFORE)
    planned.run("issue", "edit", "weekly/2", "--subject", "Ours", "--drop", "second", now=BEFORE)
    found = planned.json("issue", "diff", "weekly/2", now=BEFORE)["since_planned"]
    assert found["subject"] == {"before": "Ours", "after": "Ours"}
    assert found["articles"] == {"added": [], "changed": [], "removed": []}


def test_against_the_issue_before(planned: Journal) -> None:
    """Both subjects, the articles of each, and who joined and left; the numbers add up."""
    planned.run("send", "weekly/1", "--yes", now=SLOT)
    store = opened(planned)
    store.subscribers.change(subscription(store, "ada"), SubscriptionEvent.UNSUBSCRIBE, MEANWHILE)
    store.subscribers.wish(subscription(store, "brook"), Wishes(topics=("nutrition",)))
    store.close()
    another(planned, "nap", "A nap", "2026-11-27", category="heart")
    planned.run(
        *("subscribers", "add", "dana@example.org", "--consent", "By phone"),
        now="2026-11-26T09:00+00:00",
    )
    planned.run("issue", "plan", "weekly", now=NEXT)
    found = planned.json("issue", "diff", "weekly/2", now=NEXT)["since_last"]
    assert found["before"] == "weekly/1"
    assert found["subject"]["after"] == "A nap"
    assert [each["title"] for each in found["articles"]["added"]] == ["A nap"]
    assert len(found["articles"]["removed"]) == 1
    assert found["removed"] == {"other topic": 1, "unsubscribed": 1}
    assert found["added"] == {"subscribed since": 1}
    assert found["audience"] == {"before": 3, "after": 2}
    shown = planned.run("issue", "diff", "weekly/2", now=NEXT).stdout
    assert "Against weekly/1, the issue before it" in shown
    assert "-2 (left): 1 other topic, 1 unsubscribed" in shown


def test_an_issue_that_is_over_has_changed_for_the_last_time(planned: Journal) -> None:
    """Cancelled: nothing would be planned anew in its place; the past can still be compared."""
    store = opened(planned)
    store.issues.move(store.issues.list()[0].id, IssueEvent.CANCEL, MEANWHILE)
    store.close()
    shown = planned.run("issue", "diff", "weekly/1").stdout
    assert "nothing about it can change any more" in shown
    assert planned.json("issue", "diff", "weekly/1")["since_planned"] is None


def test_show_needs_no_templates(planned: Journal) -> None:
    """A broken template stops `diff`, which says where; `show` still shows."""
    own = planned.root / "templates/email/subject.txt"
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_text("{{ nonsense }}")
    assert "weekly/1" in planned.run("issue", "show", "weekly/1", now=BEFORE).stdout
    assert "subject.txt:1" in planned.run("issue", "diff", "weekly/1", now=BEFORE, code=1).stderr
