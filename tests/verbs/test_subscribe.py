"""People come in with consent, and leave when they say so."""

from __future__ import annotations

import csv
import io
import itertools
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.cadence import Cadence, CadenceKind
from publisher.domain.journal import Journal, Newsletter
from publisher.domain.subscription import (
    Admission,
    Consent,
    NewSubscriber,
    Subscription,
    SubscriptionEvent,
    SubscriptionState,
    Suppression,
    SuppressionReason,
)
from publisher.errors import BadRows, UsageError
from publisher.ports import Store
from publisher.stores.staging import open_staging
from publisher.subscribe import (
    Bad,
    BadAddress,
    ImportReport,
    Passed,
    Reading,
    add,
    cells,
    export_csv,
    import_rows,
    may_undo,
    normalise,
    read,
    sheets,
    statement,
    undo,
    unsubscribe,
)
from tests.factories import journal, newsletter
from tests.verbs.readers import admit, reader

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
BOTH = (Cadence(CadenceKind.WEEKLY, weekday=1), Cadence(CadenceKind.EACH))
WEEKLY = newsletter(cadences=BOTH)
JOURNAL = journal(newsletters=(WEEKLY,))
NUMBERS = itertools.count()


def fresh() -> str:
    """A token id nobody had."""
    return f"fresh-{next(NUMBERS)}"


@dataclass
class Row:
    """A good row and its number."""

    number: int
    subscriber: NewSubscriber


@dataclass
class Parsed:
    """What a file holds."""

    rows: list[Row]
    bad: list[tuple[int, str]]
    passed: list[tuple[int, str]]
    ignored: tuple[str, ...]


AGREED = Consent(NOW, "people.csv", "Signed at the desk")


def reading(
    text: str | bytes,
    of: Journal = JOURNAL,
    one: Newsletter = WEEKLY,
    agreed: Consent = AGREED,
) -> Reading:
    """Begin to read a file for the weekly newsletter."""
    raw = text.encode() if isinstance(text, str) else text
    return read(io.BytesIO(raw), journal=of, newsletter=one, agreed=agreed, now=NOW)


def parse(text: str | bytes, of: Journal = JOURNAL, one: Newsletter = WEEKLY) -> Parsed:
    """Read a file for the weekly newsletter, to its end; the same address twice is wrong."""
    found = reading(text, of, one)
    parsed = Parsed([], [], [], found.ignored)
    with open_staging() as staging:
        for number, each in found.rows:
            if isinstance(each, Bad):
                parsed.bad.append((number, each.reason))
            elif isinstance(each, Passed):
                parsed.passed.append((number, each.state))
            else:
                parsed.bad += [
                    (row, f"the same address as in row {earlier}")
                    for row, earlier in staging.add([(number, each)])
                ]
        parsed.rows = [Row(*pair) for batch in staging.batches(2) for pair in batch]
    return parsed


# --- addresses ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "address", "key"),
    [
        ("Ann.Lee@Example.ORG", "Ann.Lee@example.org", "ann.lee@example.org"),
        ("  ann@mail.test ", "ann@mail.test", "ann@mail.test"),
        ("ann+news@example.org", "ann+news@example.org", "ann+news@example.org"),
        (
            "ann@bücher.example.org",
            "ann@xn--bcher-kva.example.org",
            "ann@xn--bcher-kva.example.org",
        ),
    ],
)
def test_normalise(typed: str, address: str, key: str) -> None:
    """Addresses keep their own spelling, are compared in lower case, and are ASCII."""
    assert normalise(typed) == (address, key)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ann",
        "ann@",
        "@example.org",
        "ann lee@example.org",
        "ann@example.org\r\nBcc: all@example.org",
        "ann@localhost",
        "Ann <ann@example.org>",
        '"ann lee"@example.org',
        "ann@[127.0.0.1]",
        "än\u200bchen@example.org",
        f"{'a' * 65}@example.org",
    ],
)
def test_bad_addresses(typed: str) -> None:
    """What no server would take is refused, without repeating it whole."""
    with pytest.raises(BadAddress) as caught:
        normalise(typed)
    if len(typed) > 5:
        assert typed.strip() not in str(caught.value)


