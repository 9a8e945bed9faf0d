from __future__ import annotations

from dataclasses import replace

from publisher.formats import email, outline
from publisher.formats.copies import IN_YOUR_COPY
from publisher.formats.placeholder import TOKEN
from tests import factories, mails

JOURNAL = factories.journal()


def test_links_are_the_journals_own_pages() -> None:
    """What must be live before release: front page, archive page, articles; no token, no DOI."""
    assert email.links(mails.render(), JOURNAL) == (
        "https://journal.example.org/",
        "https://journal.example.org/articles/car-nk-cells/",
        "https://journal.example.org/articles/hazard-ratio/",
        "https://journal.example.org/articles/sleep/",
        "https://journal.example.org/issues/weekly/12/",
    )


def test_links_are_those_of_both_parts_and_of_pictures() -> None:
    """A page that only the text links to, and a picture, must be live too; anchors are the page's."""
    edition = factories.edition(
        html='<a href="https://journal.example.org/a/#b">a</a><img src="https://journal.example.org/i.png">'
        '<a href="https://journal.example.organic/">other</a>',
        text="https://journal.example.org/t/\n",
    )
    assert email.links(edition, JOURNAL) == (
        "https://journal.example.org/a/",
        "https://journal.example.org/i.png",
        "https://journal.example.org/t/",
    )


def test_the_archive_page_holds_no_token() -> None:
    """Whoever reads it in a browser is told where their own link is, and cannot use another's."""
    page = email.archive_html(mails.render(), JOURNAL)
    assert TOKEN not in page
    assert "/u/" not in page
    seen = outline.parse(page)
    assert IN_YOUR_COPY in seen.text
    assert not [words for _, words in seen.links if "nsubscribe" in words]
    canonical = '<link rel="canonical" href="https://journal.example.org/issues/weekly/12/"></head>'
    assert canonical in page


def test_the_archive_page_of_any_html_holds_no_token() -> None:
    """A template that writes the address as words, or has no archive link, leaks nothing either."""
    edition = factories.edition(
        html=f"<head></head><p>https://journal.example.org/u/{TOKEN} {TOKEN}</p>"
    )
    page = email.archive_html(edition, JOURNAL)
    assert TOKEN not in page
    assert "canonical" not in page


def test_a_test_copy_unsubscribes_nobody() -> None:
    """Marked in the subject; its link leads to the front page in both parts."""
    edition = mails.render(journal=replace(JOURNAL, app_url="https://app.example.org"))
    journal = replace(JOURNAL, app_url="https://app.example.org")
    subject, html, text = email.test_copy(edition, journal)
    assert subject.startswith("[Test] CAR-NK")
    for part in (html, text):
        assert TOKEN not in part
        assert "app.example.org" not in part
    links = {words: url for url, words in outline.parse(html).links}
    assert links["Unsubscribe from The Weekly Digest"] == "https://journal.example.org/"
