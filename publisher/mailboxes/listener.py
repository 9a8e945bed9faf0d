"""A mail server for bounces alone, over SMTP (RFC 5321) or LMTP (RFC 2033), with aiosmtpd.

It stands behind the journal's real mail server, which hands it the bounce addresses. It knows
which recipients are ours before it takes a message, so a forged bounce costs one line.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from functools import partial

from aiosmtpd.controller import Controller
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session

from publisher.errors import OperatorError, PublisherError
from publisher.ports import Accept

LARGEST = 10 * 1024 * 1024
TIMEOUT = 120.0
"""Seconds of silence after which a client is sent away."""

log = logging.getLogger("publisher.inbound")

Serves = Callable[[str], bool]
"""Whether a recipient is ours."""


class Listener:
    """Listens from `start` to `stop`."""

    def __init__(self, host: str, port: int, protocol: str, serves: Serves, accept: Accept) -> None:
        self._where = f"{host}:{port}"
        server = LMTP if protocol == "lmtp" else SMTP
        handler = _Handler(serves, accept)
        self._controller = _Controller(
            partial(
                server,
                handler,
                data_size_limit=LARGEST,
                timeout=TIMEOUT,
                hostname="localhost",
                ident="publisher",
                enable_SMTPUTF8=True,
            ),
            handler,
            host,
            port,
        )

    def start(self) -> None:
        """Begin. Raises OperatorError where the address cannot be had."""
        try:
            self._controller.start()
        except (OSError, TimeoutError) as error:
            with contextlib.suppress(RuntimeError):  # its thread is just ending
                self._controller.loop.close()
            raise OperatorError(
                f"the mail server of inbound.listen cannot listen on {self._where}: {error}; "
                "stop what uses it, or set another port"
            ) from error

    def stop(self) -> None:
        """End; a client in the middle of a message sends it again later."""
        self._controller.stop(no_assert=True)


class _Controller(Controller):
    def __init__(
        self, factory: Callable[[], SMTP], handler: _Handler, host: str, port: int
    ) -> None:
        super().__init__(handler, hostname=host, port=port)
        self._factory = factory

    def factory(self) -> SMTP:
        """One server for each connection."""
        return self._factory()


class _Handler:
    """aiosmtpd's hooks."""

    def __init__(self, serves: Serves, accept: Accept) -> None:
        self._serves = serves
        self._accept = accept

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self,
        server: SMTP,  # noqa: ARG002 - aiosmtpd's signature
        session: Session,  # noqa: ARG002
        envelope: Envelope,
        address: str,
        rcpt_options: list[str],  # noqa: ARG002
    ) -> str:
        """One recipient of ours; LMTP would want an answer for each of several."""
        if envelope.rcpt_tos:
            return "452 4.5.3 One recipient at a time"
        if not self._serves(address):
            return "550 5.1.1 No such mailbox here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self,
        server: SMTP,  # noqa: ARG002 - aiosmtpd's signature
        session: Session,  # noqa: ARG002
        envelope: Envelope,
    ) -> str:
        """Taken once it is dealt with; otherwise the sender keeps it and tries again."""
        content = envelope.original_content or b""
        try:
            await asyncio.to_thread(self._accept, content, list(envelope.rcpt_tos))
        except PublisherError as error:
            log.error("a received mail cannot be dealt with: %s", error)  # noqa: TRY400 (in its own words)
            return "451 4.3.0 Try again later"
        return "250 2.0.0 Taken"
