"""One open SMTP session that takes messages, one at a time, waiting or not waiting."""

from __future__ import annotations

import contextlib
import re
import ssl
import sys
import time
from dataclasses import dataclass
from typing import NoReturn

from publisher.domain.message import Envelope
from publisher.domain.outcome import Outcome, OutcomeKind, cleaned
from publisher.errors import TransportError, TransportUnavailable
from publisher.transports.exchange import Exchange, LoginWanted, Lost, Pace, Step
from publisher.transports.offered import Offered, harmless
from publisher.transports.session import Session, stuffed, whole_lines
from publisher.transports.usual import (
    BOTH_TAKEN,
    ENVELOPE_TAKEN,
    MESSAGE_TAKEN,
    TAKEN_SO_FAR,
    Usual,
)

CAUTION = 1000
"""Messages of which none goes ahead of its envelope's answers, after one was lost that way; and
no envelope behind another's message, after a line broke there."""

_KEEPS_ANSWERS = sys.platform == "linux"
"""Whether what a server answered can be read after it closed a line with something unread in it:
with the next envelope, where it hangs up behind a message. Others drop that with the reset."""

ENDED = "the server ended the session by itself"
MOMENT = 0.01
"""Seconds in which a server that waits for a message is not thought to have hung up."""

_ACCEPTED = OutcomeKind.ACCEPTED
_STEPS, _GROUP, _AHEAD, _MESSAGE = Pace.STEPS, Pace.GROUP, Pace.AHEAD, Step.MESSAGE


@dataclass(slots=True)
class Manners:
    """How a transport's sessions may speak, learnt from what became of earlier ones.

    `pipelining`: several commands at once; off for good when a server that offers it stopped
    answering in the middle of a session's first group. `caution`: messages still to wait for
    the envelope's answers, or to travel with no envelope behind. `foretelling`: envelopes behind
    messages; off for good when a server did not understand one there.
    """

    pipelining: bool = True
    chunking: bool = True
    caution: int = 0
    foretelling: bool = True


