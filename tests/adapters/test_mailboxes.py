"""Where mail comes in: a Maildir, real SMTP and LMTP sessions, a real Dovecot."""

from __future__ import annotations

import os
import pwd
import shutil
import smtplib
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from imapclient import IMAPClient

from publisher.domain.bounce import Disposition
from publisher.errors import OperatorError, StoreError
from publisher.mailboxes import ImapInbox, Kept, Listener, MaildirInbox, keeping
from publisher.mailboxes import maildir as maildirs
from tests.conftest import require

DONE, PEOPLE = Disposition.BOUNCE, Disposition.FOR_PEOPLE


@dataclass
class Clerk:
    """Takes mails in: those that say "bounce" are dealt with, "broken" ones cannot be."""

    taken: list[bytes] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)

    def __call__(self, raw: bytes, recipients: Sequence[str]) -> Disposition:
        if b"broken" in raw:
            raise StoreError("the store is full: make room")
        self.taken.append(raw)
        self.recipients += recipients
        return DONE if b"bounce" in raw else PEOPLE


# --- Maildir ----------------------------------------------------------------------------------


@pytest.fixture
def maildir(tmp_path: Path) -> Path:
    for name in ("new", "cur", "tmp"):
        (tmp_path / "box" / name).mkdir(parents=True)
    return tmp_path / "box"


def put(box: Path, name: str, content: str) -> None:
    (box / "new" / name).write_text(content)


def test_a_maildir_is_read_once(maildir: Path) -> None:
    """What is dealt with is marked as read; the rest stays unread, for people."""
    put(maildir, "1.a", "a bounce")
    put(maildir, "2.b", "a letter")
    put(maildir, ".hidden", "no mail")
    (maildir / "new" / "3.link").symlink_to("/etc/passwd")
    clerk = Clerk()
    inbox = MaildirInbox(maildir)
    assert inbox.read(clerk) == 2
    assert clerk.taken == [b"a bounce", b"a letter"]
    assert sorted(path.name for path in (maildir / "cur").iterdir()) == ["1.a:2,S", "2.b:2,"]
    assert inbox.read(clerk) == 0


def test_what_is_dealt_with_can_be_deleted(maildir: Path) -> None:
    """And nothing else is."""
    put(maildir, "1.a", "a bounce")
    put(maildir, "2.b", "a letter")
    assert MaildirInbox(maildir, delete=True).read(Clerk()) == 2
    assert [path.name for path in (maildir / "cur").iterdir()] == ["2.b:2,"]


def test_a_mail_that_cannot_be_dealt_with_stays_new(maildir: Path) -> None:
    """The next look tries again."""
    put(maildir, "1.a", "broken")
    with pytest.raises(StoreError):
        MaildirInbox(maildir).read(Clerk())
    assert [path.name for path in (maildir / "new").iterdir()] == ["1.a"]


def test_two_readers_of_one_maildir(maildir: Path) -> None:
    """A mail that another one took meanwhile is no error, before or after it was read."""
    put(maildir, "1.a", "a bounce")
    put(maildir, "2.b", "a bounce")

    def thief(raw: bytes, recipients: Sequence[str]) -> Disposition:
        for path in (maildir / "new").iterdir():
            path.unlink()
        return DONE

    assert MaildirInbox(maildir).read(thief) == 1


def test_a_maildir_that_cannot_be_used(maildir: Path, tmp_path: Path) -> None:
    """The message names the setting."""
    with pytest.raises(OperatorError, match=r"inbound\.maildir"):
        MaildirInbox(tmp_path / "nowhere").read(Clerk())
    put(maildir, "1.a", "a bounce")
    shutil.rmtree(maildir / "cur")
    (maildir / "cur").write_text("no folder")
    with pytest.raises(OperatorError, match="cur/"):
        MaildirInbox(maildir).read(Clerk())


