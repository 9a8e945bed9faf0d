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