class SmtpSender:
    """One open session; one message is under way at a time.

    `begin` and `finish` never wait, so that one thread may serve many sessions; `wait` takes
    over where they left off. What is `following` may be told to the server behind the message
    that is begun; nothing of it but its envelope leaves before it is begun itself.
    """

    def __init__(self, session: Session, where: str, limit: int, manners: Manners) -> None:
        self._session = session
        self._where = where
        self._left = limit
        self._manners = manners
        self._open = True
        self._proven = False  # that it answers a group
        self._exchange: Exchange | None = None
        self._usual: Usual | None = None  # instead of an exchange, as long as it may be
        self._promised: Usual | None = None  # whose envelope the server has, or will have
        self._foretold = False  # whether this message's envelope was behind another
        self._at_stake = False  # and is not answered yet
        self._recipient = ""
        self._readable = False  # there may be something to hear
        self._offered = Offered.of(session.esmtp_features)

    @property
    def usable(self) -> bool:
        """Whether another message may be handed over."""
        return self._open and self._left > 0

    @property
    def foretells(self) -> bool:
        """Whether the server may be told of a message behind the one that is begun next."""
        manners = self._manners
        return (
            _KEEPS_ANSWERS
            and self._proven
            and self._left > 1
            and manners.foretelling
            and not manners.caution
            and self._groups
        )

    @property
    def promised(self) -> bool:
        """Whether the server was told of a message that was not begun: it takes no other."""
        return self._promised is not None

    @property
    def encrypted(self) -> bool:
        """Whether the line is under TLS."""
        return isinstance(self._session.sock, ssl.SSLSocket)

    @property
    def offers(self) -> tuple[str, ...]:
        """The extensions that the server offers, in capitals, in alphabetical order."""
        return tuple(sorted(word.upper() for word in self._session.esmtp_features))

    def fileno(self) -> int:
        """The line's file descriptor, to be watched for something to read; -1 without a line."""
        return -1 if self._session.sock is None else self._session.sock.fileno()

    def send(self, message: bytes, envelope: Envelope) -> Outcome:
        """One message for one recipient; `smtp.py` has the table of what each answer comes to."""
        outcome = self._put(message, envelope)
        return self.wait() if outcome is None else outcome

    def begin(
        self,
        message: bytes,
        envelope: Envelope,
        following: tuple[bytes, Envelope] | None = None,
    ) -> Outcome | None:
        """As `send`, but without waiting: None while the outcome has not come.

        Raises TransportUnavailable, with the line dropped, for another message than `promised`.
        """
        if self._promised is not None:
            return self._keep(self._promised, message, envelope, following)
        if self._goes_usually(message, envelope):
            self._begin_usually(message, envelope, following)
            return None
        outcome = self._put(message, envelope)
        return self._go_on(wait=False) if outcome is None else outcome

    def finish(self) -> Outcome | None:
        """What became of the message that was begun, if it is known by now. Raises as `send`."""
        self._readable = True
        return self._go_on(wait=False) if self._usual is None else self._go_usually(self._usual)

    def wait(self) -> Outcome:
        """What became of the message that was begun. Raises as `send` does."""
        if self._usual is not None:
            self._leave_usual(self._usual)
        outcome = self._go_on(wait=True)
        assert outcome is not None  # noqa: S101 - it waits for one
        return outcome

    def close(self) -> None:
        """QUIT, and do not wait long for the answer."""
        # Behind DATA, QUIT would be a line of a message.
        idle = self._exchange is None and self._usual is None and self._promised is None
        if self._open and idle and self._session.sock is not None:
            with contextlib.suppress(OSError, Lost):
                self._session.wait_for_farewell()
                self._session.ask("QUIT")
        self._end()

    def _end(self) -> None:
        self._open = False
        self._exchange = self._usual = self._promised = None
        with contextlib.suppress(OSError):
            self._session.close()

    # --- one message ----------------------------------------------------------------------------

    def _put(self, message: bytes, envelope: Envelope) -> Outcome | None:
        """Make the exchange of this message; or why it cannot be put to this server at all."""
        if not self.usable:
            raise TransportUnavailable(f"{self._where}: the session is over; open another")
        if self._promised is not None:
            self._end()
            raise TransportUnavailable(f"{self._where}: was told of another; nothing was sent")
        refusal = self._offered.unsendable(message, envelope)
        if refusal is not None:
            return refusal
        self._left -= 1
        chunk = self._manners.chunking and self._offered.chunking
        pace = self._pace(chunk=chunk)
        self._recipient = envelope.recipient
        if self._session.said_something():
            self._over()
        self._foretold = False
        self._exchange = Exchange(
            *self._offered.commands(message, envelope),
            _travelling(message, plain=envelope.plain, chunk=chunk),
            pace,
            chunk=chunk,
        )
        self._session.queue(self._exchange.to_write())
        return None

    def _pace(self, *, chunk: bool) -> Pace:
        """How much to say at once: the message itself only to a server known to answer groups."""
        manners = self._manners
        if not manners.pipelining or not self._offered.pipelining:
            return _STEPS
        if not chunk or not self._proven:
            return _GROUP
        if manners.caution:
            manners.caution -= 1
            return _GROUP
        return _AHEAD

    def _go_on(self, *, wait: bool) -> Outcome | None:
        """Write and read until the outcome is known, or nothing more goes without waiting."""
        exchange = self._exchange
        assert exchange is not None  # noqa: S101 - a message was begun
        try:
            if not wait:
                self._session.wait_for(0)
            while exchange.outcome is None:
                reply = self._reply(exchange, wait=wait)
                if reply is None:
                    return None
                if exchange.outcome is None:
                    if self._at_stake:
                        self._weigh(reply[0])
                    exchange.take(*reply)
                    if more := exchange.to_write():
                        if exchange.whole:
                            self._look()
                        self._session.queue(more)
        except Lost as error:
            self._end()
            raise TransportUnavailable(
                f"{self._where}: {error}; nothing was sent", error.code, error.said
            ) from error
        except LoginWanted as error:
            self._end()
            raise TransportError(
                f"{self._where} wants a login or encryption first ({error}): "
                "set username and password, or security"
            ) from None
        except BaseException:
            self._end()
            raise
        return self._settled(exchange)

    def _reply(self, exchange: Exchange, *, wait: bool) -> tuple[int, str] | None:
        """Write what is queued, read the next reply; sets the outcome where the line breaks."""
        session, written = self._session, False
        try:
            if wait:
                session.wait_for_command()
                session.flush()
            elif not session.flush_now():
                return None
            written = True
            if exchange.pace is not _STEPS:
                session.hurry()
            if not wait:
                if self._readable:
                    self._readable = False
                    session.hear()
                    if (usual := exchange.usual) is not None and session.heard(usual):
                        self._at_stake = False
                        self._look()
                        exchange.take_usual()
                        if more := exchange.to_write():
                            session.queue(more)
                            written = False
                            if not session.flush_now():
                                return None
                            written = True
                return session.reply_now()
            self._be_patient(exchange)
            return session.reply()
        except Lost as error:
            exchange.outcome = exchange.lost(str(error), written=written)
            self._learn(exchange)
            if exchange.outcome is None:
                raise
            return 0, ""

    def _be_patient(self, exchange: Exchange) -> None:
        if self._at_stake:
            self._session.wait_for_foretold()
        elif exchange.awaited[0] is _MESSAGE:
            self._session.wait_for_message()

    def _learn(self, exchange: Exchange) -> None:
        """From a line that broke: what later sessions had better not do."""
        if self._at_stake:
            # Silence: it forgot what came behind the dot. A line that ends may have its reasons.
            self._manners.caution = CAUTION
            self._manners.foretelling = self._manners.foretelling and not self._session.silent
        elif self._promised is not None:
            # An answer may be lost with a line that is reset for what was behind the message.
            self._manners.caution = CAUTION
        elif exchange.pace is _AHEAD:
            self._manners.caution = CAUTION
        elif exchange.pace is Pace.GROUP and not self._proven and not exchange.group_answered:
            self._manners.pipelining = False

    def _weigh(self, code: int) -> None:
        """The first answer to what came behind a message: a refusal may be a misunderstanding.

        A reader is not refused for it; the next session says the same by itself, and so does
        whoever was deferred.
        """
        self._at_stake = False
        if code >= 400 and code != 421:
            self._manners.caution = CAUTION
        if code >= 500:
            self._manners.foretelling = False
            raise Lost(f"the server answered {code} to what came behind another message")

    def _look(self) -> None:
        """Before a message whose envelope was taken a while ago. Raises Lost: the line is over."""
        if self._foretold and self._session.said_something():
            raise Lost(ENDED)

    def _settled(self, exchange: Exchange) -> Outcome:
        self._exchange = None
        if not exchange.usable:
            self._end()
        self._proven = self._proven or exchange.group_answered
        outcome = exchange.outcome
        assert outcome is not None  # noqa: S101 - that is why we are here
        return Outcome(outcome.kind, outcome.code, cleaned(outcome.reply, self._recipient))

    # --- the usual course -----------------------------------------------------------------------

    def _goes_usually(self, message: bytes, envelope: Envelope) -> bool:
        """Whether there is nothing about it that only an exchange could see to.

        Whether the server hung up meanwhile need not be asked: the envelope is at stake alone.
        """
        return (
            self._proven
            and self.usable
            and self._groups
            and self._plain(message, envelope)
            and not self._session.ahead
        )

    @property
    def _groups(self) -> bool:
        """Whether an envelope goes out with DATA in one write."""
        manners, offered = self._manners, self._offered
        return (
            offered.pipelining
            and manners.pipelining
            and not (offered.chunking and manners.chunking)
        )

    def _plain(self, message: bytes, envelope: Envelope) -> bool:
        recipient = envelope.recipient
        return (
            envelope.plain
            and not 0 < self._offered.limit < len(message)
            and "@" in recipient
            and harmless(envelope.sender + recipient)
        )

    def _begin_usually(
        self, message: bytes, envelope: Envelope, following: tuple[bytes, Envelope] | None
    ) -> None:
        self._left -= 1
        self._foretold = False
        if self._manners.caution:
            self._manners.caution -= 1
        self._recipient = envelope.recipient
        self._usual = usual = self._course(message, envelope)
        self._follow(usual, following)
        self._session.wait_for(0)
        self._write_usually(usual, usual.opening())

    def _course(self, message: bytes, envelope: Envelope) -> Usual:
        return Usual(envelope, *self._offered.commands(message, envelope), message)

    def _follow(self, usual: Usual, following: tuple[bytes, Envelope] | None) -> None:
        """Let the envelope of what is `following` leave behind `usual`, if it may."""
        manners = self._manners
        may = manners.foretelling and not manners.caution and self._left > 0
        if following is not None and may and self._plain(*following):
            usual.behind = self._course(*following)

    def _keep(
        self,
        promised: Usual,
        message: bytes,
        envelope: Envelope,
        following: tuple[bytes, Envelope] | None,
    ) -> Outcome | None:
        """Begin the message that the server was told of; or drop the line for another."""
        session = self._session
        other = promised.message is not message or promised.envelope is not envelope
        session.wait_for(0)
        # Where the server has hung up since, nothing but the envelope is lost.
        if other:
            self._end()
            raise TransportUnavailable(f"{self._where}: was told of another; nothing was sent")
        if promised.taken_at and self._hung_up_since(promised.taken_at):
            self._over()
        self._promised = None
        self._left -= 1
        self._recipient = envelope.recipient
        self._usual = promised
        self._follow(promised, following)
        self._foretold = True
        if promised.taken_at:
            self._write_content(promised)
            return None
        self._at_stake = True
        # First what had not gone behind the last message.
        if self._write_usually(promised, b""):
            self._readable = True
            return self._go_usually(promised)
        return None

    def _over(self) -> NoReturn:
        self._end()
        raise TransportUnavailable(f"{self._where}: {ENDED}; nothing was sent")

    def _hung_up_since(self, instant: float) -> bool:
        """Whether the server said or did something since it took an envelope; not for a moment."""
        return time.monotonic() - instant > MOMENT and self._session.said_something()

    def _go_usually(self, usual: Usual) -> Outcome | None:
        """What was awaited, if it has come; whatever else has is left to an exchange."""
        session, behind = self._session, usual.behind
        heard = session.overhear()
        if heard is None:
            pass
        elif usual.message:
            if ENVELOPE_TAKEN.fullmatch(heard):
                session.forget(len(heard))
                if self._at_stake and session.said_something():
                    self._over()
                self._at_stake = False
                self._write_content(usual)
                return None
            if TAKEN_SO_FAR.fullmatch(heard):
                session.hurry()
                return None
        elif taken := (MESSAGE_TAKEN if behind is None else BOTH_TAKEN).fullmatch(heard):
            session.forget(len(heard))
            if behind is not None:
                behind.taken_at = time.monotonic()
            return self._accepted(taken)
        elif behind is not None and (taken := MESSAGE_TAKEN.match(heard)):
            # The rest has a turn of its own.
            session.forget(taken.end())
            session.hurry()
            return self._accepted(taken)
        self._leave_usual(usual)
        return self._go_on(wait=False)

    def _accepted(self, taken: re.Match[bytes]) -> Outcome:
        self._usual = None
        said = taken[1].decode("utf-8", "replace")
        return Outcome(_ACCEPTED, 250, cleaned(said, self._recipient))

    def _write_content(self, usual: Usual) -> None:
        """The message, and the envelope behind it. Raises as `_write_usually` does."""
        self._promised = usual.behind
        self._write_usually(usual, *usual.content())

    def _write_usually(self, usual: Usual, content: bytes, behind: int = 0) -> bool:
        """Whether all went, and not to an exchange what is left.

        Raises TransportUnavailable: its last byte was not among what could be written.
        """
        self._session.queue(content, behind)
        try:
            if self._session.flush_now():
                return True
        except Lost as error:
            self._end()
            raise TransportUnavailable(f"{self._where}: {error}; nothing was sent") from error
        self._leave_usual(usual)
        return False

    def _leave_usual(self, usual: Usual) -> None:
        self._exchange, self._usual = usual.exchange(), None


def _travelling(message: bytes, *, plain: bool, chunk: bool) -> bytes:
    """The message as it goes over the line."""
    if plain:
        return message if chunk else message + b".\r\n"
    return whole_lines(message) if chunk else stuffed(message)
