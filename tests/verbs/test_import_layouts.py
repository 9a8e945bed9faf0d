"""Exports of other services are known by their columns, and never confirm whom they do not."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import pytest

from publisher.domain.subscription import Consent, NewSubscriber, SuppressionReason
from publisher.errors import BadRows, UsageError
from publisher.ports import Store
from publisher.subscribe import Bad, Passed, Reading, export_csv, read, suppress_rows
from tests.verbs.readers import admit, reader
from tests.verbs.test_subscribe import JOURNAL, WEEKLY

NOW = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)
SAID = Consent(NOW, "import of list.csv", "Form of the old list")

LISTMONK = """\
uuid,email,name,attributes,status,created_at,updated_at
5f8c8c4e-0001,ann@example.org,Ann Lee,"{""city"": ""Oslo""}",enabled,2024-01-02 10:00:00+00,x
5f8c8c4e-0002,bo@example.org,Bo,{},blocklisted,2024-01-02 10:00:00+00,x
5f8c8c4e-0003,cy@example.org,Cy,{},disabled,2024-01-02 10:00:00+00,x
"""
HEAD = (
    '"Email Address","First Name","Last Name",Address,"Phone Number",{0}MEMBER_RATING,OPTIN_TIME,'
    "OPTIN_IP,CONFIRM_TIME,CONFIRM_IP,LATITUDE,LONGITUDE,GMTOFF,DSTOFF,TIMEZONE,CC,REGION,"
    "LAST_CHANGED,{1}LEID,EUID,NOTES,TAGS\n"
)
SUBSCRIBED = HEAD.format("", "") + (
    'ann@example.org,Ann,Lee,"1 Street, Town",,2,"2023-05-01 11:59:00",192.0.2.7,'
    '"2023-05-01 12:00:00",192.0.2.77,51.5,0,0,1,Europe/London,GB,ENG,"2023-05-01 12:00:00",'
    '1,a1,,"""VIP"""\n'
    "bo@example.org,Bo,,,,2,,,,,,,,,,,,,2,b2,,\n"
    'cy@example.org,,,,,2,,,"2023-05-02 12:00:00",2001:db8:1:2::3,,,,,,,,,3,c3,,\n'
)
UNSUBSCRIBED = HEAD.format("UNSUB_TIME,UNSUB_CAMPAIGN_TITLE,UNSUB_REASON,", "") + (
    'di@example.org,Di,,,,"2024-01-01 09:00:00",Spring,NORMAL,2,,,"2023-05-01 12:00:00",,,,,,,,,,'
    "4,d4,,\n"
)
CLEANED = HEAD.format("", "CLEAN_TIME,CLEAN_CAMPAIGN_TITLE,CLEAN_CAMPAIGN_ID,") + (
    'ed@example.org,Ed,,,,2,,,"2023-05-01 12:00:00",,,,,,,,,,"2024-01-01 09:00:00",Spring,7,'
    "5,e5,,\n"
)
GHOST = """\
id,email,name,note,subscribed_to_emails,complimentary_plan,stripe_customer_id,created_at,deleted_at,labels,tiers
m1,ann@example.org,Ann Lee,"VIP, early",true,false,,2024-01-15T10:00:00.000Z,,,
m2,bo@example.org,Bo,,false,false,,2024-01-15T10:00:00.000Z,,,
m3,cy@example.org,Cy,,true,false,,2024-01-15T10:00:00.000Z,2025-01-01T00:00:00.000Z,,
"""


def begin(text: str, agreed: Consent = SAID) -> Reading:
    raw = io.BytesIO(text.encode())
    return read(raw, journal=JOURNAL, newsletter=WEEKLY, agreed=agreed, now=NOW)


def people(text: str, agreed: Consent = SAID) -> dict[int, NewSubscriber | Bad | Passed]:
    return dict(begin(text, agreed).rows)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (LISTMONK, "listmonk"),
        (SUBSCRIBED, "Mailchimp"),
        (UNSUBSCRIBED, "Mailchimp"),
        (CLEANED, "Mailchimp"),
        (GHOST, "Ghost"),
        ("email,name\n", ""),
    ],
)
def test_whose_export_it_is(text: str, name: str) -> None:
    """By its columns, and what consent it does not tell is asked for."""
    assert begin(text).layout.name == name
    with pytest.raises(UsageError, match=f"from {name}: it tells" if name else "say how"):
        begin(text, Consent(NOW, "x", ""))


def test_listmonk() -> None:
    """Only who is enabled; since when they are there goes on record."""
    found = people(LISTMONK)
    assert (found[3], found[4]) == (Passed("blocklisted"), Passed("disabled"))
    ann = found[2]
    assert isinstance(ann, NewSubscriber)
    assert (ann.address, ann.name) == ("ann@example.org", "Ann Lee")
    assert ann.consent == Consent(
        NOW, "import of list.csv (listmonk, since 2024-01-02)", "Form of the old list"
    )


def test_mailchimp() -> None:
    """Only who confirmed; when and from which network goes on record, the network shortened."""
    found = people(SUBSCRIBED)
    ann, cy = found[2], found[4]
    assert found[3] == Passed("never confirmed")
    assert isinstance(ann, NewSubscriber)
    assert isinstance(cy, NewSubscriber)
    assert (ann.address, ann.name) == ("ann@example.org", "Ann Lee")
    assert ann.consent is not None
    assert (ann.consent.at, ann.consent.network, ann.consent.wording) == (
        datetime(2023, 5, 1, 12, tzinfo=UTC),
        "192.0.2.0/24",
        "Form of the old list",
    )
    assert cy.consent is not None
    assert (cy.name, cy.consent.network) == ("", "2001:db8:1::/48")
    assert people(UNSUBSCRIBED) == {2: Passed("unsubscribed")}
    assert people(CLEANED) == {2: Passed("cleaned")}


def test_ghost() -> None:
    """Only who wants emails and was not deleted."""
    found = people(GHOST)
    assert (found[3], found[4]) == (Passed("not subscribed to emails"), Passed("deleted"))
    assert isinstance(found[2], NewSubscriber)


def test_our_own_export_carries_its_consent(store: Store) -> None:
    """Nothing needs to be said, and another newsletter's row is refused."""
    admit(store, [reader("ann")])
    text = export_csv(store.subscribers.list())
    nothing = Consent(NOW, "import of x.csv", "")
    (ann,) = people(text, nothing).values()
    assert isinstance(ann, NewSubscriber)
    before = store.subscribers.by_address("ann@example.org")[0].consent
    assert ann.consent is not None
    assert (ann.consent.wording, ann.consent.origin) == (before.wording, before.origin)
    assert ann.consent.at == before.at.replace(microsecond=0)
    (other,) = people(text.replace(",weekly,", ",monthly,"), nothing).values()
    assert isinstance(other, Bad)
    assert "export and import each newsletter by itself" in other.reason
    (silent,) = people(text.replace(before.wording, ""), nothing).values()
    assert isinstance(silent, Bad)
    assert "does not say what they agreed to" in silent.reason
    (late,) = people(text.replace(str(before.at.year), "2099"), nothing).values()
    assert isinstance(late, Bad)
    assert "in the future" in late.reason
    (vague,) = people(text.replace(f"{before.at.isoformat(timespec='seconds')}", "May")).values()
    assert isinstance(vague, Bad)
    assert "is no instant" in vague.reason


