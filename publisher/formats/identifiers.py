"""The identifiers of published works: accepted in any usual spelling, kept in one.

Only the form is judged here; whether the work exists is a question for the network.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
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
_ISBN = re.compile(
    r"(?:(?:urn:)?isbn(?:-1[03])?:?\s*)?([0-9](?:[-‐‑ ]?[0-9]){8,11}[-‐‑ ]?[0-9Xx])", re.IGNORECASE
)
_THIRTEEN = (1, 3) * 7
_NCT = re.compile(
    r"(?:(?:https?://)?(?:www\.|classic\.)?clinicaltrials\.gov/(?:ct2/show|study|show)/"
    r"|(?:clinicaltrials\.gov|nct):?\s*)?NCT([0-9]{8})/?",
    re.IGNORECASE,
)
_ISRCTN = re.compile(
    r"(?:(?:https?://)?(?:www\.)?isrctn\.(?:com|org)/"
    r"|(?:https?://(?:dx\.)?doi\.org/|doi:\s*)?10\.1186/)?ISRCTN\s*([0-9]{8})/?",
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


def isbn(text: str) -> str | None:
    """The ISBN-13 in `text` as its bare digits, or None where the check digit is wrong.

    An ISBN-10 becomes the ISBN-13 that names the same book (ISO 2108:2017 Annex A); hyphens,
    spaces, `ISBN:` and `urn:isbn:` (RFC 8254) are taken off.
    """
    found = _ISBN.fullmatch(text.strip())
    digits = re.sub(r"[-‐‑ ]", "", found[1]).upper() if found else ""
    if len(digits) == 10 and digits.isascii() and _weighed(digits, range(10, 0, -1)) % 11 == 0:
        core = f"978{digits[:9]}"
        return f"{core}{-_weighed(core, _THIRTEEN) % 10}"
    whole = len(digits) == 13 and digits.isascii() and digits.isdigit()
    if whole and digits.startswith(("978", "979")) and _weighed(digits, _THIRTEEN) % 10 == 0:
        return digits
    return None


def nct(text: str) -> str | None:
    """The ClinicalTrials.gov number (`NCT04245722`) in `text`, or None. Takes its URLs too."""
    found = _NCT.fullmatch(text.strip())
    return f"NCT{found[1]}" if found else None


def isrctn(text: str) -> str | None:
    """The ISRCTN number (`ISRCTN83971151`) in `text`, or None. Takes its URLs and DOI too.

    Only the form is judged: the registry calls it "a randomly generated, 8-digit number"
    (controlled-trials.com, "ISRCTN documentation"), so there is no digit to check.
    """
    found = _ISRCTN.fullmatch(text.strip())
    return f"ISRCTN{found[1]}" if found else None


def _weighed(digits: str, weights: Iterable[int]) -> int:
    """The sum that a check digit is made for; `X` stands for ten."""
    values = (10 if digit == "X" else int(digit) for digit in digits)
    return sum(value * weight for value, weight in zip(values, weights, strict=False))
