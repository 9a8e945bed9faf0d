"""A seeded corpus of articles, the same for us and for every peer."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

WORDS = (
    "evidence trial response patients weeks outcome risk review people measured compared treatment "
    "group follow early small confidence interval found reported question clinic answer because "
    "several between within however further general common study large adults children normal"
).split(" ")
CATEGORIES = ("cancer", "heart", "metabolism", "vaccines", "sleep", "nutrition")
START = datetime(2001, 1, 1, 7, tzinfo=UTC)

ARTICLE = """\
---
id: tag:journal.example.org,2026:bench/{number}
title: "{title}"
slug: article-{number}
summary: "{summary}"
category: {category}
published: {published}
authors: [Dr Amara Lindqvist]
key_takeaway: "{takeaway}"
evidence: moderate
sources:
{sources}---

{body}
"""

SOURCE = """\
  - key: source-{n}
    title: "{title}"
    kind: randomised trial
    journal: N Engl J Med
    year: {year}
    doi: 10.1056/bench.{article}.{n}
"""


def sentence(chance: random.Random, words: int) -> str:
    """One sentence of so many words."""
    return " ".join(chance.choice(WORDS) for _ in range(words)).capitalize()


def article(number: int, words: int = 700) -> str:
    """Article `number`: about `words` words, four headings, a list and three cited sources."""
    chance = random.Random(number)
    parts = []
    for section in range(4):
        parts.append(f"## {sentence(chance, 5)}")
        for paragraph in range(3):
            cite = f" [@source-{(section + paragraph) % 3 + 1}]"
            parts.append(f"{sentence(chance, words // 12)}{cite}.")
    parts.append("\n".join(f"- {sentence(chance, 6)}" for _ in range(3)))
    sources = "".join(
        SOURCE.format(n=n, title=sentence(chance, 9), year=2000 + n, article=number)
        for n in (1, 2, 3)
    )
    return ARTICLE.format(
        number=number,
        title=f"{sentence(chance, 6)} {number}",
        summary=sentence(chance, 25) + ".",
        category=CATEGORIES[number % len(CATEGORIES)],
        published=(START + timedelta(hours=9 * number)).isoformat(),
        takeaway=sentence(chance, 18) + ".",
        sources=sources,
        body="\n\n".join(parts),
    )


def write(folder: Path, count: int, *, for_hugo: bool = False) -> None:
    """Write `count` articles into `folder`. For Hugo, `category` is its list `categories`
    and a citation a link, which is what its authors write.
    """
    folder.mkdir(parents=True)
    for number in range(count):
        text = article(number)
        if for_hugo:
            category = CATEGORIES[number % len(CATEGORIES)]
            text = text.replace(f"category: {category}\n", f"categories: [{category}]\n", 1)
            text = re.sub(r"\[@source-(\d)\]", r"[\1](#source-\1)", text)
        (folder / f"article-{number}.md").write_text(text)
