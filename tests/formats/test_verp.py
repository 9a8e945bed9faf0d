from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.delivery import OutboxKind
from publisher.errors import Defect, SettingsError
from publisher.formats.verp import LONGEST_LOCAL, Verp

KEYS = (("k1", b"0123456789abcdef0123456789abcdef"),)
VERP = Verp(KEYS, "bounces@journal.example.org")
KINDS = st.sampled_from(OutboxKind)
IDS = st.integers(0, 2**56 - 1)


@given(KINDS, IDS)
def test_it_reads_back(kind: OutboxKind, number: int) -> None:
    """Whatever case, brackets or blanks a mail system leaves it in."""
    sender = VERP.sender(kind, number)
    assert VERP.read(sender) == (kind, number)
    assert VERP.read(f" <{sender.upper()}> ") == (kind, number)
    assert VERP.sender(kind, number) == sender
    assert len(sender.partition("@")[0]) <= 64
    assert VERP.belongs(sender)


@given(KINDS, IDS, st.data())
def test_no_character_can_be_changed(kind: OutboxKind, number: int, data: st.DataObject) -> None:
    """A forged bounce names nobody."""
    sender = VERP.sender(kind, number)
    place = data.draw(st.integers(0, len(sender) - 1))
    other = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz234567+.@-"))
    if other != sender[place]:
        assert VERP.read(sender[:place] + other + sender[place + 1 :]) is None


def test_a_code_has_one_spelling() -> None:
    """The last letter has three bits to spare, and they are not free."""
    before, _, domain = VERP.sender(OutboxKind.DELIVERY, 1).partition("@")
    spelt = [f"{before[:-1]}{letter}@{domain}" for letter in "abcdefghijklmnopqrstuvwxyz234567"]
    assert len([one for one in spelt if VERP.read(one)]) == 1


@given(st.text())
def test_anything_else_is_none(text: str) -> None:
    """Whatever strangers write to."""
    assert VERP.read(text) is None
    assert VERP.read(f"bounces+{text}@journal.example.org") is None


def test_numbers_cannot_be_counted() -> None:
    """Neighbours have nothing in common but the mailbox."""
    codes = {VERP.sender(OutboxKind.DELIVERY, n)[8:12] for n in range(100)}
    assert len(codes) > 95


def test_an_older_key_still_reads() -> None:
    """Bounces of mails sent before a change of keys still come home."""
    new = Verp((("k2", b"n" * 32), *KEYS), VERP.address)
    sender = VERP.sender(OutboxKind.DELIVERY, 7)
    assert new.read(sender) == (OutboxKind.DELIVERY, 7)
    assert new.sender(OutboxKind.DELIVERY, 7) != sender
    assert Verp((("k2", b"n" * 32),), VERP.address).read(sender) is None


def test_other_delimiters() -> None:
    """Some mail systems part at a hyphen or an equals sign."""
    for delimiter in "-=":
        verp = Verp(KEYS, VERP.address, delimiter)
        assert verp.sender(OutboxKind.NOTICE, 1).startswith(f"bounces{delimiter}")
        assert verp.read(verp.sender(OutboxKind.NOTICE, 1)) == (OutboxKind.NOTICE, 1)
        assert VERP.read(verp.sender(OutboxKind.NOTICE, 1)) is None


def test_mail_for_the_mailbox() -> None:
    """Signed or not; but not another's."""
    assert VERP.belongs("Bounces@journal.example.org")
    assert VERP.belongs("bounces+anything@journal.example.org")
    assert not VERP.belongs("bounces+x@example.org")
    assert not VERP.belongs("bounce@journal.example.org")


def test_what_cannot_work_is_said_at_once() -> None:
    """Not with the first message of an issue."""
    with pytest.raises(SettingsError, match="shorter one"):
        Verp(KEYS, "b" * (LONGEST_LOCAL + 1) + "@example.org")
    with pytest.raises(SettingsError, match="signing key"):
        Verp((), "bounces@example.org")
    with pytest.raises(Defect):
        VERP.sender(OutboxKind.DELIVERY, 2**56)
