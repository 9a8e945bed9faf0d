"""What an author may have meant."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches

_LISTED = 12


def suggestion(word: str, known: Collection[str], otherwise: str) -> str:
    """`did you mean X?`; else the list of what there is, when it is short; else `otherwise`."""
    lower = {name.lower(): name for name in known}
    close = get_close_matches(word.lower(), lower, n=1, cutoff=0.6)
    if close:
        return f"did you mean {lower[close[0]]}?"
    if 0 < len(known) <= _LISTED:
        return f"use one of: {', '.join(sorted(known))}"
    return otherwise
