import hashlib
import re
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.article import Alias, Article, CorrectionKind, Evidence, Image, Withdrawal
from publisher.domain.finding import Finding, Severity
from publisher.errors import AuthorError, Defect
from publisher.formats import frontmatter

ROOT = Path(__file__).parents[2]
LINES = """\
id: tag:journal.example.org,2026:a/x1
title: A title
summary: A summary.
category: heart
published: 2026-11-17
key_takeaway: A takeaway.
sources:
  - key: liu-2020
    title: A trial
    kind: trial
    year: 2020
    doi: 10.1056/NEJMoa1910607
"""
BODY = "\nA body [@liu-2020].\n"


def parse(
    text: str | bytes, path: str = "content/a-file.md"
) -> tuple[Article | None, tuple[Finding, ...]]:
    return frontmatter.parse(
        text.encode() if isinstance(text, str) else text,
        path=path,
        zone=ZoneInfo("Europe/Berlin"),
        categories=("cancer", "heart"),
        words_per_minute=200,
    )


def file(old: str = "", new: str = "", body: str = BODY, more: str = "") -> str:
    assert old in LINES
    return f"---\n{LINES.replace(old, new) if old else LINES}{more}---\n{body}"


def good(text: str | bytes) -> Article:
    article, findings = parse(text)
    assert findings == ()
    assert article is not None
    return article


def told(text: str | bytes) -> list[tuple[str, int | None]]:
    article, findings = parse(text)
    if any(finding.blocks for finding in findings):
        assert article is None
    return [(finding.rule, finding.place.line) for finding in findings]


def test_a_short_article() -> None:
    """Required keys alone make an article; the rest has its defaults."""
    text = file()
    article = good(text)
    assert article.slug == "a-file"
    assert article.published_at == datetime(2026, 11, 16, 23, tzinfo=UTC)  # 00:00 in Berlin
    assert article.updated_at == article.published_at
    assert article.body == "A body [@liu-2020]."
    assert article.citations == (1,)
    assert (article.words, article.reading_minutes) == (2, 1)
    assert article.version == hashlib.sha256(text.encode()).hexdigest()
    assert article.path == "content/a-file.md"
    assert article.sources[0].doi == "10.1056/NEJMoa1910607"
    assert not article.draft


def test_a_full_article() -> None:
    """Every optional key arrives where it belongs."""
    article = good(
        file(
            more="""\
updated: 2026-11-18T09:30:00.5+02:00
authors: [Dr A, "Dr B"]
slug: other-slug
tags: [one, two]
evidence: mixed
image: {path: ./images/a.png, alt: A cell}
questions:
  - question: Why?
    answer: |
      Because [@b-1; @liu-2020].

      ## More
corrections:
  - {date: 2026-11-20, kind: correction, wrong: This., right: That.}
canonical_url: https://example.org/x
language: pt-BR
""",
        ).replace(
            "    doi: 10.1056/NEJMoa1910607\n",
            "    doi: https://doi.org/10.1056/NEJMoa1910607\n"
            "  - {key: b-1, title: B, kind: review, year: 2021, pmid: 32023374, pmcid: PMC1,\n"
            "     url: 'https://example.org/b', journal: J, authors: [X Y], accessed: 2026-11-01}\n",
        )
    )
    assert article.updated_at == datetime(2026, 11, 19, 23, tzinfo=UTC)  # the correction's day
    assert article.authors == ("Dr A", "Dr B")
    assert article.slug == "other-slug"
    assert article.tags == ("one", "two")
    assert article.evidence is Evidence.MIXED
    assert article.image == Image("images/a.png", "A cell")
    assert [source.key for source in article.sources] == ["liu-2020", "b-1"]
    assert article.citations == (2, 1)
    assert article.sources[1].accessed == date(2026, 11, 1)
    assert article.sources[1].authors == ("X Y",)
    assert 'id="cite-1-2"' in article.questions[0].answer_html
    assert "<h4>More</h4>" in article.questions[0].answer_html
    assert article.corrections[0].kind is CorrectionKind.CORRECTION
    assert article.canonical_url == "https://example.org/x"
    assert article.language == "pt-BR"


