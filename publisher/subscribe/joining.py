"""Taking people in, one by one or a file at once, with what they agreed to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from publisher.domain.journal import Journal, Newsletter
from publisher.domain.subscription import Admission, Consent
from publisher.errors import BadRows
from publisher.ports import Staged, Staging, Subscribers
from publisher.subscribe.addresses import subscriber
from publisher.subscribe.reading import Bad, Passed, Reading, statement

NAMED = 1000
"""Rows whose reasons are kept; more are only counted, so that memory stays flat."""
BATCH = 10_000
"""Rows taken in by one transaction: about a second, so that sending goes on meanwhile."""
STAGED_AT_ONCE = 5_000


@dataclass(frozen=True, slots=True)
class ImportReport:
    """How many rows came to what, and (row number, reason) for each that was not taken.

    `bad` were wrong in the file; `passed` (state → number) say themselves that they are not
    confirmed; `declined` left earlier or are suppressed, so nothing but their own wish brings
    them back. Of `bad` and `declined` the first 1,000 are named. `ignored` names columns that
    were not understood, `source` whose export it was, if it was known.
    """

    counts: Mapping[Admission, int]
    bad: tuple[tuple[int, str], ...]
    declined: tuple[tuple[int, str], ...]
    ignored: tuple[str, ...]
    dry_run: bool
    passed: Mapping[str, int] = field(default_factory=dict)
    wrong: int = 0
    source: str = ""

    @property
    def added(self) -> int:
        """How many subscriptions are new."""
        return self.counts.get(Admission.ADDED, 0)


@dataclass(slots=True)
class _Tally:
    """What came of reading a file."""

    good: int = 0
    wrong: int = 0
    bad: list[tuple[int, str]] = field(default_factory=list)
    passed: Counter[str] = field(default_factory=Counter)

    def complain(self, number: int, reason: str) -> None:
        self.wrong += 1
        if len(self.bad) < NAMED:
            self.bad.append((number, reason))


def import_rows(
    subscribers: Subscribers,
    staging: Staging,
    newsletter: Newsletter,
    reading: Reading,
    agreed: Consent,
    *,
    now: datetime,
    token_id: Callable[[], str],
    file: str = "",
    partial: bool = False,
    dry_run: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> ImportReport:
    """Add the rows as confirmed, once all have been read: 10,000 in each transaction.

    `agreed` says how these people agreed, where a row does not; `file` is what errors call it.
    A bad row refuses the whole file (BadRows) unless `partial`. Whoever unsubscribed or is
    suppressed stays out and is reported. Stopped half-way, it has taken in the first so many;
    again, it takes in the rest.
    """
    tally = _stage(reading, staging)
    if tally.bad and not partial:
        raise BadRows(
            f"wrong rows: {tally.wrong:,} of {tally.wrong + tally.good:,}, so none was imported; "
            "mend them, or import the others with --partial",
            sorted(tally.bad),
            file,
        )
    counted: Counter[Admission] = Counter()
    declined: list[tuple[int, str]] = []
    done = 0
    for batch in staging.batches(BATCH):
        answers = subscribers.admit(
            newsletter.slug,
            [row for _, row in batch],
            [token_id() for _ in batch],
            agreed,
            now,
            dry_run=dry_run,
        )
        counted.update(answers)
        declined += _declined(batch, answers)[: NAMED - len(declined)]
        done += len(batch)
        if on_progress is not None:
            on_progress(done, tally.good)
    return ImportReport(
        counts={admission: counted[admission] for admission in Admission},
        bad=tuple(sorted(tally.bad)),
        declined=tuple(declined),
        ignored=reading.ignored,
        dry_run=dry_run,
        passed=dict(tally.passed),
        wrong=tally.wrong,
        source=reading.layout.name,
    )


def _stage(reading: Reading, staging: Staging) -> _Tally:
    """Read everything once, and keep what is good."""
    tally = _Tally()
    for rows in _chunks(_good(reading, tally)):
        twice = staging.add(rows)
        tally.good += len(rows) - len(twice)
        for number, earlier in twice:
            tally.complain(number, f"the same address as in row {earlier}; remove one of them")
    return tally


def _good(reading: Reading, tally: _Tally) -> Iterator[Staged]:
    for number, found in reading.rows:
        if isinstance(found, Bad):
            tally.complain(number, found.reason)
        elif isinstance(found, Passed):
            tally.passed[found.state] += 1
        else:
            yield number, found


def _chunks(rows: Iterator[Staged]) -> Iterator[list[Staged]]:
    chunk: list[Staged] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == STAGED_AT_ONCE:
            yield chunk
            chunk = []
    if chunk:
        yield chunk


def _declined(batch: Sequence[Staged], answers: Sequence[Admission]) -> list[tuple[int, str]]:
    return [
        (number, answer.value)
        for (number, _), answer in zip(batch, answers, strict=True)
        if answer in (Admission.LEFT, Admission.SUPPRESSED)
    ]


def add(
    subscribers: Subscribers,
    journal: Journal,
    newsletter: Newsletter,
    address: str,
    *,
    consent: str,
    origin: str,
    now: datetime,
    token_id: Callable[[], str],
    name: str = "",
    topics: Sequence[str] = (),
    cadence: str = "",
    language: str = "",
    time_zone: str = "",
) -> Admission:
    """Add one person as confirmed; what became of it. Raises UsageError.

    `consent` says in words how they agreed, `origin` from where that is known.
    """
    said = statement(consent, origin, now)
    row = subscriber(
        journal,
        newsletter,
        address=address,
        name=name,
        topics="|".join(topics),
        cadence=cadence,
        language=language,
        time_zone=time_zone,
    )
    return subscribers.admit(newsletter.slug, [row], [token_id()], said, now)[0]
