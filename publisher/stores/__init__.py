"""Where everything is remembered: `open_store` gives a `ports.Store`."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from publisher.stores.sql import open_store

__all__ = ["open_store"]


def __getattr__(name: str) -> Any:
    """`open_store` is read when it is asked for: a third of a second that no build needs."""
    if name != "open_store":
        raise AttributeError(name)
    from publisher.stores import sql

    return sql.open_store
