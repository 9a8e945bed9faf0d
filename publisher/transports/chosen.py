"""Reading the options of our own transports: as settings are, so that starting needs no pydantic.

Other people's may use `options`, or whatever they like.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from publisher.errors import SettingsError
from publisher.formats.tables import Table, Wrong

T = TypeVar("T", bound=Table)


def read(kind: type[T], name: str, options: Mapping[str, object]) -> T:
    """`options` as a `kind`. Raises SettingsError that names each key of `[transports.name]`."""
    try:
        return kind.read(options)
    except Wrong as error:
        wrong = error.problems
    except ValueError as error:
        wrong = (((), str(error)),)
    problems = [
        f"[transports.{name}] {'.'.join(map(str, path))}: {message}"
        if path
        else f"[transports.{name}] {message}"
        for path, message in wrong
    ]
    raise SettingsError("; ".join(problems), problems)
