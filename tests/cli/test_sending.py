"""Planning, shaping, approving and sending, as staff do it by hand."""

import csv
import os
import pty
import socket
import subprocess
import sys
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from publisher.domain.bounce import BounceKind
from publisher.domain.delivery import DeliveryEvent, Settlement
from publisher.domain.explaining import REFUSED
from publisher.domain.issue import IssueEvent
from publisher.settings import load
from publisher.stores import open_store
from tests.cli.conftest import BEFORE, SLOT, Journal


def outbox(journal: Journal) -> list[Path]:
    return sorted((journal.root / "var/outbox").glob("*.eml"))


def test_planning_twice_shows_the_same_issue(planned: Journal) -> None:
    """A second plan freezes nothing anew, whoever subscribed meanwhile."""
    planned.add("dana")
    again = planned.json("issue", "plan", "weekly", now=BEFORE)
    assert (again["name"], again["new"], again["audience"]) == ("weekly/1", False, 3)
    assert again["slot"] == "2026-11-24T09:00"
    listed = planned.json("issue", "list")["issues"]
    assert [each["name"] for each in listed] == ["weekly/1"]
    assert planned.json("issue", "show", str(again["id"]))["name"] == "weekly/1"


def test_a_plan_says_why_articles_are_not_in_it(journal: Journal) -> None:
    """A draft is left out, and the reason stands beside it."""
    journal.add("ada")
    (journal.root / "content/half-done.md").write_text(
        (journal.root / "content/vitamin-d.md")
        .read_text("utf-8")
        .replace("id: tag:journal.example.org,2026:a/", "id: tag:journal.example.org,2026:a/other")
        .replace("category: nutrition", "category: nutrition\ndraft: true\nslug: half-done"),
        "utf-8",
    )
    shown = journal.run("issue", "plan", "weekly", now=BEFORE).stdout
    assert "not in it: Do vitamin D tablets" in shown
    assert "it is a draft" in shown


def test_nothing_new_is_said(journal: Journal) -> None:
    """Without readers, or without articles, there is no issue and the reason is plain."""
    assert "no readers" in journal.run("issue", "plan", "weekly", now=BEFORE).stdout
    journal.add("ada")
    planned = journal.json("issue", "plan", "weekly", "--slot", "2026-12-15T09:00")
    assert (planned["state"], planned["reason"]) == ("skipped", "nothing new")


def test_sending_asks_first_and_says_how_many(planned: Journal) -> None:
    """Without a terminal nothing goes without --yes; the refusal says what would have gone."""
    refused = planned.process("--now", SLOT, "send", "weekly/1")
    assert refused.returncode == 2
    for words in (
        "3 people",
        "vitamin D",
        "Tuesday 24 November 2026, 09:00",
        "less than a minute",
        "--yes",
    ):
        assert words in refused.stderr
    assert outbox(planned) == []
    dry = planned.json("send", "weekly/1", "--dry-run")
    assert dry["ready"] is True
    assert outbox(planned) == []


def test_send_builds_the_archive_page_and_mails_everybody_once(planned: Journal) -> None:
    """All three get one mail; the page the mail links to is there; a second send is refused."""
    sent = planned.json("send", "weekly/1", "--yes")
    assert sent["state"] == "finished"
    assert sent["sent"] == {"accepted": 3}
    assert (planned.root / "public/issues/weekly/1/index.html").is_file()
    to = [message_from_bytes(p.read_bytes(), policy=policy.default)["To"] for p in outbox(planned)]
    assert sorted(to) == ["ada@example.org", "brook@example.org", "chen@example.org"]
    assert "is finished" in planned.run("send", "weekly/1", "--yes", code=2).stderr
    assert len(outbox(planned)) == 3


def test_an_issue_does_not_go_before_its_slot(planned: Journal) -> None:
    """It is due later: the refusal says when."""
    shown = planned.run("send", "weekly/1", "--yes", now=BEFORE, code=2).stderr
    assert "Tuesday 24 November 2026, 09:00" in shown
    assert outbox(planned) == []


