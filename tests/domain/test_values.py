"""Small values and policies: sources, journal, outcomes, retries, doubt, messages, errors."""

from __future__ import annotations

import inspect
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher import errors
from publisher.domain import outcome
from publisher.domain.article import Source
from publisher.domain.delivery import OutboxKind, message_id
from publisher.domain.finding import Finding, Place, Severity
from publisher.domain.issue import (
    Edition,
    Issue,
    IssueKind,
    IssueState,
    SlotId,
    combined_hash,
)
from publisher.domain.journal import Category, Journal, Mailbox, Newsletter
from publisher.domain.message import FIELDS, Message
from publisher.domain.notice import Notice, NoticeKind
from publisher.domain.outcome import OutcomeKind
from publisher.domain.retry import Doubt, RetryPolicy
from publisher.domain.template import Template, TemplateSet
from tests.factories import article

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)


def source(**changes: object) -> Source:
    return replace(Source(key="k", title="T", kind="trial", year=2020), **changes)  # type: ignore[arg-type]  # fields by name


def test_the_best_link_of_a_source_comes_first() -> None:
    """DOI, PubMed Central, PubMed, then the given URL."""
    full = source(doi="10.1/x", pmcid="PMC1", pmid="2", url="https://example.org/paper")
    assert full.links == (
        ("doi:10.1/x", "https://doi.org/10.1/x"),
        ("PMC1", "https://pmc.ncbi.nlm.nih.gov/articles/PMC1/"),
        ("PMID 2", "https://pubmed.ncbi.nlm.nih.gov/2/"),
        ("https://example.org/paper", "https://example.org/paper"),
    )
    assert full.href == "https://doi.org/10.1/x"
    assert source(pmid="2").href == "https://pubmed.ncbi.nlm.nih.gov/2/"


def test_a_url_that_repeats_an_identifier_is_shown_once() -> None:
    """With or without a slash at its end."""
    assert len(source(pmid="2", url="https://pubmed.ncbi.nlm.nih.gov/2").links) == 1


def test_a_doi_may_hold_what_a_path_must_not() -> None:
    """RFC 3986 §3.3: escaped in the link, as written in the label."""
    odd = source(doi='10.1002/(SICI)1097<1::AID#x>"')
    label, href = odd.links[0]
    assert label.endswith('<1::AID#x>"')
    assert href == "https://doi.org/10.1002/(SICI)1097%3C1::AID%23x%3E%22"


@pytest.fixture
def journal() -> Journal:
    """A journal with one category and one newsletter."""
    return Journal(
        title="J",
        url="https://example.org",
        description="",
        language="en",
        time_zone="Europe/London",
        disclaimer="",
        postal_address="",
        sender=Mailbox("editor@example.org"),
        categories=(Category("heart", "Heart"), Category("sleep", "Sleep")),
        newsletters=(Newsletter("digest", "D", "", "digest.example.org", ()),),
        app_url="https://example.org",
    )


def test_a_journal_finds_its_parts(journal: Journal) -> None:
    """By slug; an unknown one is a KeyError; the zone is a real one."""
    assert journal.category("sleep").title == "Sleep"
    assert journal.newsletter("digest").list_id == "digest.example.org"
    assert journal.zone == ZoneInfo("Europe/London")
    for ask in (journal.category, journal.newsletter):
        with pytest.raises(KeyError):
            ask("nowhere")


def test_paths_are_decided_once(journal: Journal) -> None:
    """Pages, feeds and mails take them from here."""
    one = article(slug="x")
    assert journal.article_url(one) == "https://example.org/articles/x/"
    assert journal.category_path("heart") == "/categories/heart/"
    assert journal.issue_path("digest", 7) == "/issues/digest/7/"
    assert journal.image_path("images/a.png") == "/images/a.png"
    assert journal.image_path("pictures/a.png") == "/images/pictures/a.png"


