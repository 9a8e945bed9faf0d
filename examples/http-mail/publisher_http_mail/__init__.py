"""Hands mails to an HTTP API: `POST URL/messages`, one for each recipient.

| answer | what it comes to |
|---|---|
| 2xx | accepted |
| 429, 5xx | deferred: it has not taken the message, and may later |
| 401, 403 | TransportError: the operator must act, whoever the reader is |
| any other 4xx | refused: it will never take this one |
| no connection | TransportUnavailable: nothing was sent, no attempt is burnt |
| the line broke while we were still writing | TransportUnavailable: it cannot have had all of it |
| silence, or a broken line, once all was written | unknown: it may have been taken |
"""

from __future__ import annotations

import base64
from collections.abc import Mapping

import httpx
from pydantic import Field, SecretStr

from publisher.domain.message import Envelope
from publisher.domain.outcome import Outcome, OutcomeKind, cleaned
from publisher.errors import TransportError, TransportUnavailable
from publisher.transports.options import Options, read

_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.WriteError, httpx.WriteTimeout)


class HttpMailOptions(Options):
    """What may stand in `[transports.NAME]`; a secret comes from `token_file`."""

    url: str = Field(pattern=r"^https?://[^\s]+$")
    token: SecretStr | None = None
    connections: int = Field(default=2, ge=1, le=32)
    timeout: float = Field(default=60, gt=0)


def connect(name: str, options: Mapping[str, object]) -> HttpMailTransport:
    """The entry point. Nothing is opened yet. Raises SettingsError."""
    return HttpMailTransport(name, read(HttpMailOptions, name, options))


class HttpMailTransport:
    """Implements `publisher.ports.Transport`."""

    def __init__(self, name: str, options: HttpMailOptions) -> None:
        self.name = name
        self.connections = options.connections
        self._options = options

    def open(self) -> HttpMailSender:
        """A session: one line that is kept open from message to message."""
        sender = HttpMailSender(self.name, self._options)
        try:
            sender.greet()
        except BaseException:
            sender.close()
            raise
        return sender

    def check(self) -> str:
        """One sentence for `publisher doctor`."""
        self.open().close()
        return f"'{self.name}' hands mails to {self._options.url}"


class HttpMailSender:
    """Implements `publisher.ports.Sender`: one message at a time."""

    def __init__(self, name: str, options: HttpMailOptions) -> None:
        self._where = f"transport '{name}' ({options.url})"
        self.usable = True
        headers = {}
        if options.token is not None:
            headers["Authorization"] = f"Bearer {options.token.get_secret_value()}"
        self._client = httpx.Client(
            base_url=options.url,
            headers=headers,
            timeout=options.timeout,
            limits=httpx.Limits(max_connections=1),
            trust_env=False,
        )

    def greet(self) -> None:
        """Whether it is there and knows us."""
        try:
            answer = self._client.get("/health")
        except httpx.HTTPError as error:
            raise TransportUnavailable(f"{self._where} cannot be reached: {error}") from error
        self._must_know_us(answer)
        if answer.status_code >= 400:
            raise TransportUnavailable(f"{self._where} is not well: {answer.status_code}")

    def send(self, message: bytes, envelope: Envelope) -> Outcome:
        """Hand over one message for one recipient."""
        if not self.usable:
            raise TransportUnavailable(f"{self._where}: this session is closed")
        try:
            answer = self._client.post(
                "/messages",
                json={
                    "from": envelope.sender,
                    "to": envelope.recipient,
                    "message": base64.b64encode(message).decode(),
                },
                # The same for a resend, so that the service can tell.
                headers={"Idempotency-Key": envelope.id} if envelope.id else {},
            )
        except _UNSENT as error:
            self.close()
            raise TransportUnavailable(f"{self._where}: {error}; nothing was sent") from error
        except httpx.HTTPError as error:
            self.close()
            return Outcome(OutcomeKind.UNKNOWN, 0, f"no answer to the message: {error}")
        self._must_know_us(answer)
        reply = cleaned(answer.text, envelope.recipient)
        if answer.is_success:
            return Outcome(OutcomeKind.ACCEPTED, answer.status_code, reply)
        if answer.status_code == 429 or answer.status_code >= 500:
            return Outcome(OutcomeKind.DEFERRED, answer.status_code, reply)
        return Outcome(OutcomeKind.REFUSED, answer.status_code, reply)

    def close(self) -> None:
        """May be called twice."""
        self.usable = False
        self._client.close()

    def _must_know_us(self, answer: httpx.Response) -> None:
        if answer.status_code in (401, 403):
            self.close()
            raise TransportError(f"{self._where} refuses us ({answer.status_code}): check token")
