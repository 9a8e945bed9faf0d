from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from publisher.checks.edition import ALWAYS, RULES, check
from publisher.domain.article import Article, Withdrawal
from publisher.domain.finding import Finding, Severity
from publisher.domain.issue import Edition
from publisher.domain.journal import Colours, Journal
from publisher.domain.retraction import Event, Nature, Register, Snapshot, keys
from publisher.formats import placeholder
from tests import factories, mails

JOURNAL = factories.journal()
EDITION = mails.render()
ARTICLES = mails.articles()
UNSUBSCRIBE = placeholder.unsubscribe_url(JOURNAL)


def findings(
    edition: Edition = EDITION,
    articles: tuple[Article, ...] = ARTICLES,
    journal: Journal = JOURNAL,
) -> tuple[Finding, ...]:
    return check(edition, journal, articles)


def html(old: str, new: str) -> Edition:
    assert old in EDITION.html
    return replace(EDITION, html=EDITION.html.replace(old, new))


def text(old: str, new: str) -> Edition:
    assert old in EDITION.text
    return replace(EDITION, text=EDITION.text.replace(old, new))


def test_the_shipped_templates_pass() -> None:
    """A digest of the sample articles has nothing to find."""
    assert findings() == ()


LEAD = ARTICLES[0]

BROKEN = [
    ("edition-title", html(LEAD.title, "x"), "html"),
    ("edition-title", text(LEAD.title, "x"), "text"),
    ("edition-summary", html("Cells that carry", "x"), "html"),
    ("edition-summary", text("Cells that carry", "x"), "text"),
    ("edition-takeaway", html("The evidence is early:", "x"), "html"),
    ("edition-takeaway", text("The evidence is early:", "x"), "text"),
    ("edition-correction", html("Six people slept.", "x"), "html"),
    ("edition-correction", text("Six people slept.", "x"), "text"),
    ("edition-article-link", html("/articles/sleep/", "/x/"), "html"),
    ("edition-article-link", text("/articles/sleep/", "/x/"), "text"),
    ("edition-disclaimer", html("This journal informs", "x"), "html"),
    ("edition-disclaimer", text("This journal informs", "x"), "text"),
    ("edition-postal-address", html("1 Example Street", "x"), "html"),
    ("edition-postal-address", text("1 Example Street", "x"), "text"),
    ("edition-unsubscribe", html(UNSUBSCRIBE, "https://journal.example.org/u/"), "html"),
    ("edition-unsubscribe", text(UNSUBSCRIBE, ""), "text"),
    ("edition-links", text("https://journal.example.org/issues/weekly/12/", ""), "text"),
    ("edition-links", html(' href="https://journal.example.org/issues/weekly/12/"', ""), "html"),
    ("edition-link-address", html("https://journal.example.org/issues/weekly/12/", "/x"), "html"),
    ("edition-remote", html("</body>", "<script>x</script></body>"), "html"),
    ("edition-remote", html("</body>", '<p onclick="x">x</p></body>'), "html"),
    ("edition-remote", html("</body>", '<img src="x" width="1" alt=""></body>'), "html"),
    ("edition-remote", html("</head>", "<style>@import 'x'</style></head>"), "html"),
    ("edition-remote", html("</head>", "<style>p{background:url(x)}</style></head>"), "html"),
    ("edition-alt", html("</body>", '<img src="x" width="9"></body>'), "html"),
    ("edition-unrendered", html("</body>", "<mj-text>x</mj-text></body>"), "html"),
    ("edition-unrendered", text("Please note", "{{ name }}"), "text"),
    ("edition-hidden", html("</body>", '<p style="display:none">buy</p></body>'), "html"),
    ("edition-subject", replace(EDITION, subject=" "), "subject"),
    ("edition-reply", replace(EDITION, subject="RE: your sleep"), "subject"),
    ("edition-reply", replace(EDITION, subject=" Fwd : your sleep"), "subject"),
    ("edition-reply", replace(EDITION, subject="Re[2]: your sleep"), "subject"),
    ("edition-articles", replace(EDITION, articles=()), "html"),
]


