"""Which files hold works that articles draw by key. What is in them: `bibliography`."""

from __future__ import annotations

MAX_BYTES = 8 * 1024 * 1024
YAML = ("sources.yaml", "sources.yml")
ENDINGS = (".yaml", ".yml", ".bib", ".ris", ".json")
"""What the name of such a file may end in; see `is_one` for the whole of it."""


def is_one(name: str) -> bool:
    """Whether a file of this name holds works: `sources.yaml`, `sources.json`, `….csl.json`,
    `….bib` and `….ris`.
    """
    low = name.lower()
    return low in YAML or low == "sources.json" or low.endswith((".bib", ".ris", ".csl.json"))
