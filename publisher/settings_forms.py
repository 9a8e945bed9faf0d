"""Settings about forms on the open web: who may frame them, how often they count, what is asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from publisher.domain.request import FormLimits
from publisher.formats import kinds
from publisher.formats.tables import Table, key, optional, several

_LIMITS = FormLimits()


def origin(value: object) -> str:
    """`https://clinic.example.org`: scheme, host and port alone. Raises ValueError."""
    parts = urlsplit(kinds.url(value))
    if parts.path:
        raise ValueError(f"'{value}' has a path: write the site alone, https://{parts.netloc}")
    return f"{parts.scheme}://{parts.netloc}"


class FormsTable(Table):
    """What holds for the pages on which people subscribe and choose."""

    frames = key(several(origin), ())
    languages = key(several(kinds.language), ())
    network = key(kinds.choice("truncated", "hashed"), "truncated")
    network_limit = key(kinds.whole(1, 1_000_000), _LIMITS.network)
    total_limit = key(kinds.whole(1, 1_000_000), _LIMITS.total)
    posts_per_minute = key(kinds.whole(1, 100_000), 30)
    role_addresses = key(kinds.truth, True)
    blocked_domains_file = optional(kinds.line)


@dataclass(frozen=True, slots=True)
class Forms:
    """`frames` may show the form in a frame; `blocked` are domains that are not written to.

    `hashed`: networks are kept as keyed hashes. `languages` are those offered beside the journal's.
    """

    frames: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    hashed: bool = False
    limits: FormLimits = field(default_factory=FormLimits)
    posts_per_minute: int = 30
    role_addresses: bool = True
    blocked: frozenset[str] = frozenset()


def forms(table: FormsTable, blocked: frozenset[str]) -> Forms:
    """The table as a value."""
    return Forms(
        frames=table.frames,
        languages=table.languages,
        hashed=table.network == "hashed",
        limits=FormLimits(table.network_limit, table.total_limit),
        posts_per_minute=table.posts_per_minute,
        role_addresses=table.role_addresses,
        blocked=blocked,
    )


def domains(text: str) -> frozenset[str]:
    """One domain a line, `#` begins a comment."""
    lines = (line.partition("#")[0].strip().lower() for line in text.splitlines())
    return frozenset(line.lstrip("@.") for line in lines if line)
