"""`/metrics`, for whoever holds the token."""

from __future__ import annotations

from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families

from publisher.app import App
from publisher.web import create
from tests.web.conftest import Clock, TestClient

TOKEN = {"Authorization": "Bearer let-me-see"}


@pytest.fixture
def client(app: App, clock: Clock) -> TestClient:
    (app.settings.root / "metrics.token").write_text("let-me-see\n")
    serving = replace(app.settings.serving, metrics_token_file="metrics.token")
    return TestClient(create(replace(app, settings=replace(app.settings, serving=serving)), clock))


def test_it_tells_counts_and_no_person(client: TestClient) -> None:
    answer = client.get("/metrics", headers=TOKEN)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert "@" not in answer.text
    assert "ann" not in answer.text.replace("cannot", "")
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }
    assert found["publisher_subscriptions", "weekly", "confirmed"] == 1
    assert found["publisher_sending_stopped",] == 0
    assert any(name[0].startswith("process_") for name in found)


@pytest.mark.parametrize("given", [{}, {"Authorization": "Bearer guess"}])
def test_without_the_token_it_tells_nothing(client: TestClient, given: dict[str, str]) -> None:
    answer = client.get("/metrics", headers=given)
    assert answer.status_code == 401
    assert "publisher_" not in answer.text


def test_it_is_not_there_unless_the_settings_say_so(app: App, clock: Clock) -> None:
    assert TestClient(create(app, clock)).get("/metrics", headers=TOKEN).status_code == 404


def test_an_empty_or_missing_token_lets_nobody_in(
    app: App, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    """And the operator reads why there is no such page."""
    token = app.settings.root / "metrics.token"
    for spoil, why in (
        (lambda: token.write_text(""), "it is empty"),
        (lambda: token.write_bytes(b"\xff\xfe"), "it is no text"),
        (token.unlink, "it is not there"),
        (token.mkdir, "Is a directory"),
    ):
        spoil()
        caplog.clear()
        for _ in range(3):
            answer = client.get("/metrics", headers={"Authorization": "Bearer "})
            assert (answer.status_code, answer.text) == (404, "not found\n")
        assert caplog.text.count(f"metrics.token cannot be used ({why})") == 1
