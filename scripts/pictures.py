"""Takes the pictures of the documentation from what `make demo` made: run it afterwards.

python scripts/pictures.py
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.policy import default
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from publisher.formats.variants import VARIANTS, shown

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
MAILS = {
    "digest": ("desktop", 1180),
    "digest-dark": ("dark", 900),
    "digest-phone": ("phone", 900),
    "digest-images-off": ("images-off", 900),
    "digest-no-sheet": ("no-sheet", 900),
    "digest-no-css": ("no-css", 900),
}
"""Each picture of a mail: how it is shown, and how high the picture is."""
BEFORE_THE_SLOT = "2026-11-23T09:00+00:00"


def main() -> int:
    """Write docs/pictures/*.png; 1 where the demo has not run or Chromium is missing."""
    chromium = shutil.which("chromium")
    mails = sorted((ROOT / "var" / "demo" / "inbox").glob("*.eml"))
    if not chromium or not mails:
        sys.stderr.write(
            "Install Chromium (scripts/system-packages.sh) and run `make demo` first.\n"
        )
        return 1
    html = _html(mails[0])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name, (variant, height) in MAILS.items():
            look = VARIANTS[variant]
            page = browser.new_page(viewport={"width": look.width, "height": height})
            page.set_content(shown(html, look))
            page.screenshot(path=PICTURES / f"{name}.png")
            page.close()
        _archive(browser)
        with _preview() as url:
            page = browser.new_page(viewport={"width": 1400, "height": 860})
            page.goto(url)
            page.wait_for_selector("body[data-ready]")
            page.screenshot(path=PICTURES / "preview.png")
        browser.close()
    return 0


def _archive(browser: Browser) -> None:
    public = (ROOT / "var" / "demo" / "public").resolve()
    page = browser.new_page(viewport={"width": 680, "height": 1180})
    # Pages link to /assets and /images from the root: give them the tree as their host.
    page.route(
        "https://journal.example.org/**",
        lambda route: route.fulfill(path=_file(public, route.request.url)),
    )
    page.goto("https://journal.example.org/articles/car-nk-cells/")
    page.screenshot(path=PICTURES / "archive.png")


@contextmanager
def _preview() -> Iterator[str]:
    """The address of a preview of the sample journal, with four readers of its own."""
    with tempfile.TemporaryDirectory() as folder:
        environ = os.environ | {
            "PUBLISHER_STORE": f"sqlite:///{folder}/store.sqlite3",
            "PYTHONUNBUFFERED": "1",
        }
        program = [sys.executable, "-m", "publisher", "--now", BEFORE_THE_SLOT]
        for name, topics in (("ada", ()), ("brook", ()), ("chen", ()), ("dora", ("sleep",))):
            chosen = [word for topic in topics for word in ("--topic", topic)]
            add = ["--quiet", "subscribers", "add", f"{name}@example.org", "--consent", "A picture"]
            subprocess.run([*program, *add, *chosen], cwd=ROOT, env=environ, check=True)
        process = subprocess.Popen(
            [*program, "preview", "--no-browser"],
            cwd=ROOT,
            env=environ,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            line = process.stdout.readline() if process.stdout else ""
            found = re.search(r"http\S+", line)
            if found is None:
                raise RuntimeError("the preview did not start")
            yield found[0]
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(30)


def _html(mail: Path) -> str:
    message = message_from_bytes(mail.read_bytes(), policy=default)
    part = message.get_body(("html",))
    return str(part.get_content()) if part else ""


def _file(public: Path, url: str) -> Path:
    path = url.removeprefix("https://journal.example.org/").partition("?")[0]
    return public / (path + "index.html" if path.endswith("/") or not path else path)


if __name__ == "__main__":
    sys.exit(main())
