"""The demo and the doctor."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from publisher.cli import dns
from publisher.cli.dns import Verdict
from publisher.cli.inbox import view
from tests.cli.conftest import PUBLISHED, Journal


def test_the_demo_sends_a_real_digest_and_touches_nothing_else(journal: Journal) -> None:
    """Three mails over SMTP, their views, the archive page; no real store, no outbox."""
    shown = journal.json("demo", now=PUBLISHED)
    assert shown["rehearsed_at"] == "2026-11-24T09:00:00+00:00"
    assert shown["issue"]["counts"] == {"accepted": 3}
    assert len(shown["mails"]) == 3
    mails = [
        message_from_bytes(Path(p).read_bytes(), policy=policy.default) for p in shown["mails"]
    ]
    assert sorted(str(mail["To"]) for mail in mails) == [
        "Ada <ada@example.org>",
        "Brook <brook@example.org>",
        "Chen <chen@example.org>",
    ]
    assert mails[0]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    for path in (shown["pages"], shown["archive"], *shown["feeds"], *shown["views"]):
        assert Path(path).is_file(), path
    assert not (journal.root / "var/store.sqlite3").exists()
    assert not (journal.root / "var/outbox").exists()


@pytest.mark.browser
def test_a_mail_as_a_page_fits_a_phone(browser: Browser, tmp_path: Path) -> None:
    """Long links wrap, in the headers and in the text part."""
    made = EmailMessage()
    made["Subject"] = "Sleep"
    made["List-Unsubscribe"] = f"<https://journal.example.org/u/{'x' * 90}>"
    made.set_content(f"https://journal.example.org/u/{'y' * 90}")
    made.add_alternative("<p>Sleep</p>", subtype="html")
    file = tmp_path / "mail.html"
    file.write_text(view(made.as_bytes()), "utf-8")
    shown = browser.new_page(viewport={"width": 375, "height": 700})
    shown.goto(file.as_uri())
    assert shown.evaluate("document.documentElement.scrollWidth") <= 375
    shown.close()


def test_the_demo_keeps_an_embargo(journal: Journal) -> None:
    """It acts out an instant to come; what is scheduled until then stays off the real site."""
    article = (journal.root / "content/vitamin-d.md").read_text("utf-8")
    later = article.replace("id: ", "id: tag:journal.example.org,2026:a/later #", 1)
    published = next(line for line in later.splitlines() if line.startswith("published:"))
    later = later.replace(published, "published: 2026-11-22T09:00:00+00:00")
    (journal.root / "content/embargo.md").write_text(later, "utf-8")
    journal.run("build", now=PUBLISHED)
    before = sorted(journal.root.joinpath("public").resolve().rglob("*"))
    shown = journal.json("demo", now=PUBLISHED)
    assert Path(shown["pages"]).is_relative_to(journal.root / "var/demo/public")
    assert sorted(journal.root.joinpath("public").resolve().rglob("*")) == before
    assert not (journal.root / "public/articles/embargo").exists()
    assert not (journal.root / "public/issues/weekly/1").exists()


def test_the_demo_never_goes_stale(journal: Journal) -> None:
    """Years later it acts out the same digest, and does so again and again."""
    for _ in range(2):
        shown = journal.json("demo", now="2031-05-05T12:00+00:00")
        assert shown["rehearsed_at"] == "2026-11-24T09:00:00+00:00"
        assert len(shown["mails"]) == 3


def test_the_demo_makes_a_key_and_needs_no_relay(journal: Journal) -> None:
    """In a fresh clone, whose settings name a relay, a host and an approval."""
    (journal.root / "var/secret.key").unlink()
    journal.set('approval = "automatic"', 'approval = "required"')
    journal.set('kind = "folder"\npath = "var/outbox"', 'kind = "smtp"\nhost = "relay.example.org"')
    journal.set(
        "[categories.heart]",
        '[publishing]\ncommand = ["false"]\n\n[categories.heart]',
    )
    journal.set("language =", 'app_url = "https://app.example.org"\nlanguage =')
    assert len(journal.json("demo")["mails"]) == 3
    assert len((journal.root / "var/secret.key").read_text().strip()) == 64


def test_the_demo_says_where_to_look(journal: Journal) -> None:
    """In plain words, with the instant that it acted out."""
    done = journal.process("demo")
    assert done.returncode == 0, done.stderr
    for words in (
        "3 mails arrived",
        "It was acted out as on Tuesday",
        "index.html",
        ".eml",
        "publisher web",
    ):
        assert words in done.stdout


def test_a_demo_without_articles_says_what_to_do(journal: Journal) -> None:
    """Nothing public: the sentence names the next command."""
    (journal.root / "content/vitamin-d.md").unlink()
    assert "publisher new" in journal.run("demo", code=2).stderr


def test_a_mail_cannot_act_in_its_view() -> None:
    """The HTML stands in a closed frame, everything else is escaped."""
    raw = (
        b"Subject: <script>alert(1)</script>\r\nContent-Type: text/html; charset=utf-8\r\n\r\n"
        b'"><script>alert(2)</script>\r\n'
    )
    page = view(raw)
    assert "<script>" not in page
    assert "<iframe sandbox " in page


def test_the_doctor_says_what_it_could_not_ask(journal: Journal) -> None:
    """A fresh journal is in order; nothing is asked of the DNS while no mail leaves."""
    results = {each["area"]: each for each in journal.json("doctor")["results"]}
    assert {results[a]["verdict"] for a in ("settings", "templates", "store", "transport")} == {
        "well"
    }
    assert {results[a]["verdict"] for a in ("SPF", "DKIM", "DMARC", "PTR")} == {"unasked"}
    assert "render" in results["templates"]["sentence"]


def test_the_doctor_finds_what_is_wrong(journal: Journal) -> None:
    """A broken template and a relay that is not there: exit code 1, each with its reason."""
    own = journal.root / "templates/email"
    (own / "subject.txt").write_text("\n{{ articles | nosuchfilter }}")
    journal.set(
        'kind = "folder"\npath = "var/outbox"',
        'kind = "smtp"\nhost = "127.0.0.1"\nport = 9\nsecurity = "none"',
    )
    journal.monkeypatch.setattr(dns, "SECONDS", 0.01)
    results = {each["area"]: each for each in journal.json("doctor", code=1)["results"]}
    assert results["templates"]["verdict"] == "wrong"
    assert "subject.txt:2" in results["templates"]["sentence"]
    assert results["transport"]["verdict"] == "wrong"


def test_the_doctor_tells_of_retractions_under_their_own_heading(journal: Journal) -> None:
    """That there are none, of which day they are, and that they cannot be read."""

    def told(code: int = 0) -> dict[str, tuple[str, str]]:
        results = journal.json("doctor", code=code)["results"]
        return {each["area"]: (each["verdict"], each["sentence"]) for each in results}

    verdict, said = told()["sources.retractions"]
    assert verdict == "well"
    assert "so no source was checked: run `publisher sources refresh`" in said
    origin = Path(__file__).resolve().parents[1] / "data/retraction_watch.csv"
    journal.run("sources", "refresh", "--from", str(origin), "--as-of", "2026-11-20")
    assert told()["sources.retractions"] == ("well", "the data of retractions are of 2026-11-20")
    data = journal.root / "var/retractions.sqlite3"
    whole = data.read_bytes()
    data.write_bytes(b"spoilt" * 1000)
    found = told(1)
    assert found["sources.retractions"][0] == "wrong"
    assert "the data of retractions, cannot be used" in found["sources.retractions"][1]
    assert found["templates"][0] == "well"
    assert "not rendered, because articles cannot be read" in found["templates"][1]
    journal.set("[journal]\n", '[sources]\nstyle = "none.csl"\n\n[journal]\n')
    found = told(1)
    wrong = {area for area, (verdict, _) in found.items() if verdict == "wrong"}
    assert wrong == {"sources.style", "sources.retractions"}
    data.write_bytes(whole)
    assert told(1)["sources.retractions"][0] == "well"
    data.unlink()
    verdict, said = told(1)["sources.retractions"]
    assert verdict == "wrong"
    assert "those of 2026-11-20 were here" in said


def test_a_private_relay_is_not_looked_up() -> None:
    """The DNS knows nothing of 10.0.0.1, so nothing is said against it."""
    assert dns.ptr("127.0.0.1").verdict is Verdict.UNASKED


def test_the_doctor_tells_whether_there_are_metrics(journal: Journal) -> None:
    """A file for the token that is not there is a mistake; that none is named is none."""

    def told(code: int = 0) -> tuple[str, str]:
        results = {each["area"]: each for each in journal.json("doctor", code=code)["results"]}
        return results["metrics"]["verdict"], results["metrics"]["sentence"]

    assert told()[0] == "well"
    with (journal.root / "config/publisher.toml").open("a", encoding="utf-8") as settings:
        settings.write('\n[serving]\nmetrics_token_file = "var/metrics.token"\n')
    verdict, said = told(1)
    assert verdict == "wrong"
    assert "openssl rand -hex 32 > var/metrics.token" in said
    (journal.root / "var/metrics.token").write_text("let-me-see\n")
    assert told() == ("well", "/metrics is there for whoever holds the token")
