"""What the DNS says about our sending domain and our relay."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from dns import exception, resolver, reversename

from publisher.formats.dkim import Key

SECONDS = 5.0
"""How long one question may take, all tries together."""


class Verdict(StrEnum):
    """What came of looking."""

    WELL = "well"
    WRONG = "wrong"
    UNASKED = "unasked"


@dataclass(frozen=True, slots=True)
class Answer:
    """A verdict and the sentence that says why and how to mend it."""

    verdict: Verdict
    sentence: str


class NoNetwork(Exception):
    """No name server answered."""


def spf(domain: str) -> Answer:
    """Exactly one `v=spf1` record (RFC 7208 §4.5) for the domain that mails are sent from."""
    try:
        found = [text for text in _texts(domain) if text.lower().split(" ")[0] == "v=spf1"]
    except NoNetwork:
        return _unasked(domain)
    if len(found) == 1:
        return Answer(Verdict.WELL, f"{domain} says {found[0]}")
    if found:
        return Answer(
            Verdict.WRONG, f"{domain} has {len(found)} SPF records; receivers then trust none"
        )
    return Answer(
        Verdict.WRONG,
        f"{domain} has no SPF record: add a TXT record such as "
        '"v=spf1 include:YOUR-RELAY ~all" (your relay says what to include)',
    )


def dmarc(domain: str) -> Answer:
    """A `v=DMARC1` record at the domain or one above it (RFC 7489 §6.6.3)."""
    labels = domain.split(".")
    try:
        for start in range(max(1, len(labels) - 1)):
            name = "_dmarc." + ".".join(labels[start:])
            found = [text for text in _texts(name) if text.upper().startswith("V=DMARC1")]
            if found:
                return Answer(Verdict.WELL, f"{name} says {found[0]}")
    except NoNetwork:
        return _unasked(domain)
    return Answer(
        Verdict.WRONG,
        f'{domain} has no DMARC record: add a TXT record at _dmarc.{domain}, such as "v=DMARC1; '
        'p=none; rua=mailto:…", and tighten it later',
    )


def dkim(domain: str, key: Key) -> Answer:
    """The record that shows our key's public half (RFC 6376 §3.6.1)."""
    name = f"{key.selector}._domainkey.{domain}"
    try:
        found = _texts(name)
    except NoNetwork:
        return _unasked(name)
    shown = [re.sub(r"\s", "", text).split(";") for text in found]
    if len(found) == 1 and f"p={key.public}" in shown[0]:
        return Answer(Verdict.WELL, f"{name} shows the key that signs ({key.algorithm})")
    what = "has no record" if not found else "shows another key, or several records"
    return Answer(Verdict.WRONG, f'{name} {what}: publish one TXT record "{key.record}"')


def ptr(host: str) -> Answer:
    """The relay's addresses have names that lead back to them (RFC 1912 §2.1)."""
    try:
        addresses = _addresses(host)
        if not addresses:
            return Answer(Verdict.WRONG, f"{host} has no address in the DNS")
        nameless = [address for address in addresses if not _leads_back(address)]
    except NoNetwork:
        return _unasked(host)
    if any(ipaddress.ip_address(address).is_private for address in addresses):
        return Answer(
            Verdict.UNASKED, f"{host} is on a private network, which the DNS is not asked"
        )
    if nameless:
        return Answer(
            Verdict.WRONG,
            f"{', '.join(nameless)} ({host}) has no name that leads back to it: ask whoever runs "
            "that machine for a PTR record",
        )
    return Answer(Verdict.WELL, f"{host} has a name that leads back to it")


def _unasked(name: str) -> Answer:
    return Answer(Verdict.UNASKED, f"{name} could not be asked about: no name server answered")


def _texts(name: str) -> Sequence[str]:
    return [b"".join(record.strings).decode("utf-8", "replace") for record in _ask(name, "TXT")]


def _addresses(host: str) -> Sequence[str]:
    try:
        return [str(ipaddress.ip_address(host))]
    except ValueError:
        return [record.address for kind in ("A", "AAAA") for record in _ask(host, kind)]


def _leads_back(address: str) -> bool:
    names = [
        record.target.to_text(omit_final_dot=True)
        for record in _ask(reversename.from_address(address).to_text(), "PTR")
    ]
    return any(address in _addresses(name) for name in names)


def _ask(name: str, kind: str) -> Sequence[resolver.Answer]:
    """The records; none where the name has none. Raises NoNetwork."""
    try:
        return list(resolver.resolve(name, kind, lifetime=SECONDS))
    except (resolver.NXDOMAIN, resolver.NoAnswer):
        return []
    except (exception.DNSException, OSError) as error:
        raise NoNetwork(str(error)) from error
