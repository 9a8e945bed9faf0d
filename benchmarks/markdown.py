"""Which CommonMark parser: the same 1,000 generated articles through each, in one run.

    python -m benchmarks.markdown

Parsers that are missing are named as such (`make bench-tools`); only pyromark is a dependency.
"""

from __future__ import annotations

import importlib
import random
import statistics
import time
from collections.abc import Callable

from benchmarks import peers

WORDS = "evidence trial response patients weeks outcome risk review people follow early".split(" ")


def article(seed: int, words: int = 700) -> str:
    """About 700 words of Markdown with headings, a list, a table, links and citations."""
    chance = random.Random(seed)
    parts: list[str] = []
    for section in range(5):
        parts.append(f"## Section {section}")
        for _ in range(3):
            text = [chance.choice(WORDS) for _ in range(words // 15)]
            text[5] = f"**{text[5]}**"
            text[9] = f"[{text[9]}](https://example.org/{seed}/{section})"
            parts.append(" ".join(text) + " [@source-1].")
    parts.append("- one\n- two\n- three")
    parts.append("| a | b |\n|---|---|\n| 1 | 2 |")
    return "\n\n".join(parts)


def parsers() -> dict[str, Callable[[str], str] | None]:
    """Name → function from Markdown to HTML, or None where the package is missing."""
    found: dict[str, Callable[[str], str] | None] = {}
    for name in ("pyromark", "cmarkgfm", "mistune", "markdown_it"):
        try:
            module = importlib.import_module(name)
        except ImportError:
            found[name] = None
            continue
        if name == "pyromark":
            options = module.Options.ENABLE_TABLES
            found[name] = lambda text, m=module, o=options: m.html(text, options=o)  # type: ignore[misc]  # a lambda with defaults has no type of its own
        elif name == "cmarkgfm":
            found[name] = module.github_flavored_markdown_to_html
        elif name == "mistune":
            found[name] = module.create_markdown(plugins=["table"])
        else:
            found[name] = module.MarkdownIt("commonmark").enable("table").render
    return found


def main(rounds: int = 5, count: int = 1000) -> None:
    """Print a Markdown table: median seconds for `count` articles, and the ratio to the first."""
    texts = [article(seed) for seed in range(count)]
    print(f"\n## CommonMark parsers, {count:,} articles of about 700 words\n")
    print("| parser | median of 5, s | × pyromark |\n|---|---|---|")
    base = 0.0
    for name, render in parsers().items():
        if render is None:
            print(f"| {name} | missing: {peers.MEND} | |")
            continue
        taken = []
        for _ in range(rounds):
            start = time.perf_counter()
            for text in texts:
                render(text)
            taken.append(time.perf_counter() - start)
        median = statistics.median(taken)
        base = base or median
        print(f"| {name} | {median:.3f} | {median / base:.1f} |")


if __name__ == "__main__":
    main()
