"""What a person typed, as the address, name, topics, cadence and language we keep."""

from __future__ import annotations

import re
import unicodedata
from difflib import get_close_matches

from email_validator import EmailNotValidError, validate_email

from publisher.domain.journal import Category, Journal, Newsletter
from publisher.domain.subscription import NewSubscriber, address_key
from publisher.errors import UsageError

LONGEST_NAME = 200

# RFC 5646 §2.1 in its usual part: language, then subtags.
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_SEPARATOR = re.compile(r"[|;]")


class BadAddress(UsageError, ValueError):
    """This is no address we could write to; the message says why, without repeating it."""


def normalise(address: str) -> tuple[str, str]:
    """The address to write to and the key it is compared by, both ASCII.

    An internationalised domain becomes its ASCII form (RFC 5891). Raises BadAddress.
    """
    typed = address.strip()
    try:
        # `test_environment` admits the reserved domain .test, for rehearsals.
        found = validate_email(
            typed,
            check_deliverability=False,
            allow_smtputf8=False,
            test_environment=True,
            strict=True,
        )
    except EmailNotValidError as error:
        raise BadAddress(f"this is not an email address: {_without(typed, str(error))}") from None
    written = f"{found.local_part}@{found.ascii_domain}"
    return written, address_key(written)


def offered_topics(journal: Journal, newsletter: Newsletter) -> tuple[Category, ...]:
    """The categories that a newsletter offers, in the journal's order."""
    return tuple(
        category
        for category in journal.categories
        if not newsletter.topics or category.slug in newsletter.topics
    )


def subscriber(
    journal: Journal,
    newsletter: Newsletter,
    *,
    address: str,
    name: str = "",
    topics: str = "",
    cadence: str = "",
    language: str = "",
) -> NewSubscriber:
    """Check everything one person gave. Raises UsageError with the first thing that is wrong."""
    written, key = normalise(address)
    return NewSubscriber(
        address=written,
        key=key,
        name=_name(name),
        topics=_topics(journal, newsletter, topics),
        cadence=_cadence(newsletter, cadence),
        language=_language(language),
    )


def _without(address: str, message: str) -> str:
    """The validator's words without the address itself: reports end up in logs and tickets."""
    for part in (address, *address.split("@")):
        if len(part) > 2:
            message = message.replace(part, "…")
    return message


def _name(text: str) -> str:
    name = " ".join(text.split())
    if len(name) > LONGEST_NAME:
        raise UsageError(f"the name is longer than {LONGEST_NAME} characters")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise UsageError("the name holds control characters")
    return name


def _topics(journal: Journal, newsletter: Newsletter, text: str) -> tuple[str, ...] | None:
    """Slugs from slugs or titles separated by `|` or `;`; None (all of them) for nothing."""
    offered = {
        spelling.casefold(): category.slug
        for category in offered_topics(journal, newsletter)
        for spelling in (category.title, category.slug)
    }
    found: set[str] = set()
    for part in filter(None, (" ".join(p.split()) for p in _SEPARATOR.split(text))):
        slug = offered.get(part.casefold())
        if slug is None:
            near = get_close_matches(part.casefold(), offered, 1)
            slugs = ", ".join(dict.fromkeys(offered.values()))
            hint = f"did you mean '{offered[near[0]]}'?" if near else f"it offers {slugs}"
            raise UsageError(f"'{newsletter.slug}' offers no topic '{part[:60]}' ({hint})")
        found.add(slug)
    return tuple(sorted(found)) or None


def _cadence(newsletter: Newsletter, text: str) -> str | None:
    """The kind (`weekly`) that the text names; None, the newsletter's default, for nothing."""
    words = " ".join(text.lower().split())
    if not words:
        return None
    offered = {
        spelling: cadence.kind.value
        for cadence in newsletter.cadences
        for spelling in (cadence.kind.value, str(cadence).lower())
    }
    if words not in offered:
        raise UsageError(
            f"'{newsletter.slug}' does not offer the cadence '{words[:60]}' "
            f"(it offers {', '.join(dict.fromkeys(offered.values()))})"
        )
    return offered[words]


def _language(text: str) -> str | None:
    tag = text.strip().replace("_", "-")
    if not tag:
        return None
    if not _LANGUAGE.fullmatch(tag):
        raise UsageError(f"'{tag[:60]}' is no language tag: write en, de or pt-BR")
    first, *rest = tag.split("-")
    # RFC 5646 §2.1.1: regions in capitals, scripts with one; equal choices are equal text.
    forms = {2: str.upper, 4: str.title}
    return "-".join([first.lower(), *(forms.get(len(part), str.lower)(part) for part in rest)])
