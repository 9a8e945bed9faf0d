import hashlib
import json
import os
import re
import subprocess
import sys
import textwrap
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from bs4 import BeautifulSoup
from lxml import etree

from publisher.build import build, next_change, public_articles
from publisher.domain.article import Article, Correction, CorrectionKind, Image
from publisher.domain.finding import Finding, Place, Severity
from publisher.domain.issue import ArchivedIssue, IssueState
from publisher.domain.journal import Journal
from publisher.domain.template import Template, TemplateSet
from publisher.errors import BlockedByFindings, SettingsError, TemplateError
from publisher.ports import Library
from publisher.templates import Folders
from tests.factories import NOW, article, edition, issue, journal, newsletter, numbered

TEMPLATES = Folders().load()
PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x10\0\0\0\x09"
BERLIN = ZoneInfo("Europe/Berlin")
IMAGES = {"images/cells.png": PNG}


def built(
    *articles: Article,
    of: Journal | None = None,
    issues: tuple[ArchivedIssue, ...] = (),
    images: dict[str, bytes] | None = None,
    templates: TemplateSet = TEMPLATES,
    now: datetime = NOW,
) -> dict[str, bytes]:
    library = Library(articles, (), IMAGES if images is None else images)
    return build(of or journal(), library, templates, issues, now)


def soup(files: dict[str, bytes], path: str) -> BeautifulSoup:
    return BeautifulSoup(files[path].decode(), "html.parser")


def page(of: Journal | None = None, **overrides: Any) -> BeautifulSoup:
    return soup(built(article(**overrides), of=of), "articles/car-nk-cells/index.html")


def one(found: BeautifulSoup, selector: str) -> Any:
    (element,) = found.select(selector)
    return element


def said(found: BeautifulSoup, selector: str) -> str:
    return " ".join(one(found, selector).get_text(" ").split())


# --- the tree -------------------------------------------------------------------------------


def test_every_part_of_the_site_is_there() -> None:
    """Index, articles, categories, past issues, feeds, sitemap, robots, 404, styles, pictures."""

    def feeds(folder: str) -> list[str]:
        return [f"{folder}/{name}" for name in ("atom.xml", "feed.json", "feed.xml", "index.html")]

    assert list(built(article(), issues=(ArchivedIssue(issue(), edition()),))) == [
        "404.html",
        "_site.json",
        "articles/car-nk-cells/index.html",
        "assets/colours.css",
        "assets/style.css",
        "atom.xml",
        *feeds("categories/cancer"),
        *feeds("categories/nutrition"),
        *feeds("categories/sleep"),
        "feed.json",
        "feed.xml",
        "feeds.opml",
        "feeds/index.html",
        "images/cells.png",
        "index.html",
        "issues/index.html",
        "issues/weekly/1/index.html",
        *feeds("issues/weekly"),
        "robots.txt",
        "sitemap.xml",
        "sources/index.html",
    ]


def test_drafts_and_scheduled_articles_appear_nowhere() -> None:
    """No page, list, feed or map knows of what readers may not see yet."""
    draft = article(id="tag:x,2026:draft", slug="secret-draft", draft=True)
    scheduled = article(
        id="tag:x,2026:later", slug="secret-later", published_at=NOW + timedelta(seconds=1)
    )
    files = built(article(), draft, scheduled)
    assert not [path for path, content in files.items() if b"secret" in content or "secret" in path]
    later = built(article(), draft, scheduled, now=NOW + timedelta(seconds=1))
    assert "articles/secret-later/index.html" in later
    assert "articles/secret-draft/index.html" not in later


def test_when_the_next_scheduled_article_falls_due() -> None:
    """The earliest future date counts; drafts and what is public do not."""
    late, soon = NOW + timedelta(days=2), NOW + timedelta(days=1)
    articles = (article(), article(published_at=late), article(published_at=soon))
    draft = article(published_at=NOW + timedelta(hours=1), draft=True)
    assert next_change(Library((*articles, draft), ()), NOW, BERLIN) == soon
    assert next_change(Library((article(), draft), ()), NOW, BERLIN) is None


