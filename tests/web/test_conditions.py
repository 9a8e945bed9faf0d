"""Conditional requests and content negotiation, clause by clause."""

from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.web.conditions import LONGEST, encodings, verdict

TAG = b'"0123456789abcdef0123456789abcdef"'
AT = 1_795_000_000
NONE_MATCH, SINCE = b"if-none-match", b"if-modified-since"
MATCH, UNSINCE = b"if-match", b"if-unmodified-since"


def date(at: int) -> bytes:
    return formatdate(at, usegmt=True).encode()


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 200),
        ({NONE_MATCH: TAG}, 304),
        ({NONE_MATCH: b"W/" + TAG}, 304),
        ({NONE_MATCH: b"*"}, 304),
        ({NONE_MATCH: b'"a,b" , ' + TAG}, 304),
        ({NONE_MATCH: b'"a", W/' + TAG + b', "b"'}, 304),
        ({NONE_MATCH: TAG.strip(b'"')}, 200),
        ({NONE_MATCH: b'"other"'}, 200),
        ({NONE_MATCH: b""}, 200),
        ({NONE_MATCH: TAG + b'"x",' * LONGEST}, 200),
        ({SINCE: date(AT)}, 304),
        ({SINCE: date(AT + 1)}, 304),
        ({SINCE: date(AT - 1)}, 200),
        ({SINCE: b"Sunday, 06-Nov-94 08:49:37 GMT"}, 200),
        ({SINCE: b"yesterday"}, 200),
        ({SINCE: b"\xff"}, 200),
        ({SINCE: date(AT) + b", " + date(AT)}, 200),
        # The tag decides alone (RFC 9110 §13.1.3).
        ({NONE_MATCH: b'"other"', SINCE: date(AT + 9)}, 200),
        ({NONE_MATCH: TAG, SINCE: date(AT - 9)}, 304),
        ({MATCH: TAG}, 200),
        ({MATCH: b"*"}, 200),
        ({MATCH: b"W/" + TAG}, 412),
        ({MATCH: b'"other"'}, 412),
        ({MATCH: b'"other"', NONE_MATCH: TAG}, 412),
        ({MATCH: TAG, UNSINCE: date(AT - 1)}, 200),
        ({UNSINCE: date(AT - 1)}, 412),
        ({UNSINCE: date(AT)}, 200),
        ({UNSINCE: b"never"}, 200),
    ],
)
def test_conditions(fields: dict[bytes, bytes], status: int) -> None:
    """RFC 9110 §13.2.2, step by step."""
    assert verdict(fields, TAG, AT) == status


@pytest.mark.parametrize(
    ("accepted", "order"),
    [
        (None, ("identity",)),
        (b"", ("identity",)),
        (b"gzip", ("gzip", "identity")),
        (b"gzip, deflate, br, zstd", ("br", "gzip", "identity")),
        (b"br;q=0.5, gzip;q=0.8", ("gzip", "br", "identity")),
        (b"gzip;q=0", ("identity",)),
        (b"gzip;q=0.000, br;q=1.000", ("br", "identity")),
        (b"*", ("br", "gzip", "identity")),
        (b"*;q=0.1, gzip", ("gzip", "br", "identity")),
        (b"identity;q=0, gzip", ("gzip",)),
        (b"*;q=0", ("identity",)),
        (b"identity, gzip;q=0.5", ("identity", "gzip")),
        (b"X-GZIP", ("gzip", "identity")),
        (b"GZIP ; Q=0.7", ("gzip", "identity")),
        (b"gzip;q=2", ("identity",)),
        (b"gzip;q=x", ("identity",)),
        (b"gzip;level=9", ("identity",)),
        (b"deflate", ("identity",)),
        (b",,;q=1", ("identity",)),
        (b"br" + b" " * LONGEST, ("identity",)),
    ],
)
def test_encodings(accepted: bytes | None, order: tuple[str, ...]) -> None:
    """By weight, smaller ones first, never one that was refused (RFC 9110 §12.5.3)."""
    assert encodings(accepted) == order


@given(fields=st.dictionaries(st.sampled_from([NONE_MATCH, SINCE, MATCH, UNSINCE]), st.binary()))
def test_any_field_has_a_verdict(fields: dict[bytes, bytes]) -> None:
    """Nothing that a client sends is an error; a 304 needs the tag, `*` or a date."""
    status = verdict(fields, TAG, AT)
    assert status in (200, 304, 412)
    if not {SINCE, NONE_MATCH} & set(fields):
        assert status != 304


@given(accepted=st.binary(max_size=200))
def test_any_wish_has_an_encoding(accepted: bytes) -> None:
    """There is always one to answer with, each at most once."""
    found = encodings(accepted)
    assert found
    assert len(set(found)) == len(found)
    assert set(found) <= {"br", "gzip", "identity"}
