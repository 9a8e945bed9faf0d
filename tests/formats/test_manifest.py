import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.formats.manifest import Entry, Manifest, decode

DIGESTS = st.binary(min_size=32, max_size=32).map(bytes.hex)
ENTRIES = st.builds(Entry, st.text(), DIGESTS, st.integers(0), st.integers(0), st.integers(0))
MANIFESTS = st.dictionaries(st.text(st.characters(codec="utf-8")), ENTRIES).map(Manifest)


@given(MANIFESTS)
def test_a_manifest_comes_back_under_its_own_name(manifest: Manifest) -> None:
    """Paths, keys, digests and stamps; the name is the hash of paths and contents alone."""
    assert decode(manifest.encode(), manifest.tree()) == manifest
    moved = {p: e._replace(key="", inode=0, mtime_ns=0) for p, e in manifest.entries.items()}
    assert Manifest(moved).tree() == manifest.tree()


@given(MANIFESTS, MANIFESTS)
def test_a_manifest_of_another_generation_is_refused(one: Manifest, other: Manifest) -> None:
    """Whatever was kept under a name that is not its own says nothing."""
    if one.tree() != other.tree():
        with pytest.raises(ValueError, match="no manifest of"):
            decode(one.encode(), other.tree())


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b'{"a":1}', b'{"a":[1,2,3,4,5]}', b'{"a":[]}', b"\xff"]
)
def test_what_is_no_manifest_is_said_to_be_none(raw: bytes) -> None:
    """A ValueError and nothing else."""
    with pytest.raises(ValueError):  # noqa: PT011 - of whatever kind
        decode(raw, "0" * 64)
