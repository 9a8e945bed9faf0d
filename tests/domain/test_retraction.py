"""How a source is looked up, whatever its author wrote."""

from __future__ import annotations

import pytest

from publisher.domain.retraction import Register, Standing, cited, keys
from tests.factories import article, source


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://doi.org/10.1056/NEJMoa1200303", "doi:10.1056/nejmoa1200303"),
        ("http://dx.doi.org/10.1056%2FNEJMoa1200303", "doi:10.1056/nejmoa1200303"),
        ("https://www.nejm.org/doi/full/10.1056/NEJMoa1200303", "doi:10.1056/nejmoa1200303"),
        ("https://www.nejm.org/doi/10.1056/NEJMoa1200303/pdf?x=1", "doi:10.1056/nejmoa1200303"),
        ("https://pubmed.ncbi.nlm.nih.gov/23432189/", "pmid:23432189"),
        ("https://www.ncbi.nlm.nih.gov/pubmed/23432189", "pmid:23432189"),
    ],
)
def test_addresses_are_identifiers_too(url: str, key: str) -> None:
    """A work cannot hide behind the address that it is cited by."""
    assert key in keys(source(doi=None, pmid=None, url=url))


@pytest.mark.parametrize(
    "url", ["https://pmc.ncbi.nlm.nih.gov/articles/PMC12607298/", "https://example.org/2020/12/"]
)
def test_other_addresses_are_none(url: str) -> None:
    """Nothing is read into them."""
    assert keys(source(doi=None, pmid=None, url=url)) == ()


def test_without_data_nothing_is_clear() -> None:
    """Neither with an identifier nor without one; and it says why."""
    for each in (source(), source(doi=None, pmid=None, url="https://example.org/")):
        status = Register().status(each)
        assert status.standing is Standing.UNKNOWN
        assert status.why


def test_what_is_cited_is_put_down_whole() -> None:
    """Each source with its keys; one without any is there too."""
    found = cited([article()])
    assert [(one.key, one.names) for one in found] == [
        ("liu-2020", ("doi:10.1056/nejmoa1910607", "pmid:32023374")),
        ("review-2025", ()),
    ]
