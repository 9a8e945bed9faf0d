"""What readers can follow, and what becomes of articles that move or are taken back."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import feedparser
import jsonschema
import pytest
from bs4 import BeautifulSoup
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from publisher.build import build
from publisher.domain.article import Alias, Article, Correction, CorrectionKind, Withdrawal
from publisher.domain.issue import ArchivedIssue, IssueState
from publisher.domain.journal import Journal
from publisher.errors import BlockedByFindings
from publisher.formats import footprint
from publisher.formats.feeds import LIMIT
from publisher.ports import Library
from publisher.templates import Folders
from tests.factories import NOW, article, edition, issue, journal, numbered

TEMPLATES = Folders().load()
URL = "https://journal.example.org"
SCHEMAS = Path(__file__).parents[1] / "schemas"
REASON = "The trial was retracted. <We> no longer stand by it."


def built(
    *articles: Article, of: Journal | None = None, issues: tuple[ArchivedIssue, ...] = ()
) -> dict[str, bytes]:
    return build(of or journal(), Library(articles, ()), TEMPLATES, issues, NOW)


def items(files: Mapping[str, bytes], path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(files[path])["items"]
    return found


def soup(files: Mapping[str, bytes], path: str) -> BeautifulSoup:
    return BeautifulSoup(files[path].decode(), "html.parser")


def withdrawn(**overrides: Any) -> Article:
    taken_back = Withdrawal(date(2026, 11, 20), REASON)
    return article(
        withdrawn=taken_back, updated_at=datetime(2026, 11, 19, 23, tzinfo=UTC), **overrides
    )


def folders(files: Mapping[str, bytes]) -> list[str]:
    return [path.removesuffix("feed.json") for path in files if path.endswith("feed.json")]


# --- feeds ----------------------------------------------------------------------------------


def sent(number: int, **overrides: Any) -> ArchivedIssue:
    html = (
        '<html><head><title>x</title></head><body><div style="display:none">Preheader</div>'
        f"<table><tr><td><h1>Issue {number}</h1><p>Words <a href='https://x.example.org/'>on</a>"
        "</p><script>alert(1)</script></td></tr></table></body></html>"
    )
    made = replace(issue(), id=number, number=number, **overrides)
    return ArchivedIssue(made, edition(html=html, subject=f"No. {number} & <more>"))


def test_a_category_has_its_own_articles() -> None:
    """Each category's feed holds its articles and no others; the journal's holds all."""
    files = built(*numbered(3), *(replace(a, id=f"{a.id}s", category="sleep") for a in numbered(2)))
    assert len(items(files, "feed.json")) == 5
    assert {i["tags"][0] for i in items(files, "categories/sleep/feed.json")} == {"Sleep"}
    assert len(items(files, "categories/sleep/feed.json")) == 2
    assert items(files, "categories/nutrition/feed.json") == []


def test_a_newsletter_has_its_issues() -> None:
    """Issues that have left, newest first, with the mail's words and none of its layout."""
    entries = (
        sent(1),
        sent(2),
        sent(3, state=IssueState.APPROVED),
        sent(4, state=IssueState.DRAFT),
    )
    found = items(built(article(), issues=entries), "issues/weekly/feed.json")
    assert [each["url"] for each in found] == [f"{URL}/issues/weekly/{n}/" for n in (2, 1)]
    assert found[0]["title"] == "No. 2 & <more>"
    assert found[0]["summary"] == "And what it means."
    assert found[0]["content_html"] == (
        '<h1>Issue 2</h1><p>Words <a href="https://x.example.org/">on</a></p>'
    )


def test_issues_of_one_slot_differ_in_their_instant() -> None:
    """A weekly and a monthly issue of one morning are two moments, told apart by their numbers."""
    found = items(built(issues=(sent(1), sent(2))), "issues/weekly/feed.json")
    assert len({each["date_modified"] for each in found}) == 2
    assert len({each["date_published"] for each in found}) == 1


