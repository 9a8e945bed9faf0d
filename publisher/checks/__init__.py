"""Pure rules, one idea per file; each says what is wrong, where, and how to mend it."""

from publisher.checks.rules import RULES

__all__ = ["RULES"]
