"""Every work that a library cites: where, by which identifiers, and how it stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count

from publisher.domain.article import Article, Source
from publisher.domain.retraction import Register, Standing, Status, doi_key, keys
from publisher.formats import identifiers

KINDS = {
    "article": "preprint",
    "article-journal": "journal article",
    "article-magazine": "magazine article",
    "article-newspaper": "newspaper article",
    "book": "book",
    "chapter": "book chapter",
    "dataset": "data set",
    "document": "document",
    "entry-encyclopedia": "encyclopedia entry",
    "legislation": "law",
    "manuscript": "manuscript",
    "paper-conference": "conference paper",
    "report": "report",
    "review": "review",
    "software": "software",
    "speech": "talk",
    "standard": "standard",
    "thesis": "thesis",
    "webpage": "web page",
}
"""The types of CSL that a source may have, and what each is called where nobody says its kind."""

_PARTS = ("chapter", "entry-encyclopedia", "paper-conference")


@dataclass(frozen=True, slots=True)
class Work:
    """One work, as the source that says most describes it, and every source that is it."""

    source: Source
    keys: tuple[str, ...]
    status: Status
    cited: tuple[tuple[Source, Article], ...]

    @property
    def articles(self) -> tuple[Article, ...]:
        """The articles that cite it, each once."""
        return tuple({article.id: article for _, article in self.cited}.values())


@dataclass(frozen=True, slots=True)
class Summary:
    """How many sources a library has, how many of them cannot be looked up, and the works that
    are not clear, each with its note.
    """

    articles: int
    sources: int
    unknown: int
    spoken_of: tuple[tuple[Work, str], ...]


def of(articles: Iterable[Article], register: Register) -> tuple[Work, ...]:
    """All works, each once however it is spelt, in order of title.

    Two sources are the same work when they share an identifier or an address.
    """
    numbers = count()
    cited: dict[int, list[tuple[Source, Article]]] = {}
    group: dict[str, int] = {}
    for article in articles:
        for source in article.sources:
            own = names_of(source)
            known = list(dict.fromkeys(group[name] for name in own if name in group))
            number = known[0] if known else next(numbers)
            held = cited.setdefault(number, [])
            held.append((source, article))
            for other in known[1:]:  # this source says that two works are one
                held += cited.pop(other)
                group |= {name: number for name, at in group.items() if at == other}
            group |= dict.fromkeys(own, number)
    found = (_work(held, register) for held in cited.values())
    return tuple(sorted(found, key=lambda work: (work.source.title.casefold(), work.keys)))


def is_spoken_of(work: Work) -> bool:
    """Whether something stands beside its citations."""
    quiet = (Standing.CLEAR, Standing.UNKNOWN)
    return work.source.acknowledged is not None or work.status.standing not in quiet


def names(text: str) -> tuple[str, ...]:
    """The keys that an identifier means, however it is spelt; none for other text."""
    doi, pmid, pmcid = (
        read(text) for read in (identifiers.doi, identifiers.pmid, identifiers.pmcid)
    )
    isbn = identifiers.isbn(text)
    trials = (identifiers.nct(text), identifiers.isrctn(text))
    return (
        *((doi_key(doi),) if doi else ()),
        *((f"pmid:{pmid}",) if pmid else ()),
        *((f"pmcid:{pmcid}",) if pmcid else ()),
        *((f"isbn:{isbn}",) if isbn else ()),
        *(f"trial:{trial}" for trial in trials if trial),
    )


def _trials(source: Source) -> tuple[str, ...]:
    """The numbers that registries gave it, wherever they stand: each trial of ISRCTN has a DOI."""
    written = [each for each in (source.nct, source.isrctn, source.doi, source.url) if each]
    forms = (identifiers.nct, identifiers.isrctn)
    found = (form(each) for each in written for form in forms)
    return tuple(dict.fromkeys(each for each in found if each is not None))


def names_of(source: Source) -> tuple[str, ...]:
    """Everything that tells this work from others, in one spelling: identifiers, its address."""
    return (
        *keys(source),
        *((f"pmcid:{source.pmcid}",) if source.pmcid else ()),
        *((f"isbn:{source.isbn}",) if source.isbn and not _is_part(source) else ()),
        *(f"trial:{trial}" for trial in _trials(source)),
        *((f"url:{source.url.rstrip('/')}",) if source.url else ()),
    )


def _is_part(source: Source) -> bool:
    """Whether its ISBN is that of the book it stands in."""
    return source.imprint is not None and source.imprint.type in _PARTS


def _work(held: list[tuple[Source, Article]], register: Register) -> Work:
    own = tuple(dict.fromkeys(key for source, _ in held for key in keys(source)))
    # One that acknowledges a retraction speaks for the others, then the one with most links.
    source = min((s for s, _ in held), key=lambda s: (s.acknowledged is None, -len(s.links)))
    return Work(source, own, register.of_keys(own), tuple(held))
