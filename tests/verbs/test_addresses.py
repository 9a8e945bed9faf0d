"""Addresses: the quick way and the thorough one are of one mind."""

from __future__ import annotations

import string

from hypothesis import example, given
from hypothesis import strategies as st

from publisher.subscribe import BadAddress, addresses, normalise

LOCAL = st.text(
    st.sampled_from(string.ascii_letters + string.digits + ".+-_'!#$%&*/=?^`{|}~ \"(),:;<>@é"),
    max_size=70,
)
LABEL = st.text(st.sampled_from("abcxn-019_é."), min_size=0, max_size=66)
DOMAIN = st.lists(LABEL, min_size=1, max_size=5).map(".".join)
ENDS = st.sampled_from([".org", ".test", ".local", ".c0m", ".co", ".x", "", ".onion", ".ORG."])


def thorough(typed: str) -> tuple[str, str] | None:
    try:
        return addresses._normalise(typed.strip())
    except BadAddress:
        return None


def quick(typed: str) -> tuple[str, str] | None:
    try:
        return normalise(typed)
    except BadAddress as error:
        shown = str(error)
        assert "@" not in typed or len(typed.strip()) <= 5 or typed.strip() not in shown
        return None


@given(LOCAL, DOMAIN, ENDS)
@example("postmaster", "example", ".org")
@example("PostMaster", "example", ".org")
@example("a", "xn--bcher-kva.example", ".org")
@example("a", "ab--c.example", ".org")
@example("a", "a-.example", ".org")
@example("a", "-a.example", ".org")
@example("a", "a" * 63 + ".example", ".org")
@example("a", "a" * 64 + ".example", ".org")
@example("a", ".".join("a" * 50 for _ in range(4)), ".org")
@example("a..b", "example", ".org")
@example(".a", "example", ".org")
@example("a" * 64, "example", ".org")
@example("a" * 65, "example", ".org")
def test_the_quick_way_agrees_with_the_thorough_one(local: str, domain: str, end: str) -> None:
    """For any address, plain or not: the same answer, or a refusal by both."""
    typed = f"{local}@{domain}{end}"
    assert quick(typed) == thorough(typed)


@given(st.text(max_size=80))
def test_any_text_is_an_address_or_refused(typed: str) -> None:
    """What is taken is ASCII, has one line, and is its own normal form."""
    found = quick(typed)
    assert found == thorough(typed)
    if found is not None:
        written, key = found
        assert written.isascii()
        assert written.isprintable()
        assert normalise(written) == found
        assert key == written.lower()
