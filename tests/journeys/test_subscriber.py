"""A reader's whole life, in a real browser and over real SMTP: subscribe, mail, confirm, choose,
digest, one click, gone. On a phone and at a desk, light and dark, every page clean for axe.
"""

from __future__ import annotations

import itertools
import random
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Literal

import httpx
import pytest
import uvicorn
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page

from publisher.app import App, drain, open_app
from publisher.cli.inbox import Inbox, receiving
from publisher.domain.cadence import parse
from publisher.domain.journal import Welcome
from publisher.scheduler import tick
from publisher.web import create
from tests.factories import newsletter
from tests.journeys.running import settings, write
from tests.journeys.test_tick import MONDAY, TUESDAY
from tests.web.conftest import Clock

pytestmark = pytest.mark.browser

NUMBERS = itertools.count()

WEEKLY = newsletter(
    cadences=(parse("weekly on Tuesday at 09:00"), parse("monthly on the 1st at 09:00")),
    welcome=Welcome.MAIL,
)
ALERTS = newsletter(
    slug="alerts",
    list_id="alerts.journal.example.org",
    title="Alerts",
    description="At once.",
    cadences=(parse("each article"),),
)


@dataclass(slots=True)
class Town:
    """A journal that runs, the mailbox of everybody in the world, and a clock."""

    app: App
    url: str
    inbox: Inbox
    clock: Clock

    def send(self) -> list[EmailMessage]:
        """Drain the outbox; what arrived by it."""
        before = len(self.inbox.files)
        drain(
            self.app,
            clock=self.clock,
            jitter=random.random,
            worker=f"worker-{next(NUMBERS)}",
            stop=threading.Event(),
        )
        return [_read(path) for path in self.inbox.files[before:]]

    def tick(self) -> None:
        tick(self.app, self.clock(), nonce=lambda: f"{next(NUMBERS):032x}")

    def states(self) -> dict[str, str]:
        found = self.app.store.subscribers.by_address("zoe@example.org")
        return {each.newsletter: each.state.value for each in found}


def _read(path: Path) -> EmailMessage:
    found = message_from_bytes(path.read_bytes(), policy=policy.default)
    assert isinstance(found, EmailMessage)
    return found


def link(mail: EmailMessage, page: str) -> str:
    """The link to a page, as the text part has it; the HTML part has the same."""
    parts = [mail.get_body((kind,)) for kind in ("plain", "html")]
    texts = [part.get_content() for part in parts if isinstance(part, EmailMessage)]
    (found,) = set(re.findall(rf"http://127\.0\.0\.1:\d+/{page}/[\w.-]+", texts[0]))
    assert f'href="{found}"' in texts[1]
    return str(found)


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    """From Monday on, with one article."""
    clock = Clock()
    clock.now = MONDAY
    with (
        receiving(tmp_path / "inbox") as (inbox, port),
        socket.create_server(("127.0.0.1", 0)) as on,
    ):
        url = f"http://127.0.0.1:{on.getsockname()[1]}"
        (tmp_path / "config").mkdir()
        (tmp_path / "config/publisher.toml").touch()
        write(tmp_path, "sleep", MONDAY - timedelta(days=1))
        base = settings(tmp_path, smtp_port=port)
        home = replace(base.journal, url=url, app_url=url, newsletters=(WEEKLY, ALERTS))
        app = open_app(replace(base, journal=home))
        app.store.migrate(MONDAY - timedelta(days=4))
        config = uvicorn.Config(
            create(app, clock, 0), log_config=None, access_log=False, lifespan="off"
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [on]})
        thread.start()
        try:
            yield Town(app, url, inbox, clock)
        finally:
            server.should_exit = True
            thread.join()
            app.close()


@contextmanager
def visitor(
    browser: Browser, width: int, scheme: Literal["light", "dark"], scripts: bool
) -> Iterator[Page]:
    """A reader's browser, in Tokyo; whatever it complains about fails the test."""
    context = browser.new_context(
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
        timezone_id="Asia/Tokyo",
        java_script_enabled=scripts,
    )
    complaints: list[str] = []
    page = context.new_page()

    def note(message: ConsoleMessage) -> None:
        # Not the answers 404 (there is no icon) and 422 (what we wanted to see).
        if message.type == "error" and "Failed to load resource" not in message.text:
            complaints.append(message.text)

    page.on("console", note)
    yield page
    assert complaints == []
    assert context.cookies() == []
    context.close()


def look(page: Page, width: int) -> None:
    """Nothing is wrong for axe, and nothing is wider than the screen."""
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    found = Axe().run(page).response
    assert [(each["id"], each["nodes"][0]["html"][:100]) for each in found["violations"]] == []


