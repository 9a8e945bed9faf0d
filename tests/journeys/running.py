"""A small journal in a folder, opened as the program opens it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from publisher.app import App, open_app
from publisher.settings import Serving, Settings, TransportSettings
from tests.factories import journal, newsletter
from tests.verbs.readers import admit, reader

KEYS = (("k1", b"0123456789abcdef0123456789abcdef"),)

TEXT = """---
id: tag:journal.example.org,2026:a/{slug}
title: "{title}"
summary: What was found, in one sentence.
category: sleep
published: {published}
key_takeaway: Sleep matters, and the evidence is early.
evidence: early
sources:
  - key: trauer-2015
    title: "Cognitive Behavioral Therapy for Chronic Insomnia"
    kind: systematic review
    year: 2015
    doi: 10.7326/M14-2841
---

## What was asked

Does it help people to sleep [@trauer-2015]?
"""


def write(root: Path, slug: str, published: datetime, title: str | None = None) -> Path:
    """Write one article into content/."""
    path = root / "content" / f"{slug}.md"
    path.parent.mkdir(exist_ok=True)
    text = TEXT.format(slug=slug, title=title or f"On {slug}", published=published.isoformat())
    path.write_text(text)
    return path


def settings(root: Path, smtp_port: int | None = None, **overrides: Any) -> Settings:
    """Settings of the sample journal with a staff address, in `root`."""
    way = TransportSettings("default", "memory")
    if smtp_port is not None:
        options = {"host": "127.0.0.1", "port": smtp_port, "security": "none"}
        way = TransportSettings("default", "smtp", options)
    found = Settings(
        root=root,
        config=root / "config/publisher.toml",
        journal=journal(staff="staff@example.org", newsletters=(newsletter(**overrides),)),
        content_dir=root / "content",
        templates_dir=root / "templates",
        public_dir=root / "public",
        store_url=f"sqlite:///{root / 'store.db'}",
        transports={"default": way},
        keys=KEYS,
    )
    return replace(found, serving=Serving(port=0), cutoff=timedelta(hours=48))


def journal_in(root: Path, began: datetime, *, readers: int = 2, **options: Any) -> App:
    """An App whose store began at `began`, with readers r0, r1, …"""
    (root / "content").mkdir(exist_ok=True)
    (root / "config").mkdir(exist_ok=True)
    (root / "config/publisher.toml").touch()
    app = open_app(settings(root, **options))
    app.store.migrate(began)
    admit(app.store, [reader(f"r{number}") for number in range(readers)])
    return app
