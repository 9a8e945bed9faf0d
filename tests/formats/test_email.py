from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from publisher.checks.edition import SIZE_WARNING, check
from publisher.domain.article import Article
from publisher.domain.issue import Shaping
from publisher.domain.journal import Mailbox
from publisher.domain.template import Template, TemplateSet
from publisher.errors import AuthorError, TemplateError
from publisher.formats import outline, placeholder
from publisher.formats.digest import bare
from publisher.formats.plaintext import columns
from tests import factories, mails

GOLDEN = Path(__file__).parent.parent / "golden" / "email"

PIECES = ("<", "&", ">", '"', "'", "]]>", "{{", "{{x}}", "%}", "א", "ع", "日", "😀", " ", "a" * 90)
WORDS = (
    st.lists(
        st.one_of(
            st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12),
            st.sampled_from(PIECES),
        ),
        min_size=1,
        max_size=15,
    )
    .map("".join)
    .filter(lambda text: bare(text) != "")
)


def changed(**templates: str) -> TemplateSet:
    """The shipped templates with some replaced (`digest_mjml` is email/digest.mjml)."""
    own = dict(mails.shipped().templates)
    for key, text in templates.items():
        stem, _, suffix = key.rpartition("_")
        name = f"email/{stem}.{suffix}"
        own[name] = Template(name, text, f"/own/{name}", overridden=True)
    return TemplateSet(own, {})


def template(name: str) -> str:
    return mails.shipped().templates[name].text


@pytest.mark.parametrize("suffix", ["html", "txt", "eml"])
def test_the_digest_is_the_golden_one(suffix: str) -> None:
    """Every byte of a rendered digest is known; a change of it is seen in review."""
    edition = mails.render(shaping=Shaping(intro="Three reviews.\n\nRead with care."))
    made = {
        "html": edition.html.encode(),
        "txt": edition.text.encode(),
        "eml": mails.compiled(edition),
    }
    assert made[suffix] == (GOLDEN / f"digest.{suffix}").read_bytes(), (
        "if this is meant: python -m tests.golden_email"
    )


def test_the_same_values_give_the_same_bytes() -> None:
    """Rendering is pure, so a plan that is made again is the same plan."""
    assert mails.render() == mails.render()
    assert mails.compiled(mails.render()) == mails.compiled(mails.render())


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(WORDS, WORDS, WORDS)
def test_any_words_survive_to_the_reader(title: str, summary: str, takeaway: str) -> None:
    """Whatever script, markup or quotes an author uses is read as it was written, in both parts."""
    article = factories.article(title=title, summary=summary, key_takeaway=takeaway)
    edition = mails.render((article,))
    message = mails.parsed(mails.compiled(edition))
    html = bare(outline.parse(mails.content(message, "html")).text)
    text = bare(mails.content(message, "plain"))
    for words in (title, summary, takeaway):
        assert bare(words) in html
        assert bare(words) in text
    found = check(edition, factories.journal(), (article,))
    tone = {"edition-marketing", "edition-shouting", "edition-reply"}  # for people to judge
    assert {finding.rule for finding in found} <= tone


def test_subject_and_preheader_come_from_the_articles() -> None:
    """The newest title and how many more there are; then the other titles."""
    edition = mails.render()
    assert edition.subject == "CAR-NK cells: what the first trials in people show, and 2 more"
    assert (
        edition.preheader == "Also: Does less sleep strain the heart?; How to read a hazard ratio"
    )
    one = mails.render(mails.articles()[:1])
    assert one.subject == "CAR-NK cells: what the first trials in people show"
    assert one.preheader.startswith("Cells that carry")


def test_a_long_subject_is_cut_at_a_word_and_keeps_its_count() -> None:
    """Inboxes show about 70 characters; how many articles there are is not what is lost."""
    first, *rest = mails.articles()
    long = replace(first, title="A very long title about " + "sleep and " * 20)
    subject = mails.render((long, *rest)).subject
    assert len(subject) <= 70
    assert subject.endswith("…, and 2 more")


