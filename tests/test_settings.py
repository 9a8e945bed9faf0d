import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from email_validator import validate_email
from hypothesis import given
from hypothesis import strategies as st

from publisher.domain.cadence import CadenceKind
from publisher.domain.journal import Approval, Checks
from publisher.domain.retention import Retention
from publisher.errors import SettingsError
from publisher.formats import toml
from publisher.formats.kinds import _PLAIN_ADDRESS, address, duration
from publisher.formats.tables import _REQUIRED, Key, Table
from publisher.settings import Settings, load
from publisher.settings_model import Document
from tests import dkim_keys

ROOT = Path(__file__).resolve().parents[1]
KEY = "0123456789abcdef" * 4

MINIMAL = """\
[journal]
title = "A Journal"
url = "https://journal.example.org/"
description = "About health."
language = "en-GB"
time_zone = "Europe/London"
disclaimer = "Not medical advice."
postal_address = "1 Example Street"

[journal.sender]
address = "digest@journal.example.org"

[categories.heart-health]
title = "Heart"

[newsletters.weekly]
title = "Weekly"
description = "The week."
cadences = ["weekly on Tuesday at 09:00"]
"""


def journal(folder: Path, text: str = MINIMAL, key: str | None = KEY) -> Path:
    (folder / "config").mkdir(parents=True)
    (folder / "config" / "publisher.toml").write_text(text, "utf-8")
    if key is not None:
        (folder / "var").mkdir()
        (folder / "var" / "secret.key").write_text(key + "\n")
    return folder


def read(folder: Path, **environ: str) -> Settings:
    return load(None, environ, cwd=folder)


def problems(folder: Path, **environ: str) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as raised:
        read(folder, **environ)
    assert raised.value.exit_code == 2
    return raised.value.problems


def test_a_minimal_file_gets_every_default(tmp_path: Path) -> None:
    """What a journal does not say is decided as the documentation promises."""
    made = read(journal(tmp_path))
    (weekly,) = made.journal.newsletters
    assert made.journal.url == made.journal.app_url == "https://journal.example.org"
    assert weekly.list_id == "weekly.journal.example.org"
    assert (weekly.approval, weekly.lead) == (Approval.AUTOMATIC, timedelta())
    assert made.store_url == f"sqlite:///{tmp_path}/var/store.sqlite3"
    assert made.content_dir == tmp_path / "content"
    assert made.templates_dir == tmp_path / "templates"
    assert made.transports["default"].kind == "folder"
    assert made.transports["default"].options == {"path": f"{tmp_path}/var/outbox"}
    assert made.mail_host == "journal.example.org"
    assert [secret.hex() for _, secret in made.keys] == [KEY]
    assert made.cutoff == timedelta(hours=48)


def test_the_sample_journal_is_in_order() -> None:
    """The settings that come with the project load, and send nothing by accident."""
    made = load(ROOT / "config/publisher.toml", {"PUBLISHER_SECRET_KEY": KEY}, cwd=ROOT)
    assert made.journal.title == "Harbour Clinic Health Journal"
    assert {each.kind for each in made.transports.values()} == {"folder"}
    assert [c.kind for c in made.journal.newsletter("weekly").cadences] == [
        CadenceKind.WEEKLY,
        CadenceKind.MONTHLY,
    ]


def test_the_file_is_found_from_any_folder_below(tmp_path: Path) -> None:
    """A command works from anywhere within the journal, and paths stay the journal's."""
    root = journal(tmp_path / "j")
    (root / "content" / "deep").mkdir(parents=True)
    assert read(root / "content" / "deep").root == root


def test_no_journal_says_how_to_make_one(tmp_path: Path) -> None:
    """Outside a journal the error names the remedy."""
    with pytest.raises(SettingsError, match="publisher init DIR"):
        read(tmp_path)


