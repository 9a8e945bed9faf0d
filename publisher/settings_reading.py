"""Reading the settings: file, then environment; everything that is wrong, said at once."""

from __future__ import annotations

import errno
import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from publisher import settings_forms
from publisher.errors import SettingsError
from publisher.formats import dkim, toml
from publisher.formats.tables import Wrong, texts
from publisher.settings_model import DkimTable, Document
from publisher.settings_traffic import TransportTable, mistakes

PREFIX = "PUBLISHER_"
DELIMITER = "__"
"""What the names of our variables begin with, and what joins their parts."""

KEY_BYTES = 16
"""The least length of a key that signs links; `init` makes one of 32."""

MAX_BYTES = 1024 * 1024

_SECRET = re.compile(
    r"^(secret_key|suppression_key|.*(password|passphrase|secret|token|api_?key))$", re.IGNORECASE
)
_KEY = re.compile(r"\s*[0-9a-fA-F]{32,}\s*")
_NO_SUCH = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)
_NAME_ITS_FILE = (
    "write the path of a file, from the journal's folder; what is in it never stands here itself"
)


def key_id(secret: bytes) -> str:
    """The name of a signing key: derived from it, so that it stays the same for years."""
    return hashlib.sha256(b"publisher key id\0" + secret).hexdigest()[:8]


