"""Every command: all files that `contents` lists, read. For whoever looks at all of them."""

from publisher.cli.contents import CONTENTS
from publisher.cli.frame import cli, read

__all__ = ["cli"]

for _name in CONTENTS:
    read(_name)
