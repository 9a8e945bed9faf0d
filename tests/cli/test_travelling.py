"""Sending by several transports and within limits, as staff see it."""

import io
import json
import os
import pty
import subprocess
import sys

from rich.console import Console

from publisher.cli.watching import Watch, picture
from publisher.dispatch import Progress, Report
from tests.cli.conftest import SLOT, Journal
from tests.transports.relay import Relay

FOLDER = '[transports.default]\nkind = "folder"\npath = "var/outbox"\n'


def smtp(name: str, port: int, more: str = "") -> str:
    return (
        f'[transports.{name}]\nkind = "smtp"\nhost = "127.0.0.1"\nport = {port}\n'
        f'security = "none"\n{more}\n'
    )


def test_mail_goes_by_the_next_and_status_says_so(planned: Journal) -> None:
    """The first is down: all is sent, exit 0, and the failure is told with who stepped in."""
    with Relay() as gone:
        port = gone.port
    with Relay() as backup:
        route = '[routes.default]\ntransports = ["main", "backup"]\n'
        planned.set(FOLDER, smtp("main", port) + smtp("backup", backup.port) + route)
        sent = planned.run("send", "weekly/1", "--yes").stdout
        assert len({one.recipient for one in backup.received if one.accepted}) == 3
        assert "weekly/1 is finished: 3 accepted" in sent
        assert "(its mail went by backup)" in sent
        assert "Sending weekly/1: 3 of 3" in sent
        status = planned.run("status").stdout
        assert "How mail travels" in status
        assert "main fails since Tuesday 24 November 2026" in status
        (failing,) = planned.json("status")["traffic"]["failing"]
        assert failing["transport"] == "main"
        assert "cannot be reached" in failing["reason"]
        copy = planned.run("send", "weekly/1", "--test", "me@example.org").stdout
        assert "me@example.org: accepted" in copy
    nowhere = planned.run("send", "weekly/1", "--test", "me@example.org", code=1)
    assert "transport 'backup'" in nowhere.output


def test_what_limits_hold_back_is_no_fault(planned: Journal) -> None:
    """One a day: one goes, exit 0; the others are told of with their time, and need nobody."""
    with Relay() as relay:
        limits = "[transports.default.limits]\nper_day = 1"
        planned.set(FOLDER, smtp("default", relay.port, limits))
        sent = planned.run("send", "weekly/1", "--yes").stdout
        assert "2 mails waiting for the limits of 'default', until Wednesday 25 November" in sent
        assert len(relay.received) == 1
        again = planned.run("send", "weekly/1", "--yes").stdout
        assert "2 queued" in again
        shown = planned.json("status")
        assert [each["transport"] for each in shown["traffic"]["limited"]] == ["default"]
        assert shown["next"] == []
        assert "default has reached its limits until Wed" in planned.run("status").stdout
        assert len(relay.received) == 1
        later = planned.run("send", "weekly/1", "--yes", now="2026-11-26T09:30+00:00").stdout
        assert len(relay.received) == 2, later


def test_a_destinations_limit_shows_in_status(planned: Journal) -> None:
    """Two an hour to a domain: the third waits for its own time, which `status` tells."""
    with Relay() as relay:
        limits = '[transports.default.limits.domains."example.org"]\nper_hour = 2'
        planned.set(FOLDER, smtp("default", relay.port, limits))
        sent = planned.run("send", "weekly/1", "--yes").stdout
        assert "1 mail waiting for the limits of its transport, the first until" in sent
    shown = planned.json("status")
    (held,) = shown["traffic"]["held"]
    assert (held["issue"], held["mails"]) == ("weekly/1", 1)
    assert held["first_at"] > "2026-11-24T09:29"
    assert shown["next"] == []
    assert "1 mail of weekly/1 waits for a limit" in planned.run("status").stdout


def test_send_waits_for_limits_that_let_go_soon(planned: Journal) -> None:
    """Two a second: three mails take a second, and the command stays until they have left."""
    with Relay() as relay:
        limits = "[transports.default.limits]\nper_second = 2"
        planned.set(FOLDER, smtp("default", relay.port, limits))
        assert "weekly/1 is finished: 3 accepted" in planned.run("send", "weekly/1", "--yes").stdout
        assert len(relay.received) == 3


def test_a_server_that_says_too_fast_shows_in_status(planned: Journal) -> None:
    """With the destination and what is done about it."""
    with Relay({"RCPT": ["450 4.7.0 slow down"]}) as relay:
        planned.set(FOLDER, smtp("default", relay.port, "connections = 1"))
        planned.run("send", "weekly/1", "--yes")
    assert "default sends by half of its connections to example.org" in (
        planned.run("status").stdout
    )
    (slowed,) = planned.json("status")["traffic"]["slowed"]
    assert slowed == {"transport": "default", "destination": "example.org", "level": 1}


def test_a_terminal_shows_it_live(planned: Journal) -> None:
    """On a terminal the lines are redrawn in place, and the last words stay."""
    with Relay() as relay:
        planned.set(FOLDER, smtp("default", relay.port))
        parent, child = pty.openpty()
        done = subprocess.run(
            [sys.executable, "-m", "publisher", "--now", SLOT, "send", "weekly/1", "--yes"],
            cwd=planned.root,
            env=os.environ | {"TERM": "xterm", "COLUMNS": "100"},
            stdout=child,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            check=False,
        )
        os.close(child)
        shown = b""
        try:
            while more := os.read(parent, 65536):
                shown += more
        except OSError:
            pass  # the other end is closed: that is how a terminal ends
        os.close(parent)
    assert done.returncode == 0, done.stderr
    assert b"Sending weekly/1: 3 of 3" in shown
    assert b"weekly/1 is finished: 3 accepted." in shown


def test_the_picture_holds_rate_outcomes_and_domains() -> None:
    """Several drains add up; a domain with few readers is not named."""
    seen: list[bool] = []
    watch = Watch("Sending weekly/1", 100, lambda _, last: seen.append(last))
    watch.speed.note(0.0, 0)
    watch.note(Progress({"accepted": 20}, 3, {"example.org": {"accepted": 20}}))
    watch.finished(Report({"accepted": 20}))
    watch.note(
        Progress(
            {"accepted": 20, "deferred": 2, "returned": 1},
            3,
            {"example.org": {"accepted": 20}, "one.test": {"deferred": 2}},
        )
    )
    assert watch.done == 42
    out = io.StringIO()
    Console(file=out, width=100).print(picture(watch))
    text = out.getvalue()
    assert "Sending weekly/1: 42 of 100" in text
    assert "40 accepted, 2 deferred" in text
    assert "example.org 40, others 2" in text
    assert "one.test" not in text
    assert seen == [False, False]


def test_json_and_quiet_show_no_progress(planned: Journal) -> None:
    """A program reads one document."""
    with Relay() as relay:
        planned.set(FOLDER, smtp("default", relay.port))
        document = json.loads(planned.run("--json", "send", "weekly/1", "--yes").stdout)
    assert document["sent"] == {"accepted": 3}
