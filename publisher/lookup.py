"""What registries know of a work, asked over HTTP: politely, slowly, and each thing once a month.

Crossref and DataCite ask for a contact in the User-Agent, NCBI for `tool` and `email` and at most
three requests a second (E-utilities, "Usage Guidelines and Requirements").
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from publisher.errors import NotFound, OperatorError
from publisher.formats import registries

if TYPE_CHECKING:
    import httpx

TOOL = "journal-publisher"
FRESH = timedelta(days=30)
"""How long an answer is taken for true."""
LARGEST = 4 * 1024 * 1024
"""Bytes of an answer."""
ATTEMPTS = 3
LONGEST_WAIT = 30.0
"""Seconds: a server that wants more patience is not waited for."""
_BUSY = frozenset({429, 500, 502, 503, 504})


class Registries:
    """Asks about works. `contact` is a mail address, `timeout` and `pause` are seconds.

    `addresses` are those of `settings_sources.Lookup`. Every method raises OperatorError where
    somebody cannot be reached or answers nonsense, and NotFound where nobody knows the work.
    `fresh` asks anew what is in `cache` already.
    """

    def __init__(
        self,
        addresses: Mapping[str, str],
        agent: str,
        contact: str,
        *,
        timeout: float,
        pause: float,
        cache: Path,
        now: datetime,
        fresh: bool = False,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._addresses = addresses
        self._agent = agent
        self._contact = contact
        self._timeout = timeout
        self._pause = pause
        self._cache = cache
        self._now = now
        self._fresh = fresh
        self._sleep = sleep
        self._client: httpx.Client | None = None
        self._asked = False

    def doi(self, doi: str) -> dict[str, Any]:
        """The work with this DOI, from Crossref, else from DataCite."""
        path = quote(doi, safe="")
        query = {"mailto": self._contact}
        found = self._json(f"{self._addresses['crossref']}/works/{path}", query)
        if found is not None:
            return registries.crossref(_part(found, "message")) | {"doi": doi}
        found = self._json(f"{self._addresses['datacite']}/dois/{path}", {})
        if found is not None:
            return registries.datacite(_part(_part(found, "data"), "attributes")) | {"doi": doi}
        raise NotFound(f"neither Crossref nor DataCite knows the DOI {doi}: look at it again")

    def in_pubmed(self, doi: str) -> dict[str, Any]:
        """What PubMed adds to the work with this DOI: `pmid`, `pmcid`, and what kind of study it
        was; empty where it does not know it.
        """
        query = self._query("pubmed") | {"term": f'"{doi}"[doi]', "retmax": "2"}
        found = self._json(f"{self._addresses['pubmed']}/esearch.fcgi", query)
        numbers = _part(found or {}, "esearchresult").get("idlist")
        # A search may find what it thinks is meant: the work itself says whether it is that.
        for number in numbers if isinstance(numbers, list) else ():
            with suppress(NotFound):
                known = self.pmid(str(number))
                if str(known.get("doi")).casefold() == doi.casefold():
                    return {
                        name: known[name] for name in ("pmid", "pmcid", "kind") if name in known
                    }
        return {}

    def isbn(self, isbn: str) -> dict[str, Any]:
        """The book with this ISBN-13, from Open Library."""
        name = f"ISBN:{isbn}"
        query = {"bibkeys": name, "format": "json", "jscmd": "data"}
        found = self._json(f"{self._addresses['openlibrary']}/api/books", query)
        book = _part(found or {}, name)
        if not book:
            raise NotFound(
                f"Open Library knows no book {isbn}: look at the number again, or describe the "
                f"book by hand, with `isbn: {isbn}`"
            )
        return registries.openlibrary(book) | {"isbn": isbn}

    def nct(self, number: str) -> dict[str, Any]:
        """The trial with this number (`NCT04245722`), from ClinicalTrials.gov."""
        found = self._json(f"{self._addresses['clinicaltrials']}/studies/{number}", {})
        if found is None:
            raise NotFound(f"ClinicalTrials.gov knows no trial {number}: look at it again")
        return {"nct": number} | registries.clinicaltrials(_part(found, "protocolSection"))

    def isrctn(self, number: str) -> dict[str, Any]:
        """The trial with this number (`ISRCTN83971151`), from the ISRCTN registry."""
        url = f"{self._addresses['isrctn']}/trial/{number}/format/default"
        found = self._answer(url, {}, "application/xml", registries.isrctn)
        if found is None or "title" not in found:
            raise NotFound(f"the ISRCTN registry knows no trial {number}: look at it again")
        return {**found, "isrctn": number}

    def pmid(self, number: str) -> dict[str, Any]:
        """The work with this number in PubMed."""
        return self._summary("pubmed", number, f"PubMed knows no work {number}") | {"pmid": number}

    def pmcid(self, pmcid: str) -> dict[str, Any]:
        """The work with this number (`PMC1`) in PubMed Central."""
        number = pmcid.removeprefix("PMC")
        found = self._summary("pmc", number, f"PubMed Central knows no work {pmcid}")
        return found | {"pmcid": pmcid}

    def page(self, url: str) -> dict[str, Any]:
        """What a page says of itself; never from the cache."""
        status, body, at = self._get(url, {}, "text/html,application/xhtml+xml")
        if status != 200:
            raise NotFound(f"{url} answers {status}: look at the address again")
        text = body.decode("utf-8", "replace")
        found = registries.page(text, at, self._now.date().isoformat())
        if not found.keys() & {"title", "doi", "pmid"}:
            raise NotFound(f"{url} says nothing of a work: describe it by hand")
        return found

    def close(self) -> None:
        """Let the connections go."""
        if self._client is not None:
            self._client.close()

    def _summary(self, base: str, number: str, unknown: str) -> dict[str, Any]:
        query = self._query(base) | {"id": number}
        found = self._json(f"{self._addresses['pubmed']}/esummary.fcgi", query)
        summary = _part(_part(found or {}, "result"), number)
        if not summary or "error" in summary:
            raise NotFound(f"{unknown}: look at the number again")
        return registries.pubmed(summary)

    def _query(self, base: str) -> dict[str, str]:
        return {"db": base, "retmode": "json", "tool": TOOL, "email": self._contact}

    def _json(self, url: str, query: Mapping[str, str]) -> Mapping[str, Any] | None:
        return self._answer(url, query, "application/json", _table)

    def _answer(
        self,
        url: str,
        query: Mapping[str, str],
        accept: str,
        read: Callable[[bytes], Mapping[str, Any]],
    ) -> Mapping[str, Any] | None:
        """What `read` makes of the document there, None where the server says that there is none.

        `read` raises ValueError for a document that is none, with words for what it is.
        """
        key = f"{url}?{sorted(query.items())}"
        kept = self._cache / f"{hashlib.sha256(key.encode()).hexdigest()[:32]}.json"
        if not self._fresh and (known := self._kept(kept, read)) is not None:
            return known
        status, body, _ = self._get(url, query, accept)
        if status in (400, 404, 410):
            return None
        if status != 200:
            raise OperatorError(f"{_host(url)} answers {status}; try again later")
        try:
            found = read(body)
        except ValueError as wrong:
            raise OperatorError(f"{_host(url)} answers {wrong}") from wrong
        self._keep(kept, body)
        return found

    def _kept(
        self, file: Path, read: Callable[[bytes], Mapping[str, Any]]
    ) -> Mapping[str, Any] | None:
        with suppress(OSError, ValueError):  # not there, or spoilt: it is asked for again
            age = self._now.timestamp() - file.stat().st_mtime
            if abs(age) < FRESH.total_seconds():
                return read(file.read_bytes())
        return None

    def _keep(self, file: Path, body: bytes) -> None:
        fresh = file.with_suffix(f".{os.getpid()}")
        with suppress(OSError):  # a cache that cannot be written costs a request next time
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh.write_bytes(body)
            os.utime(fresh, (self._now.timestamp(),) * 2)
            fresh.replace(file)

    def _get(self, url: str, query: Mapping[str, str], accept: str) -> tuple[int, bytes, str]:
        """Status, body and final address."""
        import httpx  # a tenth of a second that no other command needs

        if self._client is None:
            self._client = httpx.Client(
                transport=httpx.HTTPTransport(retries=1),
                timeout=self._timeout,
                follow_redirects=True,
                max_redirects=5,
                headers={"User-Agent": self._agent},
            )
        try:
            for attempt in range(1, ATTEMPTS + 1):
                if self._asked:
                    self._sleep(self._pause)
                self._asked = True
                with self._client.stream(
                    "GET", url, params=dict(query) or None, headers={"Accept": accept}
                ) as answer:
                    wait = _wait(answer, self._pause * 2**attempt)
                    if answer.status_code not in _BUSY or attempt == ATTEMPTS or wait is None:
                        return answer.status_code, _body(answer, url), str(answer.url)
                self._sleep(wait)
        except httpx.TimeoutException:
            raise OperatorError(
                f"{_host(url)} did not answer within {self._timeout:g} s; try again later"
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL) as wrong:
            raise OperatorError(
                f"{_host(url)} cannot be reached ({wrong}): are you online? Until then, describe "
                "the work by hand (docs/article-format.md, Sources)"
            ) from wrong
        raise AssertionError("the last attempt returns")


def _table(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except ValueError as wrong:
        raise ValueError(f"what is no JSON: {wrong}") from wrong
    if isinstance(found, dict):
        return found
    raise ValueError("something else than it documents")


def _wait(answer: httpx.Response, usual: float) -> float | None:
    """Seconds before another attempt; None where the server asks for more than we wait."""
    said = answer.headers.get("retry-after", "")
    seconds = float(said) if said.isascii() and said.isdigit() else usual
    return seconds if seconds <= LONGEST_WAIT else None


def _body(answer: httpx.Response, url: str) -> bytes:
    pieces: list[bytes] = []
    size = 0
    for piece in answer.iter_bytes():
        size += len(piece)
        if size > LARGEST:
            raise OperatorError(f"{_host(url)} answers with more than {LARGEST:,} bytes")
        pieces.append(piece)
    return b"".join(pieces)


def _host(url: str) -> str:
    return url.partition("://")[2].partition("/")[0] or url


def _part(found: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = found.get(name)
    return part if isinstance(part, Mapping) else {}