class Reader:
    """Collects every problem on the way from a file and an environment to a checked document."""

    def __init__(self, path: Path, root: Path, environ: Mapping[str, str]) -> None:
        self.path = path
        self.root = root
        self.source = _read(path, root)
        self.environ = environ
        self.problems: list[str] = []
        self.overrides: dict[str, Any] = {}

    def error(self) -> SettingsError:
        """All problems, in the order of the file."""
        return refused(self.problems)

    def document(self) -> Document | None:
        """The file with the environment over it, or None where something is wrong."""
        self.overrides = self._from_environment()
        self._refuse_secrets(self.source.values)
        merged = _over(self.source.values, self.overrides)
        document: Document | None = None
        try:
            document = Document.read(merged)
        except Wrong as error:
            for path, message in error.problems:
                self._complain(path, message)
        self._cross_check(merged)
        return None if self.problems else document

    # --- where and what -----------------------------------------------------------------------

    def _complain(self, path: Sequence[str | int], message: str) -> None:
        self.problems.append(f"{self._place(path)}: {message}")

    def _place(self, path: Sequence[str | int]) -> str:
        """The variable that the value comes from, or the file, its line and the key."""
        if variable := _variable(path, self.overrides):
            return f"environment: {variable}"
        key = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).lstrip(".")
        line = self.source.line(path)
        return f"{_shown(self.path, self.root)}{f':{line}' if line else ''}: {key}"

    def places(self, name: str, table: TransportTable) -> Mapping[str, str]:
        """Where a transport stands ("") and each of its keys, for what only its kind can judge."""
        path = ("transports", name)
        stand = {key: self._place((*path, key)) for key in ("kind", *table.others)}
        secrets = {key.removesuffix("_file"): place for key, place in stand.items()}
        return {"": self._place(path), **secrets, **stand}

    # --- the environment ----------------------------------------------------------------------

    def _from_environment(self) -> dict[str, Any]:
        """The overrides that the environment holds, as nested tables."""
        found: dict[str, Any] = {}
        for name in sorted(self.environ):
            if not name.upper().startswith(PREFIX):
                continue
            first, *inner = name[len(PREFIX) :].lower().split(DELIMITER)
            known = Document.keys.get(first)
            if known is None or (inner and known.table is None):
                near = get_close_matches(first, Document.keys, 1, 0.5)
                meant = f"; did you mean {PREFIX}{near[0].upper()}?" if near else ""
                self.problems.append(f"environment: {name}: unknown setting{meant}")
                continue
            *tables, last = first, *inner
            at = found
            for each in tables:
                if not isinstance(at.get(each), dict):
                    at[each] = {}
                at = at[each]
            at[last] = self.environ[name]
        return found

    def _refuse_secrets(self, values: Mapping[str, Any], path: tuple[str, ...] = ()) -> None:
        """A secret in the file would go into git with it."""
        for key, value in values.items():
            if isinstance(value, dict):
                self._refuse_secrets(value, (*path, key))
            elif _SECRET.match(key) and (not path or path[0] == "transports"):
                line = self.source.line((*path, key))
                variable = PREFIX + DELIMITER.join((*path, key)).upper().replace("-", "_")
                self.problems.append(
                    f"{_shown(self.path, self.root)}:{line}: {'.'.join((*path, key))}: a secret "
                    f"never stands in this file: write it to a file of its own and name that as "
                    f"{key}_file, or set {variable}"
                )

    # --- what several keys promise together ---------------------------------------------------

    def _cross_check(self, values: Mapping[str, Any]) -> None:
        """On the raw values, so that these problems come with all the others."""
        categories = _table(values.get("categories"))
        for slug, newsletter in _table(values.get("newsletters")).items():
            for index, topic in enumerate(texts(_table(newsletter).get("topics"))):
                if topic is not None and topic not in categories:
                    self._complain(
                        ("newsletters", slug, "topics", index),
                        f"there is no category '{topic}'{_nearest(topic, categories)}",
                    )
        for path, message in mistakes(values):
            self._complain(path, message)
        self._cross_check_segments(values)
        journal, publishing = _table(values.get("journal")), _table(values.get("publishing"))
        if publishing.get("command") and not journal.get("app_url"):
            self._complain(
                ("publishing", "command"),
                "a site on a static host answers no forms: set journal.app_url to where "
                "`publisher web` answers, so that people can unsubscribe",
            )

    def _cross_check_segments(self, values: Mapping[str, Any]) -> None:
        known = {"newsletters": "newsletter", "topics": "category"}
        for name, segment in _table(values.get("segments")).items():
            for key, word in known.items():
                there = _table(values.get("categories" if key == "topics" else key))
                for index, each in enumerate(texts(_table(segment).get(key))):
                    if each is not None and each not in there:
                        self._complain(
                            ("segments", name, key, index),
                            f"there is no {word} '{each}'{_nearest(each, there)}",
                        )

    # --- secrets and transports ---------------------------------------------------------------

    def keys(self, document: Document, needed: bool) -> tuple[tuple[str, bytes], ...]:
        """(key id, secret) of every signing key; the first one signs."""
        return self._keys(
            "secret_key",
            document.secret_key,
            document.secret_key_file,
            "the key that signs links is not there: {name}; bring yours back, or make one: "
            "{make} (links in mails already sent would then stop working)"
            if needed
            else None,
        )

    def suppression_keys(self, document: Document) -> tuple[tuple[str, bytes], ...]:
        """(key id, secret) of every key for hashes of forgotten people; the first makes new ones.

        None need be there until somebody is forgotten.
        """
        given = document.suppression_key, document.suppression_key_file
        return self._keys("suppression_key", *given, None)

    def _keys(
        self, setting: str, own: str | None, files: Sequence[str], missing: str | None
    ) -> tuple[tuple[str, bytes], ...]:
        """From a variable and from files. `missing` is what to say of a file that is not there."""
        found: list[bytes] = []
        if own is not None:
            found.append(self._key((setting,), own))
        for index, name in enumerate(files):
            path: tuple[str | int, ...] = (f"{setting}_file", index)
            if not (self.root / name).exists():
                if _KEY.fullmatch(name):  # not repeated: it may be in use
                    self._complain(path, f"this looks like a key itself: {_NAME_ITS_FILE}")
                elif missing is not None and own is None:
                    make = f"umask 077; mkdir -p {Path(name).parent}; openssl rand -hex 32 > {name}"
                    self._complain(path, missing.format(name=name, make=make))
                continue
            if (text := self._secret(path, name)) is not None:
                found.append(self._key(path, text))
        return tuple((key_id(secret), secret) for secret in found)

    def templates(self, document: Document) -> None:
        """A folder that is named is there: otherwise each template would be the shipped one,
        and nobody would be told. The one that holds where none is named need not be.
        """
        if "templates" not in document.given:
            return
        path = self.root / document.templates
        try:
            wrong = (
                None if path.is_dir() else "is not a folder" if path.exists() else "is not there"
            )
        except OSError as error:
            wrong = f"cannot be read: {error.strerror}"
        if wrong:
            self._complain(
                ("templates",),
                f"the folder {document.templates} {wrong}; mend its name, make it, or leave this "
                "key out where no template is your own",
            )

    def blocked_domains(self, document: Document) -> frozenset[str]:
        """Domains that nobody is written to at."""
        name = document.forms.blocked_domains_file
        if name is None:
            return frozenset()
        return settings_forms.domains(self._secret(("forms", "blocked_domains_file"), name) or "")

    def signers(self, document: Document, needed: bool) -> dkim.Signers:
        """Who signs which sender domain's mails; no key file is read where none is needed."""
        if not needed:
            return dkim.Signers()
        found: dict[str, dkim.Signer] = {}
        for domain, table in document.dkim.items():
            keys = (
                self._dkim_key(domain, "rsa_key_file", table.rsa_key_file, dkim.rsa_key, table),
                self._dkim_key(
                    domain, "ed25519_key_file", table.ed25519_key_file, dkim.ed25519_key, table
                ),
            )
            found[domain] = dkim.Signer(domain, tuple(key for key in keys if key is not None))
        return dkim.Signers(found)

    def _dkim_key(
        self,
        domain: str,
        setting: str,
        name: str | None,
        read: Callable[[bytes, str], dkim.Key],
        table: DkimTable,
    ) -> dkim.Key | None:
        if name is None:
            return None
        own = table.ed25519_selector if setting == "ed25519_key_file" else None
        if (text := self._secret(("dkim", domain, setting), name)) is None:
            return None
        try:
            return read(text.encode(), own or table.selector)
        except ValueError as error:
            self._complain(("dkim", domain, setting), f"{name}: {error} (docs/email.md says how)")
            return None

    def _key(self, path: Sequence[str | int], text: str) -> bytes:
        try:
            secret = bytes.fromhex(text.strip())
        except ValueError:
            secret = b""
        if len(secret) < KEY_BYTES or len(set(secret)) < KEY_BYTES // 2:
            self._complain(
                path,
                f"this key is too weak: write at least {KEY_BYTES * 2} random hexadecimal digits "
                "(openssl rand -hex 32)",
            )
        return secret

    def _secret(self, path: Sequence[str | int], name: str) -> str | None:
        """What is in the file; its name is never repeated, for some write the secret there."""
        try:
            return (self.root / name).read_text("utf-8").strip("\r\n")
        except OSError as error:
            if error.errno in _NO_SUCH:
                self._complain(path, f"there is no such file: {_NAME_ITS_FILE}")
            else:
                self._complain(path, f"the file that stands here cannot be read: {error.strerror}")
            return None
        except UnicodeDecodeError:
            self._complain(path, "the file that stands here cannot be read: it is not text")
            return None
        except ValueError:  # a null byte in the name
            self._complain(path, "write the path of a file")
            return None

    def options(self, name: str, table: TransportTable) -> dict[str, object]:
        """A transport's options, with paths made absolute and `password_file` read."""
        options: dict[str, object] = {}
        for key, value in table.others.items():
            secret = key.removesuffix("_file")
            if secret != key and _SECRET.match(secret):
                if isinstance(value, str):
                    options[secret] = self._secret(("transports", name, key), value)
                else:
                    self._complain(("transports", name, key), "write the path of a file")
            elif isinstance(value, str) and (key == "path" or key.endswith("_file")):
                options[key] = str(self.root / value)
            else:
                options[key] = value
        return options


