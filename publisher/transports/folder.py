"""A folder of `.eml` files: what would have been sent, one file for each message."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
from collections.abc import Collection, Mapping
from email.parser import BytesHeaderParser
from email.utils import getaddresses
from pathlib import Path

from publisher.domain.message import Envelope
from publisher.domain.outcome import Outcome, OutcomeKind
from publisher.domain.subscription import address_key
from publisher.errors import TransportError, TransportUnavailable
from publisher.transports.chosen import read
from publisher.transports.own import FolderOptions

MAX_HEAD = 64 * 1024
"""Bytes of a file in which its recipient is looked for."""
_MESSAGE_ID = re.compile(rb"^message-id:\s*(<[^>\r\n]+>)", re.IGNORECASE | re.MULTILINE)


def connect(name: str, options: Mapping[str, object]) -> FolderTransport:
    """The entry point. Raises SettingsError for options it does not understand."""
    return FolderTransport(name, read(FolderOptions, name, options))


class FolderTransport:
    """Writes each message to its own file; a resend overwrites, for the Message-ID names it."""

    def __init__(self, name: str, options: FolderOptions) -> None:
        self.name = name
        self.connections = options.connections
        self.path = options.path

    def open(self) -> FolderSender:
        """Make the folder where it is missing. Raises TransportError when that cannot be."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise TransportError(
                f"transport '{self.name}': the folder {self.path} cannot be made: "
                f"{error.strerror}; mend it or set another `path`"
            ) from error
        return FolderSender(self.name, self.path)

    def erase(self, message_ids: Collection[str], addresses: Collection[str]) -> int:
        """Delete files of messages by their Message-IDs, or to these addresses (as compared).

        Looking for an address reads the head of every file. Raises TransportError.
        """
        erased = 0
        try:
            for each in message_ids:
                erased += _delete(self.path / _name(each.encode()))
            for path in self.path.glob("*.eml") if addresses else ():
                if not _recipients(path).isdisjoint(addresses):
                    erased += _delete(path)
        except OSError as error:
            raise TransportError(
                f"transport '{self.name}': a mail in {self.path} cannot be erased: "
                f"{error.strerror}; mend the folder's rights and do it again"
            ) from error
        return erased

    def check(self) -> str:
        """One sentence, or TransportError when the folder cannot be written."""
        self.open().close()
        if not os.access(self.path, os.W_OK | os.X_OK):
            raise TransportError(
                f"transport '{self.name}': the folder {self.path} cannot be written; "
                "give us the right to, or set another `path`"
            )
        return f"'{self.name}' writes .eml files to {self.path}"


class FolderSender:
    """One writer."""

    def __init__(self, name: str, path: Path) -> None:
        self._name = name
        self._path = path
        self.usable = True

    def send(self, message: bytes, envelope: Envelope) -> Outcome:
        """Write the file whole or not at all.

        Raises TransportUnavailable where it cannot be written: nothing has left then.
        """
        if not self.usable:
            raise TransportUnavailable(f"transport '{self._name}': this session is closed")
        name = _file_name(message, envelope)
        part = self._path / f".{name}.{os.urandom(4).hex()}.part"
        try:
            with part.open("xb") as file:
                file.write(message)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self._path / name)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            raise TransportUnavailable(
                f"transport '{self._name}': cannot write to {self._path}: {error.strerror}; "
                "free some space or mend the folder's rights"
            ) from error
        return self._settle(name)

    def _settle(self, name: str) -> Outcome:
        """Make the new name last through a power loss: until then the file may be there or not."""
        try:
            folder = os.open(self._path, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        except OSError as error:
            return Outcome(OutcomeKind.UNKNOWN, 0, f"written, but not made durable: {error}")
        return Outcome(OutcomeKind.ACCEPTED, 250, f"written as {name}")

    def close(self) -> None:
        """Nothing is held open."""
        self.usable = False


def _file_name(message: bytes, envelope: Envelope) -> str:
    """The same for every resend, and never a word that a message or an address contains."""
    head = message.partition(b"\r\n\r\n")[0]
    found = _MESSAGE_ID.search(head)
    return _name(found[1] if found else message + b"\0" + envelope.recipient.encode())


def _name(seed: bytes) -> str:
    return hashlib.sha256(seed).hexdigest()[:32] + ".eml"


def _delete(path: Path) -> bool:
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def _recipients(path: Path) -> frozenset[str]:
    """Whom the head of a mail names, as compared; nobody where it is gone."""
    try:
        with path.open("rb") as file:
            head = file.read(MAX_HEAD).partition(b"\r\n\r\n")[0]
    except FileNotFoundError:
        return frozenset()
    named = BytesHeaderParser().parsebytes(head + b"\r\n\r\n").get_all("to", [])
    return frozenset(address_key(address) for _, address in getaddresses(map(str, named)))
