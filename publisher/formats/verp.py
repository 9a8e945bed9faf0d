"""Envelope senders that say by themselves which message came back, and cannot be made up.

`bounces+CODE@example.org`: CODE is the message's kind and id under AES-SIV (RFC 5297), in
base32. It is deterministic (a resend has the same), authenticated (BATV's aim: whoever did not
get the mail cannot forge its bounce) and hides the id, so that nobody can count our readers.
Base32, because some servers change the case of what stands before the @.

The cryptography is read with the first code: every command that opens a journal comes by here, and
it takes 6 MB.
"""

from __future__ import annotations

import re
from base64 import b32decode, b32encode
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from publisher.domain.delivery import OutboxKind
from publisher.errors import Defect, SettingsError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

LONGEST_LOCAL = 24
"""Characters before the delimiter: with the code they fill the 64 of RFC 5321 §4.5.3.1.1."""

_KINDS = {OutboxKind.DELIVERY: b"d", OutboxKind.NOTICE: b"n"}
_CODE = re.compile(r"[a-z2-7]{39}", re.ASCII)
_LETTERS = {letter: kind for kind, letter in _KINDS.items()}


@dataclass(frozen=True, slots=True)
class Verp:
    """`keys` as for tokens, the first signs; `address` is the mailbox that bounces go to."""

    keys: Sequence[tuple[str, bytes]]
    address: str
    delimiter: str = "+"

    def __post_init__(self) -> None:
        """Raise SettingsError for what would fail with the first message."""
        local = self.address.rpartition("@")[0]
        if len(local) > LONGEST_LOCAL or not self.address.isascii():
            raise SettingsError(
                f"bounce_address: signed bounce addresses leave room for {LONGEST_LOCAL} plain "
                "ASCII characters before the @; choose a shorter one, or set bounces.signed = false"
            )
        if not self.keys:
            raise SettingsError("there is no signing key; set `keys` so that bounces can be signed")

    def sender(self, kind: OutboxKind, number: int) -> str:
        """The envelope sender of one message, the same each time until the key changes."""
        local, _, domain = self.address.rpartition("@")
        return f"{local}{self.delimiter}{self._code(kind, number)}@{domain}"

    def read(self, address: str) -> tuple[OutboxKind, int] | None:
        """Kind and id of the message whose envelope sender this is; None unless we signed it."""
        local, _, domain = address.strip().strip("<>").lower().rpartition("@")
        ours, _, home = self.address.lower().rpartition("@")
        before = f"{ours}{self.delimiter}"
        if domain != home or not local.startswith(before):
            return None
        return self._decode(local.removeprefix(before))

    def belongs(self, address: str) -> bool:
        """Whether mail to this address is for the bounce mailbox, signed or not."""
        local, _, domain = address.lower().rpartition("@")
        ours, _, home = self.address.lower().rpartition("@")
        return domain == home and (local == ours or local.startswith(f"{ours}{self.delimiter}"))

    def _code(self, kind: OutboxKind, number: int) -> str:
        if not 0 <= number < 2**56:
            raise Defect("an id does not fit its bounce address")
        sealed = _cipher(self.keys[0][1]).encrypt(_KINDS[kind] + number.to_bytes(7, "big"), None)
        return b32encode(sealed).rstrip(b"=").decode("ascii").lower()

    def _decode(self, code: str) -> tuple[OutboxKind, int] | None:
        if not _CODE.fullmatch(code):
            return None
        sealed = b32decode(code.upper() + "=")
        if b32encode(sealed).rstrip(b"=").decode().lower() != code:
            return None  # the last letter has bits to spare: only one spelling is ours
        from cryptography.exceptions import InvalidTag

        for _, secret in self.keys:
            try:
                opened = _cipher(secret).decrypt(sealed, None)
            except InvalidTag:
                continue
            return _LETTERS[opened[:1]], int.from_bytes(opened[1:], "big")
        return None


@lru_cache(maxsize=16)
def _cipher(secret: bytes) -> AESSIV:
    """A key of its own, so that no other use of the secret can open or make these codes."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    derived = HKDF(hashes.SHA256(), 32, salt=None, info=b"publisher verp").derive(secret)
    return AESSIV(derived)
