"""The transports of the settings: ready to be opened, or judged alone.

What is wrong about any of them is said of all of them at once, each with its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

from publisher import transports
from publisher.errors import SettingsError
from publisher.settings_reading import placed, refused

if TYPE_CHECKING:
    from publisher.ports import Transport
    from publisher.settings import Settings

T = TypeVar("T")


def connected(settings: Settings) -> Mapping[str, Transport]:
    """Each transport by its name; nothing is opened. Raises SettingsError."""
    return _each(settings, transports.connect)


def judge(settings: Settings) -> None:
    """Raises SettingsError as `connected` would, except for a password that is not here."""
    _each(settings, transports.judge)


def _each(
    settings: Settings, take: Callable[[str, str, Mapping[str, object]], T]
) -> Mapping[str, T]:
    found: dict[str, T] = {}
    wrong: list[str] = []
    for name, each in settings.transports.items():
        try:
            found[name] = take(name, each.kind, each.options)
        except SettingsError as error:
            wrong += placed(name, each.places, error)
    if wrong:
        raise refused(wrong)
    return found
