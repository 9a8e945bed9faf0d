"""Tables of settings: a class names the keys of one, what reads each, and what holds without it.

In place of a library for models, because these are read at every start of the program: making
pydantic's took half of it (docs/decisions/0075-starting.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, ClassVar, Generic, Self, TypeVar, overload

T = TypeVar("T")
Path = tuple[str | int, ...]
Read = Callable[[object], T]
"""Makes of what stands in the file, or of the text of a variable, the value that is meant.

Raises ValueError with the sentence for a wrong one, or Wrong.
"""
_REQUIRED = object()


class Wrong(ValueError):
    """Everything that is wrong about a value: (where below it, what), in order."""

    def __init__(self, problems: Sequence[tuple[Path, str]]) -> None:
        super().__init__("; ".join(message for _, message in problems))
        self.problems = tuple(problems)


class Key(Generic[T]):
    """One key of a table. `table` is what its value, or each of its values, is made of."""

    __slots__ = ("default", "is_named", "read", "table")

    def __init__(
        self,
        read: Read[T],
        default: object = _REQUIRED,
        table: type[Table] | None = None,
        *,
        is_named: bool = False,
    ) -> None:
        self.read = read
        self.default = default
        self.table = table
        self.is_named = is_named

    @overload
    def __get__(self, table: None, kind: type[Table]) -> Key[T]: ...
    @overload
    def __get__(self, table: Table, kind: type[Table]) -> T: ...
    def __get__(self, table: Table | None, kind: type[Table]) -> Key[T] | T:
        """The key of a class; a table's value stands in the table itself and hides it."""
        if table is not None:
            raise AttributeError(f"a {kind.__name__} without its values")
        return self

    def usual(self) -> object:
        """What holds where nothing is said."""
        default = self.default
        return self.table.usual() if self.table is not None and default is self.table else default


class Table:
    """One table; unknown keys are refused, values never repeated in messages.

    `given` are the keys that were there. `others` are keys that another reader understands, where
    `takes_others` lets them in; `unnamed` are keys that no message offers.
    """

    keys: ClassVar[Mapping[str, Key[Any]]] = {}
    takes_others: ClassVar[bool] = False
    unnamed: ClassVar[frozenset[str]] = frozenset()
    given: frozenset[str]
    others: Mapping[str, Any]

    def __init_subclass__(cls) -> None:
        cls.keys = {name: each for name, each in vars(cls).items() if isinstance(each, Key)}
        if taken := cls.keys.keys() & vars(Table).keys():
            raise TypeError(f"{cls.__name__}: a table has something else of this name: {taken}")

    @classmethod
    def read(cls, value: object) -> Self:
        """The table that a mapping holds. Raises Wrong."""
        value = _mapping(value)
        wrong: list[tuple[Path, str]] = []
        values: dict[str, object] = {}
        for name, each in cls.keys.items():
            if name in value:
                values[name] = _collect(each.read, value[name], (name,), wrong)
            elif each.default is _REQUIRED:
                wrong.append(((name,), "this is required; please add it"))
            else:
                values[name] = each.usual()
        others = {name: each for name, each in value.items() if name not in cls.keys}
        if not cls.takes_others:
            wrong.extend(((name,), cls._unknown(str(name))) for name in others)
        if wrong:
            raise Wrong(wrong)
        made = cls._made(values, frozenset(value), others)
        made.check()
        return made

    @classmethod
    def usual(cls) -> Self:
        """The table that holds where none is given."""
        return cls._made({name: each.usual() for name, each in cls.keys.items()}, frozenset(), {})

    @classmethod
    def _made(
        cls, values: Mapping[str, object], given: frozenset[str], others: Mapping[str, Any]
    ) -> Self:
        made = cls.__new__(cls)
        vars(made).update(values, given=given, others=others)
        return made

    def check(self) -> None:
        """What several keys promise together. Raises ValueError."""

    def values(self) -> dict[str, Any]:
        """Each key with its value."""
        return {name: getattr(self, name) for name in self.keys}

    @classmethod
    def _unknown(cls, name: str) -> str:
        known = [each for each in cls.keys if each not in cls.unnamed]
        near = get_close_matches(name, known, 1, 0.5)
        if near:
            return f"unknown setting; did you mean '{near[0]}'?"
        return f"unknown setting (known here: {', '.join(known)})"


