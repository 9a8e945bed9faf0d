"""Hands messages to a relay over SMTP (RFC 5321), with STARTTLS, implicit TLS and AUTH.

What each answer comes to:

| where | 4yz | 5yz | 421, silence or a broken line |
|---|---|---|---|
| connect, greeting, EHLO | TransportUnavailable | TransportError | TransportUnavailable |
| STARTTLS, AUTH | TransportUnavailable | TransportError | TransportUnavailable |
| MAIL FROM | deferred | deferred: it refuses us, not the reader | TransportUnavailable |
| RCPT TO, DATA | deferred | refused | TransportUnavailable |
| the final dot, or chunk | deferred | refused | 421: deferred; silence or nonsense: unknown |

530 and 538 before the message (RFC 4954 §6: log in, or encrypt, first) would come for every
reader alike, so they are a TransportError.
"""

from __future__ import annotations

import base64
import smtplib
import socket
import ssl
from collections.abc import Mapping
from functools import cached_property

from publisher.domain.outcome import cleaned
from publisher.errors import TransportError, TransportUnavailable
from publisher.transports.chosen import read
from publisher.transports.own import Security, SmtpOptions
from publisher.transports.sender import Manners, SmtpSender
from publisher.transports.session import Session, Timeouts, xoauth2

__all__ = ["Security", "SmtpOptions", "SmtpSender", "SmtpTransport", "connect"]


def connect(name: str, options: Mapping[str, object]) -> SmtpTransport:
    """The entry point. Raises SettingsError for options it does not understand."""
    return SmtpTransport(name, read(SmtpOptions, name, options))


class SmtpTransport:
    """A relay, or a receiving server."""

    def __init__(self, name: str, options: SmtpOptions) -> None:
        self.name = name
        self.connections = options.connections
        self.options = options
        self._manners = Manners(options.pipelining, options.chunking)

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
        return SmtpSender(session, where, self.options.messages_per_connection, self._manners)

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
            context=self._context if options.security is Security.IMPLICIT else None,
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
        options = self.options
        if options.username is None:
            return
        if not session.has_extn("auth"):
            raise TransportError(
                f"{where} offers no login here: check the port and security, "
                "or leave out username and password"
            )
        secret = options.password or self._access_token(where)
        try:
            if options.password is None:
                session.login_with_token(options.username, secret)
            else:
                session.login(options.username, secret)
        except smtplib.SMTPResponseException as error:
            error.smtp_error = _hidden(error.smtp_error, options.username, secret)
            error.args = (error.smtp_code, error.smtp_error)
            raise
        except ValueError:  # `from None`: what smtplib tripped over may hold the secret
            raise TransportError(f"{where}: its login dialogue makes no sense") from None

    def _access_token(self, where: str) -> str:
        """Read anew at each login: such tokens live for an hour, and somebody renews the file."""
        if self.options.access_token is not None:
            return self.options.access_token
        assert self.options.oauth_file is not None  # noqa: S101 - the options were checked
        try:
            token = self.options.oauth_file.read_text("ascii").strip()
        except (OSError, ValueError):  # `from None`: some write the token itself there
            raise TransportError(
                f"{where}: the file that oauth_file names cannot be read as one line of ASCII: "
                "see that what renews it runs and that we may read it"
            ) from None
        if not token or not token.isprintable():
            raise TransportError(
                f"{where}: oauth_file {self.options.oauth_file} holds no token: "
                "see that what renews it runs"
            )
        return token

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


def _hidden(words: bytes | str, username: str, secret: str) -> bytes:
    """What a server said to a login, without what was logged in with: some say it back."""
    said = words.encode() if isinstance(words, str) else words
    plain = secret.encode()
    forms = (plain, f"\0{username}\0{secret}".encode(), xoauth2(username, secret).encode())
    for form in forms:
        for shown in (form, base64.b64encode(form), base64.b64encode(form).rstrip(b"=")):
            said = said.replace(shown, b"***")
    return said


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
                return TransportUnavailable(
                    f"{where} is busy ({said}); it will be tried again", code, said
                )
            if isinstance(error, smtplib.SMTPAuthenticationError):
                return TransportError(
                    f"{where} refuses the login ({said}): "
                    "check username and password, or the access token"
                )
            return TransportError(f"{where} will not have us ({said}): ask who runs it")
        case smtplib.SMTPException():
            return TransportError(f"{where}: {cleaned(str(error))}: ask who runs it")
        case _:
            return TransportUnavailable(
                f"{where} cannot be reached: {error.strerror or error}; "
                "check host, port and security"
            )
