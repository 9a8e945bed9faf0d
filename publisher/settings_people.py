"""Settings about people: how long they are kept, and segments of them."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from publisher.domain.cadence import CadenceKind
from publisher.settings_values import (
    Table,
    domain,
    duration_or_never,
    language,
    listed,
    since,
)

Span = Annotated[
    Annotated[timedelta, Field(ge=timedelta(days=1))] | None, BeforeValidator(duration_or_never)
]
Moment = Annotated[datetime | date | timedelta, BeforeValidator(since)]


class RetentionTable(Table):
    """When people who are no readers are erased by themselves."""

    unconfirmed: Span = timedelta(days=30)
    left: Span = timedelta(days=1095)


class SegmentTable(Table):
    """Confirmed readers who have all of these in common; its name is the table's."""

    newsletters: Annotated[tuple[str, ...], BeforeValidator(listed)] = ()
    topics: Annotated[tuple[str, ...], BeforeValidator(listed)] = ()
    cadences: Annotated[tuple[CadenceKind, ...], BeforeValidator(listed)] = ()
    languages: Annotated[
        tuple[Annotated[str, AfterValidator(language)], ...], BeforeValidator(listed)
    ] = ()
    domains: Annotated[
        tuple[Annotated[str, AfterValidator(domain)], ...], BeforeValidator(listed)
    ] = ()
    joined_since: Moment | None = None
    joined_before: Moment | None = None
    accepted_since: Moment | None = None
    not_accepted_since: Moment | None = None

    @model_validator(mode="after")
    def _says_something(self) -> SegmentTable:
        if not self.model_fields_set:
            raise ValueError(
                "say what these readers have in common: newsletters, topics, cadences, languages, "
                "domains, joined_since, joined_before, accepted_since or not_accepted_since"
            )
        return self
