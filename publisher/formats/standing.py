"""How a cited work stands, in words for readers: the same beside every citation."""

from __future__ import annotations

from publisher.domain.article import Article, Source
from publisher.domain.retraction import Register, Standing, Status
from publisher.formats.catalogue import Catalogue, mark
from publisher.formats.templating import locale

_SAID = {
    Standing.CONCERN: (mark("Expression of concern."), mark("Expression of concern (%(date)s).")),
    Standing.CORRECTED: (mark("Corrected."), mark("Corrected (%(date)s).")),
    Standing.REINSTATED: (
        mark("Retracted earlier and reinstated."),
        mark("Retracted earlier and reinstated (%(date)s)."),
    ),
}
_RETRACTED = (mark("Retracted."), mark("Retracted (%(date)s)."))


def note(source: Source, register: Register, words: Catalogue) -> str:
    """What must be read beside the citation; empty where the work is clear, or not known not to be.

    A retracted work that is cited on purpose is called so whether or not there are data: the
    author has said it.
    """
    status = register.status(source)
    if source.acknowledged is not None or status.standing is Standing.RETRACTED:
        return _retracted(source, status, words)
    said = _SAID.get(status.standing)
    return _dated(said, status, words) if said else ""


def notes(article: Article, register: Register, words: Catalogue) -> tuple[str, ...]:
    """The notes of all sources, in order; empty where there is none at all.

    Cheap for an article whose works are all clear: its sources are not looked at.
    """
    if not register.concerns(article):
        return ()
    found = tuple(note(source, register, words) for source in article.sources)
    return found if any(found) else ()


def _retracted(source: Source, status: Status, words: Catalogue) -> str:
    known = status if status.standing is Standing.RETRACTED else Status(Standing.UNKNOWN)
    said = [_dated(_RETRACTED, known, words)]
    event = known.event
    if event is not None and event.replacement:
        said.append(words.gettext("It was replaced by doi:%(doi)s.", doi=event.replacement))
    elif event is not None and event.replaced and event.notice:
        said.append(words.gettext("It was replaced: see doi:%(doi)s.", doi=event.notice))
    if source.acknowledged is not None:
        reason = source.acknowledged
        ended = reason if reason[-1] in ".?!" else f"{reason}."
        said.append(words.gettext("Cited on purpose: %(reason)s", reason=ended))
    return " ".join(said)


def _dated(said: tuple[str, str], status: Status, words: Catalogue) -> str:
    if status.event is None or status.event.on is None:
        return words.gettext(said[0])
    from babel.dates import format_date  # most articles have nothing to date

    day = format_date(status.event.on, format="long", locale=locale(words.language))
    return words.gettext(said[1], date=day)