def test_test_copies_go_to_several_addresses(planned: Journal) -> None:
    """One each, all marked and inert; a wrong address among them sends nothing at all."""
    both = ("--test", "boss@example.org", "--test", "law@example.org")
    shown = planned.json("send", "weekly/1", *both, now=BEFORE)
    assert [each["outcome"] for each in shown["test"]] == ["accepted", "accepted"]
    mails = [message_from_bytes(p.read_bytes(), policy=policy.default) for p in outbox(planned)]
    assert {mail["To"] for mail in mails} == {"boss@example.org", "law@example.org"}
    assert all(mail["Subject"].startswith("[Test] ") for mail in mails)
    assert not any(mail["List-Unsubscribe"] for mail in mails)
    before = len(mails)
    planned.run("send", "weekly/1", *both, "--test", "x", now=BEFORE, code=2)
    assert len(outbox(planned)) == before
    assert planned.json("issue", "show", "weekly/1")["counts"] == {"queued": 3}


def test_a_test_copy_is_marked_and_counts_nowhere(planned: Journal) -> None:
    """One mail to one address; the issue is as it was; the unsubscribe link bears no token."""
    planned.run("send", "weekly/1", "--test", "boss@example.org", now=BEFORE)
    (path,) = outbox(planned)
    mail = message_from_bytes(path.read_bytes(), policy=policy.default)
    assert mail["Subject"].startswith("[Test] ")
    assert "/u/" not in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]  # it has a text part
    assert planned.json("issue", "show", "weekly/1")["counts"] == {"queued": 3}
    assert "not an email address" in planned.run("send", "weekly/1", "--test", "x", code=2).stderr


def test_an_edit_voids_the_approval_and_needs_a_new_one(planned: Journal) -> None:
    """Edited, it cannot go; approved, by name, it can."""
    edited = planned.json(
        "issue", "edit", "weekly/1", "--subject", "Vitamin D", "--intro", "Hello."
    )
    assert (edited["state"], edited["subject"]) == ("draft", "Vitamin D")
    assert "issue approve weekly/1" in planned.run("send", "weekly/1", "--yes", code=2).stderr
    assert "--yes" in planned.process("--now", SLOT, "issue", "approve", "weekly/1").stderr
    assert f"hash {edited['hash'][:12]}" in planned.run("issue", "show", "weekly/1").stdout
    other = planned.run("issue", "approve", "weekly/1", "--hash", "0" * 12, "--yes", code=2).stderr
    assert "it was edited since" in other
    approved = planned.json(
        *("issue", "approve", "weekly/1", "--by", "Dr Ada", "--yes"),
        *("--hash", edited["hash"][:12].upper()),
    )
    assert (approved["state"], approved["approved_by"]) == ("approved", "Dr Ada")
    planned.run("send", "weekly/1", "--yes")
    assert b"Subject: Vitamin D" in outbox(planned)[0].read_bytes()


def test_dropping_the_last_article_is_refused(planned: Journal) -> None:
    """An issue without articles is cancelled, not sent."""
    slug = planned.json("issue", "show", "weekly/1")["articles"][0]["slug"]
    shown = planned.run("issue", "edit", "weekly/1", "--drop", slug, code=2).stderr
    assert "cancel it instead" in shown
    assert "is no article" in planned.run("issue", "edit", "weekly/1", "--drop", "x", code=2).stderr


def test_too_late_an_approval_is_said(planned: Journal) -> None:
    """Past the cutoff the issue is skipped, and the command fails."""
    planned.run("issue", "edit", "weekly/1", "--subject", "x", now=BEFORE)
    late = "2026-11-30T09:00+00:00"
    assert (
        "too late" in planned.run("issue", "approve", "weekly/1", "--yes", now=late, code=2).stderr
    )
    assert planned.json("issue", "list")["issues"][0]["state"] == "skipped"


def test_cancelled_is_for_good(planned: Journal) -> None:
    """It cannot be sent, and the reason is kept."""
    planned.run("issue", "cancel", "weekly/1", "--reason", "wrong picture")
    shown = planned.json("issue", "show", "weekly/1")
    assert (shown["state"], shown["reason"]) == ("cancelled", "wrong picture")
    planned.run("send", "weekly/1", "--yes", code=2)
    assert outbox(planned) == []