def test_the_environment_overrides_each_kind_of_key(tmp_path: Path) -> None:
    """Text, number, list, duration, a named table and a transport's option."""
    made = read(
        journal(tmp_path),
        PUBLISHER_JOURNAL__TITLE="Other",
        PUBLISHER_JOURNAL__FEED_ITEMS="7",
        PUBLISHER_JOURNAL__SENDER__NAME="Desk",
        PUBLISHER_CUTOFF="1h30m",
        PUBLISHER_NEWSLETTERS__WEEKLY__CADENCES='["each article"]',
        PUBLISHER_NEWSLETTERS__WEEKLY__TOPICS="heart-health",
        PUBLISHER_CATEGORIES__HEART_HEALTH__TITLE="Hearts",
        PUBLISHER_TRANSPORTS__DEFAULT__KIND="smtp",
        PUBLISHER_TRANSPORTS__DEFAULT__PASSWORD="hidden",
        PUBLISHER_PUBLISHING__CHECK_TIMEOUT="3s",
        HOME="/nowhere",
    )
    assert made.journal.title == "Other"
    assert made.journal.feed_items == 7
    assert made.journal.sender.name == "Desk"
    assert made.cutoff == timedelta(minutes=90)
    assert [c.kind for c in made.journal.newsletter("weekly").cadences] == [CadenceKind.EACH]
    assert made.journal.category("heart-health").title == "Hearts"
    assert made.transports["default"].kind == "smtp"
    assert made.transports["default"].options["password"] == "hidden"
    assert made.publishing.check_timeout == timedelta(seconds=3)


