"""Reading a transport's options: every problem named at once, no secret repeated."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from publisher.errors import SettingsError


class Options(BaseModel):
    """What one kind of transport understands; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


O = TypeVar("O", bound=Options)  # noqa: E741 - one letter, as type variables are


def read(model: type[O], name: str, options: Mapping[str, object]) -> O:
    """`options` as a `model`. Raises SettingsError that names each key of `[transports.name]`."""
    try:
        return model.model_validate(dict(options))
    except ValidationError as error:
        problems = []
        for detail in error.errors(include_input=False, include_url=False, include_context=False):
            key = ".".join(str(part) for part in detail["loc"])
            message = detail["msg"].removeprefix("Value error, ")
            if detail["type"] == "extra_forbidden":
                near = get_close_matches(key, model.model_fields, 1)
                message = f"unknown option{f'; did you mean {near[0]!r}?' if near else ''}"
            problems.append(
                f"[transports.{name}] {key}: {message}" if key else f"[transports.{name}] {message}"
            )
        raise SettingsError("; ".join(problems), problems) from None
