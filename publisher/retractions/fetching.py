"""Where the data of retractions come from: a file, a folder, or a web server, asked politely."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import BinaryIO

from publisher.errors import UsageError
from publisher.formats.retractionwatch import NotTheData
from publisher.retractions.memory import NOTHING, Validators

LARGEST = 512 * 1024 * 1024
"""Bytes of a file of data; Retraction Watch's has about 60 million."""
TIMEOUT = 60.0
"""Seconds for connecting, and between two pieces of what is fetched."""
WHOLE = 1800.0
"""Seconds that a whole download may take, however slowly it drips."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """The data as a stream; None: they are as they were. `changed`: the day of a file's change."""

    stream: BinaryIO | None
    changed: date | None = None
    validators: Validators = NOTHING


def is_web(origin: str) -> bool:
    """Whether `origin` is fetched over HTTP."""
    return origin.startswith(("http://", "https://"))


@contextmanager
def opened(origin: str, known: Validators) -> Iterator[Fetched]:
    """The data of `origin`, unless a server says that what is `known` still holds.

    Raises UsageError for what cannot be had.
    """
    if is_web(origin):
        with tempfile.TemporaryFile() as spool:
            said = _download(origin, spool, known)
            spool.seek(0)
            yield Fetched(None) if said is None else Fetched(spool, None, said)
        return
    path = _newest_in(Path(origin))
    try:
        with path.open("rb") as stream:
            changed = os.fstat(stream.fileno()).st_mtime
            yield Fetched(stream, datetime.fromtimestamp(changed).astimezone().date())
    except OSError as wrong:
        raise UsageError(f"{path} cannot be read: {wrong.strerror}") from wrong


def _newest_in(path: Path) -> Path:
    """The file itself, or the `*.csv` of a folder that was changed last."""
    if not path.is_dir():
        return path
    found = [file for file in path.iterdir() if file.suffix.lower() == ".csv" and file.is_file()]
    if not found:
        raise UsageError(f"there is no .csv file in {path}")
    return max(found, key=lambda file: (file.stat().st_mtime_ns, file.name))


def _download(url: str, spool: BinaryIO, known: Validators) -> Validators | None:
    """What the server says of the version it gave; None: what is known still holds (304)."""
    import httpx  # a tenth of a second that a file on disk does not need

    from publisher import __version__

    headers = {"User-Agent": f"journal-publisher/{__version__} (retraction data refresh)"}
    if known.etag:
        headers["If-None-Match"] = known.etag
    if known.modified:
        headers["If-Modified-Since"] = known.modified
    size, until = 0, time.monotonic() + WHOLE
    try:
        with (
            httpx.Client(timeout=TIMEOUT, follow_redirects=True, headers=headers) as client,
            client.stream("GET", url) as answer,
        ):
            if answer.status_code == httpx.codes.NOT_MODIFIED and known != NOTHING:
                return None
            if answer.status_code != httpx.codes.OK:
                said = f"{answer.status_code} {answer.reason_phrase}"
                raise UsageError(f"{url} answers {said}; nothing was changed")
            for piece in answer.iter_bytes():
                size += len(piece)
                if size > LARGEST:
                    raise NotTheData(f"{url} has more than {LARGEST:,} bytes; nothing was changed")
                if time.monotonic() > until:
                    raise UsageError(
                        f"{url} was not whole after {WHOLE / 60:.0f} minutes; nothing was changed"
                    )
                spool.write(piece)
            return Validators(
                answer.headers.get("ETag", ""), answer.headers.get("Last-Modified", "")
            )
    except (httpx.HTTPError, httpx.InvalidURL) as wrong:
        raise UsageError(
            f"{url} cannot be fetched ({type(wrong).__name__}: {wrong}); nothing was changed"
        ) from wrong
