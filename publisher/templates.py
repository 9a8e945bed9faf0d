"""Templates from two folders: the journal's own over the shipped ones, file by file."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

import publisher
from publisher.domain.template import Template, TemplateSet
from publisher.errors import NotFound, TemplateError, UsageError

ASSETS = "site/assets/"
LOCALE = "locale/"
INIT = "init/"
_TAG = re.compile(r"[a-zA-Z]{2,3}(?:[-_][a-zA-Z0-9]{2,8}){0,3}")
PICTURES = frozenset({".avif", ".gif", ".ico", ".jpeg", ".jpg", ".png", ".webp"})
MAX_BYTES = 4 * 1024 * 1024
"""No template or asset may be larger."""


def shipped_dir() -> Path:
    """The folder of the shipped defaults: inside the wheel, else at the top of a checkout."""
    package = Path(publisher.__file__).parent
    packed, checkout = package / "shipped", package.parent / "templates"
    for folder in (packed, checkout):
        if folder.is_dir():
            return folder
    raise TemplateError(f"the shipped templates are missing from {packed}; reinstall publisher")


@dataclass(frozen=True, slots=True)
class Listed:
    """A template, asset or catalogue by name: the file that counts, and whose it is.

    `own`: the journal's; `shipped`: there is a shipped one of this name, which `own` replaces
    (a catalogue of its own is added to the shipped one).
    """

    name: str
    path: Path
    own: bool
    shipped: bool


@dataclass(frozen=True, slots=True)
class Folders:
    """Implements `ports.Templates`. `override` may be absent or need not exist.

    Names are relative and use `/`: `site/article.html`. Files under `site/assets/` are assets,
    keyed by the same kind of name (`site/assets/style.css`). Files `locale/LANGUAGE.po` are
    catalogues. Hidden files, and pictures elsewhere, are no templates.
    """

    override: Path | None = None

    def load(self) -> TemplateSet:
        """Read both folders once. Raises TemplateError naming the file that cannot be read."""
        templates: dict[str, Template] = {}
        assets: dict[str, bytes] = {}
        catalogues: dict[str, tuple[Template, ...]] = {}
        for folder, own in ((shipped_dir(), False), (self.override, True)):
            if folder is None or (own and not folder.exists()):
                continue
            for name, path in _files(folder):
                content = _read(path)
                if name.startswith(ASSETS):
                    assets[name] = content
                elif name.startswith(LOCALE):
                    if path.suffix == ".po":
                        made = Template(name, _text(path, content), str(path), own)
                        catalogues[path.stem] = (*catalogues.get(path.stem, ()), made)
                elif path.suffix.lower() not in PICTURES:
                    templates[name] = Template(name, _text(path, content), str(path), own)
        return TemplateSet(
            *(dict(sorted(templates.items())), dict(sorted(assets.items()))),
            dict(sorted(catalogues.items())),
        )


def listing(override: Path | None) -> tuple[Listed, ...]:
    """Every file that may be overridden or is the journal's own, in order of name."""
    ours = {name: path for name, path in _files(shipped_dir()) if not name.startswith(INIT)}
    own = dict(_files(override)) if override is not None and override.exists() else {}
    return tuple(
        Listed(name, own.get(name) or ours[name], name in own, name in ours)
        for name in sorted({*ours, *own})
    )


def eject(override: Path, name: str) -> Path:
    """Copy the shipped file `name` into the journal's folder, to be changed there.

    A catalogue (`locale/fr.po`) that is not shipped begins empty, with every message there is.
    Raises NotFound for a name that is not shipped, UsageError where it is there already.
    """
    if override.resolve() == shipped_dir().resolve():
        raise UsageError(f"{override} holds the shipped templates themselves: change them there")
    shipped = {each.name: each.path for each in listing(None)}
    language = name.removeprefix(LOCALE).removesuffix(".po")
    if name in shipped:
        content = _read(shipped[name])
    elif name == f"{LOCALE}{language}.po" and _TAG.fullmatch(language):
        from publisher.formats import catalogue  # only here: reading templates needs none of it

        model = next(iter(Folders().load().catalogues.values()))[0]
        content = catalogue.empty(model, language).encode()
    else:
        raise NotFound(f"there is no shipped template '{name}'{_nearest(name, shipped)}")
    path = override / name
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError:
        raise UsageError(f"{path} is there already; delete or rename it first") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
    return path


def _nearest(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'email/digest.mjml'?`: by the file's own name, else by the whole."""
    names = list(known)
    same = [each for each in names if each.rpartition("/")[2] == name.rpartition("/")[2]]
    found = same or get_close_matches(name, names, 1, 0.5)
    return f"; did you mean '{found[0]}'?" if found else " (`publisher templates list` shows all)"


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file under `folder` by name, in order; nothing that leads out of it."""
    if not folder.is_dir():
        raise TemplateError(f"{folder} is not a folder; mend `templates` in the settings")
    root = folder.resolve()
    found: list[tuple[list[str], Path]] = []
    for place, below, names in os.walk(folder):  # a Path for each step would take thrice as long
        below[:] = filter(_is_shown, below)
        inner = place[len(str(folder)) :].split(os.sep)[1:]  # noqa: PTH206 - as said above
        for name in filter(_is_shown, (*below, *names)):
            whole = f"{place}{os.sep}{name}"
            if os.path.islink(whole) and not Path(whole).resolve().is_relative_to(root):  # noqa: PTH114 - as above
                raise TemplateError(f"{whole} leads out of {folder}; copy the file there instead")
            if os.path.isfile(whole):  # noqa: PTH113 - as said above
                found.append(([*inner, name], Path(whole)))
    for parts, path in sorted(found):
        yield "/".join(parts), path


def _is_shown(name: str) -> bool:
    return not (name.startswith(".") or name.endswith("~"))


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise TemplateError(
                f"{path} is larger than {MAX_BYTES // 1024**2} MiB; make it smaller"
            )
        return path.read_bytes()
    except OSError as error:
        raise TemplateError(f"{path} cannot be read: {error.strerror}") from error


def _text(path: Path, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise TemplateError(f"{path}:{line}: this is not UTF-8; save the file as UTF-8") from error