def test_all_problems_come_at_once_each_with_its_place(tmp_path: Path) -> None:
    """Nobody mends settings one error at a time."""
    text = (
        MINIMAL.replace("Europe/London", "Europe/Londom")
        .replace('title = "A Journal"', 'titel = "A Journal"')
        .replace("weekly on Tuesday", "weekly on Tusday")
        .replace("https://journal", "http://journal")
        + 'topics = ["hart-health"]\ntransport = "smpt"\n\n[servng]\nport = 1\n'
    )
    found = problems(journal(tmp_path, text), PUBLISHER_JOURNAL__SENDER__ADDRESS="nobody")
    wanted = [
        r"^environment: PUBLISHER_JOURNAL__SENDER__ADDRESS: 'nobody' is no email address",
        r"^config/publisher\.toml:1: journal\.title: this is required",
        r"^config/publisher\.toml:2: journal\.titel: unknown setting; did you mean 'title'\?",
        r"^config/publisher\.toml:3: journal\.url: .* is not encrypted",
        r"^config/publisher\.toml:6: journal\.time_zone: 'Europe/Londom' is no IANA time zone",
        r"^config/publisher\.toml:19: newsletters\.weekly\.cadences\[0\]: 'tusday' is not a weekday",
        r"^config/publisher\.toml:20: newsletters\.weekly\.topics\[0\]: .* did you mean 'heart-health'",
        r"^config/publisher\.toml:21: newsletters\.weekly\.transport: there is no \[transports\.smpt\]",
        r"^config/publisher\.toml:23: servng: unknown setting; did you mean 'serving'\?",
    ]
    for pattern in wanted:
        assert any(re.search(pattern, problem) for problem in found), (pattern, found)
    assert len(found) == len(wanted), found


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('lead = "soon"', "is no length of time"),
        ("minimum = 9", "minimum 9 is more than maximum 8"),
        ("maximum = 0", "this must be greater than or equal to 1"),
        ("since = 2026-01-01T09:00:00", "needs its offset"),
        ('list_id = "no spaces"', "for instance weekly.journal.example.org"),
        ('approval = "maybe"', "write 'automatic' or 'required'"),
    ],
)
def test_a_newsletter_is_checked(tmp_path: Path, line: str, message: str) -> None:
    """Each wrong value is refused with a sentence that helps."""
    (found,) = problems(journal(tmp_path, MINIMAL + line + "\n"))
    assert message in found


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("JOURNAL__COLOURS__ACCENT", "red", "a colour as #rrggbb"),
        ("JOURNAL__COLOURS__ACCENT", "#ffd400", "accent on paper has a contrast of 1."),
        ("JOURNAL__COLOURS__ACCENT_DARK", "#333333", "accent_dark on the dark page"),
        ("JOURNAL__URL", "http://journal.example.org", "is not encrypted"),
        ("JOURNAL__URL", "https://x.example.org/?q", "plain address"),
        ("JOURNAL__URL", "https://[", "is no web address"),
        ("JOURNAL__LANGUAGE", "english please", "is no language tag"),
        ("JOURNAL__TITLE", "two\nlines", "on one line"),
        ("JOURNAL__WORDS_PER_MINUTE", "fast", "this must be a whole number"),
        ("SERVING__TRUSTED_PROXIES", "not-an-ip", "is no IP address"),
        ("NEWSLETTERS__WEEKLY__TOPICS", "[1", "no JSON list"),
        ("NEWSLETTERS__WEEKLY__TOPICS", '["hart-health"]', "did you mean 'heart-health'"),
        ("NEWSLETTERS__WEEKLY__TOPICS", "hart-health", "did you mean 'heart-health'"),
        ("NEWSLETTERS__WEEKLY__TRANSPORT", '["default", "dfault"]', "[transports.dfault]"),
        ("SEGMENTS__S__TOPICS", "hart-health", "did you mean 'heart-health'"),
        ("NEWSLETTERS__Bad_Name__TITLE", "x", "newsletters"),
        ("SECRET_KEY", "abcd", "too weak"),
        ("SECRET_KEY", "0" * 64, "too weak"),
        ("DISPATCHING__LEASE", "1s", "5 seconds"),
    ],
)
def test_values_in_the_environment_are_checked(
    tmp_path: Path, key: str, value: str, message: str
) -> None:
    """The same rules hold there, and the problem names the variable, or its key."""
    found = problems(journal(tmp_path), **{f"PUBLISHER_{key}": value})
    assert any(message in problem for problem in found), found


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("title = 5", "journal.title: this must be text, in quotation marks"),
        ('title = "  "', "journal.title: nothing is written here"),
        (f'title = "{"x" * 301}"', "journal.title: this is longer than 300 characters: it has 301"),
        ("sender = 5", "journal.sender: this must be a table"),
        ('feed_items = "1.5"', "journal.feed_items: this must be a whole number"),
        ("feed_items = 2000", "journal.feed_items: this must be less than or equal to 1000"),
        ("x = 1\n[categories]", "categories: this must have at least 1"),
        ("x = 1\n[forms]\nframes = 5", 'this must be a list, for instance ["one", "two"]'),
        ("x = 1\n[forms]\nrole_addresses = 'perhaps'", "write true or false"),
        ("x = 1\n[bounces]\ndelimiter = '/'", "write '+', '-' or '='"),
        (f"x = 1\n[bounces]\nsoft_span = '{'999999d' * 1200}'", "longer than there is time"),
        ("x = 1\n[dispatching]\nlease = '2d'", "this must be less than or equal to 1 hour"),
        (
            "x = 1\n[routes.r]\ntransports = []\nweights = 5",
            "routes.r.weights: this must be a table",
        ),
        (
            "x = 1\n[routes.r]\nweights = { a = 'much' }",
            "routes.r.weights.a: this must be a number",
        ),
        ("x = 1\n[transports.t.limits]\nwarm_up_from = 2026-01-01T00:00:00", "write a date alone"),
        ("x = 1\n[transports.t.limits]\nwarm_up_from = 'soon'", "'soon' is no date"),
        ("x = 1\n[transports.t.limits]\nwarm_up = [1]\n[transports.t.x]", "transports.t.kind"),
    ],
)
def test_each_kind_of_value_has_its_sentence(tmp_path: Path, line: str, message: str) -> None:
    """Whoever mistakes one kind for another hears which it must be, and nothing of programs."""
    found = problems(journal(tmp_path, f"[journal]\n{line}\n"))
    assert any(message in problem for problem in found), found


