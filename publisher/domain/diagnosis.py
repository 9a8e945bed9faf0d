"""What a server means by a refusal: by its words first, then its enhanced code, then its reply.

The first digit alone says little: 5.2.2 is a full mailbox that will be emptied, 5.7.26 is
about us and not about the reader, and many servers say 550 to everything. Their words are
the surest sign, so they are asked first; the codes are those of RFC 3463, RFC 5248, RFC 7293,
RFC 7372, RFC 7505 and the IANA registry, with the larger providers' own beside them.
"""

from __future__ import annotations

import re

from publisher.domain import phrases
from publisher.domain.bounce import BounceKind

LONGEST = 1000
"""Characters of a reply that are looked at."""

H, S, B, C = BounceKind.HARD, BounceKind.SOFT, BounceKind.BLOCK, BounceKind.CONTENT


def _any(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns))


WORDS = (
    (_any(phrases.FULL), S),
    (_any(phrases.BLOCKED), B),
    (_any(phrases.LATER), S),
    (_any(phrases.NOBODY), H),
    (_any(phrases.MESSAGE), C),
)
"""The first group that matches decides: each may hold phrases that a later one would misread."""

DETAILS: dict[str, BounceKind] = {
    "1.0": H, "1.1": H, "1.2": H, "1.3": H, "1.4": S, "1.6": H, "1.10": H,
    "1.5": S, "1.7": B, "1.8": B, "1.9": S,
    "2.0": S, "2.1": H, "2.2": S, "2.3": C, "2.4": S,
    "3.4": C,
    "4.4": H, "4.310": H,
    "5.6": C,
    "7.13": H, "7.17": H, "7.18": H,
    "7.7": C, "7.14": B,
    "7.20": B, "7.21": B, "7.22": B, "7.23": B, "7.24": B, "7.25": B, "7.26": B, "7.27": B,
    "7.28": B, "7.29": B,
    "7.350": C, "7.509": B, "7.511": B, "7.512": C, "7.513": B, "7.703": S, "7.705": B,
    "7.708": B, "7.750": B,
}  # fmt: skip
"""`subject.detail` of 5yz codes; those of 4yz are soft unless about us (7.2x and the like)."""

SUBJECTS = {"6": C}
REPLIES = {550: H, 551: H, 553: H, 521: H, 556: H}
"""Replies without an enhanced code or known words; any other is soft."""

_MICROSOFT_BANNED = range(600, 700)
"""5.7.606 to 5.7.649 and their neighbours: the sending IP is banned."""


def classify(status: str, code: int, text: str) -> BounceKind:
    """What one failure means. `status` may be empty and `code` 0 where the server gave none.

    HARD is never the answer to a temporary code: what is temporary may mend itself.
    """
    kind = _by_words(text) or _by_status(status) or REPLIES.get(code, S)
    if kind is H and (status.startswith("4") or (not status and 400 <= code < 500)):
        return S
    return kind


def _by_words(text: str) -> BounceKind | None:
    said = " ".join(text[:LONGEST].lower().split())
    for pattern, kind in WORDS:
        if pattern.search(said):
            return kind
    return None


def _by_status(status: str) -> BounceKind | None:
    major, _, rest = status.partition(".")
    if not rest:
        return None
    subject, _, detail = rest.partition(".")
    if subject == "7" and detail.isdigit() and int(detail) in _MICROSOFT_BANNED:
        return B
    kind = DETAILS.get(rest, SUBJECTS.get(subject))
    if rest.endswith("0.0") or (kind is None and major not in "45"):
        return None
    if major == "4":
        return kind if kind is B else S
    return kind or S
