"""What stands in an edition where a person's own token will go."""

from __future__ import annotations

from publisher.domain.journal import Journal

TOKEN = "0publisher0token0"  # noqa: S105 - a mark in a rendered mail, not a secret
"""ASCII, URL-safe, untouched by HTML escaping. `digest.render` refuses texts that hold it."""


PREFERENCES = "0publisher0choices0"
"""The same for the token of a reader's preferences."""

GREETING = "0publisher0greeting0"
"""Here begins the greeting of a reader whose name is known,"""

NAME = "0publisher0name0"
"""which goes here;"""

OTHERWISE = "0publisher0otherwise0"
"""here begins the greeting of any other reader,"""

GREETED = "0publisher0greeted0"
"""and here it ends."""

BEGINNING = "0publisher0"
MARKS = (TOKEN, PREFERENCES, GREETING, NAME, OTHERWISE, GREETED)
"""All of them; each starts with BEGINNING."""


def unsubscribe_url(journal: Journal) -> str:
    """The address that an edition's unsubscribe link has until it is filled."""
    return f"{journal.app_url}/u/{TOKEN}"


def preferences_url(journal: Journal) -> str:
    """The address that an edition's link to the preferences has until it is filled."""
    return f"{journal.app_url}/preferences/{PREFERENCES}"
