"""A store that is opened for looking alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from publisher.errors import StoreError
from publisher.ports import Store
from publisher.stores import open_store
from tests.contracts.samples import HOST, NOW


def test_it_can_be_read_and_not_changed(store: Store, store_url: str) -> None:
    """It shows what others write, and refuses to write anything itself, its schema included."""
    looking = open_store(store_url, host=HOST, only_read=True)
    store.sightings.add({"tag:x": NOW})
    assert looking.sightings.known() == {"tag:x": NOW}
    assert looking.started_at() == store.started_at()
    with pytest.raises(StoreError):
        looking.sightings.add({"tag:y": NOW})
    with pytest.raises(StoreError):
        looking.migrate(NOW)
    looking.close()
    assert store.sightings.known() == {"tag:x": NOW}


def test_a_file_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    """Nor is its folder."""
    with pytest.raises(StoreError, match="publisher status"):
        open_store(f"sqlite:///{tmp_path}/var/store.db", only_read=True)
    assert list(tmp_path.iterdir()) == []


def test_an_older_store_is_told_how_to_be_mended(tmp_path: Path) -> None:
    """It cannot be brought up to date by whoever only looks."""
    url = f"sqlite:///{tmp_path}/store.db"
    open_store(url).close()
    with pytest.raises(StoreError, match="`publisher status` brings it up to date"):
        open_store(url, only_read=True)
