"""Issues, their editions and the states an issue goes through."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from publisher.domain.forcing import Forcing
from publisher.errors import NotAllowed


class IssueKind(StrEnum):
    """What made the issue due."""

    DIGEST = "digest"  # a weekly or monthly slot
    EACH = "each"  # one article, for those who want each
    MANUAL = "manual"  # asked for by hand
    CORRECTION = "correction"


class IssueState(StrEnum):
    """Where an issue stands."""

    DRAFT = "draft"
    APPROVED = "approved"
    SENDING = "sending"
    PAUSED = "paused"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"


class IssueEvent(StrEnum):
    """What can happen to an issue."""

    APPROVE = "approve"
    EDIT = "edit"  # voids an approval
    RELEASE = "release"  # every page it links to is live, and its slot has come
    PAUSE = "pause"
    RESUME = "resume"
    FINISH = "finish"
    CANCEL = "cancel"
    SKIP = "skip"  # approval came too late
    REOPEN = "reopen"  # staff retry or resend some of a finished issue


S, E = IssueState, IssueEvent

TRANSITIONS: dict[tuple[IssueState, IssueEvent], IssueState] = {
    (S.DRAFT, E.APPROVE): S.APPROVED,
    (S.DRAFT, E.EDIT): S.DRAFT,
    (S.DRAFT, E.CANCEL): S.CANCELLED,
    (S.DRAFT, E.SKIP): S.SKIPPED,
    (S.APPROVED, E.EDIT): S.DRAFT,
    (S.APPROVED, E.RELEASE): S.SENDING,
    (S.APPROVED, E.CANCEL): S.CANCELLED,
    (S.SENDING, E.PAUSE): S.PAUSED,
    (S.SENDING, E.FINISH): S.FINISHED,
    (S.SENDING, E.CANCEL): S.CANCELLED,
    (S.PAUSED, E.RESUME): S.SENDING,
    (S.PAUSED, E.CANCEL): S.CANCELLED,
    (S.FINISHED, E.REOPEN): S.SENDING,
    (S.SKIPPED, E.CANCEL): S.CANCELLED,  # frees the slot, so that staff may plan it anew
}


_BY_HAND = frozenset({E.APPROVE, E.EDIT, E.PAUSE, E.RESUME, E.CANCEL})
"""Events that are commands, so that people can be told of them."""


def step(state: IssueState, event: IssueEvent) -> IssueState:
    """The state after `event`. Raises NotAllowed for a move that is not in the table."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        allowed = sorted(e.value for s, e in TRANSITIONS if s is state and e in _BY_HAND)
        hint = f"it can take: {', '.join(allowed)}" if allowed else "it has come to its end"
        raise NotAllowed(f"the issue is {state}, so '{event}' is not possible; {hint}") from None


@dataclass(frozen=True, slots=True)
class SlotId:
    """What makes an issue unique among those not cancelled."""

    newsletter: str
    kind: IssueKind
    cadence: str
    key: str


@dataclass(frozen=True, slots=True)
class Shaping:
    """What staff changed about an issue by hand; None leaves the journal's own words."""

    subject: str | None = None
    preheader: str | None = None
    intro: str | None = None
    order: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Edition:
    """An issue for one list of articles and one language; not yet personal.

    `articles` are (article id, version hash) in order. `html` and `text` hold the
    placeholders of `formats.email`, filled for each person when a message is compiled.
    """

    language: str
    subject: str
    preheader: str
    html: str
    text: str
    articles: tuple[tuple[str, str], ...]
    id: int | None = None

    @property
    def hash(self) -> str:
        """SHA-256 (hex) of everything a reader would see."""
        digest = hashlib.sha256()
        for part in (self.language, self.subject, self.preheader, self.html, self.text):
            digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
        for article_id, version in self.articles:
            digest.update(f"{article_id}\0{version}\0".encode())
        return digest.hexdigest()


@dataclass(frozen=True, slots=True)
class Issue:
    """A digest frozen and numbered.

    `counts` are deliveries by state; `excluded` who was left out of the audience, by reason.
    `audience` is the frozen number of deliveries. `hash` covers all editions: an approval
    names it, and a changed edition no longer matches. `forced` are the rules set aside for it.
    """

    id: int
    slot: SlotId
    slot_at: datetime
    number: int | None
    state: IssueState
    planned_at: datetime
    audience: int = 0
    reason: str | None = None
    hash: str = ""
    shaping: Shaping = field(default_factory=Shaping)
    articles: tuple[tuple[str, str], ...] = ()
    waiting: tuple[str, ...] = ()
    excluded: Mapping[str, int] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    approved_at: datetime | None = None
    approved_by: str | None = None
    released_at: datetime | None = None
    finished_at: datetime | None = None
    subject: str = ""
    forced: tuple[Forcing, ...] = ()

    @property
    def newsletter(self) -> str:
        """Slug of the newsletter it belongs to."""
        return self.slot.newsletter

    @property
    def name(self) -> str:
        """What people call it: `weekly/12`; one without a number goes by its id."""
        return str(self.id) if self.number is None else f"{self.newsletter}/{self.number}"

    def archived(self) -> bool:
        """Whether its archive page belongs on the site: sent, being sent, or about to be."""
        return self.state in (S.APPROVED, S.SENDING, S.PAUSED, S.FINISHED) or (
            self.state is S.CANCELLED and self.released_at is not None
        )

    def has_left(self) -> bool:
        """Whether it went out to readers, if only to some: it is in its newsletter's feed."""
        return self.archived() and self.state is not S.APPROVED


@dataclass(frozen=True, slots=True)
class ArchivedIssue:
    """An issue and what its archive page shows: all articles, in the journal's language."""

    issue: Issue
    edition: Edition


def combined_hash(editions: tuple[Edition, ...]) -> str:
    """The hash an approval names: over all editions, in a stable order."""
    return hashlib.sha256("".join(sorted(e.hash for e in editions)).encode()).hexdigest()
