"""Mail from anybody, the hostile included."""

from __future__ import annotations

import resource
import tracemalloc
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.formats import arf, autoreply, dsn, leaving, mime, nonstandard

MEGA = 10 * 1024 * 1024


def nest(levels: int, kind: bytes) -> bytes:
    """Parts within parts."""
    made = b"deep\r\n"
    for number in range(levels):
        if kind == b"multipart":
            mark = b"b%d" % number
            head = b"Content-Type: multipart/mixed; boundary=" + mark + b"\r\n\r\n"
            made = head + b"--" + mark + b"\r\n" + made + b"\r\n--" + mark + b"--\r\n"
        else:
            made = b"Content-Type: message/rfc822\r\n\r\n" + made
        if len(made) > MEGA:
            break
    return made


def filled(piece: bytes, head: bytes = b"") -> bytes:
    return (head + piece * (MEGA // len(piece) + 1))[: MEGA + 100]


BOUNDARY = b"Content-Type: multipart/report; boundary=x\r\n\r\n"
HOSTILE = {
    "nothing": b"",
    "zeros": filled(b"\0"),
    "line breaks": filled(b"\n"),
    "carriage returns": filled(b"\r"),
    "one line": filled(b"a"),
    "one header": filled(b"a", b"Subject: "),
    "many headers": filled(b"X-A: b\r\n"),
    "folded header": filled(b"\r\n a", b"Subject: x"),
    "blanks": filled(b" ", b"Subject: x\n"),
    "nested parts": nest(5000, b"multipart"),
    "nested mails": nest(100_000, b"message"),
    "a million parts": filled(b"--x\r\n\r\n", BOUNDARY),
    "almost boundaries": filled(b"--xy\n", BOUNDARY),
    "short boundary": filled(b"\n---", BOUNDARY.replace(b"=x", b"=-")),
    "empty boundary": filled(b"\n--", BOUNDARY.replace(b"=x", b'=""')),
    "unclosed parts": filled(b"\n--x\nContent-Type: multipart/mixed; boundary=x\n", BOUNDARY),
    "parameters": filled(b'; a="b"', b"Content-Type: text/plain"),
    "quotes": filled(b'"', b"Content-Type: multipart/mixed; boundary="),
    "angles": filled(b"<", b"Content-Type: text/html\r\n\r\n"),
    "tags": filled(b"<a<b>", b"Content-Type: text/html\r\n\r\n"),
    "base64": filled(b"QUJD\n", b"Content-Transfer-Encoding: base64\r\n\r\n"),
    "bad base64": filled(b"=", b"Content-Transfer-Encoding: base64\r\n\r\n"),
    "quoted": filled(b"=\n", b"Content-Transfer-Encoding: quoted-printable\r\n\r\n"),
    "encoded words": filled(b"=?utf-8?q?=?=", b"Subject: "),
    "bad words": b"Subject: =?utf-8?b?AB?= =?nosuch?q?=E4?= =?utf-8?b?!!!?=\r\n\r\n",
    "references": filled(b"<a@b> ", b"References: "),
    "half references": filled(b"<a", b"References: "),
    "addresses": filled(b"a@", b"To: "),
    "statuses": filled(
        b"Action: failed\r\nFinal-Recipient: rfc822;a@b\r\n\r\n",
        b"Content-Type: message/delivery-status\r\n\r\n",
    ),
    "feedback": filled(
        b"Original-Rcpt-To: a@b\r\n", b"Content-Type: message/feedback-report\r\n\r\n"
    ),
    "charset": b"Content-Type: text/plain; charset=idna\r\n\r\n\xff" + b"a." * 40_000,
    "null charset": b"Content-Type: text/plain; charset=a\0b\r\n\r\nx",
    "rot13": b"Content-Type: text/plain; charset=rot13\r\n\r\nx",
    "surrogates": "Subject: \udcff=?\ud800?q??=\r\n\r\n".encode("utf-8", "surrogatepass"),
}  # fmt: skip


def everything(raw: bytes) -> None:
    """All that a received mail is asked."""
    mail = mime.parse(raw)
    parts = list(mail.walk())
    assert len(parts) <= mime.PARTS
    assert all(len(part.content) <= mime.TEXT and len(part.fields) <= mime.FIELDS for part in parts)
    for part in parts[:3]:
        assert isinstance(part.text(), str)
    assert len(leaving.referred(mail)) <= leaving.REFERENCES
    arf.find(mail)
    found = dsn.find(mail)
    assert found is None or len(found.reports) <= dsn.RECIPIENTS + 1
    leaving.token(mail)
    leaving.is_asked(mail)
    autoreply.is_automatic(mail)
    mime.returned(mail)
    nonstandard.find(raw, mail)


@pytest.mark.parametrize("name", HOSTILE)
def test_ten_hostile_megabytes(name: str) -> None:
    """No exception, a few seconds of one processor at the very most, a few copies of the mail."""
    raw = HOSTILE[name]
    began = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    everything(raw)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - began < 10


def test_memory_is_bounded() -> None:
    """Reading takes a few times the mail's size, however it is made."""
    for name in ("nested mails", "a million parts", "unclosed parts", "many headers"):
        raw = HOSTILE[name]
        tracemalloc.start()
        mime.parse(raw)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 10 * MEGA, name


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=4000))
def test_any_bytes_are_a_mail(raw: bytes) -> None:
    """Nothing that a stranger can send raises."""
    everything(raw)


