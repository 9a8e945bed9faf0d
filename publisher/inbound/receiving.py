"""One mail in, one disposition out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from publisher.domain.bounce import Bounce, BounceKind, BounceSource, Complaint, Disposition
from publisher.domain.delivery import OutboxKind
from publisher.formats import arf, autoreply, dsn, leaving, mime, token
from publisher.formats.arf import Feedback
from publisher.formats.dsn import Notification
from publisher.formats.mime import Part
from publisher.formats.verp import Verp
from publisher.inbound import reading
from publisher.inbound.judging import Judge
from publisher.inbound.reading import Failure

NAMED = 5
"""Recipients and Message-IDs of one report that are looked up."""

Leave = Callable[[str, datetime], object | None]
"""Ends the subscription that a token id names; None when there is none any more."""

Target = tuple[OutboxKind, int]


@dataclass(frozen=True, slots=True)
class Received:
    """`detail` says why in words, and holds no address; `kind` is set for a bounce."""

    disposition: Disposition
    detail: str
    kind: BounceKind | None = None


@dataclass(frozen=True, slots=True)
class Receiver:
    """`keys` and `verp` tell our signatures (`verp` None: envelope senders are not signed)."""

    judge: Judge
    keys: Sequence[tuple[str, bytes]]
    verp: Verp | None
    leave: Leave

    def receive(self, raw: bytes, recipients: Sequence[str], now: datetime) -> Received:
        """Read a mail of any origin and size, and act on it. Raises StoreError only.

        `recipients` are the envelope's, where they are known. The same mail again changes
        nothing; so does one without a signature of ours, whatever it claims.
        """
        mail = mime.parse(raw)
        to = reading.addressed(mail, recipients)
        if (feedback := arf.find(mail)) is not None:
            return self._complaint(feedback, mail, raw, to, now)
        notification = dsn.find(mail)
        if notification is not None and notification.reports:
            failure = reading.failure_of(notification, mail)
            if failure is None:
                return Received(Disposition.IGNORED, "a notice of delay or arrival")
            target = self._target(self._traces(mail, notification), to, mail)
            return self._bounce(failure, target, mail, raw, now)
        if (given := leaving.token(mail)) is not None and self._token(given, now):
            return Received(Disposition.UNSUBSCRIBED, "by a mail with a signed subject")
        if (failure := reading.odd_failure(raw, mail)) is not None:
            target = self._target(self._traces(mail, None), to, mail)
            return self._bounce(failure, target, mail, raw, now)
        if autoreply.is_automatic(mail):
            return Received(Disposition.IGNORED, "an automatic answer", BounceKind.AUTO_REPLY)
        if leaving.is_asked(mail):
            return self._asked(mail, to, now)
        return Received(Disposition.FOR_PEOPLE, "a letter")

    # --- bounces ------------------------------------------------------------------------------

    def _bounce(
        self, failure: Failure, target: Target | None, mail: Part, raw: bytes, now: datetime
    ) -> Received:
        whom = None if target is None else self.judge.store.bounces.addressee(*target)
        if target is None or whom is None:
            return Received(Disposition.IGNORED, "a bounce of no mail of ours")
        news = Bounce(
            of=target[0],
            of_id=target[1],
            at=now,
            kind=failure.kind,
            source=BounceSource.MAIL,
            key=reading.key(mail, raw),
            status=failure.status,
            code=failure.code,
            reply=failure.text,
        )
        if not self.judge.bounce(news, whom, now):
            return Received(Disposition.IGNORED, "a bounce that is known", failure.kind)
        return Received(Disposition.BOUNCE, f"of {target[0]} {target[1]}", failure.kind)

    def _target(
        self, traces: Iterable[tuple[str, str]], to: Sequence[str], mail: Part
    ) -> Target | None:
        """The message that came back: by its signed sender, else by its Message-ID.

        A Message-ID comes of a random nonce, so only who got the mail can name it.
        """
        found = reading.signed([*to, *_return_paths(mail)], self.verp)
        if found is not None:
            return found
        for message_id, address in traces:
            if (found := self.judge.store.bounces.by_message_id(message_id, address)) is not None:
                return found
        return None

    def _traces(self, mail: Part, notification: Notification | None) -> Iterator[tuple[str, str]]:
        """Pairs of a Message-ID of ours and an address that it may have gone to."""
        returned = mime.returned(mail)
        ids = list(leaving.referred(mail)[:1])
        named: list[str] = list(reading.addresses(mail.first("x-failed-recipients")))
        if returned is not None:
            ids.insert(0, returned.first("message-id").strip())
            named += reading.addresses(returned.first("to"))
        if notification is not None:
            ids.insert(0, f"<{notification.envelope_id}>")
            named = [*dsn.named(notification.reports), *named]
        for message_id in [one for one in dict.fromkeys(ids) if "@" in one][:NAMED]:
            for address in list(dict.fromkeys(named))[:NAMED]:
                yield message_id, address

    # --- complaints ---------------------------------------------------------------------------

    def _complaint(
        self, feedback: Feedback, mail: Part, raw: bytes, to: Sequence[str], now: datetime
    ) -> Received:
        if not feedback.complains:
            return Received(Disposition.IGNORED, f"feedback of the kind '{feedback.kind}'")
        store = self.judge.store
        returned = mime.returned(mail)
        traces = [
            (returned.first("message-id").strip(), address)
            for address in (*feedback.recipients, *reading.addresses(returned.first("to")))[:NAMED]
        ] if returned is not None else []  # fmt: skip
        target = self._target(traces, [*feedback.mail_from, *to], mail)
        if target is not None:
            whom = store.bounces.addressee(*target)
            of, of_id = target[0], target[1] if whom else None
        else:
            whom, of, of_id = None, OutboxKind.DELIVERY, None
            found = self._reader(returned)
            if found is not None:
                subscription = store.subscribers.by_token(found)
                of_id = store.bounces.latest(subscription.id) if subscription else None
                whom = store.bounces.addressee(of, of_id) if of_id is not None else None
        if whom is None:
            return Received(Disposition.IGNORED, "a complaint about no mail of ours")
        news = Complaint(now, feedback.kind, reading.key(mail, raw), of, of_id)
        if not self.judge.complaint(news, whom, now):
            return Received(Disposition.IGNORED, "a complaint that is known")
        return Received(Disposition.COMPLAINT, f"of {of} {of_id}")

    def _reader(self, returned: Part | None) -> str | None:
        """The token id in the List-Unsubscribe of the mail complained of, if we signed it.

        Reports often leave out every address, and keep this (RFC 6650 §4.4 recommends it).
        """
        if returned is None:
            return None
        for piece in returned.first("list-unsubscribe").replace(">", " ").split()[:4]:
            given = piece.rpartition("/")[2].rpartition("%20")[2].rstrip(",")
            if found := token.read(self.keys, token.Purpose.UNSUBSCRIBE, given):
                return found
        return None

    # --- leaving ------------------------------------------------------------------------------

    def _token(self, given: str, now: datetime) -> bool:
        """Whether it was a token of ours; whoever it names is unsubscribed then, or gone."""
        token_id = token.read(self.keys, token.Purpose.UNSUBSCRIBE, given)
        if token_id is None:
            return False
        self.leave(token_id, now)
        return True

    def _asked(self, mail: Part, to: Sequence[str], now: datetime) -> Received:
        """A reply that says "unsubscribe": believed by what it answers, never by its From."""
        bounces = self.judge.store.bounces
        target = reading.signed(to, self.verp)
        for message_id in leaving.referred(mail) if target is None else ():
            for address in reading.addresses(mail.first("from"))[:1]:
                target = target or bounces.by_message_id(message_id, address)
        whom = None if target is None else bounces.addressee(*target)
        if whom is not None and whom.token_id:
            self.leave(whom.token_id, now)
            return Received(Disposition.UNSUBSCRIBED, "by a reply to our mail")
        self.judge.tell(
            f"asks:{now.date()}",
            "Somebody asks to leave",
            "A mail asks to be unsubscribed, and nothing in it shows which reader wrote it: a "
            "sender is easily forged, so nobody was unsubscribed. Please read it, in the mailbox "
            "it came to or in the folder that `inbound.keep` names, and decide.",
        )
        return Received(Disposition.FOR_PEOPLE, "a request to leave that nothing proves")


def _return_paths(mail: Part) -> Sequence[str]:
    """The envelope sender in the mail that came back."""
    returned = mime.returned(mail)
    return [] if returned is None else reading.addresses(returned.first("return-path"))[:1]
