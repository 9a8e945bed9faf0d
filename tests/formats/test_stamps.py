import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.formats import stamps
from publisher.formats.stamps import SETTLED_NS, Stamp

NUMBERS = st.integers(0, 2**63)
STAMPS = st.builds(Stamp, NUMBERS, NUMBERS, NUMBERS, NUMBERS, NUMBERS)


@given(st.dictionaries(st.text(), st.tuples(st.text(), STAMPS)))
def test_what_is_written_is_read(files: dict[str, tuple[str, Stamp]]) -> None:
    """Names, keys and stamps come back as they were."""
    assert stamps.decode(stamps.encode(files)) == files


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b'{"a": 1}', b'{"a": ["k", [1]]}', b"\xff"])
def test_anything_else_is_an_error(raw: bytes) -> None:
    """Whoever asked reads the files instead."""
    with pytest.raises(ValueError):  # noqa: PT011 - json has words of its own for each
        stamps.decode(raw)


def test_a_change_shows(tmp_path: Path) -> None:
    """Other bytes, another size, another file of that name: each has another stamp."""
    file = tmp_path / "a"
    file.write_bytes(b"one")
    seen = [stamps.of(file.lstat())]
    assert stamps.of(file.lstat()) == seen[0]
    file.write_bytes(b"longer")
    seen.append(stamps.of(file.lstat()))
    (tmp_path / "b").write_bytes(b"longer")
    os.utime(tmp_path / "b", ns=(seen[1].mtime_ns, seen[1].mtime_ns))
    (tmp_path / "b").rename(file)
    seen.append(stamps.of(file.lstat()))
    assert len(set(seen)) == 3


@pytest.mark.parametrize(("mtime", "changed"), [(10, 0), (0, 10), (10, 10)])
def test_only_a_file_that_stood_still_is_settled(mtime: int, changed: int) -> None:
    """The later of its two times counts, and two seconds must lie after it."""
    stamp = Stamp(1, 1, 1, mtime, changed)
    assert not stamp.settled(10 + SETTLED_NS)
    assert stamp.settled(11 + SETTLED_NS)
    assert not stamp.settled(0), "a disk that tells no time"
