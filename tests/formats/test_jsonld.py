import json
from datetime import date
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.article import Correction, CorrectionKind, Imprint
from publisher.formats import jsonld
from publisher.formats.picture import Picture
from tests.factories import article, journal, source


def node(graph: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    return next(n for n in graph if n["@type"] == kind)


def test_an_article_cites_its_sources_with_their_identifiers() -> None:
    """DOI, PMID and PMCID are properties that machines can follow."""
    found = node(jsonld.article_graph(journal(), article(), None, None), "Article")["citation"]
    assert [c["@type"] for c in found] == ["ScholarlyArticle", "ScholarlyArticle"]
    assert found[0]["url"] == "https://doi.org/10.1056/NEJMoa1910607"
    assert found[0]["sameAs"] == ["https://pubmed.ncbi.nlm.nih.gov/32023374/"]
    assert [i["value"] for i in found[0]["identifier"]] == ["10.1056/NEJMoa1910607", "32023374"]
    assert found[0]["isPartOf"] == {"@type": "Periodical", "name": "N Engl J Med"}
    assert found[1]["author"][1] == {"@type": "Person", "name": "B. Author"}


def test_a_citation_says_where_in_print_it_stands() -> None:
    """Issue, volume and journal one in another; persons with their names' parts; a chapter's book."""
    printed = source(
        authors=("Liu, Enli", "{Study Group, The}"),
        imprint=Imprint(volume="382", issue="6", pages="545-553"),
    )
    chapter = source(journal="The Book", imprint=Imprint(type="chapter"))
    made = jsonld.article_graph(journal(), article(sources=(printed, chapter)), None, None)
    found, other = node(made, "Article")["citation"]
    assert found["author"][0]["familyName"] == "Liu"
    assert found["author"][1] == {"@type": "Organization", "name": "Study Group, The"}
    assert found["pagination"] == "545-553"
    assert found["isPartOf"]["issueNumber"] == "6"
    assert found["isPartOf"]["isPartOf"]["volumeNumber"] == "382"
    assert found["isPartOf"]["isPartOf"]["isPartOf"]["name"] == "N Engl J Med"
    assert (other["@type"], other["isPartOf"]["@type"]) == ("Chapter", "Book")


def test_a_page_without_identifiers_is_no_scholarly_article() -> None:
    """A web address alone is cited as what it is."""
    web = source(doi=None, pmid=None, url="https://example.org/x")
    made = jsonld.article_graph(journal(), article(sources=(web,)), None, None)
    assert node(made, "Article")["citation"][0]["@type"] == "WebPage"


def test_only_what_is_known_is_said() -> None:
    """No author, picture, tag or correction: no such property, and no review date is invented."""
    bare = article(authors=(), tags=(), questions=())
    graph = jsonld.article_graph(journal(), bare, None, None)
    about = node(graph, "Article")
    assert {"image", "keywords", "correction"}.isdisjoint(about)
    assert about["author"] == {"@id": "https://journal.example.org/#publisher"}
    assert "lastReviewed" not in node(graph, "MedicalWebPage")
    assert "FAQPage" not in {n["@type"] for n in graph}


def test_everything_known_is_said() -> None:
    """Questions, picture, corrections, place in the site and publisher are all there."""
    corrected = article(
        corrections=(Correction(date(2026, 11, 20), CorrectionKind.CORRECTION, "eight", "nine"),)
    )
    picture = Picture("/images/x.png", "x", "image/png", 1)
    graph = jsonld.article_graph(journal(), corrected, picture, "https://journal.example.org/l.png")
    about = node(graph, "Article")
    assert about["image"] == "https://journal.example.org/images/x.png"
    assert about["correction"] == ["eight → nine"]
    assert about["dateModified"] == "2026-11-17T07:00:00Z"
    assert node(graph, "Organization")["logo"] == "https://journal.example.org/l.png"
    crumbs = node(graph, "BreadcrumbList")["itemListElement"]
    assert [c["position"] for c in crumbs] == [1, 2, 3]
    answer = node(graph, "FAQPage")["mainEntity"][0]["acceptedAnswer"]
    assert answer["text"] == "No one knows yet."


def test_an_answer_is_plain_text_without_marks() -> None:
    """Paragraphs are set apart by a space and citation marks are gone."""
    html = '<p>One<sup class="cite"><a href="#source-1">1</a></sup>.</p><ul><li>a &lt; b</li></ul>'
    assert jsonld.plain(html) == "One. a < b"


@given(st.text())
def test_no_text_can_end_the_script(title: str) -> None:
    """Whatever an author writes stays data, and comes back as it was."""
    text = jsonld.render([{"name": title + "</script><!--"}])
    assert not {"<", ">", "&"} & set(text)
    assert json.loads(text)["@graph"][0]["name"] == title + "</script><!--"
