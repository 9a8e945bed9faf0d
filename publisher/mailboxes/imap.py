"""A mailbox read over IMAP4rev1 (RFC 3501) with IMAPClient."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from imapclient import SEEN, IMAPClient
from imapclient.exceptions import IMAPClientError, LoginError

from publisher.errors import OperatorError
from publisher.ports import Accept

LARGEST = 10 * 1024 * 1024
BATCH = 500
"""Mails handled in one session; the next session goes on."""
TIMEOUT = 60.0
"""Seconds of silence."""
READ = "$PublisherRead"
"""The keyword that marks what we have looked at, so that people's unread mails stay unread."""


@dataclass(frozen=True, slots=True)
class ImapInbox:
    """`security`: implicit, starttls or none."""

    host: str
    username: str
    password_file: Path
    port: int = 993
    security: str = "implicit"
    folder: str = "INBOX"
    ca_file: Path | None = None
    delete: bool = False

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return f"the mailbox {self.folder} at {self.host}:{self.port}"

    def read(self, accept: Accept) -> int:
        """Hand over each mail that is new, oldest first; how many. Raises OperatorError."""
        with self._session() as session:
            state = session.select_folder(self.folder)
            keywords = b"\\*" in state.get(b"PERMANENTFLAGS", ())
            wanted = ["UNKEYWORD", READ, "UNDELETED"] if keywords else ["UNSEEN", "UNDELETED"]
            found = sorted(session.search(wanted))[:BATCH]
            for uid in found:
                self._take(session, uid, accept, keywords)
            return len(found)

    def _take(self, session: IMAPClient, uid: int, accept: Accept, keywords: bool) -> None:
        answer = session.fetch([uid], [f"BODY.PEEK[]<0.{LARGEST}>"]).get(uid, {})
        raw = next((value for name, value in answer.items() if name.startswith(b"BODY[")), None)
        if raw is None:
            return  # removed meanwhile
        disposition = accept(raw, ())
        if disposition.done and self.delete:
            session.delete_messages([uid])
            # Without UIDPLUS an expunge would take along what others have marked.
            if session.has_capability("UIDPLUS"):
                session.uid_expunge([uid])
            return
        flags = [READ] if keywords else []
        if disposition.done or not keywords:
            flags.append(SEEN)
        session.add_flags([uid], flags, silent=True)

    @contextmanager
    def _session(self) -> Iterator[IMAPClient]:
        try:
            session = self._connect()
        except (OSError, IMAPClientError) as error:
            raise OperatorError(
                f"{self.name} cannot be reached ({error}): check inbound.imap"
            ) from error
        try:
            session.login(self.username, self._password())
            yield session
        except LoginError as error:
            raise OperatorError(
                f"{self.name} refuses the login: check inbound.imap.username and its password_file"
            ) from error
        except (OSError, IMAPClientError) as error:
            raise OperatorError(f"{self.name} broke off ({error}): it is tried again") from error
        finally:
            with suppress(OSError, IMAPClientError):
                session.logout()

    def _connect(self) -> IMAPClient:
        context = ssl.create_default_context(
            cafile=None if self.ca_file is None else str(self.ca_file)
        )
        implicit = self.security == "implicit"
        session = IMAPClient(
            self.host,
            self.port,
            ssl=implicit,
            ssl_context=context if implicit else None,
            timeout=TIMEOUT,
        )
        if self.security == "starttls":
            try:
                session.starttls(context)
            except BaseException:
                session.shutdown()
                raise
        return session

    def _password(self) -> str:
        try:
            return self.password_file.read_text("utf-8").strip("\r\n")
        except (OSError, UnicodeDecodeError):  # `from None`: some write the password itself there
            raise OperatorError(
                "the file that inbound.imap.password_file names cannot be read: write there the "
                "path of one that holds the password and nothing else"
            ) from None
