"""The usual course of a message stands at each point where a full exchange would."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.message import Envelope
from publisher.transports.exchange import Exchange, LoginWanted, Lost, Pace
from publisher.transports.usual import ENVELOPE_TAKEN, MESSAGE_TAKEN, Usual
from tests.transports.test_groups import replies

MAIL, RCPT, MESSAGE = b"MAIL FROM:<>\r\n", b"RCPT TO:<a@example.org>\r\n", b"To: a\r\n\r\nHello\r\n"


def told(exchange: Exchange, said: list[tuple[int, str]], *, written: bool) -> list[object]:
    """All that can be seen of an exchange that hears these replies, until the line breaks."""
    seen: list[object] = []
    try:
        for code, text in said:
            if exchange.outcome is not None:
                break
            exchange.take(code, text)
            seen += [exchange.to_write(), tuple(exchange.awaited), exchange.group_answered]
        outcome = exchange.outcome or exchange.lost("the end", written=written)
    except (Lost, LoginWanted) as error:
        return [*seen, type(error), str(error)]
    return [*seen, outcome, exchange.usable, exchange.whole]


@given(said=replies, taken=st.booleans(), written=st.booleans())
def test_whatever_else_is_heard_is_heard_by_an_exchange(
    said: list[tuple[int, str]], taken: bool, written: bool
) -> None:
    """What was written is not written again, and no answer finds another step than its own."""
    usual = Usual(Envelope("", "a@example.org"), MAIL, RCPT, MESSAGE)
    exchange = Exchange(MAIL, RCPT, MESSAGE + b".\r\n", Pace.GROUP, chunk=False)
    assert usual.opening() == exchange.to_write()
    if taken:
        for code in (250, 250, 354):
            exchange.take(code, "ok")
        assert usual.content() == (exchange.to_write(), 0) == (MESSAGE + b".\r\n", 0)
    assert told(usual.exchange(), said, written=written) == told(exchange, said, written=written)


@pytest.mark.parametrize(
    "heard",
    [
        b"250 ok\r\n250 ok\r\n",
        b"250 ok\r\n550 no\r\n354 go on\r\n",
        b"250-ok\r\n250 ok\r\n250 ok\r\n354 go on\r\n",
        b"250 ok\r\n250 ok\r\n354 go on\r\n250 what\r\n",
        b"250 ok\r\n250 ok\r\n250 ok\r\n",
        b"250 ok\r\n250 ok\r\n354 " + b"x" * 501 + b"\r\n",
    ],
)
def test_only_three_plain_answers_take_an_envelope(heard: bytes) -> None:
    """Anything more, less or longer is looked at one by one."""
    assert ENVELOPE_TAKEN.fullmatch(b"250 2.1.0 ok\r\n251 forwarded\n354 go on\r\n")
    assert ENVELOPE_TAKEN.fullmatch(heard) is None


@pytest.mark.parametrize("heard", [b"250-ok\r\n", b"251 ok\r\n", b"250 ok", b"250 a\r\n250 b\r\n"])
def test_only_one_plain_answer_takes_a_message(heard: bytes) -> None:
    """The same for the last one."""
    found = MESSAGE_TAKEN.fullmatch(b"250 2.0.0 queued as 1\r\n")
    assert found is not None
    assert found[1] == b"2.0.0 queued as 1"
    assert MESSAGE_TAKEN.fullmatch(heard) is None