def test_sources_follow_their_first_use() -> None:
    """Numbers are given by first use, in the body and then in the answers."""
    more = "  - {key: z, title: Z, kind: trial, year: 2020, pmid: '1'}\n"
    article = good(file(body="\n[@z] then [@liu-2020; @z]\n", more=more))
    assert [source.key for source in article.sources] == ["z", "liu-2020"]
    assert article.citations == (2, 1)


@pytest.mark.parametrize("words", [1, 200, 201, 400, 401])
def test_reading_time_rounds_up(words: int) -> None:
    """200 words a minute here; never less than a minute."""
    article = good(file(body="\n" + "word " * (words - 1) + "last [@liu-2020]\n"))
    assert article.words == words
    assert article.reading_minutes == -(-words // 200)


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_line_ends_and_byte_order_mark(ending: str) -> None:
    """Files from any editor read the same, and lines are still counted."""
    article = good(b"\xef\xbb\xbf" + file().replace("\n", ending).encode())
    assert article.body == "A body [@liu-2020]."
    assert told(file(body="\n\nx [@x] [@liu-2020]").replace("\n", ending)) == [
        ("unknown-citation", 17)
    ]


def test_scheduled_is_no_error() -> None:
    """A date to come is a plan."""
    assert not good(file("2026-11-17", "2999-01-01")).is_public(datetime(2026, 12, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("title: A title\n", "", [("missing-key", 2)]),
        ("title: A title", "titel: A title", [("missing-key", 2), ("unknown-key", 3)]),
        ("title: A title", "title: A\ntitle: B", [("repeated-key", 4)]),
        ("title: A title", "title: 42", [("wrong-type", 3)]),
        ("title: A title", "title: [a]", [("wrong-type", 3)]),
        ("title: A title", 'title: " "', [("empty-text", 3)]),
        ("title: A title", "title:", [("empty-text", 3)]),
        ("title: A title", "title: " + "x" * 301, [("too-long", 3)]),
        ("title: A title", 'title: "a\\x07b"', [("control-character", 3)]),
        ("title: A title", "title: a\x07b", [("control-character", 3)]),
        ("title: A title", "title: A [@liu-2020]", [("misplaced-citation", 3)]),
        ("A summary.", '""', [("empty-text", 4)]),
        ("A summary.", "A [@liu-2020]", [("misplaced-citation", 4)]),
        ("A takeaway.", "A [@liu-2020]", [("misplaced-citation", 7)]),
        ("heart", "hart", [("unknown-category", 5)]),
        ("heart", "7", [("wrong-type", 5)]),
        ("2026-11-17", "2026-02-30", [("impossible-date", 6)]),
        ("2026-11-17", "17.11.2026", [("impossible-date", 6)]),
        ("2026-11-17", "0026-11-17", [("impossible-date", 6)]),
        ("2026-11-17", "[2026]", [("wrong-type", 6)]),
        ("2026-11-17", "2026-11-17 09:00", [("time-without-offset", 6)]),
        ("2026-11-17", "2026-11-17T25:00Z", [("impossible-date", 6)]),
        ("2026-11-17", "2026-13-17T09:00Z", [("impossible-date", 6)]),
        ("id: tag:journal.example.org,2026:a/x1\n", "", [("missing-id", 2)]),
        ("tag:journal.example.org,2026:a/x1", "", [("bad-id", 2)]),
        ("tag:journal.example.org,2026:a/x1", "x1", [("bad-id", 2)]),
        ("tag:journal.example.org,2026:a/x1", "tag:example.org,2026-02-30:x", [("bad-id", 2)]),
        ("10.1056/NEJMoa1910607", "10.1056", [("bad-doi", 13)]),
        ("doi: 10.1056/NEJMoa1910607", "pmid: x", [("bad-pmid", 13)]),
        ("doi: 10.1056/NEJMoa1910607", "pmcid: 17", [("bad-pmcid", 13)]),
        ("doi: 10.1056/NEJMoa1910607", "doi: [x]", [("wrong-type", 13)]),
        ("doi: 10.1056/NEJMoa1910607", "url: example.org/x", [("bad-url", 13)]),
        ("doi: 10.1056/NEJMoa1910607", "url: javascript:alert(1)", [("bad-url", 13)]),
        ("doi: 10.1056/NEJMoa1910607", "url: 'https://[x'", [("bad-url", 13)]),
        ("    doi: 10.1056/NEJMoa1910607\n", "", [("unresolvable-source", 9)]),
        ("doi: 10", "dio: 10", [("unresolvable-source", 9), ("unknown-key", 13)]),
        ("    kind: trial\n", "", [("missing-key", 9)]),
        ("year: 2020", "year: 20", [("impossible-date", 12)]),
        ("year: 2020", "year: yes", [("wrong-type", 12)]),
        ("year: 2020", "year: 2020\n    year: 2021", [("repeated-key", 13)]),
        ("key: liu-2020", "key: liu 2020", [("bad-source-key", 9), ("unknown-citation", 16)]),
    ],
)
def test_one_mistake(old: str, new: str, expected: list[tuple[str, int]]) -> None:
    """Each mistake in the front matter is found, on its line, and alone."""
    assert told(file(old, new)) == expected


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("updated: 2026-11-16\n", [("date-order", 14)]),
        ("authors: Dr A\n", [("wrong-type", 14)]),
        ("tags: [a, 5]\n", [("wrong-type", 14)]),
        ("evidence: stong\n", [("unknown-choice", 14)]),
        ("slug: Ä b\n", [("bad-slug", 14)]),
        ("draft: perhaps\n", [("wrong-type", 14)]),
        ("language: english please\n", [("bad-language", 14)]),
        ("canonical_url: /x\n", [("bad-url", 14)]),
        ("image: a.png\n", [("wrong-type", 14)]),
        ("image:\n  path: a.png\n", [("missing-key", 15)]),
        ('image:\n  path: a.png\n  alt: ""\n', [("image-without-alt", 16)]),
        ("image:\n  path: ../a.png\n  alt: x\n", [("image-path", 15)]),
        ("image:\n  path: /etc/a.png\n  alt: x\n", [("image-path", 15)]),
        ("image:\n  path: a.svg\n  alt: x\n", [("image-kind", 15)]),
        ("questions:\n  - why?\n", [("wrong-type", 15)]),
        ("questions:\n  - question: why?\n", [("missing-key", 15)]),
        ("questions:\n  - {question: why?, answer: ''}\n", [("empty-text", 15)]),
        ("questions:\n  - {question: why?, answer: 5}\n", [("wrong-type", 15)]),
        ('questions:\n  - {question: why?, answer: "a\\x07"}\n', [("control-character", 15)]),
        (
            "questions:\n  - question: why?\n    answer: |\n      a\n\n      b [@lui-2020]\n",
            [("unknown-citation", 19)],
        ),
        (
            "questions:\n  - question: why?\n    answer: >-\n      a\n      b [@lui-2020]\n",
            [("unknown-citation", 18)],
        ),
        (
            "corrections:\n  - {date: 2026-11-16, kind: correction, wrong: a, right: b}\n",
            [("date-order", 15)],
        ),
        (
            "corrections:\n  - {date: 2026-11-17, kind: error, wrong: a, right: b}\n",
            [("unknown-choice", 15)],
        ),
        (
            "corrections:\n  - {date: 2026-11-17T09:00Z, kind: correction, wrong: a, right: b}\n",
            [("impossible-date", 15)],
        ),
        (
            "  - {key: liu-2020, title: B, kind: c, year: 2000, pmid: 1}\n",
            [("repeated-source", 14)],
        ),
        ("  - {key: b, title: B, kind: c, year: 2000, pmid: 1}\n", [("uncited-source", 14)]),
        (
            "  - {key: b, title: B, kind: c, year: 2000, pmid: 1, accessed: soon}\n",
            [("impossible-date", 14), ("uncited-source", 14)],
        ),
        ("a: &x b\n", [("yaml-limit", 14)]),
        ("title : [\n", [("front-matter", 15)]),
    ],
)
def test_one_more_mistake(more: str, expected: list[tuple[str, int]]) -> None:
    """The same for optional keys and further sources."""
    assert told(file(more=more)) == expected


