"""Verb: what people ask for through forms is answered by one mail, and done by the link in it.

Whether an address is known is told to its owner alone, in that mail.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from babel.lists import format_list

from publisher.domain.issue import IssueState
from publisher.domain.journal import Journal, Newsletter, Welcome
from publisher.domain.notice import Notice, NoticeKind
from publisher.domain.request import (
    LIFETIME,
    PREFERENCES_LIFETIME,
    Choice,
    Filed,
    FormLimits,
    Request,
    RequestKind,
)
from publisher.domain.subscription import (
    Consent,
    Subscription,
    SubscriptionEvent,
    SubscriptionState,
    address_key,
    masked,
)
from publisher.domain.template import TemplateSet
from publisher.errors import NotFound
from publisher.formats import catalogue, letters, templating, token
from publisher.formats.letters import Letter
from publisher.ports import Store
from publisher.subscribe.leaving import all_of

S = SubscriptionState
ORIGIN = "form"
CONFIRMED = "form, confirmed by link"


@dataclass(frozen=True, slots=True)
class Joined:
    """What following a confirmation link came to; `readers` are its confirmed subscriptions."""

    readers: tuple[Subscription, ...] = ()


@dataclass(frozen=True, slots=True)
class Reception:
    """Everything that answering forms needs. `nonce` and `token_id` make random names;
    mails leave by `route`.
    """

    journal: Journal
    templates: TemplateSet
    store: Store
    keys: tuple[tuple[str, bytes], ...]
    nonce: Callable[[], str]
    token_id: Callable[[], str]
    limits: FormLimits = field(default_factory=FormLimits)
    route: str = "default"

    # --- joining ------------------------------------------------------------------------------

    def join(
        self, address: str, choices: Sequence[Choice], agreed: Consent, now: datetime
    ) -> Filed:
        """Ask the address's owner to confirm, or tell them that they are subscribed already.

        `address` as `normalise` gives it. Whatever the answer is, say the same to whoever asked.
        """
        key = address_key(address)
        mine = {
            found.newsletter: found
            for found in self.store.subscribers.by_address(key)
            if found.state is S.CONFIRMED
        }
        # After bounces, opting in anew is what lets us write again.
        known = {} if self.store.suppressions.find(key) else mine
        fresh = [each for each in choices if each.newsletter not in known]
        request = Request(
            token_id=self.token_id(),
            kind=RequestKind.JOIN,
            address=address,
            key=key,
            at=now,
            consent=agreed,
            choices=tuple(choices),
        )
        spoken = self._language(next((each.wishes.language for each in choices), None))
        had = [each.newsletter for each in choices if each.newsletter in known]
        if fresh:
            letter, kind = Letter.CONFIRM, NoticeKind.CONFIRMATION
            facts = {
                "newsletters": self._titles([each.newsletter for each in fresh], spoken),
                "known": self._titles(had, spoken) if had else "",
                "url": self._url("confirm", token.Purpose.CONFIRM, request.token_id),
                "days": LIFETIME.days,
            }
        else:
            letter, kind = Letter.ALREADY, NoticeKind.ALREADY
            facts = {"newsletters": self._titles(had, spoken)} | self._choose(known[had[0]], now)
        return self._file(request, kind, letter, spoken, facts, now)

    def pending(self, token_id: str, kind: RequestKind, now: datetime) -> Request | None:
        """The request that a link names, as long as the link is good."""
        found = self.store.requests.get(token_id)
        return None if found is None or found.kind is not kind or found.expired(now) else found

    def confirm(self, token_id: str, network: str, now: datetime) -> Joined:
        """Carry out what the link in a confirmation names; again is as good as once."""
        found = self.pending(token_id, RequestKind.JOIN, now)
        if found is None:
            return Joined()
        agreed = replace(found.consent, at=now, origin=CONFIRMED, network=network)
        ids = self.store.requests.confirm(token_id, agreed, now, self._welcome(found, now))
        mine = self.store.subscribers.by_address(found.key)
        return Joined(tuple(each for each in mine if each.id in ids))

    # --- what somebody gets -------------------------------------------------------------------

    def prefer(
        self,
        token_id: str,
        choices: Sequence[Choice],
        paused_until: datetime | None,
        agreed: Consent,
        now: datetime,
    ) -> Filed | None:
        """Give each subscription its wishes, and end those that are not chosen any more.

        A newsletter that is new to them must be confirmed by mail, for links get forwarded: what
        became of that, or None. Raises NotFound where there is no reader any more.
        """
        mine = [
            each for each in all_of(self.store.subscribers, token_id) if each.state is S.CONFIRMED
        ]
        if not mine:
            raise NotFound("you are not subscribed")
        wanted = {each.newsletter: each for each in choices}
        for each in mine:
            choice = wanted.pop(each.newsletter, None)
            if choice is not None:
                wishes = replace(choice.wishes, paused_until=paused_until)
                self.store.subscribers.wish(each.id, wishes)
            else:
                self.store.subscribers.change(each.id, SubscriptionEvent.UNSUBSCRIBE, now)
        if not wanted:
            return None
        return self.join(mine[0].address, tuple(wanted.values()), agreed, now)

    def send_link(self, token_id: str, agreed: Consent, now: datetime) -> Filed | None:
        """Mail a fresh link to the preferences to the address on file; None where there is none."""
        mine = [
            each for each in all_of(self.store.subscribers, token_id) if each.state is S.CONFIRMED
        ]
        if not mine:
            return None
        request = self._about(mine[0], RequestKind.LINK, mine[0].address, agreed, now)
        facts = self._choose(mine[0], now)
        return self._file(
            request, NoticeKind.PREFERENCES, Letter.PREFERENCES, mine[0].language, facts, now
        )

    def ask_address(
        self, token_id: str, address: str, agreed: Consent, now: datetime
    ) -> Filed | None:
        """Ask the owner of another address whether it is theirs; None for somebody gone."""
        mine = [
            each for each in all_of(self.store.subscribers, token_id) if each.state is S.CONFIRMED
        ]
        if not mine:
            return None
        request = self._about(mine[0], RequestKind.MOVE, address, agreed, now)
        facts = {
            "old": masked(mine[0].address),
            "url": self._url("address", token.Purpose.ADDRESS, request.token_id),
            "days": LIFETIME.days,
        }
        return self._file(
            request, NoticeKind.CONFIRMATION, Letter.ADDRESS, mine[0].language, facts, now
        )

    def move(self, token_id: str, now: datetime) -> bool:
        """Write to the new address from now on, and tell the old one; whether it could be."""
        found = self.pending(token_id, RequestKind.MOVE, now)
        if found is None:
            return False

        def tell(old: str) -> tuple[Notice, str]:
            written = letters.render(
                Letter.MOVED,
                self.journal,
                self.templates,
                self.journal.language,
                new=masked(found.address),
            )
            kind = NoticeKind.ADDRESS_CHANGE
            return self._notice(kind, f"moved:{token_id}", old, written), self.nonce()

        return self.store.requests.move(token_id, now, tell) is not None

    def _readers(self, token_id: str) -> list[Subscription]:
        found = all_of(self.store.subscribers, token_id)
        return [each for each in found if each.state is S.CONFIRMED]

    # --- mails ----------------------------------------------------------------------------------

    def _about(
        self, reader: Subscription, kind: RequestKind, address: str, agreed: Consent, now: datetime
    ) -> Request:
        return Request(
            token_id=self.token_id(),
            kind=kind,
            address=address,
            key=address_key(address),
            at=now,
            consent=agreed,
            subscriber_id=self.store.subscribers.subscriber_id(address_key(reader.address)),
        )

    def _file(
        self,
        request: Request,
        kind: NoticeKind,
        letter: Letter,
        language: str | None,
        facts: Mapping[str, Any],
        now: datetime,
    ) -> Filed:
        spoken = self._language(language)
        written = letters.render(letter, self.journal, self.templates, spoken, **facts)
        answer = self._notice(kind, f"request:{request.token_id}", request.address, written)
        return self.store.requests.file(
            request, answer, self.limits, self.token_id, self.nonce(), now
        )

    def _welcome(self, request: Request, now: datetime) -> tuple[Notice, str] | None:
        offered = {each.slug: each for each in self.journal.newsletters}
        greeted = [
            (offered[each.newsletter], each)
            for each in request.choices
            if each.newsletter in offered and offered[each.newsletter].welcome is not Welcome.NONE
        ]
        mine = {each.newsletter: each for each in self.store.subscribers.by_address(request.key)}
        if not greeted or greeted[0][0].slug not in mine:
            return None
        first, choice = greeted[0]
        spoken = self._language(choice.wishes.language)
        facts = {
            "newsletters": self._titles([each.slug for each, _ in greeted], spoken),
            "next": self._next(first, choice, now) if len(greeted) == 1 else None,
            "issue": self._latest([each for each, _ in greeted]),
        } | self._choose(mine[first.slug], now)
        written = letters.render(Letter.WELCOME, self.journal, self.templates, spoken, **facts)
        key = f"welcome:{request.token_id}"
        return self._notice(NoticeKind.WELCOME, key, request.address, written), self.nonce()

    def _next(self, newsletter: Newsletter, choice: Choice, now: datetime) -> datetime | None:
        kind = choice.wishes.cadence or newsletter.cadences[0].kind.value
        for cadence in newsletter.cadences:
            if cadence.kind.value == kind and kind != "each":
                return cadence.next(now, self.journal.zone).at
        return None

    def _latest(self, newsletters: Sequence[Newsletter]) -> Mapping[str, str] | None:
        """The latest issue with an archive page, of the first newsletter that wants it shown."""
        for newsletter in newsletters:
            if newsletter.welcome is not Welcome.ISSUE:
                continue
            went = (IssueState.SENDING, IssueState.FINISHED)
            for issue in self.store.issues.list(newsletter.slug, went, 1):
                path = self.journal.issue_path(newsletter.slug, issue.number or 0)
                return {"subject": issue.subject, "url": f"{self.journal.url}{path}"}
        return None

    def _choose(self, reader: Subscription, now: datetime) -> dict[str, Any]:
        made = token.preferences(self.keys, reader.token_id, now)
        return {
            "url": f"{self.journal.app_url}/preferences/{made}",
            "days": PREFERENCES_LIFETIME.days,
        }

    def _url(self, page: str, purpose: token.Purpose, token_id: str) -> str:
        return f"{self.journal.app_url}/{page}/{token.make(self.keys, purpose, token_id)}"

    def _notice(self, kind: NoticeKind, key: str, address: str, written: letters.Written) -> Notice:
        return Notice(
            kind, key, address, written.subject, written.text, written.html, transport=self.route
        )

    def _language(self, wanted: str | None) -> str:
        return catalogue.spoken(self.templates, wanted, self.journal.language)

    def _titles(self, slugs: Sequence[str], language: str) -> str:
        return titles(self.journal, slugs, language)


def titles(journal: Journal, slugs: Sequence[str], language: str) -> str:
    """Newsletters by their titles, as a list in words."""
    known = {each.slug: each.title for each in journal.newsletters}
    return format_list(
        [known.get(slug, slug) for slug in slugs], locale=templating.locale(language)
    )