PIECES = st.sampled_from(
    [
        b"Content-Type: multipart/report; report-type=delivery-status; boundary=x\r\n",
        b"Content-Type: message/delivery-status\r\n", b"Content-Type: message/rfc822\r\n",
        b"Content-Type: text/html; charset=utf-16\r\n", b"Content-Transfer-Encoding: base64\r\n",
        b"Content-Type: message/feedback-report\r\n", b"\r\n", b"--x\r\n", b"--x--\r\n", b"\n",
        b"Action: failed\r\n", b"Status: 5.1.1\r\n", b"Diagnostic-Code: smtp; 550 no such user\r\n",
        b"Subject: unsubscribe a.u.b.c\r\n", b"Subject: =?utf-8?b?dW5zdWI=?=\r\n", b"\xff\xfe\r\n",
        b"References: <a@b> <c@d>\r\n", b"unsubscribe\r\n", b"Auto-Submitted: auto-replied\r\n",
    ]
)  # fmt: skip


@settings(max_examples=200, deadline=None)
@given(st.lists(PIECES, max_size=40).map(b"".join))
def test_any_order_of_its_pieces(raw: bytes) -> None:
    """Bounces broken in every way."""
    everything(raw)


@settings(max_examples=50, deadline=None)
@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=200))
def test_what_the_standard_library_writes_is_read(text: str) -> None:
    """Both encodings, in a part among others, with an encoded subject."""
    for encoding in ("base64", "quoted-printable"):
        message = EmailMessage(policy=SMTP)
        message["Subject"] = text
        message.set_content(f"{text}\n", cte=encoding)
        message.add_attachment(b"\0\1", maintype="application", subtype="octet-stream")
        part = mime.parse(bytes(message)).find("text/plain")
        assert part is not None
        assert part.text().rstrip("\r\n") == text


def test_parts_are_found_where_they_are() -> None:
    """A preamble, an epilogue, and a boundary that only looks like one."""
    mail = mime.parse(
        b'Content-Type: multipart/mixed; boundary="a b"\n\npreamble\n--a b\n\none\n'
        b"--a bc\nstill one\n--a b  \nContent-Type: TEXT/HTML\n\n<p>two</p>\n--a b--\nepilogue\n"
    )
    assert [part.kind for part in mail.walk()] == ["multipart/mixed", "text/plain", "text/html"]
    assert mail.parts[0].content == b"one\n--a bc\nstill one"
    assert mail.parts[1].text().strip() == "two"


def test_a_mail_that_was_cut_short() -> None:
    """Without its closing line the last part is still read."""
    mail = mime.parse(b"Content-Type: multipart/mixed; boundary=x\n\n--x\n\none\n--x\n\ntwo")
    assert [part.content for part in mail.parts] == [b"one", b"two"]
    (nothing,) = mime.parse(b"Content-Type: multipart/mixed; boundary=x\n\n--x").parts
    assert nothing.content == b""


def test_what_came_back() -> None:
    """The whole mail, or its header alone."""
    whole = mime.parse(b"Content-Type: message/rfc822\n\nSubject: ours\n\nHello")
    header = mime.parse(b"Content-Type: text/rfc822-headers\n\nSubject: ours\n")
    for mail in (whole, header):
        found = mime.returned(mail)
        assert found is not None
        assert found.first("subject") == "ours"
    assert mime.returned(mime.parse(b"Subject: x\n\ny")) is None
    assert whole.every("subject") == []


def test_bounds_of_depth() -> None:
    """Deeper parts are not looked into."""
    assert len(list(mime.parse(nest(20, b"message")).walk())) == mime.DEPTH + 1


def test_encoded_words_that_cannot_be_read() -> None:
    """They stay as they are; an unknown charset is read as UTF-8."""
    assert mime.decoded("=?utf-8?b?A?=") == "=?utf-8?b?A?="
    assert mime.decoded("=?nosuch?q?=C3=A4?=") == "ä"
