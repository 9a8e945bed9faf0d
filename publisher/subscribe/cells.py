"""Cells that no spreadsheet takes for a formula (OWASP: CSV injection), and back again."""

from __future__ import annotations

RISKY = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a formula may begin with; full-width forms are read as these by some programs."""

_WIDE = ("＝", "＋", "－", "＠")
_GUARDED = (*RISKY, *_WIDE, "'")


def guard(text: str) -> str:
    """Put `'` before a risky beginning; a `'` that is there already is doubled."""
    return f"'{text}" if text.startswith(_GUARDED) else text


def restore(cell: str) -> str:
    """The inverse of `guard`; other people's cells come through unchanged."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_GUARDED) else cell
