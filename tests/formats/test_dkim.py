"""DKIM signatures, judged by dkimpy and OpenDKIM."""

from __future__ import annotations

import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.domain.notice import Notice, NoticeKind
from publisher.errors import Defect
from publisher.formats import dkim, email
from tests import dkim_keys, factories, mails
from tests.conftest import require
from tests.dkim_keys import DOMAIN, dkimpy_accepts, opendkim_accepts, signer

AT = datetime(2020, 11, 24, 9, tzinfo=UTC)
"""In the past of every clock: a verifier refuses a signature from the future."""

BOTH = ["rsa-sha256", "ed25519-sha256"]
DIGEST = mails.compiled(mails.render())
EMAIL_PAGE = Path(__file__).parents[2] / "docs" / "email.md"


def notice() -> bytes:
    mail = Notice(NoticeKind.STAFF, "k", "desk@example.org", "Ein Hinweis: ä", "Zeile\n\n  é  \n\n")
    return email.notice_message(
        mail, factories.journal(), message_id="<1@journal.example.org>", dated_at=AT
    )


def signed(message: bytes) -> bytes:
    return signer().fields(message, AT) + message


@pytest.fixture(scope="session")
def opendkim() -> str:
    return require("opendkim", "opendkim")


@pytest.mark.parametrize("message", [DIGEST, notice()], ids=["digest", "notice"])
def test_dkimpy_accepts_both_signatures(message: bytes) -> None:
    """RSA for everybody, Ed25519 for those who know it."""
    assert dkimpy_accepts(signed(message)) == [True, True]


def test_opendkim_accepts_both_signatures(opendkim: str, tmp_path: Path) -> None:
    """A second opinion, in another language."""
    found = opendkim_accepts(opendkim, [signed(DIGEST), signed(notice())], tmp_path)
    assert found == [BOTH, BOTH]


WORD = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=12)
SPACE = st.sampled_from([" ", "  ", "\t", " \t ", "\r\n ", "\r\n\t  "])
VALUE = st.lists(st.tuples(WORD, SPACE), max_size=6).map(
    lambda pairs: "".join(word + space for word, space in pairs)
)
FIELD = st.sampled_from(
    ["To", "Subject", "List-Unsubscribe", "list-ID", "X-Other", "Comments", "DATE", "Received"]
)
LINE = st.one_of(
    st.sampled_from(["", " ", "\t", "  \t ", "."]),
    st.text(st.sampled_from("a b\t=é.\x00"), max_size=12),
)
BODY = st.lists(LINE, max_size=8).map(lambda lines: "".join(f"{line}\r\n" for line in lines))


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """Anything with one From and CRLF lines, however odd its white space."""
    fields = draw(st.lists(st.tuples(FIELD, VALUE), max_size=8))
    fields.insert(draw(st.integers(0, len(fields))), ("From", f" Desk <desk@{DOMAIN}>"))
    # A folded line of white space alone is obsolete syntax (RFC 5322 §4.2): nobody sends it.
    head = "".join(f"{name}:{value}x\r\n" for name, value in fields)
    return (head + "\r\n" + draw(BODY)).encode()


@settings(max_examples=150, deadline=None)
@given(messages())
def test_dkimpy_accepts_whatever_is_signed(message: bytes) -> None:
    """Runs of white space, folds, repeated fields, empty lines, no body."""
    assert dkimpy_accepts(signed(message)) == [True, True]


ODD = [
    "",
    "\r\n",
    "\r\n\r\n\r\n",
    "x\r\n",
    " x \t y \r\n\r\n  \r\n",
    "\tx\r\n \r\n\r\nend \t\r\n\r\n \t\r\n\r\n",
    "a" * 900 + "\r\n" + "b  " * 300 + "\r\n",
    "=C3=A9 =\r\n soft =\r\n\r\n",
    "é  日\r\n",
]


def test_opendkim_accepts_odd_bodies_and_folds(opendkim: str, tmp_path: Path) -> None:
    """White space at every end, no body, long lines, eight bits."""
    head = f"From: A <a@{DOMAIN}>\r\nSubject:  a \r\n\t b  c\r\nSubject: twice\r\nTo:\ta\r\n\r\n"
    mails_ = [signed((head + body).encode()) for body in ODD]
    assert opendkim_accepts(opendkim, mails_, tmp_path) == [BOTH] * len(ODD)


def refused(message: bytes) -> bool:
    return not any(dkimpy_accepts(message))


@pytest.mark.parametrize(
    "name",
    [
        *("From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"),
        *("List-Id", "List-Unsubscribe", "List-Unsubscribe-Post", "List-Post", "Feedback-ID"),
    ],
)
def test_no_field_can_be_changed_or_taken_out(name: str) -> None:
    """What a reader or a mailbox provider acts on is what we wrote."""
    mail = signed(DIGEST)
    pattern = rf"(?im)^({name}: ).*(\r\n[ \t].*)*\r\n".encode()
    assert len(re.findall(pattern, mail.partition(b"\r\n\r\n")[0])) == 1
    assert refused(re.sub(pattern, rb"\1 forged@example.org\r\n", mail, count=1))
    assert refused(re.sub(pattern, b"", mail, count=1))


