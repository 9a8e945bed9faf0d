"""What Crossref, DataCite, PubMed, Open Library, registries of trials and a web page say of a
work, under our keys.

Sources: Crossref REST API (`/works/{doi}`), DataCite REST API (`/dois/{doi}`), NCBI E-utilities
(`esummary`, JSON), Open Library's Books API (`jscmd=data`), ClinicalTrials.gov API 2
(`/studies/{nctId}`), the ISRCTN registry's XML (`/trial/{id}/format/default`), Google Scholar's
and Dublin Core's names of `meta` elements.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any

from publisher.domain import naming
from publisher.formats import csljson
from publisher.formats.csljson import plain
from publisher.formats.works import KINDS

_CROSSREF = {
    "journal-article": "article-journal",
    "posted-content": "article",
    "book": "book",
    "edited-book": "book",
    "monograph": "book",
    "reference-book": "book",
    "book-chapter": "chapter",
    "book-section": "chapter",
    "proceedings-article": "paper-conference",
    "dissertation": "thesis",
    "report": "report",
    "dataset": "dataset",
    "standard": "standard",
}
# PubMed's types of publication, the most telling first.
_PUBMED = {
    "meta-analysis": "meta-analysis",
    "systematic review": "systematic review",
    "randomized controlled trial": "randomised trial",
    "clinical trial, phase iii": "phase 3 trial",
    "clinical trial, phase ii": "phase 2 trial",
    "clinical trial, phase i": "phase 1 trial",
    "clinical trial": "clinical trial",
    "practice guideline": "practice guideline",
    "guideline": "guideline",
    "observational study": "observational study",
    "case reports": "case report",
    "review": "review",
    "editorial": "editorial",
    "letter": "letter",
}
_INITIALS = re.compile(r"(.+?) ([A-Z]{1,3}(?: (?:Jr|Sr|[1-9](?:st|nd|rd|th)|I{2,3}))?)")
TRIAL = "registered trial"
_ISRCTN = "{http://www.67bricks.com/isrctn}"
HEAD = 512 * 1024
"""Characters of a page that are looked through."""


def crossref(message: Mapping[str, Any]) -> dict[str, Any]:
    """A work as Crossref's `message` describes it."""
    kind = _CROSSREF.get(plain(message.get("type")), "document")
    made = csljson.values(
        {
            **message,
            "type": kind,
            "id": "",
            "container-title-short": message.get("short-container-title"),
            "publisher-place": message.get("publisher-location"),
            "edition": message.get("edition-number"),
            "URL": None,  # only the DOI once more
        }
    )
    title, subtitle = made.get("title", ""), plain(message.get("subtitle"))
    if subtitle and subtitle.casefold() not in title.casefold():
        made["title"] = f"{title}: {subtitle}"
    return _pruned(made, kind)


def _pruned(made: dict[str, Any], kind: str) -> dict[str, Any]:
    """Without what a citation of this kind never shows."""
    if kind == "article-journal":
        for name in ("publisher", "place", "isbn", "editors"):
            made.pop(name, None)
    return made


