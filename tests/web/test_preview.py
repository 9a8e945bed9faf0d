"""The preview over HTTP: what it shows, what it refuses, and that it changes nothing."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from publisher.app import open_app, plan_slot
from publisher.domain.issue import IssueState
from publisher.domain.journal import Approval
from publisher.errors import SettingsError, StoreError
from publisher.plan import pick
from publisher.settings import Settings
from publisher.stores import open_store
from publisher.web.preview import Desk, Preview
from tests.journeys.running import journal_in, settings, write
from tests.web.conftest import TestClient

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
FRIDAY = datetime(2026, 11, 20, 7, 0, tzinfo=UTC)
PORT = 4711
HOST = f"127.0.0.1:{PORT}"
WEEKLY = "issue/weekly/weekly/0"


class Looked:
    """A preview of a small journal, and a browser before it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.broken: SettingsError | None = None
        self.desk = Desk(self.load, lambda: NOW)
        self.preview = Preview(self.desk, key="k", port=PORT, stop=threading.Event())
        self.client = TestClient(self.preview.app(), base_url=f"http://{HOST}")

    def load(self) -> Settings:
        """The settings, or what is wrong with them."""
        if self.broken:
            raise self.broken
        return replace(settings(self.root), watermark=self.root / "watermark.json")

    def get(self, path: str, status: int = 200, headers: dict[str, str] | None = None) -> str:
        """The text of one answer."""
        answer = self.client.get(f"/k/{path}", headers=headers or {})
        assert answer.status_code == status, answer.text
        return str(answer.text)


@pytest.fixture
def looked(tmp_path: Path) -> Iterator[Looked]:
    """Two articles, two readers."""
    app = journal_in(tmp_path, datetime(2026, 11, 1, tzinfo=UTC))
    app.close()
    write(tmp_path, "sleep-well", FRIDAY, "Sleep well")
    write(tmp_path, "walk-more", FRIDAY - timedelta(hours=1), "Walk more")
    made = Looked(tmp_path)
    yield made
    made.desk.close()


def everything(root: Path) -> dict[str, str]:
    """Every file of a folder, by its hash; the cache apart, which only saves work."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in root.rglob("*")
        # SQLite makes these two for whoever reads, and takes them away again.
        if path.is_file() and "cache" not in path.parts and not path.name.endswith(("-shm", "-wal"))
    }


def test_it_shows_the_next_issue_in_numbers(looked: Looked) -> None:
    """Subject, preheader, slot, recipients, duration and size stand on the first page."""
    front = looked.client.get("/k/")
    assert front.url.path == f"/k/{WEEKLY}"
    for words in (
        "Sleep well, and 1 more",
        "Tuesday 24 November 2026, 09:00",
        "not planned yet",
        "2 people",
        "less than a minute",
        "KB of HTML",
    ):
        assert words in front.text, words


def test_every_view_stands_side_by_side(looked: Looked) -> None:
    """Each kind of screen in a frame of its own; text, source, headers and links beside them."""
    page = looked.get(WEEKLY)
    for name in ("desktop", "phone", "dark", "images-off", "no-sheet", "no-css"):
        assert f'src="/k/frame/{name}/{WEEKLY}?v=1"' in page
        assert "Sleep well" in looked.get(f"frame/{name}/{WEEKLY}")
    assert "@media all" in looked.get(f"frame/dark/{WEEKLY}")
    assert "<style" not in looked.get(f"frame/no-css/{WEEKLY}")
    assert "In this issue" not in page.split("pane-text")[0]
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in page
    assert "To: reader@example.org" in page
    looked.get(f"frame/braille/{WEEKLY}", 404)


def test_an_article_is_shown_as_mail_as_page_and_as_file(looked: Looked) -> None:
    """A draft too, before anybody else can see it; its page stands in the site of the preview."""
    path = write(looked.root, "half-done", FRIDAY, "Half done")
    path.write_text(path.read_text().replace("category:", "draft: true\ncategory:"))
    page = looked.get("article/half-done")
    assert "draft" in page
    assert "title: &#34;Half done&#34;" in page
    assert "<h1>Half done</h1>" in looked.get("site/articles/half-done/")
    assert "Half done" in looked.get("frame/phone/article/half-done")
    assert "/k/site/assets/style.css" in looked.get("site/")
    assert "font" in looked.get("site/assets/style.css")
    looked.get("site/articles/nowhere/", 404)
    assert "There is no such article" in looked.get("article/nowhere", 404)
    gone = "withdrawn: {date: 2026-11-23, reason: The trial was retracted.}\ncategory:"
    path.write_text(path.read_text().replace("draft: true\ncategory:", gone))
    page = looked.get("article/half-done")
    assert "The trial was retracted." in looked.get("frame/phone/article/half-done")
    assert "edition-" not in page


def test_nothing_is_written(looked: Looked) -> None:
    """Whatever is looked at, the journal's folder is as it was; the store cannot be changed."""
    before = everything(looked.root)
    for path in (WEEKLY, "article/walk-more", f"frame/dark/{WEEKLY}", "site/", "site/feed.xml"):
        looked.get(path)
    looked.preview.look()
    assert everything(looked.root) == before
    url = f"sqlite:///{looked.root / 'store.db'}"
    store = open_store(url, only_read=True)
    with pytest.raises(StoreError):
        store.sightings.add({"tag:x": NOW})
    store.close()


