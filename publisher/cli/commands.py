"""Every command, in the order in which help lists the groups: one file for each, `frame` around."""

from publisher.cli import (
    changing,
    demo,
    doctor,
    files,
    incoming,
    init,
    issues,
    previewing,
    reporting,
    running,
    segments,
    sending,
    site,
    sources,
    status,
    subscribers,
    suppressions,
)
from publisher.cli.frame import cli

__all__ = [
    "changing",
    "cli",
    "demo",
    "doctor",
    "files",
    "incoming",
    "init",
    "issues",
    "previewing",
    "reporting",
    "running",
    "segments",
    "sending",
    "site",
    "sources",
    "status",
    "subscribers",
    "suppressions",
]
