"""What a server's EHLO offers, and what MAIL and RCPT therefore say for one message."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from publisher.domain.message import Envelope
from publisher.domain.outcome import Outcome, OutcomeKind

LONGEST_ID = 100
"""Characters of an ENVID (RFC 3461 §4.4)."""

_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f<>\u2028\u2029\ud800-\udfff]")
_XTEXT = re.compile(r"[A-Za-z0-9@._-]*")
_NOT_XTEXT = re.compile(r"[^!-*,-<>-~]")


@dataclass(frozen=True, slots=True)
class Offered:
    """What the server's EHLO offered that matters for each message. `limit`: 0 for none told."""

    pipelining: bool
    chunking: bool
    eightbit: bool
    smtputf8: bool
    dsn: bool
    size: bool
    limit: int

    @classmethod
    def of(cls, features: Mapping[str, str]) -> Offered:
        """From what smtplib keeps of EHLO: parameters by keyword in lower case."""
        told = features.get("size", "")
        return cls(
            pipelining="pipelining" in features,
            chunking="chunking" in features,
            eightbit="8bitmime" in features,
            smtputf8="smtputf8" in features,
            dsn="dsn" in features,
            size="size" in features,
            limit=int(told) if told.isascii() and told.isdigit() else 0,
        )

    def commands(self, message: bytes, envelope: Envelope) -> tuple[bytes, bytes]:
        """MAIL and RCPT."""
        sender, recipient = envelope.sender, envelope.recipient
        # SIZE (RFC 1870), BODY (RFC 6152), SMTPUTF8 (RFC 6531)
        wishes = f" SIZE={len(message)}" if self.size else ""
        if not (envelope.plain or message.isascii()):
            wishes += " BODY=8BITMIME"
        if not (sender.isascii() and recipient.isascii()):
            wishes += " SMTPUTF8"
        report = ""
        if self.dsn:
            # RFC 3461: RET and ENVID; tell us of failures, under the address we know.
            wishes += " RET=HDRS"
            if envelope.id.isascii() and 0 < len(envelope.id) <= LONGEST_ID:
                wishes += f" ENVID={_xtext(envelope.id)}"
            # One beyond ASCII has a form of its own there (RFC 6533), which few servers read.
            known = f" ORCPT=rfc822;{_xtext(recipient)}" if recipient.isascii() else ""
            report = f" NOTIFY=FAILURE{known}"
        return (
            f"MAIL FROM:<{sender}>{wishes}\r\n".encode(),
            f"RCPT TO:<{recipient}>{report}\r\n".encode(),
        )

    def unsendable(self, message: bytes, envelope: Envelope) -> Outcome | None:
        """Why this message cannot be put to this server at all; nothing is written then."""
        if _forbidden(envelope.sender):
            return Outcome(
                OutcomeKind.DEFERRED, 0, "the envelope sender holds characters no address may have"
            )
        if "@" not in envelope.recipient or _forbidden(envelope.recipient):
            return Outcome(OutcomeKind.REFUSED, 0, "this is not an address that SMTP can carry")
        if not self.smtputf8:
            if not envelope.recipient.isascii():
                return Outcome(
                    OutcomeKind.REFUSED, 0, "the server takes no address beyond ASCII (SMTPUTF8)"
                )
            if not envelope.sender.isascii():  # ours, so no reader is refused for it
                words = "the server takes no envelope sender beyond ASCII (SMTPUTF8): set another"
                return Outcome(OutcomeKind.DEFERRED, 0, words)
        if not (self.eightbit or envelope.plain or message.isascii()):
            return Outcome(OutcomeKind.REFUSED, 0, "the server takes no 8-bit text (8BITMIME)")
        if 0 < self.limit < len(message):
            return Outcome(
                OutcomeKind.REFUSED,
                0,
                f"the message has {len(message)} bytes, the server takes {self.limit}",
            )
        return None


def harmless(address: str) -> bool:
    """Whether it is plain at first sight."""
    return address.isascii() and address.isprintable() and "<" not in address and ">" not in address


def _forbidden(address: str) -> bool:
    """Whether it holds what no SMTP command may; an expression only where that is in question."""
    if address.isascii() and address.isprintable():
        return "<" in address or ">" in address
    return _FORBIDDEN.search(address) is not None


def _xtext(text: str) -> str:
    """RFC 3461 §4: what is not a plain printable character becomes +XX."""
    if _XTEXT.fullmatch(text):  # as nearly always
        return text
    return _NOT_XTEXT.sub(lambda found: f"+{ord(found[0]):02X}", text)
