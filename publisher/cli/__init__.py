"""The command line: one file for each group of commands, `frame` around them all."""

from publisher.cli import (
    demo,
    doctor,
    incoming,
    init,
    issues,
    running,
    sending,
    site,
    status,
    subscribers,
)
from publisher.cli.frame import cli, main

__all__ = [
    "cli",
    "demo",
    "doctor",
    "incoming",
    "init",
    "issues",
    "main",
    "running",
    "sending",
    "site",
    "status",
    "subscribers",
]