def test_a_page_says_that_its_review_is_overdue_from_the_next_midnight_on() -> None:
    """The last day still counts; then the page says so, and so does `run`, which builds again."""
    due = article(reviewed=date(2025, 11, 1), review_by=NOW.date())
    midnight = datetime(2026, 11, 24, 23, 0, tzinfo=UTC)  # 00:00 of the 25th in Berlin
    path = "articles/car-nk-cells/index.html"
    before = built(due, now=midnight - timedelta(seconds=1))[path].decode()
    after = built(due, now=midnight)[path].decode()
    assert "Reviewed <time" in before
    assert "Review overdue" not in before
    assert "We meant to review this article by" in after
    assert "2026-11-24" in after
    assert next_change(Library((due,), ()), NOW, BERLIN) == midnight
    german = built(replace(due, language="de"), now=midnight)[path].decode()
    assert "Überprüfung überfällig" in german


def test_a_category_has_its_own_notice_on_pages_and_in_feeds() -> None:
    """The notice stands with each article of the category, escaped, and with no other."""
    words = "Never stop a treatment & never start one without your doctor."
    told = replace(journal().categories[0], notice=words)
    ours = journal(categories=(told, *journal().categories[1:]))
    other = article(id="tag:x,2026:sleep", slug="sleep", category="sleep", path="content/s.md")
    files = built(article(), other, of=ours)
    shown = words.replace("&", "&amp;")
    assert shown in files["articles/car-nk-cells/index.html"].decode()
    assert shown not in files["articles/sleep/index.html"].decode()
    [entry] = json.loads(files["categories/cancer/feed.json"])["items"]
    assert shown in entry["content_html"]


def test_newest_first_and_ties_by_id() -> None:
    """The order does not depend on how the library was read."""
    a, b, c = numbered(3)
    b = replace(b, published_at=a.published_at)
    for order in ((a, b, c), (c, b, a)):
        assert public_articles(Library(order, ()), NOW) == [a, b, c]


def test_every_blocking_finding_is_named() -> None:
    """All at once: those of the library, an unknown category and a missing picture."""
    findings = (
        Finding("title-missing", Severity.ERROR, Place("content/a.md", 2), "no title", "add one"),
        Finding("long", Severity.WARNING, Place("content/b.md"), "too long"),
    )
    bad = article(category="nowhere", image=Image("images/none.png", "none"))
    with pytest.raises(BlockedByFindings) as caught:
        build(journal(), Library((bad,), findings), TEMPLATES, (), NOW)
    assert [f.rule for f in caught.value.findings] == [
        "title-missing",
        "category-unknown",
        "image-missing",
    ]
    assert "content/a.md:2: title-missing: no title (add one)" in str(caught.value)
    assert "content/car-nk-cells.md: category-unknown" in str(caught.value)


def test_warnings_do_not_stand_in_the_way() -> None:
    """Only an error blocks."""
    warning = Finding("long", Severity.WARNING, Place("content/b.md"), "too long")
    assert build(journal(), Library((article(),), (warning,)), TEMPLATES, (), NOW)


@pytest.mark.parametrize("key", ["icon", "logo"])
def test_an_icon_or_logo_that_is_not_there_is_a_settings_error(key: str) -> None:
    """A broken picture on every page is told to the operator, with the key."""
    of = journal(**{key: "images/none.svg"})
    with pytest.raises(SettingsError, match=rf'{key} = "images/none\.svg"'):
        built(article(), of=of)


def test_a_broken_template_of_the_journal_is_named() -> None:
    """The file and the line, not a traceback."""
    templates = dict(TEMPLATES.templates)
    templates["site/404.html"] = Template("site/404.html", "\n{{ nowhere }}", "mine/404.html", True)
    with pytest.raises(TemplateError, match=r"^mine/404\.html:2: 'nowhere' is undefined"):
        built(article(), templates=TemplateSet(templates, {}))


