"""A batch is claimed in pieces, and said to be leaving once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from publisher.domain.delivery import Claim
from publisher.ports import Outbox
from publisher.stores.outbox import PIECE
from publisher.transports.memory import MemoryTransport
from tests import factories
from tests.verbs.outbox import QUICK, Clock, Post, never, open_at, readers, release, subscribe


class Claiming:
    """A real outbox that notes of which issue how many were claimed at once."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self.claimed: list[tuple[int | None, int]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._outbox, name)

    def claim(self, *args: Any, **options: Any) -> Sequence[Claim]:
        found = self._outbox.claim(*args, **options)
        if found:
            self.claimed.append((found[0].issue_id, len(found)))
        return found


def test_a_batch_is_claimed_in_pieces_and_said_to_leave_once(tmp_path: Path) -> None:
    """Servers run dry while a whole batch is claimed; every issue is said to leave by itself."""
    store = open_at(tmp_path / "journal.db")
    post = Post(store, factories.journal(), Clock())
    subscribe(store, "weekly", readers(2 * PIECE + 10))
    first, second = (release(store, post.journal).id for _ in range(2))
    outbox = Claiming(store.outbox)
    said: list[list[tuple[int | None, int]]] = []
    dispatcher = replace(
        post.dispatcher(
            MemoryTransport(connections=1), bounds=replace(QUICK, batch=2 * PIECE), outbox=outbox
        ),
        leaving=lambda: said.append(list(outbox.claimed)),
    )
    assert dispatcher.drain(never()).counts == {"accepted": 4 * PIECE + 20}
    pieces = [PIECE, PIECE, 10]
    assert outbox.claimed == [(issue, number) for issue in (first, second) for number in pieces]
    assert [len(before) for before in said] == [1, 3, 4, 6]
    store.close()