def test_a_relay_that_is_away_loses_nothing(planned: Journal) -> None:
    """The send fails with 1 and says why; the mails are still queued; later they go."""
    planned.set('kind = "folder"\npath = "var/outbox"', 'kind = "folder"\npath = "var/secret.key"')
    shown = planned.run("send", "weekly/1", "--yes", code=1).stdout
    assert "cannot be made" in shown
    planned.set('path = "var/secret.key"', 'path = "var/outbox"')
    assert planned.json("issue", "show", "weekly/1")["counts"] == {"queued": 3}
    planned.run("pause", "weekly/1", "--reason", "the relay is ill")
    assert "resume weekly/1" in planned.run("send", "weekly/1", "--yes", code=2).stderr
    assert any("resume" in step for step in planned.json("status")["next"])
    planned.run("resume", "weekly/1", "--yes")
    planned.run("send", "weekly/1", "--yes")
    assert len(outbox(planned)) == 3


def test_a_page_that_is_not_live_holds_the_issue(journal: Journal) -> None:
    """A static host that does not answer: nothing is sent, and the pages are named."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    journal.set("https://journal.example.org", url)
    journal.set("language =", f'app_url = "{url}"\nlanguage =')
    journal.set(
        "[newsletters.weekly]",
        '[publishing]\ncommand = ["true"]\ncheck_timeout = "1s"\n\n[newsletters.weekly]',
    )
    journal.add("ada")
    journal.run("issue", "plan", "weekly", now=BEFORE)
    shown = journal.run("send", "weekly/1", "--yes", code=1).stderr
    assert "cannot be opened" in shown
    assert f"{url}/issues/weekly/1/" in shown
    assert outbox(journal) == []


def test_retry_and_resolve_say_how_many(planned: Journal) -> None:
    """With nothing deferred, refused or unknown they change nothing and say so."""
    planned.run("send", "weekly/1", "--yes")
    assert "0 mails queued again" in planned.run("retry", "weekly/1", "--refused").stdout
    assert "0 mails" in planned.run("deliveries", "resolve", "weekly/1", "--accepted").stdout
    assert planned.json("retry", "weekly/1", "--deferred", "--yes")["moved"] == 0


def test_unknown_mails_are_settled_by_staff(planned: Journal) -> None:
    """A worker that died while sending leaves one mail in doubt; staff say it arrived."""
    settings = load(None, {}, cwd=planned.root)
    planned.run("build")
    store = open_store(settings.store_url, host="journal.example.org")
    issue = store.issues.list()[0]
    now = datetime.fromisoformat(SLOT)
    store.issues.move(issue.id, IssueEvent.RELEASE, now)
    claims = store.outbox.claim("dead", 1, timedelta(seconds=60), now, issue_id=issue.id)
    store.outbox.advance((), claims, timedelta(seconds=60), now)
    store.outbox.lapse(now + timedelta(hours=1))
    store.close()
    shown = planned.run("issue", "show", "weekly/1").stdout
    assert "deliveries resolve weekly/1" in shown
    assert "@example.org" not in shown
    listed = planned.json("deliveries", "list", "weekly/1", "--state", "unknown")
    (mail,) = listed["mails"]
    assert mail["message_id"] == claims[0].message_id
    assert claims[0].message_id in planned.run("deliveries", "list", "weekly/1").stdout
    wrong = planned.run(
        "deliveries", "resolve", "weekly/1", "--accepted", "--mail", str(mail["id"] + 1), code=2
    ).stderr
    assert f"not of this issue: mail {mail['id'] + 1}" in wrong
    refused = planned.run("deliveries", "resolve", "weekly/1", "--resend", code=2).stderr
    assert "gets it twice" in refused
    number = str(mail["id"])
    assert (
        planned.json("deliveries", "resolve", "weekly/1", "--accepted", "--mail", number)["moved"]
        == 1
    )
    planned.run("send", "weekly/1", "--yes")
    assert planned.json("issue", "show", "weekly/1")["counts"] == {"accepted": 3}


def test_mails_that_did_not_arrive_are_listed_whole(planned: Journal) -> None:
    """The worst first, a few on the screen, all in a file that is safe in a spreadsheet."""
    store = open_store(load(None, {}, cwd=planned.root).store_url, host="journal.example.org")
    issue = store.issues.list()[0]
    now = datetime.fromisoformat(SLOT)
    store.issues.move(issue.id, IssueEvent.RELEASE, now)
    lease = timedelta(seconds=60)
    claims = store.outbox.claim("w", 3, lease, now, issue_id=issue.id)
    store.outbox.advance((), claims, lease, now)
    refused = Settlement(claims[0], DeliveryEvent.REFUSE, 550, "=cmd() 5.1.1 nobody [here]")
    store.outbox.advance((refused,), (), lease, now)
    store.outbox.lapse(now + timedelta(hours=1))
    store.close()
    shown = planned.json("deliveries", "list", "weekly/1", "--limit", "2")
    assert [each["state"] for each in shown["mails"]] == ["unknown", "unknown"]
    assert shown["more"] == 1
    assert "1 mail more" in planned.run("deliveries", "list", "weekly/1", "--limit", "2").stdout
    assert (
        "no such mails"
        in planned.run("deliveries", "list", "weekly/1", "--state", "deferred").stdout
    )
    planned.run("deliveries", "list", "weekly/1", "--output", "mails.csv")
    rows = list(csv.DictReader((planned.root / "mails.csv").read_text().splitlines()))
    assert [row["state"] for row in rows] == ["unknown", "unknown", "refused"]
    assert rows[2]["answer"] == "550 =cmd() 5.1.1 nobody [here]"
    assert rows[2]["what it means"] == REFUSED[BounceKind.HARD]
    assert rows[2]["message id"] == claims[0].message_id
    assert "@example.org" not in "".join(row["answer"] for row in rows)
    asked = planned.run("deliveries", "list", "weekly/1", "--state", "lost", code=2).stderr
    assert "unknown, refused, deferred, cancelled" in asked
    assert planned.json("issue", "show", "weekly/1")["more_trouble"] == 0


@pytest.mark.parametrize(("answer", "code", "mails"), [("n", 1, 0), ("y", 0, 3)])
def test_on_a_terminal_it_asks(planned: Journal, answer: str, code: int, mails: int) -> None:
    """A no sends nothing; a yes sends."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "publisher", "--now", SLOT, "send", "weekly/1"],
        cwd=planned.root,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    os.write(ours, f"{answer}\n".encode())
    out, err = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == code, out + err
    assert "3 people" in out
    assert ("Nothing was done" in err) == (answer == "n")
    assert len(outbox(planned)) == mails


