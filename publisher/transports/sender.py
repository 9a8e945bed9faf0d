"""One open SMTP session that takes messages, one at a time, waiting or not waiting."""

from __future__ import annotations

import contextlib
import re
import ssl
from collections.abc import Mapping
from dataclasses import dataclass

from publisher.domain.message import Envelope
from publisher.domain.outcome import Outcome, OutcomeKind, cleaned
from publisher.errors import TransportError, TransportUnavailable
from publisher.transports.exchange import Exchange, LoginWanted, Lost, Pace, Step
from publisher.transports.session import Session, stuffed, whole_lines
from publisher.transports.usual import ENVELOPE_TAKEN, MESSAGE_TAKEN, Usual

CAUTION = 1000
"""Messages of which none goes ahead of its envelope's answers, after one was lost that way."""

LONGEST_ID = 100
"""Characters of an ENVID (RFC 3461 §4.4)."""

_ACCEPTED = OutcomeKind.ACCEPTED
_STEPS, _GROUP, _AHEAD, _MESSAGE = Pace.STEPS, Pace.GROUP, Pace.AHEAD, Step.MESSAGE
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f<>\u2028\u2029\ud800-\udfff]")
_XTEXT = re.compile(r"[A-Za-z0-9@._-]*")
_NOT_XTEXT = re.compile(r"[^!-*,-<>-~]")


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


@dataclass(frozen=True, slots=True)
class _Offered:
    """What the server's EHLO offered that matters for each message. `limit`: 0 for none told."""

    pipelining: bool
    chunking: bool
    eightbit: bool
    smtputf8: bool
    dsn: bool
    size: bool
    limit: int

    @classmethod
    def of(cls, features: Mapping[str, str]) -> _Offered:
        told = features.get("size", "")
        return cls(
            pipelining="pipelining" in features,
            chunking="chunking" in features,
            eightbit="8bitmime" in features,
            smtputf8="smtputf8" in features,
            dsn="dsn" in features,
            size="size" in features,
            limit=int(told) if told.isascii() and told.isdigit() else 0,
        )


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
        self._offered = _Offered.of(session.esmtp_features)

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
        refusal = self._unsendable(message, envelope)
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
            *self._commands(message, envelope),
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
            and _harmless(envelope.sender)
            and _harmless(envelope.recipient)
            and "@" in envelope.recipient
            and not self._session.ahead
        )

    def _begin_usually(self, message: bytes, envelope: Envelope) -> None:
        self._left -= 1
        self._recipient = envelope.recipient
        self._usual = usual = Usual(*self._commands(message, envelope), message)
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

    # --- parameters -----------------------------------------------------------------------------

    def _commands(self, message: bytes, envelope: Envelope) -> tuple[bytes, bytes]:
        """MAIL and RCPT."""
        return (
            f"MAIL FROM:<{envelope.sender}>{self._wishes(message, envelope)}\r\n".encode(),
            f"RCPT TO:<{envelope.recipient}>{self._report(envelope)}\r\n".encode(),
        )

    def _wishes(self, message: bytes, envelope: Envelope) -> str:
        """Parameters of MAIL FROM.

        SIZE (RFC 1870), BODY (RFC 6152), SMTPUTF8 (RFC 6531), RET and ENVID (RFC 3461).
        """
        offered = self._offered
        wishes = f" SIZE={len(message)}" if offered.size else ""
        if not _ascii(message, envelope):
            wishes += " BODY=8BITMIME"
        if not (envelope.sender.isascii() and envelope.recipient.isascii()):
            wishes += " SMTPUTF8"
        if offered.dsn:
            wishes += " RET=HDRS"
            if envelope.id.isascii() and 0 < len(envelope.id) <= LONGEST_ID:
                wishes += f" ENVID={_xtext(envelope.id)}"
        return wishes

    def _report(self, envelope: Envelope) -> str:
        """Parameters of RCPT TO (RFC 3461): tell us of failures, under the address we know."""
        if not self._offered.dsn:
            return ""
        # An address beyond ASCII has a form of its own there (RFC 6533), which few servers read.
        known = (
            f" ORCPT=rfc822;{_xtext(envelope.recipient)}" if envelope.recipient.isascii() else ""
        )
        return f" NOTIFY=FAILURE{known}"

    def _unsendable(self, message: bytes, envelope: Envelope) -> Outcome | None:
        """Why this message cannot be put to this server at all; nothing is written then."""
        if _forbidden(envelope.sender):
            return Outcome(
                OutcomeKind.DEFERRED, 0, "the envelope sender holds characters no address may have"
            )
        if "@" not in envelope.recipient or _forbidden(envelope.recipient):
            return Outcome(OutcomeKind.REFUSED, 0, "this is not an address that SMTP can carry")
        if not self._offered.smtputf8:
            if not envelope.recipient.isascii():
                return Outcome(
                    OutcomeKind.REFUSED, 0, "the server takes no address beyond ASCII (SMTPUTF8)"
                )
            if not envelope.sender.isascii():  # ours, so no reader is refused for it
                words = "the server takes no envelope sender beyond ASCII (SMTPUTF8): set another"
                return Outcome(OutcomeKind.DEFERRED, 0, words)
        if not _ascii(message, envelope) and not self._offered.eightbit:
            return Outcome(OutcomeKind.REFUSED, 0, "the server takes no 8-bit text (8BITMIME)")
        if 0 < self._offered.limit < len(message):
            return Outcome(
                OutcomeKind.REFUSED,
                0,
                f"the message has {len(message)} bytes, the server takes {self._offered.limit}",
            )
        return None


def _travelling(message: bytes, *, plain: bool, chunk: bool) -> bytes:
    """The message as it goes over the line."""
    if plain:
        return message if chunk else message + b".\r\n"
    return whole_lines(message) if chunk else stuffed(message)


def _ascii(message: bytes, envelope: Envelope) -> bool:
    return envelope.plain or message.isascii()


def _harmless(address: str) -> bool:
    """Whether it is plain at first sight."""
    return address.isascii() and address.isprintable() and "<" not in address and ">" not in address


def _forbidden(address: str) -> bool:
    """Whether it holds what no SMTP command may; an expression only where that is in question."""
    if address.isascii() and address.isprintable():
        return "<" in address or ">" in address
    return _FORBIDDEN.search(address) is not None


def _xtext(text: str) -> str:
    """RFC 3461 §4: what is not a plain printable character becomes +XX."""
    if _XTEXT.fullmatch(text):  # as nearly always
        return text
    return _NOT_XTEXT.sub(lambda found: f"+{ord(found[0]):02X}", text)