def test_the_same_inputs_give_the_same_bytes() -> None:
    """Two processes with different hash seeds build one and the same tree."""
    script = textwrap.dedent(
        """
        import hashlib
        from tests.verbs.test_build import ArchivedIssue, built, edition, issue
        from tests.factories import numbered
        files = built(*numbered(60), issues=(ArchivedIssue(issue(), edition()),))
        whole = b"".join(path.encode() + content for path, content in files.items())
        print(hashlib.sha256(whole).hexdigest())
        """
    )
    root = Path(__file__).parents[2]
    hashes = {
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=root,
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": "C.UTF-8"},
            capture_output=True,
            check=True,
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
    }
    assert len(hashes) == 1
    assert len(hashes.pop()) == len(hashlib.sha256().hexdigest()) + 1


def test_an_empty_journal_builds() -> None:
    """The first day: pages that say so, and feeds that are valid."""
    files = built(of=journal(newsletters=()))
    assert "The first article is on its way" in soup(files, "index.html").get_text()
    assert "There is nothing here yet" in soup(files, "categories/sleep/index.html").get_text()
    assert "There is no newsletter yet" in soup(files, "issues/index.html").get_text()
    assert json.loads(files["feed.json"])["items"] == []


# --- an article's page ----------------------------------------------------------------------


def test_a_page_has_every_part_in_order() -> None:
    """Back link, category, title, summary, date, time, badge, body, questions, takeaway, sources."""
    found = page()
    text = " ".join(one(found, "main").get_text(" ").split())
    parts = [
        "All articles",
        "Cancer",
        "What the first CAR-NK trial found",
        "Eleven people were treated",
        "Dr Amara Lindqvist",
        "November 17, 2026",
        "1 min read",
        "Early evidence",
        "Small or first studies in people.",
        "What was asked",
        "Common questions",
        "Is it a cure?",
        "Key takeaway",
        "The evidence is early",
        "Sources",
        "doi:10.1056/NEJMoa1910607",
        "More about Cancer",
    ]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    assert "does not replace the advice" in said(found, ".foot .disclaimer")
    assert one(found, "time")["datetime"] == "2026-11-17T07:00:00Z"


def test_sources_lead_back_to_each_mention() -> None:
    """Each citation has its way there and back: no link within the page is dead."""
    found = page()
    inner = [a["href"][1:] for a in found.select('a[href^="#"]')]
    assert {"source-1", "source-2", "cite-1-1", "cite-1-2", "cite-2-1", "content"} == set(inner)
    assert all(found.find(id=target) for target in inner)
    links = [a["href"] for a in found.select("#source-1 a:not(.backlink)")]
    assert links == [
        "https://doi.org/10.1056/NEJMoa1910607",
        "https://pubmed.ncbi.nlm.nih.gov/32023374/",
    ]
    assert "A. Author, B. Author." in said(found, "#source-2")
    assert "(read November 1, 2026)" in said(found, "#source-2")


def test_a_correction_stands_above_the_article() -> None:
    """What was wrong and what is right come before the title; a retraction says so."""
    wrong = Correction(date(2026, 11, 20), CorrectionKind.RETRACTION, "It works.", "It does not.")
    found = page(corrections=(wrong,), updated_at=datetime(2026, 11, 20, tzinfo=UTC))
    text = one(found, "main").get_text(" ")
    assert text.index("It works.") < text.index("It does not.") < text.index("CAR-NK trial found")
    assert said(found, ".notice-retraction strong") == "Retraction, November 20, 2026"
    assert "Updated November 20, 2026" in " ".join(text.split())


