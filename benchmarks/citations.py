"""What citations cost: written in a style, and drawn from a bibliography.

    python -m benchmarks.citations [--works 3000] [--style the-lancet --style apa]

Seconds of processor time, so that a busy machine matters little.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from publisher import csl
from publisher.domain.article import Imprint, Source
from publisher.formats import bibliography, record, vancouver

STYLED = 100
"""How many works are written in each style that a processor writes."""


def source(number: int) -> Source:
    return Source(
        key=f"k{number}",
        title=f"A randomised trial of treatment {number} against placebo",
        kind="randomised trial",
        year=2020,
        journal="N Engl J Med",
        authors=("Liu, Enli", "van der Berg, Jan Peter", "Müller, Jörg"),
        imprint=Imprint(volume="382", issue="6", pages="545-553"),
        doi=f"10.1000/{number}",
    )


def yaml(number: int) -> str:
    return (
        f'- key: k{number}\n  title: "A trial {number}"\n  kind: trial\n  year: 2020\n'
        f'  journal: N Engl J Med\n  authors: ["Liu, Enli", "Marin, David"]\n'
        f"  pages: 545-553\n  doi: 10.1000/{number}\n"
    )


def bibtex(number: int) -> str:
    return (
        f"@article{{k{number}, author={{Liu, Enli and Marin, David}}, title={{A trial {number}}},"
        f" journal={{N Engl J Med}}, year=2020, pages={{545--553}}, doi={{10.1000/{number}}}}}\n"
    )


def cited(style: csl.Style, works: Iterable[Source]) -> list[str]:
    return [style.cite(each, "en-GB") for each in works]


def timed(what: str, number: int, work: Callable[[], object]) -> None:
    before = time.process_time()
    work()
    taken = time.process_time() - before
    print(f"{what:<40} {number:>7,} works {taken:8.2f} s {taken / number * 1e6:10,.0f} µs each")


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--works", type=int, default=3000)
    asked.add_argument("--style", action="append")
    given = asked.parse_args()
    works = [source(number) for number in range(given.works)]
    timed("Vancouver", len(works), lambda: [vancouver.render(each) for each in works])
    for name in given.style or ("the-lancet", "nature", "apa"):
        style = csl.load(name, Path())
        style.cite(works[0], "en-GB")
        some = works[:STYLED]
        timed(name, len(some), partial(cited, style, some))
    for name, write in (("sources.yaml", yaml), ("works.bib", bibtex)):
        raw = "".join(map(write, range(given.works))).encode()
        timed(f"{name}, read", given.works, partial(bibliography.parse, raw, name))
        kept = record.encode_works(*bibliography.parse(raw, name))
        timed(f"{name}, from the cache", given.works, partial(record.decode_works, kept))


if __name__ == "__main__":
    main()
