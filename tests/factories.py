"""Sample values for tests: complete, valid, and changed by keyword."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from publisher.domain.article import Article, Evidence, Question, Source
from publisher.domain.cadence import Cadence, CadenceKind
from publisher.domain.issue import Edition, Issue, IssueKind, IssueState, SlotId
from publisher.domain.journal import Category, Journal, Mailbox, Newsletter

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
"""A Tuesday; every article below is public by then."""


def source(**overrides: Any) -> Source:
    """A trial with a DOI and a PMID."""
    return replace(
        Source(
            key="liu-2020",
            title="Use of CAR-Transduced Natural Killer Cells in CD19-Positive Lymphoid Tumors",
            kind="phase 1/2 trial",
            year=2020,
            doi="10.1056/NEJMoa1910607",
            pmid="32023374",
            journal="N Engl J Med",
        ),
        **overrides,
    )


def article(**overrides: Any) -> Article:
    """A public article with two sources, the first cited twice, and one question."""
    title = overrides.get("title", "What the first CAR-NK trial found")
    made = Article(
        id="tag:journal.example.org,2026:a/7a5azdevvzrk",
        slug="car-nk-cells",
        title=title,
        summary="Eleven people were treated; eight responded.",
        category="cancer",
        published_at=datetime(2026, 11, 17, 7, 0, tzinfo=UTC),
        updated_at=datetime(2026, 11, 17, 7, 0, tzinfo=UTC),
        key_takeaway="The evidence is early: the trial was small and its follow-up short.",
        sources=(
            source(),
            Source(
                key="review-2025",
                title="CAR-NK cells: from preclinical promise to clinical reality",
                kind="peer-reviewed review",
                year=2025,
                pmcid="PMC12607298",
                authors=("A. Author", "B. Author"),
                accessed=date(2026, 11, 1),
            ),
        ),
        body="## What was asked\n\nDo *cells* help [@liu-2020]? Perhaps [@liu-2020; @review-2025].\n",
        body_html=(
            "<h2>What was asked</h2>\n<p>Do <em>cells</em> help"
            '<sup><a href="#source-1" id="cite-1-1">1</a></sup>? Perhaps'
            '<sup><a href="#source-1" id="cite-1-2">1</a>, '
            '<a href="#source-2" id="cite-2-1">2</a></sup>.</p>\n'
            '<p><a href="/about/">About us</a></p>\n'
        ),
        words=10,
        path="content/car-nk-cells.md",
        version=hashlib.sha256(str(title).encode("utf-8", "surrogatepass")).hexdigest(),
        citations=(2, 1),
        authors=("Dr Amara Lindqvist",),
        tags=("lymphoma",),
        evidence=Evidence.EARLY,
        questions=(
            Question(
                "Is it a cure?",
                "No one *knows* yet.",
                "<p>No one <em>knows</em> yet.</p>\n",
            ),
        ),
        reading_minutes=1,
    )
    return replace(made, **overrides)


def numbered(count: int, **overrides: Any) -> tuple[Article, ...]:
    """`count` different articles, a day apart, the newest first (id, slug and title differ)."""
    newest = datetime(2026, 11, 17, 7, 0, tzinfo=UTC)
    return tuple(
        article(
            **{
                "id": f"tag:journal.example.org,2026:a/{number:04d}",
                "slug": f"article-{number:04d}",
                "title": f"Article {number}",
                "path": f"content/article-{number:04d}.md",
                "published_at": newest - timedelta(days=number),
                "updated_at": newest - timedelta(days=number),
                **overrides,
            }
        )
        for number in range(count)
    )


def newsletter(**overrides: Any) -> Newsletter:
    """Weekly on Tuesday at 09:00, all topics."""
    return replace(
        Newsletter(
            slug="weekly",
            title="The Weekly Digest",
            description="New articles, every Tuesday.",
            list_id="weekly.journal.example.org",
            cadences=(Cadence(CadenceKind.WEEKLY, weekday=1),),
        ),
        **overrides,
    )


def journal(**overrides: Any) -> Journal:
    """An English journal in Berlin with three categories and one newsletter."""
    return replace(
        Journal(
            title="The Sample Journal",
            url="https://journal.example.org",
            description="Medical evidence in plain words.",
            language="en",
            time_zone="Europe/Berlin",
            disclaimer="This journal informs; it does not replace the advice of your doctor.",
            postal_address="The Sample Journal, 1 Example Street, 10115 Berlin",
            sender=Mailbox("digest@journal.example.org", "The Sample Journal"),
            categories=(
                Category("cancer", "Cancer", "What research says about cancer."),
                Category("sleep", "Sleep"),
                Category("nutrition", "Nutrition & diet"),
            ),
            newsletters=(newsletter(),),
            app_url="https://journal.example.org",
            grades={
                Evidence.LABORATORY: "Seen in cells or animals, not yet in people.",
                Evidence.EARLY: "Small or first studies in people.",
                Evidence.MODERATE: "Several studies, or one large one.",
                Evidence.STRONG: "Large trials or reviews that agree.",
                Evidence.MIXED: "Good studies disagree.",
            },
        ),
        **overrides,
    )


def issue(**overrides: Any) -> Issue:
    """Number 1 of the weekly digest, finished."""
    return replace(
        Issue(
            id=1,
            slot=SlotId(
                "weekly", IssueKind.DIGEST, "weekly on Tuesday at 09:00", "2026-11-17T09:00"
            ),
            slot_at=datetime(2026, 11, 17, 8, 0, tzinfo=UTC),
            number=1,
            state=IssueState.FINISHED,
            planned_at=datetime(2026, 11, 17, 8, 0, tzinfo=UTC),
            audience=3,
            subject="Eight of eleven responded",
        ),
        **overrides,
    )


def edition(**overrides: Any) -> Edition:
    """An edition whose HTML is a whole, tiny mail."""
    return replace(
        Edition(
            language="en",
            subject="Eight of eleven responded",
            preheader="And what it means.",
            html="<!doctype html><html><head><title>x</title></head><body><p>Hello</p></body></html>",
            text="Hello\n",
            articles=(("tag:journal.example.org,2026:a/7a5azdevvzrk", "0" * 64),),
        ),
        **overrides,
    )
