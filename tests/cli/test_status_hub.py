"""`status` says which feeds a WebSub hub does not know of yet, and why."""

from datetime import UTC, datetime

from publisher import settings
from publisher.app import build_site, open_app, ping_hub
from tests.cli.conftest import SLOT, Journal
from tests.hubs import listening


def test_a_hub_that_fails_is_shown(journal: Journal) -> None:
    """Each feed with the hub's answer and when it is told again; nothing once it knows."""
    now = datetime.fromisoformat(SLOT).astimezone(UTC)
    with listening() as hub:
        hub.usual = 503
        journal.monkeypatch.setenv("PUBLISHER_FEEDS__HUB", hub.url)
        environ = {"PUBLISHER_FEEDS__HUB": hub.url}
        app = open_app(settings.load(None, environ, cwd=journal.root))
        app.store.migrate(now)
        build_site(app, now)
        ping_hub(app, now)
        app.close()
        shown = journal.run("status").stdout
        assert "The hub does not know yet of" in shown
        assert "/feed.xml: the hub answers 503; again Tuesday 24 November 2026, 09:05" in shown
        feeds = [each["feed"] for each in journal.json("status")["untold"]]
        assert "https://journal.example.org/atom.xml" in feeds
