"""Works looked up at registries on a real socket, and what is said when they fail."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from publisher.errors import NotFound, OperatorError
from publisher.formats import registries as forms
from publisher.formats import sourceyaml
from publisher.lookup import LARGEST, Registries
from tests import registries
from tests.registries import LIU, Registry

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def server() -> Iterator[Registry]:
    with registries.listening() as made:
        yield made


@pytest.fixture
def registry(server: Registry) -> Registry:
    server.asked.clear()
    server.answers.clear()
    return server


def asking(url: str, cache: Path, naps: list[float] | None = None, **rest: Any) -> Registries:
    given: dict[str, Any] = {"timeout": 5.0, "pause": 1.0, "now": NOW, **rest}
    return Registries(
        dict.fromkeys(
            ("crossref", "datacite", "pubmed", "openlibrary", "clinicaltrials", "isrctn"), url
        ),
        "journal-publisher/1 (mailto:desk@example.org)",
        "desk@example.org",
        cache=cache,
        sleep=(naps if naps is not None else []).append,
        **given,
    )


def test_crossref_knows_a_doi(registry: Registry, tmp_path: Path) -> None:
    """In the spelling that was asked for; we say who asks, and ask once."""
    made = asking(registry.url, tmp_path)
    assert made.doi(LIU) == {
        "title": "Use of CAR-Transduced Natural Killer Cells in CD19-Positive Lymphoid Tumors",
        "kind": "journal article",
        "year": "2020",
        "doi": LIU,
        "journal": "N Engl J Med",
        "authors": ["Liu, Enli", "Marin, David", "The A & B Group"],
        "type": "article-journal",
        "volume": "382",
        "issue": "6",
        "pages": "545-553",
    }
    assert made.doi(LIU)["year"] == "2020"
    assert registry.asked == ["/works/10.1056%2FNEJMoa1910607?mailto=desk%40example.org"]
    assert registry.agents == {"journal-publisher/1 (mailto:desk@example.org)"}
    made.close()
    book = asking(registry.url, tmp_path).doi("10.1000/book")
    assert (book["title"], book["isbn"], book["place"]) == (
        "Sleep: A guide",
        "9783161484100",
        "Oxford",
    )
    assert (book["editors"], book["edition"]) == (["Doe, Jane"], "2")


def test_datacite_knows_what_crossref_does_not(registry: Registry, tmp_path: Path) -> None:
    """Data sets and preprints are registered there; what nobody knows is said."""
    naps: list[float] = []
    made = asking(registry.url, tmp_path, naps)
    assert made.doi("10.5281/zenodo.1") == {
        "title": "Sleep diaries of 40 people",
        "kind": "data set",
        "authors": ["Roe, Richard", "Poe, Ann", "{Sleep Unit, Example Clinic}"],
        "year": "2021",
        "publisher": "Zenodo",
        "doi": "10.5281/zenodo.1",
        "type": "dataset",
    }
    assert naps == [1.0]  # between two requests
    with pytest.raises(
        NotFound, match=r"neither Crossref nor DataCite knows the DOI 10\.1000/none"
    ):
        made.doi("10.1000/none")


def test_pubmed_knows_a_number(registry: Registry, tmp_path: Path) -> None:
    """With its DOI, its kind in our words, and what PubMed calls its authors."""
    made = asking(registry.url, tmp_path)
    assert made.pmid("26551272") == {
        "title": "A Randomized Trial of Intensive versus Standard Blood-Pressure Control",
        "kind": "randomised trial",
        "authors": ["SPRINT Research Group", "Wright, JT Jr"],
        "journal": "N Engl J Med",
        "year": "2015",
        "volume": "373",
        "issue": "22",
        "pages": "2103-16",
        "doi": "10.1056/NEJMoa1511939",
        "pmid": "26551272",
        "pmcid": "PMC4689591",
        "type": "article-journal",
    }
    assert "tool=journal-publisher&email=desk%40example.org" in registry.asked[0]
    central = made.pmcid("PMC12607298")
    assert (central["pmcid"], central.get("pmid"), central["kind"]) == (
        "PMC12607298",
        None,
        "journal article",
    )
    with pytest.raises(NotFound, match="PubMed knows no work 7"):
        made.pmid("7")


def test_pubmed_adds_to_a_doi_what_is_its_own(registry: Registry, tmp_path: Path) -> None:
    """Its numbers and the kind of study; not those of another work that its search found."""
    made = asking(registry.url, tmp_path)
    assert made.in_pubmed("10.1056/NEJMoa1511939") == {
        "pmid": "26551272",
        "pmcid": "PMC4689591",
        "kind": "randomised trial",
    }
    assert made.in_pubmed("10.1000/other") == {}
    assert made.in_pubmed("10.1000/nowhere") == {}
    searched = [path for path in registry.asked if path.startswith("/esearch")]
    assert len(searched) == 3
    assert all("email=desk%40example.org" in path and "tool=" in path for path in searched)
    registry.answers += [(200, {}, b'{"esearchresult": {"idlist": ["7"]}}')]
    assert made.in_pubmed("10.1000/gone") == {}  # a number without a summary


def test_a_book_by_its_isbn(registry: Registry, tmp_path: Path) -> None:
    """As Open Library describes it; names stand as they are said."""
    made = asking(registry.url, tmp_path)
    assert made.isbn("9783161484100") == {
        "title": "Sleep: a guide",
        "kind": "book",
        "authors": ["Jane Mary Doe", "{Ministry of Health, Rome}"],
        "year": "2019",
        "publisher": "Example Press",
        "place": "Oxford",
        "type": "book",
        "isbn": "9783161484100",
    }
    with pytest.raises(NotFound, match="knows no book 9780306406157"):
        made.isbn("9780306406157")


def test_trials_by_their_numbers(registry: Registry, tmp_path: Path) -> None:
    """From both registries; a number that leads to another trial has that one's."""
    made = asking(registry.url, tmp_path)
    assert made.nct("NCT04245722") == {
        "title": "A Phase I Study of FT596 in Subjects With B-Cell Lymphoma",
        "kind": "registered trial",
        "authors": ["{Example Therapeutics, Inc.}"],
        "journal": "ClinicalTrials.gov",
        "year": "2020",
        "nct": "NCT04245722",
        "type": "webpage",
    }
    other = made.nct("NCT00000001")
    assert (other["nct"], other["title"], other["year"]) == (
        "NCT00000002",
        "Only a brief title",
        "1999",
    )
    with pytest.raises(NotFound, match="knows no trial NCT00000009"):
        made.nct("NCT00000009")
    trial = {
        "title": "An international randomised trial of additional treatments",
        "kind": "registered trial",
        "authors": ["Example Health Organization"],
        "journal": "ISRCTN registry",
        "year": "2020",
        "isrctn": "ISRCTN83971151",
        "type": "webpage",
    }
    assert made.isrctn("ISRCTN83971151") == trial
    asked = len(registry.asked)
    assert asking(registry.url, tmp_path).isrctn("ISRCTN83971151") == trial  # kept, as XML
    assert len(registry.asked) == asked
    for nowhere in ("ISRCTN00000001", "ISRCTN00000009"):
        with pytest.raises(NotFound, match=f"knows no trial {nowhere}"):
            made.isrctn(nowhere)
    registry.answers += [(200, {}, b"<html>")]
    with pytest.raises(OperatorError, match="no XML"):
        asking(registry.url, tmp_path, fresh=True).isrctn("ISRCTN83971151")


