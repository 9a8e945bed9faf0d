"""Mails as bytes: an edition compiled once for all its readers, a notice whole for its one.

Bodies are quoted-printable: pure ASCII on the wire, lines of at most 76, nothing that a relay
would need 8BITMIME for or may rewrite. A reader's tokens stand on lines of their own between
soft line breaks (RFC 2045 §6.7 rule 5), so their length moves nothing else.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from urllib.parse import urlsplit

from publisher.domain.issue import Edition
from publisher.domain.journal import Journal, Newsletter
from publisher.domain.message import FIELDS, Message
from publisher.domain.notice import Notice, NoticeKind
from publisher.errors import Defect
from publisher.formats import headers, placeholder

TOKEN_LIMIT = 75
"""Characters of a token: with its soft break it fills a quoted-printable line (76)."""

TO, DATE, MESSAGE_ID, TOKEN, PREFERENCES, GREETING, GREETING_HTML = range(len(FIELDS))

_FIELD = {
    placeholder.TOKEN.encode("ascii"): TOKEN,
    placeholder.PREFERENCES.encode("ascii"): PREFERENCES,
}
_MARK = re.compile(b"(" + b"|".join(_FIELD) + b")")
_GREETING = re.compile(
    b"(?s)" + placeholder.GREETING.encode() + b".*?" + placeholder.GREETED.encode()
)
_GREETS = {
    placeholder.GREETING.encode("ascii"): GREETING,
    placeholder.GREETED.encode("ascii"): GREETING_HTML,
}
"""While the body is made, one mark stands for a whole greeting: of the text, or of the HTML."""

_FIELDS = {**_FIELD, **_GREETS}
_ANY_MARK = re.compile(b"(" + b"|".join(_FIELDS) + b")")
_DOTTED = re.compile(rb"^\.(.*)", re.MULTILINE)
_LINE = 76
"""Characters of a quoted-printable line at most (RFC 2045 §6.7 rule 5)."""

_SOFT_MARK = re.compile(rb"=\r\n(" + b"|".join(_FIELDS) + rb")=\r\n")

Part = bytes | int
"""Fixed bytes, or the index of a field that differs from reader to reader."""


def compile(  # noqa: A001 - the verb that the whole project uses for this step
    edition: Edition,
    issue_id: int,
    newsletter: Newsletter,
    journal: Journal,
    *,
    boundary_seed: str,
) -> Message:
    """The edition as fixed segments; `Message.fill` makes one reader's mail of them.

    Fill it with `to_header(…)`, `date_header(…)`, the Message-ID in angle brackets and the
    two tokens, all bytes, and with what `greeting.of(edition)` makes of the reader's name.
    `boundary_seed` makes the MIME boundary, so equal input gives equal bytes. Raises
    UsageError for a header that cannot be written, Defect for an edition without its
    unsubscribe link.
    """
    for name, part in (("HTML", edition.html), ("text", edition.text)):
        if placeholder.TOKEN not in part:
            raise Defect(f"the edition's {name} part has no place for the unsubscribe token")
    body = _body(edition.text, edition.html, boundary_seed)
    first, *rest = _SOFT_MARK.split(body)
    parts: list[Part] = [*_head(edition, issue_id, newsletter, journal), first]
    for mark, piece in zip(rest[::2], rest[1::2], strict=True):
        parts += (b"=\r\n", _FIELDS[mark], b"=\r\n" + piece)
    return _cut(parts)


def notice_message(
    notice: Notice, journal: Journal, *, message_id: str, dated_at: datetime
) -> bytes:
    """One whole mail for one address. Raises UsageError for a header that cannot be written.

    `Auto-Submitted: auto-generated` (RFC 3834 §5) keeps away the answers of absent people;
    a test is meant to look like the issue it tests, so it says only that it is no bulk.
    """
    head = [
        headers.field("From", headers.mailbox(journal.sender)),
        b"To: " + headers.to_header("", notice.address) + b"\r\n",
        headers.prose("Subject", notice.subject),
        headers.field("Date", headers.date_header(dated_at).decode("ascii")),
        headers.field("Message-ID", message_id),
    ]
    if journal.reply_to:
        head.append(headers.field("Reply-To", headers.mailbox(journal.reply_to)))
    head.append(headers.field("Auto-Submitted", "auto-generated"))
    if notice.kind is NoticeKind.STAFF:
        # RFC 3834 §5.1 is not known to every mail server; this one is known to Exchange.
        head.append(headers.field("X-Auto-Response-Suppress", "All"))
    return b"".join(head) + _body(notice.text, notice.html, message_id)


def _head(
    edition: Edition, issue_id: int, newsletter: Newsletter, journal: Journal
) -> Sequence[Part]:
    sender = newsletter.sender or journal.sender
    url = f"{journal.app_url}/u/"
    host = urlsplit(journal.url).hostname or ""
    parts: list[Part] = [headers.field("From", headers.mailbox(sender))]
    parts += (b"To: ", TO, b"\r\n", headers.prose("Subject", edition.subject))
    parts += (b"Date: ", DATE, b"\r\nMessage-ID: ", MESSAGE_ID, b"\r\n")
    if journal.reply_to:
        parts.append(headers.field("Reply-To", headers.mailbox(journal.reply_to)))
    parts.append(headers.field("List-Id", f"<{newsletter.list_id}>"))
    mailto = ""
    if journal.unsubscribe_mailbox:
        box = headers.envelope_address(journal.unsubscribe_mailbox)
        mailto = f", <mailto:{box}?subject=unsubscribe%20{placeholder.TOKEN}>"
    # RFC 8058 §3.1: one https URI, and both headers covered by the signature.
    leave = headers.field("List-Unsubscribe", f"<{url}{placeholder.TOKEN}>{mailto}")
    parts += _marked(leave)
    parts.append(headers.field("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"))
    parts.append(headers.field("List-Post", "NO"))  # RFC 2369 §3.4
    parts.append(headers.field("Precedence", "bulk"))
    # Four fields, the last the sender's; the same for every reader of the issue.
    feedback = f"{issue_id}:{newsletter.slug}:digest:{host}"
    parts.append(headers.field("Feedback-ID", feedback))
    return parts


def _marked(line: bytes) -> Sequence[Part]:
    first, *rest = _MARK.split(line)
    parts: list[Part] = [first]
    for mark, piece in zip(rest[::2], rest[1::2], strict=True):
        parts += (_FIELD[mark], piece)
    return parts


def _body(text: str, html: str, boundary_seed: str) -> bytes:
    """MIME-Version, Content headers and content: text alone, or text and HTML to choose from."""
    if not html:
        whole = _leaf("plain", text)
        whole["MIME-Version"] = "1.0"
        return bytes(whole)
    whole = EmailMessage(policy=SMTP)
    whole["MIME-Version"] = "1.0"
    # "=_" cannot occur in quoted-printable, so no content can hold the boundary (RFC 2045 §6.7).
    boundary = "=_" + hashlib.sha256(boundary_seed.encode()).hexdigest()[:32]
    whole["Content-Type"] = f'multipart/alternative; boundary="{boundary}"'
    whole.preamble = None
    whole.attach(_leaf("plain", text))
    whole.attach(_leaf("html", html))
    return bytes(whole)


def _leaf(subtype: str, content: str) -> EmailMessage:
    leaf = EmailMessage(policy=SMTP)
    leaf["Content-Type"] = f'text/{subtype}; charset="utf-8"'
    leaf["Content-Transfer-Encoding"] = "quoted-printable"
    greeting = placeholder.GREETED if subtype == "html" else placeholder.GREETING
    leaf.set_payload(_quoted(content, greeting.encode("ascii")))
    return leaf


def _quoted(content: str, greeting: bytes) -> str:
    """Quoted-printable in which each mark has a line to itself, `greeting` for each greeting."""
    unix = content.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8")
    unix = _GREETING.sub(greeting, unix)
    pieces = (
        b"=\n" + piece + b"=\n"
        if piece in _FIELDS
        else _undotted(binascii.b2a_qp(piece, istext=True))
        for piece in _ANY_MARK.split(unix)
    )
    return b"".join(pieces).decode("ascii")


def _undotted(lines: bytes) -> bytes:
    """Quoted-printable in which no line begins with a dot, as many do in a style sheet.

    SMTP would double it on its way (RFC 5321 §4.5.2), so each message would have to be looked
    through for it, and a server that forgets to take it away again would change the style.
    """
    return _DOTTED.sub(_coded, lines)


def _coded(line: re.Match[bytes]) -> bytes:
    rest = line[1]
    if len(rest) <= _LINE - 3:
        return b"=2E" + rest
    return b"=2E=\n" + _undotted(rest)


def _cut(parts: Sequence[Part]) -> Message:
    segments: list[bytes] = [b""]
    fields: list[int] = []
    for part in parts:
        if isinstance(part, int):
            fields.append(part)
            segments.append(b"")
        else:
            segments[-1] += part
    return Message(tuple(segments), tuple(fields))
