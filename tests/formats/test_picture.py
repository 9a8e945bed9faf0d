import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.formats.picture import TYPES, measure, pixels


def png(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    return (
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    )


JPEG = b"\xff\xd8\xff\xff\xe0\x00\x04ab\xff\xc4\x00\x02\xff\xc2\x00\x0b\x08\x00\x09\x00\x10\x03"
WEBP = {
    b"VP8 ": b"\0" * 10 + struct.pack("<HH", 16 | 0x4000, 9),
    b"VP8L": b"\0" * 4 + b"\x2f" + struct.pack("<I", 15 | 8 << 14),
    b"VP8X": b"\0" * 8 + struct.pack("<HBHB", 15, 0, 8, 0),
}


@pytest.mark.parametrize(
    "content",
    [
        png(16, 9),
        b"GIF89a" + struct.pack("<HH", 16, 9),
        JPEG,
        *(b"RIFF\0\0\0\0WEBP" + kind + rest for kind, rest in WEBP.items()),
    ],
)
def test_the_size_is_read_from_the_bytes(content: bytes) -> None:
    """PNG, GIF, JPEG and the three kinds of WebP say how large they are."""
    assert pixels(content) == (16, 9)


def test_a_real_picture_is_measured() -> None:
    """The sample journal's picture has the size that it is drawn in."""
    path = Path(__file__).parents[2] / "content/images/car-nk-cells.png"
    found = measure("/images/car-nk-cells.png", "Cells", path.read_bytes())
    assert found.length == path.stat().st_size
    assert found.type == "image/png"
    assert found.width > found.height > 100


@pytest.mark.parametrize(
    "content", [b"", b"<svg/>", png(16, 9)[:18], JPEG[:8], b"\xff\xd8\xff\xd9"]
)
def test_what_does_not_say_its_size_has_none(content: bytes) -> None:
    """SVG and files cut short are served without a stated size."""
    assert pixels(content) == (0, 0)


def test_a_file_of_another_kind_is_not_called_a_picture() -> None:
    """An unknown ending is plain bytes, so that no browser guesses."""
    assert measure("/images/x.exe", "", b"").type == "application/octet-stream"
    assert measure("/images/X.JPG", "", b"").type == TYPES["jpg"]


@given(
    st.sampled_from([b"", JPEG[:2], png(1, 1)[:8], b"RIFF\0\0\0\0WEBPVP8 ", b"GIF89a"]), st.binary()
)
def test_no_bytes_break_it(head: bytes, rest: bytes) -> None:
    """Whatever stands in a file, two numbers come back."""
    width, height = pixels(head + rest)
    assert width >= 0
    assert height >= 0
