"""What wakes workers on several machines. Embedded, in one process, nobody has to be woken."""

from __future__ import annotations

from publisher.errors import SettingsError
from publisher.ports import Engine

KINDS = ("embedded", "procrastinate")


def connect(kind: str, store_url: str) -> Engine | None:
    """The engine of this kind over the store's own database; None for the embedded one.

    Raises SettingsError where it does not fit the store, or is not installed.
    """
    if kind == "embedded":
        return None
    if not store_url.startswith("postgresql"):
        raise SettingsError(
            'engine = "procrastinate" needs a store in PostgreSQL: '
            'set store = "postgresql+psycopg://…", or leave the engine out'
        )
    try:
        from publisher.engines.queue import Queue
    except ImportError as error:
        raise SettingsError(
            f'engine = "procrastinate" needs a package that is not installed ({error.name}): '
            "install it with: pip install 'journal-publisher[cluster]'"
        ) from error
    return Queue(store_url)