def refused(problems: Sequence[str]) -> SettingsError:
    """All these problems, each once and on a line, in the order of the file."""
    found = sorted(dict.fromkeys(problems), key=_in_order)
    count = "one problem" if len(found) == 1 else f"{len(found)} problems"
    listed = "\n".join(f"  {each}" for each in found)
    return SettingsError(f"the settings have {count}:\n{listed}", found)


def placed(name: str, places: Mapping[str, str], error: SettingsError) -> list[str]:
    """What a kind of transport says of the table `name`, with the places that the file knows."""
    said = []
    for problem in error.problems or [str(error)]:
        rest = problem.removeprefix(f"[transports.{name}] ")
        key, colon, message = rest.partition(": ")
        first = key.partition(".")[0]
        if rest == problem or not places:
            said.append(problem)
        elif colon and first in places:
            said.append(f"{places[first]}{key.removeprefix(first)}: {message}")
        elif colon and key.isidentifier():  # one that is missing
            said.append(f"{places['']}.{rest}")
        else:
            said.append(f"{places['']}: {rest}")
    return said


def _in_order(problem: str) -> tuple[str, int]:
    match = re.match(r"([^:]+):(\d+): ", problem)
    return (match[1], int(match[2])) if match else (problem.split(":")[0], 0)


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _nearest(name: str, known: Mapping[str, object]) -> str:
    near = get_close_matches(name, known, 1)
    return f"; did you mean '{near[0]}'?" if near else f" (there is: {', '.join(known) or 'none'})"


def _over(values: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """`overrides` laid over `values`; a variable's `heart_health` means the table heart-health."""
    merged = dict(values)
    for key, value in overrides.items():
        hyphened = key.replace("_", "-")
        at = hyphened if key not in merged and hyphened in merged else key
        before = merged.get(at)
        both = isinstance(before, dict) and isinstance(value, dict)
        merged[at] = _over(before, value) if both and isinstance(before, dict) else value
    return merged


def _variable(path: Sequence[str | int], overrides: Mapping[str, Any]) -> str | None:
    """The environment variable that the value at `path` comes from, if it comes from one."""
    value: Any = overrides
    names: list[str] = []
    for part in path:
        if not isinstance(value, dict):
            break
        key = str(part) if part in value else str(part).replace("-", "_")
        if key not in value:
            return None
        names.append(key)
        value = value[key]
    return None if isinstance(value, dict) or not names else PREFIX + DELIMITER.join(names).upper()


def _read(path: Path, root: Path) -> toml.Document:
    shown = _shown(path, root)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SettingsError(f"{shown} is larger than {MAX_BYTES // 1024} KiB: is it settings?")
        return toml.parse(path.read_text("utf-8-sig"))
    except toml.BadToml as error:
        at = f"{shown}:{error.line}" if error.line else shown
        problem = f"{at}: this is not TOML: {error} (https://toml.io says how it is written)"
        raise SettingsError(problem, [problem]) from None
    except UnicodeDecodeError:
        raise SettingsError(f"{shown} is not UTF-8: save it as UTF-8") from None
    except OSError as error:
        raise SettingsError(f"the settings {path} cannot be read: {error.strerror}") from None


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
