"""Every feed document of a built tree through the W3C's feed validator, at level AA.

    python scripts/validate_feeds.py CHECKOUT PUBLIC URL

CHECKOUT is a clone of https://github.com/w3c/feedvalidator, which is in no package registry;
it needs html5lib, rdflib and lxml beside it. PUBLIC is the built tree, and URL the journal's
address, without a slash at its end. Prints each remark, and ends with 1 where there is any.
"""

from __future__ import annotations

import io
import sys
from importlib import import_module
from pathlib import Path


def main(checkout: str, public: str, url: str) -> int:
    """The exit code."""
    sys.path.insert(0, str(Path(checkout) / "src"))
    validator = import_module("feedvalidator")
    level = import_module("feedvalidator.compatibility").AA
    shown = import_module("feedvalidator.formatter.text_plain").Formatter
    documents = sorted(
        path for name in ("feed.xml", "atom.xml") for path in Path(public).rglob(name)
    )
    remarks = 0
    for path in documents:
        address = f"{url}/{path.relative_to(public).as_posix()}"
        stream = io.BytesIO(path.read_bytes())
        events = validator.validateStream(stream, firstOccurrenceOnly=1, base=address)
        found = level(events["loggedEvents"])
        remarks += len(found)
        for line in shown(found):
            sys.stdout.write(f"{address}: {line}\n")
    sys.stdout.write(f"{len(documents)} documents, {remarks} remarks\n")
    return 1 if remarks or not documents else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
