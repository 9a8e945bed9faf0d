"""What one page of the preview shows: an edition of an issue, or an article as mail and page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from publisher.checks import edition as edition_checks
from publisher.checks import validity, withdrawals
from publisher.domain import pace
from publisher.domain.article import Article
from publisher.domain.digest import LeftOut
from publisher.domain.finding import Finding
from publisher.domain.issue import Edition, IssueState, Shaping
from publisher.domain.journal import Newsletter
from publisher.domain.template import TemplateSet
from publisher.errors import PublisherError
from publisher.formats import catalogue, email, greeting, outline
from publisher.formats.templating import locale
from publisher.plan import Upcoming
from publisher.web.preview.marks import Mark, place
from publisher.web.preview.reading import Reading

SAMPLE = "reader@example.org"
"""Whom the mail in the preview is for: nobody. Its token is no token."""
SAMPLE_TOKEN = b"TOKEN"
PAST = 5
VERSIONS = "edition-articles"


@dataclass(frozen=True, slots=True)
class Choice:
    """One edition of an issue that may be looked at; `people` None: not known by edition."""

    title: str
    place: int
    people: int | None


@dataclass(frozen=True, slots=True)
class Mail:
    """A rendered edition: as the reader gets it, but that its unsubscribe link is inert."""

    subject: str
    preheader: str
    html: str
    text: str
    headers: str
    html_bytes: int
    mail_bytes: int
    links: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class View:
    """Everything that the templates show about one choice. `problem`: why there is no mail."""

    title: str
    newsletter: Newsletter | None
    mail: Mail | None = None
    problem: str = ""
    notes: tuple[str, ...] = ()
    marks: tuple[Mark, ...] = ()
    slot_at: datetime | None = None
    state: str = ""
    people: int | None = None
    lasting: str = ""
    excluded: Mapping[str, int] = field(default_factory=dict)
    articles: tuple[Article, ...] = ()
    choices: tuple[Choice, ...] = ()
    chosen: int = 0
    left_out: tuple[tuple[str, str], ...] = ()
    article: Article | None = None
    lines: tuple[str, ...] = ()

    def at(self, part: str) -> tuple[Mark, ...]:
        """The findings that are shown at this part of the page."""
        return tuple(mark for mark in self.marks if mark.part == part)


def of_issue(reading: Reading, coming: Upcoming, chosen: int) -> View:
    """The next issue of a newsletter's cadence, one of its editions."""
    newsletter = coming.newsletter
    title = f"{newsletter.title}, {coming.cadence}"
    if coming.slot is None:
        why = "No article is scheduled; each one goes out by itself when it appears."
        return View(title, newsletter, problem=why)
    if coming.issue is not None:
        return _frozen(reading, coming, title, chosen)
    made = coming.preview
    titles = {article.id: article.title for article in reading.library.articles}
    left_out = tuple(
        (titles.get(article_id, article_id), why.value)
        for article_id, why in (made.digest.left_out if made else ())
        if why is not LeftOut.CARRIED
    )
    if made is None or not made.digest.articles:
        why = (made.nothing if made else None) or "nothing new"
        return View(
            title,
            newsletter,
            problem=f"This slot makes no issue: {why}.",
            slot_at=coming.slot.at,
            left_out=left_out,
        )
    choices = tuple(
        Choice(
            _edition_title(part.articles, part.language, len(made.digest.articles)),
            position,
            sum(group.size for group in part.groups),
        )
        for position, part in enumerate(made.parts)
    )
    chosen = chosen if chosen < len(choices) else 0
    part = made.parts[chosen]
    number = reading.app.store.issues.next_number(newsletter.slug)
    mail, problem, findings = _render(
        reading, newsletter, number, coming.slot.at, part.articles, part.language
    )
    return View(
        title,
        newsletter,
        mail=mail,
        problem=problem,
        notes=tuple(_notes(reading, made.nothing)),
        marks=_marks(reading, [*withdrawals.number(len(choices)), *findings], part.articles),
        slot_at=coming.slot.at,
        state="not planned yet",
        people=made.readers,
        lasting=_lasting(reading, newsletter, made.readers),
        excluded={"no topics": made.no_topics} if made.no_topics else {},
        articles=part.articles,
        choices=choices,
        chosen=chosen,
        left_out=left_out,
    )


