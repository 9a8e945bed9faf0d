from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from email import message_from_bytes, policy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.journal import Mailbox
from publisher.errors import UsageError
from publisher.formats.email import date_header, envelope_address, to_header
from publisher.formats.headers import field, mailbox, prose

ANY = st.text(max_size=120)
PRINTABLE = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=250)


@given(ANY)
def test_no_name_can_break_out_of_to(name: str) -> None:
    """Whatever a stranger calls themselves, the mail goes to one address and gains no header."""
    value = to_header(name, "zoe@example.org")
    assert b"\r" not in value
    assert b"\n" not in value
    assert len(value) < 990
    message = message_from_bytes(b"To: " + value + b"\r\n\r\n", policy=policy.default)
    assert [address.addr_spec for address in message["To"].addresses] == ["zoe@example.org"]
    assert message.keys() == ["To"]


@pytest.mark.parametrize(
    "name",
    ["Zoë Müller", "O'Neil, Ann (GP)", 'Ann "A." \\ Lee', "=?utf-8?q?x?=", "李雷", "😀 Ann", "علي"],
)
def test_names_arrive_as_they_were_given(name: str) -> None:
    """Accents, commas, quotes, brackets and other scripts survive."""
    raw = b"To: " + to_header(name, "a@example.org") + b"\r\n\r\n"
    assert message_from_bytes(raw, policy=policy.default)["To"].addresses[0].display_name == name


def test_names_without_letters_are_left_out() -> None:
    """Nothing but control characters is no name."""
    assert to_header("\r\n\0", "a@example.org") == b"a@example.org"
    assert to_header("", "a@example.org") == b"a@example.org"


@given(PRINTABLE)
def test_a_subject_survives_its_header(subject: str) -> None:
    """Encoded, folded and parsed, it is the same subject; no line is over 78 bytes or so."""
    text = " ".join(subject.split(" "))
    if text != text.strip():
        return
    raw = prose("Subject", text)
    raw.decode("ascii")
    assert all(len(line) <= 100 for line in raw.split(b"\r\n"))
    message = message_from_bytes(raw + b"\r\n", policy=policy.default)
    assert message.keys() == ["Subject"]
    assert str(message["Subject"]) == text


@pytest.mark.parametrize("text", ["a\r\nBcc: x@example.org", "a\nb", "a\0b", "a\u2028b", "\ud800"])
def test_a_subject_with_a_line_break_is_refused(text: str) -> None:
    """A header is never smuggled in through a title."""
    with pytest.raises(UsageError, match="control character"):
        prose("Subject", text)


@pytest.mark.parametrize("value", ["a\r\nBcc: x", "a\tb", "ä", "a\x7f"])
def test_a_protocol_header_is_plain_ascii(value: str) -> None:
    """List-Id and its like are refused rather than encoded."""
    with pytest.raises(UsageError, match="List-Id"):
        field("List-Id", value)


def test_a_protocol_header_is_never_folded() -> None:
    """A long value stays on its line; one too long for any line is refused."""
    assert field("List-Unsubscribe", "x" * 900) == b"List-Unsubscribe: " + b"x" * 900 + b"\r\n"
    with pytest.raises(UsageError, match="998"):
        field("List-Unsubscribe", "x" * 998)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("a.b+c@example.org", "a.b+c@example.org"),
        ("a@bücher.example", "a@xn--bcher-kva.example"),
        ("a@straße.test", "a@xn--strae-oqa.test"),
        ("a@localhost", "a@localhost"),
    ],
)
def test_international_domains_go_out_in_ascii(address: str, expected: str) -> None:
    """IDNA 2008: the server is asked for the name that the DNS knows."""
    assert envelope_address(address) == expected


@pytest.mark.parametrize(
    "address",
    [
        *("", "a", "@example.org", "a@", "a@@example.org", "a b@example.org", "a@exa mple.org"),
        *("a@example.org\r\nBcc: x@example.org", "<a@example.org>", "a,b@example.org", "a@-x.org"),
        *(
            "ä@",
            "ä b@example.org",
            "a@" + "x" * 64 + ".org",
            "x" * 65 + "@example.org",
            "a@\u200b.org",
        ),
    ],
)
def test_what_is_no_address_is_refused_and_not_repeated(address: str) -> None:
    """The sentence says how to mend it, and tells the log nothing."""
    with pytest.raises(UsageError) as caught:
        envelope_address(address)
    said = str(caught.value).replace("name@example.org", "")
    assert "@example" not in said
    assert len(address) < 2 or address not in said


def test_dates_are_written_as_mails_write_them() -> None:
    """RFC 5322, with the offset it was given."""
    assert date_header(datetime(2026, 11, 24, 9, tzinfo=UTC)) == b"Tue, 24 Nov 2026 09:00:00 +0000"
    berlin = timezone(timedelta(hours=1))
    assert date_header(datetime(2026, 1, 2, 3, tzinfo=berlin)).endswith(b"03:00:00 +0100")


def test_a_mailbox_of_the_settings_is_encoded_too() -> None:
    """From may hold any language."""
    assert mailbox(Mailbox("a@example.org", "Zeitschrift für Schlaf")).startswith("=?utf-8?")


def test_utf8_before_the_at() -> None:
    """Written as it is (RFC 6532); its domain in ASCII; the line stays one line."""
    assert envelope_address("zoë@bücher.example") == "zoë@xn--bcher-kva.example"
    assert to_header("Zoë", "zoë@example.org").endswith(" <zoë@example.org>".encode())
    with pytest.raises(UsageError):
        envelope_address("ä" * 40 + "@example.org")  # 80 bytes (RFC 5321 §4.5.3.1.1)
