"""Verb: a due slot becomes an issue with its editions and deliveries, in one transaction."""

from publisher.plan.comparing import Difference, since_last, since_planned
from publisher.plan.deciding import Lateness, approve, lapse, newsletter_of, reshape
from publisher.plan.digesting import (
    NO_READERS,
    NOTHING_NEW,
    Part,
    Preview,
    first_seen,
    plan,
    preview,
    sight,
)
from publisher.plan.forcing import block, forcings
from publisher.plan.lacking import lacking
from publisher.plan.looking import Upcoming, upcoming
from publisher.plan.slots import (
    LOOK_BACK,
    MISSED,
    MISSED_ARTICLE,
    Plan,
    Skip,
    Step,
    due,
    pick,
    slot_id,
)

__all__ = [
    "LOOK_BACK",
    "MISSED",
    "MISSED_ARTICLE",
    "NOTHING_NEW",
    "NO_READERS",
    "Difference",
    "Lateness",
    "Part",
    "Plan",
    "Preview",
    "Skip",
    "Step",
    "Upcoming",
    "approve",
    "block",
    "due",
    "first_seen",
    "forcings",
    "lacking",
    "lapse",
    "newsletter_of",
    "pick",
    "plan",
    "preview",
    "reshape",
    "sight",
    "since_last",
    "since_planned",
    "slot_id",
    "upcoming",
]