def test_nothing_is_nested_below_a_variable_that_holds_one_value(tmp_path: Path) -> None:
    """A variable that would have no effect is refused."""
    (found,) = problems(journal(tmp_path), PUBLISHER_LOG__FORMAT="json")
    assert found.endswith("unknown setting; did you mean PUBLISHER_LOG?")


def test_colours_that_are_made_of_the_journals_are_looked_at_too(tmp_path: Path) -> None:
    """Small print is a mix of text and paper: on this dark paper it would be too faint."""
    chosen = {"ACCENT": "#44e50e", "TEXT": "#109a67", "PAPER": "#111717", "TINT": "#111717"}
    found = problems(
        journal(tmp_path),
        **{f"PUBLISHER_JOURNAL__COLOURS__{key}": value for key, value in chosen.items()},
    )
    assert any("small print on the page (light) has a contrast of" in each for each in found)


def test_localhost_may_go_unencrypted(tmp_path: Path) -> None:
    """A journal can be tried out on one's own machine."""
    made = read(journal(tmp_path), PUBLISHER_JOURNAL__APP_URL="http://localhost:8000")
    assert made.journal.app_url == "http://localhost:8000"


def test_unknown_variables_are_refused_with_the_nearest(tmp_path: Path) -> None:
    """A mistyped variable is never silently without effect."""
    (found,) = problems(journal(tmp_path), PUBLISHER_JURNAL__TITLE="x")
    assert found.endswith("did you mean PUBLISHER_JOURNAL?")


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ('secret_key = "KEY"\n' + MINIMAL, "PUBLISHER_SECRET_KEY"),
        (
            MINIMAL + '[transports.default]\nkind = "smtp"\npassword = "hunter2"\n',
            "PUBLISHER_TRANSPORTS__DEFAULT__PASSWORD",
        ),
    ],
)
def test_a_secret_in_the_file_is_refused_and_not_repeated(
    tmp_path: Path, text: str, remedy: str
) -> None:
    """Settings go into git; secrets must not."""
    found = problems(journal(tmp_path, text.replace("KEY", KEY)))
    assert any("never stands in this file" in p and remedy in p for p in found)
    assert "hunter2" not in str(found)
    assert KEY not in str(found)


def test_a_password_in_a_web_address_is_not_repeated(tmp_path: Path) -> None:
    """Messages end in logs and mails; a password in an address would end there with them."""
    found = problems(
        journal(tmp_path),
        PUBLISHER_JOURNAL__URL="https://me:hunter2@x.example.org",
        PUBLISHER_SOURCES__CROSSREF="https://me:hunter2@[::1",
    )
    assert all("without a name or password before an @" in each for each in found)
    assert len(found) == 2
    assert "hunter2" not in str(found)


@pytest.mark.parametrize(
    "line",
    [
        "newsletters.weekly.topics = JUNK",
        "newsletters.weekly.transport = JUNK",
        "routes.r = { transports = JUNK, senders = JUNK }",
        "segments.s = { topics = JUNK, newsletters = JUNK }",
    ],
)
@pytest.mark.parametrize("junk", ["[[]]", "[{}]", "[1]", "[true]", "{ a = 1 }", "5"])
def test_names_that_are_no_text_are_said_to_be_none(tmp_path: Path, line: str, junk: str) -> None:
    """What looks names up takes whatever stands there for what it is, and never falls over it."""
    text = f"{line.replace('JUNK', junk)}\n{MINIMAL.replace('[newsletters.weekly]', '')}"
    head, _, rest = text.partition('title = "Weekly"')
    text = "\n".join(f"newsletters.weekly.{each}" for each in f'title = "Weekly"{rest}'.split("\n"))
    found = problems(journal(tmp_path, f"{text.removesuffix('newsletters.weekly.')}\n{head}"))
    assert all(each.startswith("config/publisher.toml:") for each in found)
    assert any("this must be" in each for each in found), found