@pytest.mark.parametrize(
    "written", ["sources: []\n", "sources: {}\n", "sources: x\n", "sources:\n"]
)
def test_no_sources(written: str) -> None:
    """An article that rests on nothing is refused, however it says so."""
    text = f"---\n{LINES[: LINES.index('sources')]}{written}---\nText.\n"
    assert [line for _, line in told(text)] == [8]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("", [("empty-body", 15), ("uncited-source", 9)]),
        ("\n<!-- later -->\n", [("uncited-source", 9), ("empty-body", 15)]),
        ("x [@liu-2020] [@liu-2021]", [("unknown-citation", 15)]),
        ("[@liu-2020]\n\nx [@a, @b]", [("malformed-citation", 17)]),
        ("[@liu-2020]\n\n[x [@liu-2020]](https://example.org)", [("misplaced-citation", 17)]),
        ("[@liu-2020]\n\n![x [@liu-2020]](images/a.png)", [("misplaced-citation", 17)]),
        ("[@liu-2020]\n\n<b onclick='x'>y</b>", [("raw-html", 17)]),
        ("[@liu-2020]\n\n<div>\n<script>x</script>\n</div>", [("raw-html", 18)]),
        ("[@liu-2020] <b>y</b>", []),
        ("# A\n\nx [@liu-2020]", [("heading-level", 15)]),
        ("[@liu-2020]\n[x](javascript:alert(1))", [("unsafe-link", 16)]),
        ("[@liu-2020]\n[x](other.md)", [("relative-link", 16)]),
        ("[@liu-2020]\n[x](/articles/y/) [y](#z) <a@example.org>", []),
        ("[@liu-2020]\n![](images/a.png)", [("image-without-alt", 16)]),
        ("[@liu-2020]\n![x](https://example.org/a.png)", [("remote-image", 16)]),
        ("[@liu-2020]\n<img src='//example.org/a.png' alt='x'>", [("remote-image", 16)]),
        ("[@liu-2020]\n![x](../a.png)", [("image-path", 16)]),
        ("[@liu-2020]\n![x](%2e%2e/a.png)", [("image-path", 16)]),
        ("[@liu-2020]\n![x](images/a.svg)", [("image-kind", 16)]),
        ("[@liu-2020]\n\n&#7;", [("control-character", 17)]),
        ("[@liu-2020]\n\n\x1b[0m", [("control-character", 17)]),
        ("[@liu-2020]\n\n\u202etxt.exe", [("control-character", 17)]),
        ("[@liu-2020]\n\n0publisher0token0", [("reserved-text", 17)]),
    ],
)
def test_the_body(body: str, expected: list[tuple[str, int]]) -> None:
    """Mistakes in the body are found on their lines."""
    assert sorted(told(file(body=body))) == sorted(expected)


