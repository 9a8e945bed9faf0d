"""Joining over HTTP: nothing without a click in a mail, and nothing told to strangers."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st

from publisher.app import App
from publisher.domain.issue import IssueEvent
from publisher.domain.notice import NoticeKind
from publisher.domain.request import FormLimits
from publisher.domain.subscription import (
    SubscriptionEvent,
    Suppression,
    SuppressionReason,
)
from publisher.formats.token import Purpose, make
from publisher.plan import plan
from publisher.ports import Library
from publisher.settings_forms import Forms
from publisher.web import create
from tests.factories import numbered
from tests.verbs.readers import admit, reader
from tests.web.conftest import KEYS, Clock, TestClient
from tests.web.forms import WEEKLY, ask, consent, link, notices, opened, words


@pytest.fixture
def app(tmp_path: Path, clock: Clock) -> Iterator[App]:
    """With ann, who reads the weekly."""
    made = opened(tmp_path, clock)
    admit(made.store, [reader("ann")])
    yield made
    made.close()


@pytest.fixture
def client(app: App, clock: Clock) -> Iterator[TestClient]:
    with TestClient(create(app, clock, 0), follow_redirects=False) as made:
        yield made


def state(app: App, name: str) -> dict[str, str]:
    found = app.store.subscribers.by_address(f"{name}@example.org")
    return {each.newsletter: each.state.value for each in found}


def test_the_form_works_without_a_script(client: TestClient) -> None:
    """Plain fields; the one script is allowed by its hash alone, and everything else is not."""
    answer = client.get("/subscribe?newsletter=alerts")
    assert answer.status_code == 200
    assert 'value="alerts" checked' in answer.text
    assert 'value="weekly" checked' not in answer.text
    policy = answer.headers["content-security-policy"]
    assert re.search(r"script-src 'sha256-[^']+';", policy)
    assert "unsafe-inline" not in policy.partition("script-src")[2].partition(";")[0]
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in answer.headers


def test_double_opt_in(client: TestClient, app: App, clock: Clock) -> None:
    """Form, mail, page, button: only then are they a reader, with the choices they made."""
    answer = ask(
        client,
        "Zoe@Example.org",
        ["weekly"],
        topics__weekly="1",
        topic__weekly=["cancer", "sleep"],
        cadence__weekly="monthly",
        language="de",
        time_zone="Asia/Tokyo",
    )
    assert answer.status_code == 200
    assert "Please look into your mail" in answer.text
    assert state(app, "zoe") == {"weekly": "pending"}
    (mail,) = notices(app)
    assert mail.subject == "Bitte bestätigen Sie Ihre Anmeldung"
    assert (mail.kind, mail.address) == (NoticeKind.CONFIRMATION, "Zoe@example.org")
    path = link(mail, "confirm")
    for _ in range(2):
        assert "The Weekly Digest abonnieren?" in client.get(path).text  # in their language
        assert client.head(path).status_code == 200
    assert state(app, "zoe") == {"weekly": "pending"}
    clock.forward(timedelta(minutes=5))
    for _ in range(2):
        assert "Sie sind angemeldet" in client.post(path).text
    (found,) = app.store.subscribers.by_address("zoe@example.org")
    assert (found.state, found.topics, found.cadence) == (
        "confirmed",
        ("cancer", "sleep"),
        "monthly",
    )
    assert (found.language, found.time_zone) == ("de", "Asia/Tokyo")
    first, last = app.store.subscribers.consents(found.id)
    assert (first.origin, last.origin) == ("form", "form, confirmed by link")
    assert first.page == last.page == "/subscribe"
    assert last.at - first.at == timedelta(minutes=5)
    assert "By pressing Subscribe I ask The Sample Journal" in last.wording
    assert last.version == consent(client)
    assert first.network == "unknown"  # the test client has no address
    kinds = [mail.kind for mail in notices(app)]
    assert kinds == [NoticeKind.CONFIRMATION, NoticeKind.WELCOME]


def test_the_answer_tells_nothing_about_the_address(client: TestClient, app: App) -> None:
    """Known, unknown, suppressed, asked twice: the same bytes; only the mails differ."""
    for name, reason in (("comp", SuppressionReason.COMPLAINT), ("staff", SuppressionReason.STAFF)):
        app.store.suppressions.add(Suppression(f"{name}@example.org", reason, Clock().now))
    names = ("ann", "new", "comp", "staff", "new")
    answers = [ask(client, f"{name}@example.org") for name in names]
    assert len({(a.status_code, a.text, str(a.headers)) for a in answers}) == 1
    assert [(m.address, m.kind) for m in notices(app)] == [
        ("ann@example.org", NoticeKind.ALREADY),
        ("new@example.org", NoticeKind.CONFIRMATION),
    ]
    already, fresh = notices(app)
    assert "already subscribed" in already.subject
    assert client.get(link(already, "preferences")).status_code == 200
    assert abs(len(already.html) - len(fresh.html)) < 1000


def test_the_answer_takes_equally_long(app: App, clock: Clock) -> None:
    """Whatever is found, it comes at a beat."""
    with TestClient(create(app, clock, 0.5), follow_redirects=False) as client:
        version = consent(client)
        for email in ("ann@example.org", "unknown@example.org", "nonsense"):
            began = time.monotonic()
            data = {"consent": version, "email": email, "newsletter": "weekly"}
            client.post("/subscribe", data=data)
            assert time.monotonic() - began >= 0.5


def test_a_reader_asks_for_one_more(client: TestClient, app: App) -> None:
    """What they have stays as it is, and is named; the new one waits for the click."""
    ask(client, "ann@example.org", ["weekly", "alerts"])
    assert state(app, "ann") == {"weekly": "confirmed", "alerts": "pending"}
    (mail,) = notices(app)
    assert "asked us to send Alerts to this address" in " ".join(mail.text.split())
    assert "You already get The Weekly Digest" in mail.text
    client.post(link(mail, "confirm"))
    assert state(app, "ann") == {"weekly": "confirmed", "alerts": "confirmed"}


def test_after_bounces_a_reader_confirms_anew(client: TestClient, app: App, clock: Clock) -> None:
    """A subscribed address that is suppressed for bounces gets a confirmation, which lifts that."""
    bounced = Suppression("ann@example.org", SuppressionReason.BOUNCE, clock())
    app.store.suppressions.add(bounced)
    ask(client, "ann@example.org")
    (mail,) = notices(app)
    assert mail.kind is NoticeKind.CONFIRMATION
    client.post(link(mail, "confirm"))
    assert app.store.suppressions.find("ann@example.org") is None


def test_the_link_expires(client: TestClient, app: App, clock: Clock) -> None:
    """After seven days it leads back to the form, and confirms nothing."""
    ask(client, "zoe@example.org")
    path = link(notices(app)[0], "confirm")
    clock.forward(timedelta(days=7))
    for answer in (client.get(path), client.post(path)):
        assert answer.status_code == 410
        assert "no longer good" in answer.text
    assert state(app, "zoe") == {"weekly": "pending"}


def test_who_left_again_is_not_brought_back(client: TestClient, app: App, clock: Clock) -> None:
    """The link of an old confirmation does not undo leaving."""
    ask(client, "zoe@example.org")
    path = link(notices(app)[0], "confirm")
    client.post(path)
    (found,) = app.store.subscribers.by_address("zoe@example.org")
    app.store.subscribers.change(found.id, SubscriptionEvent.UNSUBSCRIBE, clock())
    assert client.post(path).status_code == 410
    assert state(app, "zoe") == {"weekly": "unsubscribed"}


@pytest.mark.parametrize("purpose", list(Purpose))
def test_tokens_serve_one_purpose(client: TestClient, app: App, purpose: Purpose) -> None:
    """No page takes a token that was made for another."""
    ask(client, "zoe@example.org")
    token_id = link(notices(app)[0], "confirm").split(".")[2]
    pages = {
        Purpose.UNSUBSCRIBE: "/u/",
        Purpose.PREFERENCES: "/preferences/",
        Purpose.CONFIRM: "/confirm/",
        Purpose.ADDRESS: "/address/",
    }
    for other, page in pages.items():
        if other is not purpose:
            path = page + make(KEYS, purpose, f"{token_id}20781")
            assert client.get(path).status_code == 404
            assert client.post(path).status_code == 404
    assert state(app, "zoe") == {"weekly": "pending"}


def test_a_bomb_is_one_mail(client: TestClient, app: App, clock: Clock) -> None:
    """However often the form is sent for a victim, one mail a day goes to them."""
    for _ in range(5):
        assert ask(client, "victim@example.org").status_code == 200
    assert len(notices(app)) == 1
    clock.forward(timedelta(days=1))
    ask(client, "victim@example.org")
    assert len(notices(app)) == 2


def test_networks_and_all_together_are_limited(tmp_path: Path, clock: Clock) -> None:
    """429 says so to everybody alike; nothing is kept."""
    app = opened(tmp_path, clock, Forms(limits=FormLimits(network=2, total=3), posts_per_minute=99))
    seen = []
    for number, host in enumerate(("192.0.2.1", "192.0.2.99", "192.0.2.7", "2001:db8::1", "::1")):
        with TestClient(create(app, clock, 0), client=(host, 50000)) as client:
            seen.append(ask(client, f"r{number}@example.org").status_code)
    assert seen == [200, 200, 429, 200, 429]
    assert [mail.address[:2] for mail in notices(app)] == ["r0", "r1", "r3"]
    (found,) = app.store.subscribers.by_address("r0@example.org")
    assert found.consent.network == "192.0.2.0/24"
    (found,) = app.store.subscribers.by_address("r3@example.org")
    assert found.consent.network == "2001:db8::/48"
    app.close()


def test_networks_are_hashed_where_the_settings_say_so(tmp_path: Path, clock: Clock) -> None:
    """The same network is known again, and cannot be read."""
    app = opened(tmp_path, clock, Forms(hashed=True, limits=FormLimits(1, 9), posts_per_minute=99))
    seen = []
    for number, host in enumerate(("192.0.2.1", "192.0.2.2", "::ffff:192.0.2.3", "198.51.100.1")):
        with TestClient(create(app, clock, 0), client=(host, 50000)) as client:
            seen.append(ask(client, f"r{number}@example.org").status_code)
    assert seen == [200, 429, 429, 200]
    (found,) = app.store.subscribers.by_address("r0@example.org")
    assert re.fullmatch(r"[0-9a-f]{32}", found.consent.network)
    app.close()


def test_posts_of_one_network_are_limited_by_the_minute(tmp_path: Path, clock: Clock) -> None:
    """Before anything is worked out; one-click posts are never counted."""
    app = opened(tmp_path, clock, Forms(posts_per_minute=3))
    admit(app.store, [reader("ann")])
    leave = f"/u/{make(KEYS, Purpose.UNSUBSCRIBE, 't-weekly-ann')}"
    with TestClient(create(app, clock, 0), client=("192.0.2.1", 1)) as client:
        assert [client.post("/confirm/x").status_code for _ in range(5)] == [404] * 3 + [429] * 2
        assert client.get("/subscribe").status_code == 200
        assert [client.post(leave).status_code for _ in range(5)] == [200] * 5
    app.close()


def test_a_programs_form_is_thrown_away(client: TestClient, app: App) -> None:
    """Who fills in what nobody sees gets the usual answer, and nothing happens."""
    usual = ask(client, "ann@example.org")
    sent = len(notices(app))
    answer = ask(client, "bot@example.org", website="https://spam.example")
    assert answer.text == usual.text
    assert len(notices(app)) == sent
    assert not state(app, "bot")


def test_only_words_that_were_read_are_agreed_to(client: TestClient, app: App) -> None:
    """A snippet on another site, or a form of before a change: first the form with the words."""
    for data in ({"email": "zoe@example.org"}, {"email": "zoe@example.org", "consent": "0" * 12}):
        answer = client.post("/subscribe", data=data | {"newsletter": "alerts"})
        assert answer.status_code == 200
        assert 'value="zoe@example.org"' in answer.text
        assert 'value="alerts" checked' in answer.text
        assert "By pressing Subscribe" in answer.text
    assert notices(app) == []


def test_the_site_that_the_form_stood_on_is_on_record(client: TestClient, app: App) -> None:
    """Where the browser tells it; no other header is believed, and nothing odd is kept."""
    for number, origin in enumerate(("https://clinic.example.org", "null", "javascript:1")):
        data = {
            "consent": consent(client),
            "email": f"z{number}@example.org",
            "newsletter": "weekly",
        }
        client.post("/subscribe", data=data, headers={"Origin": origin})
    pages = [
        app.store.subscribers.by_address(f"z{number}@example.org")[0].consent.page
        for number in range(3)
    ]
    assert pages == ["/subscribe from https://clinic.example.org", "/subscribe", "/subscribe"]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"email": "nonsense"}, "Please correct it"),
        ({"email": "a@b@c.example"}, "Please correct it"),
        ({"email": "zoe@example.org\r\nBcc: x@example.org"}, "Please correct it"),
        ({"email": "x" * 400 + "@example.org"}, "Please correct it"),
        ({"newsletter": "nothing"}, "choose at least one"),
        ({"topics-weekly": "1"}, "at least one topic"),
        ({"cadence-weekly": "hourly"}, "how often from the list"),
        ({"language": "xx"}, "language from the list"),
        ({"time_zone": "Atlantis/Deep"}, "time zone from the list"),
        ({"time_zone": "../../etc/passwd"}, "time zone from the list"),
    ],
)
def test_what_is_wrong_is_said_beside_it(
    client: TestClient, app: App, fields: dict[str, str], problem: str
) -> None:
    """422, the form as it was filled in, and nothing kept."""
    data = {"consent": consent(client), "email": "zoe@example.org", "newsletter": "weekly"}
    answer = client.post("/subscribe", data=data | fields)
    assert answer.status_code == 422
    assert problem in words(answer.text)
    assert notices(app) == []


def test_role_and_disposable_addresses_by_setting(tmp_path: Path, clock: Clock) -> None:
    """Refused by their form, whoever they belong to; a journal may take them."""
    strict = Forms(role_addresses=False, blocked=frozenset({"throwaway.example"}))
    app = opened(tmp_path, clock, strict)
    with TestClient(create(app, clock, 0)) as client:
        for email in ("info@example.org", "Postmaster+x@example.org", "z@mail.throwaway.example"):
            assert ask(client, email).status_code == 422
        assert ask(client, "z@notthrowaway.example").status_code == 200
    app.close()


def test_international_addresses(client: TestClient, app: App) -> None:
    """Domains in their ASCII form; UTF-8 before the @ stays, in its composed form."""
    ask(client, "zoe@bücher.example")
    ask(client, "zoe\u0308@example.org")
    assert [mail.address for mail in notices(app)] == [
        "zoe@xn--bcher-kva.example",
        "zoë@example.org",
    ]


def test_the_welcome_shows_the_latest_issue(client: TestClient, app: App, clock: Clock) -> None:
    """By its subject, with a link to its page."""
    slot = WEEKLY.cadences[0].slot_on(clock().date(), app.journal.zone)
    issue = plan(
        WEEKLY,
        WEEKLY.cadences[0],
        slot,
        journal=app.journal,
        library=Library(numbered(3, published_at=slot.at - timedelta(days=1)), ()),
        templates=app.templates.load(),
        store=app.store,
        now=clock(),
        nonce=lambda: "0" * 32,
    )
    app.store.issues.move(issue.id, IssueEvent.RELEASE, clock())
    ask(client, "zoe@example.org")
    client.post(link(notices(app)[0], "confirm"))
    welcome = notices(app)[-1]
    assert f"this is the latest one: {issue.subject}" in " ".join(welcome.text.split())
    assert "https://journal.example.org/issues/weekly/1/" in welcome.text
    assert app.journal.disclaimer in " ".join(welcome.text.split())


def test_in_a_frame_of_a_site_that_may(tmp_path: Path, clock: Clock) -> None:
    """Only the form itself and its answer, and only there."""
    app = opened(tmp_path, clock, Forms(frames=("https://clinic.example.org",)))
    with TestClient(create(app, clock, 0)) as client:
        for answer in (
            client.get("/subscribe/embed"),
            client.post("/subscribe", data={"embed": "1", "website": "x"}),
            client.post("/subscribe", data={"embed": "1"}),
        ):
            policy = answer.headers["content-security-policy"]
            assert "frame-ancestors https://clinic.example.org" in policy
            assert "x-frame-options" not in answer.headers
        for path in ("/subscribe", "/", "/confirm/x"):
            assert client.get(path).headers["x-frame-options"] == "DENY"
    app.close()


def test_files_and_floods_are_refused(client: TestClient, app: App) -> None:
    """A form of ours has a few fields, and no files."""
    assert client.post("/subscribe", files={"email": ("a.txt", b"x")}).status_code == 400
    many = "&".join(f"a{n}=1" for n in range(5000))
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert client.post("/subscribe", content=many, headers=headers).status_code == 400
    assert notices(app) == []


@limits(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(
            [
                "email",
                "newsletter",
                "consent",
                "topic-weekly",
                "topics-weekly",
                "cadence-weekly",
                "language",
                "time_zone",
                "website",
                "embed",
                "paused_until",
            ]
        ),
        st.text(max_size=30),
    )
)
def test_no_form_breaks_anything(client: TestClient, app: App, data: dict[str, str]) -> None:
    """Whatever is posted, the answer is a page and never a failure of ours."""
    answer = client.post("/subscribe", data=data)
    assert answer.status_code in (200, 422)
    assert set(state(app, "ann")) == {"weekly"}
