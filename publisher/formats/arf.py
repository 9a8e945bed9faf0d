"""Complaints: abuse reports in the Abuse Reporting Format (RFC 5965, RFC 6650)."""

from __future__ import annotations

from dataclasses import dataclass

from publisher.formats import mime
from publisher.formats.mime import Part

COMPLAINTS = frozenset({"abuse", "fraud", "virus", "other", "opt-out", "opt-out-list"})
"""Feedback types by which somebody asks for no more; `not-spam` asks for the opposite.

The opt-out types stood in drafts of RFC 5965 and are still sent.
"""


@dataclass(frozen=True, slots=True)
class Feedback:
    """One report. `mail_from` is the envelope sender of the mail complained of, if it says so."""

    kind: str
    agent: str
    mail_from: tuple[str, ...]
    recipients: tuple[str, ...]

    @property
    def complains(self) -> bool:
        """Whether it is a complaint; a type that nobody knows counts as one (RFC 5965 §3.1)."""
        return self.kind in COMPLAINTS or self.kind not in ("not-spam", "auth-failure", "dmarc")


def find(mail: Part) -> Feedback | None:
    """The report that this mail is, or None for any other mail."""
    part = mail.find("message/feedback-report")
    if part is None:
        return None
    found = [(name, value) for name, value in mime.fields(part.content)]
    about = dict(reversed(found))
    return Feedback(
        kind=about.get("feedback-type", "abuse").strip().lower()[:40],
        agent=about.get("user-agent", "")[:100],
        mail_from=_all(found, "original-mail-from"),
        recipients=_all(found, "original-rcpt-to"),
    )


def _all(found: mime.Fields, name: str) -> tuple[str, ...]:
    return tuple(value.strip().strip("<>") for field, value in found if field == name)
