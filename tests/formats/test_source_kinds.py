"""Every kind of source in every rendering, byte for byte (UPDATE_GOLDEN=1 writes them anew)."""

import html
import json
import os
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path

import pytest

from publisher.domain import retraction
from publisher.domain.article import Article, Source
from publisher.domain.issue import Edition, Shaping
from publisher.domain.retraction import Event, Nature, Register, Snapshot
from publisher.formats import atom, bibliography, email, jsonfeed, metatags, reference, rss
from publisher.formats.channel import of_journal
from publisher.formats.feed import item
from publisher.formats.markdown import quoted
from publisher.formats.page import Pages
from tests import factories, mails

GOLDEN = Path(__file__).parents[1] / "golden" / "sources"
WORKS = """\
- key: journal
  title: "Use of <CAR> & “NK” cells: is 5 > 4?"
  kind: phase 1/2 trial
  authors: ["Liu, Enli", "Marin, David", "A & B Study Group"]
  journal: N Engl J Med
  year: 2020
  volume: 382
  issue: 6
  pages: 545-553
  doi: 10.1056/NEJMoa1910607
  pmid: 32023374
- {key: pubmed, title: Known to PubMed alone, kind: case report, year: 1999, pmid: 10000001}
- {key: central, title: Free to read, kind: review, year: 2025, pmcid: PMC12607298, url: "https://pmc.ncbi.nlm.nih.gov/articles/PMC12607298/"}
- {key: book, title: Sleep, year: 2019, isbn: 978-3-16-148410-0, authors: ["Doe, Jane Mary"], edition: 2nd ed., place: Oxford, publisher: Oxford University Press}
- {key: chapter, title: Dreams, type: chapter, journal: The Book of Sleep, year: 2018, isbn: 316148410X, authors: ["Doe, Jane"], editors: ["Roe, Richard", "Poe, Ann"], pages: 20-41, publisher: Press}
- {key: nct, title: A trial that is registered, kind: registered trial, year: 2021, nct: NCT04245722}
- {key: isrctn, title: Another trial, kind: registered trial, year: 2005, isrctn: ISRCTN83971151}
- {key: report, title: Salt in food, type: report, year: 2022, url: "https://example.org/salt?a=1&b=2", authors: ["{Ministry of Health, Rome}"], place: Rome, publisher: Ministry of Health}
- {key: page, title: Measles, year: 2024, type: webpage, journal: A Health Site, url: "https://example.org/measles", accessed: 2026-11-02}
- {key: preprint, title: Not yet reviewed, year: 2026, doi: 10.1101/2026.01.01.123456, authors: ["Nakamura, Haruka"]}
- {key: thesis, title: On rest, type: thesis, year: 2011, url: "https://example.org/thesis", publisher: University of Bonn}
- {key: retracted, title: A claim that fell, kind: case series, year: 1998, journal: Lancet, doi: 10.1000/fallen}
- {key: doubted, title: A claim in doubt, kind: cohort study, year: 2017, doi: 10.1000/doubted}
- {key: mended, title: A claim that was corrected, kind: trial, year: 2016, pmid: 10000002}
- {key: back, title: A claim that was reinstated, kind: trial, year: 2015, pmid: 10000003}
"""
REASON = "This article tells how the claim arose."


def event(nature: Nature, record: int, **rest: str) -> Event:
    return Event(record=record, nature=nature, on=date(2020, 6, record), **rest)  # type: ignore[arg-type]


NOTICES = {
    "doi:10.1000/fallen": (
        event(Nature.RETRACTION, 4, notice="10.1000/notice", doi="10.1000/fallen"),
    ),
    "doi:10.1000/doubted": (event(Nature.CONCERN, 5, doi="10.1000/doubted"),),
    "pmid:10000002": (event(Nature.CORRECTION, 6, pmid="10000002"),),
    "pmid:10000003": (event(Nature.RETRACTION, 7), event(Nature.REINSTATEMENT, 8)),
}
REGISTER = Register(
    Snapshot(date(2026, 11, 20), "0" * 64, 1, 1, "x", datetime(2026, 11, 20, tzinfo=UTC)), NOTICES
)


