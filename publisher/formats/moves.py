"""What no longer is where it was, for whoever serves the built tree."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

PATH = "_site.json"
"""In the tree, and meant for its server alone."""


def render(redirects: Mapping[str, str], gone: Iterable[str]) -> bytes:
    """UTF-8 JSON: `redirects` from old path to new (answered 308), `gone` paths (410), sorted.

    All paths start with `/` at the journal's root, wherever the journal itself lives.
    """
    document = {"gone": sorted(gone), "redirects": dict(sorted(redirects.items()))}
    return (json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()