def test_staff_may_shape_an_issue() -> None:
    """Subject, preheader and a few words of introduction, in paragraphs, escaped."""
    shaping = Shaping(subject="Sleep & heart", preheader="A < B", intro="One\nline.\n\n<b>Two</b>")
    edition = mails.render(shaping=shaping)
    assert (edition.subject, edition.preheader) == ("Sleep & heart", "A < B")
    assert "<title>Sleep &amp; heart</title>" in edition.html
    assert ">One line.</p>" in edition.html
    assert "&lt;b&gt;Two&lt;/b&gt;" in edition.html
    assert "\nOne line.\n\n<b>Two</b>\n" in edition.text


def test_every_block_of_an_article_is_there() -> None:
    """Category, reading time, grade in words with its meaning, takeaway, correction, sources."""
    edition = mails.render()
    seen = outline.parse(edition.html)
    for text in (" ".join(seen.text.split()), " ".join(edition.text.split())):
        assert "4 min read" in text
        assert "Early evidence" in text
        assert "Small or first studies in people." in text
        assert text.count("Key takeaway") == 3
        assert "Correction, November 20, 2026" in text
        assert "What was wrong: Seven people slept." in text
        assert "What is right: Six people slept." in text
        assert "N Engl J Med. 2020. Phase 1/2 trial." in text
    words = {words: url for url, words in seen.links}
    assert words["doi:10.1056/NEJMoa1910607"] == "https://doi.org/10.1056/NEJMoa1910607"
    assert "Read the review: Does less sleep strain the heart?" in words
    assert "Read: How to read a hazard ratio" in words
    assert "View this issue in your browser" in words


def test_headings_stand_in_order() -> None:
    """A screen reader can walk the mail: one title, articles under it, their parts under those."""
    headings = outline.parse(mails.render().html).headings
    assert headings[0] == (1, "The Weekly Digest")
    assert [words for level, words in headings if level == 2] == [
        "In this issue",
        *(article.title for article in mails.articles()),
        "Please note",
    ]


def test_sources_are_one_numbered_list() -> None:
    """The numbers are those of the article's citations."""
    html = mails.render(mails.articles()[:1]).html
    assert html.count("<ol") == 1
    assert html.count("<li") == 2
    assert html.index("Use of CAR-Transduced") < html.index("from preclinical promise")
    text = mails.render(mails.articles()[:1]).text
    assert re.search(r"^ 1\. Use of CAR", text, re.MULTILINE)
    assert re.search(r"^ 2\. A\. Author, B\. Author\. CAR-NK", text, re.MULTILINE)


def test_the_text_part_is_a_document_of_72_columns() -> None:
    """Only addresses are longer than a line; nothing is indented by accident or blank at its end."""
    text = mails.render().text
    assert all(columns(line) <= 72 for line in text.split("\n") if "://" not in line)
    assert not re.search(r"[ \t]$", text, re.MULTILINE)
    assert "\n\n\n\n" not in text
    assert text.endswith("Berlin\n")


def test_a_mail_of_eight_articles_is_well_under_gmails_limit() -> None:
    """Gmail hides what comes after 102 KB, and the unsubscribe link with it."""
    eight = factories.numbered(8, sources=tuple(factories.source() for _ in range(6)))
    size = len(mails.render(eight).html.encode())
    assert size < SIZE_WARNING


def test_nothing_is_smaller_than_14_pixels() -> None:
    """Sizes of text are 14 and up; 0 and 1 are those of layout cells that hold no words."""
    sizes = set(re.findall(r"font-size:(\d+)px", mails.render().html))
    assert sizes - {"0", "1"} == {"14", "16", "22", "28"}


def test_source_lines_are_short() -> None:
    """Long text is broken at spaces, so that the source can be read and sent."""
    long = replace(mails.articles()[0], summary="word <& " * 600)
    edition = mails.render((long,))
    assert max(len(line) for line in edition.html.split("\n")) < 998
    assert bare("word <& " * 600) in bare(outline.parse(edition.html).text)


def test_right_to_left_languages_are_laid_out_so() -> None:
    """Hebrew and Arabic editions run from the right, boxes and lists included."""
    html = mails.render(language="he").html
    assert '<html lang="he" dir="rtl"' in html
    assert "border-right:4px" in html
    assert "text-align:left" not in re.sub(r"<div class=\"mj-outlook.*?>", "", html)
    assert "padding-right:24px" in html


