"""One marked copy of an issue, for looking at: `send --test`."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import typer

from publisher.app import App
from publisher.cli import words
from publisher.cli.session import Session
from publisher.domain.issue import Issue
from publisher.domain.message import Envelope
from publisher.domain.notice import Notice, NoticeKind
from publisher.domain.outcome import Outcome, OutcomeKind
from publisher.errors import NotAllowed, SettingsError, TransportError, UsageError
from publisher.formats import email
from publisher.ports import Sender
from publisher.subscribe import BadAddress, normalise


def send_copies(
    session: Session, app: App, issue: Issue, ways: Sequence[str], addresses: Sequence[str]
) -> None:
    """One marked copy to each address, by the first of the transports `ways` that can be had.

    Never counted. Raises TransportError where none can.
    """
    if issue.number is None:
        raise NotAllowed(f"{words.name(issue)} made no issue: {issue.reason}")
    wanted = [_address(each) for each in addresses]
    edition = app.store.issues.editions(issue.id)[0]
    subject, html, text = email.test_copy(edition, app.journal)
    sender = app.settings.bounce_address or app.journal.sender.address
    results: list[tuple[str, Outcome]] = []
    way, session_open = _first(app, ways)
    try:
        for address in wanted:
            key = secrets.token_hex(8)
            notice = Notice(NoticeKind.TEST, key, address, subject, text, html, issue.newsletter)
            message_id = f"<test-{key}@{app.settings.mail_host}>"
            now = session.now()
            content = app.settings.signers.signed(
                email.notice_message(notice, app.journal, message_id=message_id, dated_at=now), now
            )
            envelope = Envelope(email.envelope_address(sender), email.envelope_address(address))
            results.append((address, session_open.send(content, envelope)))
    finally:
        session_open.close()
    bad = [(a, o) for a, o in results if o.kind is not OutcomeKind.ACCEPTED]
    session.done(
        {
            "issue": words.name(issue),
            "test": [
                {"address": a, "outcome": o.kind.value, "code": o.code, "reply": o.reply}
                for a, o in results
            ],
        },
        *(f"{a}: {o.kind} ({o.code} {o.reply})" for a, o in results),
        *_folder_hint(app, way),
    )
    if bad:
        raise typer.Exit(1)


def _first(app: App, ways: Sequence[str]) -> tuple[str, Sender]:
    """The first that opens. Raises what the last of them says."""
    for way in ways[:-1]:
        with suppress(TransportError):
            return way, app.transports[way].open()
    if not ways:
        raise SettingsError("the settings lost the transport of this newsletter: add it again")
    return ways[-1], app.transports[ways[-1]].open()


def _address(text: str) -> str:
    try:
        return normalise(text)[0]
    except BadAddress as error:
        raise UsageError(f"--test {text}: {error}") from None


def _folder_hint(app: App, way: str) -> list[str]:
    used = app.settings.transports[way]
    if used.kind != "folder":
        return []
    return [f"The settings send nothing: it is a file in {Path(str(used.options.get('path')))}."]