@pytest.mark.parametrize(
    ("raw", "rule"),
    [
        (b"", "front-matter"),
        (b"no front matter", "front-matter"),
        (b"---\ntitle: x\n", "front-matter"),
        (b"---\n- a\n---\n", "front-matter"),
        (b"---\n# nothing\n---\n", "front-matter"),
        (b"---\ntitle: \xff\n---\n", "invalid-utf8"),
        (b"x" * (1024 * 1024 + 1), "file-too-large"),
    ],
)
def test_files_that_cannot_be_read(raw: bytes, rule: str) -> None:
    """There is a finding, and one only, where nothing else can be said."""
    article, findings = parse(raw)
    assert article is None
    assert [finding.rule for finding in findings] == [rule]


def test_invalid_utf8_has_a_line() -> None:
    """The line of the first byte that is not UTF-8."""
    assert told(b"---\na: b\nc: \xff\n---\n") == [("invalid-utf8", 3)]


def test_everything_at_once() -> None:
    """Nothing hides behind another mistake, and each line reads as promised."""
    text = file("heart", "hart", body="\nText [@lui-2020]\n", more="tilte: x\nevidence: strog\n")
    assert [str(finding) for finding in parse(text)[1]] == [
        "content/a-file.md:5: unknown-category: there is no category 'hart' (did you mean heart?)",
        (
            "content/a-file.md:9: uncited-source: the source liu-2020 is never cited "
            "(cite it as [@liu-2020] where it is used, or remove it)"
        ),
        "content/a-file.md:14: unknown-key: an article has no key 'tilte' (did you mean title?)",
        "content/a-file.md:15: unknown-choice: there is no evidence 'strog' (did you mean strong?)",
        (
            "content/a-file.md:18: unknown-citation: there is no source with the key lui-2020 "
            "(did you mean liu-2020?)"
        ),
    ]


