"""Addresses of people who were forgotten, as keyed hashes: known when they come again, never read.

An address is too short a secret for a plain hash: whoever has the list could try all addresses.
With a key kept apart from the list, they cannot. Each hash names its key, so that a new key
makes none of the old ones void.
"""

from __future__ import annotations

import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from publisher.errors import SettingsError

MARK = "~"
"""What a hash begins with, and no address does: `~KEYID:HEX`."""


@dataclass(frozen=True, slots=True)
class Pepper:
    """`keys` are (key id, secret), the first for new hashes; the others still recognise."""

    keys: Sequence[tuple[str, bytes]] = ()

    def hashed(self, key: str) -> str:
        """The hash of an address as compared. Raises SettingsError without a key."""
        if not self.keys:
            raise SettingsError(
                "forgetting needs a key of its own, so that the address is known no more and yet "
                "never mailed again: openssl rand -hex 32 > var/suppression.key"
            )
        return _hash(*self.keys[0], key)

    def unknown(self, forms: Iterable[str]) -> frozenset[str]:
        """Ids of keys that hashes among `forms` were made with and that are not here."""
        named = {form[len(MARK) :].partition(":")[0] for form in forms if form.startswith(MARK)}
        return frozenset(named.difference(key_id for key_id, _ in self.keys))

    def forms(self, key: str) -> tuple[str, ...]:
        """Every form under which an address may be on the list of suppressions."""
        return (key, *(_hash(key_id, secret, key) for key_id, secret in self.keys))


def _hash(key_id: str, secret: bytes, key: str) -> str:
    digest = hmac.digest(secret, b"publisher suppression\0" + key.encode(), "sha256")
    return f"{MARK}{key_id}:{digest.hex()}"