def test_an_article_in_another_language_says_so() -> None:
    """A screen reader speaks it with the right voice."""
    article = factories.article(language="ar", title="النوم والقلب")
    html = mails.render((article,)).html
    assert html.count(' lang="ar" dir="rtl"') == 3
    assert ' lang="ar"' not in mails.render((article,), language="ar").html[400:].split("Please")[
        0
    ].replace('role="article" lang="ar"', "")


def test_dates_and_numbers_are_the_languages_own() -> None:
    """A German edition is dated in German, in the journal's own zone."""
    assert "24. November 2026" in mails.render(language="de").text
    assert "1.234" in mails.render(language="de", number=1234).text


def test_outlook_gets_its_widths() -> None:
    """Outlook knows no max-width; conditional tables of 600 px stand in for it."""
    html = mails.render().html
    assert "<!--[if mso | IE]>" in html
    assert 'width="600"' in html


def test_no_web_font_script_or_picture_is_loaded() -> None:
    """Nothing tells anybody that the mail was opened."""
    html = mails.render().html
    assert not re.search(r"<(?:img|script|link|iframe)\b|@import|@font-face|url\(", html)


def test_the_readers_mark_is_refused_in_articles() -> None:
    """An author cannot make the mail print a reader's token."""
    article = factories.article(summary=f"See {placeholder.TOKEN}")
    with pytest.raises(AuthorError, match=r"content/car-nk-cells\.md"):
        mails.render((article,))
    with pytest.raises(AuthorError, match="issue's own words"):
        mails.render(shaping=Shaping(intro=placeholder.TOKEN))


def test_unknown_mjml_is_an_error_with_its_file() -> None:
    """mrml leaves unknown tags in the mail; we do not."""
    own = template("email/digest.mjml").replace("<mj-text>", "<mj-text><mj-teaser>x</mj-teaser>", 1)
    line = own[: own.index("<mj-teaser>")].count("\n") + 1
    with pytest.raises(TemplateError, match=rf"/own/email/digest\.mjml:{line}: <mj-teaser>"):
        mails.render(templates=changed(digest_mjml=own))


@pytest.mark.parametrize("broken", ["<mjml><mj-body>", "<mjml><mj-body><mj-text>a ]]> b", "text"])
def test_broken_mjml_is_an_error_with_its_file(broken: str) -> None:
    """The operator reads which template it was, and never sends half a mail."""
    with pytest.raises(TemplateError, match=r"/own/email/digest\.mjml:( |1: )"):
        mails.render(templates=changed(digest_mjml=broken))


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("{{ journal.disclaimer }}", "journal.disclaimer"),
        ("{{ journal.postal_address }}", "journal.postal_address"),
        ("{{ unsubscribe_url }}", "unsubscribe_url"),
    ],
)
def test_a_template_cannot_drop_what_every_mail_must_hold(value: str, said: str) -> None:
    """Disclaimer, postal address and unsubscribe link are in both parts, whoever wrote them."""
    html = template("email/_foot.mjml").replace(value, "#")
    with pytest.raises(TemplateError, match=rf"email/digest\.mjml.*{said}"):
        mails.render(templates=changed(_foot_mjml=html))
    text = re.sub(r"\{\{ *" + value[3:-3] + r"[^}]*\}\}", "#", template("email/digest.txt"))
    with pytest.raises(TemplateError, match=rf"/own/email/digest\.txt.*{said}"):
        mails.render(templates=changed(digest_txt=text))


def test_an_unknown_category_is_shown_by_its_slug() -> None:
    """An article whose category the settings lost still goes out legibly."""
    assert "oncology" in mails.render((factories.article(category="oncology"),)).html


def test_an_edition_names_its_articles_and_their_versions() -> None:
    """What a reader received can be told later."""
    made: tuple[Article, ...] = mails.articles()
    assert mails.render().articles == tuple((a.id, a.version) for a in made)


def test_a_journal_on_two_hosts_links_each_where_it_lives() -> None:
    """Pages are on the static host, the unsubscribe link on the one that answers forms."""
    journal = factories.journal(
        app_url="https://app.example.org", sender=Mailbox("a@example.org", "J")
    )
    edition = mails.render(journal=journal)
    assert f"https://app.example.org/u/{placeholder.TOKEN}" in edition.html
    assert "https://journal.example.org/issues/weekly/12/" in edition.html
