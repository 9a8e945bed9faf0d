"""Limits and routes as people write them, and what is said of mistakes."""

from __future__ import annotations

import re
from datetime import date, time
from pathlib import Path

import pytest

from publisher.domain.limits import LimitPolicy, QuietHours
from publisher.domain.providers import DIRECT
from publisher.domain.route import Route
from publisher.settings import Settings
from tests.test_settings import MINIMAL, ROOT, journal, problems, read

SMTP = 'kind = "smtp"\nhost = "relay.example.org"\n'


def given(tmp_path: Path, more: str, text: str = MINIMAL, **environ: str) -> Settings:
    return read(journal(tmp_path, text + more), **environ)


def wrong(tmp_path: Path, more: str, text: str = MINIMAL) -> str:
    return "\n".join(problems(journal(tmp_path, text + more)))


def test_without_limits_nothing_is_limited(tmp_path: Path) -> None:
    """A plain transport, and files where there is none."""
    assert given(tmp_path / "a", "").transports["default"].limits.empty
    settings = given(tmp_path / "b", f"[transports.default]\n{SMTP}")
    assert settings.transports["default"].limits == LimitPolicy()
    assert settings.transports["default"].options == {"host": "relay.example.org"}
    assert settings.routes == {"default": Route("default", ("default",))}


def test_everything_that_can_be_limited(tmp_path: Path) -> None:
    """Each key arrives where it belongs; the environment may set one."""
    more = f"""
[transports.default]
{SMTP}
[transports.default.limits]
per_second = 10
per_minute = 200
per_hour = 5000
warm_up = [50, 100]
warm_up_from = 2026-12-01
quiet_hours = "22:00 - 7:00"
direct = true
[transports.default.limits.domains."example.org"]
connections = 2
messages_per_connection = 20
per_hour = 100
[transports.default.limits.domains.google]
per_day = 1000
[transports.default.limits.domains."*"]
per_minute = 60
"""
    settings = given(tmp_path, more, PUBLISHER_TRANSPORTS__DEFAULT__LIMITS__PER_DAY="40000")
    policy = settings.transports["default"].limits
    assert policy.total.per == (10, 200, 5000, 40000)
    assert policy.total.warm_up == (50, 100)
    assert policy.total.warm_up_from == date(2026, 12, 1)
    assert policy.total.quiet == QuietHours(time(22), time(7))
    assert policy.direct
    assert policy.limits("example.org").connections == 2
    assert policy.limits("example.org").messages_per_connection == 20
    assert policy.limits("example.org").per == (None, None, 100, None)
    assert policy.limits("google").per == (None, None, None, 1000)
    assert policy.limits("anything.test").per == (None, 60, None, None)


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ("per_hour = 0", "this must be greater than or equal to 1"),
        ("per_hour = 'many'", "this must be a whole number"),
        ("per_week = 5", "unknown setting; did you mean 'per_"),
        ("warm_up = [50]", "warm_up and warm_up_from go together"),
        ("warm_up_from = 2026-12-01", "warm_up and warm_up_from go together"),
        ("warm_up = [0]\nwarm_up_from = 2026-12-01", "greater than or equal to 1"),
        ('quiet_hours = "at night"', "write them as 22:00-07:00"),
        ('quiet_hours = "25:00-07:00"', "write them as 22:00-07:00"),
        ('quiet_hours = "07:00-07:00"', "nothing would ever be sent"),
        ("[transports.default.limits.domains.gogle]\nper_hour = 5", "did you mean 'google'?"),
        ('[transports.default.limits.domains."Gmail.com"]\nper_hour = 5', "in small letters"),
        ('[transports.default.limits.domains."x.org"]', "limit something: connections"),
        (
            '[transports.default.limits.domains."x.org"]\nconnections = 0',
            "greater than or equal to 1",
        ),
        ("[transports.default.limits.domains.gmail.com]\nper_hour = 5", "in quotation marks"),
    ],
)
def test_limits_that_cannot_be_meant(tmp_path: Path, limits: str, words: str) -> None:
    """Each with its file and key, and how to mend it."""
    found = wrong(tmp_path, f"[transports.default]\n{SMTP}[transports.default.limits]\n{limits}\n")
    assert words in found
    assert "config/publisher.toml:" in found
    assert "transports.default.limits" in found


