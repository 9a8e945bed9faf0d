"""What the settings say of citations: their style, and where works are looked up."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from publisher.domain.retraction import SourcePolicy
from publisher.settings_model import Document


@dataclass(frozen=True, slots=True)
class Lookup:
    """Who is asked about a work, and as whom.

    `addresses` of `crossref`, `datacite`, `pubmed`, `openlibrary`, `clinicaltrials` and `isrctn`
    have no trailing slash. `contact` is whom they may write to about our requests; `pause` lies
    between two of them.
    """

    addresses: Mapping[str, str]
    contact: str
    timeout: timedelta = timedelta(seconds=20)
    pause: timedelta = timedelta(seconds=1)


def lookup(document: Document) -> Lookup:
    """Whom `publisher cite` asks. Without a contact of its own, staff's address or the sender's."""
    given, journal = document.sources, document.journal
    return Lookup(
        addresses={
            "crossref": given.crossref,
            "datacite": given.datacite,
            "pubmed": given.pubmed,
            "openlibrary": given.openlibrary,
            "clinicaltrials": given.clinicaltrials,
            "isrctn": given.isrctn,
        },
        contact=given.contact or journal.staff or journal.sender.address,
        timeout=given.lookup_timeout,
        pause=given.lookup_delay,
    )


def source_policy(document: Document, root: Path) -> SourcePolicy:
    """What the journal decides about its sources. A style of its own is known by its bytes, so
    that every page is made anew when they change.
    """
    given = document.sources
    style = given.style
    if style.endswith(".csl") and (file := root / style).is_file():
        style += f"@{hashlib.sha256(file.read_bytes()).hexdigest()[:16]}"
    return SourcePolicy(given.stale_after, given.stale == "block", style)
