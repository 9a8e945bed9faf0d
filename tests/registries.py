"""Crossref, DataCite, PubMed and the other registries on a real socket, with answers in the formats they document."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

LIU = "10.1056/NEJMoa1910607"
CROSSREF: dict[str, dict[str, Any]] = {
    LIU: {
        "DOI": "10.1056/nejmoa1910607",
        "type": "journal-article",
        "title": [
            "Use of CAR-Transduced Natural Killer Cells in <i>CD19</i>-Positive Lymphoid Tumors"
        ],
        "author": [
            {"given": "Enli", "family": "Liu", "sequence": "first", "affiliation": []},
            {"given": "David", "family": "Marin", "sequence": "additional"},
            {"name": "The A &amp; B Group", "sequence": "additional"},
        ],
        "container-title": ["New England Journal of Medicine"],
        "short-container-title": ["N Engl J Med"],
        "issued": {"date-parts": [[2020, 2, 6]]},
        "volume": "382",
        "issue": "6",
        "page": "545-553",
        "publisher": "Massachusetts Medical Society",
        "URL": "https://doi.org/10.1056/nejmoa1910607",
        "ISSN": ["0028-4793"],
    },
    "10.1056/NEJMoa1511939": {
        "type": "journal-article",
        "title": ["A Randomized Trial of Intensive versus Standard Blood-Pressure Control"],
        "author": [{"name": "SPRINT Research Group"}],
        "short-container-title": ["N Engl J Med"],
        "issued": {"date-parts": [[2015, 11, 26]]},
    },
    "10.1000/book": {
        "type": "edited-book",
        "title": ["Sleep"],
        "subtitle": ["A guide"],
        "editor": [{"given": "Jane", "family": "Doe"}],
        "ISBN": ["9783161484100", "9783161484117"],
        "publisher": "Example Press",
        "publisher-location": "Oxford",
        "edition-number": "2",
        "published": {"date-parts": [[2019]]},
    },
    "10.1000/undated": {
        "type": "report",
        "title": ["Without a year"],
        "issued": {"date-parts": [[None]]},
    },
}
DATACITE: dict[str, dict[str, Any]] = {
    "10.5281/zenodo.1": {
        "doi": "10.5281/zenodo.1",
        "titles": [{"title": "Sleep diaries of 40 people"}],
        "creators": [
            {
                "name": "Roe, Richard",
                "nameType": "Personal",
                "givenName": "Richard",
                "familyName": "Roe",
            },
            {"name": "Poe, Ann", "nameType": "Personal"},
            {"name": "Sleep Unit, Example Clinic", "nameType": "Organizational"},
        ],
        "publisher": {"name": "Zenodo"},
        "publicationYear": 2021,
        "types": {"citeproc": "dataset", "resourceTypeGeneral": "Dataset"},
        "container": {},
    }
}
SUMMARIES: dict[str, dict[str, Any]] = {
    "26551272": {
        "uid": "26551272",
        "pubdate": "2015 Nov 26",
        "source": "N Engl J Med",
        "authors": [
            {"name": "SPRINT Research Group", "authtype": "CollectiveName"},
            {"name": "Wright JT Jr", "authtype": "Author"},
        ],
        "title": "A Randomized Trial of Intensive versus Standard Blood-Pressure Control.",
        "volume": "373",
        "issue": "22",
        "pages": "2103-16",
        "pubtype": ["Journal Article", "Randomized Controlled Trial"],
        "articleids": [
            {"idtype": "pubmed", "value": "26551272"},
            {"idtype": "doi", "value": "10.1056/NEJMoa1511939"},
            {"idtype": "pmc", "value": "PMC4689591"},
        ],
    },
    "12607298": {
        "uid": "12607298",
        "pubdate": "2025",
        "source": "A Journal",
        "authors": [],
        "title": "From preclinical promise to clinical reality",
        "articleids": [
            {"idtype": "pmid", "value": "0"},
            {"idtype": "pmcid", "value": "PMC12607298"},
        ],
    },
}
FOUND = {"10.1056/NEJMoa1511939": ["26551272"], "10.1000/other": ["26551272"]}
"""What PubMed's search finds for a DOI; the second one by mistake."""
BOOKS: dict[str, dict[str, Any]] = {
    "9783161484100": {
        "url": "https://openlibrary.org/books/OL1M/Sleep",
        "title": "Sleep",
        "subtitle": "a guide",
        "authors": [
            {"url": "https://openlibrary.org/authors/OL1A", "name": "Jane Mary Doe"},
            {"name": "Ministry of Health, Rome"},
        ],
        "publishers": [{"name": "Example Press"}, {"name": "Another"}],
        "publish_places": [{"name": "Oxford"}],
        "publish_date": "March 2019",
        "number_of_pages": 96,
    }
}
STUDIES: dict[str, dict[str, Any]] = {
    "NCT04245722": {
        "protocolSection": {
            "identificationModule": {
                "nctId": "NCT04245722",
                "briefTitle": "FT596 in B-Cell Lymphoma",
                "officialTitle": "A Phase I Study of FT596 in Subjects With B-Cell Lymphoma.",
            },
            "statusModule": {
                "studyFirstSubmitDate": "2020-01-27",
                "startDateStruct": {"date": "2020-03", "type": "ACTUAL"},
            },
            "sponsorCollaboratorsModule": {
                "leadSponsor": {"name": "Example Therapeutics, Inc.", "class": "INDUSTRY"}
            },
        },
        "hasResults": False,
    },
    "NCT00000001": {
        "protocolSection": {
            "identificationModule": {"nctId": "NCT00000002", "briefTitle": "Only a brief title"},
            "statusModule": {"startDateStruct": {"date": "1999-11"}},
        }
    },
}
TRIALS = {
    "ISRCTN83971151": """<?xml version="1.0" encoding="UTF-8"?>
<fullTrial xmlns="http://www.67bricks.com/isrctn">
 <trial lastUpdated="2020-01-01T00:00:00.000Z" version="1">
  <isrctn dateAssigned="2020-03-23T00:00:00.000Z">83971151</isrctn>
  <trialDescription>
   <title>Public health &amp; recovery</title>
   <scientificTitle>An international randomised trial of additional treatments</scientificTitle>
  </trialDescription>
 </trial>
 <sponsor id="S1"><organisation>Example Health Organization</organisation></sponsor>
</fullTrial>""",
    "ISRCTN00000001": '<error xmlns="http://www.67bricks.com/isrctn"/>',
}
PAGES = {
    "/named": '<title>x</title><meta name="citation_doi" content="doi:10.1056/NEJMoa1910607">',
    "/numbered": '<meta name="citation_pmid" content="26551272">',
    "/plain": '<title>A &amp; B: a page</title><meta property="og:site_name" content="A Site">'
    '<meta name="DC.creator" content="Ann Example"><meta name="dcterms.issued" content="2024-03-01">',
    "/blank": "<p>nothing</p>",
}