def test_an_article_without_the_optional_parts() -> None:
    """No empty headings, badges or pictures where there is nothing to show."""
    found = page(authors=(), evidence=None, questions=(), image=None, citations=(), tags=())
    for selector in (".badge", ".grade", ".questions", ".hero", ".notice", ".backlink", ".authors"):
        assert not found.select(f".text > header {selector}, .text > {selector}")
    assert "undefined" not in found.get_text().lower()
    assert "None" not in found.get_text()


def test_a_grade_that_the_journal_does_not_define_still_has_its_words() -> None:
    """The badge is words, not a colour; the definition is the journal's own."""
    found = page(of=journal(grades={}))
    assert said(found, ".grade") == "Early evidence"


def test_an_authors_markup_never_reaches_the_page() -> None:
    """Titles, names and the rest are text; only the sanitised body is markup."""
    bad = "<script>alert(1)</script>\"'&"
    found = page(
        title=bad,
        summary=bad,
        key_takeaway=bad,
        authors=(bad,),
        image=None,
        corrections=(Correction(date(2026, 11, 20), CorrectionKind.CORRECTION, bad, bad),),
    )
    scripts = found.select("script")
    assert [script["type"] for script in scripts] == ["application/ld+json"]
    assert said(found, "h1") == bad
    assert json.loads(scripts[0].get_text())["@graph"][0]["name"] == bad


def test_the_head_describes_the_page() -> None:
    """Canonical, Open Graph, feeds with exact types, and JSON-LD with its citations."""
    files = built(article(image=Image("images/cells.png", "Two cells")))
    found = soup(files, "articles/car-nk-cells/index.html")
    url = "https://journal.example.org/articles/car-nk-cells/"
    assert one(found, "link[rel=canonical]")["href"] == url
    assert [(a["type"], a["href"]) for a in found.select("link[rel=alternate]")] == [
        ("application/rss+xml", "https://journal.example.org/feed.xml"),
        ("application/atom+xml", "https://journal.example.org/atom.xml"),
        ("application/feed+json", "https://journal.example.org/feed.json"),
        ("application/rss+xml", "https://journal.example.org/categories/cancer/feed.xml"),
        ("application/atom+xml", "https://journal.example.org/categories/cancer/atom.xml"),
        ("application/feed+json", "https://journal.example.org/categories/cancer/feed.json"),
    ]
    properties = {m["property"]: m["content"] for m in found.select("meta[property]")}
    assert properties["og:type"] == "article"
    assert properties["og:url"] == url
    assert properties["og:image"] == "https://journal.example.org/images/cells.png"
    assert (properties["og:image:width"], properties["og:image:height"]) == ("16", "9")
    assert properties["article:published_time"] == "2026-11-17T07:00:00Z"
    graph = json.loads(one(found, "script").get_text())["@graph"]
    assert {"MedicalWebPage", "Article", "FAQPage", "BreadcrumbList"} <= {n["@type"] for n in graph}
    image = one(found, ".hero img")
    assert (image["alt"], image["width"], image["src"]) == ("Two cells", "16", "/images/cells.png")


def test_an_article_that_lives_elsewhere_says_so() -> None:
    """The canonical link is the author's, and our sitemap leaves the page out."""
    files = built(article(canonical_url="https://elsewhere.example.org/x"))
    found = soup(files, "articles/car-nk-cells/index.html")
    assert one(found, "link[rel=canonical]")["href"] == "https://elsewhere.example.org/x"
    assert b"articles/car-nk-cells" not in files["sitemap.xml"]


def test_another_language_and_direction() -> None:
    """A page says its own language; right-to-left ones are set so."""
    found = page(of=journal(language="ar"))
    assert (one(found, "html")["lang"], one(found, "html")["dir"]) == ("ar", "rtl")
    assert "lang" not in one(found, "article").attrs
    among = page(language="ar")  # there is no catalogue: what is around it stays English
    assert (one(among, "html")["lang"], one(among, "html")["dir"]) == ("en", "ltr")
    assert (one(among, "article")["lang"], one(among, "article")["dir"]) == ("ar", "rtl")
    german = page(language="de-AT")
    assert one(german, "html")["lang"] == "de"
    assert said(german, "#takeaway") == "Das Wichtigste in Kürze"
    british = page(of=journal(language="en-GB"))
    assert "17 November 2026" in british.get_text()
    assert one(british, 'meta[property="og:locale"]')["content"] == "en_GB"


