"""`check --external`: the pages that articles link to elsewhere, and what became of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from publisher import __version__
from publisher.checks.external import Life, Linked, Reached, findings, linked
from publisher.cli import words
from publisher.cli.sending import stopping
from publisher.cli.session import Session
from publisher.domain.finding import Finding, Place
from publisher.domain.journal import Journal
from publisher.linkcheck import Asker
from publisher.ports import Library
from publisher.settings import Settings


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of it. `unasked` were left when somebody stopped it."""

    reached: Sequence[Reached]
    findings: Sequence[Finding]
    unasked: int

    def document(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "links": [
                {"url": r.url, "life": r.life.value, "words": r.words, "now_at": r.now_at}
                for r in sorted(self.reached, key=lambda each: each.url)
            ],
            "unasked": self.unasked,
        }

    def sentences(self) -> Iterator[str]:
        """As a person reads it."""
        lives = Counter(each.life for each in self.reached)
        said = {
            Life.ALIVE: "there",
            Life.MOVED: "moved",
            Life.DEAD: "dead",
            Life.UNCLEAR: "could not be checked",
        }
        parts = ", ".join(f"{lives[life]:,} {name}" for life, name in said.items() if lives[life])
        yield f"{words.count(len(self.reached), 'link')} to other sites: {parts or 'none asked'}."
        if self.unasked:
            yield f"Stopped by you; {words.count(self.unasked, 'link')} not asked."


def ask(session: Session, settings: Settings, library: Library) -> Asked:
    """Ask for every page that the library's articles link to; Ctrl-C ends it with what is known."""
    journal = settings.journal
    links = {each.url: each for each in linked(library.articles, journal)}
    reached: list[Reached] = []
    with (
        stopping() as stop,
        session.progress("Asking other sites", len(links)) as step,
    ):
        asker = Asker(
            agent(journal),
            delay=journal.checks.link_delay.total_seconds(),
            timeout=journal.checks.link_timeout.total_seconds(),
            stop=stop,
        )
        reached += asker.ask(list(links), step)
    found = [
        finding
        for each in sorted(reached, key=lambda each: each.url)
        for finding in findings(each, places(links[each.url], settings.root))
    ]
    return Asked(reached, found, len(links) - len(reached))


def agent(journal: Journal) -> str:
    """Who asks, and whom to write to about it."""
    contact = journal.staff or (journal.reply_to or journal.sender).address
    return f"journal-publisher/{__version__} (link check; +{journal.url}/; {contact})"


def places(link: Linked, root: Path) -> list[Place]:
    """Each file that links there, with the line where that is written."""
    return [Place(path, _line(root / path, link.marks)) for path in link.paths]


def _line(path: Path, marks: Sequence[str]) -> int | None:
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeError):
        return None
    for number, line in enumerate(lines, 1):
        if any(mark in line for mark in marks):
            return number
    return None
