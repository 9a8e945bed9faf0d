"""What a visitor reads when something on our side fails; the operator reads the log."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from publisher.errors import PublisherError

log = logging.getLogger("publisher.web")


def unavailable() -> Mapping[Any, Any]:
    """Handlers by exception: ours are logged in their own words and answered with 503."""
    return {PublisherError: _failed}


def _failed(request: Request, error: Exception) -> Response:  # noqa: ARG001 (Starlette's signature)
    log.error("%s", error)
    return PlainTextResponse(
        "This does not work at the moment. Please try again in a few minutes.\n",
        503,
        {"Retry-After": "120", "Cache-Control": "no-store"},
    )
