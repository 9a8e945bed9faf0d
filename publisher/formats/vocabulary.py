"""What values are called where people read them; their messages are in the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from publisher.domain.article import CorrectionKind, Evidence
from publisher.formats.catalogue import Catalogue, mark

NAMES: Mapping[str, str] = {
    Evidence.LABORATORY: mark("Laboratory evidence"),
    Evidence.EARLY: mark("Early evidence"),
    Evidence.MODERATE: mark("Moderate evidence"),
    Evidence.STRONG: mark("Strong evidence"),
    Evidence.MIXED: mark("Mixed evidence"),
    CorrectionKind.CORRECTION: mark("Correction"),
    CorrectionKind.CLARIFICATION: mark("Clarification"),
    CorrectionKind.RETRACTION: mark("Retraction"),
}


def named(spoken: Catalogue) -> Callable[[str], str]:
    """A function that gives a value's name in the language of `spoken`."""
    return {value: spoken.gettext(name) for value, name in NAMES.items()}.__getitem__
