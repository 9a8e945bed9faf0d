import copy
import dataclasses
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import lz4.block
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from publisher.domain.article import Article, Correction, CorrectionKind, Evidence, Image
from publisher.domain.finding import Finding, Place, Severity
from publisher.errors import OperatorError
from publisher.formats.record import Record, Slices, apart, decode, encode, together
from publisher.formats.stamps import Stamp
from tests.factories import article

TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
INSTANTS = st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1)).map(  # noqa: DTZ001 - made aware here
    lambda moment: moment.replace(tzinfo=UTC, fold=0)
)
ARTICLES = st.builds(
    article,
    title=TEXT,
    body=TEXT,
    body_html=TEXT,
    published_at=INSTANTS,
    updated_at=INSTANTS,
    evidence=st.none() | st.sampled_from(Evidence),
    image=st.none() | st.builds(Image, TEXT, TEXT),
    tags=st.lists(TEXT, max_size=2).map(tuple),
    corrections=st.lists(
        st.builds(Correction, st.dates(), st.sampled_from(CorrectionKind), TEXT, TEXT), max_size=2
    ).map(tuple),
    draft=st.booleans(),
    canonical_url=st.none() | TEXT,
)
FINDINGS = st.lists(
    st.builds(
        Finding,
        TEXT,
        st.sampled_from(Severity),
        st.builds(Place, TEXT, st.none() | st.integers(1, 9)),
        TEXT,
        TEXT,
    ),
    max_size=2,
).map(tuple)
RECORDS = st.builds(
    Record, TEXT, st.none() | ARTICLES, FINDINGS, st.lists(TEXT, max_size=2).map(tuple)
)


@settings(max_examples=40)
@given(st.lists(RECORDS, min_size=1, max_size=2))
def test_a_record_comes_back_whole_from_among_others(records: list[Record]) -> None:
    """Every field of every part, its type and its time zone included."""
    packed = [encode(one) for one in records]
    arena, start = b"".join(packed), 0
    for one, content in zip(records, packed, strict=True):
        stop = start + len(content)
        found = decode(arena, start, stop)
        assert found == one
        assert repr(found.findings) == repr(one.findings)
        if one.article and found.article:
            for each in dataclasses.fields(Article):
                assert repr(getattr(found.article, each.name)) == repr(
                    getattr(one.article, each.name)
                )
        start = stop


def shelved(**overrides: Any) -> Article:
    found = decode(encode(Record("v", article(**overrides), ()))).article
    assert found is not None
    return found


def test_to_everybody_else_it_is_an_article() -> None:
    """Equal, hashed, copied, replaced and pickled like the one that it was made from."""
    plain, kept = article(), shelved()
    assert isinstance(kept, Article)
    assert kept == plain
    assert plain == kept
    assert kept != article(title="x")
    assert kept != ("x",)  # type: ignore[comparison-overlap]  # never equal, whatever it is
    assert hash(kept) == hash(plain)
    assert type(dataclasses.replace(kept, title="x")) is Article
    assert dataclasses.replace(kept, title="x") == dataclasses.replace(plain, title="x")
    assert pickle.loads(pickle.dumps(kept)) == plain  # noqa: S301 - our own
    assert copy.deepcopy(kept) == plain
    with pytest.raises(dataclasses.FrozenInstanceError):
        kept.title = "x"  # type: ignore[misc]  # that is what is tested


def test_long_texts_stay_packed() -> None:
    """Fifty thousand words cost what their compressed form costs."""
    kept: Any = shelved(body="word " * 50_000, body_html="<p>word</p> " * 50_000)
    assert len(kept._arena) < 20_000
    assert kept.body == "word " * 50_000


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\0\0\0\2[]",
        b"\0\0\0\2{}",
        b"\0\0\0\4null",
        b"\xff\xff\xff\xffx",
        encode(Record("v", article(), ()))[:40],
        b'\0\0\0\x0f["v",[1],[],[]]',
        b'\0\0\0\x10["v",null,[1],0]',
        b"\0\0\0\3\xff\xff\xff",
    ],
)
def test_what_is_no_record_is_said_to_be_none(raw: bytes) -> None:
    """A ValueError and nothing else, so that whoever kept it can make it again."""
    with pytest.raises(ValueError):  # noqa: PT011 - of whatever kind
        decode(raw)


@pytest.mark.parametrize(
    "harm",
    [
        lambda _: b"",
        lambda deep: deep[:2],
        lambda deep: deep[:-1],
        lambda deep: b"\xff\xff\xff\x7f" + deep[4:],
        lambda deep: b"\xff" * len(deep),
        lambda _: lz4.block.compress(b"\xc1"),
        lambda _: lz4.block.compress(b"\x91\xc0"),
    ],
    ids=("gone", "no size", "cut", "too large", "spoilt", "no MessagePack", "something else"),
)
def test_long_texts_that_are_damaged_say_what_to_do(harm: Callable[[bytes], bytes]) -> None:
    """They are unpacked when the article is long in use; its head alone is looked at before."""
    whole = encode(Record("v", article(path="content/one.md"), ()))
    begin = 4 + int.from_bytes(whole[:4], "big")
    found = decode(whole[:begin] + harm(whole[begin:])).article
    assert found is not None
    assert found.title == article().title
    for _ in range(2):
        with pytest.raises(OperatorError, match=r"content/one\.md is damaged .*delete var/cache"):
            _ = found.body


def test_records_are_cut_out_of_their_arena() -> None:
    """By key, as they were put together; none is there that was not added."""
    stamp = Stamp(1, 2, 3, 4, 5)
    arena = together([("a", stamp, b"first"), ("b", None, b""), ("c", stamp, b"third")])
    slices = Slices()
    for key, found, start, stop in apart(arena):
        assert found == (None if key == "b" else stamp)
        slices.add(key, arena, start, stop)
    assert dict(slices.items()) == {"a": b"first", "b": b"", "c": b"third"}
    assert len(slices) == 3
    assert "a" in slices
    assert "d" not in slices