def test_formats_of_every_feed_agree() -> None:
    """Journal, categories and newsletters: the same ids, titles, links and dates in all three."""
    files = built(*numbered(30), withdrawn(id="tag:x,2026:w", slug="w"), issues=(sent(1), sent(2)))
    assert len(folders(files)) == 5
    for folder in folders(files):
        document = json.loads(files[f"{folder}feed.json"])
        for name in ("feed.xml", "atom.xml"):
            found = feedparser.parse(files[folder + name])
            assert not found.bozo
            assert found.feed.title == document["title"]
            assert [e.id for e in found.entries] == [i["id"] for i in document["items"]]
            assert [e.link for e in found.entries] == [i["url"] for i in document["items"]]
            for one, other in zip(found.entries, document["items"], strict=True):
                instant = datetime.fromisoformat(other["date_modified"])
                assert one.updated_parsed[:6] == instant.timetuple()[:6]


def test_every_document_follows_its_schema() -> None:
    """RFC 4287 and JSON Feed 1.1, for all documents of a journal."""
    rng = etree.RelaxNG(etree.parse(str(SCHEMAS / "atom.rng")))
    schema = jsonschema.Draft202012Validator(json.loads((SCHEMAS / "jsonfeed.json").read_text()))
    of = journal(feed_items=5, hub="https://hub.example.org/")
    files = built(*numbered(60), withdrawn(id="tag:x,2026:w", slug="w"), of=of, issues=(sent(1),))
    for path, content in files.items():
        if path.endswith("atom.xml"):
            rng.assertValid(etree.fromstring(content))
        elif path.endswith("feed.json"):
            schema.validate(json.loads(content))


@pytest.mark.parametrize(
    "change",
    [
        {"slug": "moved"},
        {"category": "sleep"},
        {"title": "Another"},
        {"published_at": NOW - timedelta(days=90)},
    ],
)
def test_an_id_survives_a_change(change: dict[str, Any]) -> None:
    """Slug, category, title and date: the same item to every reader."""
    (before,) = items(built(article()), "feed.json")
    (after,) = items(built(article(**change)), "feed.json")
    assert after["id"] == before["id"]


def test_ids_survive_a_change_of_domain() -> None:
    """With an id in the settings feeds, categories and issues are known under any address."""
    of = journal(id="tag:journal.example.org,2026:journal")
    elsewhere = replace(of, url="https://elsewhere.example.org", app_url=of.url)
    one, other = (built(article(), of=j, issues=(sent(1),)) for j in (of, elsewhere))
    for folder in folders(one):
        for name in ("feed.xml", "atom.xml"):
            before, after = (
                [e.text for e in etree.fromstring(files[folder + name]).iter("{*}id", "guid")]
                for files in (one, other)
            )
            assert before == after
            assert len(before) + (name == "feed.xml") == 1 + len(items(one, f"{folder}feed.json"))


def test_the_feeds_updated_is_its_newest_items() -> None:
    """Never the build's: another day's build is the same bytes."""
    library = Library(numbered(3), ())
    one = build(journal(), library, TEMPLATES, (), NOW)
    other = build(journal(), library, TEMPLATES, (), NOW + timedelta(days=9))
    assert one == other


def test_a_correction_moves_updated_alone() -> None:
    """`published` never moves."""
    wrong = Correction(date(2026, 11, 20), CorrectionKind.CORRECTION, "ten", "eleven")
    when = datetime(2026, 11, 19, 23, tzinfo=UTC)
    (after,) = items(built(article(corrections=(wrong,), updated_at=when)), "feed.json")
    assert after["date_published"] == "2026-11-17T07:00:00Z"
    assert after["date_modified"] == "2026-11-19T23:00:00Z"
    assert after["content_html"].index("Sources") < after["content_html"].index("eleven")


def test_half_a_megabyte_is_carried_as_a_summary_and_a_link() -> None:
    """A feed stays under its limit; takeaway, sources and disclaimer are there all the same."""
    long = article(body_html="<p>" + "word &amp; word " * 60_000 + "</p>")
    long = replace(long, feed_bytes=footprint.taken(long.body_html, (), long.sources))
    files = built(long, *(replace(a, category="sleep") for a in numbered(3)))
    found = next(i for i in items(files, "feed.json") if i["id"] == long.id)
    for words in ("too long for a feed", long.summary, long.key_takeaway, "PMID", "your doctor"):
        assert words in found["content_html"]
    assert f'<a href="{URL}/articles/car-nk-cells/">' in found["content_html"]
    assert "word & word" not in found["content_html"]


