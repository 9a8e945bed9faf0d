"""Verb: whether an issue's sources let it go, asked again up to the moment of sending."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime

from publisher.checks import retractions
from publisher.domain.retraction import Cited, Register, Snapshot, SourcePolicy, Standing
from publisher.ports import Citations, Retractions

_ANEW = (
    "make the issue anew: issue edit --anew, or once some of it was sent, issue cancel and issue "
    "plan"
)
TELL = 3
"""How many retracted works a reason names; the others are counted."""


class Gate:
    """Asked with an issue's id, gives the reason why it must not go, or None.

    What the editions cite was put down when they were planned, so the answer holds for what
    would be sent, whatever has become of the files. An answer is kept until the data change.
    `had` tells of which day the last data were that were ever here: once there were any, an issue
    waits until there are some again.
    """

    def __init__(
        self,
        citations: Citations,
        data: Retractions,
        policy: SourcePolicy,
        clock: Callable[[], datetime],
        had: Callable[[], date | None] = lambda: None,
    ) -> None:
        self._citations = citations
        self._data = data
        self._policy = policy
        self._clock = clock
        self._had = had
        self._before: date | None = None
        self._stamp: object = None
        self._snapshot: Snapshot | None = None
        self._known: dict[int, str | None] = {}
        self._begun = False

    def __call__(self, issue_id: int) -> str | None:
        """Why the issue must not go. Raises StoreError where the data cannot be read."""
        stamp = self._data.stamp()
        if not self._begun or stamp != self._stamp:
            self._begun, self._stamp, self._known = True, stamp, {}
            self._snapshot = self._data.snapshot()
            self._before = self._had() if self._snapshot is None else None
        now = self._clock()
        told = retractions.data(self._snapshot, self._policy, now, self._before)
        stale = [finding for finding in told if finding.blocks]
        if stale:
            return f"{stale[0].message}: {stale[0].remedy}"
        if issue_id not in self._known:
            self._known[issue_id] = self._look(issue_id)
        return self._known[issue_id]

    def _look(self, issue_id: int) -> str | None:
        found = retracted(self._citations.works(issue_id), self._data)
        if found:
            return _reason(found)
        if self._snapshot is not None and (bare := self._citations.unsourced(issue_id)):
            return (
                f"nobody put down what {len(bare)} of its articles cite, since an older publisher "
                "planned it: `publisher watch` does so where the file is still the same; otherwise "
                f"{_ANEW}"
            )
        return None


def retracted(works: Sequence[Cited], data: Retractions) -> tuple[Cited, ...]:
    """Those of `works` that were retracted and are not cited as such."""
    asked = [work for work in works if work.names and not work.acknowledged]
    register = Register(data.snapshot(), data.find({name for work in asked for name in work.names}))
    return tuple(
        work for work in asked if register.of_keys(work.names).standing is Standing.RETRACTED
    )


def _reason(found: Sequence[Cited]) -> str:
    """`it rests on a retracted work: liu-2020 (doi:…), "Use of …"`."""
    works = {work.names[0]: work for work in found}
    told = "; ".join(
        f'{work.key} ({name}), "{work.title}"' for name, work in list(works.items())[:TELL]
    )
    more = f" and {len(works) - TELL} more" if len(works) > TELL else ""
    what = "a retracted work" if len(works) == 1 else f"{len(works)} retracted works"
    return f"it rests on {what}: {told}{more}. Mend the article (publisher check), then {_ANEW}"
