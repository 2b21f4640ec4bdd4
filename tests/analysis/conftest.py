"""Invented studies."""

from studies import broken, drawn, finished  # noqa: F401  (fixtures)
