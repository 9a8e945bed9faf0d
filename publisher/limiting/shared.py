"""One worker's side of limits that all workers keep together: permits and seats in hand.

Permits are fetched in blocks, so that most messages ask nobody; what was answered is reported
with the next block, or a moment later. A limiter belongs to one drain, and to its ledger's thread.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from publisher.domain.limits import WHOLE, WINDOWS, LimitPolicy
from publisher.limiting.allowance import HOLD, Allowance, Ask, Reply, Standing
from publisher.ports import Traffic

REMEMBERED = 1000
"""Destinations that are known at once, beside those with permits in hand."""
RENEW = timedelta(seconds=3)
"""How often a worker that has permits or seats says so; unused ones are given back then."""
PATIENCE = timedelta(milliseconds=HOLD / 2)
"""How long permits are good without a word from the store. It keeps them for us for longer, so that
a message may still be journalled by a store that has to be asked again, and be sent."""
FRESH = timedelta(seconds=5)
"""How long what others did may be unknown to a guess about turns."""
SEAT_AGAIN = timedelta(seconds=1)
"""When to ask again for seats that others had."""

_TICK = timedelta(milliseconds=1)
_SPANS = {span: span // _TICK for span in WINDOWS}
_MINUTE = _SPANS[WINDOWS[1]]

Windows = tuple[tuple[int, int], ...]


@dataclass(slots=True)
class _Account:
    """What is in hand for one destination. `answered`: when → how many, not reported yet."""

    windows: Windows = ()
    unused: int = 0
    under_way: int = 0
    answered: Counter[datetime] = field(default_factory=Counter)
    again_at: datetime | None = None
    told_at: datetime | None = None  # when the store was last told and asked
    used: bool = False  # a permit was, since then
    most_seats: int | None = None
    wanted: int = 0
    using: int = 0
    seats: int = 0
    seats_again_at: datetime | None = None
    seen_at: datetime | None = None
    standing: Standing | None = None

    @property
    def empty(self) -> bool:
        return not (self.unused or self.under_way or self.answered or self.wanted)

    def good(self, now: datetime) -> bool:
        """Whether what is in hand may be used: the store still keeps it for us."""
        return self.told_at is not None and timedelta(0) <= now - self.told_at < PATIENCE


class SharedLimiter:
    """The limits of one transport, for the worker `worker` among all on one store.

    `zone` says when a warm-up's day begins.
    """

    def __init__(
        self, transport: str, policy: LimitPolicy, zone: ZoneInfo, traffic: Traffic, worker: str
    ) -> None:
        self._transport = transport
        self._policy = policy
        self._zone = zone
        self._traffic = traffic
        self._worker = worker
        self._accounts: dict[str, _Account] = {}
        self._spaced: frozenset[str] = frozenset()

    # --- permits ----------------------------------------------------------------------------------

    def fetch(self, wants: Mapping[str, int], now: datetime, spaced: Iterable[str] = ()) -> None:
        """Get permits for what has none: for so many messages to each destination.

        `spaced`: destinations that get one a minute. Raises StoreError.
        """
        if (new := frozenset(spaced)) != self._spaced:
            changed = new ^ self._spaced
            self._spaced = new
            for name in changed & self._accounts.keys():
                self._accounts[name].windows = self._windows(name, now)
        if self._blocked(self._account(WHOLE, now), now):
            return  # what could be had for a destination would only be kept from others
        asked = {
            name: number
            for name, number in (*wants.items(), (WHOLE, sum(wants.values())))
            if number and self._wants(self._account(name, now), now)
        }
        if asked:
            self._exchange(asked, now)

    def take(self, destination: str, now: datetime) -> datetime | None:
        """Use a permit of each that is needed (None), or say when to ask again."""
        accounts = [self._account(name, now) for name in _names(destination)]
        accounts = [account for account in accounts if account.windows]
        for account in accounts:
            if not (account.unused and account.good(now)):
                return max(account.again_at or now, now)
        for account in accounts:
            account.unused -= 1
            account.under_way += 1
            account.used = True
        return None

    def answered(self, destination: str, now: datetime) -> None:
        """A message that had permits was, or its connection is gone."""
        for account in self._known(destination):
            if account.under_way:
                account.under_way -= 1
                account.answered[now] += 1

    def untake(self, destination: str) -> None:
        """A message that had permits does not leave after all."""
        for account in self._known(destination):
            if account.under_way:
                account.under_way -= 1
                account.unused += 1

    # --- seats ------------------------------------------------------------------------------------

    def seats(self, destination: str, most: int, wanted: int, using: int, now: datetime) -> int:
        """How many connections (or messages to one destination) there may be at once, here.

        Of `most` over all workers; `wanted` here, `using` already. Raises StoreError.
        """
        account = self._account(destination, now)
        account.most_seats, account.wanted, account.using = most, max(wanted, using), using
        again_at = account.seats_again_at
        more = account.wanted > account.seats and (again_at is None or now >= again_at)
        if account.wanted and (more or not account.good(now)):
            self._exchange({destination: 0}, now)
        return account.seats if account.good(now) else 0

    # --- time -------------------------------------------------------------------------------------

    def renew(self, now: datetime) -> None:
        """Say what became of permits, and that we are still there. Raises StoreError."""
        due = {}
        for name, account in self._accounts.items():
            if account.empty or account.told_at is None:
                continue
            since = now - account.told_at
            soon = timedelta(0)
            if not account.answered:
                soon = RENEW
            elif account.windows:
                soon = min(RENEW, account.windows[0][0] * _TICK / 4)
            if not timedelta(0) <= since < soon:
                if not account.used:
                    account.unused = 0
                due[name] = 0
        if due:
            self._exchange(due, now)

    def leave(self, now: datetime) -> None:
        """Give back what is not used; what is under way counts as used. Raises StoreError."""
        mine = {n: a for n, a in self._accounts.items() if a.told_at is not None and not a.empty}
        for account in mine.values():
            account.unused = account.wanted = account.using = 0
        if mine:
            self._exchange(dict.fromkeys(mine, 0), now)
        # Limits for each of many domains leave rows that say nothing any more.
        if len(self._accounts) > len(self._policy.domains) + 1:
            self._traffic.forget(now)

    # --- guesses ----------------------------------------------------------------------------------

    def turn(self, destination: str, place: int, now: datetime) -> datetime:
        """About when the `place`-th message from now on may go, by its own limits alone."""
        account = self._account(destination, now)
        if not account.windows or (place <= account.unused and account.good(now)):
            return now
        if account.seen_at is None or not timedelta(0) <= now - account.seen_at < FRESH:
            self._look(destination, account, now)
        standing = account.standing
        if standing is None or account.seen_at is None:
            return now
        waits = [standing.turn(span, most, place) - standing.at for span, most in account.windows]
        if not max(waits):
            return now
        return max(now, account.seen_at + max(waits) * _TICK)

    def spacing(self, destination: str, now: datetime) -> timedelta:
        """What lies between two messages if the limits are used up evenly."""
        windows = self._account(destination, now).windows
        return max((span * _TICK / most for span, most in windows), default=timedelta(0))

    # --- with the store ---------------------------------------------------------------------------

    def _wants(self, account: _Account, now: datetime) -> bool:
        if not account.windows or (account.unused and account.good(now)):
            return False
        return not self._blocked(account, now)

    def _blocked(self, account: _Account, now: datetime) -> bool:
        """Whether the store said that there is nothing before some time, and that is to come."""
        if account.unused or account.again_at is None or account.told_at is None:
            return False
        return account.told_at <= now < account.again_at

    def _exchange(self, wants: Mapping[str, int], now: datetime) -> None:
        asks = {name: self._ask(self._accounts[name], want, now) for name, want in wants.items()}
        replies = self._traffic.exchange(
            self._transport,
            {name: partial(_step, self._worker, ask) for name, ask in asks.items()},
            now,
        )
        for name, reply in replies.items():
            account = self._accounts[name]
            if account.told_at is not None and now < account.told_at:
                account.again_at = None  # the clock was set back: nobody knows how far
            account.answered.clear()
            account.unused += reply.permits
            account.told_at, account.used = now, False
            if wants[name]:
                account.again_at = now + reply.again_in * _TICK if reply.again_in else None
            account.seats = reply.seats
            short = reply.seats < account.wanted
            account.seats_again_at = now + SEAT_AGAIN if short else None
            account.seen_at, account.standing = now, reply.standing

    def _ask(self, account: _Account, wants: int, now: datetime) -> Ask:
        if not account.good(now):
            account.unused = 0  # the store has taken them for used
        # A clock that jumped between an answer and now must not make it older than it can be.
        oldest = now - account.told_at if account.told_at else timedelta(0)
        ages = Counter[int]()
        for at, number in account.answered.items():
            ages[max(timedelta(0), min(now - at, oldest)) // _TICK] += number
        return Ask(
            account.windows,
            wants,
            account.unused + account.under_way,
            tuple(ages.items()),
            account.most_seats,
            account.wanted,
            account.using,
        )

    def _look(self, name: str, account: _Account, now: datetime) -> None:
        """Only read."""
        account.standing = self._traffic.allowance(
            self._transport,
            name,
            lambda text, at: Allowance.parse(text, _millis(at)).standing(),
            now,
        )
        account.seen_at = now

    # --- accounts ---------------------------------------------------------------------------------

    def _account(self, name: str, now: datetime) -> _Account:
        found = self._accounts.pop(name, None)
        if found is None:
            found = _Account(self._windows(name, now))
            if len(self._accounts) > REMEMBERED:
                self._forget()
        elif self._policy.limits(name).warm_up and self._windows(name, now) != found.windows:
            # Another day may allow more.
            found.windows, found.again_at = self._windows(name, now), None
        self._accounts[name] = found
        return found

    def _known(self, destination: str) -> Iterator[_Account]:
        for name in _names(destination):
            account = self._accounts.get(name)
            if account is not None:
                yield account

    def _windows(self, name: str, now: datetime) -> Windows:
        today: date = now.astimezone(self._zone).date()
        found = {_SPANS[span]: most for span, most in self._policy.limits(name).windows(today)}
        if name in self._spaced:
            found[_MINUTE] = 1
        return tuple(sorted(found.items()))

    def _forget(self) -> None:
        """The one that was asked about longest ago and has nothing in hand."""
        for name, account in self._accounts.items():
            if name != WHOLE and account.empty:
                del self._accounts[name]
                return


def _names(destination: str) -> tuple[str, ...]:
    """Its own limits first: they say no more often."""
    return (WHOLE,) if destination == WHOLE else (destination, WHOLE)


def _step(worker: str, ask: Ask, text: str | None, at: datetime) -> tuple[str, Reply]:
    allowance = Allowance.parse(text, _millis(at))
    reply = allowance.step(worker, ask)
    return allowance.render(), reply


_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")


def _millis(at: datetime) -> int:
    return (at - _EPOCH) // _TICK
