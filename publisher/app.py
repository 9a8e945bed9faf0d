"""The one place where everything is assembled: settings in, an App out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from publisher.domain.journal import Journal
from publisher.ports import Content, Site, Store, Templates, Transport
from publisher.settings import Settings


@dataclass(frozen=True, slots=True)
class App:
    """Settings and adapters, ready for the entry points. Close it when done."""

    settings: Settings
    content: Content
    templates: Templates
    site: Site
    store: Store
    transports: Mapping[str, Transport]

    @property
    def journal(self) -> Journal:
        """The journal that the settings describe."""
        return self.settings.journal
