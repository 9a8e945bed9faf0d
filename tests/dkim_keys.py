"""A sender domain's keys, and two verifiers that know nothing of our code."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import dkim as dkimpy
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from publisher.formats import dkim

DOMAIN = "journal.example.org"


def pem(private: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey, password: bytes = b"") -> bytes:
    return private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(password)
        if password
        else serialization.NoEncryption(),
    )


@lru_cache
def rsa_pem(bits: int = 2048) -> bytes:
    return pem(rsa.generate_private_key(65537, bits))


@lru_cache
def ed25519_pem() -> bytes:
    return pem(ed25519.Ed25519PrivateKey.generate())


@lru_cache
def signer() -> dkim.Signer:
    """Both algorithms, side by side."""
    keys = dkim.rsa_key(rsa_pem(), "s2026"), dkim.ed25519_key(ed25519_pem(), "s2026-ed")
    return dkim.Signer(DOMAIN, keys)


def zone() -> Mapping[str, str]:
    """The TXT records that the domain publishes."""
    return {f"{key.selector}._domainkey.{DOMAIN}": key.record for key in signer().keys}


def dkimpy_accepts(message: bytes) -> list[bool]:
    """What dkimpy says of each signature, from the top."""
    records = {f"{name}.".encode(): text.encode() for name, text in zone().items()}
    count = len(re.findall(rb"(?im)^dkim-signature:", message.partition(b"\r\n\r\n")[0]))

    def ask(name: bytes, timeout: int = 5) -> bytes | None:
        return records.get(name)

    verdicts = []
    for index in range(count):
        try:
            verdicts.append(dkimpy.DKIM(message, minkey=2048).verify(index, ask))
        except dkimpy.DKIMException:
            verdicts.append(False)
    return verdicts


def opendkim_accepts(program: str, messages: Sequence[bytes], folder: Path) -> list[list[str]]:
    """For each message, the algorithms whose signature OpenDKIM lets pass."""
    (folder / "zone").write_text("".join(f"{name} {text}\n" for name, text in zone().items()))
    (folder / "conf").write_text(f"Mode v\nTestPublicKeys {folder}/zone\n")
    names = []
    for number, message in enumerate(messages):
        names.append(folder / f"{number:03}.eml")
        names[-1].write_bytes(message)
    done = subprocess.run(
        [program, "-x", str(folder / "conf"), "-vv", "-t", ",".join(map(str, names))],
        capture_output=True,
        text=True,
        check=True,
    )
    results = re.findall(
        r"Authentication-Results' hvalue='(.*?)'$", done.stdout, re.MULTILINE | re.DOTALL
    )
    assert len(results) == len(messages), done.stdout + done.stderr
    return [re.findall(r"dkim=pass[^;]*header\.a=([\w-]+)", result) for result in results]
