"""Every rule there is, with what it weighs and who may set it aside: for explaining them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from publisher.checks import edition, external, inside, overrides, rules

_WARNINGS = frozenset(
    {
        *("acknowledged-not-retracted", "doubled-source", "heading-level", "long-for-feeds"),
        *("relative-link", "source-notice", "edition-link-words", "edition-headings"),
        *("edition-layout", "edition-language", "edition-line", "edition-preheader"),
        *(
            "edition-contrast",
            "edition-valid",
            "edition-shouting",
            "edition-css",
            "edition-marketing",
        ),
        *("edition-number", "template-unused", "language-words", "broken-link"),
        *("external-moved", "external-unclear"),
    }
)
_BOTH: Mapping[str, str] = {
    "edition-size": "error over 100 KB, warning over 80 KB",
    "edition-subject": "error where there is none, warning where it is long",
    "edition-link-address": "error, warning for http://",
    "retraction-data": "warning, error where the settings say so",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `weight` is `error`, `warning` or a sentence; `freedom` who may set it aside."""

    id: str
    words: str
    weight: str
    freedom: str


def every() -> Mapping[str, Rule]:
    """All rules by id: of articles, of mails, of templates and links."""
    found = {
        **{rule: (words, "it is the author's to mend") for rule, words in rules.RULES.items()},
        **{rule: (words, _of_mails(rule)) for rule, words in edition.RULES.items()},
        **{
            rule: (words, "it stops nothing but `check`")
            for table in (overrides.RULES, inside.RULES, external.RULES)
            for rule, words in table.items()
        },
    }
    return {rule: Rule(rule, words, _weight(rule), free) for rule, (words, free) in found.items()}


def _weight(rule: str) -> str:
    return _BOTH.get(rule) or ("warning" if rule in _WARNINGS else "error")


def _of_mails(rule: str) -> str:
    if rule in edition.ALWAYS:
        return "what a reader is owed: nobody can switch it off or force an issue past it"
    return f'checks.off = ["{rule}"] for a journal, --force {rule} --reason TEXT for one issue'