@cache
def sources() -> tuple[Source, ...]:
    entries, findings = bibliography.parse(WORKS.encode(), "content/sources.yaml")
    assert findings == ()
    found = [entry.source for entry in entries if entry.source is not None]
    return tuple(
        replace(source, acknowledged=REASON) if source.key == "retracted" else source
        for source in found
    )


@cache
def sample() -> Article:
    return factories.article(
        sources=sources(),
        citations=(1,) * len(sources()),
        works=tuple(retraction.keys(source) for source in sources()),
        acknowledges=True,
        questions=(),
        authors=("Dr. Ann Example",),
    )


@cache
def pages() -> Pages:
    return Pages(
        factories.journal(),
        mails.shipped(),
        pictures={sample().id: None},
        assets={},
        register=REGISTER,
    )


@cache
def feed(form: str) -> str:
    of, one = factories.journal(), sample()
    content = pages().feed_content(one, quoted)
    entry = item(of, one, content, None, pages().notes(one))
    render = {"rss": rss.render, "atom": atom.render, "json": jsonfeed.render}[form]
    return render(replace(of_journal(of).feed(of), items=(entry,))).decode()


@cache
def mail() -> Edition:
    of = factories.journal()
    return email.render(
        of,
        of.newsletters[0],
        number=1,
        slot_at=factories.NOW,
        articles=(sample(),),
        language="en",
        shaping=Shaping(),
        templates=mails.shipped(),
        register=REGISTER,
    )


def part(text: str, start: str, stop: str) -> str:
    begin = text.index(start)
    return text[begin : text.index(stop, begin) + len(stop)] + "\n"


def made(name: str) -> str:
    if name == "page.html":
        return part(pages().article(sample()).decode(), '<section class="sources"', "</section>")
    if name == "mail.html":
        return part(mail().html, "Sources</h3>", "</ol>").replace("<li", "\n<li")
    if name == "mail.txt":
        return part(mail().text, "\nSources\n", "\n\n")
    if name == "head.txt":
        return "".join(
            f"{key}: {value}\n" for key, value in metatags.of(factories.journal(), sample())
        )
    return feed({"feed.xml": "rss", "atom.xml": "atom", "feed.json": "json"}[name])


@pytest.mark.parametrize(
    "name", ["page.html", "feed.xml", "atom.xml", "feed.json", "mail.html", "mail.txt", "head.txt"]
)
def test_every_kind_of_source_in_every_rendering(name: str) -> None:
    """A change of any of them is seen in review."""
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(made(name), encoding="utf-8")
    assert made(name) == path.read_text(encoding="utf-8")


def words(text: str) -> str:
    """Without markup and white space, entities as characters."""
    return re.sub(r"\s+", "", html.unescape(re.sub(r"<[^>]+>", "", text)))


@pytest.mark.parametrize("name", ["page.html", "feed.xml", "atom.xml", "mail.html", "mail.txt"])
def test_all_say_the_same(name: str) -> None:
    """The same citation, in the same order, with its kind, every link and the same note."""
    shown = made(name)
    if name.endswith(".xml"):
        shown = part(html.unescape(shown), "<h2>Sources</h2>", "</ol>")
    is_text = name.endswith(".txt")
    said = re.sub(r"\s+", "", shown) if is_text else words(shown)
    at = 0
    for source, note in zip(sources(), pages().notes(sample()), strict=True):
        at = said.index(re.sub(r"\s+", "", reference.text(source)), at)
        end = said.find(re.sub(r"\s+", "", note), at)
        assert source.kind.replace(" ", "") in said[at:].casefold()
        assert end >= at
        for _, href in source.links:
            assert href in (shown if is_text else html.unescape(shown))


def test_a_json_feed_says_it_to_programs() -> None:
    """Each work with its identifiers; a note where it is not clear, and nowhere else."""
    works = json.loads(feed("json"))["items"][0]["_sources"]["works"]
    assert [work["citation"] for work in works] == [reference.text(s) for s in sources()]
    noted = [source.key for source, work in zip(sources(), works, strict=True) if "note" in work]
    assert noted == ["retracted", "doubted", "mended", "back"]
    assert works[4]["isbn"] == "9783161484100"