@settings(max_examples=8, deadline=None)
@given(
    st.lists(
        st.tuples(st.text(st.characters(codec=None), max_size=60), st.integers(0, 60_000)),
        min_size=1,
        max_size=12,
    )
)
def test_no_document_is_over_its_limit(texts: list[tuple[str, int]]) -> None:
    """Whatever articles hold, and however they are escaped: 512 KiB, and well formed."""
    made = []
    for one, (text, size) in zip(numbered(12), texts, strict=False):
        body = f"<p>{text}</p>" + '<p>"<i>&amp;</i>\n"</p>' * (size // 20)
        taken = footprint.taken(body, one.questions, one.sources)
        made.append(replace(one, title=f"t{text}", body_html=body, feed_bytes=taken))
    files = built(*made)
    for folder in folders(files):
        for name in ("feed.xml", "atom.xml", "feed.json"):
            assert len(files[folder + name]) <= LIMIT
        etree.fromstring(files[f"{folder}feed.xml"])
        etree.fromstring(files[f"{folder}atom.xml"])
        json.loads(files[f"{folder}feed.json"])


# --- discovery ------------------------------------------------------------------------------


def test_every_page_leads_to_the_feeds_that_fit() -> None:
    """All name the journal's; articles and categories the category's, issues the newsletter's."""
    files = built(article(), issues=(sent(1),))
    fitting = {
        "articles/car-nk-cells/index.html": "/categories/cancer/",
        "categories/cancer/index.html": "/categories/cancer/",
        "issues/index.html": "/issues/weekly/",
        "issues/weekly/index.html": "/issues/weekly/",
        "issues/weekly/1/index.html": "/issues/weekly/",
        "index.html": None,
        "feeds/index.html": None,
        "404.html": None,
    }
    for path, more in fitting.items():
        found = [
            (str(e["type"]), str(e["href"]))
            for e in soup(files, path).select("link[rel=alternate]")
        ]
        wanted = [
            (kind, f"{URL}{folder}{name}")
            for folder in filter(None, ("/", more))
            for kind, name in (
                ("application/rss+xml", "feed.xml"),
                ("application/atom+xml", "atom.xml"),
                ("application/feed+json", "feed.json"),
            )
        ]
        assert found == wanted, path
        assert all(href.removeprefix(f"{URL}/") in files for _, href in found)


def test_the_page_about_feeds_lists_them_all() -> None:
    """Every feed there is, its page, and the list for readers; nothing leads nowhere."""
    files = built(article())
    found = soup(files, "feeds/index.html").select("main a")
    links = {str(a["href"]).removeprefix(URL).lstrip("/") for a in found}
    feeds = {path for path in files if path.endswith((".xml", ".json")) and "feed" in path}
    assert feeds | {path for path in files if path.endswith("atom.xml")} <= links
    assert "feeds.opml" in links
    for path in links:
        assert path in files or f"{path}index.html" in files


def test_opml_lists_each_feed_once() -> None:
    """Titles are escaped, addresses are whole and lead to what is there."""
    files = built(article(), of=journal(title='A "B" <C> & D'))
    root = etree.fromstring(files["feeds.opml"])
    assert root.get("version") == "2.0"
    outlines = root.findall("body/outline")
    assert [o.get("xmlUrl", "").removeprefix(f"{URL}/") for o in outlines] == [
        "feed.xml",
        "categories/cancer/feed.xml",
        "categories/sleep/feed.xml",
        "categories/nutrition/feed.xml",
        "issues/weekly/feed.xml",
    ]
    assert outlines[0].get("text") == 'A "B" <C> & D'
    assert all(o.get("xmlUrl", "").removeprefix(f"{URL}/") in files for o in outlines)
    assert {o.get("type") for o in outlines} == {"rss"}


# --- articles that were taken back ------------------------------------------------------------


def test_a_withdrawn_article_leaves_everything_but_its_address() -> None:
    """Index, category and sitemap know it no more; its page says why, and is listed as gone."""
    files = built(withdrawn(), *numbered(2, category="sleep"))
    for path in ("index.html", "categories/cancer/index.html", "sitemap.xml"):
        assert b"car-nk-cells" not in files[path]
    page = soup(files, "articles/car-nk-cells/index.html")
    assert REASON in page.get_text()
    assert "November 20, 2026" in page.get_text()
    assert "What was asked" not in page.get_text()
    assert page.select("meta[name=robots][content=noindex]")
    assert json.loads(files["_site.json"])["gone"] == ["/articles/car-nk-cells/"]


@pytest.mark.parametrize("path", ["feed.json", "categories/cancer/feed.json"])
def test_feeds_carry_a_notice_in_its_place(path: str) -> None:
    """The same id, the reason, dated by the withdrawal; nothing of the article itself."""
    (notice,) = items(built(withdrawn()), path)
    assert notice["id"] == article().id
    assert notice["title"] == "Withdrawn: What the first CAR-NK trial found"
    assert notice["summary"] == REASON
    assert notice["date_modified"] == "2026-11-19T23:00:00Z"
    assert notice["date_published"] == "2026-11-17T07:00:00Z"
    assert "&lt;We&gt; no longer" in notice["content_html"]
    assert "What was asked" not in notice["content_html"]


def test_the_notice_of_an_old_article_is_in_the_current_document() -> None:
    """Who polls learns of it, and the archived page has it too."""
    old = withdrawn(published_at=NOW - timedelta(days=900))
    files = built(*numbered(60), old, of=journal(feed_items=5))
    for path in ("feed.json", "archive/1/feed.json"):
        assert [i["title"][:9] for i in items(files, path)].count("Withdrawn") == 1


# --- articles that moved ----------------------------------------------------------------------


def test_a_former_address_leads_on() -> None:
    """A page for plain hosts, and the list for servers; a file that is no page is listed alone."""
    moved = article(aliases=(Alias("/old/"), Alias("/2019/x"), Alias("/y.html"), Alias("/z.pdf")))
    files = built(moved)
    for path in ("old/index.html", "2019/x/index.html", "y.html"):
        page = soup(files, path)
        target = f"{URL}/articles/car-nk-cells/"
        (refresh,) = page.select("meta[http-equiv=refresh]")
        (canonical,) = page.select("link[rel=canonical]")
        assert refresh["content"] == f"0; url={target}"
        assert canonical["href"] == target
        assert page.select(f"main a[href='{target}']")
    assert not [path for path in files if "z.pdf" in path]
    listed = json.loads(files["_site.json"])["redirects"]
    assert list(listed.items()) == [
        (old, "/articles/car-nk-cells/") for old in ("/2019/x", "/old/", "/y.html", "/z.pdf")
    ]


def test_nothing_moved_is_said_so() -> None:
    """The list is always there, and empty when there is nothing to say."""
    assert json.loads(built(article())["_site.json"]) == {"gone": [], "redirects": {}}


@pytest.mark.parametrize(
    "alias",
    [
        "/articles/car-nk-cells/",
        "/articles/car-nk-cells/index.html",
        "/feed.xml/x",
        "/Feeds/",
        "/issues/weekly",
        "/_site.json/x",
    ],
)
def test_an_alias_never_takes_a_real_place(alias: str) -> None:
    """Neither a page's nor a file's nor a folder's, in whatever case; the line is named."""
    with pytest.raises(BlockedByFindings) as caught:
        built(article(aliases=(Alias(alias, 7),)))
    (finding,) = caught.value.findings
    assert finding.rule == "alias-clash"
    assert str(finding.place) == "content/car-nk-cells.md:7"


@pytest.mark.parametrize("pair", [("/a/", "/a"), ("/a/b", "/a/b/"), ("/x.html", "/x.html/y")])
def test_two_articles_never_share_an_alias(pair: tuple[str, str]) -> None:
    """Also where one would have to be a folder of the other."""
    one, other = numbered(2)
    for first, second in (pair, pair[::-1]):
        with pytest.raises(BlockedByFindings, match=r"alias-clash: .* is an alias in content/"):
            built(replace(one, aliases=(Alias(first),)), replace(other, aliases=(Alias(second),)))


def test_drafts_claim_no_address() -> None:
    """An alias counts from the moment that its article is there."""
    files = built(article(draft=True, aliases=(Alias("/articles/"),)))
    assert json.loads(files["_site.json"])["redirects"] == {}
