"""From a claim to the bytes and the envelope: an edition is compiled once, then filled."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache, partial

from publisher.domain.delivery import Claim, OutboxKind
from publisher.domain.journal import Journal, Newsletter
from publisher.domain.message import Envelope, Message
from publisher.errors import Defect, SettingsError
from publisher.formats import email, greeting, token
from publisher.formats.dkim import UNSIGNED, Signers
from publisher.formats.verp import Verp
from publisher.ports import Issues, Notices

EDITIONS = 16
"""Compiled editions that are kept; deliveries come edition by edition, more would be idle."""

# Looked up for every message: reading a member off its class takes longer than it seems.
_NOTICE, _UNSUBSCRIBE = OutboxKind.NOTICE, token.Purpose.UNSUBSCRIBE

Fill = Callable[[], tuple[bytes, Envelope]]
"""Makes one person's message. Raises UsageError for an address that no mail can carry."""


@dataclass(frozen=True, slots=True)
class _Compiled:
    message: Message
    sender: str
    greetings: tuple[greeting.Greeting, ...]


class Composer:
    """Makes messages. `prepare` reads the store; what it returns does not, for a delivery."""

    def __init__(
        self,
        journal: Journal,
        keys: tuple[tuple[str, bytes], ...],
        issues: Issues,
        notices: Notices,
        bounce_address: str | None,
        signers: Signers = UNSIGNED,
        verp: Verp | None = None,
    ) -> None:
        self._journal = journal
        self._keys = keys
        self._issues = issues
        self._notices = notices
        self._bounce_address = bounce_address
        self._signers = signers
        self._verp = verp
        self._compiled = lru_cache(maxsize=EDITIONS)(self._compile)

    @property
    def signs(self) -> bool:
        """Whether making a message takes longer than sending it."""
        return bool(self._signers.by_domain)

    def transport(self, claim: Claim) -> str:
        """Name of the transport that this message leaves through."""
        if claim.newsletter is None or claim.kind is _NOTICE:
            return claim.transport
        return self.newsletter(claim.newsletter).transport

    def newsletter(self, slug: str) -> Newsletter:
        """The newsletter of an issue. Raises SettingsError when the settings lost it."""
        try:
            return self._journal.newsletter(slug)
        except KeyError:
            raise SettingsError(
                f"an issue of the newsletter '{slug}' waits to be sent, but the settings no "
                "longer have it: put it back, or cancel the issue"
            ) from None

    def prepare(self, claim: Claim) -> Fill:
        """What makes this claim's message. Raises what stands in the way of its whole edition."""
        if claim.kind is _NOTICE:
            sender = self._envelope_sender(self._journal.sender.address)
            return partial(self._notice, claim, sender)
        if claim.edition_id is None:
            raise Defect(f"delivery {claim.id} names no edition")
        compiled = self._compiled(claim.edition_id)
        return partial(self._delivery, claim, compiled)

    def _compile(self, edition_id: int) -> _Compiled:
        edition, issue = self._issues.edition(edition_id)
        newsletter = self.newsletter(issue.newsletter)
        message = email.compile(
            edition, issue.id, newsletter, self._journal, boundary_seed=edition.hash
        )
        sender = newsletter.sender or self._journal.sender
        return _Compiled(message, self._envelope_sender(sender.address), greeting.of(edition))

    def _delivery(self, claim: Claim, compiled: _Compiled) -> tuple[bytes, Envelope]:
        address = email.envelope_address(claim.address)
        content, plain = compiled.message.filled(
            (
                email.to_spec(claim.name, address),
                _date(claim.dated_at),
                claim.message_id.encode("ascii"),
                token.written(self._keys, _UNSUBSCRIBE, claim.token_id),
                token.written_preferences(self._keys, claim.token_id, claim.dated_at),
                *[each.filled(claim.name) for each in compiled.greetings],
            )
        )
        content = self._signers.signed(content, claim.dated_at)
        return content, self._envelope(compiled.sender, claim, address, plain=plain)

    def _notice(self, claim: Claim, sender: str) -> tuple[bytes, Envelope]:
        content = email.notice_message(
            self._notices.get(claim.id),
            self._journal,
            message_id=claim.message_id,
            dated_at=claim.dated_at,
        )
        content = self._signers.signed(content, claim.dated_at)
        return content, self._envelope(sender, claim, email.envelope_address(claim.address))

    def _envelope_sender(self, address: str) -> str:
        return email.envelope_address(self._bounce_address or address)

    def _envelope(
        self, sender: str, claim: Claim, recipient: str, *, plain: bool = False
    ) -> Envelope:
        """Who is told when it cannot be delivered: an address that names this very message."""
        if self._verp is not None:
            sender = self._verp.sender(claim.kind, claim.id)
        return Envelope(sender, recipient, claim.message_id.strip("<>"), plain)


@lru_cache(maxsize=EDITIONS)
def _date(dated_at: datetime) -> bytes:
    """An edition's Date is the same for all its readers."""
    return email.date_header(dated_at)