def test_a_path_with_a_null_byte_is_no_path(tmp_path: Path) -> None:
    """The system refuses such a name before it looks for the file."""
    more = '[transports.default]\nkind = "smtp"\npassword_file = "a\\u0000b"\n'
    (found,) = problems(journal(tmp_path, MINIMAL + more))
    assert found.endswith("transports.default.password_file: write the path of a file")


def test_a_password_file_is_read_and_paths_are_made_absolute(tmp_path: Path) -> None:
    """`password_file` becomes the password; other files and the folder stay paths."""
    text = MINIMAL + (
        '[transports.default]\nkind = "smtp"\nhost = "relay.example.org"\nusername = "u"\n'
        'password_file = "var/relay"\nca_file = "var/ca.pem"\n'
    )
    root = journal(tmp_path, text)
    (root / "var" / "relay").write_text("s3cret phrase\n")
    options = read(root).transports["default"].options
    assert options["password"] == "s3cret phrase"
    assert options["ca_file"] == str(root / "var/ca.pem")
    assert "password_file" not in options
    (root / "var" / "relay").unlink()
    (found,) = problems(root)
    assert "transports.default.password_file: there is no such file: write the path" in found
    (root / "var" / "relay").write_bytes(b"\xff\xfe")
    (found,) = problems(root)
    assert found.endswith("cannot be read: it is not text")


@pytest.mark.parametrize("secret", ["hunter2/Tr0ub4dor", "var/secret.key/hunter2", "hunter2" * 40])
def test_a_secret_in_place_of_its_file_is_not_repeated(tmp_path: Path, secret: str) -> None:
    """It would go on into logs. The option is named, and what belongs there."""
    text = f'[transports.default]\nkind = "smtp"\npassword_file = "{secret}"\n'
    (found,) = problems(journal(tmp_path, MINIMAL + text))
    line = MINIMAL.count("\n") + 3
    assert found == (
        f"config/publisher.toml:{line}: transports.default.password_file: there is no such file: "
        "write the path of a file, from the journal's folder; what is in it never stands here "
        "itself"
    )


@pytest.mark.parametrize("setting", ["secret_key_file", "suppression_key_file"])
def test_a_key_in_place_of_its_file_is_not_repeated(tmp_path: Path, setting: str) -> None:
    """Nor is it passed over where the file need not be there."""
    (found,) = problems(journal(tmp_path, f'{setting} = "{KEY}"\n{MINIMAL}'))
    assert found.startswith(f"config/publisher.toml:1: {setting}[0]: this looks like a key itself")
    assert KEY not in found


def test_a_folder_of_templates_that_is_named_must_be_there(tmp_path: Path) -> None:
    """A slip would mean silently that no template is one's own; the default is no slip."""
    root = journal(tmp_path, 'templates = "typo"\n' + MINIMAL)
    mend = "mend its name, make it, or leave this key out where no template is your own"
    assert problems(root) == (
        f"config/publisher.toml:1: templates: the folder typo is not there; {mend}",
    )
    (root / "typo").touch()
    (found,) = problems(root)
    assert "the folder typo is not a folder" in found
    (found,) = problems(root, PUBLISHER_TEMPLATES="x" * 300)
    assert found.startswith("environment: PUBLISHER_TEMPLATES: ")
    assert "cannot be read: File name too long" in found
    (root / "mine").mkdir()
    assert read(root, PUBLISHER_TEMPLATES="mine").templates_dir == root / "mine"


def test_keys_are_needed_only_for_what_signs(tmp_path: Path) -> None:
    """A build works in a fresh clone; sending says how to make or bring back the key."""
    root = journal(tmp_path, key=None)
    assert load(None, {}, cwd=root, keys_needed=False).keys == ()
    (found,) = problems(root)
    assert "openssl rand -hex 32" in found
    assert read(root, PUBLISHER_SECRET_KEY=KEY).keys