def _collect(read: Read[T], value: object, path: Path, wrong: list[tuple[Path, str]]) -> T | None:
    """The value that is meant, or None and one more entry of `wrong`."""
    try:
        return read(value)
    except Wrong as error:
        wrong.extend(((*path, *inner), message) for inner, message in error.problems)
    except ValueError as error:
        wrong.append((path, str(error)))
    return None


K = TypeVar("K", bound=Table)


# --- the kinds of key -----------------------------------------------------------------------------


def key(read: Read[T], default: object = _REQUIRED) -> Key[T]:
    """A key with one value; without a default it is required. `read` takes the default too."""
    return Key(read, default)


def optional(read: Read[T]) -> Key[T | None]:
    """A key with one value, or None where it is not given."""
    return Key(lambda value: None if value is None else read(value), None)


def required_table(kind: type[K]) -> Key[K]:
    """A table that must be there."""
    return Key(kind.read, table=kind)


def default_table(kind: type[K]) -> Key[K]:
    """A table each of whose keys has a default."""
    return Key(kind.read, kind, kind)


def optional_table(kind: type[K]) -> Key[K | None]:
    """A table, or None."""
    return Key(kind.read, None, kind)


def named_tables(
    name: Read[str],
    kind: type[K],
    *,
    low: int = 0,
    first: Callable[[object], object] = lambda value: value,
) -> Key[Mapping[str, K]]:
    """Tables by names, at least `low` of them. `first` looks at them all before anything else."""
    read = _named(name, kind.read, low, first)
    return Key(read, _REQUIRED if low else {}, kind, is_named=True)


def by_name(name: Read[str], each: Read[T]) -> Read[Mapping[str, T]]:
    """Values by names."""
    return _named(name, each, 0, lambda value: value)


def _named(
    name: Read[str], each: Read[T], low: int, first: Callable[[object], object]
) -> Read[Mapping[str, T]]:
    def read(value: object) -> Mapping[str, T]:
        value = _mapping(first(value))
        wrong: list[tuple[Path, str]] = []
        names = [_collect(name, at, (at,), wrong) for at in value]
        found = [_collect(each, inner, (at,), wrong) for at, inner in value.items()]
        if wrong:
            raise Wrong(wrong)
        if len(value) < low:
            raise ValueError(f"this must have at least {low}")
        return dict(_whole(names, found))

    return read


def _mapping(value: object) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise ValueError("this must be a table")  # noqa: TRY004 - read like every wrong value
    return value


def _whole(names: Sequence[str | None], found: Sequence[T | None]) -> Iterator[tuple[str, T]]:
    for name, each in zip(names, found, strict=True):
        if name is not None and each is not None:  # what is None was wrong, and is said
            yield name, each


def several(each: Read[T], *, low: int = 0, high: int | None = None) -> Read[tuple[T, ...]]:
    """A list; in the environment it is written as JSON, or as one value alone."""

    def read(value: object) -> tuple[T, ...]:
        value = listed(value)
        if not isinstance(value, list | tuple):
            raise ValueError('this must be a list, for instance ["one", "two"]')  # noqa: TRY004 - as above
        wrong: list[tuple[Path, str]] = []
        found = [_collect(each, inner, (index,), wrong) for index, inner in enumerate(value)]
        if wrong:
            raise Wrong(wrong)
        if len(found) < low:
            raise ValueError(f"this must have at least {low}")
        if high is not None and len(found) > high:
            raise ValueError(f"this must have at most {high}")
        return tuple(inner for inner in found if inner is not None)

    return read


def listed(value: object) -> object:
    """A list in the environment is written as JSON, or as one value alone."""
    if not isinstance(value, str):
        return value
    if not value.lstrip().startswith("["):
        return [value]
    import json

    try:
        return json.loads(value)
    except ValueError as error:
        raise ValueError(f'this is no JSON list like ["one", "two"]: {error}') from None


def texts(value: object) -> list[str | None]:
    """What a list, or a variable that holds one, names; None for each entry that is no text.

    For looking at values before they are read: whatever is wrong about one is said by its reader.
    """
    try:
        value = listed(value)
    except ValueError:
        return []
    if not isinstance(value, list | tuple):
        return []
    return [each.strip() if isinstance(each, str) else None for each in value]
