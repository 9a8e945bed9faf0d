from datetime import UTC, datetime

import pytest
from lxml import etree

from publisher.formats import sitemap

NS = {"s": "http://www.sitemaps.org/schemas/sitemap/0.9"}
AT = datetime(2026, 11, 17, 7, 0, tzinfo=UTC)


def test_pages_are_listed_with_the_time_they_changed() -> None:
    """`lastmod` is stated where it is known and nowhere else; addresses are escaped."""
    files = sitemap.render(
        [("https://x.example.org/?a&b", AT), ("https://x.example.org/i/", None)],
        "https://x.example.org",
    )
    root = etree.fromstring(files["sitemap.xml"])
    assert root.xpath("//s:loc/text()", namespaces=NS) == [
        "https://x.example.org/?a&b",
        "https://x.example.org/i/",
    ]
    assert root.xpath("//s:lastmod/text()", namespaces=NS) == ["2026-11-17T07:00:00Z"]


def test_a_large_site_has_its_map_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over the limit `sitemap.xml` lists parts, each within it, and loses no page."""
    monkeypatch.setattr(sitemap, "LIMIT", 2)
    pages: list[sitemap.Page] = [(f"https://x.example.org/{n}/", AT) for n in range(4)]
    pages.append(("https://x.example.org/last/", None))
    files = sitemap.render(pages, "https://x.example.org")
    index = etree.fromstring(files["sitemap.xml"])
    assert index.xpath("//s:sitemap/s:loc/text()", namespaces=NS) == [
        f"https://x.example.org/sitemap-{n}.xml" for n in (1, 2, 3)
    ]
    assert len(index.xpath("//s:lastmod", namespaces=NS)) == 2
    found = [
        url
        for n in (1, 2, 3)
        for url in etree.fromstring(files[f"sitemap-{n}.xml"]).xpath(
            "//s:loc/text()", namespaces=NS
        )
    ]
    assert found == [url for url, _ in pages]


def test_robots_may_read_and_find_the_map() -> None:
    """Nothing is forbidden, and the sitemap is named."""
    assert (
        sitemap.robots("https://x.example.org")
        .decode()
        .endswith("Sitemap: https://x.example.org/sitemap.xml\n")
    )