def of_article(reading: Reading, article: Article) -> View:
    """One article as the only one of a mail, with the lines of its file."""
    journal = reading.app.journal
    newsletter = next(
        (n for n in journal.newsletters if not n.topics or article.category in n.topics), None
    )
    own = reading.by_path.get(article.path, ())
    lines = _lines(reading, article.path)
    if newsletter is None:
        why = "No newsletter offers its topic, so it is in no mail."
        return View(article.title, None, problem=why, article=article, lines=lines)
    mail, problem, findings = _render(
        reading, newsletter, 1, reading.now, (article,), journal.language
    )
    return View(
        article.title,
        newsletter,
        mail=mail,
        problem=problem,
        marks=_marks(reading, [*own, *findings], (article,)),
        state=_state(article, reading.now),
        articles=(article,),
        article=article,
        lines=lines,
    )


def of_file(reading: Reading, path: str) -> View:
    """A file that is no article yet, because of what its findings say."""
    marks = tuple(Mark(finding, "article") for finding in reading.by_path.get(path, ()))
    why = "This file cannot be read as an article yet; the findings say where and why."
    return View(path, None, problem=why, marks=marks, lines=_lines(reading, path))


def _frozen(reading: Reading, coming: Upcoming, title: str, chosen: int) -> View:
    """An issue on record: what is shown is what would be sent, not what the files hold now."""
    issue, store = coming.issue, reading.app.store
    assert issue is not None  # noqa: S101 - its caller has asked
    editions = [each for each in store.issues.editions(issue.id) if each.articles]
    chosen = chosen if chosen < len(editions) else 0
    edition = editions[chosen]
    known = {article.id: article for article in reading.library.articles}
    articles = tuple(known[a] for a, _ in edition.articles if a in known)
    changed = [
        known[article_id].title
        for article_id, version in edition.articles
        if article_id in known and known[article_id].version != version
    ]
    spoken = catalogue.of(reading.templates or TemplateSet({}, {}), edition.language)
    checked = edition_checks.check(
        edition, reading.app.journal, articles, reading.library.register, spoken
    )
    findings = [*withdrawals.number(len(editions)), *(f for f in checked if f.rule != VERSIONS)]
    findings += validity.check(edition, reading.app.journal)
    anew = f"publisher issue edit {issue.name} --anew"
    notes = [f"This is {issue.name} as it was frozen; to render it anew: {anew}"]
    if changed:
        notes.append(f"Changed since, and not in it: {', '.join(changed)}.")
    if issue.state is IssueState.DRAFT:
        notes.append(f"It waits for an approval: publisher issue approve {issue.name}")
    return View(
        f"{issue.name}: {title}",
        coming.newsletter,
        mail=_mail(reading, coming.newsletter, edition),
        notes=tuple(notes),
        marks=_marks(reading, findings, articles),
        slot_at=issue.slot_at,
        state=issue.state.value,
        people=issue.audience,
        lasting=_lasting(reading, coming.newsletter, issue.audience),
        excluded=issue.excluded,
        articles=articles,
        choices=tuple(
            Choice(_edition_title(each.articles, each.language, len(editions[0].articles)), n, None)
            for n, each in enumerate(editions)
        ),
        chosen=chosen,
    )


