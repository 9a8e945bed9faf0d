"""What a picture's bytes say of themselves: media type and size in pixels."""

from __future__ import annotations

import struct
from dataclasses import dataclass

TYPES = {
    "avif": "image/avif",
    "gif": "image/gif",
    "ico": "image/x-icon",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "png": "image/png",
    "svg": "image/svg+xml",
    "webp": "image/webp",
}
"""Own table: the system's differs from machine to machine, and pages must not."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as pages and feeds refer to it. `path` starts with `/`; `length` in bytes.

    `width` and `height` are pixels, 0 where the format does not say it plainly.
    """

    path: str
    alt: str
    type: str
    length: int
    width: int = 0
    height: int = 0


def measure(path: str, alt: str, content: bytes) -> Picture:
    """The picture served at `path`."""
    kind = TYPES.get(path.rpartition(".")[2].lower(), "application/octet-stream")
    width, height = pixels(content)
    return Picture(path, alt, kind, len(content), width, height)


def pixels(content: bytes) -> tuple[int, int]:
    """Width and height of a PNG, GIF, WebP or JPEG; (0, 0) for anything else."""
    try:
        if content.startswith(b"\x89PNG\r\n\x1a\n"):
            width, height = struct.unpack_from(">II", content, 16)
        elif content[:6] in (b"GIF87a", b"GIF89a"):
            width, height = struct.unpack_from("<HH", content, 6)
        elif content[:4] == b"RIFF" and content[8:12] == b"WEBP":
            width, height = _webp(content)
        elif content.startswith(b"\xff\xd8"):
            width, height = _jpeg(content)
        else:
            return 0, 0
    except (struct.error, IndexError):
        return 0, 0  # cut short: the page then simply does not state the size
    return width, height


def _webp(content: bytes) -> tuple[int, int]:
    """RFC 9649 §2.5 to 2.7: lossy, lossless or extended."""
    if content[12:16] == b"VP8 ":
        width, height = struct.unpack_from("<HH", content, 26)
        return width & 0x3FFF, height & 0x3FFF
    if content[12:16] == b"VP8L":
        (packed,) = struct.unpack_from("<I", content, 21)
        return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    low_w, high_w, low_h, high_h = struct.unpack_from("<HBHB", content, 24)
    return (high_w << 16 | low_w) + 1, (high_h << 16 | low_h) + 1


def _jpeg(content: bytes) -> tuple[int, int]:
    """Skip segments until a start-of-frame (ITU T.81 §B.2.2)."""
    at = 2
    while content[at] == 0xFF:
        marker = content[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", content, at + 5)
            return width, height
        at += 2 + struct.unpack_from(">H", content, at + 2)[0]
    return 0, 0