def test_icon_and_logo_are_on_every_page() -> None:
    """What the settings name is linked with its type and shown with its size."""
    of = journal(icon="images/cells.png", logo="images/cells.png")
    files = built(article(), of=of)
    for path in ("index.html", "404.html", "issues/index.html"):
        found = soup(files, path)
        assert one(found, "link[rel=icon]")["type"] == "image/png"
        assert one(found, "img.logo")["width"] == "16"
    assert (
        json.loads(files["feed.json"])["favicon"] == "https://journal.example.org/images/cells.png"
    )


# --- lists ----------------------------------------------------------------------------------


def test_every_article_is_reached_from_the_front_page() -> None:
    """Beyond the newest, each is listed on its category's page, by title at least."""
    articles = numbered(60, category="sleep")
    files = built(*articles)
    front, sleep = soup(files, "index.html"), soup(files, "categories/sleep/index.html")
    assert len(front.select("article")) == 25
    assert "Older articles" in front.get_text()
    listed = {a["href"] for a in sleep.select("main a[href^='/articles/']")}
    assert listed == {f"/articles/{a.slug}/" for a in articles}
    assert len(sleep.select("article")) == 24


def test_issues_are_listed_and_archived() -> None:
    """Sent ones, newest first, each with its own page and a canonical link; drafts are not."""
    entries = [
        ArchivedIssue(
            replace(issue(), id=n, number=n, state=state), edition(subject=f"No. {n} <x>")
        )
        for n, state in (
            (1, IssueState.FINISHED),
            (2, IssueState.SENDING),
            (3, IssueState.DRAFT),
            (4, IssueState.APPROVED),
        )
    ]
    of = journal(newsletters=(newsletter(), newsletter(slug="monthly", title="Monthly")))
    files = built(article(), of=of, issues=tuple(entries))
    found = soup(files, "issues/index.html")
    assert [a.get_text() for a in found.select("main li > a")] == [
        "No. 4 <x>",
        "No. 2 <x>",
        "No. 1 <x>",
    ]
    assert "No issue has been sent yet" in found.get_text()
    assert [p for p in files if re.match(r"issues/weekly/\d", p)] == [
        f"issues/weekly/{n}/index.html" for n in (1, 2, 4)
    ]
    archived = soup(files, "issues/weekly/2/index.html")
    assert (
        one(archived, "link[rel=canonical]")["href"]
        == "https://journal.example.org/issues/weekly/2/"
    )
    assert archived.body is not None
    assert archived.body.get_text() == "Hello"


def test_an_archive_page_keeps_a_canonical_link_of_its_own() -> None:
    """A mail template that names its page is not given a second link."""
    own = '<html><head><link rel="canonical" href="https://x.example.org/"></head></html>'
    files = built(article(), issues=(ArchivedIssue(issue(), edition(html=own)),))
    assert files["issues/weekly/1/index.html"].count(b"canonical") == 1


def test_the_sitemap_says_when_pages_truly_changed() -> None:
    """An article's `updated`, a list's newest change, nothing where nothing is known."""
    newer = article(updated_at=datetime(2026, 11, 20, tzinfo=UTC))
    older = replace(numbered(1)[0], category="sleep")
    root = etree.fromstring(built(newer, older)["sitemap.xml"])
    changed = {entry[0].text: entry[1].text if len(entry) > 1 else None for entry in root}
    assert changed == {
        "https://journal.example.org/": "2026-11-20T00:00:00Z",
        "https://journal.example.org/sources/": None,
        "https://journal.example.org/articles/article-0000/": "2026-11-17T07:00:00Z",
        "https://journal.example.org/articles/car-nk-cells/": "2026-11-20T00:00:00Z",
        "https://journal.example.org/categories/cancer/": "2026-11-20T00:00:00Z",
        "https://journal.example.org/categories/nutrition/": None,
        "https://journal.example.org/categories/sleep/": "2026-11-17T07:00:00Z",
        "https://journal.example.org/feeds/": None,
        "https://journal.example.org/issues/": None,
        "https://journal.example.org/issues/weekly/": None,
    }


