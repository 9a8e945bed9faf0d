"""Configuration for whoever serves the built tree instead of us: nginx, Caddy or Netlify.

It is part of the tree, under names that begin with `_`, so that it goes to the host together
with the pages it is about. Nothing that begins with `_` is served.
"""

from __future__ import annotations

from collections.abc import Mapping

from publisher.domain.journal import Journal
from publisher.errors import UsageError
from publisher.formats.hosting import caddy, netlify, nginx
from publisher.formats.hosting.rules import rules

KINDS = {"nginx": nginx.render, "caddy": caddy.render, "netlify": netlify.render}


def render(
    kind: str, journal: Journal, files: Mapping[str, bytes], cache_control: str
) -> dict[str, bytes]:
    """The files that `kind` (a key of KINDS) needs beside `files`, by their path in the tree.

    `files` is the built tree; `cache_control` is what pages and feeds say. Raises UsageError
    for another kind, SiteError for a control file that cannot be understood.
    """
    if kind not in KINDS:
        raise UsageError(f"no configuration can be written for '{kind}': use {', '.join(KINDS)}")
    return KINDS[kind](rules(journal, files, cache_control))
