"""Every command and group, in the order of help, with the files that it stands in and its line.

A call of the program reads the files of its own command alone, because reading them all takes half
a second and 20 MB; and help is shown without any of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Listed(NamedTuple):
    """A command, or a group of them: its files in `cli/`, and what it does in one sentence."""

    files: tuple[str, ...]
    help: str


CONTENTS: Mapping[str, Listed] = {
    "send": Listed(
        ("sending",),
        "Send an approved issue now that its slot has come; says first to how many people.",
    ),
    "pause": Listed(
        ("sending",), "Stop sending an issue for now; mails under way come to their end."
    ),
    "resume": Listed(
        ("sending",),
        "Go on with a paused issue: `publisher run` sends the rest, or `publisher send` does.",
    ),
    "retry": Listed(
        ("sending",),
        "Queue mails again that were deferred or refused; nobody is mailed who left meanwhile.",
    ),
    "check": Listed(
        ("checking",),
        "Look over settings, articles, templates and a digest; say all that is wrong, and where.",
    ),
    "cite": Listed(
        ("citing",), "Look a work up where it is registered, and show it as a source in YAML."
    ),
    "watch": Listed(
        ("fallen",),
        "Show retracted works that issues carried, who received them, and how to correct it.",
    ),
    "correct": Listed(
        ("correcting",),
        "Show who received an article before it was corrected or withdrawn, and can still be told.",
    ),
    "init": Listed(
        ("init",),
        "Make a new journal: settings, a sample article, a template of your own, and its keys.",
    ),
    "demo": Listed(
        ("demo",),
        "Build the journal here and send its digest to a mail server on this machine alone.",
    ),
    "doctor": Listed(
        ("doctor",),
        "Look at settings, sources, templates, store, relay, DNS and web pages; change nothing.",
    ),
    "inbound": Listed(
        ("incoming",), "Take in one mail from standard input, or all that wait in the mailboxes."
    ),
    "build": Listed(
        ("making",),
        "Make the site and its feeds in public/, all at once; nobody ever sees half of it.",
    ),
    "preview": Listed(
        ("previewing",),
        "Show the articles and the next issues as readers will get them; changes nothing.",
    ),
    "report": Listed(
        ("reporting",),
        "Write what became of an issue: a page with charts, and a CSV file; no address is in them.",
    ),
    "run": Listed(
        ("running",),
        "Do everything: build when something changes, send digests at their time, serve the site.",
    ),
    "worker": Listed(
        ("running",), "Only send what is waiting; any number of these may run at once."
    ),
    "scheduler": Listed(
        ("running",),
        "Only plan what is due, rebuild what has changed, and let issues go at their time.",
    ),
    "web": Listed(("running",), "Only serve the built site and answer unsubscribe links."),
    "new": Listed(
        ("site",),
        "Start an article: a draft with everything to be filled in, and its permanent id.",
    ),
    "status": Listed(("status",), "Show what is due next, what is under way, and what needs you."),
    "subscribers": Listed(
        ("subscribers", "changing", "files"),
        "Add, import, export, look at, change and forget subscribers.",
    ),
    "issue": Listed(("issues", "deciding"), "Plan, look at, shape, approve and cancel issues."),
    "deliveries": Listed(
        ("deliveries",), "Look at mails that did not arrive, and settle those that nobody answered."
    ),
    "sources": Listed(("sources",), "Look after the works that articles cite."),
    "ledger": Listed(
        ("ledger",),
        "Show what happened to an article, a work or an issue, and prove that it is all there.",
    ),
    "store": Listed(("storing", "restoring"), "Look after the store."),
    "segments": Listed(("segments",), "Segments of readers, as the settings name them."),
    "suppressions": Listed(("suppressions",), "Who is never mailed, and why."),
    "templates": Listed(("templating",), "See where templates come from, and make one your own."),
}
