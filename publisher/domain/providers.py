"""The large mailbox providers, and how carefully a new sender had better begin with each.

No provider publishes what it takes from whom: it depends on who sends. These are beginnings
that none of them is known to mind, far below what a well-known sender may do; back-off finds
the rest out. They hold where this machine, or a mail server of its own, talks to the providers
directly; a relay has its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rates:
    """What is sent to one provider, at most."""

    connections: int
    messages_per_connection: int
    per_minute: int
    per_hour: int


DIRECT: Mapping[str, Rates] = {
    "google": Rates(5, 50, 120, 3000),
    "microsoft": Rates(3, 20, 60, 1500),
    "yahoo": Rates(3, 20, 60, 1500),
    "apple": Rates(3, 30, 60, 1500),
    "gmx": Rates(3, 30, 60, 1500),
    "comcast": Rates(2, 30, 30, 600),
    "orange": Rates(2, 20, 30, 600),
    "qq": Rates(2, 10, 20, 300),
}

_DOMAINS: Mapping[str, tuple[str, ...]] = {
    "google": ("gmail.com", "googlemail.com"),
    "microsoft": (
        *("outlook.com", "outlook.de", "outlook.fr", "outlook.es", "outlook.it", "outlook.jp"),
        *("hotmail.com", "hotmail.co.uk", "hotmail.de", "hotmail.fr", "hotmail.es", "hotmail.it"),
        *("live.com", "live.co.uk", "live.de", "live.fr", "live.nl", "msn.com", "passport.com"),
    ),
    "yahoo": (
        *("yahoo.com", "yahoo.co.uk", "yahoo.de", "yahoo.fr", "yahoo.es", "yahoo.it", "yahoo.ca"),
        *("yahoo.com.br", "yahoo.co.in", "yahoo.in", "ymail.com", "rocketmail.com"),
        *("aol.com", "aol.co.uk", "aol.de", "aim.com", "verizon.net"),
    ),
    "apple": ("icloud.com", "me.com", "mac.com"),
    "gmx": ("gmx.de", "gmx.net", "gmx.at", "gmx.ch", "gmx.com", "web.de", "mail.com", "1und1.de"),
    "comcast": ("comcast.net", "xfinity.com"),
    "orange": ("orange.fr", "wanadoo.fr"),
    "qq": ("qq.com", "foxmail.com"),
}

PROVIDERS: Mapping[str, str] = {
    domain: provider for provider, domains in _DOMAINS.items() for domain in domains
}
"""Recipient domain → whose it is."""
