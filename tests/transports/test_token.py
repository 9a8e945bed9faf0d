"""Logging in with an access token (XOAUTH2), on a real socket under TLS."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from publisher.errors import SettingsError, TransportError, TransportUnavailable
from tests.transports import authority
from tests.transports.relay import Relay
from tests.transports.test_smtp import transport

OFFER = "250-relay\r\n250 AUTH PLAIN XOAUTH2"
USER = "post@journal.example.org"


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> authority.Authority:
    return authority.make(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def login(trusted: authority.Authority) -> Callable[..., list[str]]:
    def attempt(*answers: str, offer: str = OFFER, **options: Any) -> list[str]:
        with Relay({"AUTH": answers}, {"EHLO": offer}, context=trusted.context, implicit=True) as r:
            given = {"security": "implicit", "username": USER, **options}
            transport(r, ca_file=str(trusted.ca_file), **given).open().close()
        return r.commands

    return attempt


def test_the_token_is_sent_in_its_own_form(login: Callable[..., list[str]]) -> None:
    """One AUTH with user and bearer; the password mechanisms are not tried."""
    said = [one for one in login("235 welcome", access_token="t0k3n") if one.startswith("AUTH")]
    assert len(said) == 1
    mechanism, _, encoded = said[0].removeprefix("AUTH ").partition(" ")
    assert mechanism == "XOAUTH2"
    assert base64.b64decode(encoded) == f"user={USER}\x01auth=Bearer t0k3n\x01\x01".encode()


def test_the_file_is_read_at_each_login(login: Callable[..., list[str]], tmp_path: Path) -> None:
    """Tokens live for an hour: whoever renews the file need not tell us."""
    file = tmp_path / "token"
    seen = []
    for token in ("first", "second"):
        file.write_text(f"{token}\n")
        said = next(one for one in login("235 ok", oauth_file=str(file)) if one.startswith("AUTH"))
        seen.append(base64.b64decode(said.split()[-1]))
    assert [b"Bearer first\x01" in seen[0], b"Bearer second\x01" in seen[1]] == [True, True]


def test_a_token_that_is_refused_is_for_the_operator(login: Callable[..., list[str]]) -> None:
    """The refusal comes as a challenge that is answered empty; the token is not repeated."""
    challenge = "334 " + base64.b64encode(b'{"status":"400"}').decode()
    with pytest.raises(TransportError, match="access token") as caught:
        login(challenge, offer=OFFER, access_token="t0k3n")
    assert "t0k3n" not in str(caught.value)
    with pytest.raises(TransportUnavailable):
        login("454 4.7.0 not now", access_token="t0k3n")


@pytest.mark.parametrize("content", ["", "\n", "two\nlines", "nicht äscii"])
def test_a_file_without_a_token_is_named(
    login: Callable[..., list[str]], tmp_path: Path, content: str
) -> None:
    """Empty, several lines, or not ASCII: the operator is told which file and what to do."""
    file = tmp_path / "token"
    file.write_text(content)
    with pytest.raises(TransportError, match=r"oauth_file .*what renews it runs"):
        login(oauth_file=str(file))


def test_a_file_that_is_missing_is_named(login: Callable[..., list[str]], tmp_path: Path) -> None:
    """Likewise; by its option, since some write the token itself there."""
    with pytest.raises(TransportError, match="oauth_file names cannot be read") as caught:
        login(oauth_file=str(tmp_path / "t0k3n"))
    assert "t0k3n" not in str(caught.value)


def test_a_server_without_tokens_is_named(login: Callable[..., list[str]]) -> None:
    """It is not tried as a password instead."""
    with pytest.raises(TransportError, match="XOAUTH2"):
        login(offer="250-relay\r\n250 AUTH PLAIN", access_token="t0k3n")
    with pytest.raises(TransportError, match="offers no login"):
        login(offer="250 relay", access_token="t0k3n")


@pytest.mark.parametrize(
    "options",
    [
        {"password": "x", "access_token": "y"},
        {"access_token": "y", "oauth_file": "/z"},
        {"username": None, "access_token": "y"},
        {"access_token": "ü"},
    ],
)
def test_one_secret_and_whose_it_is(
    login: Callable[..., list[str]], options: dict[str, Any]
) -> None:
    """Two secrets, or one without a name, cannot be meant."""
    with pytest.raises(SettingsError, match="access_token"):
        login(**options)
