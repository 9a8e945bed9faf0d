from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.leaf import Leaf, Leaves, fingerprint, ready

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=6,
)


def test_leaves_are_made_when_they_are_asked_for() -> None:
    """Listing the paths makes nothing; each access makes one file, in order of path."""
    made: list[str] = []

    def leaf(name: str) -> Leaf:
        def make() -> bytes:
            made.append(name)
            return name.encode()

        return Leaf(f"key of {name}", make)

    leaves = Leaves({name: leaf(name) for name in ("b", "a", "c")})
    assert list(leaves) == ["a", "b", "c"]
    assert len(leaves) == 3
    assert "a" in leaves
    assert "d" not in leaves
    assert leaves.key("b") == "key of b"
    assert made == []
    assert dict(leaves) == {"a": b"a", "b": b"b", "c": b"c"}
    with pytest.raises(KeyError):
        leaves["d"]


def test_a_file_that_is_there_is_known_by_its_bytes() -> None:
    """Equal bytes have one key, others another."""
    assert ready(b"x").make() == b"x"
    assert ready(b"x").key == ready(b"x").key != ready(b"y").key


@given(st.lists(VALUES, max_size=3), st.lists(VALUES, max_size=3))
def test_two_fingerprints_are_equal_only_for_equal_parts(
    one: list[object], other: list[object]
) -> None:
    """No two lists of values run into each other, whatever stands in them."""
    assert (fingerprint(*one) == fingerprint(*other)) == (repr(one) == repr(other))


@dataclass(frozen=True)
class Value:
    number: int


def test_a_dataclass_is_known_by_its_fields() -> None:
    """Two equal values have one fingerprint in every process."""
    assert fingerprint(Value(1)) == fingerprint(Value(1)) != fingerprint(Value(2))
    assert fingerprint("\ud800") != fingerprint("?")
