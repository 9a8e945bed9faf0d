"""A WebSub hub over HTTP."""

from __future__ import annotations

from publisher.formats import websub
from publisher.ports import HubAnswer

TIMEOUT = 10.0
"""Seconds for each of connecting, sending and the first bytes of the answer."""


class HttpHub:
    """Implements `ports.Hub`. Redirects are not followed: they may lead anywhere."""

    def __init__(self, url: str, *, timeout: float = TIMEOUT) -> None:
        self._url = url
        self._timeout = timeout

    @property
    def url(self) -> str:
        """Its address."""
        return self._url

    def publish(self, topic: str) -> HubAnswer:
        """POST the announcement. Only the answer's status counts; its body is not read."""
        import httpx  # a tenth of a second that a journal without a hub does not need

        headers = {"Content-Type": websub.TYPE}
        try:
            with (
                httpx.Client(timeout=self._timeout, follow_redirects=False) as client,
                client.stream(
                    "POST", self._url, content=websub.body(topic), headers=headers
                ) as answer,
            ):
                return HubAnswer(refusal=websub.refusal(answer.status_code) or "")
        except httpx.TimeoutException:
            return HubAnswer(silence=f"the hub did not answer within {self._timeout:g} s")
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return HubAnswer(silence=f"the hub cannot be reached: {error}")