def test_a_warning_blocks_nothing() -> None:
    """An h1 in the body is shown lower, and said so."""
    article, findings = parse(file(body="\n# A\n\n## B\n\nx [@liu-2020]\n"))
    assert article is not None
    assert "<h2>A</h2>" in article.body_html
    assert [finding.severity for finding in findings] == [Severity.WARNING]


def test_drafts_block_nobody() -> None:
    """An unfinished draft is told about and does not stop the others."""
    article, findings = parse(file("A summary.", '""', more="draft: true\n"))
    assert article is None
    assert [(f.rule, f.severity) for f in findings] == [("empty-text", Severity.WARNING)]
    assert good(file(more="draft: yes\n")).draft
    assert not good(file(more="draft: false\n")).draft


def test_a_line_break_cannot_enter_a_header() -> None:
    """Titles and summaries are one line, whatever YAML makes of them."""
    article = good(file("A title", '"A\\r\\nBcc: a@example.org"'))
    assert article.title == "A Bcc: a@example.org"


def test_norwegian() -> None:
    """`language: no` is Norwegian, not a refusal."""
    assert good(file(more="language: no\n")).language == "no"


@given(
    st.lists(
        st.sampled_from(
            [*LINES.splitlines(True), "---\n", BODY, "draft: true\n", "  - x\n", "{", "\x00"]
        )
        | st.text(max_size=10),
        max_size=25,
    ).map("".join)
)
def test_any_text_is_judged(text: str) -> None:
    """Whatever the file holds, there is an article or a reason, and lines exist."""
    raw = text.encode("utf-8", "surrogatepass")
    article, findings = parse(raw)
    assert article is not None or findings
    for finding in findings:
        assert (
            finding.place.line is None
            or 1 <= finding.place.line <= len(re.split(rb"\r\n|\r|\n", raw)) + 1
        )
        assert finding.remedy


@given(st.binary(max_size=200))
def test_any_bytes_are_judged(raw: bytes) -> None:
    """The same for bytes that are no text."""
    article, findings = parse(raw)
    assert article is not None or findings


# --- what the publisher writes -----------------------------------------------------------------


def skeleton(title: str, author: str | None = "Dr A") -> str:
    return frontmatter.skeleton(
        title,
        article_id="tag:journal.example.org,2026:a/x1",
        slug=frontmatter.slugify(title),
        category="heart",
        published=datetime(2026, 11, 24, 9, tzinfo=UTC),
        author=author,
    )