def test_mails_for_people_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a Maildir of its own, which does not fill the disk."""
    box = tmp_path / "kept"
    take = keeping(Clerk(), Kept(box))
    assert take(b"a bounce", ()) is DONE
    assert not box.exists()
    assert take(b"a letter", ()) is PEOPLE
    assert [path.read_bytes() for path in (box / "new").iterdir()] == [b"a letter"]
    assert box.stat().st_mode & 0o777 == 0o700
    monkeypatch.setattr(maildirs, "MOST", 1)
    with pytest.raises(OperatorError, match="unread mails"):
        take(b"another letter", ())
    (tmp_path / "file").write_text("x")
    with pytest.raises(OperatorError, match=r"inbound\.keep"):
        Kept(tmp_path / "file" / "box").keep(b"a letter")


# --- SMTP and LMTP ----------------------------------------------------------------------------

OURS = "bounces@journal.example.org"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture(params=["smtp", "lmtp"])
def session(request: pytest.FixtureRequest) -> Iterator[tuple[Clerk, smtplib.SMTP]]:
    clerk, port = Clerk(), free_port()
    listener = Listener("127.0.0.1", port, request.param, lambda to: to == OURS, clerk)
    listener.start()
    kind = smtplib.LMTP if request.param == "lmtp" else smtplib.SMTP
    try:
        with kind("127.0.0.1", port) as client:
            yield clerk, client
    finally:
        listener.stop()


def test_a_mail_server_of_our_own(session: tuple[Clerk, smtplib.SMTP]) -> None:
    """A mail is taken once it is dealt with; its recipient comes with it."""
    clerk, client = session
    assert client.sendmail("", [OURS], b"Subject: x\r\n\r\na bounce\r\n") == {}
    assert clerk.recipients == [OURS]
    assert clerk.taken[0].endswith(b"a bounce\r\n")


def test_strangers_mail_is_not_taken(session: tuple[Clerk, smtplib.SMTP]) -> None:
    """A forged bounce costs one line; several recipients come one by one."""
    clerk, client = session
    client.ehlo_or_helo_if_needed()
    client.mail("")
    assert client.rcpt("somebody@journal.example.org")[0] == 550
    assert client.rcpt(OURS)[0] == 250
    assert client.rcpt(OURS)[0] == 452
    assert clerk.taken == []


def test_trouble_makes_the_sender_try_again(session: tuple[Clerk, smtplib.SMTP]) -> None:
    """Nothing is lost when the store fails; too large a mail is refused."""
    _, client = session
    with pytest.raises(smtplib.SMTPDataError) as caught:
        client.sendmail("", [OURS], b"Subject: x\r\n\r\nbroken\r\n")
    assert caught.value.smtp_code == 451
    client.ehlo_or_helo_if_needed()
    assert client.mail("", ["SIZE=99999999"])[0] == 552


def test_an_address_that_is_taken() -> None:
    """The operator is told which."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = int(taken.getsockname()[1])
        with pytest.raises(OperatorError, match=rf"127\.0\.0\.1:{port}"):
            Listener("127.0.0.1", port, "smtp", lambda _: True, Clerk()).start()


# --- IMAP -------------------------------------------------------------------------------------

