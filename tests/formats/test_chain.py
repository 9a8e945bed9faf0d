"""The ledger's entries as text: canonical, bound to each other, and every harm found."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.ledger import Happening, Head
from publisher.errors import Defect
from publisher.formats import chain
from publisher.formats.chain import Broken, Row

AT = datetime(2026, 11, 24, 9, 0, 0, 5, tzinfo=UTC)
_WORDS = st.text(st.characters(exclude_categories=["Cs"]))
_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-chain.LARGEST, chain.LARGEST) | _WORDS,
    lambda held: (
        st.lists(held, max_size=4)
        | st.dictionaries(st.text(st.characters(max_codepoint=127)), held, max_size=4)
    ),
    max_leaves=12,
)


@given(_VALUES)
def test_an_entry_is_written_as_rfc_8785_says(value: Any) -> None:
    """Byte for byte what another implementation writes, and it reads back as it was."""
    text = chain.canonical(value)
    assert text.encode() == rfc8785.dumps(value)
    assert json.loads(text) == value


@pytest.mark.parametrize(
    "value", [1.5, chain.LARGEST + 1, {"é": 1}, {1: 2}, "\ud800", {"a": [b"x"]}, object()]
)
def test_what_could_be_read_in_two_ways_is_no_entry(value: Any) -> None:
    """Fractions, large numbers, halves of characters, and what is not JSON."""
    with pytest.raises(Defect):
        chain.canonical(value)


def test_an_entry_says_its_own_number_and_what_it_follows() -> None:
    """The words that belong to the chain cannot be given."""
    east = timezone(timedelta(hours=2))
    first = chain.render(None, AT.astimezone(east), Happening.VERSIONS, {"articles": []})
    assert first.body == (
        '{"articles":[],"at":"2026-11-24T09:00:00.000005Z","happening":"versions seen","number":1,'
        f'"previous":"{"0" * 64}"}}'
    )
    assert (
        first.hash
        == hashlib.sha256(b"publisher ledger entry 1\n" + first.body.encode()).hexdigest()
    )
    with pytest.raises(Defect, match="previous"):
        chain.render(None, AT, Happening.VERSIONS, {"previous": ""})


def made(count: int = 6) -> list[Row]:
    """A sound chain."""
    rows: list[Row] = []
    for number in range(count):
        head = Head(rows[-1].number, rows[-1].hash) if rows else None
        details = {"articles": [{"id": "a", "version": f"v{number}"}]}
        rows.append(chain.render(head, AT, Happening.VERSIONS, details))
    return rows


def again(row: Row, body: str) -> Row:
    """Another text with the hash that fits it."""
    return replace(row, body=body, hash=chain.digest(body))


def test_a_sound_chain_is_followed_to_its_end() -> None:
    """Each entry comes out as it was put in."""
    found = list(chain.follow(made()))
    assert [entry.number for entry in found] == [1, 2, 3, 4, 5, 6]
    assert found[2].details == {"articles": [{"id": "a", "version": "v2"}]}
    assert (found[0].at, found[0].happening) == (AT, Happening.VERSIONS)


@pytest.mark.parametrize(
    ("harm", "at", "why"),
    [
        (lambda r: [*r[:2], replace(r[2], body=r[2].body.replace("v2", "v9")), *r[3:]], 3, "chang"),
        (lambda r: [*r[:2], replace(r[2], hash="0" * 64), *r[3:]], 3, "does not have its hash"),
        (lambda r: [*r[:2], *r[3:]], 3, "entry 3 is missing"),
        (lambda r: [r[0], *r[3:]], 2, "entries 2 to 3 are missing"),
        (lambda r: r[1:], 1, "entry 1 is missing"),
        (
            lambda r: [*r[:2], again(r[2], r[2].body.replace("v2", "v9")), *r[3:]],
            4,
            "does not follow entry 3",
        ),
        (
            lambda r: [again(r[0], r[0].body.replace('s":"0', 's":"1')), *r[1:]],
            1,
            "does not follow the beginning",
        ),
        (
            lambda r: [*r[:5], again(r[5], r[5].body.replace('"number":6', '"number":7'))],
            6,
            "says that it is number 7",
        ),
        (lambda r: [*r[:5], again(r[5], "[]")], 6, "cannot be read"),
        (lambda r: [*r[:5], again(r[5], r[5].body.replace("seen", "read"))], 6, "cannot be read"),
        (lambda r: [*r[:5], again(r[5], "{")], 6, "cannot be read"),
    ],
)
def test_every_harm_is_found_where_it_was_done(harm: Any, at: int, why: str) -> None:
    """Changed, rehashed, taken out, put in, renumbered, unreadable: which entry, and what it means."""
    with pytest.raises(Broken, match=why) as told:
        list(chain.follow(harm(made())))
    assert told.value.number == at


@given(st.integers(0, 5), st.data())
def test_no_character_can_be_changed(which: int, data: st.DataObject) -> None:
    """Whatever is changed in whichever entry, the chain breaks at it."""
    rows = made()
    body = rows[which].body
    place = data.draw(st.integers(0, len(body) - 1))
    other = data.draw(st.characters(exclude_categories=["Cs"]).filter(lambda c: c != body[place]))
    rows[which] = replace(rows[which], body=body[:place] + other + body[place + 1 :])
    with pytest.raises(Broken) as told:
        list(chain.follow(rows))
    assert told.value.number == which + 1


def test_a_seal_binds_a_name_without_telling_it() -> None:
    """Another name, or another issue, has another seal."""
    seals = {chain.seal(nonce, name) for nonce in ("a", "b") for name in ("Raman", "Lindqvist")}
    assert len(seals) == 4
    assert all("Raman" not in seal and len(seal) == 64 for seal in seals)