def test_a_skeleton_says_what_is_to_be_filled_in() -> None:
    """A new file is a draft with exactly four open points, and nothing pretended."""
    for author in ("Dr A", None):
        article, findings = parse(skeleton('A "new" title: #1', author))
        assert article is None
        assert sorted(finding.rule for finding in findings) == [
            "empty-body",
            "empty-text",
            "empty-text",
            "no-sources",
        ]
        assert {finding.severity for finding in findings} == {Severity.WARNING}


@given(st.text(min_size=1, max_size=60))
def test_a_skeleton_takes_any_title(title: str) -> None:
    """Quotes, colons and control characters in a title do no harm."""
    rules = {finding.rule for finding in parse(skeleton(title + "x"))[1]}
    assert rules <= {"empty-body", "empty-text", "markup-in-text", "no-sources", "too-long"}


@pytest.mark.parametrize(
    ("title", "slug"),
    [
        ("CAR-NK cells: what the first trials show", "car-nk-cells-what-the-first-trials-show"),
        ("Größe & Ærøskøbing, żółć", "grosse-aeroskobing-zolc"),
        ("Don't panic", "dont-panic"),
        ("  --  ", "article-"),
        ("心臓", "article-"),
        ("x" * 150, "x" * 100),
        ("word " * 40, "-".join(["word"] * 20)),
    ],
)
def test_slugify(title: str, slug: str) -> None:
    """Slugs are plain letters; a title without any gets a stable name."""
    made = frontmatter.slugify(title)
    assert made.startswith(slug)
    assert made == frontmatter.slugify(title)


@given(st.text())
def test_slugs_are_slugs(title: str) -> None:
    """Whatever the title, the slug passes its own check."""
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", frontmatter.slugify(title))
    assert len(frontmatter.slugify(title)) <= 100


ID = "tag:journal.example.org,2026:a/x1"


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
@pytest.mark.parametrize("lead", [b"", b"\xef\xbb\xbf"])
def test_minting_adds_one_line(ending: str, lead: bytes) -> None:
    """Not a byte but the new line changes, and it ends as the file's lines do."""
    without = file(f"id: {ID}\n", "").replace("\n", ending)
    minted = frontmatter.mint_line(lead + without.encode(), ID)
    assert minted == lead + file().replace("\n", ending).encode()
    assert good(minted).id == ID


@pytest.mark.parametrize(
    "raw",
    [
        "no front matter",
        "---\n{title: x}\n---\n",
        "---\nid: x\n---\n",
        "---\na: b\n",
        "---\n- a\n---\n",
    ],
)
def test_minting_refuses_what_it_would_break(raw: str) -> None:
    """A file that cannot take the line is left to its author."""
    with pytest.raises(AuthorError, match="cannot be added"):
        frontmatter.mint_line(raw.encode(), ID)


def test_minting_refuses_what_is_no_id() -> None:
    """A bad id is our mistake, not the author's."""
    with pytest.raises(Defect, match="tag:"):
        frontmatter.mint_line(file().encode(), "x")


