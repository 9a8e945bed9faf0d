"""Preferences over HTTP: what one person gets, and how little a forwarded link gives away."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as limits
from hypothesis import strategies as st

from publisher.app import App
from publisher.domain.notice import NoticeKind
from publisher.domain.subscription import SubscriptionEvent, Wishes
from publisher.formats.token import Purpose, make, preferences
from publisher.web import create
from tests.verbs.readers import admit, reader
from tests.web.conftest import KEYS, Clock, TestClient
from tests.web.forms import link, notices, opened, words

KEEP = {"topics-weekly": "1", "topic-weekly": ["cancer", "sleep", "nutrition"]}


@pytest.fixture
def app(tmp_path: Path, clock: Clock) -> Iterator[App]:
    """Ann reads both newsletters, bob one."""
    made = opened(tmp_path, clock)
    admit(made.store, [reader("ann"), reader("bob")])
    admit(made.store, [reader("ann")], "alerts")
    yield made
    made.close()


@pytest.fixture
def client(app: App, clock: Clock) -> Iterator[TestClient]:
    with TestClient(create(app, clock, 0), follow_redirects=False) as made:
        yield made


def page(name: str, clock: Clock, newsletter: str = "weekly") -> str:
    return f"/preferences/{preferences(KEYS, f't-{newsletter}-{name}', clock())}"


def of(app: App, name: str, newsletter: str = "weekly") -> Any:
    found = app.store.subscribers.by_address(f"{name}@example.org")
    return next(each for each in found if each.newsletter == newsletter)


def test_everything_on_one_page(client: TestClient, app: App, clock: Clock) -> None:
    """Topics, how often, language, zone and a pause, for all newsletters at once."""
    path = page("ann", clock)
    shown = client.get(path)
    assert "a…@e….org" in shown.text
    assert "ann@example.org" not in shown.text
    answer = client.post(
        path,
        data={
            "newsletter": ["weekly", "alerts"],
            "topics-weekly": "1",
            "topic-weekly": ["sleep"],
            "cadence-weekly": "monthly",
            "language": "de",
            "time_zone": "America/New_York",
            "paused_until": "2026-12-24",
        },
    )
    assert "Gespeichert" in answer.text
    weekly, alerts = of(app, "ann"), of(app, "ann", "alerts")
    assert (weekly.topics, weekly.cadence, alerts.topics) == (("sleep",), "monthly", None)
    for each in (weekly, alerts):
        assert (each.language, each.time_zone) == ("de", "America/New_York")
        assert each.paused_until == datetime(2026, 12, 24, 5, 0, tzinfo=UTC)  # midnight there
    again = client.get(path).text
    assert 'value="2026-12-24"' in again
    assert '<option value="America/New_York" selected>' in again
    assert notices(app) == []
    data = {"newsletter": ["weekly", "alerts"], "paused_until": "", "language": "en"}
    client.post(path, data=data)
    assert of(app, "ann").paused_until is None


def test_unticking_leaves_and_can_be_undone(client: TestClient, app: App, clock: Clock) -> None:
    """One newsletter by unticking it; with the last the page says so and offers a way back."""
    path = page("ann", clock)
    client.post(path, data={"newsletter": ["weekly"], **KEEP})
    assert of(app, "ann", "alerts").state == "unsubscribed"
    clock.forward(timedelta(seconds=1))
    answer = client.post(path, data=KEEP)
    assert "You are unsubscribed" in answer.text
    assert of(app, "ann").state == "unsubscribed"
    undo = f"/u/{make(KEYS, Purpose.UNSUBSCRIBE, 't-weekly-ann')}/undo"
    assert f'action="{undo}"' in answer.text
    client.post(undo)
    assert (of(app, "ann").state, of(app, "ann", "alerts").state) == ("confirmed", "unsubscribed")


def test_a_new_newsletter_is_confirmed_by_mail(client: TestClient, app: App, clock: Clock) -> None:
    """Whoever has a forwarded link cannot subscribe somebody to more."""
    path = page("bob", clock)
    answer = client.post(path, data={"newsletter": ["weekly", "alerts"]})
    assert "sent a mail with a link to confirm" in answer.text
    assert of(app, "bob", "alerts").state == "pending"
    (mail,) = notices(app)
    assert mail.address == "bob@example.org"
    client.post(link(mail, "confirm"))
    assert of(app, "bob", "alerts").state == "confirmed"
    client.post(path, data={"newsletter": ["weekly"]})
    answer = client.post(path, data={"newsletter": ["weekly", "alerts"]})
    assert "tick it again tomorrow" in answer.text


def test_an_old_link_mails_a_fresh_one(client: TestClient, app: App, clock: Clock) -> None:
    """After 30 days it shows nothing, changes nothing, and writes to the address on file alone."""
    path = page("ann", clock)
    clock.forward(timedelta(days=29))
    assert client.get(path).status_code == 200
    clock.forward(timedelta(days=1))
    for answer in (client.get(path), client.post(path, data={"newsletter": []})):
        assert answer.status_code == 410
        assert f'action="{path}/link"' in answer.text
        assert "a…" not in answer.text
    assert client.post(f"{path}/address", data={"email": "eve@example.org"}).status_code == 410
    assert of(app, "ann").state == "confirmed"
    for _ in range(3):
        assert "Please look into your mail" in client.post(f"{path}/link").text
    (mail,) = notices(app)
    assert (mail.kind, mail.address) == (NoticeKind.PREFERENCES, "ann@example.org")
    assert client.get(link(mail, "preferences")).status_code == 200


def test_another_address(client: TestClient, app: App, clock: Clock) -> None:
    """Asked at the new one, told to the old one; all subscriptions move with their choices."""
    answer = client.post(f"{page('ann', clock)}/address", data={"email": "Ann@new.example"})
    assert "We have written to the new address" in answer.text
    (ask,) = notices(app)
    assert ask.address == "Ann@new.example"
    assert "a…@e….org" in ask.text
    assert "ann@example.org" not in ask.text + ask.html
    path = link(ask, "address")
    for _ in range(2):
        assert client.get(path).status_code == 200
    assert of(app, "ann")
    assert "Your address has changed" in client.post(path).text
    moved = app.store.subscribers.by_address("ann@new.example")
    assert {each.newsletter: each.state.value for each in moved} == {
        "weekly": "confirmed",
        "alerts": "confirmed",
    }
    assert app.store.subscribers.by_address("ann@example.org") == []
    told = notices(app)[-1]
    assert (told.kind, told.address) == (NoticeKind.ADDRESS_CHANGE, "ann@example.org")
    assert "ann@new.example" not in told.text.lower()
    for answer in (client.post(path), client.get(path)):
        assert answer.status_code == 410
    assert len(notices(app)) == 2


def test_an_address_that_cannot_be_had(client: TestClient, app: App, clock: Clock) -> None:
    """One with subscriptions of its own: the page says the same as ever, nothing moves."""
    answers = [
        client.post(f"{page('ann', clock)}/address", data={"email": email}).text
        for email in ("bob@example.org", "new@example.org")
    ]
    assert answers[0] == answers[1]
    path = link(notices(app)[0], "address")
    assert client.post(path).status_code == 410
    assert of(app, "ann")
    assert of(app, "bob")
    late = link(notices(app)[1], "address")
    clock.forward(timedelta(days=7))
    assert client.post(late).status_code == 410


def test_an_address_that_is_none(client: TestClient, app: App, clock: Clock) -> None:
    """Said beside the field, with the choices as they are."""
    answer = client.post(f"{page('ann', clock)}/address", data={"email": "nonsense"})
    assert answer.status_code == 422
    assert "no email address" in words(answer.text)
    assert 'value="weekly" checked' in answer.text
    assert notices(app) == []


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"topic-weekly": []}, "at least one topic"),
        ({"paused_until": "tomorrow"}, "Write the day as"),
        ({"paused_until": "2099-01-01"}, "a year at most"),
        ({"time_zone": "Atlantis/Deep"}, "time zone from the list"),
        ({"cadence-weekly": "each"}, "how often from the list"),
        ({"language": "tlh"}, "language from the list"),
    ],
)
def test_nothing_is_saved_that_cannot_be(
    client: TestClient, app: App, clock: Clock, fields: dict[str, Any], problem: str
) -> None:
    before = of(app, "ann")
    data = {"newsletter": ["weekly"], **KEEP}
    answer = client.post(page("ann", clock), data=data | fields)
    assert answer.status_code == 422
    assert problem in words(answer.text)
    assert of(app, "ann") == before
    assert of(app, "ann", "alerts").state == "confirmed"


def test_a_past_pause_is_none(client: TestClient, app: App, clock: Clock) -> None:
    client.post(
        page("ann", clock), data={"newsletter": ["weekly"], "paused_until": "2026-01-01", **KEEP}
    )
    assert of(app, "ann").paused_until is None


def test_somebody_gone(client: TestClient, app: App, clock: Clock) -> None:
    """A good signature for nobody is answered kindly; a bad one by 404."""
    gone = page("forgotten", clock)
    for answer in (
        client.get(gone),
        client.post(gone, data={"newsletter": "weekly"}),
        client.post(f"{gone}/link"),
        client.post(f"{gone}/address", data={"email": "x@example.org"}),
    ):
        assert answer.status_code == 200
        assert "You are not subscribed" in answer.text
    for path in ("/preferences/x", "/preferences/x/link", "/preferences/x/address", "/address/x"):
        assert client.post(path).status_code == 404
    for path in (
        "/preferences/x",
        "/address/x",
        f"/preferences/{make(KEYS, Purpose.UNSUBSCRIBE, 't-weekly-ann')}",
    ):
        assert client.get(path).status_code == 404
    app.store.subscribers.change(of(app, "bob").id, SubscriptionEvent.UNSUBSCRIBE, clock())
    assert "You are not subscribed" in client.get(page("bob", clock)).text
    assert notices(app) == []


def test_a_zone_that_this_machine_lost(client: TestClient, app: App, clock: Clock) -> None:
    """The page is shown all the same."""
    pause = clock() + timedelta(days=3)
    wishes = Wishes(time_zone="Atlantis/Deep", paused_until=pause)
    app.store.subscribers.wish(of(app, "ann").id, wishes)
    assert 'value="2026-11-27"' in client.get(page("ann", clock)).text


@limits(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.dictionaries(
        st.sampled_from(
            [
                *("newsletter", "topics-weekly", "topic-weekly", "cadence-weekly", "language"),
                *("time_zone", "paused_until", "email"),
            ]
        ),
        st.text(max_size=30),
    )
)
def test_no_form_breaks_anything(
    client: TestClient, app: App, clock: Clock, data: dict[str, str]
) -> None:
    """Whatever is posted, the answer is a page, and nobody becomes a reader of anything new."""
    path = page("bob", clock)
    for answer in (client.post(path, data=data), client.post(f"{path}/address", data=data)):
        assert answer.status_code in (200, 422)
    states = {e.newsletter: e.state for e in app.store.subscribers.by_address("bob@example.org")}
    assert states.get("alerts", "pending") == "pending"
