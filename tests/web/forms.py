"""A journal with two newsletters, its forms, and the mails that they owe."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import select

from publisher.app import App, open_app
from publisher.domain.cadence import parse
from publisher.domain.journal import Journal, Welcome
from publisher.domain.notice import Notice
from publisher.settings_forms import Forms
from publisher.stores.sql import SqlStore
from publisher.stores.tables import notice
from tests.factories import newsletter
from tests.web.conftest import Clock, TestClient, settings

WEEKLY = newsletter(
    cadences=(parse("weekly on Tuesday at 09:00"), parse("monthly on the 1st at 09:00")),
    welcome=Welcome.ISSUE,
)
ALERTS = newsletter(
    slug="alerts",
    title="Alerts",
    description="Each article at once.",
    cadences=(parse("each article"),),
    topics=("sleep",),
)


def opened(
    root: Path,
    clock: Clock,
    forms: Forms | None = None,
    journal: Journal | None = None,
    **changes: Any,
) -> App:
    """A migrated App with both newsletters and nobody in it."""
    base = settings(root)
    (root / "content").mkdir(exist_ok=True)
    own = journal or replace(base.journal, newsletters=(WEEKLY, ALERTS), **changes)
    app = open_app(
        replace(base, journal=own, forms=forms or Forms(languages=("de",), posts_per_minute=999))
    )
    app.store.migrate(clock())
    return app


def notices(app: App) -> list[Notice]:
    """Every notice so far, the oldest first."""
    store = app.store
    assert isinstance(store, SqlStore)
    with store.database.read() as connection:
        ids = connection.scalars(select(notice.c.id).order_by(notice.c.id)).all()
    return [store.notices.get(each) for each in ids]


def link(mail: Notice, page: str) -> str:
    """The path of the link to a page in a mail; the same one in both of its parts."""
    (found,) = set(re.findall(rf"https://journal\.example\.org(/{page}/[^\s\"<]+)", mail.text))
    assert f"https://journal.example.org{found}" in mail.html
    return str(found)


def consent(client: TestClient) -> str:
    """The version of the words beside the button."""
    found = re.search(r'name="consent" value="([0-9a-f]{12})"', client.get("/subscribe").text)
    assert found is not None
    return found[1]


def ask(
    client: TestClient, email: str, newsletters: Sequence[str] = ("weekly",), **fields: Any
) -> Any:
    """Fill the form in and press the button."""
    data = {"consent": consent(client), "email": email, "newsletter": list(newsletters)}
    return client.post(
        "/subscribe", data=data | {k.replace("__", "-"): v for k, v in fields.items()}
    )


def words(html: str) -> str:
    """The text of a page, without its head."""
    body = html.partition("<body")[2]
    return " ".join(re.sub(r"<[^>]+>", " ", body.partition(">")[2]).split())
