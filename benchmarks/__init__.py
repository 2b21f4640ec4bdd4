"""Benchmarks, run by hand: ``make bench``, or ``python -m benchmarks.score --quick`` from the repository's folder.

Each compares variants within one run, alternating between them, and reports medians and ratios: times on a shared
machine differ from hour to hour, ratios taken side by side much less.
"""
