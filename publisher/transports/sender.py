"""One open SMTP session that takes messages, one at a time, waiting or not waiting."""

from __future__ import annotations

import contextlib
import ssl
from dataclasses import dataclass

from publisher.domain.message import Envelope
from publisher.domain.outcome import Outcome, OutcomeKind, cleaned
from publisher.errors import TransportError, TransportUnavailable
from publisher.transports.exchange import Exchange, LoginWanted, Lost, Pace, Step
from publisher.transports.offered import Offered, harmless
from publisher.transports.session import Session, stuffed, whole_lines
from publisher.transports.usual import ENVELOPE_TAKEN, MESSAGE_TAKEN, Usual

CAUTION = 1000
"""Messages of which none goes ahead of its envelope's answers, after one was lost that way."""

_ACCEPTED = OutcomeKind.ACCEPTED
_STEPS, _GROUP, _AHEAD, _MESSAGE = Pace.STEPS, Pace.GROUP, Pace.AHEAD, Step.MESSAGE


@dataclass(slots=True)
class Manners:
    """How a transport's sessions may speak, learnt from what became of earlier ones.

    `pipelining`: several commands at once; off for good when a server that offers it stopped
    answering in the middle of a session's first group. `caution`: messages still to wait for
    the envelope's answers.
    """

    pipelining: bool = True
    chunking: bool = True
    caution: int = 0


class SmtpSender:
    """One open session; one message is under way at a time.

    `begin` and `finish` never wait, so that one thread may serve many sessions; `wait` takes
    over where they left off.
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
        self._recipient = ""
        self._readable = False  # there may be something to hear
        self._offered = Offered.of(session.esmtp_features)

    @property
    def usable(self) -> bool:
        """Whether another message may be handed over."""
        return self._open and self._left > 0

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

    def begin(self, message: bytes, envelope: Envelope) -> Outcome | None:
        """As `send`, but without waiting: None while the outcome has not come."""
        if self._goes_usually(message, envelope):
            self._begin_usually(message, envelope)
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
        idle = self._exchange is None and self._usual is None
        if self._open and idle and self._session.sock is not None:
            with contextlib.suppress(OSError, Lost):
                self._session.wait_for_farewell()
                self._session.ask("QUIT")
        self._end()

    def _end(self) -> None:
        self._open = False
        self._exchange = self._usual = None
        with contextlib.suppress(OSError):
            self._session.close()

    # --- one message ----------------------------------------------------------------------------

    def _put(self, message: bytes, envelope: Envelope) -> Outcome | None:
        """Make the exchange of this message; or why it cannot be put to this server at all."""
        if not self.usable:
            raise TransportUnavailable(f"{self._where}: the session is over; open another")
        refusal = self._offered.unsendable(message, envelope)
        if refusal is not None:
            return refusal
        self._left -= 1
        chunk = self._manners.chunking and self._offered.chunking
        pace = self._pace(chunk=chunk)
        self._recipient = envelope.recipient
        if self._session.said_something():
            self._end()
            raise TransportUnavailable(
                f"{self._where}: the server ended the session by itself; nothing was sent"
            )
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
                    exchange.take(*reply)
                    if more := exchange.to_write():
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
            if exchange.pace is _AHEAD:
                session.hurry()
            if not wait:
                if self._readable:
                    self._readable = False
                    session.hear()
                    if (usual := exchange.usual) is not None and session.heard(usual):
                        exchange.take_usual()
                        if more := exchange.to_write():
                            session.queue(more)
                            if not session.flush_now():
                                return None
                return session.reply_now()
            if exchange.awaited[0] is _MESSAGE:
                session.wait_for_message()
            return session.reply()
        except Lost as error:
            exchange.outcome = exchange.lost(str(error), written=written)
            self._learn(exchange)
            if exchange.outcome is None:
                raise
            return 0, ""

    def _learn(self, exchange: Exchange) -> None:
        """From a line that broke: what later sessions had better not do."""
        if exchange.pace is _AHEAD:
            self._manners.caution = CAUTION
        elif exchange.pace is Pace.GROUP and not self._proven and not exchange.group_answered:
            self._manners.pipelining = False

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
        manners, offered = self._manners, self._offered
        return (
            self._proven
            and self.usable
            and envelope.plain
            and offered.pipelining
            and manners.pipelining
            and not (offered.chunking and manners.chunking)
            and not 0 < offered.limit < len(message)
            and harmless(envelope.sender + envelope.recipient)
            and "@" in envelope.recipient
            and not self._session.ahead
        )

    def _begin_usually(self, message: bytes, envelope: Envelope) -> None:
        self._left -= 1
        self._recipient = envelope.recipient
        self._usual = usual = Usual(*self._offered.commands(message, envelope), message)
        self._session.wait_for(0)
        self._write_usually(usual, usual.envelope())

    def _go_usually(self, usual: Usual) -> Outcome | None:
        """What was awaited, if it has come; whatever else has is left to an exchange."""
        session = self._session
        if usual.message:
            if session.overhear(ENVELOPE_TAKEN):
                self._write_usually(usual, usual.content())
                return None
        elif taken := session.overhear(MESSAGE_TAKEN):
            self._usual = None
            said = taken[1].decode("utf-8", "replace")
            return Outcome(_ACCEPTED, 250, cleaned(said, self._recipient))
        self._leave_usual(usual)
        return self._go_on(wait=False)

    def _write_usually(self, usual: Usual, content: bytes) -> None:
        """Raises TransportUnavailable: its last byte was not among what could be written."""
        self._session.queue(content)
        try:
            if not self._session.flush_now():
                self._leave_usual(usual)
        except Lost as error:
            self._end()
            raise TransportUnavailable(f"{self._where}: {error}; nothing was sent") from error

    def _leave_usual(self, usual: Usual) -> None:
        self._exchange, self._usual = usual.exchange(), None


def _travelling(message: bytes, *, plain: bool, chunk: bool) -> bytes:
    """The message as it goes over the line."""
    if plain:
        return message if chunk else message + b".\r\n"
    return whole_lines(message) if chunk else stuffed(message)
