"""A mail as different programs show it."""

from __future__ import annotations

import pytest

from publisher.formats.variants import VARIANTS, shown

HTML = """<html><head><meta name="color-scheme" content="light dark">
<style>:root { color-scheme: light dark; } td { color: red }
@media (prefers-color-scheme: dark) { body { background: black } }</style></head>
<body style="margin:0"><p style='color:blue'>A style="plain" word &lt;b style="x"&gt;</p></body></html>"""


def test_dark_and_light_do_not_ask_the_screen() -> None:
    """The reader's screen is decided here; the one in front of us has no say."""
    dark, light = (shown(HTML, VARIANTS[name]) for name in ("dark", "desktop"))
    assert "@media all {" in dark
    assert "@media not all {" in light
    assert 'content="dark"' in dark
    assert "color-scheme: light;" in light
    assert "prefers-color-scheme" not in dark + light


def test_style_sheets_and_attributes_are_left_out() -> None:
    """Without sheets the attributes stay; without CSS neither does, and no word is touched."""
    sheetless, bare = (shown(HTML, VARIANTS[name]) for name in ("no-sheet", "no-css"))
    assert "<style" not in sheetless + bare
    assert "<body style=\"margin:0\"><p style='color:blue'>" in sheetless
    assert '<body><p>A style="plain" word &lt;b style="x"&gt;</p>' in bare


@pytest.mark.parametrize("name", VARIANTS)
def test_nothing_runs_and_nobody_else_is_asked(name: str) -> None:
    """Every frame is sandboxed, without scripts and without any host but our own."""
    policy = VARIANTS[name].policy
    assert "default-src 'none'" in policy
    assert "sandbox allow-same-origin" in policy
    assert "script" not in policy
    assert "http" not in policy
    assert ("img-src 'none'" in policy) is (name == "images-off")
