"""Sliding windows over what one transport let go: `ports.Limiter` on pyrate-limiter."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, OrderedDict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from threading import RLock
from zoneinfo import ZoneInfo

from pyrate_limiter import InMemoryBucket, Rate, RateItem

from publisher.domain.limits import WHOLE, WINDOWS, LimitPolicy
from publisher.ports import Traffic

REMEMBERED = 1000
"""Destinations that are counted in memory at once; of others the store knows."""

MINUTE = timedelta(minutes=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TICK = timedelta(milliseconds=1)
_by_time = attrgetter("timestamp")


class _Window:
    """At most `most` messages in any `span`.

    Windows of an hour and more count by whole minutes, rounded up, so that the messages of one
    minute share an entry: 8 bytes for each message of the limit.
    """

    def __init__(self, span: timedelta, most: int) -> None:
        self.span = span
        self.most = most
        self._bucket = InMemoryBucket([Rate(most, span // _TICK)])
        self._item = RateItem("", 0)

    def allow(self, most: int) -> None:
        """From now on so many: a warm-up's next day."""
        if most != self.most:
            self.most = most
            self._bucket.rates = [Rate(most, self.span // _TICK)]

    def restore(self, at: datetime, number: int) -> None:
        """What was let go at an instant of the past, oldest first."""
        room = self.most - len(self._bucket.items)
        if room > 0:
            self._bucket.put(RateItem("", _millis(at), min(number, room)))

    def take(self, now: datetime) -> datetime | None:
        """None: it is counted; else when there is room again."""
        items, stamp = self._bucket.items, self._stamp(now)
        if items:
            if items[-1].timestamp - stamp > self.span // _TICK:
                self._bucket.flush()  # the clock was set back by more than the window
            else:
                stamp = max(stamp, items[-1].timestamp)
        if self._item.timestamp != stamp:
            self._item = RateItem("", stamp)
        if self._bucket.put(self._item):
            return None
        wait = self._bucket.waiting(self._item)
        assert isinstance(wait, int)  # noqa: S101 - this bucket is none to be awaited
        return max(_instant(stamp + wait), now + _TICK)

    def untake(self) -> None:
        """The last one stays after all."""
        self._bucket.items.pop()

    def turn(self, place: int, now: datetime) -> datetime:
        """About when the `place`-th from now on may go."""
        items = self._bucket.items
        start = bisect_left(items, _millis(now) - self.span // _TICK, key=_by_time)
        start = max(start, len(items) - self.most)
        within = len(items) - start
        behind = place - (self.most - within)
        if behind <= 0:
            return now
        rounds, rest = divmod(behind - 1, self.most)
        first = _instant(items[start + rest].timestamp) if rest < within else now
        return max(now, first + self.span * (1 + rounds))

    def tidy(self, now: datetime) -> None:
        """Forget what no window reaches any more."""
        self._bucket.leak(_millis(now))

    def _stamp(self, now: datetime) -> int:
        if self.span <= MINUTE:
            return _millis(now)
        return _millis(_minute(now) + MINUTE)


class WindowLimiter:
    """The limits of one transport, counted in memory and kept in the store by the minute.

    `zone` says when a warm-up's day begins.
    """

    def __init__(self, transport: str, policy: LimitPolicy, zone: ZoneInfo, traffic: Traffic):
        self._transport = transport
        self._policy = policy
        self._zone = zone
        self._traffic = traffic
        self._windows: OrderedDict[str, dict[timedelta, _Window]] = OrderedDict()
        self._uncommitted: Counter[tuple[str, datetime]] = Counter()
        self._lock = RLock()

    def take(self, destination: str, now: datetime) -> datetime | None:
        """Let one message go (None), or when to ask again."""
        with self._lock:
            taken: list[_Window] = []
            for name in _names(destination):
                for window in self._of(name, now):
                    again_at = window.take(now)
                    if again_at is not None:
                        for each in taken:
                            each.untake()
                        return again_at
                    taken.append(window)
            for name in _names(destination):
                if any(span >= MINUTE for span in self._windows[name]):
                    self._uncommitted[name, _minute(now)] += 1
            return None

    def turn(self, destination: str, place: int, now: datetime) -> datetime:
        """About when the `place`-th message from now on may go, by its own limits alone."""
        with self._lock:
            found = (window.turn(place, now) for window in self._of(destination, now))
            return max(found, default=now)

    def spacing(self, destination: str, now: datetime) -> timedelta:
        """What lies between two messages if the limits are used up evenly."""
        with self._lock:
            found = (window.span / window.most for window in self._of(destination, now))
            return max(found, default=timedelta(0))

    def commit(self, now: datetime) -> None:
        """Remember what was taken, over a restart. Raises StoreError."""
        with self._lock:
            if not self._uncommitted:
                return
            self._traffic.spend(self._transport, self._uncommitted, now)
            self._uncommitted = Counter()
            for windows in self._windows.values():
                for window in windows.values():
                    window.tidy(now)

    def _of(self, name: str, now: datetime) -> Iterator[_Window]:
        """The windows of a destination as they are today, read from the store the first time."""
        known = self._windows.get(name)
        wanted = dict(self._policy.limits(name).windows(now.astimezone(self._zone).date()))
        if known is None:
            known = {span: _Window(span, most) for span, most in wanted.items()}
            self._restore(name, known, now)
            self._windows[name] = known
            if len(self._windows) > REMEMBERED:
                self._forget()
        self._windows.move_to_end(name)
        for span, most in wanted.items():
            known.setdefault(span, _Window(span, most)).allow(most)
        return (known[span] for span in WINDOWS if span in wanted)

    def _restore(self, name: str, windows: dict[timedelta, _Window], now: datetime) -> None:
        if not any(span >= MINUTE for span in windows):
            return
        for minute, number in self._traffic.spent(self._transport, name, now - WINDOWS[-1]):
            at = minute + MINUTE  # nobody knows when within the minute: the end is the safe side
            for span, window in windows.items():
                if span >= MINUTE and at >= now - span:
                    window.restore(at, number)

    def _forget(self) -> None:
        """The one that was asked about longest ago; the whole is asked about every time."""
        unsaved = {name for name, _ in self._uncommitted}
        for name in self._windows:
            if name != WHOLE and name not in unsaved:
                del self._windows[name]
                return


def _names(destination: str) -> tuple[str, ...]:
    """Its own limits first: they say no more often."""
    return (WHOLE,) if destination == WHOLE else (destination, WHOLE)


def _minute(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _millis(at: datetime) -> int:
    return (at - _EPOCH) // _TICK


def _instant(millis: int) -> datetime:
    return _EPOCH + millis * _TICK
