"""The id of every rule about articles, with the sentence that documents it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from publisher.domain.finding import Finding, Place, Severity

RULES: Mapping[str, str] = {
    # the file
    "file-too-large": "An article's file is at most 1 MiB.",
    "file-name": "A file's name is printable text.",
    "unreadable-file": "An article is an ordinary file that the publisher may read.",
    "outside-content": "No article and no image lies outside content/, symbolic links included.",
    "invalid-utf8": "The file is UTF-8 text.",
    "control-character": "No control character, direction override, lone surrogate or "
    "noncharacter is in the text.",
    "reserved-text": "The text does not hold the mark that mails keep for unsubscribe links.",
    "front-matter": "A file starts with front matter: a YAML mapping between two lines of `---`.",
    "yaml-limit": "Front matter has no anchors, aliases or tags, and stays within its bounds.",
    # keys and values
    "missing-key": "Every required key is there.",
    "unknown-key": "Every key is one that the format knows.",
    "repeated-key": "No key stands twice in the same mapping.",
    "wrong-type": "Each value is of its key's kind: text, number, date, list, mapping, yes or no.",
    "empty-text": "A text that is required is not empty.",
    "markup-in-text": "Titles, summaries, names and the like are plain text, without HTML.",
    "too-long": "A text stays within its length.",
    "unknown-choice": "A value that is one of a list is spelt as in the list.",
    "unknown-category": "The category is one that the settings define.",
    "missing-id": "Every article has an id, which never changes.",
    "bad-id": "An id is a `tag:` URI (RFC 4151).",
    "bad-slug": "A slug is lower-case letters and digits joined by hyphens.",
    "bad-url": "An address is absolute and starts with https:// or http://.",
    "bad-language": "A language is a tag such as `en` or `pt-BR` (RFC 5646).",
    "duplicate-id": "No two articles have the same id.",
    "duplicate-slug": "No two articles have the same slug.",
    "bad-alias": "An alias is a path of the journal such as /old/address/, in plain characters.",
    "alias-clash": "An alias leads nowhere else: no page and no other alias has that path.",
    # dates
    "impossible-date": "A date exists and is written as 2026-11-24.",
    "time-without-offset": "A time states its offset from UTC; a date may stand alone.",
    "date-order": "Nothing is updated, corrected or withdrawn before it was published.",
    "review-overdue": "An article is reviewed again by the day that it names.",
    "reviewed-ahead": "A review is of a day that has come.",
    "unsupported-number": "A number in the summary or the key takeaway is in the body too.",
    "evidence-grade": "A strong grade rests on more than work in the laboratory.",
    "shared-instant": "No two articles were updated in the same second.",
    "bad-feed-seconds": "`feed_seconds` is a whole number from 0 to 86,399.",
    # sources and citations
    "no-sources": "An article has at least one source.",
    "bad-doi": "A DOI has the form 10.1056/NEJMoa1910607.",
    "bad-pmid": "A PMID is a number of up to nine digits.",
    "bad-pmcid": "A PMCID is `PMC` and a number.",
    "bad-isbn": "An ISBN has 10 or 13 digits, and the last one fits the others.",
    "bad-nct": "A ClinicalTrials.gov number is `NCT` and eight digits.",
    "bad-isrctn": "An ISRCTN is `ISRCTN` and eight digits.",
    "bad-source-key": "A source's key starts with a letter or digit; `. _ : -` may follow.",
    "repeated-source": "No two sources of an article have the same key.",
    "unresolvable-source": "A source has at least one of doi, pmid, pmcid, isbn, nct, isrctn and "
    "url.",
    "unknown-citation": "Every cited key is the key of a source.",
    "retracted-source": "No article rests on a retracted work, unless it says so beside it.",
    "retracted-reason": "`retracted: acknowledged` goes with a `reason`, and a reason with it.",
    "source-notice": "The author knows of a concern, a correction or a reinstatement.",
    "acknowledged-not-retracted": "What is acknowledged as retracted is so in the data.",
    "doubled-source": "One work has one key in an article, and one title and year everywhere.",
    "retraction-data": "The data of retractions are there and not too old.",
    "unknown-work": "A source that is a key alone is a sound work of the bibliography.",
    "repeated-work": "No two works of the bibliography have the same key.",
    "bad-bibliography": "A file of works is written as YAML, BibTeX, RIS or CSL-JSON is.",
    "uncited-source": "Every source is cited in the body or in an answer.",
    "malformed-citation": "A citation is written `[@key]` or `[@one; @two]`.",
    "misplaced-citation": "Citations stand in the text of the body and of answers, nowhere else.",
    # body
    "empty-body": "An article has a body.",
    "long-for-feeds": "An article is short enough for feeds to carry it whole.",
    "raw-html": "Raw HTML holds only what the sanitiser leaves.",
    "heading-level": "Headings in the body start at `##`; the title is the page's only `h1`.",
    "unsafe-link": "A link leads to http, https or mailto.",
    "relative-link": "A link inside the journal is written from its root, as /articles/slug/.",
    # images
    "image-without-alt": "Every image has a text for those who do not see it.",
    "image-path": "An image is a file below content/, named without `..` or a leading dot.",
    "remote-image": "Images are files of the journal: no page asks another site for anything.",
    "image-kind": "An image is PNG, JPEG, GIF or WebP, and its bytes agree with its name.",
    "missing-image": "Every image that an article names exists.",
    "image-too-large": "An image is at most 5 MiB.",
}


def error(rule: str, place: Place, message: str, remedy: str) -> Finding:
    """A finding that blocks. A rule that is not documented is a KeyError: a mistake of ours."""
    RULES[rule]
    return Finding(rule, Severity.ERROR, place, message, remedy)


def warning(rule: str, place: Place, message: str, remedy: str) -> Finding:
    """A finding that does not block."""
    return replace(error(rule, place, message, remedy), severity=Severity.WARNING)


def softened(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The findings of a draft: it never leaves, so none of them may block the journal."""
    return tuple(replace(finding, severity=Severity.WARNING) for finding in findings)
