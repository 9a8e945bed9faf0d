"""The command line: `contents` lists the commands and their files, `frame` is around them all."""

from __future__ import annotations

import gc
import sys

from publisher.cli.contents import CONTENTS
from publisher.cli.starting import reading


def main() -> None:
    """The console script."""
    with reading("publisher.cli.frame"):
        from publisher.cli.frame import cli, read

        # The first word that is a command: should it be another's value, the right one is read
        # when it is called.
        named = next((each for each in sys.argv[1:] if each in CONTENTS), None)
        if named is not None:
            read(named)
    try:
        cli()
    finally:
        gc.freeze()  # Python's end looks through everything again and again: up to 0.03 s
