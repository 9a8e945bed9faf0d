from __future__ import annotations

import re
import string
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from publisher.errors import Defect, SettingsError
from publisher.formats.token import LONGEST, Purpose, make, preferences, read, read_preferences

NAMES = st.text(string.ascii_letters + string.digits + "-_", min_size=1, max_size=40)
SECRETS = st.binary(min_size=16, max_size=64)
PURPOSES = st.sampled_from(Purpose)


@given(NAMES, SECRETS, PURPOSES, NAMES)
def test_a_token_reads_back(key: str, secret: bytes, purpose: Purpose, token_id: str) -> None:
    """What was signed is read, fits a URL path, and names its key."""
    token = make([(key, secret)], purpose, token_id)
    assert read([(key, secret)], purpose, token) == token_id
    assert re.fullmatch(r"[A-Za-z0-9._-]+", token)
    assert token.startswith(f"{key}.")
    assert token[-1] not in "-_."


@given(SECRETS, PURPOSES, PURPOSES, NAMES)
def test_a_token_is_for_one_purpose(
    secret: bytes, made: Purpose, asked: Purpose, token_id: str
) -> None:
    """A token for unsubscribing opens no preferences."""
    assume(made is not asked)
    keys = [("k", secret)]
    token = make(keys, made, token_id)
    assert read(keys, asked, token) is None
    assert read(keys, asked, token.replace(f".{made}.", f".{asked}.")) is None


@given(SECRETS, NAMES, st.data())
def test_no_character_can_be_changed(secret: bytes, token_id: str, data: st.DataObject) -> None:
    """Any other character anywhere makes the token worthless, in its last place too."""
    keys = [("k", secret)]
    token = make(keys, Purpose.UNSUBSCRIBE, token_id)
    place = data.draw(st.integers(0, len(token) - 1))
    char = data.draw(st.characters(exclude_characters=token[place]))
    assert read(keys, Purpose.UNSUBSCRIBE, token[:place] + char + token[place + 1 :]) is None


@given(st.text(), PURPOSES)
def test_anything_else_is_none(text: str, purpose: Purpose) -> None:
    """Whatever a stranger asks for, the answer is None and never an exception."""
    assert read([("k", b"s" * 16)], purpose, text) is None
    assert read([("k", b"s" * 16)], purpose, f"k.{purpose}.{text}.{text}") is None


def test_an_older_key_still_reads() -> None:
    """After a change of keys, links in mails already sent go on working."""
    old, new = ("2025", b"o" * 32), ("2026", b"n" * 32)
    token = make([old], Purpose.UNSUBSCRIBE, "abc")
    assert read([new, old], Purpose.UNSUBSCRIBE, token) == "abc"
    assert make([new, old], Purpose.UNSUBSCRIBE, "abc").startswith("2026.")
    assert read([new], Purpose.UNSUBSCRIBE, token) is None
    assert read([("2025", b"x" * 32)], Purpose.UNSUBSCRIBE, token) is None


def test_endless_tokens_are_not_hashed() -> None:
    """A token longer than any we make is refused by its length."""
    assert read([("k", b"s" * 16)], Purpose.CONFIRM, "k.c." + "a" * LONGEST + ".x") is None


def test_nothing_is_signed_without_a_usable_key() -> None:
    """The operator is told, before a link without signature could leave."""
    with pytest.raises(SettingsError, match="no signing key"):
        make([], Purpose.UNSUBSCRIBE, "abc")
    with pytest.raises(SettingsError, match="signing key's id"):
        make([("a.b", b"s" * 16)], Purpose.UNSUBSCRIBE, "abc")


@pytest.mark.parametrize("token_id", ["", "a.b", "zoe@example.org", "a" * 65, "ä"])
def test_a_token_names_no_address(token_id: str) -> None:
    """Only random ids are signed: an address does not even fit."""
    with pytest.raises(Defect):
        make([("k", b"s" * 16)], Purpose.UNSUBSCRIBE, token_id)


@given(NAMES, SECRETS, st.integers(0, 10_000), st.integers(0, 4_000))
def test_a_preferences_token_tells_its_age(
    token_id: str, secret: bytes, made: int, days: int
) -> None:
    """The day is signed with it; for leaving it is worthless, and a plain token has no day."""
    keys = [("k", secret)]
    at = datetime(2026, 11, 24, 9, tzinfo=UTC) + timedelta(days=made)
    token = preferences(keys, token_id, at)
    assert read_preferences(keys, token, at + timedelta(days=days)) == (
        token_id,
        timedelta(days=days),
    )
    assert read(keys, Purpose.UNSUBSCRIBE, token) is None
    assert read_preferences(keys, make(keys, Purpose.UNSUBSCRIBE, token_id), at) is None
    assert read_preferences([("k", secret + b"x")], token, at) is None


@given(st.text())
def test_preferences_of_nonsense(text: str) -> None:
    """Never an exception, whatever is signed or asked for."""
    keys = [("k", b"s" * 16)]
    at = datetime(2026, 11, 24, tzinfo=UTC)
    assert read_preferences(keys, text, at) is None
    for odd in ("abc", "12345", "abcdefg"):
        assert read_preferences(keys, make(keys, Purpose.PREFERENCES, odd), at) is None
