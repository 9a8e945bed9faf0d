"""Which addresses a form takes, beyond being well written: the operator decides."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from publisher.formats.catalogue import mark
from publisher.subscribe.addresses import BadAddress, normalise
from publisher.subscribe.choosing import BadField

LONGEST = 320
"""Characters that are looked at (RFC 5321 §4.5.3.1)."""

ROLES = frozenset(
    """
    abuse admin administrator all billing compliance contact devnull everyone ftp help hostmaster
    info inoc ispfeedback ispsupport list mail mailer-daemon marketing news no-reply noc noemail
    noreply office phish postmaster privacy registrar root sales security spam staff subscribe
    support sysadmin team unsubscribe usenet uucp webmaster www
    """.split()  # noqa: SIM905 - a list of words reads best as words
)
"""Before the @ where a mailbox belongs to a task, not to a person (RFC 2142 and as common)."""


@dataclass(frozen=True, slots=True)
class Door:
    """`roles`: whether addresses of a task may come in; `blocked` are domains that may not."""

    roles: bool = True
    blocked: Collection[str] = frozenset()

    def admit(self, typed: str) -> tuple[str, str]:
        """The address to write to and the key it is compared by. Raises BadField.

        What is said depends on the address's form alone, never on whether it is known.
        """
        try:
            address, key = normalise(typed[: LONGEST + 1])  # one more is too long for any
        except BadAddress as error:
            raise BadField(
                "email", mark("This is no email address that we can write to. Please correct it.")
            ) from error
        local, _, domain = key.rpartition("@")
        if not self.roles and local.partition("+")[0] in ROLES:
            raise BadField(
                "email",
                mark("This address belongs to a task, not to a person. Please use your own."),
            )
        labels = domain.split(".")
        if any(".".join(labels[start:]) in self.blocked for start in range(len(labels))):
            raise BadField(
                "email", mark("We do not write to this provider. Please use another address.")
            )
        return address, key