# --- files -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_delimiters_and_marks(delimiter: str, bom: str, end: str) -> None:
    """Comma, semicolon or tab, with or without BOM, either line ending."""
    lines = [
        delimiter.join(("Name", "E-Mail", "Topics", "Cadence", "Language")),
        delimiter.join(("Ann Lee", "Ann@example.org", "sleep|Cancer", "Each article", "pt_br")),
        delimiter.join(("", "bo@example.org", "", "weekly", "")),
    ]
    found = parse(bom + end.join(lines))
    assert found.bad == []
    ann, bo = (row.subscriber for row in found.rows)
    assert (ann.name, ann.address, ann.key) == ("Ann Lee", "Ann@example.org", "ann@example.org")
    assert (ann.topics, ann.cadence, ann.language) == (("cancer", "sleep"), "each", "pt-BR")
    assert (bo.name, bo.topics, bo.cadence, bo.language) == ("", None, "weekly", None)


def test_topics_by_semicolon_in_a_quoted_cell() -> None:
    """A semicolon separates topics where it does not separate cells."""
    assert parse("email,topics\na@example.org,sleep;cancer\n").rows[0].subscriber.topics == (
        "cancer",
        "sleep",
    )


def test_excels_separator_line() -> None:
    """`sep=;` names the separator; rows count as the spreadsheet shows them."""
    found = parse("sep=;\nemail;name\nann@example.org;Ann, Lee\nnobody;x\n")
    assert (found.rows[0].number, found.rows[0].subscriber.name) == (3, "Ann, Lee")
    assert [number for number, _ in found.bad] == [4]


@pytest.mark.parametrize("header", ["email", "E-mail", "EMAIL ADDRESS", "Address", "e_mail"])
def test_header_spellings(header: str) -> None:
    """The column of addresses goes by several names."""
    assert len(parse(f"{header}\nann@example.org\n").rows) == 1


def test_each_bad_row_has_its_reason() -> None:
    """Every row is judged by itself; good ones stay good."""
    found = parse(
        "email,name,topics,cadence,language,state\n"
        "ann@example.org\n"
        ",Nobody\n"
        "nowhere\n"
        "b@example.org,B,slep\n"
        "c@example.org,C,,monthly\n"
        "d@example.org,D,,,english language\n"
        "ANN@example.org\n"
        "e@example.org,E,,,,unsubscribed\n"
        "f@example.org,F,,,,confirmed,surplus\n"
        f"g@example.org,{'G' * 201}\n"
        "h@example.org,H\x07\n"
        ",,,\n"
        "i@example.org,I,astrology\n"
    )
    reasons = dict(found.bad)
    assert [row.number for row in found.rows] == [2]
    assert list(reasons) == [3, 4, 5, 6, 7, 8, 10, 11, 12, 14]
    assert found.passed == [(9, "unsubscribed")]
    for number, words in {
        3: "no address",
        4: "not an email address",
        5: "did you mean 'sleep'?",
        6: "it offers weekly, each",
        7: "no language tag",
        8: "as in row 2",
        10: "7 cells, the header 6",
        11: "longer than 200",
        12: "control characters",
        14: "it offers cancer, sleep, nutrition",
    }.items():
        assert words in reasons[number]


def test_names_keep_to_one_line() -> None:
    """A line break in a quoted name becomes a blank; it can never reach a header."""
    found = parse('email,name\nann@example.org,"Ann\r\nLee"\n')
    assert found.rows[0].subscriber.name == "Ann Lee"


def test_cadence_in_its_long_form() -> None:
    """What the settings call it is understood as well."""
    found = parse("email,cadence\nann@example.org,Weekly on Tuesday at 09:00\n")
    assert found.rows[0].subscriber.cadence == "weekly"


def test_newsletter_offers_only_its_topics() -> None:
    """A category of the journal that the newsletter does not offer is refused."""
    narrow = newsletter(topics=("sleep",))
    found = parse("email,topics\na@example.org,cancer\n", journal(newsletters=(narrow,)), narrow)
    assert "offers no topic 'cancer'" in found.bad[0][1]


def test_other_columns_are_named() -> None:
    """Columns of other services are left alone and named, near misses with a hint."""
    found = parse("email,Signup IP,cadance,\nann@example.org,1,2,\n")
    assert found.ignored == ("Signup IP", "cadance (did you mean 'cadence'?)")


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"email\nann@example.org\n\xff\n", "line 3 is not UTF-8"),
        ("email\nann@example.org".encode("utf-16"), "not UTF-8"),
        (b"email\n\0", "NUL"),
        (b"", "nothing"),
        (b"name,phone\nAnn,1\n", "it holds name, phone"),
        (b"ann@example.org\nbo@example.org\n", "a person already"),
        (b"email,E-mail\n", "mean the same"),
        (b'email,name\nann@example.org,"Ann\n', "no CSV"),
        (b"email\n" + b"a" * 10_001, "line 2 is longer"),
    ],
)
def test_bad_files(raw: bytes, words: str) -> None:
    """What is wrong with the whole file is said at once."""
    with pytest.raises(UsageError, match=words):
        parse(raw)


