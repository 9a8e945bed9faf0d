"""What somebody asked for through a form, until the link in the mail that answers is followed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from publisher.domain.subscription import Consent, Wishes

LIFETIME = timedelta(days=7)
"""How long the link that confirms is good for."""
PREFERENCES_LIFETIME = timedelta(days=30)
"""How long a link to one's preferences is good for: digests get forwarded."""
DAY = timedelta(days=1)


class RequestKind(StrEnum):
    """What the link in the mail will do."""

    JOIN = "join"
    MOVE = "move"  # to another address
    LINK = "link"  # a fresh link to the preferences


class Filed(StrEnum):
    """What became of a form; whoever sent it is told the same in every case."""

    MAILED = "mailed"
    SUPPRESSED = "suppressed"
    ADDRESS_LIMIT = "this address was written to within a day"
    NETWORK_LIMIT = "too many from this network"
    TOTAL_LIMIT = "too many in all"


@dataclass(frozen=True, slots=True)
class FormLimits:
    """How many forms count within a day: from one network, and from everywhere.

    An address is written to once a day at most, whoever asks; that is no setting.
    """

    network: int = 20
    total: int = 5_000


@dataclass(frozen=True, slots=True)
class Choice:
    """One newsletter that was ticked, with its wishes."""

    newsletter: str
    wishes: Wishes


@dataclass(frozen=True, slots=True)
class Request:
    """`token_id` is random and names it in the link. `subscriber_id` is set where it is known.

    `consent` holds page, network, wording and version; `key` is the address as compared.
    """

    token_id: str
    kind: RequestKind
    address: str = field(repr=False)
    key: str = field(repr=False)
    at: datetime
    consent: Consent
    choices: tuple[Choice, ...] = ()
    subscriber_id: int | None = None
    used_at: datetime | None = None

    def expired(self, now: datetime) -> bool:
        """Whether its link can be followed no more."""
        return now - self.at >= LIFETIME
