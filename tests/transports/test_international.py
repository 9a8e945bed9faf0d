"""UTF-8 before the @, from the form of an address to a real server that offers SMTPUTF8, or not."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as Handler

from publisher import transports
from publisher.domain.message import Envelope
from publisher.domain.notice import Notice, NoticeKind
from publisher.domain.outcome import Outcome, OutcomeKind
from publisher.formats import email
from publisher.subscribe import normalise
from tests import factories

ADDRESS, _ = normalise("Zoe\u0308@bücher.example")


class Box(Handler):
    """Keeps whom each mail was for, and its To."""

    def __init__(self) -> None:
        super().__init__()
        self.got: list[tuple[str, str]] = []

    def handle_message(self, message: object) -> None:
        """One mail."""
        self.got.append((message["X-RcptTo"], str(message["To"])))  # type: ignore[index]  # a message


@contextmanager
def server(*, offers: bool) -> Iterator[tuple[Box, int]]:
    box = Box()
    # aiosmtpd connects to the port it was told, so it must be told a real one.
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=port, enable_SMTPUTF8=offers)
    controller.start()
    try:
        yield box, port
    finally:
        controller.stop()


def send(port: int) -> Outcome:
    journal = factories.journal()
    notice = Notice(NoticeKind.CONFIRMATION, "k", ADDRESS, "Bitte bestätigen", "Ja?\n")
    content = email.notice_message(
        notice, journal, message_id="<1@journal.example.org>", dated_at=factories.NOW
    )
    options = {"host": "127.0.0.1", "port": port, "security": "none"}
    sender = transports.connect("default", "smtp", options).open()
    try:
        return sender.send(content, Envelope("us@example.org", email.envelope_address(ADDRESS)))
    finally:
        sender.close()


@pytest.mark.parametrize("offers", [True, False])
def test_it_leaves_where_it_can(offers: bool) -> None:
    """Accepted as it is written; or refused with a reason, before anything is said."""
    assert ADDRESS == "Zoë@xn--bcher-kva.example"
    with server(offers=offers) as (box, port):
        outcome = send(port)
        if offers:
            assert outcome.kind is OutcomeKind.ACCEPTED
            assert [to for to, _ in box.got] == [ADDRESS]
        else:
            assert outcome.kind is OutcomeKind.REFUSED
            assert "SMTPUTF8" in outcome.reply
            assert box.got == []
