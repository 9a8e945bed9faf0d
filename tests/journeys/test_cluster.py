"""Several workers, one PostgreSQL: the same promises as on one machine, whatever breaks."""

from __future__ import annotations

import itertools
import os
import random
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta

import psycopg
import pytest

from publisher.domain.notice import Notice, NoticeKind
from publisher.ports import Store
from tests import factories
from tests.conftest import require
from tests.journeys.cable import Cable
from tests.journeys.cluster import account, cluster_store, finished, worker
from tests.journeys.netns import namespace
from tests.postgres import Server, postgres
from tests.transports.relay import Relay
from tests.transports.timed import TimedRelay, fullest
from tests.verbs.outbox import readers, release, subscribe

__all__ = ["postgres"]

pytestmark = pytest.mark.crash


@pytest.fixture
def url(postgres: Server) -> Iterator[str]:
    name = postgres.create()
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    found = cluster_store(url)
    yield found
    found.close()


def wait_for(relay: Relay, count: int, *processes: subprocess.Popen[bytes]) -> None:
    """Until the server has had `count` messages in all."""
    pause = threading.Event()
    for _ in range(12_000):
        if len(relay.received) >= count:
            return
        for process in processes:
            if process.poll() is not None and process.stderr is not None:
                pytest.fail(f"it ended by itself: {process.stderr.read().decode()}")
        pause.wait(0.01)
    pytest.fail(f"only {len(relay.received)} of {count} messages came")


def test_workers_share_an_issue(store: Store, url: str) -> None:
    """Woken by the release alone; everybody gets one, and SIGTERM leaves nobody in doubt."""
    with Relay() as relay, worker(url, relay) as first, worker(url, relay, concurrency=2) as second:
        subscribe(store, "weekly", readers(5600))
        issue = release(store, factories.journal())
        wait_for(relay, 2000, first, second)
        first.send_signal(signal.SIGTERM)
        assert first.wait(timeout=60) == 0
        found = finished(store, issue)
        account(found, relay.received, 5600, most=0)


def test_killed_again_and_again_everybody_is_accounted_for(store: Store, url: str) -> None:
    """kill -9 of one of four at random; in doubt is at most one a connection that died."""
    subscribe(store, "weekly", readers(3000))
    issue = release(store, factories.journal())
    moments = random.Random(7)  # noqa: S311 - moments to kill at, not secrets
    kills = sorted(moments.sample(range(200, 2600), 5))
    with Relay() as relay, ExitStack() as stack:
        workers = [stack.enter_context(worker(url, relay)) for _ in range(4)]
        for count in kills:
            wait_for(relay, count)
            victim = moments.randrange(4)
            workers[victim].kill()
            workers[victim] = stack.enter_context(worker(url, relay))
        account(finished(store, issue), relay.received, 3000, most=2 * len(kills))


def test_a_frozen_worker_that_wakes_sends_and_settles_nothing_of_others(
    store: Store, url: str
) -> None:
    """SIGSTOP past its lease; what it held went to others, and its fence is no good any more."""
    subscribe(store, "weekly", readers(3000))
    issue = release(store, factories.journal())
    with Relay() as relay, worker(url, relay, lease=1.0) as frozen:
        wait_for(relay, 300, frozen)
        frozen.send_signal(signal.SIGSTOP)
        with worker(url, relay, lease=1.0):
            found = finished(store, issue)
            unknown = account(found, relay.received, 3000, most=2)
            frozen.send_signal(signal.SIGCONT)
            threading.Event().wait(2)
            again = store.issues.get(issue.id)
            assert again.counts["accepted"] - found.counts["accepted"] <= unknown
            account(again, relay.received, 3000, most=2)


def test_notices_go_before_an_issue(store: Store, url: str) -> None:
    """Somebody waits for a confirmation; the campaign can wait for a moment."""
    subscribe(store, "weekly", readers(3000))
    issue = release(store, factories.journal())
    store.notices.add(
        Notice(
            kind=NoticeKind.CONFIRMATION,
            key="confirm:1",
            address="new@example.org",
            subject="Please confirm",
            text="Please confirm.",
            html="<p>Please confirm.</p>",
            newsletter="weekly",
        ),
        "nonce",
        issue.planned_at,
    )
    with Relay() as relay, worker(url, relay) as process:
        wait_for(relay, 100, process)
        assert relay.received[0].recipient == "new@example.org"


