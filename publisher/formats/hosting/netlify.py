"""For Netlify and what reads its files (Cloudflare Pages among them): `_headers`, `_redirects`.

ETags, 304, compression and HEAD are the host's own. It knows no 410, so that a withdrawn page
answers 404 with its reason, and moved pages answer 301, the code its documentation names. It
takes no notice of queries, so versioned assets have the same Cache-Control as pages.
"""

from __future__ import annotations

from publisher.formats.hosting.rules import Rules

HEADERS = "_headers"
REDIRECTS = "_redirects"


def render(rules: Rules) -> dict[str, bytes]:
    """`_headers` and `_redirects`."""
    lines = ["# Made by `publisher build`; do not edit.", f"{rules.base}/*"]
    lines.append(f"  Cache-Control: {rules.cache_control}")
    lines += [f"  {name}: {value}" for name, value in rules.security.items()]
    for feed in rules.feeds:
        lines += [feed.path, f"  Content-Type: {feed.type}; charset=utf-8", f"  Link: {feed.link}"]
    moves = ["# Made by `publisher build`; do not edit."]
    moves += [f"{_word(path)} {_word(to)} 301!" for path, to in rules.redirects]
    moves += [f"{_word(path)} {_word(page or rules.missing)} 404!" for path, page in rules.gone]
    moves += [f"{_word(path)} {rules.missing} 404!" for path in rules.hidden]
    return {HEADERS: _joined(lines), REDIRECTS: _joined(moves)}


def _joined(lines: list[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()


def _word(value: str) -> str:
    """Words are parted by spaces there."""
    return value.replace(" ", "%20")