@pytest.mark.parametrize(("rule", "edition", "part"), BROKEN)
def test_what_is_missing_or_wrong_blocks(rule: str, edition: Edition, part: str) -> None:
    """Each fault is found by its own rule, in the part that has it, and nothing is sent."""
    found = [f for f in findings(edition) if f.rule == rule]
    assert found
    assert all(f.severity is Severity.ERROR and f.blocks for f in found)
    names = {"html": "digest.mjml", "text": "digest.txt", "subject": "subject.txt"}
    assert {Path(f.place.path).name for f in found} == {names[part]}


LEAD_BUTTON = "Read the review: CAR-NK cells: what the first trials in people show"
LONG_LINE = "a" * 999

DOUBTFUL = [
    ("edition-link-address", html("</body>", '<a href="http://x.example">y</a></body>')),
    ("edition-link-words", html("Read the review: Does less sleep strain the heart?", LEAD_BUTTON)),
    ("edition-link-words", html("View this issue in your browser", "")),
    ("edition-headings", html("<h1", "<h2")),
    ("edition-headings", html("<h3", "<h4")),
    ("edition-layout", html("</body>", "<table><tr><td>x</td></tr></table></body>")),
    ("edition-language", html(' lang="en" dir="ltr"', "")),
    ("edition-language", html("title>", "x>")),
    ("edition-line", html("</body>", f"\n{LONG_LINE}\n{LONG_LINE}</body>")),
    ("edition-line", replace(EDITION, text=EDITION.text + LONG_LINE)),
    ("edition-subject", replace(EDITION, subject="s" * 151)),
    ("edition-preheader", replace(EDITION, preheader="p" * 201)),
    ("edition-preheader", replace(EDITION, preheader="")),
    ("edition-size", html("</body>", "<p>" + "word \n" * 10_000 + "</p></body>")),
    ("edition-contrast", html("color:#1c2a30", "color:#aaaaaa")),
    ("edition-shouting", replace(EDITION, subject="GREAT NEWS about sleep")),
    ("edition-shouting", replace(EDITION, subject="Sleep well!!")),
    ("edition-css", html("</body>", '<p style="position: absolute;">x</p></body>')),
    ("edition-css", html("</body>", '<p style="DISPLAY:grid !important">x</p></body>')),
]


@pytest.mark.parametrize(("rule", "edition"), DOUBTFUL)
def test_what_is_doubtful_warns(rule: str, edition: Edition) -> None:
    """It is said, with a way to mend it, and does not stop the issue."""
    found = [f for f in findings(edition) if f.rule == rule]
    assert found
    assert all(f.severity is Severity.WARNING and f.remedy for f in found)


def test_over_100_kb_is_an_error() -> None:
    """Gmail would hide the unsubscribe link, so it does not go."""
    edition = html("</body>", "<p>" + "word \n" * 16_000 + "</p></body>")
    assert any(f.rule == "edition-size" and f.blocks for f in findings(edition))


def test_a_source_must_be_one_that_readers_can_follow() -> None:
    """Naming a work without a link to it is not citing it."""
    edition = html("https://doi.org/", "https://x.example/")
    for url in ("https://pubmed.ncbi.nlm.nih.gov/", "https://pmc.ncbi.nlm.nih.gov/"):
        edition = replace(edition, html=edition.html.replace(url, "https://x.example/"))
    assert [f.rule for f in findings(edition)].count("edition-source") == len(ARTICLES)


def test_hidden_words_do_not_count() -> None:
    """A disclaimer that nobody sees is none."""
    edition = html(
        f">{JOURNAL.disclaimer}</p>",
        f' hidden><span style="display:none">{JOURNAL.disclaimer}</span></p>',
    )
    assert "edition-disclaimer" in {f.rule for f in findings(edition)}


def test_an_empty_summary_is_the_authors_to_mend() -> None:
    """It cannot be seen in the mail whatever the template does."""
    article = factories.article(summary=" ")
    found = findings(mails.render((article,)), (article,))
    assert [(f.rule, str(f.place)) for f in found if f.rule == "edition-summary"] == [
        ("edition-summary", "content/car-nk-cells.md")
    ] * 2


def test_other_articles_than_those_frozen_are_noticed() -> None:
    """An edit after rendering shows."""
    changed = replace(LEAD, version="0" * 64)
    assert "edition-articles" in {f.rule for f in findings(articles=(changed, *ARTICLES[1:]))}