def test_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Size and number of rows are bounded."""
    monkeypatch.setattr(sheets, "MAX_ROWS", 2)
    assert len(parse("email\na@example.org\nb@example.org\n").rows) == 2
    with pytest.raises(UsageError, match="more than 2 rows"):
        parse("email\na@example.org\nb@example.org\nc@example.org\n")
    monkeypatch.setattr(sheets, "MAX_BYTES", 10)
    with pytest.raises(UsageError, match="larger"):
        parse("email\na@example.org\n")


@given(
    st.binary(max_size=300)
    | st.text(max_size=300).map(lambda t: b"email,name\n" + t.encode("utf-8", "replace"))
)
def test_any_bytes_are_read_or_refused(raw: bytes) -> None:
    """Nothing but UsageError comes of any file, and no row is both good and bad."""
    try:
        found = parse(raw)
    except UsageError:
        return
    assert not {row.number for row in found.rows} & {number for number, _ in found.bad}


# --- import ---------------------------------------------------------------------------------------


def bring(store: Store, text: str, agreed: Consent = AGREED, **options: Any) -> ImportReport:
    """Import a file with consent."""
    with open_staging() as staging:
        return import_rows(
            store.subscribers,
            staging,
            WEEKLY,
            reading(text, agreed=agreed),
            agreed,
            now=NOW,
            token_id=fresh,
            **options,
        )


def test_import_reports_every_row(store: Store) -> None:
    """Added, known, left and suppressed are told apart; nobody is brought back."""
    admit(store, [reader("known"), reader("left")])
    left = store.subscribers.by_address("left@example.org")[0]
    store.subscribers.change(left.id, SubscriptionEvent.UNSUBSCRIBE, NOW)
    store.suppressions.add(Suppression("gone@example.org", SuppressionReason.STAFF, NOW))
    report = bring(
        store,
        "email,x\nnew@example.org\nknown@example.org\nLEFT@example.org\ngone@example.org\n",
    )
    assert report.counts == dict.fromkeys(Admission, 1)
    assert report.added == 1
    assert [number for number, _ in report.declined] == [4, 5]
    assert report.ignored == ("x",)
    assert store.subscribers.by_address("left@example.org")[0].state == "unsubscribed"
    new = store.subscribers.by_address("new@example.org")[0]
    assert new.consent == Consent(NOW, "people.csv", "Signed at the desk")
    assert new.state is SubscriptionState.CONFIRMED


def test_import_is_all_or_nothing(store: Store) -> None:
    """One bad row refuses the file, unless partial; a dry run writes nothing."""
    text = "email\nann@example.org\nnowhere\n"
    with pytest.raises(BadRows, match="wrong rows: 1 of 2") as caught:
        bring(store, text)
    assert [number for number, _ in caught.value.rows] == [3]
    bring(store, text, partial=True, dry_run=True)
    assert store.subscribers.counts() == {}
    bring(store, text, partial=True)
    assert store.subscribers.counts() == {"weekly": {"confirmed": 1}}


@pytest.mark.parametrize(("wording", "words"), [("  ", "say how"), ("x" * 2001, "longer")])
def test_people_need_a_consent_statement(wording: str, words: str) -> None:
    """Without consent nobody is added."""
    with pytest.raises(UsageError, match=words):
        statement(wording, "x", NOW)
    with pytest.raises(UsageError, match="say how"):
        reading("email\nann@example.org\n", agreed=replace(AGREED, wording=""))


def test_add_one(store: Store) -> None:
    """One person by hand, with the same checks."""
    options = {"consent": "On the phone", "origin": "staff", "now": NOW, "token_id": fresh}
    added = add(
        store.subscribers,
        JOURNAL,
        WEEKLY,
        "Ann@example.org",
        name="Ann",
        topics=["sleep"],
        cadence="each",
        language="de",
        **options,  # type: ignore[arg-type]  # shared options
    )
    assert added is Admission.ADDED
    ann = store.subscribers.by_address("ann@example.org")[0]
    assert (ann.name, ann.topics, ann.cadence, ann.language) == ("Ann", ("sleep",), "each", "de")
    with pytest.raises(BadAddress):
        add(store.subscribers, JOURNAL, WEEKLY, "nowhere", **options)  # type: ignore[arg-type]  # shared options


# --- export ----------------------------------------------------------------------------------------


def test_no_cell_is_a_formula(store: Store) -> None:
    """A name that a spreadsheet would run is text in the export."""
    admit(store, [reader("ann")])
    evil = '=HYPERLINK("https://evil.example.org")'
    one = store.subscribers.by_address("ann@example.org")[0]
    text = export_csv([named(one, evil)])
    assert f"'{evil}" in next(iter(csv.DictReader(io.StringIO(text))))["name"]


def named(one: Subscription, name: str) -> Subscription:
    """The subscription under another name."""
    return replace(one, name=name)


@given(st.text())
def test_guarding_is_undone(text: str) -> None:
    """Any cell comes back as it was, and a guarded one begins with nothing risky."""
    guarded = cells.guard(text)
    assert cells.restore(guarded) == text
    assert not guarded.startswith(cells.RISKY)


NAMES = st.text(
    st.characters(blacklist_categories=("Cc", "Cs", "Zs", "Zl", "Zp")) | st.just(" "), max_size=40
).map(lambda text: " ".join(text.split()))
LOCALS = st.from_regex(r"[a-z0-9=+\-'_][a-z0-9]{0,10}", fullmatch=True)


@given(
    st.lists(
        st.tuples(
            LOCALS,
            NAMES,
            st.none() | st.sets(st.sampled_from(["cancer", "sleep", "nutrition"]), min_size=1),
            st.sampled_from([None, "weekly", "each"]),
            st.sampled_from([None, "de", "pt-BR", "zh-Hant"]),
        ),
        unique_by=lambda person: person[0],
    )
)
def test_export_imports_again(
    people: list[tuple[str, str, set[str] | None, str | None, str | None]],
) -> None:
    """What was exported reads back as the same people."""
    subscriptions = [
        Subscription(
            id=number,
            newsletter="weekly",
            address=f"{local}@example.org",
            name=name,
            state=SubscriptionState.CONFIRMED,
            token_id=f"t{number}",
            topics=tuple(sorted(topics)) if topics else None,
            cadence=cadence,
            language=language,
            time_zone=None,
            consent=Consent(NOW, "@form", "-I agree"),
            created_at=NOW,
        )
        for number, (local, name, topics, cadence, language) in enumerate(people)
    ]
    found = parse(export_csv(subscriptions))
    assert found.bad == []
    assert [
        (
            r.subscriber.address,
            r.subscriber.name,
            r.subscriber.topics,
            r.subscriber.cadence,
            r.subscriber.language,
        )
        for r in found.rows
    ] == [(s.address, s.name, s.topics, s.cadence, s.language) for s in subscriptions]


def test_exported_leavers_are_not_imported(store: Store) -> None:
    """An export that holds the unsubscribed does not confirm them elsewhere."""
    admit(store, [reader("ann"), reader("bo")])
    unsubscribe(store.subscribers, "t-weekly-bo", NOW)
    text = export_csv(store.subscribers.list())
    found = parse(text)
    assert [row.subscriber.address for row in found.rows] == ["ann@example.org"]
    assert found.passed == [(3, "unsubscribed")]


# --- leaving ---------------------------------------------------------------------------------------


def test_unsubscribe_is_idempotent(store: Store) -> None:
    """The first time counts; the minute to undo does not start anew."""
    admit(store, [reader("ann")])
    first = unsubscribe(store.subscribers, "t-weekly-ann", NOW)
    again = unsubscribe(store.subscribers, "t-weekly-ann", NOW + timedelta(hours=1))
    assert first == again
    assert first is not None
    assert (first.state, first.unsubscribed_at) == (SubscriptionState.UNSUBSCRIBED, NOW)
    assert unsubscribe(store.subscribers, "nobody", NOW) is None


def test_undo_within_the_minute(store: Store) -> None:
    """Undone up to a minute later, not a moment after."""
    admit(store, [reader("ann")])
    for late, state in (
        (timedelta(minutes=1), SubscriptionState.CONFIRMED),
        (timedelta(minutes=1, microseconds=1), SubscriptionState.UNSUBSCRIBED),
    ):
        left = unsubscribe(store.subscribers, "t-weekly-ann", NOW)
        assert left is not None
        assert may_undo(left, NOW + late) is (state is SubscriptionState.CONFIRMED)
        found = undo(store.subscribers, "t-weekly-ann", NOW + late)
        assert found is not None
        assert found.state is state
    assert undo(store.subscribers, "nobody", NOW) is None


def test_undo_of_what_is_not_ended_changes_nothing(store: Store) -> None:
    """A confirmed subscription stays as it is."""
    admit(store, [reader("ann")])
    found = undo(store.subscribers, "t-weekly-ann", NOW)
    assert found is not None
    assert found.state is SubscriptionState.CONFIRMED
