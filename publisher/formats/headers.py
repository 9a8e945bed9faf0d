"""Header lines that no subscriber, author or setting can break out of."""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from publisher.domain.journal import Mailbox
from publisher.errors import UsageError
from publisher.formats.plaintext import cut, one_line

if TYPE_CHECKING:
    from email_validator import ValidatedEmail

LINE_LIMIT = 998
"""Bytes in a line without its CRLF (RFC 5322 §2.1.1)."""

NAME_LIMIT = 60
"""Characters of a display name; a longer one is cut, for To must stay one line."""

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_DOMAIN = re.compile(
    r"(?=.{1,253}\Z)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)*"
    r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
)
_PLAIN_NAME = re.compile(rf"{_ATOM}(?: {_ATOM})*")


def field(name: str, value: str) -> bytes:
    """`Name: value` CRLF on one unfolded line, for values that are protocol and not prose.

    The email package would fold or RFC 2047-encode a long List-Unsubscribe and so break it.
    Raises UsageError for anything but printable ASCII, or more than 998 bytes.
    """
    line = f"{name}: {value}"
    if not line.isascii() or not line.isprintable():
        raise UsageError(
            f"the mail header {name} would hold a line break, a control character or a letter "
            "that is not ASCII; change the setting or the address it is made of"
        )
    if len(line) > LINE_LIMIT:
        raise UsageError(f"the mail header {name} would be longer than {LINE_LIMIT} bytes")
    return line.encode("ascii") + b"\r\n"


def prose(name: str, text: str) -> bytes:
    """A header of free text such as Subject: encoded (RFC 2047) and folded as it needs.

    Raises UsageError for a line break or another control character.
    """
    _refuse_controls(name, text)
    # A word that looks like an encoded one would be decoded by the reader (RFC 2047 §6.2).
    plain = text.isascii() and "=?" not in text and all(len(w) < 60 for w in text.split(" "))
    from email.header import Header

    value = Header(text, "us-ascii" if plain else "utf-8", header_name=name)
    return f"{name}: {value.encode(linesep=chr(13) + chr(10))}\r\n".encode("ascii")


def to_header(name: str, address: str) -> bytes:
    """The value of To (or From): one line, safe whatever the name holds.

    The name is quoted or RFC 2047-encoded, its control characters dropped, and cut to 60
    characters. Raises UsageError for an address that cannot be sent to.
    """
    return to_spec(name, envelope_address(address))


def to_spec(name: str, spec: str) -> bytes:
    """As `to_header`, for what `envelope_address` gave."""
    if not name:
        return spec.encode()
    shown = display(name)
    return (f"{_phrase(shown)} <{spec}>" if shown else spec).encode()


def display(name: str) -> str:
    """A person's name on one line, without control characters, cut to 60 characters."""
    visible = "".join(
        c if unicodedata.category(c) not in ("Cc", "Cs", "Zl", "Zp") else " " for c in name
    )
    return cut(one_line(visible), NAME_LIMIT)


def _phrase(name: str) -> str:
    if _PLAIN_NAME.fullmatch(name) and "=?" not in name:
        return name
    if name.isascii() and "=?" not in name:
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{quoted}"'
    from email.header import Header

    # Without the `header_name` the first word may be as long as the others; they stay one line.
    return Header(name, "utf-8").encode(linesep="", splitchars="").replace("\n", "")


def mailbox(box: Mailbox) -> str:
    """A mailbox of the settings as a header value."""
    return to_header(box.name, box.address).decode()


def envelope_address(address: str) -> str:
    """The address as SMTP says it: an international domain in its `xn--` form.

    What stands before the @ may be UTF-8; it leaves by servers that offer SMTPUTF8 (RFC 6531).

    Raises UsageError (that does not repeat the address) where there is no such form.
    """
    local, at, domain = address.rpartition("@")
    if at and len(local) <= 64 and _LOCAL.fullmatch(local):
        if domain.isascii():
            if _is_plain_domain(domain):
                return address
        elif (ascii_domain := _ascii_domain(domain)) is not None:
            return f"{local}@{ascii_domain}"
    if not local.isascii() and (found := _international(address)) is not None:
        return found
    raise UsageError(
        "an address is not of the form name@example.org; correct it in the list of subscribers "
        "or settings"
    )


@lru_cache(maxsize=1000)
def _is_plain_domain(domain: str) -> bool:
    return _DOMAIN.fullmatch(domain) is not None


def _international(address: str) -> str | None:
    checked = _judged(address)
    if checked is None:
        return None
    if len(checked.local_part.encode()) > 64:  # octets (RFC 5321 §4.5.3.1.1)
        return None
    return f"{checked.local_part}@{checked.ascii_domain}"


def _ascii_domain(domain: str) -> str | None:
    checked = _judged(f"x@{domain}")
    return None if checked is None else checked.ascii_domain


def _judged(address: str) -> ValidatedEmail | None:
    # It takes long to read, and nearly every address is a plain one.
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(address, check_deliverability=False, test_environment=True)
    except EmailNotValidError:
        return None


def date_header(when: datetime) -> bytes:
    """The value of Date (RFC 5322 §3.3); `when` is aware."""
    from email.utils import format_datetime

    return format_datetime(when).encode("ascii")


def _refuse_controls(name: str, text: str) -> None:
    if any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in text):
        raise UsageError(
            f"the {name.lower()} holds a line break or another control character; "
            "write it on one line"
        )