def test_several_keys_the_first_signs_and_ids_stay(tmp_path: Path) -> None:
    """Rotation: the new one in front, the old one still known by the id it always had."""
    root = journal(tmp_path)
    before = read(root).keys[0]
    (root / "var" / "new.key").write_text("fedcba9876543210" * 4)
    path = root / "config/publisher.toml"
    path.write_text('secret_key_file = ["var/new.key", "var/secret.key"]\n' + path.read_text())
    first, second = read(root).keys
    assert second == before
    assert first[0] != second[0]


def test_approval_required_is_planned_a_day_before(tmp_path: Path) -> None:
    """Staff have 24 hours unless they say otherwise."""
    root = journal(tmp_path, MINIMAL + 'approval = "required"\n')
    assert read(root).journal.newsletters[0].lead == timedelta(hours=24)
    sooner = read(root, PUBLISHER_NEWSLETTERS__WEEKLY__LEAD="30m")
    assert sooner.journal.newsletters[0].lead == timedelta(minutes=30)


def test_a_bare_since_is_midnight_in_the_journals_zone(tmp_path: Path) -> None:
    """A date means the day as readers live it."""
    made = read(journal(tmp_path, MINIMAL + "since = 2026-07-01\n"))
    assert made.journal.newsletters[0].since == datetime(2026, 6, 30, 23, tzinfo=UTC)


def test_a_static_host_needs_an_app_url(tmp_path: Path) -> None:
    """Without one nobody could unsubscribe."""
    root = journal(tmp_path)
    (found,) = problems(root, PUBLISHER_PUBLISHING__COMMAND='["rsync", "x"]')
    assert "journal.app_url" in found
    made = read(
        root,
        PUBLISHER_PUBLISHING__COMMAND='["rsync", "x"]',
        PUBLISHER_JOURNAL__APP_URL="https://app.example.org",
    )
    assert made.publishing.command == ("rsync", "x")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[journal\n", r"config/publisher.toml:1: this is not TOML"),
        (b'title = "\xff"\n', "is not UTF-8"),
        (b"#" * 2_000_000, "is larger than"),
    ],
)
def test_a_file_that_is_no_settings_says_so(tmp_path: Path, content: bytes, message: str) -> None:
    """Broken TOML, another encoding, a file that is far too large."""
    root = journal(tmp_path)
    (root / "config/publisher.toml").write_bytes(content)
    with pytest.raises(SettingsError, match=message):
        read(root)


def test_a_config_that_is_not_there_is_named(tmp_path: Path) -> None:
    """--config with a wrong path says which file could not be read."""
    with pytest.raises(SettingsError, match=r"nowhere\.toml cannot be read"):
        load(Path("nowhere.toml"), {}, cwd=tmp_path)


@given(st.integers(0, 9999), st.sampled_from("smhd"))
def test_durations_read_what_they_write(number: int, unit: str) -> None:
    """Each unit means what it says."""
    seconds = {"s": 1, "m": 60, "h": 3600, "d": 86400}[unit]
    assert duration(f"{number}{unit}") == timedelta(seconds=number * seconds)


SIGNED = (
    MINIMAL
    + """
[dkim."journal.example.org"]
selector = "s2026"
rsa_key_file = "var/dkim-rsa.pem"
ed25519_key_file = "var/dkim-ed25519.pem"
ed25519_selector = "s2026-ed"
"""
)


