"""`init`: a complete journal in a new folder, ready for `build` and `demo`."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Annotated

import typer

from publisher import settings
from publisher.cli.frame import cli
from publisher.cli.session import Session, mint_id
from publisher.errors import UsageError
from publisher.settings import PLACE
from publisher.templates import shipped_dir

FILES = {
    "publisher.toml": str(PLACE),
    "article.md": "content/vitamin-d.md",
    "preheader.txt": "templates/email/preheader.txt",
    "README.md": "README.md",
    "gitignore": ".gitignore",
}
"""What `init` writes: the file in templates/init, and where it goes."""

KEY = Path("var/secret.key")
SUPPRESSION_KEY = Path("var/suppression.key")


@cli.command(epilog="Example: publisher init my-journal")
def init(
    context: typer.Context,
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A new or empty folder.")],
) -> None:
    """Make a new journal: settings, a sample article, a template of your own, and its keys."""
    session: Session = context.obj
    root = directory.absolute()
    if root.exists() and (not root.is_dir() or any(root.iterdir())):
        raise UsageError(f"{directory} is not empty: name a new folder, so that nothing is lost")
    try:
        for name, target in FILES.items():
            path = root / target
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes((shipped_dir() / "init" / name).read_bytes())
        make_key(root / KEY)
        make_key(root / SUPPRESSION_KEY)
        _date(session, root)
    except OSError as error:
        raise UsageError(f"{directory} cannot be written: {error.strerror}") from None
    written = sorted([*FILES.values(), str(KEY), str(SUPPRESSION_KEY)])
    session.done(
        {"directory": str(root), "files": written},
        f"Your journal is in {directory}:",
        *(f"  {name}" for name in written),
        "",
        "Now:",
        f"  cd {directory}",
        "  publisher demo      see the site and a digest arrive, on this machine only",
        '  then change the lines marked "yours" in config/publisher.toml',
    )


def _date(session: Session, root: Path) -> None:
    """Give the sample article its id and today's date."""
    made = settings.load(root / PLACE, {}, cwd=root)
    local = session.started_at.astimezone(made.journal.zone).replace(second=0, microsecond=0)
    path = root / FILES["article.md"]
    text = path.read_text("utf-8")
    text = text.replace("@ID@", mint_id(made.journal, session.started_at), 1)
    path.write_text(text.replace("@PUBLISHED@", local.isoformat(), 1), "utf-8")


def make_key(path: Path) -> bool:
    """Write a new key that its owner alone may read; False when there is one already."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secrets.token_hex(32) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return True
