"""What a person typed, as the address, name, topics, cadence and language we keep."""

from __future__ import annotations

import re
import unicodedata
from difflib import get_close_matches
from functools import cache, lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from publisher.domain.journal import Category, Journal, Newsletter
from publisher.domain.subscription import Consent, NewSubscriber, address_key
from publisher.errors import UsageError

if TYPE_CHECKING:
    from email_validator import ValidatedEmail

LONGEST_NAME = 200

PLAIN_LENGTH = 200
"""Characters of an address that no limit of RFC 5321 §4.5.3.1 can be near to."""
_ATOM = r"[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]+"
_PLAIN_LOCAL = re.compile(rf"(?=.{{1,64}}\Z){_ATOM}(\.{_ATOM})*")
_LABEL = r"[a-z0-9](?:[a-z0-9]|-(?!-)){0,61}(?<!-)"
_PLAIN_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+[a-z]{{2,63}}", re.ASCII)

# RFC 5646 §2.1 in its usual part: language, then subtags.
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_SEPARATOR = re.compile(r"[|;]")


class BadAddress(UsageError, ValueError):
    """This is no address we could write to; the message says why, without repeating it."""


def normalise(address: str) -> tuple[str, str]:
    """The address to write to and the key it is compared by.

    An internationalised domain becomes its ASCII form (RFC 5891); what stands before the @ may
    be UTF-8 (RFC 6531), in its composed form. Raises BadAddress.
    """
    typed = address.strip()
    local, at, domain = typed.rpartition("@")
    # Nearly all addresses are plain, and few domains have most of them: a tenth of the time.
    if at and len(typed) <= PLAIN_LENGTH and _PLAIN_LOCAL.fullmatch(local):
        ascii_domain = _ascii_domain(domain)
        if ascii_domain is not None and local.lower() not in _shared_mailboxes():
            written = f"{local}@{ascii_domain}"
            return written, address_key(written)
    return _normalise(typed)


def _normalise(typed: str) -> tuple[str, str]:
    from email_validator import EmailNotValidError

    try:
        found = _validated(typed)
    except EmailNotValidError as error:
        raise BadAddress(f"this is not an email address: {_without(typed, str(error))}") from None
    if len(found.local_part.encode()) > 64:  # octets (RFC 5321 §4.5.3.1.1)
        raise BadAddress("this is not an email address: it is too long before the @")
    written = f"{found.local_part}@{found.ascii_domain}"
    return written, address_key(written)


@lru_cache(maxsize=20_000)
def _ascii_domain(domain: str) -> str | None:
    """The domain as it is written; None for one that needs a sentence."""
    written = domain.lower()
    # RFC 952 names without `--`, which IDNA has rules for.
    if _PLAIN_DOMAIN.fullmatch(written) and written.rpartition(".")[2] not in _special():
        return written
    from email_validator import EmailNotValidError

    try:
        return _validated(f"a@{domain}").ascii_domain
    except EmailNotValidError:
        return None


# The validator takes a fiftieth of a second to read: it is, once somebody's address is judged.


@cache
def _special() -> frozenset[str]:
    """The last labels of domains that are set apart (RFC 6761)."""
    from email_validator import SPECIAL_USE_DOMAIN_NAMES

    return frozenset(name.rpartition(".")[2] for name in SPECIAL_USE_DOMAIN_NAMES)


@cache
def _shared_mailboxes() -> frozenset[str]:
    """Names before the @ that mean the same in any case (RFC 2142)."""
    from email_validator.rfc_constants import CASE_INSENSITIVE_MAILBOX_NAMES

    return frozenset(CASE_INSENSITIVE_MAILBOX_NAMES)


def _validated(address: str) -> ValidatedEmail:
    from email_validator import validate_email

    # `test_environment` admits the reserved domain .test, for rehearsals.
    return validate_email(
        address,
        check_deliverability=False,
        allow_smtputf8=True,
        test_environment=True,
        strict=True,
    )


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
    time_zone: str = "",
    consent: Consent | None = None,
) -> NewSubscriber:
    """Check everything one person gave. Raises UsageError with the first thing that is wrong."""
    written, key = normalise(address)
    return NewSubscriber(
        address=written,
        key=key,
        name=name_of(name),
        topics=topics_of(journal, newsletter, topics),
        cadence=cadence_of(newsletter, cadence),
        language=language_of(language),
        time_zone=time_zone_of(time_zone),
        consent=consent,
    )


def _without(address: str, message: str) -> str:
    """The validator's words without the address itself: reports end up in logs and tickets."""
    for part in (address, *address.split("@")):
        if len(part) > 2:
            message = message.replace(part, "…")
    return message


def name_of(text: str) -> str:
    """A name on one line. Raises UsageError."""
    name = " ".join(text.split())
    if len(name) > LONGEST_NAME:
        raise UsageError(f"the name is longer than {LONGEST_NAME} characters")
    if not name.isprintable() and any(
        unicodedata.category(character) in ("Cc", "Cs") for character in name
    ):
        raise UsageError("the name holds control characters")
    return name


def topics_of(journal: Journal, newsletter: Newsletter, text: str) -> tuple[str, ...] | None:
    """Slugs from slugs or titles separated by `|` or `;`; None (all of them) for nothing.

    Raises UsageError.
    """
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


def cadence_of(newsletter: Newsletter, text: str) -> str | None:
    """The kind (`weekly`) that the text names; None, the newsletter's default, for nothing.

    Raises UsageError.
    """
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


def language_of(text: str) -> str | None:
    """A language tag in its usual form; None, the journal's own, for nothing. Raises UsageError."""
    tag = text.strip().replace("_", "-")
    if not tag:
        return None
    if not _LANGUAGE.fullmatch(tag):
        raise UsageError(f"'{tag[:60]}' is no language tag: write en, de or pt-BR")
    first, *rest = tag.split("-")
    # RFC 5646 §2.1.1: regions in capitals, scripts with one; equal choices are equal text.
    forms = {2: str.upper, 4: str.title}
    return "-".join([first.lower(), *(forms.get(len(part), str.lower)(part) for part in rest)])


def time_zone_of(text: str) -> str | None:
    """An IANA name; None, the journal's own, for nothing. Raises UsageError."""
    name = text.strip()
    if not name:
        return None
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise UsageError(f"'{name[:60]}' is no time zone: write one like Europe/London") from None
    return name