def test_the_404_page_has_no_address() -> None:
    """It is served anywhere: no canonical link, and not to be indexed."""
    found = soup(built(article()), "404.html")
    assert not found.select("link[rel=canonical], meta[property]")
    assert one(found, "meta[name=robots]")["content"] == "noindex"


# --- feeds ----------------------------------------------------------------------------------


def test_feeds_carry_whole_articles_with_absolute_urls() -> None:
    """Corrections, picture, body, questions, takeaway, sources, disclaimer; no relative link."""
    whole = article(
        image=Image("images/cells.png", "Two cells"),
        corrections=(Correction(date(2026, 11, 20), CorrectionKind.CORRECTION, "ten", "eleven"),),
    )
    (entry,) = json.loads(built(whole)["feed.json"])["items"]
    found = BeautifulSoup(entry["content_html"], "html.parser")
    text = found.get_text(" ")
    parts = [
        "the notice is at the end",
        "What was asked",
        "Is it a cure?",
        "Key takeaway",
    ]
    parts += ["The evidence is early", "Sources", "PMID 32023374", "What was wrong: ten"]
    parts += ["What is right: eleven", "does not replace the advice"]
    places = [text.index(part) for part in parts]
    assert places == sorted(places)
    targets = [a["href"] for a in found.select("a")] + [i["src"] for i in found.select("img")]
    assert all(str(target).startswith("https://") for target in targets)
    assert "https://journal.example.org/articles/car-nk-cells/#source-1" in targets
    assert len(found.select("ol li")) == 2
    assert entry["attachments"] == [
        {
            "url": "https://journal.example.org/images/cells.png",
            "mime_type": "image/png",
            "size_in_bytes": len(PNG),
        }
    ]


def test_feeds_hold_the_newest_articles_only() -> None:
    """As many as the settings say."""
    files = built(*numbered(7), of=journal(feed_items=3))
    assert [i["title"] for i in json.loads(files["feed.json"])["items"]] == [
        "Article 0",
        "Article 1",
        "Article 2",
    ]


def test_a_journal_below_a_path_links_below_it() -> None:
    """Pages, styles and pictures of a journal at https://host/journal/ stay below /journal/."""
    of = journal(url="https://host.example.org/journal")
    files = built(article(image=Image("images/cells.png", "Two cells")), of=of)
    for path in ("index.html", "articles/car-nk-cells/index.html"):
        found = soup(files, path)
        links = [
            e["href"] for e in found.select("link[rel=stylesheet], header a, .card a, .back a")
        ]
        links += [e["src"] for e in found.select("img")]
        assert links
        assert all(
            str(link).startswith(("/journal/", "https://host.example.org/journal/"))
            for link in links
        )


def test_control_characters_are_left_out_of_pages() -> None:
    """What no document may hold does not stop a build."""
    found = page(title="a\x00b\ud800c￾d")
    assert said(found, "h1") == "abcd"


def test_styles_carry_their_version() -> None:
    """A changed stylesheet has a changed address, so caches never show an old one."""
    old = soup(built(article()), "index.html")
    new = soup(
        built(article(), templates=replace(TEMPLATES, assets={"site/assets/style.css": b"x"})),
        "index.html",
    )
    before, after = ([e["href"] for e in s.select("link[rel=stylesheet]")] for s in (old, new))
    assert before[0] == after[0]
    assert before[1] != after[1]
    assert str(before[1]).startswith("/assets/style.css?v=")
