"""Maildir, read and written (https://cr.yp.to/proto/maildir.html)."""

from __future__ import annotations

import mailbox
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from publisher.domain.bounce import Disposition
from publisher.errors import OperatorError
from publisher.ports import Accept

LARGEST = 10 * 1024 * 1024
"""Bytes of one mail that are read."""
MOST = 1000
"""Mails that are kept unread for people; more would only fill the disk."""


@dataclass(frozen=True, slots=True)
class MaildirInbox:
    """Mails in `new/` are new; they go to `cur/`, with the flag S once they are dealt with."""

    path: Path
    delete: bool = False

    @property
    def name(self) -> str:
        """What it is called in messages."""
        return f"the Maildir {self.path}"

    def read(self, accept: Accept) -> int:
        """Hand over each mail that is new, oldest first; how many. Raises OperatorError."""
        try:
            found = sorted(path for path in (self.path / "new").iterdir() if _is_mail(path))
        except OSError as error:
            raise OperatorError(
                f"{self.name} cannot be read ({error.strerror}): check inbound.maildir and who "
                "may read it"
            ) from error
        return sum(self._take(path, accept) for path in found)

    def _take(self, path: Path, accept: Accept) -> bool:
        try:
            with path.open("rb") as file:
                raw = file.read(LARGEST)
        except FileNotFoundError:
            return False  # another reader of the Maildir was quicker
        except OSError as error:
            raise OperatorError(
                f"{path} cannot be read ({error.strerror}): check who may read it"
            ) from error
        disposition = accept(raw, ())
        try:
            if disposition.done and self.delete:
                path.unlink(missing_ok=True)
            else:
                flags = "S" if disposition.done else ""
                cur = self.path / "cur"
                cur.mkdir(exist_ok=True)
                path.rename(cur / f"{path.name.partition(':')[0]}:2,{flags}")
        except FileNotFoundError:
            return True
        except OSError as error:
            raise OperatorError(
                f"{path} cannot be moved to cur/ ({error.strerror}): check who may write there"
            ) from error
        return True


@dataclass(frozen=True, slots=True)
class Kept:
    """The Maildir for mails that people should read, made when the first one comes."""

    path: Path

    def keep(self, raw: bytes) -> None:
        """Keep one. Raises OperatorError, also when too many are waiting."""
        try:
            folder = mailbox.Maildir(self.path, create=True)
            self.path.chmod(0o700)  # it holds what people write
            if sum(1 for _ in (self.path / "new").iterdir()) >= MOST:
                raise OperatorError(
                    f"{self.path} holds {MOST} unread mails: read and remove them, so that there "
                    "is room for more"
                )
            folder.add(raw[:LARGEST])
        except OSError as error:
            raise OperatorError(
                f"a mail cannot be kept in {self.path} ({error.strerror}): check inbound.keep"
            ) from error


def keeping(accept: Accept, kept: Kept) -> Accept:
    """`accept` for mails that are in no mailbox yet: those for people are kept."""

    def take(raw: bytes, recipients: Sequence[str]) -> Disposition:
        disposition = accept(raw, recipients)
        if disposition is Disposition.FOR_PEOPLE:
            kept.keep(raw)
        return disposition

    return take


def _is_mail(path: Path) -> bool:
    """Names with a dot in front are not mails; neither are links to elsewhere."""
    return not path.name.startswith(".") and path.is_file() and not path.is_symlink()