@pytest.mark.parametrize(
    ("option", "text"),
    [("--subject", "New\r\nBcc: a@example.org"), ("--preheader", "a\nb"), ("--intro", "a\x07b")],
)
def test_shaping_holds_no_line_break_and_no_control_character(
    planned: Journal, option: str, text: str
) -> None:
    """What could end a header or hide in a page is refused, and nothing is stored."""
    before = planned.json("issue", "show", "weekly/1")
    assert "line break" in planned.run("issue", "edit", "weekly/1", option, text, code=2).output
    assert planned.json("issue", "show", "weekly/1") == before
    planned.run("issue", "edit", "weekly/1", "--intro", "One paragraph.\n\nAnother.")


def test_send_waits_for_what_a_killed_worker_held(planned: Journal) -> None:
    """Once the dead worker's lease has run out, the rest goes; what was under way is in doubt."""
    planned.set("[journal]", '[dispatching]\nlease = "5s"\n\n[journal]')
    loaded = load(None, os.environ, cwd=planned.root)
    store = open_store(loaded.store_url, host=loaded.mail_host)
    now = datetime.fromisoformat(SLOT)
    lease = timedelta(seconds=5)
    (issue,) = store.issues.list()
    planned.run("build")
    store.issues.move(issue.id, IssueEvent.RELEASE, now)
    claims = store.outbox.claim("killed", 2, lease, now)
    store.outbox.advance([], claims[:1], lease, now)
    store.close()
    done = planned.run("send", "weekly/1", "--yes")
    assert "To 3 people" in done.stdout
    assert "2 mails held by another worker" in done.stdout
    shown = planned.json("issue", "show", "weekly/1")
    assert shown["counts"] == {"accepted": 2, "unknown": 1}
    assert shown["state"] == "finished"
    assert len(outbox(planned)) == 2


def test_sending_late_says_how_late(planned: Journal) -> None:
    """Days after its slot an issue may still be sent by hand, knowingly."""
    shown = planned.run("send", "weekly/1", "--dry-run", now="2026-11-27T10:00+00:00").stdout
    assert "Its slot was Tuesday 24 November 2026" in shown
    assert "hours ago" in shown
