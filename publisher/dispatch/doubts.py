"""What outcomes say about a transport and an issue: when to pause, when to wait, the counts."""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Mapping

from publisher.domain.delivery import Claim, DeliveryEvent, OutboxKind
from publisher.domain.figures import OTHERS
from publisher.domain.issue import Issue
from publisher.domain.outcome import OutcomeKind
from publisher.domain.retry import Doubt

REMEMBERED = 1000
"""Messages whose lost sessions are counted at once; the oldest is forgotten first."""

DOMAINS = 10_000
"""Domains that are counted one by one; readers of more are counted together."""

_OUTCOMES = {
    DeliveryEvent.ACCEPT: OutcomeKind.ACCEPTED,
    DeliveryEvent.DEFER: OutcomeKind.DEFERRED,
    DeliveryEvent.REFUSE: OutcomeKind.REFUSED,
    DeliveryEvent.LOSE: OutcomeKind.UNKNOWN,
}
_UNKNOWN = OutcomeKind.UNKNOWN  # reading it off its class takes long
_WORDS = {event: outcome.value for event, outcome in _OUTCOMES.items()}


class Doubts:
    """Unanswered messages by transport and issue (None: notices)."""

    def __init__(self, issue: Callable[[int], Issue]) -> None:
        self._issue = issue
        self._doubts: dict[tuple[str, int | None], Doubt] = {}

    def must_pause(self, transport: str, claim: Claim, event: DeliveryEvent) -> bool:
        """Count one settlement; whether it is the one unanswered message too many.

        Those that the issue had before count too. Only an unanswered message pauses: an
        issue that staff resumed goes on until the next.
        """
        outcome = _OUTCOMES.get(event)
        if outcome is None:
            return False
        key = transport, claim.issue_id
        doubt = self._doubts.get(key) or self._begin(claim.issue_id)
        if outcome is not _UNKNOWN and not doubt.in_a_row:
            self._doubts[key] = doubt  # as nearly always: nothing to count
            return False
        self._doubts[key] = doubt = doubt.after(outcome)
        return outcome is _UNKNOWN and doubt.must_pause

    def _begin(self, issue_id: int | None) -> Doubt:
        if issue_id is None:
            return Doubt(audience=0)
        issue = self._issue(issue_id)
        return Doubt(issue.audience, total=issue.counts.get(OutcomeKind.UNKNOWN.value, 0))


class Losses:
    """How many sessions each message lost, so that one that always does cannot go on for ever."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._counts: OrderedDict[tuple[OutboxKind, int], int] = OrderedDict()

    def too_many(self, claim: Claim) -> bool:
        """Count one more; whether it must wait now as if the server had deferred it."""
        key = claim.kind, claim.id
        count = self._counts.pop(key, 0) + 1
        if count >= self._limit:
            return True
        self._counts[key] = count
        if len(self._counts) > REMEMBERED:
            self._counts.popitem(last=False)
        return False


class Tally:
    """Settled messages by outcome, in all and by issue; by domain too where somebody watches."""

    def __init__(self, *, watched: bool) -> None:
        self.counts: Counter[str] = Counter()
        self.domains: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._watched = watched
        self._by_issue: defaultdict[int | None, Counter[str]] = defaultdict(Counter)

    def add(self, claim: Claim, event: DeliveryEvent) -> None:
        """Count one settlement."""
        word = _WORDS.get(event, "returned")
        self.counts[word] += 1
        self._by_issue[claim.issue_id][word] += 1
        if self._watched:
            domain = claim.address.rpartition("@")[2].lower()
            known = domain in self.domains or len(self.domains) < DOMAINS
            self.domains[domain if known else OTHERS][word] += 1

    def by_issue(self) -> Mapping[int | None, Mapping[str, int]]:
        """A copy that does not change any more."""
        return {issue_id: dict(counts) for issue_id, counts in self._by_issue.items()}