DOVECOT = """\
base_dir = {root}/run
state_dir = {root}/state
log_path = {root}/log
protocols = imap
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
default_login_user = nobody
default_internal_user = nobody
default_internal_group = {group}
mail_location = maildir:{root}/mail
mail_uid = {uid}
mail_gid = {gid}
first_valid_uid = 1
passdb {{
  driver = static
  args = password=sesame
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={root}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


@pytest.fixture(scope="module")
def dovecot() -> Iterator[ImapInbox]:
    """A Dovecot of our own, with one mailbox."""
    program = require("dovecot", "dovecot-imapd")
    if os.geteuid() != 0:
        pytest.skip("Dovecot can only be started by root")
    root = Path(tempfile.mkdtemp(prefix="dovecot-", dir="/tmp"))
    root.chmod(0o755)
    user, port = pwd.getpwnam("mail"), free_port()
    (root / "mail").mkdir()
    os.chown(root, user.pw_uid, user.pw_gid)
    os.chown(root / "mail", user.pw_uid, user.pw_gid)
    group = "nogroup"
    config = DOVECOT.format(root=root, uid=user.pw_uid, gid=user.pw_gid, port=port, group=group)
    (root / "dovecot.conf").write_text(config)
    (root / "password").write_text("sesame\n")
    command = [program, "-F", "-c", str(root / "dovecot.conf")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            _wait_for(port, process, root)
            yield ImapInbox("127.0.0.1", "ada", root / "password", port, security="none")
        finally:
            process.terminate()
            process.wait(30)
            shutil.rmtree(root, ignore_errors=True)


def _wait_for(port: int, process: subprocess.Popen[bytes], root: Path) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.05)  # nobody tells when it listens
        else:
            return
    log = root / "log"
    pytest.fail(f"Dovecot does not start: {log.read_text() if log.exists() else process.stdout}")


@pytest.fixture
def imap(dovecot: ImapInbox) -> Iterator[IMAPClient]:
    """A session of somebody else in the same mailbox, which is empty."""
    with IMAPClient("127.0.0.1", dovecot.port, ssl=False) as client:
        client.login("ada", "sesame")
        client.select_folder("INBOX")
        client.delete_messages(client.search())
        client.expunge()
        yield client


def flags(client: IMAPClient) -> dict[bytes, set[bytes]]:
    """Subject → flags of each mail."""
    client.noop()
    found = client.fetch(client.search(), ["FLAGS", "BODY.PEEK[HEADER.FIELDS (SUBJECT)]"])
    return {
        one[b"BODY[HEADER.FIELDS (SUBJECT)]"].strip().removeprefix(b"Subject: "): {
            flag for flag in one[b"FLAGS"] if flag != rb"\Recent"
        }
        for one in found.values()
    }


def test_a_mailbox_is_read_over_imap(dovecot: ImapInbox, imap: IMAPClient) -> None:
    """What is dealt with is marked as read, the rest stays unread; neither comes twice."""
    for name in ("bounce", "letter"):
        imap.append("INBOX", f"Subject: {name}\r\n\r\nText\r\n".encode())
    clerk = Clerk()
    assert dovecot.read(clerk) == 2
    assert [raw.split(b"\r\n")[0] for raw in clerk.taken] == [
        b"Subject: bounce",
        b"Subject: letter",
    ]
    assert flags(imap) == {
        b"bounce": {rb"\Seen", b"$PublisherRead"}, b"letter": {b"$PublisherRead"},
    }  # fmt: skip
    assert dovecot.read(clerk) == 0


def test_mails_over_imap_can_be_deleted(dovecot: ImapInbox, imap: IMAPClient) -> None:
    """Those that are dealt with, and no others that somebody marked."""
    for name in ("bounce", "letter", "marked"):
        imap.append("INBOX", f"Subject: {name}\r\n\r\nText\r\n".encode())
    imap.delete_messages(imap.search(["SUBJECT", "marked"]))
    assert replace(dovecot, delete=True).read(Clerk()) == 2
    assert set(flags(imap)) == {b"letter", b"marked"}


def test_a_mail_over_imap_that_fails_stays_new(dovecot: ImapInbox, imap: IMAPClient) -> None:
    """Those before it are done, it comes again."""
    for name in ("bounce", "broken"):
        imap.append("INBOX", f"Subject: {name}\r\n\r\nText\r\n".encode())
    with pytest.raises(StoreError):
        dovecot.read(Clerk())
    assert flags(imap)[b"broken"] == set()
    assert b"$PublisherRead" in flags(imap)[b"bounce"]


def test_a_mailbox_that_cannot_be_used(dovecot: ImapInbox, tmp_path: Path) -> None:
    """Each message names what to mend, and no password."""
    (tmp_path / "wrong").write_text("wrong-secret")
    for changed, said in (
        (replace(dovecot, port=free_port()), "cannot be reached"),
        (replace(dovecot, password_file=tmp_path / "wrong-secret"), "password_file names"),
        (replace(dovecot, password_file=tmp_path / "wrong"), "refuses the login"),
        (replace(dovecot, folder="Nowhere"), "broke off"),
        (replace(dovecot, security="starttls"), "cannot be reached"),
        (replace(dovecot, security="implicit"), "cannot be reached"),
    ):
        with pytest.raises(OperatorError, match=said) as caught:
            changed.read(Clerk())
        assert "wrong-secret" not in str(caught.value)
