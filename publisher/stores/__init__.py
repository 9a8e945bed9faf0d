"""Where everything is remembered: `open_store` gives a `ports.Store`."""

from publisher.stores.sql import open_store

__all__ = ["open_store"]
