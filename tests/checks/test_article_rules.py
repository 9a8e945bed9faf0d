import ast
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from publisher.checks import RULES, dates, duplicates, identifiers, images, links, spelling, text
from publisher.checks.rules import error, softened, warning
from publisher.domain.finding import Finding, Place, Severity
from tests.factories import article

ROOT = Path(__file__).parents[2]
HERE = Place("content/x.md", 3)


def test_rules_are_documented() -> None:
    """docs/article-format.md lists exactly the rules there are, each with its sentence."""
    listed = re.findall(
        r"^\| `([a-z0-9-]+)` \| (.+) \|$",
        (ROOT / "docs/article-format.md").read_text().partition("## Rules")[2],
        re.MULTILINE,
    )
    assert dict(listed) == dict(RULES)
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", rule) for rule in RULES)


def test_every_rule_is_used() -> None:
    """No rule is documented that nothing checks."""
    said: set[str] = set()
    files = [*ROOT.glob("publisher/checks/*.py"), *ROOT.glob("publisher/formats/*.py")]
    for file in [*files, *(ROOT / "publisher/content").glob("*.py")]:
        if file.name != "rules.py":
            tree = ast.parse(file.read_text())
            said |= {
                n.value
                for n in ast.walk(tree)
                if isinstance(n, ast.Constant) and isinstance(n.value, str)
            }
    made = {f"bad-{key}" for key in identifiers.WAYS}  # from the key's name
    assert set(RULES) - said <= made


def test_a_finding_needs_a_documented_rule() -> None:
    """An undocumented rule is our mistake, and is noticed at once."""
    with pytest.raises(KeyError):
        error("no-such-rule", HERE, "x", "y")
    assert warning("heading-level", HERE, "x", "y").severity is Severity.WARNING
    assert not any(f.blocks for f in softened([error("empty-body", HERE, "x", "y")]))


@pytest.mark.parametrize(
    ("word", "known", "said"),
    [
        ("sumary", ["summary", "title"], "did you mean summary?"),
        ("Heart", ["heart"], "did you mean heart?"),
        ("zzz", ["b", "a"], "use one of: a, b"),
        ("zzz", [], "otherwise"),
        ("zzz", [f"key{n}" for n in range(20)], "otherwise"),
    ],
)
def test_suggestions(word: str, known: list[str], said: str) -> None:
    """The nearest name, else the short list, else where to look."""
    assert spelling.suggestion(word, known, "otherwise") == said


@pytest.mark.parametrize(
    ("written", "zone", "instant"),
    [
        ("2026-11-24", "Europe/Berlin", "2026-11-23T23:00:00+00:00"),
        ("2026-03-29", "Europe/Berlin", "2026-03-28T23:00:00+00:00"),
        ("2026-04-24", "Africa/Cairo", "2026-04-23T22:00:00+00:00"),  # 00:00 is skipped that night
        ("2026-11-24T09:00:00+01:00", "UTC", "2026-11-24T08:00:00+00:00"),
        ("2026-11-24 09:00 +0100", "UTC", "2026-11-24T08:00:00+00:00"),
        ("2026-11-24t09:00:59.75z", "UTC", "2026-11-24T09:00:59+00:00"),
    ],
)
def test_instants(written: str, zone: str, instant: str) -> None:
    """A bare date is midnight at the journal, also where the clocks jump over it."""
    found = dates.instant(written, ZoneInfo(zone), HERE)
    assert isinstance(found, datetime)
    assert found == datetime.fromisoformat(instant)
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    ("written", "rule"),
    [
        ("2026-02-29", "impossible-date"),
        ("2026-11-24T24:01Z", "impossible-date"),
        ("2026-11-24T09:00+25:00", "impossible-date"),
        ("2026-11-24T09:00", "time-without-offset"),
        ("1799-12-31", "impossible-date"),
        ("9999-12-31T23:59-10:00", "impossible-date"),
        ("20261124", "impossible-date"),
        ("2026-W48-2", "impossible-date"),
        ("٢٠٢٦-11-24", "impossible-date"),
    ],
)
def test_no_instants(written: str, rule: str) -> None:
    """What is no date, or not certain, is a finding and never a guess."""
    found = dates.instant(written, ZoneInfo("UTC"), HERE)
    assert isinstance(found, Finding)
    assert found.rule == rule


def test_days() -> None:
    """A day has no time."""
    assert dates.day("2026-11-24", HERE) == date(2026, 11, 24)
    assert isinstance(dates.day("2026-11-24T09:00Z", HERE), Finding)
    assert isinstance(dates.day("2026-11-31", HERE), Finding)


