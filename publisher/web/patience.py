"""How long a connection may take its time: a slow client must not keep what others need.

uvicorn bounds how long a connection rests between requests, and nothing else. Here a request must
be there as a whole, and an answer be taken, within a bound; otherwise the connection is dropped.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.auto import AutoHTTPProtocol

REQUEST_SECONDS = 20.0
"""From a connection, or the first byte of a request on it, to the request's last byte."""
STALLED_SECONDS = 30.0
"""How long nothing more of an answer is taken before the connection is dropped."""
CONNECTIONS = 800
"""Connections at once; a further one is told 503."""


class PatientProtocol(AutoHTTPProtocol):  # type: ignore[misc, valid-type]  # uvicorn chooses it at import
    """uvicorn's own protocol, with an end to its patience."""

    request_seconds = REQUEST_SECONDS
    stalled_seconds = STALLED_SECONDS

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._waiting: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A connection that says nothing is dropped too."""
        super().connection_made(transport)
        self._expect()

    def data_received(self, data: bytes) -> None:
        """The clock runs as long as a request is under way, and no longer."""
        super().data_received(data)
        cycle = self.cycle
        if cycle is not None and not cycle.more_body and not cycle.response_complete:
            self._forget()
        elif self._waiting is None:
            self._expect()

    def on_response_complete(self) -> None:
        """What was sent is answered; uvicorn's own bound for resting connections goes on."""
        self._forget()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """The client takes nothing for now."""
        super().pause_writing()
        if self._stalled is None:
            self._stalled = self.loop.call_later(self.stalled_seconds, self._drop)

    def resume_writing(self) -> None:
        """It takes something again."""
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """No clock runs for nobody."""
        self._forget()
        super().connection_lost(exc)
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _expect(self) -> None:
        self._waiting = self.loop.call_later(self.request_seconds, self._drop)

    def _forget(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None

    def _drop(self) -> None:
        self.transport.abort()