def test_a_domain_signs_with_both_keys(tmp_path: Path) -> None:
    """The keys are read with the settings; a build in a fresh clone needs none."""
    root = journal(tmp_path, SIGNED)
    assert load(None, {}, cwd=root, keys_needed=False).signers.by_domain == {}
    found = problems(root)
    assert [p.split(": ")[1] for p in found] == [
        "dkim.journal.example.org.rsa_key_file",
        "dkim.journal.example.org.ed25519_key_file",
    ]
    (root / "var/dkim-rsa.pem").write_bytes(dkim_keys.rsa_pem())
    (root / "var/dkim-ed25519.pem").write_bytes(dkim_keys.ed25519_pem())
    signer = read(root).signers.by_domain["journal.example.org"]
    assert [(key.selector, key.algorithm) for key in signer.keys] == [
        ("s2026", "rsa-sha256"),
        ("s2026-ed", "ed25519-sha256"),
    ]
    (root / "var/dkim-rsa.pem").write_bytes(dkim_keys.ed25519_pem())
    (wrong,) = problems(root)
    assert (
        "dkim.journal.example.org.rsa_key_file: var/dkim-rsa.pem: this is not an RSA key" in wrong
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"journal.example.org"', "journal.example.org", 'in quotation marks: [dkim."journal.ex'),
        ('"journal.example.org"', '"Journal.example.org"', "is no domain"),
        ('selector = "s2026"', 'selector = "s_"', "is no selector"),
        ('ed25519_selector = "s2026-ed"', "", "needs a selector of its own, for instance s2026-ed"),
        ('"s2026-ed"', '"s2026"', "needs a selector of its own"),
        ("rsa_key_file", "key_file", "did you mean 'rsa_key_file'?"),
    ],
)
def test_a_signing_domain_is_checked(tmp_path: Path, old: str, new: str, message: str) -> None:
    """Each way to get it wrong has its own sentence."""
    found = problems(journal(tmp_path, SIGNED.replace(old, new, 1)))
    assert any(message in problem for problem in found), found


def test_a_signing_domain_names_a_key(tmp_path: Path) -> None:
    """A selector alone signs nothing."""
    text = MINIMAL + '[dkim."journal.example.org"]\nselector = "s"\n'
    assert "name a key" in problems(journal(tmp_path, text))[0]


def test_the_checks_of_mails_are_the_journals_own(tmp_path: Path) -> None:
    """Words and switches; what readers are owed stays, and a mistyped id is refused."""
    text = MINIMAL + '[checks]\nwords = ["detox*"]\noff = ["edition-css"]\n'
    root = journal(tmp_path, text)
    assert read(root).journal.checks == Checks(("detox*",), ("edition-css",))
    (owed,) = problems(root, PUBLISHER_CHECKS__OFF="edition-unsubscribe")
    assert "can never be switched off" in owed
    (mistyped,) = problems(root, PUBLISHER_CHECKS__OFF="edition-cs")
    assert "did you mean 'edition-css'?" in mistyped
    (unknown,) = problems(root, PUBLISHER_CHECKS__OFF="zzz")
    assert "docs/email.md lists them" in unknown


SEGMENTS = """
[segments.german]
newsletters = ["weekly"]
languages = ["de"]
joined_since = "90d"
joined_before = 2026-11-01
not_accepted_since = "2026-10-01T09:00:00+00:00"
"""


def test_segments_and_retention(tmp_path: Path) -> None:
    """Dates are days in the journal's zone, lengths of time are counted back, `never` is None."""
    text = MINIMAL + SEGMENTS + '[retention]\nleft = "never"\nunconfirmed = "7d"\n'
    found = read(journal(tmp_path, text))
    assert found.retention == Retention(timedelta(days=7), None, timedelta(days=1825))
    assert found.correction_window == timedelta(days=1825)
    segment = found.segments["german"]
    assert segment.joined_since == timedelta(days=90)
    assert segment.joined_before == datetime(2026, 11, 1, tzinfo=ZoneInfo("Europe/London"))
    assert segment.not_accepted_since == datetime(2026, 10, 1, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[segments.x]\n", "say what these readers have in common"),
        ('[segments.x]\ntopics = ["hart-health"]\n', "did you mean 'heart-health'?"),
        ('[segments.x]\nnewsletters = ["weakly"]\n', "did you mean 'weekly'?"),
        ('[segments.x]\njoined_since = "soon"\n', "neither a date nor a length of time"),
        ('[segments.x]\ncadences = ["dayly"]\n', "weekly"),
        ('[segments.x]\ndomains = ["@a"]\n', "is no domain"),
        ('[retention]\nleft = "1h"\n', "1 day"),
        ('[retention]\nleft = "soon"\n', "no length of time"),
        ('suppression_key = "ab"\n', "a secret never stands in this file"),
    ],
)
def test_what_is_wrong_about_people(tmp_path: Path, text: str, said: str) -> None:
    """Each with its remedy."""
    text = text + MINIMAL if text.startswith("suppression") else MINIMAL + text
    assert any(said in problem for problem in problems(journal(tmp_path, text)))


