"""The identifiers of published works: accepted in any usual spelling, kept in one.

Only the form is judged here; whether the work exists is a question for the network.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

DOI_LEAD = re.compile(r"(?:https?://)?(?:dx\.|www\.)?doi\.org/|doi:\s*", re.IGNORECASE)
# ANSI/NISO Z39.84: `10.` registrant `/` suffix. Crossref's registrants have four digits or more,
# each may be divided further; a suffix is any printable text, in practice without spaces.
_DOI = re.compile(r"10\.\d{4,9}(?:\.\d+)*/[^\s<>\"\\^`{|}]+")
_PMID = re.compile(
    r"(?:(?:https?://)?pubmed\.ncbi\.nlm\.nih\.gov/|pmid:?\s*)?(\d+)/?", re.IGNORECASE
)
_PMCID = re.compile(
    r"(?:https?://(?:pmc\.ncbi\.nlm\.nih\.gov|(?:www\.)?ncbi\.nlm\.nih\.gov/pmc)/articles/"
    r"|pmcid:?\s*)?PMC(\d+)/?",
    re.IGNORECASE,
)
DOI_LENGTH = 300
DIGITS = 9
"""PubMed has reached eight digits; one more leaves room for decades."""


def doi(text: str) -> str | None:
    """The bare DOI (`10.1000/182`) in `text`, or None when it has not the form of one.

    Takes `doi:…` and `https://doi.org/…` too; there, and only there, `%2F` is decoded. The
    case of letters is kept: DOIs compare without regard to it, and publishers print it so.
    """
    value = text.strip()
    lead = DOI_LEAD.match(value)
    if lead:
        value = value[lead.end() :]
        if lead.group().endswith("/"):
            value = unquote(value)
    if len(value) > DOI_LENGTH or not value.isprintable() or not _DOI.fullmatch(value):
        return None
    # A full stop or comma at the end belongs to the sentence that the DOI was copied from.
    return None if value[-1] in ".,;:" else value


def pmid(text: str) -> str | None:
    """The PubMed number (`32023374`) in `text`, or None. Takes `PMID: …` and PubMed URLs too."""
    return _number(_PMID, text)


def pmcid(text: str) -> str | None:
    """The PubMed Central id (`PMC12607298`) in `text`, or None. Takes PMC's URLs too."""
    digits = _number(_PMCID, text)
    return None if digits is None else f"PMC{digits}"


def _number(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.fullmatch(text.strip())
    if found is None or not found[1].isascii() or found[1].startswith("0"):
        return None
    return found[1] if len(found[1]) <= DIGITS else None
