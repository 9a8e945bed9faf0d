"""The digest email, in one place for whoever needs any of it.

`digest` renders an edition, `message` makes bytes of it, `headers` keeps every header line
whole, `copies` makes what the web and staff see, `greeting` the line with
a reader's name.
"""

from __future__ import annotations

from publisher.formats.copies import archive_html, links, test_copy
from publisher.formats.digest import render
from publisher.formats.headers import date_header, envelope_address, to_header, to_spec
from publisher.formats.message import compile, notice_message  # noqa: A004 - as it is named there

__all__ = [
    "archive_html",
    "compile",
    "date_header",
    "envelope_address",
    "links",
    "notice_message",
    "render",
    "test_copy",
    "to_header",
    "to_spec",
]
