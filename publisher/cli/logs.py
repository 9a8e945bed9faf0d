"""What long-running commands write to standard error: lines, or one JSON object each."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime

IDS = ("issue", "delivery")
"""What a record may tell beside its words, as `extra`."""

_ADDRESS = re.compile(r"[^\s<>()\[\],;:\"']+@[\w-][\w.-]*")


class Masked(logging.Filter):
    """Takes addresses out of every record, whoever wrote it; an exception's text too."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always True: no record is dropped."""
        words = record.getMessage()
        if record.exc_info:
            words += "\n" + logging.Formatter().formatException(record.exc_info)
            record.exc_info = record.exc_text = None
        record.msg, record.args = masked(words), ()
        return True


class Json(logging.Formatter):
    """`{"at", "level", "logger", "message"}`, with `issue` and `delivery` where they are known."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        document = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        document |= {name: getattr(record, name) for name in IDS if hasattr(record, name)}
        return json.dumps(document, ensure_ascii=False)


def masked(words: str) -> str:
    """Without any address."""
    return _ADDRESS.sub("<address>", words) if "@" in words else words


def begin(form: str, *, quiet: bool) -> None:
    """Our own news, and other libraries' only where something is wrong. `form`: text or json."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Masked())
    handler.setFormatter(
        Json()
        if form == "json"
        else logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    )
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    logging.getLogger("publisher").setLevel(logging.WARNING if quiet else logging.INFO)
