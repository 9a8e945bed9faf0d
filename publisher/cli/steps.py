"""What somebody should do about mail that does not leave: sentences for `status`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from publisher.app import App
from publisher.checks import retractions
from publisher.cli import words
from publisher.domain.delivery import DeliveryState
from publisher.domain.issue import Issue, IssueState
from publisher.errors import Restored, StoreError
from publisher.ports import Library, Store

READ = 1000
"""How many mails that were not accepted are read to find what the server said."""
SAID = 200
"""Characters of a server's answer that are shown."""


def for_overdue(waiting: Iterable[tuple[Issue, str | None]]) -> list[str]:
    """Approved issues whose slot has come: which page each waits for, or what lets it go."""
    return [
        f"{words.name(issue)} is due and waits: {url} cannot be opened. Publish the site: "
        "publisher build"
        if url
        else f"{words.name(issue)} is due and has not left: publisher run, or publisher send "
        f"{words.name(issue)}"
        for issue, url in waiting
    ]


def for_sources(app: App, library: Library, now: datetime) -> list[str]:
    """What is the matter with the data of retractions: gone, old, or not to be had."""
    register = library.register
    found = []
    had = None if register.snapshot else register.had or app.store.ledger.had_data()
    if register.snapshot or had:
        told = retractions.data(register.snapshot, app.journal.sources, now, had)
        found = [f"{each.message[:1].upper()}{each.message[1:]}: {each.remedy}" for each in told]
    last = app.retractions.attempt()
    if last is not None and last.failing_since is not None:
        since = words.when(last.failing_since, app.journal)
        found.append(f"The data of retractions cannot be refreshed since {since}: {last.why}")
    return found


def restored(store: Store) -> str | None:
    """Why nothing may leave from this store, and what to do."""
    try:
        store.guard.check()
    except (Restored, StoreError) as error:
        return str(error)
    return None


def stuck(store: Store) -> tuple[tuple[Issue, str], ...]:
    """Sending issues with mails that nobody is sending now, each with the server's last words."""
    found: list[tuple[Issue, str]] = []
    for issue in store.issues.list(states=(IssueState.SENDING,)):
        counts = issue.counts
        if counts.get("claimed") or counts.get("sending"):
            continue
        if not (counts.get("queued") or counts.get("deferred")):
            continue
        answers = [
            f"{each.code} {each.reply}".removeprefix("0 ").strip()
            for each in (store.issues.trouble(issue.id, READ) if counts.get("deferred") else ())
            if each.state is DeliveryState.DEFERRED
        ]
        said = " ".join(answers[-1].split())[:SAID] if answers else ""
        found.append((issue, said))
    return tuple(found)


def for_stuck(issues: Iterable[tuple[Issue, str]], held: Mapping[str, int]) -> list[str]:
    """Issues under way that stand still: what to start, and what to look at.

    `held`: by the name of an issue, how many of its mails only wait for their time.
    """
    steps: list[str] = []
    for issue, said in issues:
        name = words.name(issue)
        if queued := issue.counts.get("queued", 0) - held.get(name, 0):
            steps.append(
                f"{words.count(queued, 'mail')} of {name} {_wait(queued)} and nobody sends: "
                f"publisher run, or publisher send {name}; where it runs: publisher doctor"
            )
        if deferred := issue.counts.get("deferred", 0):
            answer = f" (the server said: {said})" if said else ""
            steps.append(
                f"{words.count(deferred, 'mail')} of {name} {_wait(deferred)} to be tried "
                f"again{answer}: publisher run, or at once publisher retry {name} --deferred"
            )
    return steps


def for_notices(states: Mapping[str, int]) -> list[str]:
    """Mails outside any issue that have not arrived; those to staff are among them."""
    steps: list[str] = []
    if waiting := states.get("queued", 0) + states.get("deferred", 0):
        steps.append(
            f"{words.count(waiting, 'notice')} {_wait(waiting)} to be sent: publisher run; "
            "where it runs: publisher doctor"
        )
    if lost := states.get("refused", 0) + states.get("unknown", 0):
        were = "was" if lost == 1 else "were"
        steps.append(
            f"{words.count(lost, 'notice')} {were} refused or not answered, and will not be sent "
            "again: look at the relay's log, and publisher doctor; who asked for one can ask again"
        )
    return steps


def _wait(number: int) -> str:
    return "waits" if number == 1 else "wait"
