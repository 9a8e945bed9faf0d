"""config/publisher.toml and the environment, read once into frozen values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from publisher.domain.journal import Journal


@dataclass(frozen=True, slots=True)
class TransportSettings:
    """`kind` names an entry point of the group `publisher.transports`; the rest is its own."""

    name: str
    kind: str
    options: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Publishing:
    """How pages become live: served by us, or taken to a static host by `command`."""

    command: tuple[str, ...] | None = None
    check_timeout: timedelta = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class Dispatching:
    """Bounds of the outbox worker."""

    lease: timedelta = timedelta(seconds=60)
    batch: int = 200
    retry_limit: timedelta = timedelta(hours=72)


@dataclass(frozen=True, slots=True)
class Serving:
    """The web app's address; `trusted_proxies` may set X-Forwarded-For and -Proto."""

    host: str = "127.0.0.1"
    port: int = 8000
    trusted_proxies: tuple[str, ...] = ()
    cache_control: str = "public, max-age=300"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a journal's operator may decide. Paths are absolute."""

    root: Path
    config: Path
    journal: Journal
    content_dir: Path
    templates_dir: Path
    public_dir: Path
    store_url: str
    transports: Mapping[str, TransportSettings]
    keys: tuple[tuple[str, bytes], ...]  # (key id, secret); the first one signs
    publishing: Publishing = field(default_factory=Publishing)
    dispatching: Dispatching = field(default_factory=Dispatching)
    serving: Serving = field(default_factory=Serving)
    cutoff: timedelta = timedelta(hours=48)  # how old a missed slot may be to be caught up
    bounce_address: str | None = None  # envelope sender; the From address where it is not set

    @property
    def mail_host(self) -> str:
        """The right-hand side of Message-IDs: the domain of the journal's sender."""
        return self.journal.sender.address.rpartition("@")[2]