def datacite(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """A work as DataCite's `data.attributes` describe it."""
    types, container = _table(attributes.get("types")), _table(attributes.get("container"))
    kind = plain(types.get("citeproc"))
    publisher = attributes.get("publisher")
    titles = attributes.get("titles")
    pages = (plain(container.get("firstPage")), plain(container.get("lastPage")))
    made: dict[str, Any] = {
        "title": plain(_table(titles[0]).get("title"))
        if isinstance(titles, list) and titles
        else "",
        "kind": KINDS.get(kind, plain(types.get("resourceType")).lower()),
        "authors": _creators(attributes.get("creators")),
        "journal": plain(container.get("title")),
        "year": plain(attributes.get("publicationYear")),
        "volume": plain(container.get("volume")),
        "issue": plain(container.get("issue")),
        "pages": "-".join(page for page in pages if page),
        "publisher": plain(_table(publisher).get("name") or publisher),
        "doi": plain(attributes.get("doi")),
        "type": kind if kind in KINDS else "",
    }
    return _pruned({name: value for name, value in made.items() if value}, kind)


def _creators(value: object) -> list[str]:
    found: list[str] = []
    for each in value if isinstance(value, list) else ():
        creator = _table(each)
        family, given = plain(creator.get("familyName")), plain(creator.get("givenName"))
        name = plain(creator.get("name"))
        if family:
            found.append(naming.written(family, given))
        elif name:
            is_person = plain(creator.get("nameType")) == "Personal" and "," in name
            found.append(name if is_person else naming.written(name))
    return found


def pubmed(summary: Mapping[str, Any]) -> dict[str, Any]:
    """A work as an `esummary` of PubMed or of PubMed Central describes it."""
    ids = {
        plain(_table(each).get("idtype")): plain(_table(each).get("value"))
        for each in summary.get("articleids") or ()
    }
    kinds = {plain(each).casefold() for each in summary.get("pubtype") or ()}
    kind = next((said for theirs, said in _PUBMED.items() if theirs in kinds), "journal article")
    year = re.search(r"\d{4}", plain(summary.get("pubdate")))
    central = ids.get("pmc") or ids.get("pmcid", "")
    made: dict[str, Any] = {
        "title": plain(summary.get("title")).removesuffix("."),
        "kind": kind,
        "authors": [_pubmed_name(each) for each in summary.get("authors") or ()],
        "journal": plain(summary.get("source")),
        "year": year[0] if year else "",
        "volume": plain(summary.get("volume")),
        "issue": plain(summary.get("issue")),
        "pages": plain(summary.get("pages")),
        "doi": ids.get("doi", ""),
        "pmid": ids.get("pubmed") or ids.get("pmid", ""),
        "pmcid": (re.findall(r"PMC\d+", central) or [""])[0],
        "type": "article-journal",
    }
    made["pmid"] = made["pmid"] if made["pmid"] != "0" else ""
    return {name: value for name, value in made.items() if value}


def _pubmed_name(value: object) -> str:
    author = _table(value)
    name = plain(author.get("name"))
    found = _INITIALS.fullmatch(name)
    if plain(author.get("authtype")) == "CollectiveName" or found is None:
        return naming.written(name)
    return naming.written(found[1], found[2])


def openlibrary(book: Mapping[str, Any]) -> dict[str, Any]:
    """A book as Open Library's Books API describes it. Names stand as they are said: it does not
    tell a person's family name, nor a person from an organisation.
    """

    def names(field: str) -> list[str]:
        listed = book.get(field)
        found = (
            plain(_table(each).get("name")) for each in listed or () if isinstance(listed, list)
        )
        return [naming.written(name) for name in found if name]

    title, subtitle = plain(book.get("title")), plain(book.get("subtitle"))
    year = re.search(r"[12]\d{3}", plain(book.get("publish_date")))
    made: dict[str, Any] = {
        "title": f"{title}: {subtitle}" if title and subtitle else title,
        "kind": KINDS["book"],
        "authors": names("authors"),
        "year": year[0] if year else "",
        "publisher": ", ".join(names("publishers")[:1]),
        "place": ", ".join(names("publish_places")[:1]),
        "type": "book",
    }
    return {name: value for name, value in made.items() if value}


def clinicaltrials(section: Mapping[str, Any]) -> dict[str, Any]:
    """A trial as the `protocolSection` of ClinicalTrials.gov describes it; `nct` is its number of
    today, which another may lead to.
    """
    identity = _table(section.get("identificationModule"))
    status = _table(section.get("statusModule"))
    sponsors = _table(section.get("sponsorCollaboratorsModule"))
    sponsor = plain(_table(sponsors.get("leadSponsor")).get("name"))
    begun = plain(_table(status.get("startDateStruct")).get("date"))
    return _trial(
        "ClinicalTrials.gov",
        plain(identity.get("officialTitle") or identity.get("briefTitle")),
        sponsor,
        plain(status.get("studyFirstSubmitDate")) or begun,
        nct=plain(identity.get("nctId")),
    )


def isrctn(body: bytes) -> dict[str, Any]:
    """A trial as the ISRCTN registry's XML describes it; ValueError for what is no XML."""
    from lxml import etree

    try:
        root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError as wrong:
        raise ValueError(f"what is no XML: {wrong}") from wrong

    def text(*path: str) -> str:
        found = root.find(".//" + "/".join(f"{_ISRCTN}{each}" for each in path))
        return plain("" if found is None else "".join(found.itertext()))

    number = root.find(f".//{_ISRCTN}isrctn")
    return _trial(
        "ISRCTN registry",
        text("trialDescription", "scientificTitle") or text("trialDescription", "title"),
        text("sponsor", "organisation"),
        "" if number is None else number.get("dateAssigned", ""),
    )


def _trial(
    registry: str, title: str, sponsor: str, registered: str, nct: str = ""
) -> dict[str, Any]:
    year = re.match(r"[12]\d{3}", registered)
    made: dict[str, Any] = {
        "title": title.removesuffix("."),
        "kind": TRIAL,
        "authors": [naming.written(sponsor)] if sponsor else [],
        "journal": registry,
        "year": year[0] if year else "",
        "nct": nct,
        "type": "webpage",
    }
    return {name: value for name, value in made.items() if value}


class _Head(HTMLParser):
    """Gathers the `meta` elements and the title of a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.metas: list[tuple[str, str]] = []
        self.title = ""
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "meta":
            name = values.get("name") or values.get("property") or ""
            self.metas.append((name.casefold(), plain(values.get("content") or "")))
        self._inside = tag == "title" and not self.title

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - the library calls it so
        self._inside = False

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.title += data


def page(html: str, url: str, day: str) -> dict[str, Any]:
    """A work as its page (read on `day`, ISO) describes it; `doi` and `pmid` if it names them."""
    head = _Head()
    head.feed(html[:HEAD])
    known = dict(reversed([(name, text) for name, text in head.metas if text]))

    def first(*names: str) -> str:
        return next((known[name] for name in names if name in known), "")

    authors = [text for name, text in head.metas if name in ("citation_author", "dc.creator")]
    dated = first(
        *("citation_publication_date", "citation_date", "dcterms.issued", "dc.date"),
        *("article:published_time", "article:modified_time", "dcterms.modified"),
    )
    year = re.search(r"[12]\d{3}", dated)
    doi = first("citation_doi", "prism.doi", "dc.identifier").removeprefix("doi:").strip()
    title = first("citation_title", "dc.title", "og:title") or plain(head.title)
    made: dict[str, Any] = {
        "title": title,
        "kind": KINDS["webpage"],
        "authors": list(dict.fromkeys(text for text in authors if text)),
        "journal": first("citation_journal_title", "og:site_name", "dc.publisher"),
        "year": year[0] if year else "",
        "doi": doi if doi.startswith("10.") else "",
        "pmid": first("citation_pmid"),
        "url": url,
        "accessed": day,
        "type": "webpage",
    }
    return {name: value for name, value in made.items() if value}


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
