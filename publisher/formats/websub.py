"""How a publisher tells its hub that a feed changed (WebSub, W3C Recommendation of 2018, §7)."""

from __future__ import annotations

from urllib.parse import urlencode

from publisher.domain.journal import Journal
from publisher.formats.mediatypes import FEEDS

TYPE = "application/x-www-form-urlencoded"


def feeds(journal: Journal) -> tuple[str, ...]:
    """The files of the tree that a hub is told about: every feed that readers may follow."""
    folders = [
        "/",
        *(journal.category_path(category.slug) for category in journal.categories),
        *(journal.newsletter_path(newsletter.slug) for newsletter in journal.newsletters),
    ]
    return tuple(folder.lstrip("/") + name for folder in folders for name in FEEDS)


def topic(journal: Journal, name: str) -> str:
    """A feed's address, as its `rel=self` says it."""
    return f"{journal.url}/{name}"


def body(topic: str) -> bytes:
    """The form that says so; hubs before the Recommendation read `hub.url`, so that has stayed."""
    return urlencode({"hub.mode": "publish", "hub.url": topic}).encode()


def refusal(status: int) -> str | None:
    """Why an answer with this status is no acceptance; None for 2xx."""
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return f"the hub has moved (it answers {status}): set its new address"
    if status in (404, 410):
        return f"there is no hub at this address (it answers {status})"
    return f"the hub answers {status}"
