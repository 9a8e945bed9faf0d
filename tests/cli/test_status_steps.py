"""`status` says what to do while mail does not leave, and never that nothing needs anybody."""

import socket
from datetime import UTC, datetime

from publisher.domain.notice import Notice, NoticeKind
from publisher.settings import load
from publisher.stores import open_store
from tests.cli.conftest import BEFORE, SLOT, Journal
from tests.transports.relay import Relay


def steps(journal: Journal, now: str = SLOT) -> list[str]:
    """What `status` tells somebody to do, as people read it and as JSON: the same."""
    listed: list[str] = journal.json("status", now=now)["next"]
    shown = " ".join(journal.run("status", now=now).stdout.split())
    for step in listed:
        assert step in shown
    assert ("Nothing needs you" in shown) == (not listed)
    return listed


def relay_at(journal: Journal, port: int) -> None:
    journal.set(
        'kind = "folder"\npath = "var/outbox"',
        f'kind = "smtp"\nhost = "127.0.0.1"\nport = {port}\nsecurity = "none"',
    )


def test_a_due_issue_that_nobody_lets_go_is_named(planned: Journal) -> None:
    """Before its slot nothing needs anybody; at its slot it is said what lets it go."""
    planned.run("build")
    assert steps(planned, BEFORE) == []
    planned.run("build", now=SLOT)
    assert steps(planned) == [
        "weekly/1 is due and has not left: publisher run, or publisher send weekly/1"
    ]


def test_a_due_issue_names_a_page_it_waits_for(planned: Journal) -> None:
    """Its pages are not there: one is named with what publishes it, and nothing is changed."""
    (step,) = steps(planned)
    assert step.startswith("weekly/1 is due and waits: https://journal.example.org/")
    assert step.endswith("cannot be opened. Publish the site: publisher build")
    assert planned.json("issue", "show", "weekly/1")["state"] == "approved"


def test_an_unreachable_relay_leaves_a_step(planned: Journal) -> None:
    """An issue whose mails stand in the queue says so, until they are gone."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    relay_at(planned, port)
    planned.run("send", "weekly/1", "--yes", code=1)
    assert steps(planned) == [
        (
            "3 mails of weekly/1 wait and nobody sends: publisher run, or publisher send weekly/1; "
            "where it runs: publisher doctor"
        )
    ]


def test_deferred_mails_come_with_the_servers_words(planned: Journal) -> None:
    """The relay puts everybody off: its own words stand beside what to do."""
    with Relay({"RCPT": ["451 4.7.1 try after lunch"] * 3}) as relay:
        relay_at(planned, relay.port)
        planned.run("send", "weekly/1", "--yes")
    (step,) = steps(planned)
    assert step.startswith("3 mails of weekly/1 wait to be tried again (the server said: 451")
    assert "try after lunch" in step
    assert "publisher retry weekly/1 --deferred" in step


def test_a_notice_in_the_queue_is_a_step(journal: Journal) -> None:
    """A mail to staff that has not left is no secret."""
    journal.add("ada")
    assert steps(journal) == []
    settings = load(None, {}, cwd=journal.root)
    store = open_store(settings.store_url, host=settings.mail_host)
    notice = Notice(NoticeKind.STAFF, "staff:1", "desk@example.org", "Look", "Look.\n")
    store.notices.add(notice, "abcd", datetime.fromisoformat(SLOT).astimezone(UTC))
    store.close()
    assert steps(journal) == [
        "1 notice waits to be sent: publisher run; where it runs: publisher doctor"
    ]


def test_an_overdue_review_is_named_and_stays_out_of_digests_where_that_is_set(
    journal: Journal,
) -> None:
    """`check`, `status` and `issue plan` agree; without the setting the article goes."""
    (path,) = (journal.root / "content").glob("*.md")
    text = path.read_text("utf-8")
    path.write_text(text.replace("category:", "review_by: 2026-11-23\ncategory:", 1), "utf-8")
    journal.add("ann")
    assert "review-overdue" not in journal.run("check", now=BEFORE).output
    assert "review-overdue: a review was due by 2026-11-23" in journal.run("check").output
    seen = journal.json("status")
    assert [each["rule"] for each in seen["reviews"]] == ["review-overdue"]
    assert "Review what is overdue: the articles are named by publisher check" in steps(journal)
    journal.set("[newsletters.weekly]", "[newsletters.weekly]\noverdue = false")
    assert "its review is overdue" in journal.run("issue", "plan", "weekly").output
    journal.set("overdue = false", "overdue = true")
    shown = journal.run("issue", "plan", "weekly", "--slot", "2026-12-01").output
    assert "its review is overdue" not in shown
    assert "1. Do vitamin D tablets" in shown