def test_authors_may_write_braces_and_addresses() -> None:
    """`{{x}}` or a bare address in an author's own words is no mistake of the template."""
    article = factories.article(
        title='What "{{ x }}" means', summary="See https://example.org/x or {% y %} & <mj-text>."
    )
    assert findings(mails.render((article,)), (article,)) == ()
    split = factories.article(title="}} {{ and {%", summary="%} }}")
    assert findings(mails.render((split,)), (split,)) == ()


def test_pale_colours_are_made_legible() -> None:
    """Whatever colours a journal has, its mail has none too pale to read."""
    journal = replace(JOURNAL, colours=Colours(accent="#ffdd00", text="#bbbbbb", tint="#ffeeaa"))
    assert findings(mails.render(journal=journal), journal=journal) == ()


def test_an_article_that_was_withdrawn_does_not_leave() -> None:
    """Even where everything else about it is right."""
    gone = replace(LEAD, withdrawn=Withdrawal(date(2026, 11, 23), "The trial was retracted."))
    (found,) = findings(articles=(gone, *ARTICLES[1:]))
    assert (found.rule, found.blocks) == ("edition-withdrawn", True)
    assert f"--drop {LEAD.slug}" in found.remedy


def test_every_rule_is_explained() -> None:
    """Whoever meets a rule's id can look up what it asks for; no rule is dead."""
    ids = (
        {rule for rule, _, _ in BROKEN}
        | {rule for rule, _ in DOUBTFUL}
        | {"edition-source", "edition-marketing", "edition-retraction"}
        | {"edition-withdrawn", "edition-number", "edition-valid", "edition-notice"}
    )
    assert ids == set(RULES)


def test_the_documentation_lists_every_rule() -> None:
    """docs/email.md says of each rule what the code says of it."""
    page = (Path(__file__).parents[2] / "docs" / "email.md").read_text()
    assert all(f"| `{rule}` | {what} |" in page for rule, what in RULES.items())


def test_what_stands_beside_a_source_is_seen() -> None:
    """A template that leaves a notice out is refused; so is a retracted work, however it is shown."""
    first = mails.articles()[0]
    source = replace(first.sources[0], acknowledged="To tell how it fell.")
    spoken = replace(first, sources=(source, *first.sources[1:]), acknowledges=True)
    rest = mails.articles()[1:]
    named = tuple((each.id, each.version) for each in (spoken, *rest))
    found = check(replace(mails.render(), articles=named), JOURNAL, (spoken, *rest))
    silent = [finding for finding in found if finding.rule == "edition-retraction"]
    assert [finding.place.path for finding in silent] == [
        f"templates/email/digest.{kind}" for kind in ("mjml", "txt")
    ]
    assert "To tell how it fell." in silent[0].message
    event = Event(1, Nature.RETRACTION, date(2020, 6, 4))
    snapshot = Snapshot(date(2026, 11, 20), "0" * 64, 1, 1, "x", factories.NOW)
    fallen = Register(snapshot, {keys(first.sources[0])[0]: (event,)})
    found = check(mails.render(), JOURNAL, mails.articles(), fallen)
    assert "was retracted on 2020-06-04" in next(
        finding.message for finding in found if finding.rule == "edition-retraction"
    )


def test_a_category_s_notice_is_in_html_and_text_or_nothing_goes() -> None:
    """The shipped templates show it; one that does not is stopped, whatever is switched off."""
    words = "Never stop a treatment without your doctor. Call your midwife & clinic first."
    told = tuple(replace(each, notice=words) for each in JOURNAL.categories)
    ours = replace(JOURNAL, categories=told)
    noticed = mails.render(journal=ours)
    assert "midwife &amp; clinic" in noticed.html
    assert findings(noticed, journal=ours) == ()
    assert "edition-notice" in ALWAYS
    for part in ("html", "text"):
        without = replace(noticed, **{part: getattr(noticed, part).replace("midwife", "x")})
        found = findings(without, journal=ours)
        assert {each.rule for each in found} == {"edition-notice"}
        assert len(found) == len(ARTICLES)
        assert all(each.blocks and "notice of the category" in each.message for each in found)
