"""Jinja2 as pages and mails use it: strict, escaping, dated in the journal's own language.

Jinja2 itself is read where a template is filled: a build in which nothing has changed fills none.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import lru_cache
from types import TracebackType
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError

from publisher.domain.leaf import fingerprint
from publisher.domain.template import TemplateSet
from publisher.errors import PublisherError, TemplateError
from publisher.formats import catalogue, reference, vocabulary

if TYPE_CHECKING:
    from jinja2 import Environment, TemplateNotFound

    from publisher.formats.translating import SpokenEnvironment

ESCAPED = ("html", "mjml", "xml")
"""Endings of template names whose values are escaped unless they are marked safe."""

Source = tuple[str, str | None, Callable[[], bool] | None]


def environment(templates: TemplateSet, *, language: str, zone: ZoneInfo) -> SpokenEnvironment:
    """A Jinja2 environment over `templates`, compiled once each, that reads no files.

    Beside Jinja2's own filters: `date` and `datetime` (long, in `language` and `zone`; an
    argument names another Babel width or pattern), `iso` (RFC 3339, UTC: for `<time datetime>`),
    `number`, `named` (what a grade or a kind of correction is called), `reference` and
    `reference_text` (a source in the journal's style). `{% trans %}` and `_("…")` say things in
    `language`, which is a value itself, beside `direction` (`ltr` or `rtl`) and the arrows `back`
    and `onward`. A value that does not exist is an error, never an empty string.
    """
    from jinja2 import FunctionLoader, StrictUndefined, select_autoescape

    from publisher.formats.translating import SpokenEnvironment

    def load(name: str) -> Source | None:
        found = templates.templates.get(name)
        return (found.text, found.origin, _always) if found else None

    said = catalogue.of(templates, language)
    made = SpokenEnvironment(
        said,
        fingerprint(language, zone.key, templates.catalogues),
        loader=FunctionLoader(load),
        autoescape=select_autoescape(ESCAPED, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    rtl = catalogue.direction(language) == "rtl"
    made.globals.update(
        language=language,
        direction="rtl" if rtl else "ltr",
        back="→" if rtl else "←",
        onward="←" if rtl else "→",
    )
    made.filters.update(
        _filters(locale(language), zone),
        named=vocabulary.named(said),
        reference=reference.html,
        reference_text=reference.text,
    )
    return made


def render(env: Environment, templates: TemplateSet, name: str, /, **context: object) -> str:
    """The template `name` filled with `context`.

    Raises TemplateError naming the file and line, for whatever the template did wrong.
    """
    try:
        return _filled(env, name, context)
    except PublisherError:
        raise
    except Exception as error:
        if (said := _said(error, templates, name)) is None:
            raise  # not the template's doing
        raise TemplateError(said) from error


def _said(error: Exception, templates: TemplateSet, name: str) -> str | None:
    """What a template did wrong, with file and line; None where it was not the template."""
    from jinja2 import TemplateError as JinjaError
    from jinja2 import TemplateNotFound, TemplateSyntaxError

    if isinstance(error, TemplateNotFound):
        return _missing(templates, name, error)
    if isinstance(error, TemplateSyntaxError):
        origin = error.filename or templates.origin(error.name or name)
        return f"{origin}:{error.lineno}: {error.message}"
    place = _place(error.__traceback__, {t.origin for t in templates.templates.values()})
    if place is None and not isinstance(error, JinjaError):
        return None
    said = str(error) or type(error).__name__
    return f"{place or templates.origin(name)}: {said}; mend the template or delete it"


def _filled(env: Environment, name: str, values: dict[str, object]) -> str:
    """`Template.render`, with the globals put under the values at once instead of one by one."""
    template = env.get_template(name)
    context = env.context_class(env, {**env.globals, **values}, template.name, template.blocks)
    try:
        return env.concat(template.root_render_func(context))
    except Exception:  # noqa: BLE001 - it is raised again, with the template's own lines
        env.handle_exception()


@lru_cache(maxsize=64)
def locale(language: str) -> Locale:
    """Babel's locale for a BCP 47 tag: the nearest it knows, English where it knows none."""
    parts = language.split("-")
    for end in range(len(parts), 0, -1):
        try:
            return Locale.parse("-".join(parts[:end]), sep="-")
        except (UnknownLocaleError, ValueError):
            continue
    return Locale("en")


@lru_cache(maxsize=256)
def instant(value: date | datetime) -> str:
    """RFC 3339 in UTC (`2026-11-17T07:00:00Z`); a plain date stays `2026-11-17`."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return value.isoformat()


def _filters(spoken: Locale, zone: ZoneInfo) -> dict[str, Callable[..., str]]:
    from babel.dates import format_date, format_datetime
    from babel.numbers import format_decimal

    @lru_cache(maxsize=4096)
    def local_date(value: date | datetime, width: str = "long") -> str:
        day = value.astimezone(zone).date() if isinstance(value, datetime) else value
        return format_date(day, format=width, locale=spoken)

    @lru_cache(maxsize=4096)
    def local_datetime(value: datetime, width: str = "long") -> str:
        return format_datetime(value, format=width, tzinfo=zone, locale=spoken)

    def number(value: float) -> str:
        return format_decimal(value, locale=spoken)

    return {
        "date": local_date,
        "datetime": local_datetime,
        "iso": instant,
        "number": lru_cache(maxsize=4096)(number),
    }


def _always() -> bool:
    return True


def _missing(templates: TemplateSet, name: str, error: TemplateNotFound) -> str:
    wanted = error.name or name
    if wanted == name:
        return f"there is no template '{name}'; run `publisher init` in an empty folder to see all"
    return f"{templates.origin(name)}: there is no template '{wanted}' to include or extend"


def _place(trace: TracebackType | None, origins: set[str]) -> str | None:
    """`file:line` of the innermost frame that is a template's (Jinja2 rewrites the lines)."""
    found: str | None = None
    while trace is not None:
        filename = trace.tb_frame.f_code.co_filename
        if filename in origins:
            found = f"{filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found