def test_a_page_is_read_for_what_it_says(registry: Registry, tmp_path: Path) -> None:
    """By the names that scholarly search knows; a page is never remembered."""
    made = asking(registry.url, tmp_path)
    assert made.page(f"{registry.url}/plain") == {
        "title": "A & B: a page",
        "kind": "web page",
        "authors": ["Ann Example"],
        "journal": "A Site",
        "year": "2024",
        "url": f"{registry.url}/plain",
        "accessed": "2026-11-24",
        "type": "webpage",
    }
    assert made.page(f"{registry.url}/named")["doi"] == LIU
    made.page(f"{registry.url}/plain")
    assert len(registry.asked) == 3
    with pytest.raises(NotFound, match="says nothing of a work"):
        made.page(f"{registry.url}/blank")
    with pytest.raises(NotFound, match="answers 404"):
        made.page(f"{registry.url}/gone")


def test_answers_are_remembered_for_a_month(registry: Registry, tmp_path: Path) -> None:
    """Longer ones are asked for again, and so is what is spoilt, or wanted fresh."""
    asking(registry.url, tmp_path).doi(LIU)
    asking(registry.url, tmp_path, now=NOW + timedelta(days=29)).doi(LIU)
    assert len(registry.asked) == 1
    asking(registry.url, tmp_path, now=NOW + timedelta(days=31)).doi(LIU)
    asking(registry.url, tmp_path, fresh=True).doi(LIU)
    assert len(registry.asked) == 3
    (kept,) = tmp_path.iterdir()
    kept.write_text("{")
    asking(registry.url, tmp_path).doi(LIU)
    assert len(registry.asked) == 4
    (tmp_path / "file").write_text("")
    asking(registry.url, tmp_path / "file").doi(LIU)  # a cache that cannot be: no harm done


