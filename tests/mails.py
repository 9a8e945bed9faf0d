"""A digest rendered with the shipped templates, for the tests of mails."""

from __future__ import annotations

from datetime import date
from email import message_from_bytes, policy
from email.message import EmailMessage
from functools import lru_cache

from publisher.domain.article import Article, Correction, CorrectionKind
from publisher.domain.issue import Edition, Shaping
from publisher.domain.journal import Journal
from publisher.domain.template import TemplateSet
from publisher.formats import email, greeting
from publisher.templates import Folders
from tests import factories

KEYS = (("k1", b"0123456789abcdef0123456789abcdef"),)


@lru_cache
def shipped() -> TemplateSet:
    return Folders().load()


def articles() -> tuple[Article, ...]:
    """Three, as a real issue has them: a long title, a correction, no evidence grade."""
    corrected = Correction(
        date(2026, 11, 20), CorrectionKind.CORRECTION, "Seven people slept.", "Six people slept."
    )
    first, second, third = factories.numbered(3)
    return (
        factories.article(
            id=first.id,
            title="CAR-NK cells: what the first trials in people show",
            summary="Cells that carry a receptor “by design” were given to 11 people; 8 responded.",
            reading_minutes=4,
        ),
        factories.article(
            id=second.id,
            slug="sleep",
            title="Does less sleep strain the heart?",
            category="sleep",
            corrections=(corrected,),
        ),
        factories.article(
            id=third.id,
            slug="hazard-ratio",
            title="How to read a hazard ratio",
            category="nutrition",
            evidence=None,
        ),
    )


def render(
    chosen: tuple[Article, ...] | None = None,
    journal: Journal | None = None,
    language: str = "en",
    shaping: Shaping | None = None,
    templates: TemplateSet | None = None,
    number: int = 12,
) -> Edition:
    journal = journal or factories.journal()
    return email.render(
        journal,
        journal.newsletters[0],
        number=number,
        slot_at=factories.NOW,
        articles=articles() if chosen is None else chosen,
        language=language,
        shaping=shaping or Shaping(),
        templates=templates or shipped(),
    )


def compiled(edition: Edition, journal: Journal | None = None, name: str = "Zoë Example") -> bytes:
    """The edition as Zoë gets it."""
    journal = journal or factories.journal()
    message = email.compile(edition, 7, journal.newsletters[0], journal, boundary_seed="7")
    return message.fill(
        email.to_header(name, "zoe@example.org"),
        email.date_header(factories.NOW),
        b"<0123456789abcdef@journal.example.org>",
        b"k1.u.abcdefgh.AAAAAAAAAAAAAAAAAAAAAA",
        b"k1.p.abcdefgh20781.AAAAAAAAAAAAAAAAAAAAAA",
        *(each.filled(name) for each in greeting.of(edition)),
    )


def parsed(raw: bytes) -> EmailMessage:
    """The mail as a mail program reads it."""
    message = message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def content(message: EmailMessage, subtype: str) -> str:
    """The text of one alternative, line ends as `\\n`."""
    part = message.get_body(preferencelist=(subtype,))
    assert isinstance(part, EmailMessage)
    text = part.get_content()
    assert isinstance(text, str)
    return text.replace("\r\n", "\n")
