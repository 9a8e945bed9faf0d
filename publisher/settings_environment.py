"""The settings that an environment holds. Read only where it holds any."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from publisher.settings_model import Document
from publisher.settings_values import DELIMITER, PREFIX


class _Variables(BaseSettings, Document):
    """What may stand there: all that may stand in the file."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter=DELIMITER, enable_decoding=False
    )


class Environment(EnvSettingsSource):
    """The overrides that an environment holds, as nested tables; it is given, never looked up."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        super().__init__(_Variables)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return {name.lower(): value for name, value in self._environ.items()}

    def tables(self) -> dict[str, Any]:
        """`{"journal": {"title": …}}`."""
        return self()
