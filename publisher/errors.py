"""Every exception of the project, branching by who must act.

Expected answers are values (`Finding`, `Outcome`, a refused row); an exception means
that somebody must do something, and its class says who. The CLI turns each branch
into a plain sentence and an exit code; only `Defect` shows a traceback.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from publisher.domain.finding import Finding


class PublisherError(Exception):
    """Root of the tree. `str(error)` is what, where and how to mend it.

    `exit_code` is what a command ends with: 1 findings or failures, 2 wrong usage.
    """

    exit_code = 1


# --- the author must act: something in content/ -------------------------------------------


class AuthorError(PublisherError):
    """The content is wrong; `findings` name every place at once."""

    def __init__(self, message: str, findings: Sequence[Finding] = ()) -> None:
        super().__init__(message)
        self.findings = tuple(findings)


class BlockedByFindings(AuthorError):
    """A blocking finding stands in the way of a build, a plan or a send."""


# --- whoever typed the command must act ----------------------------------------------------


class UsageError(PublisherError):
    """The command was asked for something that cannot be: wrong name, date or option."""

    exit_code = 2


class NotFound(UsageError, LookupError):
    """No such issue, newsletter, subscriber or article."""


class NotAllowed(UsageError):
    """The state table forbids this step now (for instance approving a finished issue)."""


class BadRows(PublisherError):
    """An import was refused; `rows` holds (row number, reason) for each bad row of `file`."""

    def __init__(self, message: str, rows: Sequence[tuple[int, str]], file: str = "") -> None:
        super().__init__(message)
        self.rows = tuple(rows)
        self.file = file


# --- the operator must act: settings, templates, store, relay, disk ------------------------


class OperatorError(PublisherError):
    """The installation needs attention."""


class SettingsError(OperatorError, ValueError):
    """A setting is missing, unknown or wrong; `problems` name each key, its place and a mend."""

    exit_code = 2

    def __init__(self, message: str, problems: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


class TemplateError(OperatorError):
    """A template does not load or render; the message names file and line."""


class StoreError(OperatorError):
    """The store cannot be opened, is locked, full, read-only or of another version."""


class StoreAway(StoreError):
    """The store's server does not answer now; it may later, so that who stays can wait for it."""


class Restored(OperatorError):
    """An older store was put in place, or its watermark is gone: staff must say how to go on."""


class NumberTaken(OperatorError):
    """Another issue of the newsletter took the number meanwhile: plan again with the next one."""


class SiteError(OperatorError):
    """The built site cannot be written or published."""


class TransportError(OperatorError):
    """A transport is configured wrongly or refuses us as a whole (login, certificate)."""


class TransportUnavailable(TransportError, ConnectionError):
    """The session was lost, or refused, before the last byte of a message left.

    Nothing was sent, so the delivery goes back to the queue and no attempt is burnt. `code` and
    `said` are the server's last reply, where it gave one: 421 may mean that we come too fast.
    """

    def __init__(self, message: str, code: int = 0, said: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.said = said


# --- we must act ---------------------------------------------------------------------------


class Defect(PublisherError, AssertionError):
    """An invariant of ours does not hold; never a user's mistake."""