def test_a_postal_address_is_no_address() -> None:
    """Beside a column of email addresses, `address` is where somebody lives."""
    found = begin("email,address\nann@example.org,1 Street\n")
    assert found.ignored == ("address",)
    (ann,) = dict(found.rows).values()
    assert isinstance(ann, NewSubscriber)


@pytest.mark.parametrize("state", ["maybe", "42"])
def test_an_unknown_state_is_wrong(state: str) -> None:
    """Nobody is confirmed by a word that nobody knows."""
    (found,) = people(f"email,state\nann@example.org,{state}\n").values()
    assert isinstance(found, Bad)
    assert "is not known" in found.reason


def test_time_zones_are_looked_at() -> None:
    """A name that no clock knows is refused with an example."""
    good, bad = people("email,time zone\na@example.org,Europe/Paris\nb@example.org,Mars\n").values()
    assert isinstance(good, NewSubscriber)
    assert good.time_zone == "Europe/Paris"
    assert isinstance(bad, Bad)
    assert "Europe/London" in bad.reason


# --- suppressing from files -----------------------------------------------------------------------


def reasons(store: Store) -> dict[str, SuppressionReason]:
    return {each.address: each.reason for _, each in store.suppressions.list()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (LISTMONK, {"bo@example.org": "staff", "cy@example.org": "staff"}),
        (UNSUBSCRIBED, {"di@example.org": "staff"}),
        (CLEANED, {"ed@example.org": "bounce"}),
        (GHOST, {"bo@example.org": "staff", "cy@example.org": "staff"}),
        ("email\nann@example.org\n\n", {"ann@example.org": "staff"}),
        (
            "email,state\nann@example.org,Complaint\nbo@example.org,\n",
            {"ann@example.org": "complaint"},
        ),
    ],
)
def test_suppressing_from_files(store: Store, text: str, expected: dict[str, str]) -> None:
    """Everybody, or where the file names states, those who are not confirmed in it."""
    raw = io.BytesIO(text.encode())
    rehearsed = suppress_rows(store.suppressions, raw, "old list", NOW, dry_run=True)
    assert reasons(store) == {}
    done = suppress_rows(store.suppressions, raw, "old list", NOW)
    assert done == rehearsed
    assert done.new == len(expected)
    assert reasons(store) == expected
    again = suppress_rows(store.suppressions, raw, "old list", NOW)
    assert (again.new, again.known) == (0, len(expected))


def test_a_wrong_row_suppresses_nobody(store: Store) -> None:
    """Unless the others are wanted."""
    raw = io.BytesIO(b"email\nann@example.org\nnobody\n")
    with pytest.raises(BadRows, match="nobody was suppressed") as caught:
        suppress_rows(store.suppressions, raw, "x", NOW, name="x.csv")
    assert (caught.value.rows[0][0], caught.value.file) == (3, "x.csv")
    assert reasons(store) == {}
    done = suppress_rows(store.suppressions, raw, "x", NOW, partial=True)
    assert (done.new, done.wrong) == (1, 1)
