"""What our own kinds of transport understand, apart from what sends.

So that `check` judges their options without reading a line of SMTP.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from enum import StrEnum

from publisher.formats import kinds
from publisher.formats.tables import Table, key, optional
from publisher.transports.chosen import read


class Security(StrEnum):
    """How the line is protected.

    OPPORTUNISTIC encrypts when the server offers it and checks no certificate, since it would
    go on in clear text anyway (RFC 7435); the others that encrypt always check it.
    """

    STARTTLS = "starttls"
    IMPLICIT = "implicit"
    OPPORTUNISTIC = "opportunistic"
    NONE = "none"


class SmtpOptions(Table):
    """Options of `kind = "smtp"`. Timeouts are seconds of silence (RFC 5321 §4.5.3.2)."""

    host = key(kinds.bounded(1, 300))
    port = key(kinds.port, 587)
    security = key(kinds.member(Security), Security.STARTTLS)
    username = optional(kinds.exact)
    password = optional(kinds.exact)
    access_token = optional(kinds.exact)
    oauth_file = optional(kinds.path)
    ca_file = optional(kinds.path)
    connections = key(kinds.whole(1, 64), 4)
    messages_per_connection = key(kinds.whole(1, 100_000_000), 100)
    pipelining = key(kinds.truth, True)
    chunking = key(kinds.truth, True)
    local_hostname = optional(
        kinds.written(
            r"^[A-Za-z0-9.:\[\]-]+$", "letters, digits and dots, or an address in brackets"
        )
    )
    connect_timeout = key(kinds.positive, 30.0)
    command_timeout = key(kinds.positive, 300.0)
    final_timeout = key(kinds.positive, 600.0)

    def check(self) -> None:
        """The login is whole and private. Raises ValueError."""
        secrets = (self.password, self.access_token, self.oauth_file)
        given = sum(secret is not None for secret in secrets)
        if given > 1:
            raise ValueError("set one of password, access_token and oauth_file")
        if (self.username is None) != (given == 0):
            raise ValueError(
                "username and password (or access_token, or oauth_file) go together: "
                "set both or neither"
            )
        if self.username is None:
            return
        if not (self.username + (self.password or "") + (self.access_token or "")).isascii():
            raise ValueError("username, password and access_token must be plain ASCII")
        if self.security in (Security.NONE, Security.OPPORTUNISTIC) and not _is_here(self.host):
            raise ValueError(
                f'security = "{self.security}" would show the password to the network: '
                'set security = "starttls" or "implicit"'
            )


class FolderOptions(Table):
    """`path`: the folder, made when it is missing. `connections`: how many may write at once."""

    path = key(kinds.path)
    connections = key(kinds.whole(1, 64), 1)


class MemoryOptions(Table):
    """`keep`: the newest messages that are kept."""

    connections = key(kinds.whole(1, 64), 1)
    keep = key(kinds.whole(1, 10_000_000), 10_000)


KINDS: Mapping[str, type[Table]] = {
    "smtp": SmtpOptions,
    "folder": FolderOptions,
    "memory": MemoryOptions,
}
"""By the names of their entry points."""


def judge(name: str, kind: str, options: Mapping[str, object]) -> None:
    """Raises SettingsError as connecting to this kind of ours would.

    A password may be missing: articles are checked where no mail is sent from, as without keys.
    """
    table = KINDS[kind]
    secrets = {"password", "access_token", "oauth_file"}
    if "username" in options and secrets & table.keys.keys() and not secrets & options.keys():
        options = {**options, "password": ""}
    read(table, name, options)


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
