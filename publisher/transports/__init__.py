"""Ways for messages to leave, found by entry point: ours and other people's alike."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING

from publisher.errors import SettingsError
from publisher.transports import own

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from publisher.ports import Transport

GROUP = "publisher.transports"
"""The entry-point group. Each entry is a `connect(name, options) -> Transport`."""


def kinds() -> Mapping[str, EntryPoint]:
    """Every kind of transport that is installed, by name."""
    from importlib.metadata import entry_points  # takes longer to read than to judge our own

    return {entry.name: entry for entry in sorted(entry_points(group=GROUP), key=lambda e: e.name)}


def connect(name: str, kind: str, options: Mapping[str, object]) -> Transport:
    """The transport that the settings call `name`; nothing is opened yet.

    Raises SettingsError for a kind that is not installed or does not load, and for options
    that the kind does not understand.
    """
    known = kinds()
    if kind not in known:
        near = get_close_matches(kind, known, 1)
        meant = f"; did you mean '{near[0]}'?" if near else ""
        raise SettingsError(
            f"[transports.{name}] kind: '{kind}' is not installed{meant} "
            f"(known kinds: {', '.join(known)})"
        )
    entry = known[kind]
    try:
        factory = entry.load()
    except (ImportError, AttributeError) as error:
        where = f" from the package {entry.dist.name}" if entry.dist else ""
        raise SettingsError(
            f"[transports.{name}] kind: '{kind}' ({entry.value}{where}) does not load: "
            f"{error}; reinstall that package or choose another kind"
        ) from error
    transport: Transport = factory(name, options)
    return transport


def judge(name: str, kind: str, options: Mapping[str, object]) -> None:
    """Raises SettingsError as `connect` would, and reads nothing that sends for a kind of ours."""
    if kind in own.KINDS:
        own.judge(name, kind, options)
    else:
        connect(name, kind, options)