def test_an_article_that_moved_or_was_taken_back() -> None:
    """Aliases keep their lines; a withdrawal and the seconds move `updated` and nothing else."""
    more = (
        "aliases:\n  - /old/\n  - /older\nwithdrawn:\n  date: 2026-12-01\n  reason: It was wrong.\n"
        "feed_seconds: 417\n"
    )
    plain, found = good(file()), good(file(more=more))
    first = file().count("\n", 0, file().rindex("---")) + 2
    assert found.aliases == (Alias("/old/", first), Alias("/older", first + 1))
    assert found.withdrawn == Withdrawal(date(2026, 12, 1), "It was wrong.")
    assert found.published_at == plain.published_at
    assert found.updated_at == datetime(2026, 11, 30, 23, 6, 57, tzinfo=UTC)
    assert found.feed_bytes > len(found.body_html)
    assert not found.is_public(datetime(2027, 1, 1, tzinfo=UTC))
    assert found.has_appeared(datetime(2027, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("more", "rule"),
    [
        ("aliases: /old/\n", "wrong-type"),
        ("aliases: [old]\n", "bad-alias"),
        ("aliases: ['']\n", "empty-text"),
        ("withdrawn: It was wrong.\n", "wrong-type"),
        ("withdrawn: {date: 2026-12-01}\n", "missing-key"),
        ("withdrawn: {reason: It was wrong.}\n", "missing-key"),
        ("withdrawn: {date: 2020-12-01, reason: It was wrong.}\n", "date-order"),
        ("feed_seconds: soon\n", "wrong-type"),
        ("feed_seconds: 86400\n", "bad-feed-seconds"),
        ("tags: ['<b>bold</b>']\n", "markup-in-text"),
        ("authors: [A &amp; B]\n", "markup-in-text"),
    ],
)
def test_what_is_wrong_with_moving_and_taking_back(more: str, rule: str) -> None:
    """Each mistake is found on its line."""
    found = told(file(more=more))
    assert [each for each, _ in found] == [rule]
    assert found[0][1] == file().count("\n", 0, file().rindex("---")) + 1


def test_when_it_was_reviewed_and_is_to_be_again() -> None:
    """Two dates, which move nothing that feeds show; the order is kept."""
    plain, found = good(file()), good(file(more="reviewed: 2026-12-01\nreview_by: 2027-12-01\n"))
    assert (found.reviewed, found.review_by) == (date(2026, 12, 1), date(2027, 12, 1))
    assert found.updated_at == plain.updated_at
    assert found.is_overdue(date(2027, 12, 2))
    assert not found.is_overdue(date(2027, 12, 1))
    assert not plain.is_overdue(date(2027, 12, 2))
    for more in ("reviewed: 2026-12-02\nreview_by: 2026-12-01\n", "review_by: 2020-01-01\n"):
        assert [rule for rule, _ in told(file(more=more))] == ["date-order"]
    assert [rule for rule, _ in told(file(more="review_by: soon\n"))] == ["impossible-date"]


def test_claims_are_held_against_the_body_on_their_lines() -> None:
    """Warnings, which do not stop the article."""
    raw = file(more="evidence: strong\n").replace("kind: trial", "kind: laboratory study")
    raw = raw.replace("summary:", "summary: Of 4,711 people,", 1)
    article, found = parse(raw)
    assert article is not None
    lines = {each.rule: each.place.line for each in found}
    assert {"unsupported-number", "evidence-grade"} <= lines.keys()
    assert raw.split("\n")[(lines["unsupported-number"] or 0) - 1].startswith("summary:")
    assert raw.split("\n")[(lines["evidence-grade"] or 0) - 1].startswith("evidence:")


def test_books_and_trials_are_sources_too() -> None:
    """Kept in one spelling, linked to where they are registered, refused where they are wrong."""
    doi = "doi: 10.1056/NEJMoa1910607"
    book = good(file(doi, "isbn: 0-306-40615-2")).sources[0]
    assert (book.isbn, book.href) == ("9780306406157", "https://openlibrary.org/isbn/9780306406157")
    nct = good(file(doi, "nct: nct04245722")).sources[0]
    assert nct.href == "https://clinicaltrials.gov/study/NCT04245722"
    isrctn = good(file(doi, "isrctn: ISRCTN 83971151")).sources[0]
    assert isrctn.href == "https://www.isrctn.com/ISRCTN83971151"
    line = file().split("\n").index("    " + doi) + 1
    for name in ("isbn", "nct", "isrctn"):
        assert told(file(doi, f"{name}: 12345678")) == [(f"bad-{name}", line)]
