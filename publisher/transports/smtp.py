"""Hands messages to a relay over SMTP (RFC 5321), with STARTTLS, implicit TLS and AUTH.

What each answer comes to:

| where | 4yz | 5yz | 421, silence or a broken line |
|---|---|---|---|
| connect, greeting, EHLO | TransportUnavailable | TransportError | TransportUnavailable |
| STARTTLS, AUTH | TransportUnavailable | TransportError | TransportUnavailable |
| MAIL FROM | deferred | deferred: it refuses us, not the reader | TransportUnavailable |
| RCPT TO, DATA | deferred | refused | TransportUnavailable |
| the final dot | deferred | refused | 421: deferred; silence or nonsense: unknown |

530 and 538 before the message (RFC 4954 §6: log in, or encrypt, first) would come for every
reader alike, so they are a TransportError.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import smtplib
import socket
import ssl
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator

from publisher.domain.message import Envelope
from publisher.domain.outcome import Outcome, OutcomeKind, cleaned, from_reply
from publisher.errors import TransportError, TransportUnavailable
from publisher.transports.options import Options, read
from publisher.transports.session import Lost, Session, Timeouts

_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f<>\u2028\u2029\ud800-\udfff]")
_LOG_IN_FIRST = (530, 538)


class Security(StrEnum):
    """How the line is protected.

    OPPORTUNISTIC encrypts when the server offers it and checks no certificate, since it would
    go on in clear text anyway (RFC 7435); the others that encrypt always check it.
    """

    STARTTLS = "starttls"
    IMPLICIT = "implicit"
    OPPORTUNISTIC = "opportunistic"
    NONE = "none"


class SmtpOptions(Options):
    """Options of `kind = "smtp"`. Timeouts are seconds of silence (RFC 5321 §4.5.3.2)."""

    host: str = Field(min_length=1)
    port: int = Field(default=587, ge=1, le=65535)
    security: Security = Security.STARTTLS
    username: str | None = None
    password: SecretStr | None = None
    ca_file: Path | None = None
    connections: int = Field(default=4, ge=1, le=64)
    messages_per_connection: int = Field(default=100, ge=1)
    local_hostname: str | None = Field(default=None, pattern=r"^[A-Za-z0-9.:\[\]-]+$")
    connect_timeout: float = Field(default=30, gt=0)
    command_timeout: float = Field(default=300, gt=0)
    final_timeout: float = Field(default=600, gt=0)

    @model_validator(mode="after")
    def _login_is_whole_and_private(self) -> Self:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password go together: set both or neither")
        if self.username is None or self.password is None:
            return self
        if not (self.username + self.password.get_secret_value()).isascii():
            raise ValueError("username and password must be plain ASCII")
        if self.security in (Security.NONE, Security.OPPORTUNISTIC) and not _is_here(self.host):
            raise ValueError(
                f'security = "{self.security}" would show the password to the network: '
                'set security = "starttls" or "implicit"'
            )
        return self


def connect(name: str, options: Mapping[str, object]) -> SmtpTransport:
    """The entry point. Raises SettingsError for options it does not understand."""
    return SmtpTransport(name, read(SmtpOptions, name, options))


class SmtpTransport:
    """A relay, or a receiving server."""

    def __init__(self, name: str, options: SmtpOptions) -> None:
        self.name = name
        self.connections = options.connections
        self.options = options

    def open(self) -> SmtpSender:
        """Connect, greet, encrypt, log in.

        Raises TransportUnavailable where trying again may help, TransportError where the
        operator must act (certificate, login, a relay that will not have us).
        """
        where = f"transport '{self.name}' ({self.options.host}:{self.options.port})"
        session: Session | None = None
        try:
            session = self._connect()
            self._encrypt(session, where)
            self._log_in(session, where)
        except OSError as error:
            if session is not None:
                session.close()
            raise _explained(error, where) from error
        except BaseException:
            if session is not None:
                session.close()
            raise
        return SmtpSender(session, where, self.options.messages_per_connection)

    def check(self) -> str:
        """Connect and log in without sending. One sentence; raises as `open` does."""
        sender = self.open()
        encrypted, offers = sender.encrypted, sender.offers
        sender.close()
        line = "an encrypted line" if encrypted else "a line in clear text"
        login = "logged in" if self.options.username else "without a login"
        return (
            f"'{self.name}' reaches {self.options.host}:{self.options.port} over {line}, {login}; "
            f"it offers {', '.join(offers) or 'no extensions'}"
        )

    def _connect(self) -> Session:
        options = self.options
        timeouts = Timeouts(options.connect_timeout, options.command_timeout, options.final_timeout)
        session = Session(
            options.host,
            options.port,
            local_hostname=self._local_hostname,
            timeouts=timeouts,
            context=self._context,
            implicit=options.security is Security.IMPLICIT,
        )
        try:
            session.ehlo_or_helo_if_needed()
        except BaseException:
            session.close()
            raise
        return session

    def _encrypt(self, session: Session, where: str) -> None:
        """STARTTLS. What was said in clear text is forgotten with it (RFC 3207 §4.2)."""
        if self.options.security in (Security.NONE, Security.IMPLICIT):
            return
        if not session.has_extn("starttls"):
            if self.options.security is Security.OPPORTUNISTIC:
                return
            raise TransportError(
                f'{where} does not offer STARTTLS: set security = "implicit" and its port '
                "(usually 465), or find out who takes the offer away"
            )
        session.starttls(context=self._context)
        session.ehlo_or_helo_if_needed()

    def _log_in(self, session: Session, where: str) -> None:
        if self.options.username is None or self.options.password is None:
            return
        if not session.has_extn("auth"):
            raise TransportError(
                f"{where} offers no login here: check the port and security, "
                "or leave out username and password"
            )
        try:
            session.login(self.options.username, self.options.password.get_secret_value())
        except ValueError:  # `from None`: what smtplib tripped over may hold the secret
            raise TransportError(f"{where}: its login dialogue makes no sense") from None

    @cached_property
    def _local_hostname(self) -> str:
        """What EHLO says: a full name, or else the address that we write ourselves by (§4.1.3)."""
        name = self.options.local_hostname or socket.gethostname()
        return name if "." in name or self.options.local_hostname else "[127.0.0.1]"

    @cached_property
    def _context(self) -> ssl.SSLContext:
        context = ssl.create_default_context()
        if self.options.ca_file is not None:
            try:
                context.load_verify_locations(self.options.ca_file)
            except OSError as error:
                raise TransportError(
                    f"transport '{self.name}': ca_file {self.options.ca_file} cannot be read "
                    f"as PEM certificates: {error}"
                ) from error
        if self.options.security is Security.OPPORTUNISTIC:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class SmtpSender:
    """One open session; one message is under way at a time."""

    def __init__(self, session: Session, where: str, limit: int) -> None:
        self._session = session
        self._where = where
        self._left = limit
        self._open = True

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

    def send(self, message: bytes, envelope: Envelope) -> Outcome:
        """One message for one recipient; the table at the top says what each answer comes to."""
        if not self.usable:
            raise TransportUnavailable(f"{self._where}: the session is over; open another")
        refusal = self._unsendable(message, envelope)
        if refusal is not None:
            return refusal
        self._left -= 1
        try:
            outcome = self._hand_over(message, envelope)
        except Lost as error:
            self._end()
            raise TransportUnavailable(f"{self._where}: {error}; nothing was sent") from error
        except BaseException:
            self._end()
            raise
        return replace(outcome, reply=cleaned(outcome.reply, envelope.recipient))

    def close(self) -> None:
        """QUIT, and do not wait long for the answer."""
        if self._open and self._session.sock is not None:
            with contextlib.suppress(OSError, Lost):
                self._session.sock.settimeout(5)
                self._session.ask("QUIT")
        self._end()

    def _end(self) -> None:
        self._open = False
        with contextlib.suppress(OSError):
            self._session.close()

    def _hand_over(self, message: bytes, envelope: Envelope) -> Outcome:
        """MAIL, RCPT, DATA, the message. Raises Lost while the final dot has not left."""
        code, text = self._ask(f"MAIL FROM:<{envelope.sender}>{self._wishes(message, envelope)}")
        if code >= 300:
            self._reset()
            return Outcome(OutcomeKind.DEFERRED, code, f"to our MAIL FROM: {text}")
        code, text = self._ask(f"RCPT TO:<{envelope.recipient}>")
        if code >= 300:
            self._reset()
            return from_reply(code, text)
        code, text = self._ask("DATA")
        if code >= 400:
            self._reset()
            return from_reply(code, text)
        if code != 354:
            raise Lost(f"the server answered DATA with {code}")
        self._session.write_body(message)
        return self._final()

    def _final(self) -> Outcome:
        """What the final dot came to. A 3yz there means nothing, so nobody knows."""
        try:
            code, text = self._session.final_reply()
        except Lost as error:
            self._end()
            return Outcome(OutcomeKind.UNKNOWN, 0, f"no answer after the last byte: {error}")
        if 300 <= code < 400:
            self._end()
            return Outcome(OutcomeKind.UNKNOWN, code, f"no answer to the final dot: {text}")
        if code == 421:  # RFC 5321 §3.8: it closes the line, and has not taken the message
            self._end()
        return from_reply(code, text)

    def _ask(self, command: str) -> tuple[int, str]:
        code, text = self._session.ask(command)
        if code == 421:
            raise Lost(f"the server ends the session: {cleaned(text)}")
        if code in _LOG_IN_FIRST:
            raise TransportError(
                f"{self._where} wants a login or encryption first ({code}): "
                "set username and password, or security"
            )
        return code, text

    def _reset(self) -> None:
        """RSET, so that nothing of this message stays; a session that cannot is not used again."""
        try:
            code, _ = self._session.ask("RSET")
        except Lost:
            code = 0
        if code != 250:
            self._end()

    def _wishes(self, message: bytes, envelope: Envelope) -> str:
        """Parameters of MAIL FROM: SIZE (RFC 1870), BODY (RFC 6152), SMTPUTF8 (RFC 6531)."""
        wishes = ""
        if self._session.has_extn("size"):
            wishes += f" SIZE={len(message)}"
        if not message.isascii():
            wishes += " BODY=8BITMIME"
        if not (envelope.sender + envelope.recipient).isascii():
            wishes += " SMTPUTF8"
        return wishes

    def _unsendable(self, message: bytes, envelope: Envelope) -> Outcome | None:
        """Why this message cannot be put to this server at all; nothing is written then."""
        if _FORBIDDEN.search(envelope.sender):
            return Outcome(
                OutcomeKind.DEFERRED, 0, "the envelope sender holds characters no address may have"
            )
        if "@" not in envelope.recipient or _FORBIDDEN.search(envelope.recipient):
            return Outcome(OutcomeKind.REFUSED, 0, "this is not an address that SMTP can carry")
        features = self._session.esmtp_features
        addresses = envelope.sender + envelope.recipient
        if not addresses.isascii() and "smtputf8" not in features:
            return Outcome(
                OutcomeKind.REFUSED, 0, "the server takes no address beyond ASCII (SMTPUTF8)"
            )
        if not message.isascii() and "8bitmime" not in features:
            return Outcome(OutcomeKind.REFUSED, 0, "the server takes no 8-bit text (8BITMIME)")
        limit = features.get("size", "")
        if limit.isdigit() and 0 < int(limit) < len(message):
            return Outcome(
                OutcomeKind.REFUSED,
                0,
                f"the message has {len(message)} bytes, the server takes {limit}",
            )
        return None


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _explained(error: OSError, where: str) -> TransportError:
    """What a failure before the first message means to whoever must act."""
    match error:
        case ssl.SSLCertVerificationError():
            return TransportError(
                f"{where}: its certificate is not trusted: {error.verify_message}; "
                "check the host name, or name its authority in ca_file"
            )
        case smtplib.SMTPServerDisconnected():
            return TransportUnavailable(f"{where}: {error}; it will be tried again")
        case smtplib.SMTPResponseException(smtp_code=code, smtp_error=words):
            said = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
            said = f"{code} {cleaned(said)}"
            if code < 500:
                return TransportUnavailable(f"{where} is busy ({said}); it will be tried again")
            if isinstance(error, smtplib.SMTPAuthenticationError):
                return TransportError(
                    f"{where} refuses the login ({said}): check username and password"
                )
            return TransportError(f"{where} will not have us ({said}): ask who runs it")
        case smtplib.SMTPException():
            return TransportError(f"{where}: {cleaned(str(error))}: ask who runs it")
        case _:
            return TransportUnavailable(
                f"{where} cannot be reached: {error.strerror or error}; "
                "check host, port and security"
            )