@pytest.mark.parametrize(
    ("width", "scheme"), [(375, "light"), (1280, "dark"), (1280, "light"), (375, "dark")]
)
def test_a_readers_life(
    browser: Browser, town: Town, width: int, scheme: Literal["light", "dark"]
) -> None:
    """Every step as a person takes it; what the machine does between is the real thing."""
    with visitor(browser, width, scheme, scripts=True) as page:
        page.goto(f"{town.url}/subscribe")
        assert page.get_by_label("Time zone").input_value() == "Asia/Tokyo"  # guessed
        look(page, width)
        page.get_by_role("button", name="Subscribe").click()
        assert page.locator(".problem").count() == 3
        look(page, width)
        page.get_by_label("Your email address").fill("zoe@example.org")
        page.get_by_label("Send me The Weekly Digest").check()
        page.get_by_role("group", name="The Weekly Digest").get_by_label("Cancer").first.uncheck()
        page.get_by_role("button", name="Subscribe").click()
        assert page.get_by_role("heading").inner_text() == "Please look into your mail"
        look(page, width)
        assert town.states() == {"weekly": "pending"}

        (mail,) = town.send()
        assert (mail["To"], mail["Auto-Submitted"]) == ("zoe@example.org", "auto-generated")
        page.goto(link(mail, "confirm"))
        look(page, width)
        page.get_by_role("button", name="Yes, send it to me").click()
        assert page.get_by_role("heading").inner_text() == "You are subscribed"
        look(page, width)
        (welcome,) = town.send()
        assert welcome["Subject"] == "Welcome"

        page.goto(link(welcome, "preferences"))
        assert "zoe@example.org" not in page.content()
        assert page.get_by_label("Time zone").input_value() == "Asia/Tokyo"
        assert not page.get_by_label("Cancer").first.is_checked()
        look(page, width)
        page.get_by_label("How often").select_option("weekly")
        page.get_by_label("Send me Alerts").check()
        page.get_by_role("button", name="Save").click()
        assert "Saved." in page.get_by_role("status").inner_text()
        assert "tick it again tomorrow" in page.get_by_role("status").inner_text()
        look(page, width)
        # The first mail to this address today has gone; nothing but tomorrow brings another.
        assert town.send() == []

        town.clock.now = TUESDAY
        town.tick()
        (digest,) = (each for each in town.send() if "List-Id" in each)
        assert digest["Subject"] == "On sleep"
        assert link(digest, "preferences") != link(welcome, "preferences")
        page.goto(link(digest, "preferences"))
        assert page.get_by_role("heading").first.inner_text() == "What you get from us"

        leave = re.fullmatch(r"<([^>]+)>", digest["List-Unsubscribe"])
        assert leave is not None
        assert digest["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        answer = httpx.post(leave[1], data={"List-Unsubscribe": "One-Click"})
        assert (answer.status_code, answer.headers.get("set-cookie")) == (200, None)
        assert town.states()["weekly"] == "unsubscribed"
        page.goto(leave[1])
        assert page.get_by_role("heading").inner_text() == "You are unsubscribed"
        look(page, width)
        page.get_by_label("Would you tell us why").select_option("It comes too often")
        page.get_by_role("button", name="Tell us").click()
        assert "Thank you" in page.get_by_role("status").inner_text()
        look(page, width)

        write(town.app.settings.root, "dreams", TUESDAY + timedelta(days=1))
        town.clock.now = TUESDAY + timedelta(days=7)
        town.tick()
        assert [each["To"] for each in town.send() if "List-Id" in each] == []  # gone
        (found,) = [
            each
            for each in town.app.store.subscribers.by_address("zoe@example.org")
            if each.newsletter == "weekly"
        ]
        assert found.reason == "It comes too often"


def test_without_a_script(browser: Browser, town: Town) -> None:
    """Plain forms: the zone is the journal's until somebody chooses another."""
    with visitor(browser, 375, "light", scripts=False) as page:
        page.goto(f"{town.url}/subscribe?newsletter=weekly")
        assert page.get_by_label("Time zone").input_value() == ""
        page.get_by_label("Your email address").fill("zoe@example.org")
        page.get_by_role("button", name="Subscribe").click()
        (mail,) = town.send()
        page.goto(link(mail, "confirm"))
        page.get_by_role("button", name="Yes, send it to me").click()
        page.get_by_role("link", name="See or change what you get").click()
        assert page.get_by_role("heading").first.inner_text() == "What you get from us"
        page.get_by_role("link", name="Unsubscribe").click()
        page.get_by_role("button", name="Unsubscribe").click()
        assert town.states() == {"weekly": "unsubscribed"}
        page.get_by_role("button", name="undo").click()
        assert town.states() == {"weekly": "confirmed"}


def test_scanners_and_one_click(town: Town) -> None:
    """What programs do with the links of a mail: GET and HEAD change nothing, POST acts once."""
    httpx.post(f"{town.url}/subscribe", data={"email": "zoe@example.org"})
    form = httpx.get(f"{town.url}/subscribe").text
    version = re.search(r'name="consent" value="(\w+)"', form)
    assert version is not None
    data = {"email": "zoe@example.org", "newsletter": ["weekly", "alerts"], "consent": version[1]}
    httpx.post(f"{town.url}/subscribe", data=data)
    (mail,) = town.send()
    confirm = link(mail, "confirm")

    def scanned(url: str) -> None:
        before = town.states()
        for method in ("GET", "HEAD", "OPTIONS", "GET"):
            answer = httpx.request(method, url)
            assert answer.status_code in (200, 405)
            assert "set-cookie" not in answer.headers
            assert "location" not in answer.headers
        assert town.states() == before

    scanned(confirm)
    assert httpx.post(confirm).status_code == 200
    assert set(town.states().values()) == {"confirmed"}
    town.clock.now = TUESDAY
    town.tick()
    (digest,) = [mail for mail in town.send() if mail["List-Id"] == "<weekly.journal.example.org>"]
    one_click = digest["List-Unsubscribe"].strip("<>")
    scanned(one_click)
    scanned(link(digest, "preferences"))
    bodies: tuple[dict[str, object], ...] = (
        {"data": {"List-Unsubscribe": "One-Click"}},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
        {"content": b""},
    )
    for body in bodies:
        answer = httpx.post(one_click, **body)  # type: ignore[arg-type]  # by keyword
        assert answer.status_code == 200
        assert answer.history == []
        assert not {"set-cookie", "location"} & set(answer.headers)
        assert town.states() == {"weekly": "unsubscribed", "alerts": "confirmed"}
    assert httpx.post(f"{one_click}/all").status_code == 200
    assert set(town.states().values()) == {"unsubscribed"}