def test_the_server_may_be_restarted_meanwhile(store: Store, url: str, postgres: Server) -> None:
    """Workers wait and go on; what was under way is settled, or in doubt, never sent twice."""
    subscribe(store, "weekly", readers(2000))
    issue = release(store, factories.journal())
    with Relay() as relay, worker(url, relay) as first, worker(url, relay) as second:
        wait_for(relay, 500, first, second)
        postgres.stop()
        postgres.start()
        account(finished(store, issue), relay.received, 2000, most=4)
        assert first.poll() is None
        assert second.poll() is None


def test_a_line_cut_between_commit_and_answer(store: Store, url: str, postgres: Server) -> None:
    """The worker can't know whether its commit was kept, so it asks again: nobody is in doubt."""
    subscribe(store, "weekly", readers(400))
    issue = release(store, factories.journal())
    count = itertools.count(1)

    def now_and_then(piece: bytes) -> bool:
        return b"xact_lock_shared" in piece and b"EXECUTE" in piece and next(count) in (20, 50, 80)

    database = url.split("@/")[1].partition("?")[0]
    socket = str(postgres.root / f".s.PGSQL.{postgres.port}")
    with Relay() as relay, Cable(socket, cut_at=now_and_then) as cable:
        across = f"postgresql+psycopg://publisher@127.0.0.1:{cable.port}/{database}"
        with worker(across, relay, lease=1.0) as process:
            found = finished(store, issue)
            assert process.poll() is None
        assert cable.cuts > 1
        account(found, relay.received, 400, most=0)


def test_a_partition_of_one_worker(store: Store, url: str, postgres: Server) -> None:
    """Cut off past its lease, with its network namespace's only line down; then it is back."""
    number = os.getpid() % 250
    subscribe(store, "weekly", readers(2500))
    issue = release(store, factories.journal())
    database = url.split("@/")[1].partition("?")[0]
    with ExitStack() as stack:
        relay = stack.enter_context(Relay())
        host, prefix = stack.enter_context(namespace(f"pub{number}", number))
        socket = str(postgres.root / f".s.PGSQL.{postgres.port}")
        store_line = stack.enter_context(Cable(socket, host))
        relay_line = stack.enter_context(Cable(("127.0.0.1", relay.port), host))
        across = f"postgresql+psycopg://publisher@{host}:{store_line.port}/{database}"
        far = stack.enter_context(
            worker(across, relay, lease=1.0, prefix=prefix, at=(host, relay_line.port))
        )
        wait_for(relay, 300, far)
        line = [require("ip", "iproute2"), "link", "set", f"pub{number}a"]
        subprocess.run([*line, "down"], check=True)
        near = stack.enter_context(worker(url, relay, lease=1.0))
        wait_for(relay, 1500, near)
        subprocess.run([*line, "up"], check=True)
        account(finished(store, issue), relay.received, 2500, most=2)


def test_the_schema_may_change_meanwhile(store: Store, url: str, postgres: Server) -> None:
    """A new version is brought in while workers of the old one send: they go on."""
    subscribe(store, "weekly", readers(2000))
    issue = release(store, factories.journal())
    with Relay() as relay, worker(url, relay) as first, worker(url, relay) as second:
        wait_for(relay, 500, first, second)
        database = url.split("@/")[1].partition("?")[0]
        with psycopg.connect(postgres.conninfo(database)) as connection:
            for number in range(3):
                connection.execute(f"ALTER TABLE delivery ADD COLUMN later{number} text".encode())
                connection.execute(
                    f"CREATE INDEX later_{number} ON delivery (later{number})".encode()
                )
                connection.commit()
        account(finished(store, issue), relay.received, 2000, most=0)
        assert (first.poll(), second.poll()) == (None, None)


def test_limits_hold_over_all_workers(store: Store, url: str) -> None:
    """By the sink's watch: in no second and no minute more than may be, with never more sessions
    than may be; three workers with an issue each, one of which is killed meanwhile.
    """
    limits = '{"per_second": 12, "per_minute": 60, "connections": 3}'
    subscribe(store, "weekly", readers(40))
    issues = [release(store, factories.journal()) for _ in range(3)]
    with TimedRelay() as relay, ExitStack() as stack:
        workers = [stack.enter_context(worker(url, relay, limits=limits)) for _ in range(3)]
        wait_for(relay, 30, *workers)
        workers[0].kill()
        wait_for(relay, 50, *workers[1:])
        threading.Event().wait(3)  # time enough for what should not be
        assert fullest(relay.whole, timedelta(seconds=1)) <= 12
        assert fullest(relay.whole, timedelta(minutes=1)) <= 60
        assert 0 < relay.most_sessions <= 3
        sent = [store.issues.get(issue.id).counts["accepted"] > 0 for issue in issues]
        assert sum(sent) > 1  # an issue has a worker of its own
