"""The HTML of mails under a parser that keeps to the standard."""

from __future__ import annotations

from dataclasses import replace

import pytest

from publisher.checks import validity
from publisher.checks.validity import SHOWN
from publisher.domain.finding import Severity
from publisher.domain.issue import Edition
from publisher.domain.journal import Checks
from tests import factories, mails, sample_mails

JOURNAL = factories.journal()
EDITION = mails.render()


def broken(html: str) -> Edition:
    assert "</body>" in EDITION.html
    return replace(EDITION, html=EDITION.html.replace("</body>", f"{html}</body>"))


@pytest.mark.parametrize("language", ["en", "de", "he"])
def test_what_is_shipped_is_valid(language: str) -> None:
    """The sample journal's own digests of eight articles, in either direction of writing."""
    made = sample_mails.edition(language, count=8)
    assert validity.check(made, sample_mails.journal()) == ()


def test_a_mail_that_greets_is_valid() -> None:
    """With the marks of both its forms in it."""
    journal = factories.journal(newsletters=(factories.newsletter(greeting=True),))
    assert validity.check(mails.render(journal=journal), journal) == ()


@pytest.mark.parametrize(
    ("html", "words"),
    [
        ("<p>a<div>b</div></p>", "unexpected end tag <p>"),
        ("<b><i>x</b></i>", "adoption agency"),
        ("<div><p>x</p>", "<div>"),
        ('<a href="#x"><a href="#y">k</a></a>', "<a> <a>"),
        ('<img src="x" src="y" alt="">', "duplicate attribute"),
        ("<table><tr><div>a</div></tr></table>", "table voodoo <div>"),
        ("AT&T &nosuch;", "expected named entity"),
        ("<centre>x</centre>", "<centre> is no element of HTML"),
        ("<center>x</center>", "<center> is no element of HTML"),
        ('<p id="x">a</p><p id="x">b</p>', "the id 'x' stands 2 times"),
        ("<td>x</td>", "<td>"),
    ],
)
def test_what_a_parser_mends_is_told(html: str, words: str) -> None:
    """Each fault, with words to find it by; it warns and stops nothing."""
    found = validity.check(broken(html), JOURNAL)
    assert any(words in finding.message for finding in found), [f.message for f in found]
    assert {f.severity for f in found} == {Severity.WARNING}
    assert {f.rule for f in found} == {"edition-valid"}


def test_the_place_is_told() -> None:
    """Its line in the result, and the words before it."""
    edition = broken("\n<p>Some words of ours<div>b</div></p>")
    line = edition.html[: edition.html.index("Some words of ours")].count("\n") + 1
    (found,) = validity.check(edition, JOURNAL)
    assert found.message.startswith(f"line {line}: ")
    assert "<div>b</div></p" in found.message


def test_a_thousand_faults_are_not_a_thousand_findings() -> None:
    """The first is often the cause of the rest."""
    assert len(validity.check(broken("</i>" * 1000), JOURNAL)) == SHOWN


def test_a_journal_may_switch_it_off() -> None:
    """As the other rules that are about form."""
    journal = replace(JOURNAL, checks=Checks(off=("edition-valid",)))
    assert validity.check(broken("</i>"), journal) == ()