def test_a_busy_server_is_waited_for(registry: Registry, tmp_path: Path) -> None:
    """As long as it asks for, within reason, and not for ever."""
    busy: tuple[int, dict[str, str], bytes] = (503, {}, b"")
    naps: list[float] = []
    registry.answers += [(429, {"Retry-After": "7"}, b""), busy]
    assert asking(registry.url, tmp_path / "a", naps).doi(LIU)["year"] == "2020"
    assert naps == [7.0, 1.0, 4.0, 1.0]
    registry.answers += [busy, busy, busy]
    with pytest.raises(OperatorError, match="answers 503; try again later"):
        asking(registry.url, tmp_path / "b").doi(LIU)
    registry.answers += [(429, {"Retry-After": "3600"}, b"")]
    with pytest.raises(OperatorError, match="answers 429"):
        asking(registry.url, tmp_path / "c").doi(LIU)


@pytest.mark.parametrize(
    ("body", "why"),
    [(b"<html>", "no JSON"), (b"[]", "something else"), (b" " * (LARGEST + 1), "more than")],
)
def test_nonsense_is_called_so(registry: Registry, tmp_path: Path, body: bytes, why: str) -> None:
    """It is no answer, and is not kept."""
    registry.answers += [(200, {}, body)]
    with pytest.raises(OperatorError, match=why):
        asking(registry.url, tmp_path / "cache").doi(LIU)
    assert not (tmp_path / "cache").exists()


def test_offline_is_said_in_plain_words(tmp_path: Path) -> None:
    """Who cannot be reached, and what can be done meanwhile."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(
        OperatorError, match=rf"127\.0\.0\.1:{port} cannot be reached.*are you online"
    ):
        asking(f"http://127.0.0.1:{port}", tmp_path).pmid("1")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(OperatorError, match=r"did not answer within 0\.2 s"):
            asking(url, tmp_path, timeout=0.2).pmid("1")


def test_what_registries_leave_out_is_left_out() -> None:
    """No answer of theirs makes us fail."""
    assert forms.datacite({"titles": None, "creators": [7], "publisher": "P"}) == {"publisher": "P"}
    assert forms.pubmed({"authors": [{"name": "Liu"}], "articleids": [None]}) == {
        "kind": "journal article",
        "authors": ["Liu"],
        "type": "article-journal",
    }
    assert forms.crossref({"subtitle": ["b"], "title": ["A: B"]})["title"] == "A: B"


@pytest.mark.parametrize(
    ("values", "taken", "key"),
    [
        (
            {"authors": ["Müller-Lüdenscheidt, Jörg"], "year": "2020"},
            (),
            "muller-ludenscheidt-2020",
        ),
        ({"authors": ["O'Brien, A"], "year": "2020"}, ("obrien-2020",), "obrien-2020b"),
        ({"title": "The effect of x", "year": "2020"}, (), "effect-2020"),
        ({"authors": ["李"], "title": "睡眠"}, (), "work"),
    ],
)
def test_a_key_is_made_of_author_and_year(
    values: dict[str, Any], taken: tuple[str, ...], key: str
) -> None:
    """In plain letters, and no key twice."""
    assert sourceyaml.key(values, taken) == key
