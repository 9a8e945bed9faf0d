"""What is known of the last refreshes: one small JSON file beside the data.

Losing it costs one download, and that the data were here once may be known to the ledger alone.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

from publisher.domain.refreshing import Attempt
from publisher.errors import StoreError

VERSION = "1"
"""Of the file that holds the data."""


@dataclass(frozen=True, slots=True)
class Validators:
    """What a server said of the version that it gave (RFC 9110 §8.8); empty: nothing."""

    etag: str = ""
    modified: str = ""


NOTHING = Validators()


@dataclass(frozen=True, slots=True)
class Known:
    """What `origin` said of the data with this SHA-256, their day, and the last attempt."""

    origin: str = ""
    sha256: str = ""
    validators: Validators = NOTHING
    attempt: Attempt | None = None
    as_of: date | None = None


class RefreshMemory:
    """The file at `path`; there need be none."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> Known:
        """What is known; nothing where the file is not there or was not written by us."""
        try:
            told = json.loads(self._path.read_bytes())
            tried = told["tried_at"]
            since = told["failing_since"]
            as_of = told.get("as_of")  # not in files of before it was kept
            return Known(
                told["origin"],
                told["sha256"],
                Validators(told["etag"], told["modified"]),
                None
                if tried is None
                else Attempt(
                    datetime.fromisoformat(tried),
                    datetime.fromisoformat(since) if since else None,
                    told["why"],
                ),
                date.fromisoformat(as_of) if as_of else None,
            )
        except FileNotFoundError:
            return Known()
        except (ValueError, TypeError, KeyError):
            return Known()
        except OSError as error:
            raise self._unusable(error) from error

    def keep(self, known: Known) -> None:
        """Put this in its place, whole. Raises StoreError."""
        last = known.attempt
        since = last.failing_since if last else None
        told = {
            "origin": known.origin,
            "sha256": known.sha256,
            "as_of": known.as_of.isoformat() if known.as_of else None,
            "etag": known.validators.etag,
            "modified": known.validators.modified,
            "tried_at": last.tried_at.isoformat() if last else None,
            "failing_since": since.isoformat() if since else None,
            "why": last.why if last else "",
        }
        fresh = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fresh.write_text(json.dumps(told, indent=1) + "\n", "utf-8")
            fresh.replace(self._path)
        except OSError as error:
            raise self._unusable(error) from error

    def tried(self, attempt: Attempt) -> None:
        """Only the attempt is another."""
        self.keep(replace(self.read(), attempt=attempt))

    def _unusable(self, error: OSError) -> StoreError:
        return StoreError(
            f"{self._path}, where it is kept when the data of retractions were asked for, cannot "
            f"be used: {error.strerror}; mend the permissions or make room"
        )
