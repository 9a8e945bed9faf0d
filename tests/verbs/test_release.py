"""An approved issue goes when its slot has come and its pages can be opened."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from publisher.domain.issue import Issue, IssueEvent, IssueState
from publisher.domain.template import TemplateSet
from publisher.ports import Store
from publisher.release import release
from publisher.site import Tree
from tests.factories import journal
from tests.verbs.readers import admit, reader
from tests.verbs.test_plan import FRIDAY, TUESDAY, TWO, Press

ONE = (replace(TWO[0], published_at=FRIDAY),)


@pytest.fixture
def press(store: Store, templates: TemplateSet) -> Press:
    """One reader."""
    admit(store, [reader("ann")])
    return Press(store, templates)


@pytest.fixture
def site(tmp_path: Path) -> Tree:
    """A site on disk, empty."""
    url = journal().url
    return Tree(tmp_path / "public", url=url, command=None, check_timeout=timedelta(seconds=1))


def publish(site: Tree, *paths: str) -> None:
    """These pages, and nothing else."""
    site.write({f"{path.strip('/')}/index.html".lstrip("/"): b"x" for path in paths})


PAGES = ("/", "/articles/car-nk-cells/", "/issues/weekly/1/")


def planned(press: Press) -> Issue:
    """The Tuesday's issue, approved."""
    return press.plan(ONE, TUESDAY - timedelta(hours=1), of=None)


def test_issue_goes_once_all_pages_are_live(press: Press, site: Tree) -> None:
    """Held while a page is missing, and says which; released when all are there; once."""
    issue = planned(press)
    publish(site, *PAGES[:2])
    report = release(press.store, site, press.journal, TUESDAY)
    assert report.released == ()
    assert [one.issue.id for one in report.held] == [issue.id]
    assert report.held[0].urls == (f"{journal().url}/issues/weekly/1/",)
    publish(site, *PAGES)
    report = release(press.store, site, press.journal, TUESDAY)
    assert [one.state for one in report.released] == [IssueState.SENDING]
    assert release(press.store, site, press.journal, TUESDAY).released == ()


def test_issue_planned_for_another_address_is_held(press: Press, site: Tree) -> None:
    """Once the journal has moved, its old links can't be vouched for; the reason says so."""
    planned(press)
    publish(site, *PAGES)
    moved = replace(press.journal, url="https://elsewhere.example.org")
    report = release(press.store, site, moved, TUESDAY)
    assert report.released == ()
    assert "address changed" in report.held[0].urls[0]


def test_issue_waits_for_its_slot(press: Press, site: Tree) -> None:
    """Not a moment before."""
    planned(press)
    publish(site, *PAGES)
    early = TUESDAY - timedelta(microseconds=1)
    assert (
        release(press.store, site, press.journal, early)
        == type(release(press.store, site, press.journal, early))()
    )
    assert len(release(press.store, site, press.journal, TUESDAY).released) == 1


def test_issue_that_was_cancelled_meanwhile_stays(press: Press, site: Tree, tmp_path: Path) -> None:
    """Cancelled by another process while its pages were asked for: not sent, no error."""

    class Cancelling(Tree):
        """Somebody cancels while we ask."""

        def not_live(self, urls: object) -> tuple[str, ...]:
            press.store.issues.move(issue.id, IssueEvent.CANCEL, TUESDAY)
            return ()

    issue = planned(press)
    busy = Cancelling(
        tmp_path / "public", url=journal().url, command=None, check_timeout=timedelta(seconds=1)
    )
    report = release(press.store, busy, press.journal, TUESDAY)
    assert (report.released, report.held) == ((), ())
    assert press.store.issues.get(issue.id).state is IssueState.CANCELLED