@pytest.mark.parametrize(
    "char", ["\x00", "\x1b", "\x7f", "\x85", "\ud800", "\ufdd0", "\ufffe", "\U0001ffff"]
)
def test_forbidden_characters(char: str) -> None:
    """What would break a feed is found on its line, spelt out or escaped."""
    assert not text.is_sound(f"a{char}")
    (found,) = text.forbidden(f"a\nb{char}{char}\nc", "content/x.md", 5)
    assert (found.place.line, f"U+{ord(char):04X}" in found.message) == (6, True)
    assert list(text.escaped("title", f"a{char}", HERE))


@pytest.mark.parametrize(
    "sound", ["a\tb\nc", "é 心 🫀 שלום", "soft\xadhyphen", "no\xa0break", "a\u200db"]
)
def test_other_characters_are_welcome(sound: str) -> None:
    """Languages, emoji and typographic spaces are text."""
    assert text.is_sound(sound)
    assert not list(text.forbidden(sound, "x"))
    assert not list(text.escaped("x", sound, HERE))


@pytest.mark.parametrize(
    ("address", "good"),
    [
        ("https://example.org", True),
        ("http://example.org:8080/a?b#c", True),
        ("https://user:pw@example.org/", False),
        ("https://", False),
        ("//example.org", False),
        ("https://example.org/a b", False),
        ("https://[x", False),
        ("https://example.org:99999/", False),
        ("ftp://example.org/", False),
    ],
)
def test_web_addresses(address: str, good: bool) -> None:
    """A host, http or https, no password, nothing that needs escaping."""
    assert links.is_web_address(address) is good


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("images/a.png", None),
        ("a.JPG", None),
        ("a/../b.png", "image-path"),
        (".hidden/a.png", "image-path"),
        ("/a.png", "image-path"),
        ("a\\b.png", "image-path"),
        ("a\n.png", "image-path"),
        ("", "image-path"),
        ("a.svg", "image-kind"),
        ("a", "image-kind"),
    ],
)
def test_image_paths(path: str, rule: str | None) -> None:
    """Below content/, and of a kind that everybody sees."""
    assert [finding.rule for finding in images.path(path, HERE)] == ([rule] if rule else [])


@pytest.mark.parametrize(
    ("path", "head", "good"),
    [
        ("a.png", b"\x89PNG\r\n\x1a\n", True),
        ("a.png", b"<svg onload=", False),
        ("a.jpg", b"\xff\xd8\xff\xe0", True),
        ("a.gif", b"GIF89a", True),
        ("a.webp", b"RIFF....WEBPVP8 ", True),
        ("a.webp", b"RIFF....WAVEfmt ", False),
    ],
)
def test_image_bytes_agree_with_the_name(path: str, head: bytes, good: bool) -> None:
    """A page under another name is not an image."""
    found = list(images.content(path, head, 10, HERE))
    assert (found == []) is good


def test_images_have_a_size() -> None:
    """5 MiB is the most."""
    head = b"\xff\xd8\xff"
    assert not list(images.content("a.jpg", head, images.MAX_BYTES, HERE))
    (found,) = images.content("a.jpg", head, images.MAX_BYTES + 1, HERE)
    assert found.rule == "image-too-large"


def test_duplicates() -> None:
    """Of two alike the first by path stays; a draft never pushes out a public article."""
    one = article(path="content/b.md")
    draft = replace(one, path="content/a.md", draft=True)
    copy = replace(one, path="content/c.md")
    other = replace(one, path="content/d.md", id=one.id + "2")
    kept, findings = duplicates.find([copy, draft, other, one])
    assert kept == (one,)
    assert [(f.rule, f.place.path, f.blocks) for f in findings] == [
        ("duplicate-id", "content/c.md", True),
        ("duplicate-slug", "content/c.md", True),
        ("duplicate-slug", "content/d.md", True),
        ("duplicate-id", "content/a.md", False),
        ("duplicate-slug", "content/a.md", False),
    ]


@given(
    st.text() | st.text(alphabet="aé\n\t\x00\x7f\x85\xa0\xad\u202d\ud800\ufdd0\ufffe\U0001ffff☃")
)
def test_a_quick_look_sees_what_a_thorough_one_sees(written: str) -> None:
    """Soundness is judged by bytes, and never differs from the list of characters."""
    for whole in (written, written + "x" * 600):
        assert text.is_sound(whole) == (text.forbidden_characters().search(whole) is None)
