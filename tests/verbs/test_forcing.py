"""What may be set aside for an issue, and what nobody can set aside."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from publisher.checks import RULES as OF_ARTICLES
from publisher.checks.edition import ALWAYS, RULES
from publisher.checks.standing import standing
from publisher.domain.article import Withdrawal
from publisher.domain.finding import Finding, Place, Severity
from publisher.domain.forcing import Forcing
from publisher.domain.issue import IssueState
from publisher.domain.subscription import Suppression, SuppressionReason
from publisher.domain.template import Template, TemplateSet
from publisher.errors import BlockedByFindings, NotAllowed, NotFound, TemplateError, UsageError
from publisher.plan import block, forcings
from publisher.ports import Store
from publisher.release import release
from publisher.site import Tree
from tests.verbs.readers import admit, reader
from tests.verbs.test_plan import TUESDAY, TWO, Press

PAGES = ("", "articles/car-nk-cells/", "articles/sleep/", "issues/weekly/1/")
FORCED = forcings(["edition-remote"], "The clinic's own form", "ana", TUESDAY)
WITHDRAWN = replace(TWO[0], withdrawn=Withdrawal(date(2026, 11, 23), "The trial was retracted."))


@pytest.fixture
def press(store: Store, templates: TemplateSet) -> Press:
    """Two readers, and a template that breaks a rule: it loads a picture by itself."""
    admit(store, [reader("ann"), reader("bo")])
    return Press(store, spoilt(templates, '<mj-raw><img src="https://x.example.org/p.png" '))


def spoilt(templates: TemplateSet, tag: str) -> TemplateSet:
    name = "email/_foot.mjml"
    text = templates.templates[name].text
    added = f'{tag}alt="" width="1" height="1"></mj-raw></mj-column>'
    own = Template(name, text.replace("</mj-column>", added), name, overridden=True)
    return replace(templates, templates={**templates.templates, name: own})


def test_a_rule_is_passed_by_name_and_with_a_reason_and_kept(press: Press) -> None:
    """Without it nothing is planned; with it the issue says who, when, which rule and why."""
    with pytest.raises(BlockedByFindings, match="tracking pixel"):
        press.plan(TWO)
    issue = press.plan(TWO, forced=FORCED)
    assert issue.state is IssueState.APPROVED
    assert issue.forced == (Forcing("edition-remote", "The clinic's own form", "ana", TUESDAY),)
    assert press.store.issues.get(issue.id).forced == issue.forced


def test_what_was_not_needed_is_not_kept(press: Press) -> None:
    """The record says what happened, not what somebody was ready to do."""
    both = (*FORCED, *forcings(["edition-size"], "Long tables", "ana", TUESDAY))
    assert [each.rule for each in press.plan(TWO, forced=both).forced] == ["edition-remote"]


def test_an_edit_needs_no_second_reason(press: Press) -> None:
    """The same rule stays set aside for the same issue; another one is not."""
    issue = press.plan(TWO, forced=FORCED)
    assert press.reshape(issue, TWO, subject="Ours").forced == issue.forced
    with pytest.raises(BlockedByFindings, match="edition-reply"):
        press.reshape(issue, TWO, subject="Re: you asked")


@pytest.mark.parametrize("rule", sorted(ALWAYS))
def test_what_a_reader_is_owed_is_never_set_aside(rule: str) -> None:
    """Not by asking for it, and not where it slipped through."""
    with pytest.raises(NotAllowed, match="cannot be set aside"):
        forcings([rule], "We are in a hurry", "ana", TUESDAY)
    finding = Finding(rule, Severity.ERROR, Place("x"), "is missing")
    with pytest.raises(BlockedByFindings):
        block([finding], "weekly/1", [rule])


def test_retraction_unsubscribe_address_and_disclaimer_are_among_them() -> None:
    """The list of what can never be overridden, by name."""
    assert {
        *("edition-withdrawn", "edition-unsubscribe", "edition-postal-address"),
        *("edition-disclaimer", "edition-source", "edition-takeaway", "edition-correction"),
    } <= ALWAYS


@pytest.mark.parametrize(
    ("name", "removed"),
    [
        ("email/_foot.mjml", "{{ journal.disclaimer }}"),
        ("email/_foot.mjml", "{{ journal.postal_address }}"),
        ("email/digest.txt", "{{ unsubscribe_url }}"),
    ],
)
def test_a_template_that_drops_them_stops_everything(
    press: Press, templates: TemplateSet, name: str, removed: str
) -> None:
    """Whatever is forced: it does not even render."""
    text = templates.templates[name].text
    assert removed in text
    own = Template(name, text.replace(removed, ""), name, overridden=True)
    press.templates = replace(templates, templates={**templates.templates, name: own})
    everything = tuple(
        Forcing(rule, "All of it", "ana", TUESDAY) for rule in (*RULES, *OF_ARTICLES)
    )
    with pytest.raises(TemplateError, match="would leave without"):
        press.plan(TWO, forced=everything)
    assert press.store.issues.list() == []


def test_suppression_is_no_rule_that_could_be_named(press: Press) -> None:
    """Who is suppressed is not in the audience, whatever is forced."""
    told = Suppression("bo@example.org", SuppressionReason.COMPLAINT, TUESDAY)
    press.store.suppressions.add(told)
    assert press.plan(TWO, forced=FORCED).audience == 1
    with pytest.raises(NotFound, match="no rule 'suppression'"):
        forcings(["suppression"], "They will not mind", "ana", TUESDAY)


@pytest.mark.parametrize(
    ("rules", "reason", "words"),
    [
        (["edition-remote"], " ", "say why"),
        ([], "because", "goes with --force"),
        (["edition-remot"], "x", "did you mean 'edition-remote'"),
        (["missing-key"], "x", "mend the article"),
        (["edition-remote"], "x" * 501, "500 characters or fewer"),
        (["edition-remote"], "a\x00b", "plain text"),
    ],
)
def test_what_is_asked_for_must_make_sense(rules: list[str], reason: str, words: str) -> None:
    """A rule that there is, and a reason that people can read later."""
    with pytest.raises(UsageError, match=words):
        forcings(rules, reason, "ana", TUESDAY)


def test_before_it_goes_it_is_looked_at_again(press: Press, tmp_path: Path) -> None:
    """An issue is held whose article was withdrawn, or whose postal address is another now."""
    issue = press.plan(TWO, forced=FORCED)
    store, url = press.store, press.journal.url
    live = Tree(tmp_path / "public", url=url, command=None, check_timeout=timedelta(seconds=1))
    live.write({f"{path}index.html": b"x" for path in PAGES})
    held = release(store, live, press.journal, TUESDAY, articles=(WITHDRAWN, TWO[1])).held
    assert [each.why.split(": ")[1] for each in held] == ["edition-withdrawn"]
    moved = replace(press.journal, postal_address="2 Other Street")
    (one,) = release(store, live, moved, TUESDAY, articles=TWO).held
    assert "edition-postal-address" in one.why
    assert "edition-remote" not in one.why
    edited = (replace(TWO[0], version="later", title="Another"), TWO[1])
    assert [
        each.id for each in release(store, live, press.journal, TUESDAY, articles=edited).released
    ] == [issue.id]


def test_a_withdrawn_article_leaves_with_an_edit(press: Press) -> None:
    """`issue edit` drops it, so that the rest can go."""
    issue = press.plan(TWO, forced=FORCED)
    changed = press.reshape(issue, (WITHDRAWN, TWO[1]), subject="Ours")
    assert changed.shaping.dropped == (TWO[0].id,)
    editions = press.store.issues.editions(issue.id)
    found = standing(editions, press.journal, TWO, issue.slot)
    assert not any(f.rule == "edition-withdrawn" for f in found)


def test_very_many_editions_are_a_finding(press: Press) -> None:
    """Over 500; it does not block."""
    issue = press.plan(TWO, forced=FORCED)
    (edition,) = press.store.issues.editions(issue.id)
    told = standing([edition] * 501, press.journal, TWO, issue.slot)
    found = [f for f in told if not f.blocks]
    assert [f.rule for f in found if f.rule == "edition-number"] == ["edition-number"]
    assert "501 editions" in next(f.message for f in found if f.rule == "edition-number")
