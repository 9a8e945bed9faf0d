"""DKIM signatures (RFC 6376, RFC 8301, RFC 8463): bytes in, header fields out.

The sender's domain vouches for what a reader sees: every header field of ours and the whole
body. With RSA and Ed25519 side by side a receiver checks the one it knows. Both are relaxed
in header and body, so a relay may fold lines or change white space; there is no `l=`, which
would let anybody append to a signed mail. The cryptography is read where a key is: every command
reads the settings, and few sign.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING

from publisher.errors import Defect

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

RSA_BITS = 2048
"""The least size of an RSA key; RFC 8301 §3.2 lets a signer go no lower than 1024."""

ALWAYS_ONE = frozenset(
    {b"from", b"to", b"subject", b"date", b"message-id", b"reply-to"}
    | {b"mime-version", b"content-type", b"list-id", b"list-unsubscribe", b"list-unsubscribe-post"}
)
"""Fields that are signed once more than they occur, so that none can be added (RFC 6376 §8.15).

Reply-To and the List fields are held closed even where a mail has none.
"""

NEVER = frozenset(
    {b"return-path", b"received", b"comments", b"keywords", b"bcc", b"resent-bcc"}
    | {b"dkim-signature", b"authentication-results"}
)
"""Fields that relays add, change or take out on the way (RFC 6376 §5.4)."""

_WIDTH = 72
_ROOM = "bh=" + "=" * 44
"""As wide as any hash, so that lines are folded once for all readers of an issue."""
_RUN = re.compile(rb"[ \t]+")


@dataclass(frozen=True, slots=True)
class Key:
    """A private key and the selector under which the DNS shows its public half."""

    selector: str
    private: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey = field(repr=False)

    @property
    def algorithm(self) -> str:
        """The `a=` of its signatures."""
        return f"{self._kind}-sha256"

    @property
    def _kind(self) -> str:
        from cryptography.hazmat.primitives.asymmetric import rsa

        return "rsa" if isinstance(self.private, rsa.RSAPrivateKey) else "ed25519"

    @property
    def public(self) -> str:
        """The `p=` of its record: base64 of SubjectPublicKeyInfo, or of the 32 bytes (RFC 8463)."""
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import rsa

        if isinstance(self.private, rsa.RSAPrivateKey):
            raw = self.private.public_key().public_bytes(
                serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
            )
        else:
            raw = self.private.public_key().public_bytes_raw()
        return base64.b64encode(raw).decode("ascii")

    @property
    def record(self) -> str:
        """The text of the TXT record at `SELECTOR._domainkey.DOMAIN`."""
        return f"v=DKIM1; k={self._kind}; p={self.public}"

    def sign(self, content: bytes) -> bytes:
        """The raw signature of the canonical header fields."""
        from cryptography.hazmat.primitives import hashes
        from cryptography.hazmat.primitives.asymmetric import padding, rsa

        if isinstance(self.private, rsa.RSAPrivateKey):
            return self.private.sign(content, padding.PKCS1v15(), hashes.SHA256())
        return self.private.sign(hashlib.sha256(content).digest())  # RFC 8463 §3


@dataclass(frozen=True, slots=True)
class Signer:
    """A domain that vouches for its mails, with one key for each algorithm."""

    domain: str
    keys: tuple[Key, ...]

    def fields(self, message: bytes, signed_at: datetime) -> bytes:
        """A DKIM-Signature for each key, each with its CRLF, to be put before `message`.

        `message` has CRLF lines. Equal values give equal bytes, so that a resend is the same
        mail. Raises Defect for a message without From.
        """
        return self._fields(message, _unfolded(_head(message)), signed_at)

    def _fields(
        self, message: bytes, found: list[tuple[bytes, bytes]], signed_at: datetime
    ) -> bytes:
        if all(name != b"from" for name, _ in found):
            raise Defect("a message without From cannot be signed")
        body = message[len(_head(message)) + 4 :]
        names = _signed_names(tuple(name for name, _ in found))
        content = _selected(found, names)
        tags = (
            f"t={int(signed_at.timestamp())}",
            f"h={':'.join(name.decode('ascii') for name in names)}",
            f"bh={base64.b64encode(hashlib.sha256(_body(body)).digest()).decode('ascii')}",
        )
        return b"".join(self._field(key, tags, content) for key in self.keys)

    def _field(self, key: Key, tags: Sequence[str], content: bytes) -> bytes:
        first = (
            "DKIM-Signature: v=1",
            f"a={key.algorithm}",
            "c=relaxed/relaxed",
            f"d={self.domain}",
        )
        lines = _folded((*first, f"s={key.selector}", *tags[:-1], _ROOM))
        lines = lines.replace(_ROOM, tags[-1])
        unsigned = f"{lines};\r\n b=".encode("ascii")
        # RFC 6376 §3.7: the field itself comes last, with an empty b= and without its CRLF.
        itself = b":".join(_unfolded(unsigned)[0])
        signature = base64.b64encode(key.sign(content + itself)).decode("ascii")
        cut = [signature[at : at + _WIDTH] for at in range(0, len(signature), _WIDTH)]
        return unsigned + "\r\n  ".join(cut).encode("ascii") + b"\r\n"


@dataclass(frozen=True, slots=True)
class Signers:
    """Who vouches for which sender: signers by domain, in lower case."""

    by_domain: Mapping[str, Signer] = field(default_factory=dict)

    def signed(self, message: bytes, signed_at: datetime) -> bytes:
        """`message` with the signatures of its From's domain, if that has a signer.

        Raises as `Signer.fields` does.
        """
        if not self.by_domain:
            return message
        found = _unfolded(_head(message))
        author = dict(found).get(b"from", b"")
        domain = author.rpartition(b"@")[2].rstrip(b">").decode("ascii", "replace").lower()
        signer = self.by_domain.get(domain)
        if signer is None:
            return message
        return signer._fields(message, found, signed_at) + message


UNSIGNED = Signers()
"""For a journal whose relay signs, or nobody."""


def rsa_key(pem: bytes, selector: str) -> Key:
    """An RSA key of at least 2048 bits. Raises ValueError with a sentence."""
    from cryptography.hazmat.primitives.asymmetric import rsa

    private = _private(pem)
    if not isinstance(private, rsa.RSAPrivateKey):
        raise ValueError("this is not an RSA key")  # noqa: TRY004 - it is the file that is wrong
    if private.key_size < RSA_BITS:
        raise ValueError(f"this RSA key has {private.key_size} bits: make one of {RSA_BITS}")
    return Key(selector, private)


def ed25519_key(pem: bytes, selector: str) -> Key:
    """An Ed25519 key. Raises ValueError with a sentence."""
    from cryptography.hazmat.primitives.asymmetric import ed25519

    private = _private(pem)
    if not isinstance(private, ed25519.Ed25519PrivateKey):
        raise ValueError("this is not an Ed25519 key")  # noqa: TRY004 - as above
    return Key(selector, private)


def _private(pem: bytes) -> object:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives import serialization

    try:
        return serialization.load_pem_private_key(pem, password=None)
    except TypeError:
        raise ValueError("this key is locked with a passphrase: store it without one") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("this is not a private key in PEM form") from None


def _head(message: bytes) -> bytes:
    return message[: message.index(b"\r\n\r\n")] if b"\r\n\r\n" in message else message


@lru_cache(maxsize=16)
def _signed_names(present: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """Names for `h=`: each as often as it occurs, and those of ALWAYS_ONE once more."""
    names = [name for name in present if name not in NEVER]
    return (*names, *sorted(ALWAYS_ONE))


def _selected(fields: Sequence[tuple[bytes, bytes]], names: Sequence[bytes]) -> bytes:
    """The canonical fields in the order of `names`, repeated ones from below (RFC 6376 §5.4.2)."""
    left: dict[bytes, list[bytes]] = {}
    for name, value in fields:
        left.setdefault(name, []).append(value)
    lines = [name + b":" + left[name].pop() + b"\r\n" for name in names if left.get(name)]
    return b"".join(lines)


def _unfolded(head: bytes) -> list[tuple[bytes, bytes]]:
    """(name, value) of each field in the relaxed form of RFC 6376 §3.4.2."""
    whole = re.sub(rb"\r\n(?=[ \t])", b"", head)
    fields: list[tuple[bytes, bytes]] = []
    for line in whole.split(b"\r\n"):
        name, colon, value = line.partition(b":")
        if colon:
            fields.append((name.strip(b" \t").lower(), _RUN.sub(b" ", value).strip(b" ")))
    return fields


def _body(body: bytes) -> bytes:
    """The relaxed form of RFC 6376 §3.4.4. Replaces, no expression: it is done for each reader."""
    body = body.replace(b"\t", b" ")
    while b"  " in body:
        body = body.replace(b"  ", b" ")
    body = (body + b"\r\n").replace(b" \r\n", b"\r\n")
    end = len(body)
    while body.endswith(b"\r\n", 0, end):
        end -= 2
    return body[: end + 2] if end else b""


@lru_cache(maxsize=64)
def _folded(tags: tuple[str, ...]) -> str:
    """Tags joined by `; `, on lines of at most 78 characters where they can be broken."""
    lines = [""]
    for word in re.findall(r"[^ :]+:?| ", "; ".join(tags)):
        if len(lines[-1]) + len(word) > _WIDTH and lines[-1]:
            lines.append("" if word == " " else word)
        else:
            lines[-1] += word
    return "\r\n ".join(line.rstrip(" ") for line in lines)
