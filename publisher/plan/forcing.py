"""Letting an issue pass a rule that it breaks: by name, with a reason, and never every rule."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from difflib import get_close_matches

from publisher.checks import RULES as OF_ARTICLES
from publisher.checks.edition import ALWAYS, RULES
from publisher.checks.text import is_sound
from publisher.domain.finding import Finding
from publisher.domain.forcing import Forcing
from publisher.errors import BlockedByFindings, NotAllowed, NotFound, UsageError

LONGEST_REASON = 500


def forcings(rules: Iterable[str], reason: str, by: str, at: datetime) -> tuple[Forcing, ...]:
    """What is to be set aside. Raises UsageError for a rule that is none, or that no reason beats.

    What a reader is owed stands whatever anybody says: see `edition.ALWAYS`.
    """
    reason, named = " ".join(reason.split()), tuple(dict.fromkeys(rules))
    if named and not reason:
        raise UsageError("say why: --force RULE --reason TEXT; it is kept with the issue")
    if reason and not named:
        raise UsageError("--reason goes with --force RULE: name the rule that is set aside")
    if len(reason) > LONGEST_REASON or not is_sound(reason):
        raise UsageError(f"write the reason in plain text, in {LONGEST_REASON} characters or fewer")
    for rule in named:
        _may_be_forced(rule)
    return tuple(Forcing(rule, reason, by, at) for rule in named)


def block(findings: Iterable[Finding], what: str, forced: Collection[str] = ()) -> frozenset[str]:
    """Raise BlockedByFindings for those that block, each said once.

    Rules in `forced` are passed; those of them that would have blocked are returned.
    """
    found = tuple(dict.fromkeys(f for f in findings if f.blocks))
    passed = set(forced) - ALWAYS
    if blocking := tuple(f for f in found if f.rule not in passed):
        listed = "\n".join(f"  {finding}" for finding in blocking)
        raise BlockedByFindings(f"{what} must not leave as it is:\n{listed}", blocking)
    return frozenset(finding.rule for finding in found)


def _may_be_forced(rule: str) -> None:
    if rule in ALWAYS:
        raise NotAllowed(
            f"'{rule}' cannot be set aside, for whatever reason: {RULES[rule]} Mend what it says"
        )
    if rule in OF_ARTICLES:
        raise NotAllowed(f"'{rule}' is a rule of articles: mend the article, or make it a draft")
    if rule not in RULES:
        near = get_close_matches(rule, RULES, 1, 0.5)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        raise NotFound(f"there is no rule '{rule}'{hint} (`publisher check --explain all`)")