def test_a_journal_without_a_store_gets_none(tmp_path: Path) -> None:
    """Before the first reader there is no store; looking makes none, and uses one once it comes."""
    for name in ("content", "config"):
        (tmp_path / name).mkdir()
    (tmp_path / "config/publisher.toml").touch()
    write(tmp_path, "sleep-well", FRIDAY, "Sleep well")
    before = everything(tmp_path)
    looked = Looked(tmp_path)
    page = looked.get(WEEKLY)
    assert "0 people" in page
    assert "There is no store yet" in page
    assert everything(tmp_path) == before
    journal_in(tmp_path, datetime(2026, 11, 1, tzinfo=UTC)).close()
    assert "2 people" in looked.get(WEEKLY)
    looked.desk.close()


def test_only_this_machine_is_answered(looked: Looked) -> None:
    """Another name, another site's page, a wrong key or another method get nothing."""
    for host in ("evil.example.org", f"evil.example.org:{PORT}", "127.0.0.1", "127.0.0.1:80", ""):
        assert "this machine alone" in looked.get(WEEKLY, 421, {"host": host})
    looked.get(WEEKLY, headers={"host": f"localhost:{PORT}"})
    for origin in ("cross-site", "same-site"):
        assert "Sleep" not in looked.get(WEEKLY, 403, {"sec-fetch-site": origin})
    looked.get(WEEKLY, headers={"sec-fetch-site": "same-origin"})
    assert looked.client.get(f"/{WEEKLY}").status_code == 404
    assert looked.client.get(f"/other/{WEEKLY}").status_code == 404
    assert looked.client.post(f"/k/{WEEKLY}").status_code == 405


def test_frames_can_do_nothing_and_the_page_only_its_own(looked: Looked) -> None:
    """No script in a frame, none from elsewhere on the page, no frame around either."""
    page = looked.client.get(f"/k/{WEEKLY}").headers
    assert "script-src 'self'" in page["content-security-policy"]
    assert "frame-ancestors 'none'" in page["content-security-policy"]
    assert page["cross-origin-resource-policy"] == "same-origin"
    for path in (f"frame/desktop/{WEEKLY}", "site/"):
        policy = looked.client.get(f"/k/{path}").headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "sandbox allow-same-origin" in policy
        assert "script" not in policy
    assert 'sandbox="allow-same-origin"' in looked.get(WEEKLY)
    assert "http://" not in looked.get("page.js") + looked.get("page.css")


def test_the_unsubscribe_link_is_inert(looked: Looked) -> None:
    """No link of a frame acts for anybody, and none is signed."""
    assert "/u/" not in looked.get(f"frame/desktop/{WEEKLY}")
    assert "/u/TOKEN" in looked.get(WEEKLY)  # as the headers have it