TWO = f"[transports.main]\n{SMTP}[transports.backup]\n{SMTP}[transports.third]\n{SMTP}"


def test_a_newsletter_may_have_a_list(tmp_path: Path) -> None:
    """The first takes everything, the next steps in."""
    text = MINIMAL + 'transport = ["main", "backup"]\n'
    settings = given(tmp_path, TWO, text)
    assert settings.journal.newsletters[0].transport == "main+backup"
    assert settings.routes["main+backup"] == Route("main+backup", ("main", "backup"))
    assert settings.routes["third"] == Route("third", ("third",))


def test_a_route_has_shares_and_senders(tmp_path: Path) -> None:
    """A newsletter finds it by its name, or by its sender's address or domain."""
    more = f"""
[newsletters.other]
title = "Other"
description = "Other."
cadences = ["weekly on Monday at 09:00"]
[newsletters.other.sender]
address = "News@Other.example.org"
[newsletters.named]
title = "Named"
description = "Named."
cadences = ["weekly on Monday at 09:00"]
transport = "third"
{TWO}
[routes.default]
transports = ["main", "backup", "third"]
weights = {{ main = 3, backup = 1.5 }}
[routes.news]
transports = ["third", "main"]
senders = ["other.example.org"]
"""
    settings = given(tmp_path, more)
    names = {each.slug: each.transport for each in settings.journal.newsletters}
    assert names == {"weekly": "default", "other": "news", "named": "third"}
    shares = {"main": 3.0, "backup": 1.5}
    assert settings.routes["default"] == Route("default", ("main", "backup", "third"), shares)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('[routes.r]\ntransports = ["mian"]', "there is no [transports.mian]; did you mean 'main'"),
        ('[routes.r]\ntransports = ["main", "main"]', "'main' stands here twice"),
        ("[routes.r]\ntransports = []", "routes.r.transports"),
        ('[routes.main]\ntransports = ["main"]', "a transport is called 'main' too"),
        (
            '[routes.r]\ntransports = ["main"]\nweights = { backup = 1 }',
            "'backup' is none of this route's transports",
        ),
        ('[routes.r]\ntransports = ["main"]\nweights = { main = 0 }', "greater than 0"),
        (
            '[routes.r]\ntransports = ["main"]\nsenders = ["a.org"]\n[routes.s]\ntransports = ["main"]\nsenders = ["A.org"]',
            "'A.org' is a sender of [routes.r] already",
        ),
        (
            '[routes.r]\ntransports = ["main"]\nweight = 1',
            "unknown setting; did you mean 'weights'",
        ),
    ],
)
def test_routes_that_cannot_be_meant(tmp_path: Path, more: str, words: str) -> None:
    """Each with its file and key."""
    found = wrong(tmp_path, f"{TWO}{more}\n", MINIMAL + 'transport = "main"\n')
    assert words in found
    assert "config/publisher.toml:" in found


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('transport = "mian"', "newsletters.weekly.transport: there is no [transports.mian]"),
        ('transport = ["main", "bckup"]', "newsletters.weekly.transport[1]: there is no"),
        ('transport = ["main", "main"]', "name each transport once"),
        ("transport = []", "at least one"),
        ("", "newsletters.weekly: there is no [transports.default]"),
    ],
)
def test_transports_of_a_newsletter_that_are_not_there(
    tmp_path: Path, line: str, words: str
) -> None:
    """With the nearest name."""
    assert words in wrong(tmp_path, TWO, f"{MINIMAL}{line}\n")


def test_the_documented_limits_of_providers_are_the_shipped_ones() -> None:
    """The table of docs/settings.md says what the code does."""
    text = (ROOT / "docs/settings.md").read_text("utf-8")
    rows = re.findall(r"^\| ([a-z, ]+) \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|$", text, re.MULTILINE)
    documented = {
        name: tuple(int(number) for number in numbers)
        for names, *numbers in rows
        for name in names.split(", ")
    }
    shipped = {
        name: (
            each.connections,
            each.messages_per_connection,
            each.per_minute,
            each.per_hour,
        )
        for name, each in DIRECT.items()
    }
    assert documented == shipped