@pytest.mark.parametrize(
    "line",
    [
        *("From: x@example.org", "Subject: Buy", "Reply-To: x@example.org", "To: x@example.org"),
        *("List-Unsubscribe: <https://example.org/>", "Content-Type: text/plain"),
    ],
)
def test_no_second_field_can_be_put_in_front(line: str) -> None:
    """Mail programs show the first From, verifiers check the last (RFC 6376 §8.15)."""
    mail = signed(DIGEST)
    head, _, rest = mail.partition(b"\r\nFrom:")
    for forged in (
        line.encode() + b"\r\n" + mail,
        head + b"\r\n" + line.encode() + b"\r\nFrom:" + rest,
    ):
        assert dkimpy_accepts(forged) == [False, False]


def test_nothing_can_be_appended_or_changed_in_the_body() -> None:
    """There is no `l=`: the whole body is signed."""
    mail = signed(DIGEST)
    assert refused(mail + b"more\r\n")
    assert refused(mail.replace(b"Please note", b"Please buy"))


def test_a_relay_may_fold_and_space_anew() -> None:
    """Relaxed: white space at line ends, folds and empty lines at the end do no harm."""
    mail = signed(DIGEST)
    head, _, body = mail.partition(b"\r\n\r\n")
    spaced = body.replace(b"\r\n", b"  \r\n").replace(b" is ", b" \t is ")
    folded = head.replace(b"List-Unsubscribe: ", b"LIST-unsubscribe:\r\n\t ")
    assert folded != head
    received = b"Received: from a by b;\r\n\t now\r\n"
    assert dkimpy_accepts(received + folded + b"\r\n\r\n" + spaced + b"\r\n\r\n") == [True, True]


def tags(field: str) -> dict[str, str]:
    value = re.sub(r"\s+", "", field.partition(":")[2])
    return dict(tag.split("=", 1) for tag in value.split(";"))


def test_what_a_signature_says() -> None:
    """Strong algorithms, relaxed, no length, From and the List fields held closed."""
    fields = signer().fields(DIGEST, AT).decode("ascii")
    assert all(len(line) <= 78 for line in fields.split("\r\n"))
    rsa, ed = (tags(field) for field in re.findall(r"DKIM-Signature:(?:.*\r\n[ ])*.*\r\n", fields))
    assert [rsa["a"], ed["a"]] == BOTH
    assert [rsa["s"], ed["s"]] == ["s2026", "s2026-ed"]
    for found in (rsa, ed):
        assert set(found) == {"v", "a", "c", "d", "s", "t", "h", "bh", "b"}
        assert (found["c"], found["d"], found["t"]) == ("relaxed/relaxed", DOMAIN, "1606208400")
        covered = found["h"].split(":")
        assert covered.count("from") == covered.count("list-unsubscribe") == 2
        assert covered.count("reply-to") == 1  # none may be added
        present = {line.split(b":")[0].lower().decode() for line in DIGEST.split(b"\r\n\r\n")[0]
                   .split(b"\r\n") if line[:1] not in b" \t"}  # fmt: skip
        assert present <= set(covered)


def test_the_same_mail_has_the_same_signature() -> None:
    """A resend is byte for byte what was sent before."""
    assert signed(DIGEST) == signed(DIGEST)


def test_each_sender_domain_has_its_own_signer() -> None:
    """The From decides, in any case of letters; other senders' mails stay as they are."""
    signers = dkim.Signers({DOMAIN: signer()})
    assert signers.signed(DIGEST, AT) == signed(DIGEST)
    loud = DIGEST.replace(b"@journal.example.org>", b"@Journal.Example.ORG>", 1)
    assert signers.signed(loud, AT).startswith(b"DKIM-Signature: ")
    other = DIGEST.replace(b"digest@journal.example.org", b"digest@other.example.org", 1)
    assert signers.signed(other, AT) == other
    assert dkim.UNSIGNED.signed(DIGEST, AT) == DIGEST


def test_a_mail_without_from_is_our_own_mistake() -> None:
    """A signature that vouches for nobody is worth nothing."""
    with pytest.raises(Defect, match="without From"):
        signer().fields(b"To: a@example.org\r\n\r\n", AT)


def test_keys_that_cannot_be_used_say_why() -> None:
    """Too small, of another kind, locked, or no key at all."""
    locked = dkim_keys.pem(ed25519.Ed25519PrivateKey.generate(), b"secret")
    curve = dkim_keys.pem(ec.generate_private_key(ec.SECP256R1()))  # type: ignore[arg-type]  # a wrong kind on purpose
    with pytest.raises(ValueError, match="has 1024 bits"):
        dkim.rsa_key(dkim_keys.rsa_pem(1024), "s")
    for read in (dkim.rsa_key, dkim.ed25519_key):
        with pytest.raises(ValueError, match="is locked"):
            read(locked, "s")
        with pytest.raises(ValueError, match="is not an"):
            read(curve, "s")
        with pytest.raises(ValueError, match="not a private key"):
            read(b"-----BEGIN nothing", "s")
    assert "private" not in repr(signer())


def test_the_documented_commands_make_the_keys_and_the_records(tmp_path: Path) -> None:
    """docs/email.md, typed as it stands: keys that load, and the `p=` that DNS must show."""
    (block,) = re.findall(r"```sh\n(.*?)```", EMAIL_PAGE.read_text(), re.DOTALL)
    done = subprocess.run(
        ["sh", "-euc", block], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    keys = (
        dkim.rsa_key((tmp_path / "var/dkim-rsa.pem").read_bytes(), "s2026"),
        dkim.ed25519_key((tmp_path / "var/dkim-ed25519.pem").read_bytes(), "s2026-ed"),
    )
    assert done.stdout.splitlines() == [key.record for key in keys]
    modes = {path.stat().st_mode & 0o777 for path in (tmp_path / "var").iterdir()}
    assert modes == {0o600}