@given(st.integers(-10, 999), st.text(max_size=20))
def test_replies_are_classified_by_their_first_digit(code: int, reply: str) -> None:
    """RFC 5321 §4.2.1; anything but 2, 4 or 5 is tried again rather than lost."""
    found = outcome.from_reply(code, reply)
    kinds = {2: OutcomeKind.ACCEPTED, 5: OutcomeKind.REFUSED}
    assert found.kind is kinds.get(code // 100, OutcomeKind.DEFERRED)
    assert (found.code, found.reply) == (code, reply)
    assert found.kind is not OutcomeKind.UNKNOWN


def test_retries_end() -> None:
    """At the limit itself it is over."""
    policy = RetryPolicy(limit=timedelta(hours=72))
    tick = timedelta(microseconds=1)
    assert policy.expired(NOW, NOW + timedelta(hours=72))
    assert not policy.expired(NOW, NOW + timedelta(hours=72) - tick)


@given(st.lists(st.sampled_from(list(OutcomeKind)), max_size=40), st.integers(1, 20_000))
def test_doubt_pauses_at_three_in_a_row_or_a_thousandth(
    kinds: list[OutcomeKind], audience: int
) -> None:
    """Three unanswered in a row, or 0.1% of the issue (never fewer than three in all)."""
    doubt = Doubt(audience)
    for number, kind in enumerate(kinds, start=1):
        doubt = doubt.after(kind)
        seen = kinds[:number]
        total = seen.count(OutcomeKind.UNKNOWN)
        in_a_row = seen[-3:] == [OutcomeKind.UNKNOWN] * 3
        assert doubt.total == total
        assert doubt.must_pause is (in_a_row or total >= max(3, audience / 1000))


def test_a_message_is_filled_by_joining_bytes() -> None:
    """Each field goes where it belongs, as often as it is wanted."""
    message = Message(
        (b"To: ", b"\r\nDate: ", b"\r\nID: ", b"\r\n\r\n", b"", b"", b"\r\n"), (0, 1, 2, 3, 4, 3)
    )
    filled = message.fill(
        to=b"a@example.org", date=b"now", message_id=b"<1@x>", token=b"T", preferences=b"P"
    )
    assert filled == b"To: a@example.org\r\nDate: now\r\nID: <1@x>\r\n\r\nTPT\r\n"
    assert FIELDS[:5] == ("to", "date", "message_id", "token", "preferences")


@given(st.binary(max_size=50))
def test_a_message_without_fields_is_itself(body: bytes) -> None:
    """Nothing is added."""
    assert Message((body,), ()).fill(b"t", b"d", b"m", b"k", b"p") == body


@given(st.text(max_size=20), st.sampled_from(list(OutboxKind)), st.integers(1, 10**9))
def test_message_ids_are_stable_and_tell_nothing(nonce: str, kind: OutboxKind, number: int) -> None:
    """The same for a resend, another for anything else, readable by a mail parser."""
    made = message_id(nonce, kind, number, "mail.example.org")
    assert made == message_id(nonce, kind, number, "mail.example.org")
    assert made != message_id(nonce, kind, number + 1, "mail.example.org")
    assert made != message_id(nonce + "x", kind, number, "mail.example.org")
    assert parseaddr(made)[1] == made[1:-1]
    assert made.endswith("@mail.example.org>")
    assert len(made) == 34 + len("@mail.example.org")


def test_an_edition_is_known_by_all_that_a_reader_sees() -> None:
    """Any change of text, language or articles is another hash; order of editions is not."""
    one = Edition("en", "S", "P", "<p>", "T", (("a", "1"),))
    others = [
        replace(one, language="fr"),
        replace(one, subject="S2"),
        replace(one, preheader="P2"),
        replace(one, html="<p>2"),
        replace(one, text="T2"),
        replace(one, articles=(("a", "2"),)),
        replace(one, subject="SP", preheader=""),
    ]
    assert len({e.hash for e in [one, *others]}) == 8
    assert replace(one, id=9).hash == one.hash
    assert combined_hash((one, others[0])) == combined_hash((others[0], one))


@pytest.mark.parametrize("state", list(IssueState))
def test_what_was_sent_stays_in_the_archive(state: IssueState) -> None:
    """Approved, sending, paused, finished; cancelled only once some of it had left."""
    slot = SlotId("digest", IssueKind.DIGEST, "weekly", "k")
    made = Issue(1, slot, NOW, 1, state, NOW)
    shown = {IssueState.APPROVED, IssueState.SENDING, IssueState.PAUSED, IssueState.FINISHED}
    assert made.archived() is (state in shown)
    released = replace(made, released_at=NOW)
    assert released.archived() is (state in shown | {IssueState.CANCELLED})
    assert made.newsletter == "digest"


@given(
    local=st.from_regex(r"[a-z][a-z0-9.]{2,12}", fullmatch=True),
    before=st.sampled_from(["", "550 5.1.1 <", "user ", "no such person:\r\n"]),
    after=st.sampled_from(["", ">: unknown", " is not here\t", "\x00"]),
    shape=st.sampled_from(["{0}@mail.test", "{0}", "{0}@other.example.org"]),
)
def test_replies_are_kept_without_addresses(
    local: str, before: str, after: str, shape: str
) -> None:
    """Neither the recipient, nor its first part, nor any other address; one printable line."""
    kept = outcome.cleaned(f"{before}{shape.format(local)}{after}", f"{local}@mail.test")
    assert "@" not in kept
    assert re.search(rf"(?<!\w){re.escape(local)}(?!\w)", kept.replace("<address>", "")) is None
    assert kept.replace("<address>", "").isprintable()
    assert len(outcome.cleaned("x" * 999)) == outcome.REPLY_LIMIT


def test_a_notice_is_plain_text_on_the_default_transport() -> None:
    """Unless more is said."""
    made = Notice(NoticeKind.STAFF, "k", "staff@example.org", "S", "T")
    assert (made.html, made.newsletter, made.transport) == ("", None, "default")


def test_findings_say_where_what_and_how() -> None:
    """The line that authors read; the severity decides what blocks."""
    finding = Finding("doi", Severity.ERROR, Place("content/x.md", 12), "no such DOI", "look it up")
    assert str(finding) == "content/x.md:12: doi: no such DOI (look it up)"
    bare = Finding("size", Severity.WARNING, Place("content/x.md"), "is large")
    assert str(bare) == "content/x.md: size: is large"
    assert (finding.blocks, bare.blocks) == (True, False)


def test_templates_know_where_they_are_from() -> None:
    """The file for error messages, or the name of one that is not there."""
    one = Template("site/a.html", "<p>", "/journal/templates/site/a.html")
    found = TemplateSet({"site/a.html": one}, {})
    assert found.origin("site/a.html") == one.origin
    assert found.origin("site/b.html") == "site/b.html"


def test_every_error_says_who_must_act() -> None:
    """All are of one tree; wrong usage ends with 2, everything else with 1."""
    classes = [c for _, c in inspect.getmembers(errors, inspect.isclass)]
    ours = [c for c in classes if c.__module__ == errors.__name__]
    assert len(ours) >= 16
    for one in ours:
        assert issubclass(one, errors.PublisherError)
        usage = issubclass(one, errors.UsageError | errors.SettingsError)
        assert one.exit_code == (2 if usage else 1), one
    assert issubclass(errors.NotFound, LookupError)
    assert issubclass(errors.TransportUnavailable, ConnectionError)
    assert issubclass(errors.Defect, AssertionError)


def test_errors_carry_what_their_reader_needs() -> None:
    """Findings, rows and problems travel with the sentence."""
    place = Place("content/x.md", 1)
    finding = Finding("r", Severity.ERROR, place, "m")
    assert errors.BlockedByFindings("no", [finding]).findings == (finding,)
    assert errors.BadRows("no", [(2, "bad address")]).rows == ((2, "bad address"),)
    assert errors.SettingsError("no", ["url is missing"]).problems == ("url is missing",)
    assert str(errors.AuthorError("what and where")) == "what and where"
