"""Feeds, a web archive and email digests from one Markdown file per article."""

__version__ = "0.1.0"
