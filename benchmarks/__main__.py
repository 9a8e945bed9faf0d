"""Every benchmark, one after the other: `python -m benchmarks`, or `make bench`."""

from __future__ import annotations

import importlib
import pkgutil
import sys

import benchmarks


def main() -> None:
    """Run the `main` of each module of this package that has one."""
    sys.argv = sys.argv[:1]
    for found in sorted(pkgutil.iter_modules(benchmarks.__path__), key=lambda each: each.name):
        if found.name == "__main__":
            continue
        module = importlib.import_module(f"benchmarks.{found.name}")
        run = getattr(module, "main", None)
        if run is not None:
            run()


if __name__ == "__main__":
    main()
