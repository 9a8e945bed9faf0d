"""Every benchmark, one after the other: `python -m benchmarks`, or `make bench`."""

from __future__ import annotations

import importlib
import pkgutil
import subprocess
import sys

import benchmarks


def main() -> None:
    """Run each module of this package that has a `main`, in a process of its own.

    What an earlier one loaded and left behind would count against the next: its time, and the
    peak of its memory.
    """
    for found in sorted(pkgutil.iter_modules(benchmarks.__path__), key=lambda each: each.name):
        name = f"benchmarks.{found.name}"
        if found.name != "__main__" and hasattr(importlib.import_module(name), "main"):
            print(f"\n## {name}\n", flush=True)
            subprocess.run([sys.executable, "-m", name], check=True)


if __name__ == "__main__":
    main()
