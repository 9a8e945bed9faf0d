"""Where a request comes from, as much of it as is kept: a network, never one machine."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence
from ipaddress import ip_address, ip_network

from starlette.requests import Request

UNKNOWN = "unknown"
IPV4, IPV6 = 24, 48
"""Bits that are kept: what a provider gives to a street, or to one customer."""


def network(request: Request) -> str:
    """`192.0.2.0/24` or `2001:db8::/48`; `unknown` where the server was told no address."""
    host = request.client.host if request.client else ""
    try:
        address = ip_address(host)
    except ValueError:
        return UNKNOWN
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    return str(ip_network((address, IPV4 if address.version == 4 else IPV6), strict=False))


def kept(found: str, keys: Sequence[tuple[str, bytes]], *, hashed: bool) -> str:
    """As a consent keeps it. A hash has a key, for there are few networks to try."""
    if not hashed or not keys:
        return found
    digest = hmac.new(keys[0][1], b"publisher network\0" + found.encode(), hashlib.sha256)
    return digest.hexdigest()[:32]