def test_suppression_keys_are_their_own(tmp_path: Path) -> None:
    """From files in order; none need be there, a weak one is refused."""
    root = journal(tmp_path)
    assert read(root).suppression_keys == ()
    (root / "var/suppression.key").write_text(KEY)
    ((name, _),) = read(root).suppression_keys
    both = read(root, PUBLISHER_SUPPRESSION_KEY="fedcba9876543210" * 4).suppression_keys
    assert [each for each, _ in both][1] == name
    (weak,) = problems(root, PUBLISHER_SUPPRESSION_KEY="00" * 32)
    assert "too weak" in weak


def _keys(kind: type[Table], path: str = "") -> dict[str, Key[Any]]:
    """Every key that holds a value, by its whole path."""
    found: dict[str, Key[Any]] = {}
    for name, each in kind.keys.items():
        if each.table is None:
            found[path + name] = each
        else:
            found |= _keys(each.table, f"{path}{name}{'.NAME' if each.is_named else ''}.")
    return found


def test_every_default_is_a_value_that_may_be_given() -> None:
    """What holds without a key could stand in the file, and means the same there."""
    for path, each in _keys(Document).items():
        if each.default not in (_REQUIRED, None):
            assert each.read(each.default) == each.default, path


def test_every_key_is_documented() -> None:
    """docs/settings.md names each key by its whole path, and none that does not exist."""
    text = (ROOT / "docs/settings.md").read_text("utf-8")
    documented = set(re.findall(r"^\| `([a-z0-9_.A-Z]+)` \|", text, re.MULTILINE))
    options = {d for d in documented if d.startswith("transports.NAME.")}
    keys = set(_keys(Document))
    assert documented - options == {key for key in keys if not key.startswith("transports.NAME.")}
    assert keys & options == {key for key in keys if key.startswith("transports.NAME.")}


def test_every_line_is_where_it_says() -> None:
    """Tables, arrays of tables, dotted keys, multi-line strings and arrays."""
    text = (
        '# a comment\na.b = """\n[no]\nx = 1\n"""\nlist = [\n  1,\n  2,\n]\n\n[t."q.r"]\nk = {i = 1}\n'
        "[[many]]\nx = 1\n[[many]]\nx = 2\n[many.sub]\ny = 3\n"
    )
    lines = toml.parse(text).lines
    assert lines["a", "b"] == 2
    assert lines["list",] == 6
    assert lines["t", "q.r"] == 11
    assert lines["t", "q.r", "k", "i"] == 12
    assert lines["many", 0, "x"] == 14
    assert lines["many", 1, "x"] == 16
    assert lines["many", 1, "sub", "y"] == 18
    assert toml.parse(text).line(("many", 1, "gone")) == 15
    assert toml.parse(text).line(("gone",)) is None


@given(
    st.emails() | st.from_regex(r"[a-z0-9.+_-]{1,9}@[a-z0-9.-]{1,9}\.[a-z]{1,8}", fullmatch=True)
)
def test_an_address_is_judged_the_same_the_short_way(written: str) -> None:
    """What is taken for good without the whole validator is good, and stays as it is."""
    if len(written) < 64 and _PLAIN_ADDRESS.fullmatch(written):
        found = validate_email(written, check_deliverability=False, test_environment=True)
        assert found.normalized == address(written) == written
