"""Every Protocol through which the verbs reach the world, on one page.

All instants are aware UTC. Every method that changes rows is one transaction. Adapters
raise `StoreError`, `TransportError` or `SiteError`; expected answers are values.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal, Protocol, TypeVar, runtime_checkable

from publisher.domain.announcement import Announcement
from publisher.domain.backoff import Backoff
from publisher.domain.bounce import Addressee, Bounce, Complaint, Disposition, Refusal
from publisher.domain.breaker import Breaker
from publisher.domain.delivery import Claim, DeliveryState, Lapsed, OutboxKind, Settlement
from publisher.domain.figures import Figures
from publisher.domain.forcing import Forcing
from publisher.domain.issue import (
    Edition,
    Issue,
    IssueEvent,
    IssueKind,
    IssueState,
    Shaping,
    SlotId,
)
from publisher.domain.ledger import Entry, Head, Seen, Verdict
from publisher.domain.library import Library as Library
from publisher.domain.message import Envelope
from publisher.domain.notice import Notice
from publisher.domain.outcome import Outcome
from publisher.domain.reach import Faulty, Reach
from publisher.domain.refreshing import Attempt
from publisher.domain.request import Filed, FormLimits, Request
from publisher.domain.restore import Replayed
from publisher.domain.retention import Erased
from publisher.domain.retraction import Carrier, Cited, Event, Snapshot
from publisher.domain.segment import Selection
from publisher.domain.subscription import (
    Admission,
    Consent,
    Forgotten,
    Lift,
    NewSubscriber,
    Subscription,
    SubscriptionEvent,
    SubscriptionState,
    Suppression,
    Wishes,
)
from publisher.domain.template import TemplateSet
from publisher.domain.wakeup import Share, Wakeup
from publisher.formats.chain import Row
from publisher.formats.watermark import Line

T = TypeVar("T")

# --- content and site -----------------------------------------------------------------------


class Content(Protocol):
    """Where articles come from."""

    def load(self) -> Library:
        """Read everything once. Wrong files become findings and are left out."""
        ...

    def mint(self) -> Sequence[str]:
        """Write an id into each article that has none; the paths changed."""
        ...


class Retractions(Protocol):
    """The data of retractions on this machine. Raises StoreError where they cannot be read."""

    def stamp(self) -> tuple[int, int, int] | None:
        """What changes when the data do; None while there are none. Cheap."""
        ...

    def snapshot(self) -> Snapshot | None:
        """What data there are; None where there are none."""
        ...

    def find(self, keys: Collection[str]) -> Mapping[str, tuple[Event, ...]]:
        """The notices about each of `keys` (see `retraction.keys`) that has any."""
        ...

    def refresh(self, origin: str, now: datetime, as_of: date | None = None) -> Snapshot:
        """Load other data in place of these, all or nothing. Raises UsageError, StoreError."""
        ...

    def had(self) -> date | None:
        """The day of the last data that were loaded here, as far as is known without a store; they
        may be gone since. Raises StoreError.
        """
        ...

    def attempt(self) -> Attempt | None:
        """When the data were asked for last, and whether that fails. Raises StoreError."""
        ...

    def failed(self, why: str, now: datetime) -> Attempt:
        """Keep in mind that they could not be had at `now`. Raises StoreError."""
        ...

    def turn(self) -> AbstractContextManager[bool]:
        """Whether this process alone asks for the data, as long as the block lasts."""
        ...


class Templates(Protocol):
    """Where templates come from."""

    def load(self) -> TemplateSet:
        """The journal's templates over the shipped ones."""
        ...


class Site(Protocol):
    """Where built pages go."""

    def write(self, files: Mapping[str, bytes]) -> bool:
        """Swap the whole tree in at once; whether anything changed. Keys are `a/b.html`."""
        ...

    def read(self, path: str) -> bytes | None:
        """One file of the tree that is live now, or None."""
        ...

    def not_live(self, urls: Iterable[str]) -> Sequence[str]:
        """Those of `urls` that a reader could not open now."""
        ...

    def publish(self) -> None:
        """Bring the tree to its static host, where there is one. Raises SiteError."""
        ...