def _render(
    reading: Reading,
    newsletter: Newsletter,
    number: int,
    slot_at: datetime,
    articles: Sequence[Article],
    language: str,
) -> tuple[Mail | None, str, tuple[Finding, ...]]:
    """(mail, why there is none, findings). A template that breaks is told with file and line."""
    journal = reading.app.journal
    templates: TemplateSet | None = reading.templates
    if templates is None:
        return None, "The templates cannot be read; see above.", ()
    try:
        edition = email.render(
            journal,
            newsletter,
            number=number,
            slot_at=slot_at,
            articles=articles,
            language=language,
            shaping=Shaping(),
            templates=templates,
            register=reading.library.register,
        )
        mail = _mail(reading, newsletter, edition)
    except PublisherError as error:
        return None, str(error), ()
    checked = edition_checks.check(
        edition,
        journal,
        articles,
        reading.library.register,
        catalogue.of(templates, language),
        withdrawal=any(article.withdrawn is not None for article in articles),
    )
    return mail, "", (*checked, *validity.check(edition, journal))


def _mail(reading: Reading, newsletter: Newsletter, edition: Edition) -> Mail:
    journal = reading.app.journal
    message = email.compile(edition, 0, newsletter, journal, boundary_seed="preview")
    whole = message.fill(
        email.to_header("", SAMPLE),
        email.date_header(reading.now),
        f"<preview@{reading.app.settings.mail_host}>".encode("ascii"),
        SAMPLE_TOKEN,
        SAMPLE_TOKEN,
        *(each.filled("") for each in greeting.of(edition)),
    )
    _, html, text = email.test_copy(edition, journal)
    return Mail(
        subject=edition.subject,
        preheader=edition.preheader,
        html=html,
        text=text,
        headers=whole.partition(b"\r\n\r\n")[0].decode("ascii", "replace").replace("\r\n", "\n"),
        html_bytes=len(edition.html.encode()),
        mail_bytes=len(whole),
        links=outline.parse(html).links,
    )


def _marks(
    reading: Reading, findings: Sequence[Finding], articles: Sequence[Article]
) -> tuple[Mark, ...]:
    """What the edition has against it, and what its articles have."""
    every: dict[Finding, None] = {}
    for article in articles:
        every |= dict.fromkeys(reading.by_path.get(article.path, ()))
    every |= dict.fromkeys(findings)
    return place(every, reading.app.journal, articles)


def _notes(reading: Reading, nothing: str | None) -> list[str]:
    notes = []
    if nothing:
        notes.append(f"As things are, this slot makes no issue: {nothing}.")
    if number := len(reading.unread):
        files = "1 file" if number == 1 else f"{number} files"
        it = "it" if number == 1 else "them"
        notes.append(f"{files} cannot be read, so what is in {it} is missing here.")
    if not reading.store_there:
        notes.append("There is no store yet, so there are no readers.")
    return notes


def _edition_title(articles: Sequence[object], language: str, of: int) -> str:
    """`All 5 articles · English`, `3 of 5 articles · Deutsch`."""
    spoken = locale(language).get_display_name() or language
    number = len(articles)
    if number == of:
        return f"{'1 article' if of == 1 else f'All {of} articles'} · {spoken}"
    return f"{number} of {of} articles · {spoken}"


def _lasting(reading: Reading, newsletter: Newsletter, people: int) -> str:
    way = reading.app.transports.get(newsletter.transport)
    past = reading.app.store.issues.list(newsletter.slug, (IssueState.FINISHED,), PAST)
    return pace.lasting(pace.seconds(people, way.connections if way else 1, past))


def _state(article: Article, now: datetime) -> str:
    if article.draft:
        return "draft"
    if article.withdrawn is not None:
        return "withdrawn"
    return "scheduled" if article.published_at > now else "published"


def _lines(reading: Reading, path: str) -> tuple[str, ...]:
    """The lines of a file below content/, as they are; none of one that cannot be read."""
    settings = reading.app.settings
    file = (settings.root / path).resolve()
    if not file.is_relative_to(settings.content_dir.resolve()):
        return ()
    try:
        return tuple(file.read_text("utf-8", "replace").splitlines())
    except OSError:
        return ()
