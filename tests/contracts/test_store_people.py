"""What any store promises about forms, wishes, suppressions and being forgotten."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from itertools import count
from threading import Barrier, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.bounce import Bounce, BounceKind, BounceSource, Complaint
from publisher.domain.delivery import DeliveryState, OutboxKind
from publisher.domain.notice import Notice, NoticeKind
from publisher.domain.request import (
    DAY,
    LIFETIME,
    Choice,
    Filed,
    FormLimits,
    Request,
    RequestKind,
)
from publisher.domain.subscription import (
    Admission,
    Consent,
    SubscriptionEvent,
    SubscriptionState,
    Suppression,
    SuppressionReason,
    Wishes,
)
from publisher.errors import NotAllowed, NotFound, SettingsError
from publisher.formats.pepper import MARK, Pepper
from publisher.ports import Store
from publisher.stores import open_store
from tests.contracts.samples import (
    HOST,
    NOW,
    admit,
    claim,
    notice,
    one,
    people,
    release,
    row,
    settle,
    start,
    suppress,
)

LIMITS = FormLimits(network=3, total=8)
AGREED = Consent(NOW, "form", "Yes, send it.", "/subscribe", "192.0.2.0/24", "abc")
CONFIRMED = Consent(NOW, "form, confirmed by link", "Yes, send it.", "/subscribe", "n", "abc")
PEPPER = Pepper((("k1", b"a" * 32),))
WISHES = Wishes(("heart",), "monthly", "de", "Europe/Berlin")
R = SuppressionReason
tokens = count()


def asked(name: str = "ann", network: str = "192.0.2.0/24", **changes: object) -> Request:
    number = next(tokens)
    values: dict[str, object] = {
        "token_id": f"request-{number}",
        "kind": RequestKind.JOIN,
        "address": f"{name}@example.org",
        "key": f"{name}@example.org",
        "at": NOW,
        "consent": Consent(NOW, "form", "Yes, send it.", "/subscribe", network, "abc"),
        "choices": (Choice("digest", WISHES),),
    }
    return Request(**(values | changes))  # type: ignore[arg-type]  # by keyword


def answer(request: Request) -> Notice:
    return Notice(
        NoticeKind.CONFIRMATION, f"request:{request.token_id}", request.address, "Confirm", "text"
    )


def token() -> str:
    return f"token-{next(tokens)}"


def file(store: Store, request: Request, limits: FormLimits = LIMITS) -> Filed:
    return store.requests.file(request, answer(request), limits, token, "nonce", request.at)


def test_a_form_leaves_a_pending_subscription_and_one_mail(store: Store) -> None:
    """Nobody is a reader before the link is followed; what was agreed to is on record."""
    request = asked()
    assert file(store, request) is Filed.MAILED
    found = one(store, "ann")
    assert found.state is SubscriptionState.PENDING
    assert found.consent == request.consent
    assert store.notices.state(f"request:{request.token_id}") is DeliveryState.QUEUED
    assert store.requests.get(request.token_id) is not None
    assert store.requests.get("another") is None


def test_confirming_carries_the_wishes_out_once(store: Store) -> None:
    """The second click changes nothing, whatever happened between."""
    request = asked()
    file(store, request)
    (number,) = store.requests.confirm(request.token_id, CONFIRMED, NOW)
    found = one(store, "ann")
    assert found.state is SubscriptionState.CONFIRMED
    assert (found.topics, found.cadence) == (("heart",), "monthly")
    assert (found.language, found.time_zone) == ("de", "Europe/Berlin")
    assert [each.origin for each in store.subscribers.consents(number)] == [
        "form",
        "form, confirmed by link",
    ]
    assert list(store.requests.confirm(request.token_id, CONFIRMED, NOW)) == [number]
    store.subscribers.change(number, SubscriptionEvent.UNSUBSCRIBE, NOW)
    assert list(store.requests.confirm(request.token_id, CONFIRMED, NOW)) == []
    assert one(store, "ann").state is SubscriptionState.UNSUBSCRIBED


def test_a_strangers_form_changes_nothing_for_a_reader(store: Store) -> None:
    """A confirmed subscription keeps its wishes and its consent, whoever fills in a form."""
    admit(store, row("ann"))
    before = one(store, "ann")
    assert file(store, asked()) is Filed.MAILED
    assert one(store, "ann") == before


def test_who_left_is_pending_again_and_confirms_anew(store: Store) -> None:
    """`unsubscribed → pending` by a new request, and their reason is forgotten."""
    admit(store, row("ann"))
    number = one(store, "ann").id
    store.subscribers.change(number, SubscriptionEvent.UNSUBSCRIBE, NOW)
    store.subscribers.give_reason(number, "too much")
    assert one(store, "ann").reason == "too much"
    request = asked()
    file(store, request)
    found = one(store, "ann")
    assert (found.state, found.reason) == (SubscriptionState.PENDING, "")
    store.requests.confirm(request.token_id, CONFIRMED, NOW)
    assert one(store, "ann").state is SubscriptionState.CONFIRMED


def test_who_left_while_the_mail_was_under_way_stays_out(store: Store) -> None:
    """The unsubscribe link is stronger than an older confirmation."""
    request = asked()
    file(store, request)
    store.subscribers.change(one(store, "ann").id, SubscriptionEvent.UNSUBSCRIBE, NOW)
    assert list(store.requests.confirm(request.token_id, CONFIRMED, NOW)) == []


def test_an_address_is_written_to_once_a_day(store: Store) -> None:
    """A bomb of forms sends its victim one mail."""
    answers = [file(store, asked(network=f"n{number}")) for number in range(3)]
    assert answers == [Filed.MAILED, Filed.ADDRESS_LIMIT, Filed.ADDRESS_LIMIT]
    later = NOW + DAY
    assert file(store, asked(network="n", at=later)) is Filed.MAILED


def test_networks_and_everybody_together_are_limited(store: Store) -> None:
    """Beyond the limit not even a row is kept."""
    same = [file(store, asked(f"a{number}", "net")) for number in range(4)]
    assert same == [Filed.MAILED] * 3 + [Filed.NETWORK_LIMIT]
    others = [file(store, asked(f"b{number}", f"n{number}")) for number in range(6)]
    assert others == [Filed.MAILED] * 5 + [Filed.TOTAL_LIMIT]
    assert not store.subscribers.by_address("b5@example.org")


def test_forms_at_once_send_one_mail(store: Store) -> None:
    """However many arrive in the same instant."""
    answers: list[Filed] = []
    barrier = Barrier(4)

    def work() -> None:
        request = asked()
        barrier.wait()
        answers.append(file(store, request, FormLimits()))

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers.count(Filed.MAILED) == 1
    assert store.notices.counts() == {"queued": 1}


@pytest.mark.parametrize("reason", list(SuppressionReason))
def test_what_lets_a_form_be_answered(store: Store, reason: SuppressionReason) -> None:
    """Opting in anew lifts a bounce and a long absence; nothing else is lifted by a form."""
    suppress(store, "ann", reason)
    request = asked()
    lifted = reason in (R.BOUNCE, R.LEFT)
    assert file(store, request) is (Filed.MAILED if lifted else Filed.SUPPRESSED)
    assert bool(store.requests.confirm(request.token_id, CONFIRMED, NOW)) is lifted
    assert (store.suppressions.find("ann@example.org") is None) is lifted


def test_a_complaint_after_the_form_ends_it(store: Store) -> None:
    """What was suppressed meanwhile is not confirmed."""
    request = asked()
    file(store, request)
    suppress(store, "ann")
    assert list(store.requests.confirm(request.token_id, CONFIRMED, NOW)) == []


def test_moving_to_another_address(store: Store) -> None:
    """Once; the subscriptions go along."""
    admit(store, row("ann"))
    owner = store.subscribers.subscriber_id("ann@example.org")
    request = asked("new", kind=RequestKind.MOVE, subscriber_id=owner, choices=())
    assert file(store, request) is Filed.MAILED
    assert store.requests.move(request.token_id, NOW) == ("ann@example.org", "new@example.org")
    assert store.requests.move(request.token_id, NOW) is None
    assert one(store, "new").address == "new@example.org"
    assert not store.subscribers.by_address("ann@example.org")


def test_nobody_moves_to_where_somebody_else_is(store: Store) -> None:
    """Nor to a suppressed address, nor by a link of another kind."""
    admit(store, row("ann"), row("bo"))
    owner = store.subscribers.subscriber_id("ann@example.org")
    taken = asked("bo", kind=RequestKind.MOVE, subscriber_id=owner, choices=())
    file(store, taken)
    assert store.requests.move(taken.token_id, NOW) is None
    suppressed = asked("cy", kind=RequestKind.MOVE, subscriber_id=owner, choices=())
    file(store, suppressed)
    suppress(store, "cy", R.BOUNCE)
    assert store.requests.move(suppressed.token_id, NOW) is None
    join = asked("di")
    file(store, join, FormLimits())
    assert store.requests.move(join.token_id, NOW) is None
    assert one(store, "ann").address == "ann@example.org"


def test_staff_may_change_name_and_address(store: Store) -> None:
    """Under the same conditions; the state table has no say in it."""
    admit(store, row("ann"), row("bo"))
    suppress(store, "cy")
    store.subscribers.rename("ann@example.org", "Ann Lee")
    store.subscribers.readdress("ann@example.org", "Anna@example.org")
    assert (one(store, "anna").name, one(store, "anna").address) == ("Ann Lee", "Anna@example.org")
    for taken in ("bo", "cy"):
        with pytest.raises(NotAllowed):
            store.subscribers.readdress("anna@example.org", f"{taken}@example.org")
    calls: tuple[Callable[[], object], ...] = (
        lambda: store.subscribers.rename("no@example.org", "x"),
        lambda: store.subscribers.readdress("no@example.org", "x@example.org"),
        lambda: store.subscribers.wish(999, WISHES),
    )
    for call in calls:
        with pytest.raises(NotFound):
            call()


def test_wishes_take_the_place_of_earlier_ones(store: Store) -> None:
    """All of them at once, a pause included."""
    admit(store, row("ann", topics=("sleep",)))
    until = NOW + timedelta(days=30)
    found = store.subscribers.wish(
        one(store, "ann").id, Wishes(cadence="monthly", paused_until=until)
    )
    assert (found.topics, found.cadence, found.paused_until) == (None, "monthly", until)


def test_what_no_link_can_use_is_swept(store: Store) -> None:
    """A day after its end; younger ones stay."""
    old, young = asked("a", "1"), asked("b", "2", at=NOW + LIFETIME)
    file(store, old)
    file(store, young)
    assert store.requests.sweep(NOW + LIFETIME + DAY + timedelta(seconds=1)) == 1
    assert store.requests.get(old.token_id) is None
    assert store.requests.get(young.token_id) is not None


def test_suppressions_are_listed_found_and_removed(store: Store) -> None:
    """In pages, in order; removing says what it was for."""
    for name in ("c", "a", "b"):
        suppress(store, name)
    first = store.suppressions.list(limit=2)
    rest = store.suppressions.list(first[-1][0])
    assert [each.address[0] for _, each in (*first, *rest)] == ["a", "b", "c"]
    removed = store.suppressions.lift("b@example.org", NOW, "ann", "They asked us to.")
    assert removed is not None
    assert removed.reason is R.COMPLAINT
    assert store.suppressions.lift("b@example.org", NOW, "ann", "x") is None
    (lift,) = store.suppressions.lifts("b@example.org")
    assert (lift.was.reason, lift.at, lift.by, lift.why) == (
        R.COMPLAINT,
        NOW,
        "ann",
        "They asked us to.",
    )
    assert store.suppressions.counts() == {"complaint": 2}
    assert store.suppressions.find("b@example.org") is None


class TestForgetting:
    """Everything but the keyed hash."""

    @pytest.fixture
    def store(self, store_url: str) -> Store:  # type: ignore[misc]  # a generator for pytest
        """A store that can hash."""
        opened = open_store(store_url, synchronous="NORMAL", host=HOST, pepper=PEPPER)
        opened.migrate(NOW)
        yield opened
        opened.close()

    def forget(self, store: Store, name: str = "reader0") -> object:
        why = Suppression(f"{name}@example.org", R.FORGOTTEN, NOW, "asked by mail")
        return store.subscribers.forget(f"{name}@example.org", why, NOW)

    def test_the_person_is_gone_and_the_counts_stay(self, store: Store) -> None:
        """What had left is counted as before, what had not is cancelled; the issue can finish."""
        people(store, 2)
        issue = release(store)
        settle(store, start(store, claim(store, limit=1, issue_id=issue.id)))
        second = release(store, "2026-12-01T09:00")
        store.notices.add(notice("w", address="reader0@example.org"), "n", NOW)
        found = self.forget(store)
        assert found is not None
        assert (found.subscriptions, found.deliveries, found.cancelled) == (1, 2, 1)  # type: ignore[attr-defined]
        assert len(found.message_ids) == 3  # type: ignore[attr-defined]
        assert not store.subscribers.by_address("reader0@example.org")
        assert store.issues.get(issue.id).counts["accepted"] == 1
        assert store.issues.get(second.id).counts["cancelled"] == 1
        assert store.notices.counts() == {}
        for held in (issue, second):
            settle(store, start(store, claim(store, issue_id=held.id)))
        assert set(store.outbox.finish(NOW)) == {issue.id, second.id}

    def test_nobody_brings_them_back(self, store: Store) -> None:
        """Neither an import nor a form; and the address stands nowhere in clear."""
        people(store, 1)
        self.forget(store)
        assert list(admit(store, row("reader0"))) == [Admission.SUPPRESSED]
        assert file(store, asked("reader0")) is Filed.SUPPRESSED
        ((form, kept),) = store.suppressions.list()
        assert form.startswith(f"{MARK}k1:")
        assert (kept.address, kept.reason) == ("", R.FORGOTTEN)
        assert store.suppressions.find("reader0@example.org") == kept

    def test_a_new_key_makes_no_hash_void(self, store: Store, store_url: str) -> None:
        """The old one still recognises; staff may lift it."""
        people(store, 1)
        self.forget(store)
        rotated = open_store(
            store_url,
            synchronous="NORMAL",
            host=HOST,
            pepper=Pepper((("k2", b"b" * 32), *PEPPER.keys)),
        )
        assert list(admit(rotated, row("reader0"))) == [Admission.SUPPRESSED]
        assert rotated.suppressions.missing_keys() == frozenset()
        assert rotated.suppressions.lift("reader0@example.org", NOW, "ann", "x") is not None
        assert list(admit(rotated, row("reader0"))) == [Admission.ADDED]
        rotated.close()

    def test_a_complaint_is_remembered_as_a_hash(self, store: Store) -> None:
        """Retention erases the address and keeps the wish."""
        admit(store, row("ann"))
        suppress(store, "ann", R.COMPLAINT)
        store.subscribers.forget("ann@example.org", None, NOW)
        ((form, kept),) = store.suppressions.list()
        assert form.startswith(MARK)
        assert (kept.address, kept.reason) == ("", R.COMPLAINT)
        assert store.subscribers.forget("ann@example.org", None, NOW) is None

    def test_who_was_only_mailed_can_be_forgotten_too(self, store: Store) -> None:
        """A notice holds an address as well; a stranger has nothing to forget."""
        store.notices.add(notice("w", address="ann@example.org"), "n", NOW)
        assert self.forget(store, "ann") is not None
        assert store.notices.counts() == {}
        assert self.forget(store, "nobody") is None

    def test_everything_about_a_person_can_be_told(self, store: Store) -> None:
        """Each delivery with what became of it."""
        people(store, 1)
        issue = release(store)
        settle(store, start(store, claim(store, issue_id=issue.id)))
        store.bounces.record(
            Bounce(
                OutboxKind.DELIVERY,
                1,
                NOW,
                BounceKind.SOFT,
                BounceSource.MAIL,
                "b",
                "4.2.2",
                0,
                "full",
            ),
            None,
        )
        store.bounces.record(Complaint(NOW, "abuse", "c", OutboxKind.DELIVERY, 1), None)
        store.notices.add(notice("w", address="reader0@example.org"), "n", NOW)
        file(store, asked("reader0"))
        suppress(store, "reader0", R.BOUNCE)
        store.suppressions.lift("reader0@example.org", NOW, "ann", "repaired")
        told = store.subscribers.record("reader0@example.org")
        assert told is not None
        (subscribed,) = told["subscriptions"]
        assert (subscribed["newsletter"], subscribed["consents"][0]["wording"]) == (
            "digest",
            "Yes, send me the digest.",
        )
        (sent,) = subscribed["deliveries"]
        assert (sent["newsletter"], sent["number"], sent["state"]) == ("digest", 1, "accepted")
        assert [each["kind"] for each in sent["bounces"]] == ["soft"]
        assert [each["feedback"] for each in sent["complaints"]] == ["abuse"]
        assert [each["kind"] for each in told["notices"]] == ["staff", "confirmation"]
        assert told["requests"][0]["choices"][0]["newsletter"] == "digest"
        assert told["lifted"][0]["why"] == "repaired"
        assert told["suppression"] is None
        assert "token" not in repr(told)
        assert store.subscribers.record("nobody@example.org") is None
        suppress(store, "only", R.STAFF)
        only = store.subscribers.record("only@example.org")
        assert only is not None
        assert (only["subscriptions"], only["suppression"]["reason"]) == ([], "staff")

    def test_a_rehearsal_changes_nothing(self, store: Store) -> None:
        """`dry_run` tells the same and keeps everything."""
        people(store, 1)
        why = Suppression("reader0@example.org", R.FORGOTTEN, NOW)
        told = store.subscribers.forget("reader0@example.org", why, NOW, dry_run=True)
        assert store.subscribers.by_address("reader0@example.org")
        assert store.subscribers.forget("reader0@example.org", why, NOW) == told

    def test_what_staff_lifted_is_forgotten_too(self, store: Store) -> None:
        """An address stands nowhere in clear, though nothing else is known of it."""
        suppress(store, "ann", R.STAFF)
        store.suppressions.lift("ann@example.org", NOW, "bo", "by mistake")
        assert self.forget(store, "ann") is not None
        assert list(store.suppressions.lifts("ann@example.org")) == []

    def test_a_long_absence_does_not_soften_a_complaint(self, store: Store) -> None:
        """Retention keeps the graver reason; being forgotten takes its place."""
        for name in ("ann", "bo"):
            admit(store, row(name))
            suppress(store, name, R.COMPLAINT)
        store.subscribers.forget("ann@example.org", Suppression("", R.LEFT, NOW), NOW)
        self.forget(store, "bo")
        reasons = [
            found.reason
            for name in ("ann", "bo")
            if (found := store.suppressions.find(f"{name}@example.org")) is not None
        ]
        assert reasons == [R.COMPLAINT, R.FORGOTTEN]

    def test_a_complaint_hardens_a_long_absence(self, store: Store) -> None:
        """A hash, too, takes the graver reason."""
        admit(store, row("ann"))
        store.subscribers.forget("ann@example.org", Suppression("", R.LEFT, NOW), NOW)
        assert list(admit(store, row("ann"))) == [Admission.SUPPRESSED]
        complaint = Complaint(NOW, "abuse", "c")
        store.bounces.record(complaint, Suppression("ann@example.org", R.COMPLAINT, NOW))
        found = store.suppressions.find("ann@example.org")
        assert found is not None
        assert found.reason is R.COMPLAINT

    def test_a_missing_key_is_noticed(self, store: Store, store_url: str) -> None:
        """Without it those whom it hashed would come back."""
        people(store, 1)
        self.forget(store)
        other = open_store(store_url, host=HOST, pepper=Pepper((("k2", b"b" * 32),)))
        assert other.suppressions.missing_keys() == {"k1"}
        assert store.suppressions.missing_keys() == frozenset()
        other.close()

    def test_who_received_what_is_forgotten_after_the_window(self, store: Store) -> None:
        """The counts stay; what is under way keeps its reader."""
        people(store, 3)
        issue = release(store)
        settle(store, start(store, claim(store, limit=2, issue_id=issue.id)))
        later = NOW + timedelta(days=1)
        assert store.subscribers.unlink(later, 10) == 0  # it is not finished
        settle(store, start(store, claim(store, issue_id=issue.id)))
        store.outbox.finish(NOW)
        assert store.subscribers.unlink(NOW, 10) == 0  # not old enough
        assert [store.subscribers.unlink(later, 2) for _ in range(3)] == [2, 1, 0]
        told = store.subscribers.record("reader0@example.org")
        assert told is not None
        assert told["subscriptions"][0]["deliveries"] == []
        assert store.issues.get(issue.id).counts == {"accepted": 3}


def test_many_suppressions_at_once(store: Store) -> None:
    """Each address once; who is suppressed keeps the first reason."""
    suppress(store, "a", R.COMPLAINT)
    new = [Suppression(f"{name}@Example.org", R.STAFF, NOW, "why") for name in "abcB"]
    assert store.suppressions.add_many(new, dry_run=True) == 2
    assert store.suppressions.counts() == {"complaint": 1}
    assert store.suppressions.add_many(new) == 2
    assert store.suppressions.add_many(new) == 0
    assert store.suppressions.add_many([]) == 0
    assert store.suppressions.counts() == {"complaint": 1, "staff": 2}


def test_forgetting_needs_a_key(store: Store) -> None:
    """Without one nothing is erased, and the way to mend it is told."""
    people(store, 1)
    why = Suppression("reader0@example.org", R.FORGOTTEN, NOW)
    with pytest.raises(SettingsError, match=r"suppression\.key"):
        store.subscribers.forget("reader0@example.org", why, NOW)
    assert store.subscribers.by_address("reader0@example.org")


def test_retention_names_only_whom_nothing_holds(store: Store) -> None:
    """Never confirmed for long, or gone for long, in every newsletter."""
    file(store, asked("old", "1"))
    admit(store, row("gone"), row("stays"), row("recent"))
    for name, at in (("gone", NOW), ("recent", NOW + timedelta(days=400))):
        store.subscribers.change(one(store, name).id, SubscriptionEvent.UNSUBSCRIBE, at)
    file(store, asked("stays", "2"))
    later = NOW + timedelta(days=390)
    found = store.subscribers.overdue(later, later, 10)
    assert sorted(found) == ["gone@example.org", "old@example.org"]
    assert len(store.subscribers.overdue(later, later, 1)) == 1
    assert list(store.subscribers.overdue(NOW, NOW, 10)) == []


@given(st.text(min_size=1), st.binary(min_size=32, max_size=64))
def test_a_hash_is_no_address_and_depends_on_its_key(key: str, secret: bytes) -> None:
    """Equal addresses have equal hashes under one key and no other."""
    pepper = Pepper((("k1", secret),))
    hashed = pepper.hashed(key)
    assert hashed.startswith(MARK)
    assert pepper.forms(key) == (key, hashed)
    assert Pepper((("k1", secret + b"x"),)).hashed(key) != hashed
