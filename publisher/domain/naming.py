"""The names of authors and editors, as sources write them."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PARTS = re.compile(r"[\s.]+")
_SUFFIXES = frozenset({"jr", "sr", "ii", "iii", "iv", "2nd", "3rd", "4th"})


@dataclass(frozen=True, slots=True)
class Name:
    """A person's family and given name, or (without `given`) a name that stands as it is."""

    family: str
    given: str = ""

    @property
    def shown(self) -> str:
        """As people say it: `Enli Liu`."""
        return f"{self.given} {self.family}" if self.given else self.family

    @property
    def short(self) -> str:
        """Family name and initials, as Vancouver has it: `Liu E`, `van der Berg JP`."""
        return f"{self.family} {initials(self.given)}" if self.given else self.family


def parse(text: str) -> Name:
    """`Liu, Enli` is family and given name; anything else stands as it is.

    So does a name in braces, `{Department of Health, Australia}`, because an organisation's may
    hold a comma.
    """
    if text.startswith("{") and text.endswith("}") and text[1:-1].strip():
        return Name(text[1:-1].strip())
    family, comma, given = text.partition(",")
    family, given = family.strip(), given.strip()
    return Name(family, given) if comma and family and given else Name(text.strip(" ,") or text)


def written(family: str, given: str = "") -> str:
    """The text that `parse` reads as this name."""
    family, given = " ".join(family.split()), " ".join(given.split())
    if given:
        # A family name with a comma of its own cannot be told from two names.
        return f"{family.replace(',', ' ')}, {given}"
    return f"{{{family}}}" if "," in family else family


def initials(given: str) -> str:
    """`Jan Peter` and `J.-P.` are `JP`; initials that are written together stay: `JT Jr`."""
    words = [word for word in _PARTS.split(given) if word]
    after = words.pop() if len(words) > 1 and words[-1].lower() in _SUFFIXES else ""
    if len(words) == 1 and len(words[0]) <= 3 and words[0].isalpha() and words[0].isupper():
        short = words[0]
    else:
        parts = (part for word in words for part in re.split(r"[-‐]", word))
        short = "".join(part[0].upper() for part in parts if part and part[0].isalpha())
    return f"{short} {after}" if after else short
