"""Templates from two folders: the journal's own over the shipped ones, file by file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import publisher
from publisher.domain.template import Template, TemplateSet
from publisher.errors import TemplateError

ASSETS = "site/assets/"
LOCALE = "locale/"
PICTURES = frozenset({".avif", ".gif", ".ico", ".jpeg", ".jpg", ".png", ".webp"})
MAX_BYTES = 4 * 1024 * 1024
"""No template or asset may be larger."""


def shipped_dir() -> Path:
    """The folder of the shipped defaults: inside the wheel, else at the top of a checkout."""
    packed = Path(str(resources.files(publisher))) / "shipped"
    checkout = Path(str(resources.files(publisher))).parent / "templates"
    for folder in (packed, checkout):
        if folder.is_dir():
            return folder
    raise TemplateError(f"the shipped templates are missing from {packed}; reinstall publisher")


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


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file under `folder` by name, in order; nothing that leads out of it."""
    if not folder.is_dir():
        raise TemplateError(f"{folder} is not a folder; mend `templates` in the settings")
    root = folder.resolve()
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if any(part.startswith(".") or part.endswith("~") for part in relative.parts):
            continue
        if not path.resolve().is_relative_to(root):
            raise TemplateError(f"{path} leads out of {folder}; copy the file there instead")
        if path.is_file():
            yield relative.as_posix(), path


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
