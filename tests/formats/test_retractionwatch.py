"""Retraction Watch's CSV as Crossref publishes it, with all its oddities."""

from __future__ import annotations

import csv
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.retraction import Event, Nature, Register, Snapshot, Standing, judge
from publisher.errors import UsageError
from publisher.formats import retractionwatch
from publisher.formats.retractionwatch import NotTheData, work_doi
from tests import retractions
from tests.factories import NOW, source
from tests.retractions import SAMPLE, row, text


def events(content: bytes) -> list[Event]:
    """Everything in a file."""
    return list(retractionwatch.parse(retractionwatch.decoded(content.splitlines(keepends=True))))


@pytest.fixture(scope="module")
def sample() -> Register:
    """The hand-made file as a register."""
    found: dict[str, tuple[Event, ...]] = {}
    for event in events(SAMPLE.read_bytes()):
        for key in (f"doi:{event.doi}", f"pmid:{event.pmid}"):
            if not key.endswith("None"):
                found[key] = (*found.get(key, ()), event)
    return Register(Snapshot(date(2026, 11, 20), "0" * 64, 17, 0, "x", NOW), found)


@pytest.mark.parametrize(
    ("doi", "pmid", "standing"),
    [
        ("10.1016/S0140-6736(97)11096-0", None, Standing.RETRACTED),
        ("10.1016/s0140-6736(20)31180-6", None, Standing.RETRACTED),
        ("10.1056/nejmoa1200303", None, Standing.RETRACTED),
        (None, "9500320", Standing.RETRACTED),
        (None, "31000001", Standing.RETRACTED),
        ("10.5555/back.1", None, Standing.REINSTATED),
        ("10.5555/twice.1", None, Standing.RETRACTED),
        ("10.5555/cloud.1", None, Standing.CONCERN),
        ("10.5555/mended.1", None, Standing.CORRECTED),
        ("10.5555/undated.1", None, Standing.RETRACTED),
        ("10.5555/new.1", None, Standing.UNKNOWN),
        ("10.5555/stray.1", None, Standing.RETRACTED),
        ("10.1056/NEJMoa1800389", "29897866", Standing.CLEAR),
        (None, None, Standing.UNKNOWN),
    ],
)
def test_each_work_stands_as_the_data_say(
    sample: Register, doi: str | None, pmid: str | None, standing: Standing
) -> None:
    """By DOI in any case, or by PMID; several rows a paper; a word we do not know is no promise."""
    status = sample.status(source(doi=doi, pmid=pmid, url="https://example.org/x"))
    assert status.standing is standing


def test_a_replaced_work_leads_to_its_replacement(sample: Register) -> None:
    """Where the notes name it."""
    event = sample.status(source(doi="10.1056/NEJMoa1200303", pmid=None)).event
    assert event is not None
    assert (event.replaced, event.replacement) == (True, "10.1056/nejmoa1800389")
    assert (event.notice, event.on) == ("10.1056/nejmc1806491", date(2018, 6, 13))


def test_missing_ids_match_nothing(sample: Register) -> None:
    """`0`, `unavailable` and nothing are no ids; no source is matched by them."""
    assert all("unavailable" not in key.lower() for key in sample.events)
    assert not {"pmid:0", "pmid:", "doi:", "doi:0"} & set(sample.events)


@pytest.mark.parametrize(
    "value", ["", " ", "0", "unavailable", "Unavailable", "10.", "10.5555", "n/a"]
)
def test_no_doi(value: str) -> None:
    """What is written where there is none."""
    assert work_doi(value) is None


@given(
    lead=st.sampled_from(
        ["", "doi:", "DOI: ", "https://doi.org/", "http://dx.doi.org/", "doi.org/"]
    ),
    suffix=st.text("abcXYZ019().-_;:/", min_size=1, max_size=30).filter(
        lambda s: s[-1] not in ".,;: "
    ),
    upper=st.booleans(),
)
def test_every_spelling_of_a_doi_is_one_key(lead: str, suffix: str, upper: bool) -> None:
    """Prefixes, addresses and case make no difference."""
    doi = f"10.5555/{suffix}"
    assert work_doi(lead + (doi.upper() if upper else doi)) == doi.lower()


@pytest.mark.parametrize("cut", [0.2, 0.5, 0.9, 0.999])
def test_a_file_that_is_cut_off_is_refused(cut: float) -> None:
    """In the middle of a row, of a quoted field, or of a line."""
    whole = text(retractions.many(500)).encode()
    part = whole[: int(len(whole) * cut)]
    while part.endswith(b"\r\n"):
        part = part[:-3]
    with pytest.raises(NotTheData):
        events(part + b"\n")


@pytest.mark.parametrize("content", [b"", b"<!doctype html>\n<p>Not found\n", b"a,b\n1,2\n"])
def test_another_file_is_refused(content: bytes) -> None:
    """Empty, a web page, another table: it says which columns are missing."""
    with pytest.raises(UsageError, match="no column Record ID"):
        events(content)


def test_an_unclosed_quote_swallows_nothing() -> None:
    """The rest of the file is not taken for one field."""
    with pytest.raises(NotTheData, match="cut off"):
        events(text([row(1), row(2)]).encode() + b'3,"never closed\r\n' + b"x,y\r\n" * 50)
    assert csv.field_size_limit() != retractionwatch.FIELD


def event(nature: Nature, day: int | None, record: int = 1) -> Event:
    """A notice on a day of January."""
    return Event(record, nature, date(2020, 1, day) if day else None)


dated = st.builds(event, st.sampled_from(Nature), st.one_of(st.none(), st.integers(1, 28)))


@given(st.lists(dated, max_size=8))
def test_only_a_later_reinstatement_lifts_a_retraction(notices: list[Event]) -> None:
    """Whatever else was said, in whatever order the rows come."""
    found = judge(notices).standing
    assert judge(list(reversed(notices))).standing is found
    retracted = [n.on or date.max for n in notices if n.nature is Nature.RETRACTION]
    back = [n.on or date.max for n in notices if n.nature is Nature.REINSTATEMENT]
    if retracted and (not back or max(back) < max(retracted)):
        assert found is Standing.RETRACTED
    if not notices:
        assert found is Standing.CLEAR
