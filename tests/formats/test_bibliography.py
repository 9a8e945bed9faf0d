"""One work in four file formats, and what is said of files that are not sound."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.checks import duplicates
from publisher.domain.article import Imprint, Source
from publisher.domain.bibliography import gather
from publisher.domain.finding import Severity
from publisher.formats import bibliography, csljson, record, workfiles

YAML = """\
# What we cite more than once.
- key: liu-2020
  title: "Use of CAR & NK: 5% of cells"
  year: 2020
  journal: N Engl J Med
  authors: ["Müller, Enli", "{Health Organization, Geneva}"]
  doi: https://doi.org/10.1056/NEJMoa1910607
  pmid: 32023374
  volume: 382
  issue: 6
  pages: 545-553
  type: article-journal
"""
BIB = r"""
@string{nejm = "N Engl J Med"}
@article{liu-2020,
  author = {M{\"u}ller, Enli and {Health Organization, Geneva}},
  title = {Use of {CAR} \& {NK}: 5% of cells},
  journal = nejm, year = 2020, volume = 382, number = {6}, pages = {545-553},
  doi = {10.1056/NEJMoa1910607}, pmid = {32023374}
}
"""
RIS = """\
TY  - JOUR
ID  - liu-2020
AU  - Müller, Enli
AU  - {Health Organization, Geneva}
TI  - Use of CAR & NK: 5% of cells
T2  - N Engl J Med
PY  - 2020/02/06
VL  - 382
IS  - 6
SP  - 545
EP  - 553
DO  - 10.1056/NEJMoa1910607
AN  - 32023374
DB  - PubMed
ER  -
"""
CSL = json.dumps(
    [
        {
            "id": "liu-2020",
            "type": "article-journal",
            "title": "Use of <i>CAR</i> &amp; NK: 5% of cells",
            "author": [
                {"family": "Müller", "given": "Enli"},
                {"literal": "Health Organization, Geneva"},
            ],
            "issued": {"date-parts": [[2020, 2, 6]]},
            "container-title": ["N Engl J Med"],
            "volume": "382",
            "issue": "6",
            "page": "545-553",
            "DOI": "10.1056/NEJMoa1910607",
            "PMID": 32023374,
        }
    ],
    indent=1,
)
WORK = Source(
    key="liu-2020",
    title="Use of CAR & NK: 5% of cells",
    kind="journal article",
    year=2020,
    journal="N Engl J Med",
    authors=("Müller, Enli", "{Health Organization, Geneva}"),
    doi="10.1056/NEJMoa1910607",
    pmid="32023374",
    imprint=Imprint(volume="382", issue="6", pages="545-553", type="article-journal"),
)


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("sources.yaml", YAML, 2),
        ("a.bib", BIB, 3),
        ("my library.RIS", RIS, 1),
        ("x.csl.json", CSL, 2),
    ],
)
def test_one_work_in_four_formats(name: str, text: str, line: int) -> None:
    """It comes out the same, with the place where it stands, and through the cache too."""
    assert workfiles.is_one(name)
    entries, findings = bibliography.parse(text.encode(), f"content/{name}")
    assert findings == ()
    (entry,) = entries
    assert entry.source == WORK
    assert (entry.place.path, entry.place.line) == (f"content/{name}", line)
    assert record.decode_works(record.encode_works(entries, findings)) == (entries, findings)


def told(name: str, text: str | bytes) -> list[tuple[str, int | None, bool]]:
    raw = text.encode() if isinstance(text, str) else text
    _, findings = bibliography.parse(raw, f"content/{name}")
    return [(each.rule, each.place.line, each.blocks) for each in findings]


@pytest.mark.parametrize(
    ("name", "text", "findings"),
    [
        ("sources.yaml", "", []),
        ("sources.yaml", "# nothing yet\n", []),
        ("sources.yaml", "a: 1\n", [("bad-bibliography", 1, True)]),
        ("sources.yaml", "- key: [\n", [("bad-bibliography", 2, True)]),
        ("sources.yaml", b"- key: \xff\n", [("invalid-utf8", 1, True)]),
        (
            "sources.yaml",
            "- a\n- {key: k}\n",
            [
                ("wrong-type", 1, False),
                ("missing-key", 2, False),
                ("missing-key", 2, False),
                ("unresolvable-source", 2, False),
            ],
        ),
        (
            "sources.yaml",
            "- {key: k, title: t, year: 2020, pmid: 1, retracted: acknowledged}\n",
            [("unknown-key", 1, False)],
        ),
        (
            "sources.yaml",
            "- {key: ä, title: t, year: 2020, pmid: 1, type: poem}\n",
            [("bad-source-key", 1, False), ("unknown-choice", 1, False)],
        ),
        (
            "a.bib",
            "\n@article{a, title={x\n@misc{b, title={y}, year=2020, doi={10.1000/1}}\n",
            [("bad-bibliography", 2, False)],
        ),
        ("a.ris", "TY  - JOUR\nTI  - x\n", [("bad-bibliography", 1, False)]),
        ("a.ris", "hello\n", [("bad-bibliography", 1, False)]),
        ("sources.json", "{}", [("bad-bibliography", 1, True)]),
        ("sources.json", "[\n{},\n", [("bad-bibliography", 3, True)]),
        ("sources.json", "[{} {}]", [("bad-bibliography", 1, True)]),
        ("sources.json", "[] x", [("bad-bibliography", 1, True)]),
        ("sources.json", "[\n1]", [("bad-bibliography", 2, False)]),
    ],
)
def test_what_is_wrong_has_a_line(
    name: str, text: str | bytes, findings: list[tuple[str, int | None, bool]]
) -> None:
    """A wrong work warns, because only who cites it is concerned; a file that is none blocks."""
    assert told(name, text) == findings


def test_a_key_that_stands_twice_means_neither_work() -> None:
    """Nobody knows which one an article would mean."""
    one, _ = bibliography.parse(YAML.encode(), "content/sources.yaml")
    two, _ = bibliography.parse(BIB.encode(), "content/a.bib")
    (clash,) = duplicates.keys((*one, *two))
    assert (clash.rule, str(clash.place)) == ("repeated-work", "content/a.bib:3")
    assert gather((*one, *two)).entries["liu-2020"].source is None


def test_too_large() -> None:
    """Eight MiB are twenty thousand works."""
    _, (found,) = bibliography.parse(b" " * (workfiles.MAX_BYTES + 1), "content/a.bib")
    assert found.rule == "file-too-large"


@pytest.mark.parametrize("name", ["data.json", "notes.yaml", "a.bib.md", "sources.txt"])
def test_other_files_hold_no_works(name: str) -> None:
    """What was there before we knew of such files is left alone."""
    assert not workfiles.is_one(name)


@pytest.mark.parametrize(("name", "sound"), [("a.bib", BIB), ("a.ris", RIS), ("s.csl.json", CSL)])
def test_no_text_makes_it_fail(name: str, sound: str) -> None:
    """A file that is cut off, joined or spoilt anywhere ends in findings, never in a traceback."""

    @settings(max_examples=60, deadline=None)
    @given(at=st.integers(0, len(sound)), junk=st.text(max_size=6), stop=st.integers(0, len(sound)))
    def spoilt(at: int, junk: str, stop: int) -> None:
        text = f"{sound[:at]}{junk}{sound[stop:]}"
        entries, findings = bibliography.parse(text.encode("utf-8", "replace"), f"content/{name}")
        assert all(entry.source is None or entry.source.title for entry in entries)
        assert all(each.severity is Severity.WARNING or each.rule for each in findings)

    spoilt()


def test_bibtex_as_reference_managers_write_it() -> None:
    """BibLaTeX's names of fields, names with particles, "and others", several ISBNs."""
    text = r"""
@online{page, title={A page}, subtitle={And more}, date={2024-05-06}, urldate={2026-01-02},
  url={https://example.org/a\_b?x=1&y=2}}
@book{tome, title={Tome}, year=1999, isbn={978-3-16-148410-0, 3161484100}, publisher={P},
  author={Ludwig van Beethoven and others}, address={Bonn}, edition={2nd}}
@misc{eprint, title={E}, year=2020, eprinttype={pubmed}, eprint={32023374}, urldate={today}}
"""
    entries, findings = bibliography.parse(text.encode(), "content/a.bib")
    assert findings == ()
    page, tome, eprint = (entry.source for entry in entries)
    assert page is not None
    assert tome is not None
    assert eprint is not None
    assert (page.title, page.url) == ("A page: And more", "https://example.org/a_b?x=1&y=2")
    assert str(page.accessed) == "2026-01-02"
    assert (tome.isbn, tome.authors) == ("9783161484100", ("van Beethoven, Ludwig", "et al."))
    assert (eprint.pmid, eprint.accessed) == ("32023374", None)


def test_csl_json_as_apis_answer_it() -> None:
    """Lists of titles, names with particles, dates as texts, types of their own."""
    values = csljson.values(
        {
            "type": "journal-article",
            "title": ["A <b>bold</b> claim"],
            "author": [{"family": "Berg", "given": "Jan", "non-dropping-particle": "van der"}, 7],
            "published": {"raw": "Spring 2019"},
            "accessed": {"date-parts": [[2026, 1, 2]]},
            "DOI": "10.1000/1",
        }
    )
    assert values == {
        "title": "A bold claim",
        "year": "2019",
        "doi": "10.1000/1",
        "authors": ["van der Berg, Jan"],
        "accessed": "2026-01-02",
    }
    assert csljson.values({"issued": {"date-parts": [None]}, "author": "x"}) == {}
