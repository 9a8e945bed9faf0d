"""Raw HTML that readers would not get as written."""

from __future__ import annotations

from publisher.checks.rules import error
from publisher.domain.finding import Finding, Place


def stripped(what: str, place: Place) -> Finding:
    """Something that the sanitiser takes out."""
    return error(
        "raw-html",
        place,
        f"{what} would be removed",
        "write it in Markdown, or put it in `code` to show it as it is",
    )