@dataclass(slots=True)
class Registry:
    """`answers` come first, each used once: (status, headers, body)."""

    url: str = ""
    asked: list[str] = field(default_factory=list)
    agents: set[str] = field(default_factory=set)
    answers: list[tuple[int, dict[str, str], bytes]] = field(default_factory=list)


@contextmanager
def listening() -> Iterator[Registry]:
    """All of them, and a site, while the block lasts."""
    registry = Registry()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            registry.asked.append(self.path)
            registry.agents.add(self.headers["User-Agent"])
            if registry.answers:
                status, headers, body = registry.answers.pop(0)
            else:
                status, headers, body = 200, {}, _answer(self.path) or b""
                status = 200 if body else 404
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    registry.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()


def _answer(path: str) -> bytes | None:
    parts = urlsplit(path)
    _, head, *rest = parts.path.split("/", 2)
    name = unquote(rest[0]) if rest else ""
    if head == "works" and name in CROSSREF:
        return json.dumps(
            {"status": "ok", "message-type": "work", "message": CROSSREF[name]}
        ).encode()
    if head == "dois" and name in DATACITE:
        return json.dumps({"data": {"id": name, "attributes": DATACITE[name]}}).encode()
    if head == "studies" and name in STUDIES:
        return json.dumps(STUDIES[name]).encode()
    if head == "trial" and (trial := TRIALS.get(name.removesuffix("/format/default"))):
        return trial.encode()
    if parts.path == "/api/books":
        key = parse_qs(parts.query)["bibkeys"][0]
        book = BOOKS.get(key.removeprefix("ISBN:"))
        return json.dumps({key: book} if book else {}).encode()
    if parts.path == "/esearch.fcgi":
        term = parse_qs(parts.query)["term"][0]
        found = FOUND.get(term.removesuffix("[doi]").strip('"'), [])
        return json.dumps({"esearchresult": {"count": str(len(found)), "idlist": found}}).encode()
    if parts.path == "/esummary.fcgi":
        number = parse_qs(parts.query)["id"][0]
        missing = {"uid": number, "error": "cannot get document summary"}
        result = {"uids": [number], number: SUMMARIES.get(number, missing)}
        return json.dumps({"header": {"type": "esummary"}, "result": result}).encode()
    return PAGES[parts.path].encode() if parts.path in PAGES else None
