"""What the hub was told, in one small JSON file: `var/websub.json`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

from publisher.alone import alone
from publisher.domain.announcement import Announcement
from publisher.errors import StoreError

_INSTANTS = ("told_at", "first_failed_at", "due_at")


class AnnouncementFile:
    """Implements `ports.Announcements`.

    The file is replaced whole. One that is lost or cannot be understood counts as empty: then
    the hub is told of every feed once more, which is harmless.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def turn(self, hub: str) -> AbstractContextManager[bool]:  # noqa: ARG002 - one file, one lock
        """Whether this process alone may tell the hub something, as long as the block lasts."""
        return alone(self._path, self._unusable)

    def load(self, hub: str) -> Mapping[str, Announcement]:
        """By topic; empty for a hub that was told nothing yet."""
        try:
            document = json.loads(self._path.read_bytes())
            if document["hub"] != hub:
                return {}
            return {row["topic"]: _read(row) for row in document["feeds"]}
        except FileNotFoundError:
            return {}
        except (ValueError, TypeError, KeyError):
            return {}
        except OSError as error:
            raise self._unusable(error) from error

    def save(self, hub: str, announcements: Mapping[str, Announcement]) -> None:
        """Replace what is known of `hub`; another hub's is forgotten."""
        rows = [_row(each) for _, each in sorted(announcements.items())]
        text = json.dumps({"hub": hub, "feeds": rows}, indent=1) + "\n"
        fresh = self._path.with_suffix(".new")
        try:
            with fresh.open("w", encoding="utf-8") as stream:
                stream.write(text)
                stream.flush()
                os.fsync(stream.fileno())
            fresh.replace(self._path)
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: OSError) -> StoreError:
        return StoreError(
            f"{self._path}, where it is kept what the hub was told, cannot be used: "
            f"{error.strerror}; mend the permissions or make room"
        )


def _row(announcement: Announcement) -> dict[str, Any]:
    row = asdict(announcement)
    return {k: v.isoformat() if isinstance(v, datetime) else v for k, v in row.items()}


def _read(row: dict[str, Any]) -> Announcement:
    instants = {name: datetime.fromisoformat(row[name]) for name in _INSTANTS if row[name]}
    return Announcement(**{**row, **instants})
