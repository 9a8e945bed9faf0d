"""What becomes of a bounce or complaint: the one place, however we heard of it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from publisher.domain.bounce import (
    REASONS,
    Addressee,
    Bounce,
    BounceKind,
    BouncePolicy,
    BounceSource,
    Complaint,
    Refusal,
)
from publisher.domain.delivery import OutboxKind
from publisher.domain.diagnosis import classify
from publisher.domain.issue import IssueEvent, IssueState
from publisher.domain.journal import Journal
from publisher.domain.outcome import cleaned
from publisher.domain.subscription import Suppression, SuppressionReason
from publisher.errors import NotAllowed
from publisher.formats import dsn
from publisher.ports import Store

LOOK_BACK = timedelta(days=30)
"""Refusals older than this are history, and judge nobody any more."""
BATCH = 200
"""Refusals judged at a time."""

Tell = Callable[[str, str, str], None]
"""Tells staff: a key that makes it unique, a subject, a text without addresses."""

log = logging.getLogger("publisher.inbound")


@dataclass(frozen=True, slots=True)
class Judge:
    """Applies the policy. Nothing it logs or tells holds an address."""

    store: Store
    journal: Journal
    policy: BouncePolicy
    tell: Tell

    def bounce(self, news: Bounce, whom: Addressee, now: datetime) -> bool:
        """Record a bounce and do what follows of it; False when it is known already."""
        if self.store.bounces.known(news.key):
            return False
        news = replace(news, reply=cleaned(news.reply, whom.address))
        if news.kind is BounceKind.BLOCK:
            self._block(news, whom, now)
        end = self._ending(news, whom, now)
        if not self.store.bounces.record(news, end):
            return False
        log.info("%s %d: %s bounce (%s)", news.of, news.of_id, news.kind, news.status or news.code)
        if end is not None:
            log.info("%s %d: its address is suppressed", news.of, news.of_id)
        return True

    def complaint(self, news: Complaint, whom: Addressee, now: datetime) -> bool:
        """Suppress whoever complained; False when it is known already."""
        end = None
        if whom.personal:
            reason = SuppressionReason.COMPLAINT
            end = Suppression(whom.address, reason, now, f"a report of the kind '{news.feedback}'")
        if not self.store.bounces.record(news, end):
            return False
        log.info("%s %s: complaint (%s)", news.of, news.of_id, news.feedback)
        return True

    def refusals(self, now: datetime) -> int:
        """Judge what servers refused in the session; how many bounces that made.

        What a killed process had no time to judge is found by the next call.
        """
        done = 0
        for refusal in self.store.bounces.refusals(now - LOOK_BACK, BATCH):
            whom = self.store.bounces.addressee(refusal.of, refusal.of_id)
            if whom is not None and self.bounce(_refused(refusal), whom, now):
                done += 1
        return done

    def _ending(self, news: Bounce, whom: Addressee, now: datetime) -> Suppression | None:
        if not whom.personal:
            return None
        earlier = []
        if news.kind is BounceKind.SOFT and news.of is OutboxKind.DELIVERY:
            earlier = list(self.store.bounces.soft(whom.address, (news.of, news.of_id), now))
        if not self.policy.suppresses(news.kind, earlier, news.at):
            return None
        note = f"{REASONS[news.kind]} ({news.status or news.code or 'no code'})"
        return Suppression(whom.address, SuppressionReason.BOUNCE, now, note)

    def _block(self, news: Bounce, whom: Addressee, now: datetime) -> None:
        """Somebody will not have our mail at all: no reader's fault, so staff must act."""
        said = f"A mail system turns our mail away: {news.status or news.code} {news.reply}\n\n"
        act = (
            "Nobody was suppressed for it. Look up your server and domain in the list that it "
            "names, and check SPF, DKIM and DMARC: publisher doctor"
        )
        if whom.issue_id is None:
            self.tell(f"block:notices:{now.date()}", "A notice was blocked", said + act)
            return
        issue_id = whom.issue_id
        self.tell(f"block:{issue_id}", f"Issue {issue_id} meets a block", said + act)
        number = self.store.bounces.blocks(issue_id) + 1
        if not self.policy.pauses(number):
            return
        paused = self._pause(whom, f"{number} readers' mail systems block us", now)
        if paused:
            which = ", ".join(str(each) for each in paused)
            self.tell(
                f"blocks:{issue_id}:{number}",
                f"Paused after {number} blocks: issue {which}",
                f"{said}{act}\nGo on when it is mended: publisher resume {paused[0]}",
            )

    def _pause(self, whom: Addressee, reason: str, now: datetime) -> list[int]:
        """Every issue that is being sent from the same domain; which were paused."""
        domain = self._domain(whom.newsletter)
        paused = []
        for issue in self.store.issues.list(states=(IssueState.SENDING,)):
            if self._domain(issue.newsletter) != domain:
                continue
            with contextlib.suppress(NotAllowed):  # paused or finished in this moment
                self.store.issues.move(issue.id, IssueEvent.PAUSE, now, reason=reason)
                paused.append(issue.id)
        return paused

    def _domain(self, slug: str | None) -> str:
        known = {each.slug: each for each in self.journal.newsletters}
        newsletter = known.get(slug or "")
        sender = (newsletter.sender if newsletter else None) or self.journal.sender
        return sender.address.rpartition("@")[2].lower()


def _refused(refusal: Refusal) -> Bounce:
    status = dsn.status_in(refusal.reply)
    return Bounce(
        of=refusal.of,
        of_id=refusal.of_id,
        at=refusal.at,
        kind=classify(status, refusal.code, refusal.reply),
        source=BounceSource.SESSION,
        key=f"session:{refusal.of}:{refusal.of_id}:{refusal.at.isoformat()}",
        status=status,
        code=refusal.code,
        reply=refusal.reply,
    )
