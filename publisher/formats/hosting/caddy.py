"""For Caddy 2: one file to import into a site block whose `root` is the built tree.

HEAD, ETags, ranges, conditions and the redirect to a folder's last slash are Caddy's own.
"""

from __future__ import annotations

import re

from publisher.formats import answers, mediatypes
from publisher.formats.hosting.rules import Rules

FILE = "_Caddyfile"

_HEAD = """\
# Made by `publisher build`; do not edit. Import it into the site block of the journal:
#
#     journal.example.org {{
#         root * /srv/www/public
#         import /srv/www/public/{file}
#     }}
#
# Caddy reads it when it starts: reload Caddy after pages have moved or were withdrawn.

encode {{
    gzip 6
    minimum_length {smallest}
    match {{
{compressed}
    }}
}}

route {{
    header Cache-Control {cache}
    header Vary "Accept-Encoding"
{security}

    @hidden {{
        path_regexp ^{hidden}/_|/\\.|//
        not path {base}/.well-known/*
    }}
    @others not method GET HEAD
    header @others Allow {methods}
    error @others 405
    error @hidden 404

{types}
"""
_TAIL = """
    file_server {{
        index index.html
    }}
}}

handle_errors {{
    header Cache-Control "no-cache"
    header -Link
    header Content-Type "text/html; charset=utf-8"
    @gone expression {{http.error.status_code}} == 410
    handle @gone {{
        file_server {{
            status 410
        }}
    }}
    @missing expression {{http.error.status_code}} == 404
    handle @missing {{
        rewrite * {missing}
        file_server {{
            status 404
        }}
    }}
    handle {{
        header Content-Type "text/plain; charset=utf-8"
        respond "{{http.error.status_code}} {{http.error.status_text}}"
    }}
}}
"""


def render(rules: Rules) -> dict[str, bytes]:
    """`_Caddyfile`."""
    kinds = dict.fromkeys((*mediatypes.TYPES.values(), *mediatypes.FEEDS.values()))
    texts = [kind.partition(";")[0] for kind in kinds if mediatypes.is_text(kind)]
    lines = []
    for number, address in enumerate(rules.versioned):
        path, _, version = address.partition("?v=")
        lines.append(
            f"@asset{number} {{\n        path {_text(path)}\n        query v={version}\n    }}"
        )
        lines.append(f"header @asset{number} Cache-Control {_text(answers.FOREVER)}")
    for feed in rules.feeds:
        kind = f"{feed.type}; charset=utf-8"
        lines.append(f"header {_text(feed.path)} Content-Type {_text(kind)}")
        lines.append(f"header {_text(feed.path)} Link {_text(feed.link)}")
    lines += [f"redir {_text(path)} {_text(to)} 308" for path, to in rules.redirects]
    lines += [f"error {_text(path)} 410" for path, _ in rules.gone]
    parts = [
        _HEAD.format(
            file=FILE,
            smallest=answers.SMALLEST,
            compressed="\n".join(f"        header Content-Type {text}*" for text in texts),
            cache=_text(rules.cache_control),
            security="\n".join(f"    header {n} {_text(v)}" for n, v in rules.security.items()),
            hidden=re.escape(rules.base),
            base=rules.base,
            methods=_text(answers.METHODS),
            types="\n".join(
                f"    @{ending[1:]} path *{ending}\n"
                f"    header @{ending[1:]} Content-Type {_text(kind)}"
                for ending, kind in mediatypes.TYPES.items()
            ),
        ),
        *(f"    {line}\n" for line in lines),
        _TAIL.format(missing=rules.missing),
    ]
    return {FILE: "".join(parts).encode()}


def _text(value: str) -> str:
    """A quoted value in which braces name no placeholder."""
    escaped = re.sub(r'(["\\{}])', r"\\\1", value)
    return f'"{escaped}"'