class Cache(Protocol):
    """What was worked out before, by the hash of all that it depends on.

    Losing it costs time and nothing else, so it never raises: it forgets.
    """

    def find(self, kind: str, keys: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """Each of `keys` that is known, with its bytes as they were kept; in no order."""
        ...

    def keep(self, kind: str, new: Mapping[str, bytes], used: Collection[str]) -> None:
        """Remember `new`, and forget what is neither new nor in `used`."""
        ...

    def is_empty(self) -> bool:
        """Whether it certainly knows nothing, so that nothing need be asked."""
        ...


class Workers(Protocol):
    """Whoever shares out work over the machine's processors."""

    def each(self, work: Callable[[int], bytes], size: int) -> Iterator[tuple[int, bytes]]:
        """(n, `work(n)`) for each n below `size`, in no order. Raises what `work` raises.

        `work` may run in another process: what it changes here may be lost, its answer not.
        """
        ...


# --- the hub ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HubAnswer:
    """`refusal`: why it did not accept. `silence`: why there was no answer. Empty: accepted."""

    refusal: str = ""
    silence: str = ""


class Hub(Protocol):
    """A WebSub hub."""

    @property
    def url(self) -> str:
        """Its address."""
        ...

    def publish(self, topic: str) -> HubAnswer:
        """Tell it that the feed at `topic` changed."""
        ...


class Announcements(Protocol):
    """What each hub was told, kept over restarts. Raises StoreError where it cannot be."""

    def turn(self, hub: str) -> AbstractContextManager[bool]:
        """Whether this process alone may tell `hub` something, as long as the block lasts."""
        ...

    def load(self, hub: str) -> Mapping[str, Announcement]:
        """By topic; empty for a hub that was told nothing yet."""
        ...

    def save(self, hub: str, announcements: Mapping[str, Announcement]) -> None:
        """Replace what is known of `hub`; another hub's is forgotten."""
        ...


# --- the store --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Group:
    """Readers who get the same edition: equal topics (None: all) and language (None: default)."""

    topics: tuple[str, ...] | None
    language: str | None
    size: int = 0


@dataclass(frozen=True, slots=True)
class NewIssue:
    """Everything that one planning transaction writes.

    `editions` pairs each edition with the groups of readers it is for. `number` was asked
    of the store before rendering; if it was taken meanwhile, nothing is written. `cited` are
    the sources of the articles. `faulty`: a correction, for those who received these versions;
    its groups differ in language alone, `newsletters` are those that are still offered, and
    `excluded` says who cannot be told.
    `local_time`: each delivery leaves when it is the slot's civil time where its reader lives.
    """

    slot: SlotId
    slot_at: datetime
    number: int
    nonce: str
    state: IssueState
    planned_at: datetime
    articles: tuple[tuple[str, str], ...]
    waiting: tuple[str, ...]
    editions: tuple[tuple[Edition, tuple[Group, ...]], ...]
    default_cadence: str
    shaping: Shaping = field(default_factory=Shaping)
    no_topics: int = 0
    forced: tuple[Forcing, ...] = ()
    local_time: bool = False
    transport: str = "default"
    cited: tuple[Cited, ...] = ()
    faulty: Faulty | None = None
    newsletters: tuple[str, ...] = ()
    excluded: Mapping[str, int] = field(default_factory=dict)


TROUBLE = (
    DeliveryState.UNKNOWN,
    DeliveryState.REFUSED,
    DeliveryState.DEFERRED,
    DeliveryState.CANCELLED,
)
"""What became of messages that did not arrive, and will not without more ado: the worst first."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One delivery that was not accepted, for people to read. `subscription_id`, no address."""

    id: int
    subscription_id: int
    state: DeliveryState
    attempts: int
    code: int
    reply: str
    due_at: datetime | None
    message_id: str
    """With angle brackets, as the relay's log has it."""


@dataclass(frozen=True, slots=True)
class Turnover:
    """How an audience changed: how many joined it and how many left it, by reason."""

    added: Mapping[str, int]
    removed: Mapping[str, int]


class Issues(Protocol):
    """Issues, editions and the deliveries they own."""

    def find(self, slot: SlotId) -> Issue | None:
        """The issue of this slot that is not cancelled."""
        ...

    def get(self, issue_id: int) -> Issue:
        """One issue with its counts. Raises NotFound."""
        ...

    def list(
        self, newsletter: str | None = None, states: Sequence[IssueState] = (), limit: int = 100
    ) -> Sequence[Issue]:
        """Issues, newest first, with their counts; `states` empty means all."""
        ...

    def next_number(self, newsletter: str) -> int:
        """One more than the highest number given so far (cancelled ones included)."""
        ...

    def carried(self, newsletter: str, cadence: str) -> frozenset[str]:
        """Ids of articles that issues of this newsletter and cadence carried (not cancelled)."""
        ...

    def slot_range(
        self, newsletter: str, kind: IssueKind, cadence: str
    ) -> tuple[datetime, datetime] | None:
        """Instants of the first and last slot on record (skipped included, cancelled not)."""
        ...

    def groups(
        self, newsletter: str, cadence: str, default_cadence: str, slot_at: datetime
    ) -> Sequence[Group]:
        """Confirmed, unsuppressed subscriptions of this cadence that do not pause at the slot.

        Grouped, in a stable order.
        """
        ...

    def create(self, plan: NewIssue) -> Issue:
        """Issue, editions and one queued delivery per reader of each edition's groups.

        The issue of a concurrent planner wins: then that one is returned and nothing is written.
        Raises NumberTaken where another slot took the number: ask for the next one, render again.
        Who is not in the audience is counted in `excluded` by reason: `unsubscribed`,
        `unconfirmed`, `suppressed`, `paused`, `other cadence`, `no topics`, `already sent` (they
        have it from an issue of this slot that was cancelled while it was being sent).
        """
        ...

    def skip(self, slot: SlotId, slot_at: datetime, reason: str, now: datetime) -> Issue:
        """Record that a slot made no issue; an issue that is there already is returned as it is."""
        ...

    def editions(self, issue_id: int) -> Sequence[Edition]:
        """The editions of an issue, in order of id."""
        ...

    def edition(self, edition_id: int) -> tuple[Edition, Issue]:
        """One edition and its issue. Raises NotFound."""
        ...

    def reshape(
        self,
        issue_id: int,
        shaping: Shaping,
        editions: Sequence[Edition],
        now: datetime,
        cited: Sequence[Cited] = (),
    ) -> Issue:
        """Replace editions by id and return the issue to draft (the event EDIT).

        An edition with no articles left cancels its deliveries with the reason `no topics`.
        """
        ...

    def move(
        self,
        issue_id: int,
        event: IssueEvent,
        now: datetime,
        *,
        by: str | None = None,
        reason: str | None = None,
        seen: str = "",
    ) -> Issue:
        """Take one step of the issue's state table. Raises NotAllowed, also where the issue's hash
        does not begin with `seen`: somebody has edited it meanwhile.

        CANCEL also cancels its queued, claimed and deferred deliveries. APPROVE records who.
        """
        ...

    def force(self, issue_id: int, forced: Sequence[Forcing]) -> Issue:
        """Put on record what was set aside for an issue, each rule once. Raises NotFound."""
        ...

    def turnover(
        self,
        issue_id: int,
        default_cadence: str,
        categories: Collection[str],
        earlier: tuple[int, Collection[str]] | None = None,
    ) -> Turnover:
        """How an issue's frozen audience would differ, were it chosen now; or, with `earlier`
        (another issue and its categories), how it differs from that one's, which adds up.

        `categories` are those of its articles. Added: `subscribed since`, `other topic` (the
        earlier issue had nothing for them), `other wishes` (then). Removed, as things are now:
        `unsubscribed`, `unconfirmed`, `suppressed`, `other cadence`, `paused`, `other topic`,
        `changed since` (could get it now), `forgotten`. Raises NotFound.
        """
        ...

    def trouble(
        self,
        issue_id: int,
        limit: int = 50,
        *,
        states: Collection[DeliveryState] = TROUBLE,
        after: int = 0,
    ) -> Sequence[Trouble]:
        """Deliveries in `states` that were not accepted, in order of id, from beyond `after` on."""
        ...


class Citations(Protocol):
    """What issues carried: the sources of each article version, and who received it."""

    def versions(self, article_id: str) -> Sequence[tuple[str, str]]:
        """Each version of the article that went out, with the text of an edition that held it."""
        ...

    def reach(self, faulty: Faulty, newsletters: Collection[str]) -> Reach:
        """Who received one of these versions, and who of them can be told, under `newsletters`."""
        ...

    def carrying(self, article_id: str) -> Sequence[tuple[int, str]]:
        """(issue id, version) of every issue on record that carries the article, by id."""
        ...

    def known(self, article_id: str) -> Sequence[Cited]:
        """The sources that were put down of each version of the article."""
        ...

    def unsourced(self, issue_id: int | None = None) -> Sequence[tuple[str, str]]:
        """(article id, version) that issues, or this one, carry and whose sources were never put
        down: nobody knows what they rest on.
        """
        ...

    def put_down(self, cited: Sequence[Cited]) -> int:
        """Keep the sources of versions that issues carry and that have none yet; how many."""
        ...

    def works(self, issue_id: int) -> Sequence[Cited]:
        """The sources of the article versions that the issue's editions carry."""
        ...

    def names(self) -> frozenset[str]:
        """The keys of every work that an issue carried."""
        ...

    def resting_on(self, names: Collection[str]) -> Sequence[Cited]:
        """Where works with these keys are cited without being called retracted."""
        ...

    def carriers(self, names: Collection[str]) -> Sequence[Carrier]:
        """Where works with these keys were carried: by issue, then article and version."""
        ...


class Outbox(Protocol):
    """Deliveries and notices on their way out. Every change tests the claim's fence."""

    @property
    def piece(self) -> int:
        """How many messages are best claimed at once while ten connections want more.

        Each piece costs a commit, and whoever sends waits for it.
        """
        ...

    def claim(
        self,
        worker: str,
        limit: int,
        lease: timedelta,
        now: datetime,
        *,
        issue_id: int | None = None,
        notices_only: bool = False,
    ) -> Sequence[Claim]:
        """Take up to `limit` queued messages that are due: notices first, then deliveries of
        issues that are sending (`issue_id`: of that issue alone), in order of id.
        """
        ...

    def advance(
        self,
        settled: Sequence[Settlement],
        starting: Sequence[Claim],
        lease: timedelta,
        now: datetime,
        *,
        again: bool = False,
    ) -> frozenset[tuple[OutboxKind, int]]:
        """Settle and journal in one commit; which of `starting` may really be sent.

        `claimed → sending` is one conditional update per message that tests the fence, the
        subscription (confirmed), suppressions and the issue's state. No row changed: the
        message is cancelled (`unsubscribed`, `suppressed`, `issue cancelled`), or returned to
        the queue when the issue is paused, or left alone when the fence is not ours.
        A settlement whose fence is not the row's changes nothing.

        `again`: the same was asked before and the answer was lost, so it may have been kept. What
        is `sending` under a claim's own fence is granted too: whoever says `again` promises that
        nothing of `starting` has begun to leave.
        """
        ...

    def give_back(
        self, claims: Sequence[Claim], now: datetime, until: Sequence[datetime | None] = ()
    ) -> None:
        """Return claimed messages that were never started (the event RETURN).

        `until`, where it is given, has for each claim the instant before which nobody claims it:
        a limit holds it back, and no attempt is burnt.
        """
        ...

    def renew(self, worker: str, lease: timedelta, now: datetime) -> None:
        """Prolong the lease of everything that this worker has claimed or is sending."""
        ...

    def lapse(self, now: datetime) -> Lapsed:
        """Free what lapsed leases hold: claimed → queued, sending → unknown."""
        ...

    def wake(self, now: datetime, limit: timedelta) -> int:
        """What waits for its time and is due → may be claimed; how many.

        What was deferred and first due longer ago than `limit` → refused.
        """
        ...

    def finish(self, now: datetime) -> Sequence[int]:
        """Issues that are sending and have nothing open left → finished; their ids.

        Raises Defect where the counts by outcome do not add up to the frozen audience.
        """
        ...

    def resolve(
        self,
        issue_id: int,
        to: Literal["accepted", "resend"],
        now: datetime,
        only: Collection[int] = (),
    ) -> int:
        """Staff's word on what is unknown: it arrived, or it is sent again (same Message-ID).

        How many moved. `only` names deliveries; without it all of the issue are meant. A resend
        reopens a finished issue. Raises NotFound, and NotAllowed where one of `only` is not
        unknown: then nothing is changed.
        """
        ...

    def retry(self, issue_id: int, state: DeliveryState, now: datetime) -> int:
        """Queue at once what is DEFERRED, or what was REFUSED, for readers who may be mailed.

        How many moved: never the suppressed or unsubscribed. Reopens a finished issue.
        Raises NotFound, NotAllowed.
        """
        ...

    def part(self, wakeup: Wakeup) -> Outbox:
        """The same outbox, but claiming nothing beside what a wake-up is about."""
        ...

    def wakeups(self) -> Sequence[Wakeup]:
        """Parts of sending issues, and the notices, that have something queued and due."""
        ...

    def shelve(self, before: datetime, limit: int) -> int:
        """Move up to `limit` settled deliveries of issues that were over `before` to the shelf.

        How many. Whoever asks what was sent finds them there; `unknown` ones stay.
        Raises StoreError where an issue's deliveries are not as many as its readers.
        """
        ...

    def pending(self, issue_id: int | None = None) -> int:
        """How many messages are due, claimed or sending (of sending issues, and notices)."""
        ...

    def next_due(self) -> datetime | None:
        """When the next message that waits for its time is due, if any."""
        ...

    def held(self, issue_id: int) -> tuple[int, datetime | None]:
        """How many queued messages of an issue wait for their time; when the first is due."""
        ...


class Notices(Protocol):
    """Mails owed outside any issue."""

    def add(self, notice: Notice, nonce: str, now: datetime) -> bool:
        """Queue it; False when its key is known already."""
        ...

    def get(self, notice_id: int) -> Notice:
        """One notice. Raises NotFound."""
        ...

    def state(self, key: str) -> DeliveryState | None:
        """Where the notice with this key is."""
        ...

    def counts(self) -> Mapping[str, int]:
        """Notices by state."""
        ...


class Subscribers(Protocol):
    """Addresses, subscriptions and suppressions."""

    def admit(
        self,
        newsletter: str,
        rows: Sequence[NewSubscriber],
        token_ids: Sequence[str],
        consent: Consent,
        now: datetime,
        *,
        dry_run: bool = False,
    ) -> Sequence[Admission]:
        """Add confirmed subscriptions, never reviving the unsubscribed or the suppressed."""
        ...

    def by_address(self, key: str) -> Sequence[Subscription]:
        """All subscriptions of one address (as compared: lower case)."""
        ...

    def by_token(self, token_id: str) -> Subscription | None:
        """The subscription that a token names, if it still exists."""
        ...

    def list(
        self,
        newsletter: str | None = None,
        state: SubscriptionState | None = None,
        after: int = 0,
        limit: int = 1000,
        *,
        segment: Selection | None = None,
    ) -> Sequence[Subscription]:
        """A page of subscriptions in order of id, those with id > `after`."""
        ...

    def count(self, segment: Selection) -> Mapping[str, int]:
        """Newsletter → number of subscriptions in a segment."""
        ...

    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """Newsletter → state → number."""
        ...

    def change(
        self,
        subscription_id: int,
        event: SubscriptionEvent,
        now: datetime,
        *,
        agreed: Consent | None = None,
    ) -> Subscription:
        """Take one step of the subscription's state table. Raises NotFound, NotAllowed.

        `agreed` is kept with the subscription.
        """
        ...

    def wish(self, subscription_id: int, wishes: Wishes) -> Subscription:
        """Put these in place of what was chosen before; from the next slot on. Raises NotFound."""
        ...

    def give_reason(self, subscription_id: int, reason: str) -> Subscription:
        """Keep why somebody left, in their own words. Raises NotFound."""
        ...

    def rename(self, key: str, name: str) -> None:
        """Call whoever has this address (as compared) so. Raises NotFound."""
        ...

    def readdress(self, key: str, address: str) -> None:
        """Give whoever has the address `key` another one. Raises NotFound, NotAllowed."""
        ...

    def subscriber_id(self, key: str) -> int | None:
        """The id of whoever has this address (as compared)."""
        ...

    def consents(self, subscription_id: int) -> Sequence[Consent]:
        """Everything that was agreed to, the first first."""
        ...

    def record(self, key: str) -> Mapping[str, Any] | None:
        """Everything that is known about an address (as compared); None when that is nothing."""
        ...

    def forget(
        self, key: str, why: Suppression | None, now: datetime, *, dry_run: bool = False
    ) -> Forgotten | None:
        """Erase everything about an address (as compared); None when nothing is known of it.

        With `why`, its keyed hash stays among the suppressions. Raises SettingsError where
        that needs a key and there is none.
        """
        ...

    def unlink(self, before: datetime, limit: int) -> int:
        """Forget who received what of issues planned before; how many deliveries.

        At most `limit` at once. Outcomes and counts stay; what is under way is left alone.
        """
        ...

    def overdue(self, unconfirmed: datetime, left: datetime, limit: int) -> Sequence[str]:
        """Addresses of people who never confirmed, or left, before these instants."""
        ...

    def count_erased(self, new: Erased, now: datetime) -> None:
        """Add what retention erased to what it ever did."""
        ...

    def erased(self) -> tuple[datetime, Erased] | None:
        """When retention last erased anything, and all that it ever did."""
        ...


Staged = tuple[int, NewSubscriber]
"""A row of a file by its number."""


class Staging(Protocol):
    """Rows of an import between being read and being taken in: memory does not grow with them."""

    def add(self, rows: Sequence[Staged]) -> Sequence[tuple[int, int]]:
        """Keep them; (row, earlier row) for each whose address was there, which is left out."""
        ...

    def batches(self, size: int) -> Iterator[Sequence[Staged]]:
        """All of them, in the order of their numbers, at most `size` at once."""
        ...


class Suppressions(Protocol):
    """Who is never mailed."""

    def add(self, new: Suppression) -> bool:
        """Never mail this address again; False when it was suppressed already."""
        ...

    def find(self, key: str) -> Suppression | None:
        """The suppression of an address (as compared), also of one that was forgotten."""
        ...

    def list(self, after: str = "", limit: int = 1000) -> Sequence[tuple[str, Suppression]]:
        """A page of (form, suppression) in order of form; `address` is empty for the forgotten."""
        ...

    def add_many(self, new: Sequence[Suppression], *, dry_run: bool = False) -> int:
        """`add` for many, in one transaction; how many were not suppressed already."""
        ...

    def lift(self, key: str, at: datetime, by: str, why: str) -> Suppression | None:
        """Let an address be mailed again, if it subscribes; what it was suppressed for, or None.

        Who did so, and why, stays on record.
        """
        ...

    def lifts(self, key: str) -> Sequence[Lift]:
        """What staff lifted of an address (as compared), the first first."""
        ...

    def counts(self) -> Mapping[str, int]:
        """Reason → number."""
        ...

    def missing_keys(self) -> frozenset[str]:
        """Ids of keys that hashes were made with and that are not given: these know nobody."""
        ...


Letter = tuple[Notice, str]
"""A notice, and the nonce it is queued with."""


class Requests(Protocol):
    """What was asked for through forms, until the link that answers is followed."""

    def file(
        self,
        asked: Request,
        notice: Notice,
        limits: FormLimits,
        token_id: Callable[[], str],
        nonce: str,
        now: datetime,
    ) -> Filed:
        """Keep it and queue the mail that answers it, or say why nobody is mailed.

        A JOIN leaves its subscriptions pending; those that are confirmed stay as they are.
        """
        ...

    def get(self, token_id: str) -> Request | None:
        """The request that a link names, used or not."""
        ...

    def confirm(
        self, token_id: str, agreed: Consent, now: datetime, welcome: Letter | None = None
    ) -> Sequence[int]:
        """Carry a JOIN out: ids of its subscriptions, all confirmed with their wishes now.

        `welcome` is queued with it where somebody became a reader by it.
        """
        ...

    def move(
        self, token_id: str, now: datetime, tell: Callable[[str], Letter] | None = None
    ) -> tuple[str, str] | None:
        """Carry a MOVE out: (the old address, the new one), or None where it cannot be.

        `tell` makes what the old address is told; it is queued with it.
        """
        ...

    def sweep(self, now: datetime) -> int:
        """Delete what no link can use any more; how many."""
        ...


class Bounces(Protocol):
    """What mail systems tell about deliveries and notices: bounces, complaints, refusals."""

    def addressee(self, of: OutboxKind, of_id: int) -> Addressee | None:
        """Whom a message was for; None when there is no such message (any more)."""
        ...

    def by_message_id(self, message_id: str, key: str) -> tuple[OutboxKind, int] | None:
        """The delivery to this address (as compared) that has this Message-ID (with brackets).

        A Message-ID comes of the issue's random nonce: nobody who did not get the mail has it.
        """
        ...

    def latest(self, subscription_id: int) -> int | None:
        """The delivery that last left for a subscription."""
        ...

    def known(self, key: str) -> bool:
        """Whether a bounce or complaint with this key is on record."""
        ...

    def soft(
        self, address: str, besides: tuple[OutboxKind, int], now: datetime
    ) -> Sequence[datetime]:
        """Instants of soft bounces of deliveries to an address since the last that arrived.

        One for each delivery, its first; `besides` is left out.
        """
        ...

    def blocks(self, issue_id: int) -> int:
        """How many deliveries of an issue met a block."""
        ...

    def record(self, news: Bounce | Complaint, suppression: Suppression | None) -> bool:
        """Keep the news and, with it, suppress; False (and nothing changed) when it is known.

        A complaint's suppression takes the place of one that came from bounces.
        """
        ...

    def refusals(self, since: datetime, limit: int) -> Sequence[Refusal]:
        """Messages settled as refused by a server since then that no bounce tells of yet."""
        ...


class Reckoning(Protocol):
    """What became of issues, in numbers alone."""

    def of(self, issue_id: int) -> Figures:
        """The figures of one issue. Memory does not grow with its audience."""
        ...


class Traffic(Protocol):
    """What is known of transports and of those they bring mail to: over restarts, for all workers.

    A destination is a recipient domain, a mailbox provider, or `limits.WHOLE`: the transport.
    """

    def breakers(self) -> Mapping[str, Breaker]:
        """Circuit breakers that are not closed, by transport."""
        ...

    def change_breaker(self, transport: str, step: Callable[[Breaker], Breaker]) -> Breaker:
        """Put what `step` makes of it in its place, alone among all workers; a closed one is
        forgotten. Returns it.
        """
        ...

    def backoffs(self) -> Mapping[tuple[str, str], Backoff]:
        """Back-offs above level 0, by transport and destination."""
        ...

    def change_backoff(
        self, transport: str, destination: str, step: Callable[[Backoff | None], Backoff]
    ) -> Backoff:
        """The same for a back-off; None: there is none, as level 0 is forgotten."""
        ...

    def exchange(
        self,
        transport: str,
        steps: Mapping[str, Callable[[str | None, datetime], tuple[str, T]]],
        now: datetime,
    ) -> Mapping[str, T]:
        """Change what destinations may still be sent, each alone among all workers.

        `steps`: destination → (the text it had, the store's present instant) → (its new text, an
        answer). A store without a clock of its own, in one machine, goes by `now`.
        """
        ...

    def allowance(
        self,
        transport: str,
        destination: str,
        read: Callable[[str | None, datetime], T],
        now: datetime,
    ) -> T:
        """The same without a change."""
        ...

    def forget(self, now: datetime) -> None:
        """Forget allowances that nobody touched for longer than the longest window."""
        ...


class Sightings(Protocol):
    """When each article was first seen, so that late ones are told from old ones."""

    def known(self) -> Mapping[str, datetime]:
        """Article id → first seen."""
        ...

    def add(self, seen: Mapping[str, datetime]) -> None:
        """Record first sightings; known ids keep theirs."""
        ...


class Watermark(Protocol):
    """A file outside the store that counts with it; see `stores/guarding.py`."""

    @property
    def where(self) -> str:
        """The place, for people."""
        ...

    def hashed(self, key: str) -> str:
        """The keyed hash of an address as compared."""
        ...

    def forms(self, key: str) -> Sequence[str]:
        """Every hash that an address may have been written down as."""
        ...

    def turn(self) -> AbstractContextManager[None]:
        """This process alone reads and writes, as long as the block lasts. Raises StoreError."""
        ...

    def last(self) -> Line | None:
        """The last line; None where nothing was ever written. Raises StoreError."""
        ...

    def append(self, lines: Iterable[Line]) -> None:
        """Write more lines, and have them on the disk. Raises StoreError."""
        ...

    def after(self, number: int) -> Iterator[Line]:
        """Every line with a higher number, in order. Raises StoreError."""
        ...

    def rewrite(self, lines: Iterable[Line]) -> None:
        """Put these in place of all, at once or not at all. Raises StoreError."""
        ...


class Anchor(Protocol):
    """A place outside the store where the head of the ledger is noted."""

    @property
    def where(self) -> str:
        """The place, for people."""
        ...

    def read(self) -> Head | None:
        """What was noted last; None where nothing ever was. Raises StoreError."""
        ...

    def keep(self, head: Head) -> None:
        """Note another head in its place. Raises StoreError."""
        ...


class Ledger(Protocol):
    """What happened to versions, issues and sources: only ever added to, each entry bound to the
    one before. Steps of issues are added by `Issues`, in the same transaction.
    """

    def saw(self, versions: Sequence[Seen], now: datetime) -> int:
        """Put down versions that readers may read and that are new; how many. Cheap for none."""
        ...

    def loaded(self, snapshot: Snapshot, now: datetime) -> bool:
        """Put down which data of retractions are here; False where they were here already."""
        ...

    def had_data(self) -> date | None:
        """The day of the last data of retractions that were ever here; None: never any."""
        ...

    def found(self, work: str, details: Mapping[str, Any], now: datetime) -> bool:
        """Put down that a work which issues carried was retracted; False where that was known."""
        ...

    def head(self) -> Head | None:
        """The last entry; None while there is none."""
        ...

    def rows(self) -> Iterator[Row]:
        """Every entry as it is stored, in order, in one snapshot."""
        ...

    def about(self, names: Collection[str], issues: Collection[int] = ()) -> Sequence[Entry]:
        """Entries that name one of these articles, versions or works, or one of these issues."""
        ...

    def first_seen(self, article_id: str) -> Mapping[str, datetime]:
        """Version → when it was first seen, the first first."""
        ...

    def verify(self, noted: str = "") -> Verdict:
        """Look through the whole chain, and compare issues with what it says of them.

        `noted`: the hash of an entry, or its beginning, that must be there; without it the head
        that was noted outside. Raises StoreError where that cannot be read.
        """
        ...

    def accept(self, now: datetime) -> Head | None:
        """Staff's word: go on with this ledger although it lacks what was noted outside.

        The head that is lost, which is put down; None where nothing is.
        """
        ...


class Guard(Protocol):
    """Whether an older store was put in place of the one that mail was sent from.

    Each step raises Restored where nothing may be sent, StoreError where that cannot be told.
    """

    def check(self) -> None:
        """Look, and change nothing."""
        ...

    def catch_up(self, now: datetime) -> Replayed:
        """Make good departures that a killed process wrote down and did not come to store."""
        ...

    def pass_on(self, now: datetime) -> None:
        """Write down that mail leaves from now on. To be done before the first does."""
        ...

    def accept(self, now: datetime) -> Replayed:
        """Staff's word: go on with this store, once all who left since have left it too."""
        ...


class Store(Protocol):
    """All of the above behind one connection pool."""

    @property
    def guard(self) -> Guard:
        """Whether an older store was put in place."""
        ...

    @property
    def issues(self) -> Issues:
        """Issues and editions."""
        ...

    @property
    def citations(self) -> Citations:
        """What issues carried, and who received it."""
        ...

    @property
    def ledger(self) -> Ledger:
        """What happened, in order."""
        ...

    @property
    def outbox(self) -> Outbox:
        """Messages on their way out."""
        ...

    @property
    def notices(self) -> Notices:
        """Mails outside any issue."""
        ...

    @property
    def subscribers(self) -> Subscribers:
        """Addresses and subscriptions."""
        ...

    @property
    def sightings(self) -> Sightings:
        """When articles were first seen."""
        ...

    @property
    def bounces(self) -> Bounces:
        """What mail systems tell about messages."""
        ...

    @property
    def suppressions(self) -> Suppressions:
        """Who is never mailed."""
        ...

    @property
    def requests(self) -> Requests:
        """What was asked for through forms."""
        ...

    @property
    def figures(self) -> Reckoning:
        """What became of issues."""
        ...

    @property
    def traffic(self) -> Traffic:
        """What is known of transports and destinations."""
        ...

    def migrate(self, now: datetime) -> None:
        """Bring the schema up to date; `now` becomes the journal's beginning the first time."""
        ...

    def started_at(self) -> datetime:
        """When this store began: slots before it were never missed."""
        ...

    @property
    def where(self) -> str:
        """What it is called in messages; never with a password."""
        ...

    def rows(self) -> Mapping[str, int]:
        """How many rows each table has."""
        ...

    def check(self) -> str:
        """One sentence on the store's health, or raise StoreError."""
        ...

    def close(self) -> None:
        """Let go of every connection."""
        ...


# --- the engine ----------------------------------------------------------------------------------

Wake = Callable[[Any, Sequence[Wakeup]], None]
"""Passes wake-ups on, within the transaction of the driver's connection that it is given."""

Work = Callable[[Wakeup, Callable[[], bool]], bool]
"""Sends what a wake-up is about until the function says stop; whether more is waiting."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """What an engine has before it: jobs by newsletter (`notices` for those), and processes."""

    jobs: Mapping[str, int]
    workers: int


class Engine(Protocol):
    """What wakes workers on other machines. The outbox decides; an engine only spreads the word."""

    def migrate(self) -> None:
        """Bring its own tables up to date. Raises StoreError."""
        ...

    def wake(self, connection: Any, wakeups: Sequence[Wakeup]) -> None:
        """Pass on in the transaction of the driver's `connection`; what waits already, once."""
        ...

    def work(
        self,
        work: Work,
        sweep: Callable[[], Sequence[Wakeup]],
        *,
        share: Share,
        stop: threading.Event,
    ) -> None:
        """Call `work` for the wake-ups of a share until `stop` is set. Raises StoreError.

        `sweep` finds every minute what nobody was woken for.
        """
        ...

    def waiting(self) -> Waiting:
        """For `status`. Raises StoreError."""
        ...


# --- what comes in ------------------------------------------------------------------------------

Accept = Callable[[bytes, Sequence[str]], Disposition]
"""Takes in one mail and its envelope's recipients, where they are known. Raises StoreError."""


class Inbox(Protocol):
    """A mailbox that is read."""

    @property
    def name(self) -> str:
        """What it is called in messages."""
        ...

    def read(self, accept: Accept) -> int:
        """Hand over each mail that is new; how many. Raises OperatorError.

        A mail that `accept` fails for stays new. What is done with is marked as read (or
        deleted, if the settings say so); everything else stays unread, for people.
        """
        ...


# --- transports -------------------------------------------------------------------------------


class Sender(Protocol):
    """One open session."""

    @property
    def usable(self) -> bool:
        """Whether it can take another message; False after its limit, a 421 or a lost line."""
        ...

    def send(self, message: bytes, envelope: Envelope) -> Outcome:
        """Hand over one message (CRLF lines, dots not stuffed) for one recipient.

        Raises TransportUnavailable (or TransportError, where the server refuses us as a whole)
        only while the last byte has not left; after it, silence is the outcome UNKNOWN.
        """
        ...

    def close(self) -> None:
        """End the session politely; never raises."""
        ...


@runtime_checkable
class NimbleSender(Sender, Protocol):
    """A session that can do without waiting, so that one thread may serve many.

    Optional for a transport. `wait` may be called by another thread than `begin` was.
    """

    def fileno(self) -> int:
        """What becomes readable when `finish` may know more."""
        ...

    def begin(self, message: bytes, envelope: Envelope) -> Outcome | None:
        """`send`, but None while the outcome has not come. Raises as `send` does."""
        ...

    def finish(self) -> Outcome | None:
        """The outcome of what was begun, if it has come. Raises as `send` does."""
        ...

    def wait(self) -> Outcome:
        """The outcome of what was begun, however long it takes. Raises as `send` does."""
        ...


@runtime_checkable
class ForetellingSender(NimbleSender, Protocol):
    """A session whose server may be told of a message behind another (RFC 2920 §3.1).

    Optional for a transport. What was told binds the session, not us: that message is begun
    next, or the session is closed, and then nobody got anything of it.
    """

    @property
    def foretells(self) -> bool:
        """Whether `begin` may be given what is following now."""
        ...

    @property
    def promised(self) -> bool:
        """Whether the server was told of a message that was not begun."""
        ...

    def begin(
        self,
        message: bytes,
        envelope: Envelope,
        following: tuple[bytes, Envelope] | None = None,
    ) -> Outcome | None:
        """`NimbleSender.begin`; `following`, the very same objects, may be what is begun next."""
        ...


@runtime_checkable
class Eraser(Protocol):
    """A transport that keeps what it sent, and can erase it. Optional for a transport."""

    def erase(self, message_ids: Collection[str], addresses: Collection[str]) -> int:
        """Erase messages with these Message-IDs (with angle brackets), or to these addresses
        (as compared); how many. Raises TransportError where one cannot be erased.
        """
        ...


class Limiter(Protocol):
    """How fast mail may leave by one transport, for one worker among all that share a store.

    A destination is counted under its own name and with everything else (`limits.WHOLE`). What
    talks to the store raises StoreError, and may be asked again then.
    """

    def fetch(self, wants: Mapping[str, int], now: datetime, spaced: Iterable[str] = ()) -> None:
        """Get permits from the store for so many messages to each destination, as many as may be.

        `spaced`: those among all destinations that get one a minute.
        """
        ...

    def take(self, destination: str, now: datetime) -> datetime | None:
        """Let one message go (None), or when to ask again: then nothing is taken."""
        ...

    def answered(self, destination: str, now: datetime) -> None:
        """One that was let go was answered, or its connection ended."""
        ...

    def untake(self, destination: str) -> None:
        """One that was let go does not leave after all."""
        ...

    def seats(self, destination: str, most: int, wanted: int, using: int, now: datetime) -> int:
        """How many of `most` connections over all workers there may be here; `using` there are."""
        ...

    def renew(self, now: datetime) -> None:
        """Report what was answered, and that this worker lives: to be called again and again."""
        ...

    def leave(self, now: datetime) -> None:
        """Give back whatever is not used. The end."""
        ...

    def turn(self, destination: str, place: int, now: datetime) -> datetime:
        """About when the `place`-th message (≥ 1) from now on may go, by this destination's limits
        alone.
        """
        ...

    def spacing(self, destination: str, now: datetime) -> timedelta:
        """What lies between two messages if the limits are used up evenly; 0: there are none."""
        ...


class Transport(Protocol):
    """A way for messages to leave."""

    @property
    def name(self) -> str:
        """The name it has in the settings."""
        ...

    @property
    def connections(self) -> int:
        """How many sessions may be open at once (≥ 1)."""
        ...

    def open(self) -> Sender:
        """Begin a session. Raises TransportUnavailable, or TransportError for a bad login."""
        ...

    def check(self) -> str:
        """Connect and log in without sending; one sentence on what was found, or raise."""
        ...