def test_a_broken_article_is_shown_with_its_line(looked: Looked) -> None:
    """The file, the line and the remedy stand on the page, beside the line; the rest goes on."""
    path = looked.root / "content/walk-more.md"
    path.write_text(path.read_text().replace("category: sleep", "category: wlaking"))
    page = looked.get(WEEKLY)
    assert "content/walk-more.md" in page
    assert "1 error" in page
    assert "1 file cannot be read, so what is in it is missing here" in page
    shown = looked.get("file/content/walk-more.md")
    line = path.read_text().splitlines().index("category: wlaking") + 1
    place = shown.split(f'id="line-{line}"')[1].split(f'id="line-{line + 1}"')[0]
    assert "unknown-category" in place
    assert "Error:" in place
    assert "Nothing is wrong" in looked.get("file/content/sleep-well.md", 404)
    looked.get("file/../../etc/passwd", 404)


def test_a_broken_template_is_shown_with_its_line(looked: Looked) -> None:
    """The preview outlives it, says where it is, and shows the mail again once it is mended."""
    own = looked.root / "templates/email/_foot.mjml"
    own.parent.mkdir(parents=True)
    own.write_text("<mj-section>\n{{ nonsense }}\n</mj-section>")
    page = looked.get(WEEKLY)
    assert f"{own}:2" in page
    assert "nonsense" in page
    assert looked.get(f"frame/desktop/{WEEKLY}") == ""
    own.write_bytes(b"\xff")
    assert "not UTF-8" in looked.get(WEEKLY)
    own.unlink()
    assert "Unsubscribe" in looked.get(f"frame/desktop/{WEEKLY}")
    page_template = looked.root / "templates/site/article.html"
    page_template.parent.mkdir(parents=True)
    page_template.write_text("{% if %}")
    assert f"{page_template}:1" in looked.get("site/articles/sleep-well/")


def test_broken_settings_leave_the_last_good_ones(looked: Looked) -> None:
    """What is wrong stands on the page; once it is mended it is gone."""
    config = looked.root / "config/publisher.toml"
    looked.broken = SettingsError("config/publisher.toml:3: journal.title: write one", ())
    config.write_text("x")
    page = looked.get(WEEKLY)
    assert "config/publisher.toml:3" in page
    assert "Sleep well" in page
    looked.broken = None
    config.write_text("xy")
    assert "publisher.toml:3" not in looked.get(WEEKLY)


def test_each_finding_stands_where_it_belongs(looked: Looked) -> None:
    """An advertiser's word beside its article; a subject that shouts beside the subject."""
    path = looked.root / "content/sleep-well.md"
    path.write_text(
        path.read_text()
        .replace("Sleep well", "SLEEP WELL TONIGHT PLEASE!!")
        .replace("in one sentence.", "in one sentence and one miracle.")
    )
    page = looked.get(WEEKLY)
    subject = page.split('aria-label="About the subject"')[1].split("</ul>")[0]
    assert "shouts" in subject
    beside = page.split("data-margin")[1].split("</ul>")[0]
    assert "edition-marketing" in beside
    assert 'data-href="https://journal.example.org/articles/sleep-well/"' in beside


def test_a_planned_issue_is_shown_as_it_was_frozen(looked: Looked) -> None:
    """What would be sent, not what the files say by now; the difference is named."""
    app = open_app(settings(looked.root))
    newsletter = replace(app.journal.newsletters[0], approval=Approval.REQUIRED)
    cadence, slot = pick(app.journal, newsletter, (), NOW, app.settings.cutoff)
    issue = plan_slot(app, newsletter, cadence, slot, NOW, nonce=lambda: "00" * 16)
    assert issue.state is IssueState.DRAFT
    app.close()
    write(looked.root, "walk-more", FRIDAY - timedelta(hours=1), "Walk even more")
    page = looked.get(WEEKLY)
    assert "publisher issue approve weekly/1" in page
    assert "Changed since, and not in it: Walk even more." in page
    frame = looked.get(f"frame/desktop/{WEEKLY}")
    assert "Walk more" in frame
    assert "Walk even more" not in frame


def test_a_page_learns_of_a_change(looked: Looked) -> None:
    """The version grows with the files and with the store, and not by itself."""
    looked.preview.look()
    assert looked.preview.version == 1
    write(looked.root, "new", FRIDAY, "New")
    looked.preview.look()
    assert looked.preview.version == 2
