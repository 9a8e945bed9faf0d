import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.formats import identifiers


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("10.1056/NEJMoa1910607", "10.1056/NEJMoa1910607"),
        (" 10.1056/NEJMoa1910607 ", "10.1056/NEJMoa1910607"),
        ("doi:10.1000/182", "10.1000/182"),
        ("DOI: 10.1000/182", "10.1000/182"),
        ("https://doi.org/10.1000/182", "10.1000/182"),
        ("http://dx.doi.org/10.1000/182", "10.1000/182"),
        ("https://doi.org/10.1002%2F14651858.CD001", "10.1002/14651858.CD001"),
        ("10.1016/S0140-6736(20)31097-0", "10.1016/S0140-6736(20)31097-0"),
        ("10.1000.10/123456", "10.1000.10/123456"),
        ("10.1056", None),
        ("10.1/x", None),
        ("11.1056/x", None),
        ("10.1056/", None),
        ("10.1056/NEJM oa", None),
        ("10.1056/NEJMoa1910607.", None),
        ("10.1056/x\nBcc: a@example.org", None),
        ("10.1056/\x07", None),
        ("https://example.org/10.1056/x", None),
        ("10.1056/" + "x" * 300, None),
        ("", None),
    ],
)
def test_doi(written: str, kept: str | None) -> None:
    """A DOI is taken in any usual spelling, kept bare, and refused when it is none."""
    assert identifiers.doi(written) == kept


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("32023374", "32023374"),
        ("PMID: 32023374", "32023374"),
        ("pmid 32023374", "32023374"),
        ("https://pubmed.ncbi.nlm.nih.gov/32023374/", "32023374"),
        ("0", None),
        ("0123", None),
        ("1234567890", None),
        ("PMC12607298", None),
        ("3202337x", None),
        ("٣٢", None),
    ],
)
def test_pmid(written: str, kept: str | None) -> None:
    """A PMID is digits, also when it comes as a label or an address."""
    assert identifiers.pmid(written) == kept


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("PMC12607298", "PMC12607298"),
        ("pmc12607298", "PMC12607298"),
        ("PMCID: PMC12607298", "PMC12607298"),
        ("https://pmc.ncbi.nlm.nih.gov/articles/PMC12607298/", "PMC12607298"),
        ("https://www.ncbi.nlm.nih.gov/pmc/articles/PMC12607298", "PMC12607298"),
        ("12607298", None),
        ("PMC", None),
        ("PMC0", None),
    ],
)
def test_pmcid(written: str, kept: str | None) -> None:
    """A PMCID keeps its letters; a bare number could be a PMID and is refused."""
    assert identifiers.pmcid(written) == kept


@given(st.text() | st.from_regex(r"10\.\d{4}/.*"))
def test_normal_forms_stay(text: str) -> None:
    """What was normalised once is its own normal form, and fits in one header line."""
    for normalise in (identifiers.doi, identifiers.pmid, identifiers.pmcid):
        value = normalise(text)
        assert value is None or (normalise(value) == value and value.isprintable())


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("978-0-306-40615-7", "9780306406157"),
        ("9780306406157", "9780306406157"),
        ("ISBN 978 0 306 40615 7", "9780306406157"),
        ("ISBN-13: 978-0-306-40615-7", "9780306406157"),
        ("urn:isbn:9780306406157", "9780306406157"),
        ("0-306-40615-2", "9780306406157"),
        ("ISBN-10 0306406152", "9780306406157"),
        ("0-8044-2957-X", "9780804429573"),
        ("080442957x", "9780804429573"),
        ("979-10-90636-07-1", "9791090636071"),
        ("978-0-306-40615-8", None),
        ("0-306-40615-3", None),
        ("9770306406158", None),
        ("X306406152", None),
        ("978030640615X", None),
        ("97803064061", None),
        ("٩٧٨٠٣٠٦٤٠٦١٥٧", None),
        ("", None),
    ],
)
def test_isbn(written: str, kept: str | None) -> None:
    """Both lengths name one book; a digit that does not fit the others is refused."""
    assert identifiers.isbn(written) == kept


@given(st.text("0123456789", min_size=9, max_size=9), st.integers(0, 8), st.integers(1, 9))
def test_an_isbn_10_is_the_isbn_13_of_the_same_book(core: str, at: int, more: int) -> None:
    """Exactly one check digit fits, in both lengths, and no single slip goes unseen."""
    ten = [f"{core}{last}" for last in "0123456789X" if identifiers.isbn(f"{core}{last}")]
    thirteen = [f"978{core}{last}" for last in "0123456789" if identifiers.isbn(f"978{core}{last}")]
    assert (len(ten), len(thirteen)) == (1, 1)
    assert identifiers.isbn(ten[0]) == identifiers.isbn(thirteen[0]) == thirteen[0]
    slip = str((int(core[at]) + more) % 10)
    assert identifiers.isbn(f"{core[:at]}{slip}{ten[0][at + 1 :]}") is None
    assert identifiers.isbn(f"978{core[:at]}{slip}{thirteen[0][at + 4 :]}") is None


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("NCT04245722", "NCT04245722"),
        ("nct04245722", "NCT04245722"),
        ("NCT: NCT04245722", "NCT04245722"),
        ("ClinicalTrials.gov: NCT04245722", "NCT04245722"),
        ("https://clinicaltrials.gov/study/NCT04245722", "NCT04245722"),
        ("https://www.clinicaltrials.gov/ct2/show/NCT04245722/", "NCT04245722"),
        ("NCT0424572", None),
        ("NCT042457222", None),
        ("04245722", None),
        ("https://example.org/NCT04245722", None),
    ],
)
def test_nct(written: str, kept: str | None) -> None:
    """A ClinicalTrials.gov number has eight digits; its addresses are taken too."""
    assert identifiers.nct(written) == kept


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("ISRCTN83971151", "ISRCTN83971151"),
        ("isrctn 83971151", "ISRCTN83971151"),
        ("https://www.isrctn.com/ISRCTN83971151", "ISRCTN83971151"),
        ("10.1186/ISRCTN83971151", "ISRCTN83971151"),
        ("https://doi.org/10.1186/ISRCTN83971151", "ISRCTN83971151"),
        ("ISRCTN8397115", None),
        ("83971151", None),
        ("10.1056/ISRCTN83971151", None),
    ],
)
def test_isrctn(written: str, kept: str | None) -> None:
    """An ISRCTN has eight digits; the registry's addresses and DOIs are taken too."""
    assert identifiers.isrctn(written) == kept


@given(st.text() | st.from_regex(r"(NCT|ISRCTN)[0-9]{8}") | st.from_regex(r"[0-9Xx -]{10,17}"))
def test_normal_forms_of_books_and_trials_stay(text: str) -> None:
    """What was normalised once is its own normal form, in plain characters."""
    for normalise in (identifiers.isbn, identifiers.nct, identifiers.isrctn):
        value = normalise(text)
        assert value is None or (normalise(value) == value and value.isalnum() and value.isascii())
