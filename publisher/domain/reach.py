"""Who received a claim, and who of them can still be told that it was wrong."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from publisher.domain.article import Article, Correction, CorrectionKind
from publisher.domain.issue import IssueKind, SlotId


@dataclass(frozen=True, slots=True)
class Faulty:
    """The versions of an article that hold what a correction puts right.

    `correction` is its id: whoever has its mail already is not told again.
    """

    article_id: str
    versions: tuple[str, ...]
    correction: str = ""


@dataclass(frozen=True, slots=True)
class Reach:
    """People by what became of them since they received (or may have received) a version.

    `reachable` by (newsletter, language): each person once, under one confirmed subscription,
    that which received it if it is still confirmed. `left` have none; `bounced` and `suppressed`
    may not be mailed; `told` have the correction's mail already; `erased` counts deliveries,
    because nobody knows any more whose they were. `waiting` counts deliveries that have not left
    yet.
    """

    reachable: Mapping[tuple[str, str | None], int] = field(default_factory=dict)
    told: int = 0
    left: int = 0
    bounced: int = 0
    suppressed: int = 0
    erased: int = 0
    waiting: int = 0

    @property
    def people(self) -> int:
        """How many would get the correction."""
        return sum(self.reachable.values())

    @property
    def excluded(self) -> Mapping[str, int]:
        """Those who cannot get it, by reason."""
        counts = {
            "told already": self.told,
            "left since": self.left,
            "bounced since": self.bounced,
            "suppressed": self.suppressed,
            "erased": self.erased,
        }
        return {reason: number for reason, number in counts.items() if number}


def correction_id(article: Article, correction: Correction) -> str:
    """What names a correction for good: its article, its day and its words."""
    said = (article.id, correction.date.isoformat(), correction.kind, correction.wrong)
    return hashlib.sha256("\0".join((*said, correction.right)).encode()).hexdigest()[:16]


def taken_back(article: Article) -> Correction | None:
    """A withdrawal as the correction that it is: `right` is its reason, and nothing is put right
    (`wrong` is empty). None for an article that stands.
    """
    if article.withdrawn is None:
        return None
    return Correction(
        article.withdrawn.date, CorrectionKind.RETRACTION, "", article.withdrawn.reason
    )


def owed(article: Article) -> Correction | None:
    """What its readers are to be told: that it was withdrawn, else its newest correction."""
    newest = max(article.corrections, key=lambda each: each.date, default=None)
    return taken_back(article) or newest


def takes_back(slot: SlotId, article: Article) -> bool:
    """Whether the issue of this slot tells that the article was withdrawn, for today's reason."""
    told = taken_back(article)
    return (
        told is not None
        and slot.kind is IssueKind.CORRECTION
        and slot.key == correction_id(article, told)
    )


def is_told(correction: Correction, text: str) -> bool:
    """Whether a mail's text part holds the correction, however it was wrapped."""
    return "".join(correction.right.split()) in "".join(text.split())
