"""The folder and memory transports, and how kinds of transports are found."""

from __future__ import annotations

import os
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from publisher import transports
from publisher.domain.message import Envelope
from publisher.domain.outcome import Outcome, OutcomeKind
from publisher.errors import SettingsError, TransportError, TransportUnavailable
from publisher.ports import Transport
from publisher.transports.memory import MemoryTransport

READER = Envelope("bounces@journal.example.org", "reader@example.org")


def folder(path: Path) -> Transport:
    return transports.connect("files", "folder", {"path": str(path)})


def message(identity: str, text: str = "Hello") -> bytes:
    return f"Message-ID: {identity}\r\n\r\n{text}\r\n".encode()


def test_a_resend_takes_the_place_of_the_first(tmp_path: Path) -> None:
    """The Message-ID names the file, so sending again leaves one message."""
    sender = folder(tmp_path).open()
    first = sender.send(message("<1@journal.example.org>"), READER)
    sender.send(message("<2@journal.example.org>"), READER)
    again = sender.send(message("<1@journal.example.org>", "Hello again"), READER)
    assert again == first
    contents = sorted(path.read_bytes() for path in tmp_path.iterdir())
    assert contents == [
        message("<1@journal.example.org>", "Hello again"),
        message("<2@journal.example.org>"),
    ]


@pytest.mark.parametrize(
    "identity", ["<../../etc/passwd@x>", "</tmp/x@x>", "<a\x00b@x>", "<.@x>", "none"]
)
def test_no_message_chooses_where_it_is_written(tmp_path: Path, identity: str) -> None:
    """A Message-ID that is a path is a file in the folder like any other."""
    inside = tmp_path / "in" / "side"
    folder(inside).open().send(message(identity), READER)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path.parent for path in written] == [inside]
    assert written[0].suffix == ".eml"


def test_a_message_id_in_the_body_is_none(tmp_path: Path) -> None:
    """Only the head is asked: two mails that quote the same one are two files."""
    sender = folder(tmp_path).open()
    for text in ("one", "two"):
        sender.send(f"Subject: x\r\n\r\n{text}\r\nMessage-ID: <q@x>\r\n".encode(), READER)
    assert len(list(tmp_path.glob("*.eml"))) == 2


def test_a_full_disk_leaves_no_half_file(tmp_path: Path) -> None:
    """What could not be written whole is not there at all, and can be tried again."""
    path = tmp_path / "out"
    sender = folder(path).open()
    path.rmdir()
    path.symlink_to("/dev/full")
    with pytest.raises(TransportUnavailable, match="files"):
        sender.send(message("<1@x>"), READER)
    path.unlink()
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_may_not_last_is_in_doubt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is there, but the disk would not confirm it: neither accepted nor repeated."""
    sender = folder(tmp_path).open()
    real = os.fsync
    answers = iter([real])

    def fsync(number: int) -> None:
        answer = next(answers, None)
        if answer is None:
            raise OSError(5, "Input/output error")
        answer(number)

    monkeypatch.setattr(os, "fsync", fsync)
    assert sender.send(message("<1@x>"), READER).kind is OutcomeKind.UNKNOWN
    assert len(list(tmp_path.glob("*.eml"))) == 1


def test_check_names_a_folder_that_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`doctor` says which folder and what to do."""
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    with pytest.raises(TransportError, match="give us the right"):
        folder(tmp_path).check()


def test_memory_follows_its_script() -> None:
    """Outcomes in order, exceptions raised, then accepted for ever."""
    deferred = Outcome(OutcomeKind.DEFERRED, 450, "later")
    made = MemoryTransport(
        script=[deferred, TransportUnavailable("lost")],
        openings=[None, TransportError("no")],
        keep=2,
    )
    sender = made.open()
    assert sender.send(b"1", READER) == deferred
    with pytest.raises(TransportUnavailable, match="lost"):
        sender.send(b"2", READER)
    assert not sender.usable
    with pytest.raises(TransportError, match="no"):
        made.open()
    sender = made.open()
    for content in (b"3", b"4"):
        assert sender.send(content, READER).kind is OutcomeKind.ACCEPTED
    assert [sent.message for sent in made.sent] == [b"3", b"4"]


def test_a_kind_that_does_not_load_is_a_setting_to_mend(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken plug-in is named with where it comes from."""
    broken = EntryPoint("pigeon", "no.such.module:connect", transports.GROUP)
    monkeypatch.setattr(transports, "kinds", lambda: {"pigeon": broken})
    with pytest.raises(SettingsError, match=r"'pigeon' \(no\.such\.module:connect\) does not load"):
        transports.connect("main", "pigeon", {})


def test_the_built_in_kinds_are_entry_points_like_any_other() -> None:
    """There is one way in, for ours and for other people's."""
    assert {"smtp", "folder", "memory"} <= set(transports.kinds())
