"""The glossary holds every word that code, SQL and states use."""

import re
from enum import StrEnum
from pathlib import Path

import pytest

from publisher.domain.article import Evidence
from publisher.domain.delivery import DeliveryState
from publisher.domain.issue import IssueState
from publisher.domain.outcome import OutcomeKind
from publisher.domain.subscription import SubscriptionState
from publisher.stores import tables

GLOSSARY = (Path(__file__).parents[1] / "docs" / "glossary.md").read_text().lower()


@pytest.mark.parametrize(
    "words", [DeliveryState, IssueState, SubscriptionState, OutcomeKind, Evidence]
)
def test_every_state_is_explained(words: type[StrEnum]) -> None:
    """A state that a user may see stands in the glossary."""
    for word in words:
        assert word.value in GLOSSARY, word


def test_every_table_is_a_word_of_the_glossary() -> None:
    """Tables are named by the design's words (`meta` and link tables of two words apart)."""
    for name in tables.metadata.tables:
        for word in name.split("_"):
            assert word == "meta" or re.search(rf"\b{word}s?\b", GLOSSARY), name
