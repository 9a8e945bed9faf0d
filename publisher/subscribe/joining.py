"""Taking people in, one by one or a file at once, with what they agreed to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from publisher.domain.journal import Journal, Newsletter
from publisher.domain.subscription import Admission, Consent
from publisher.errors import BadRows, UsageError
from publisher.ports import Subscribers
from publisher.subscribe.addresses import subscriber
from publisher.subscribe.reading import Parsed

LONGEST_CONSENT = 2000


@dataclass(frozen=True, slots=True)
class ImportReport:
    """How many rows came to what, and (row number, reason) for each that was not taken.

    `bad` were wrong in the file; `declined` left earlier or are suppressed, so nothing but
    their own wish brings them back. `ignored` names columns that were not understood.
    """

    counts: Mapping[Admission, int]
    bad: tuple[tuple[int, str], ...]
    declined: tuple[tuple[int, str], ...]
    ignored: tuple[str, ...]
    dry_run: bool

    @property
    def added(self) -> int:
        """How many subscriptions are new."""
        return self.counts.get(Admission.ADDED, 0)


def import_rows(
    subscribers: Subscribers,
    newsletter: Newsletter,
    parsed: Parsed,
    *,
    consent: str,
    origin: str,
    now: datetime,
    token_id: Callable[[], str],
    partial: bool = False,
    dry_run: bool = False,
) -> ImportReport:
    """Add the rows as confirmed, in one transaction.

    `consent` says in words how these people agreed; `origin` where the rows come from. A bad
    row refuses the whole file (BadRows) unless `partial`. Whoever unsubscribed or is
    suppressed stays out and is reported. Raises UsageError without a consent statement.
    """
    agreed = _consent(consent, origin, now)
    if parsed.bad and not partial:
        raise BadRows(
            f"wrong rows: {len(parsed.bad)} of {len(parsed.bad) + len(parsed.rows)}, so none "
            "was imported; mend them, or import the others with --partial",
            parsed.bad,
        )
    answers = subscribers.admit(
        newsletter.slug,
        [row.subscriber for row in parsed.rows],
        [token_id() for _ in parsed.rows],
        agreed,
        now,
        dry_run=dry_run,
    )
    declined = [
        (row.number, answer.value)
        for row, answer in zip(parsed.rows, answers, strict=True)
        if answer in (Admission.LEFT, Admission.SUPPRESSED)
    ]
    counted = Counter(answers)
    counts = {admission: counted[admission] for admission in Admission}
    return ImportReport(counts, parsed.bad, tuple(declined), parsed.ignored, dry_run)


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
) -> Admission:
    """Add one person as confirmed; what became of it. Raises UsageError."""
    agreed = _consent(consent, origin, now)
    row = subscriber(
        journal,
        newsletter,
        address=address,
        name=name,
        topics="|".join(topics),
        cadence=cadence,
        language=language,
    )
    return subscribers.admit(newsletter.slug, [row], [token_id()], agreed, now)[0]


def _consent(wording: str, origin: str, now: datetime) -> Consent:
    said = wording.strip()
    if not said:
        raise UsageError(
            "say how these people agreed to be mailed, e.g. --consent "
            "'Signed the form at the clinic, spring 2026'; without consent nobody is added"
        )
    if len(said) > LONGEST_CONSENT:
        raise UsageError(f"the consent statement is longer than {LONGEST_CONSENT} characters")
    return Consent(now, origin, said)
