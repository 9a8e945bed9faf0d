"""Takes the README's pictures from what `make demo` made: run it afterwards.

python scripts/pictures.py
"""

from __future__ import annotations

import shutil
import sys
from email import message_from_bytes
from email.policy import default
from pathlib import Path

from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"


def main() -> int:
    """Write docs/pictures/*.png; 1 where the demo has not run or Chromium is missing."""
    chromium = shutil.which("chromium")
    mails = sorted((ROOT / "var" / "demo" / "inbox").glob("*.eml"))
    if not chromium or not mails:
        sys.stderr.write(
            "Install Chromium (scripts/system-packages.sh) and run `make demo` first.\n"
        )
        return 1
    public = (ROOT / "var" / "demo" / "public").resolve()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 680, "height": 1180})
        page.set_content(_html(mails[0]))
        page.screenshot(path=PICTURES / "digest.png")
        page = browser.new_page(viewport={"width": 680, "height": 1180})
        # Pages link to /assets and /images from the root: give them the tree as their host.
        page.route(
            "https://journal.example.org/**",
            lambda route: route.fulfill(path=_file(public, route.request.url)),
        )
        page.goto("https://journal.example.org/articles/car-nk-cells/")
        page.screenshot(path=PICTURES / "archive.png")
        browser.close()
    return 0


def _html(mail: Path) -> str:
    message = message_from_bytes(mail.read_bytes(), policy=default)
    part = message.get_body(("html",))
    return str(part.get_content()) if part else ""


def _file(public: Path, url: str) -> Path:
    path = url.removeprefix("https://journal.example.org/").partition("?")[0]
    return public / (path + "index.html" if path.endswith("/") or not path else path)


if __name__ == "__main__":
    sys.exit(main())
