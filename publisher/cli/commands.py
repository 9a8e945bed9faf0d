"""Every command, in the order in which help lists the groups: one file for each, `frame` around."""

from publisher.cli import (
    demo,
    doctor,
    incoming,
    init,
    issues,
    previewing,
    reporting,
    running,
    sending,
    site,
    sources,
    status,
    subscribers,
)
from publisher.cli.frame import cli

__all__ = [
    "cli",
    "demo",
    "doctor",
    "incoming",
    "init",
    "issues",
    "previewing",
    "reporting",
    "running",
    "sending",
    "site",
    "sources",
    "status",
    "subscribers",
]
