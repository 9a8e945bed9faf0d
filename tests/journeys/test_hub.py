"""From a change of an article to the hub: only the feeds that it is in are announced."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from publisher.app import App, build_site, open_app, ping_hub, untold
from publisher.domain.journal import Journal
from publisher.errors import UsageError
from tests.factories import NOW
from tests.hubs import LocalHub, listening
from tests.web.conftest import settings

ARTICLE = """\
---
id: tag:journal.example.org,2026:a/{name}
title: {title}
slug: {name}
summary: What a trial of {name} found.
category: {category}
published: 2026-11-0{day}
key_takeaway: It is early.
sources:
  - key: one
    title: A trial
    kind: randomised trial
    year: 2020
    doi: 10.1056/NEJMoa1910607
---

## What was found

Little [@one].
"""


def write(root: Path, name: str, category: str, day: int, title: str = "A title") -> None:
    """An article of this category."""
    text = ARTICLE.format(name=name, category=category, title=title, day=day)
    (root / "content" / f"{name}.md").write_text(text)


@pytest.fixture
def hub() -> Iterator[LocalHub]:
    """A hub that accepts everything."""
    with listening() as found:
        yield found


@pytest.fixture
def app(tmp_path: Path, hub: LocalHub) -> Iterator[App]:
    """A journal with two articles in two categories, and the hub."""
    (tmp_path / "content").mkdir()
    given = settings(tmp_path)
    opened = open_app(replace(given, journal=replace(given.journal, hub=hub.url)))
    opened.store.migrate(NOW)
    first, second = (category.slug for category in opened.journal.categories[:2])
    write(tmp_path, "one", first, 1)
    write(tmp_path, "two", second, 2)
    yield opened
    opened.close()


def categories(journal: Journal) -> list[str]:
    """The slugs of the first two."""
    return [category.slug for category in journal.categories[:2]]


def test_only_changed_feeds_are_announced(app: App, hub: LocalHub, tmp_path: Path) -> None:
    """All at first, none after a build that changes none, then those of the changed article."""
    build_site(app, NOW)
    report = ping_hub(app, NOW)
    assert report is not None
    assert f"{app.journal.url}/feed.xml" in report.told
    assert set(hub.topics()) == set(report.told)
    build_site(app, NOW)
    ping_hub(app, NOW)
    assert hub.topics() == []
    first, second = categories(app.journal)
    write(tmp_path, "two", second, 2, "Another title")
    build_site(app, NOW)
    again = ping_hub(app, NOW)
    assert again is not None
    told = hub.topics()
    assert f"{app.journal.url}/atom.xml" in told
    assert not [topic for topic in told if f"/categories/{first}/" in topic]
    assert set(again.told) == set(told) < set(report.told) | set(told)


def test_a_failing_hub_is_shown(app: App, hub: LocalHub) -> None:
    """Until it knows, staff see which feed waits and why."""
    hub.usual = 503
    build_site(app, NOW)
    ping_hub(app, NOW)
    assert {each.reason for each in untold(app)} == {"the hub answers 503"}
    hub.usual = 202
    ping_hub(app, NOW + timedelta(minutes=6))
    assert untold(app) == ()


def test_without_a_hub_nothing_is_told(app: App, hub: LocalHub) -> None:
    """Nor is anything remembered."""
    alone = replace(app, settings=replace(app.settings, journal=replace(app.journal, hub=None)))
    build_site(alone, NOW)
    assert ping_hub(alone, NOW) is None
    assert untold(alone) == ()
    assert hub.topics() == []
    assert not (app.settings.root / "var" / "websub.json").exists()


def test_a_build_for_a_static_host(app: App) -> None:
    """Its configuration is built with the site, by request or by the settings, and not served."""
    plain = build_site(app, NOW)
    asked = build_site(app, NOW, headers="nginx")
    assert asked.files == plain.files + 1
    config = app.site.read("_nginx.conf")
    assert config is not None
    assert b'location = "/feed.xml"' in config
    publishing = replace(app.settings.publishing, headers="netlify")
    build_site(replace(app, settings=replace(app.settings, publishing=publishing)), NOW)
    assert app.site.read("_headers") is not None
    assert app.site.read("_nginx.conf") is None
    with pytest.raises(UsageError, match="nginx"):
        build_site(app, NOW, headers="apache")
    assert app.site.read("_headers") is not None
