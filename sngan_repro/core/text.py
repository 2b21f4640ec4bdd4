"""Numbers and durations as text, for tables, figures, the report and the terminal."""

from __future__ import annotations

import math
from collections.abc import Iterable


def duration(seconds: float) -> str:
    """For example ``40 s``, ``3 min 20 s``, ``5 h 12 min``, ``2 d 3 h``; ``?`` if it is not finite."""
    if not abs(seconds) < float("inf"):
        return "?"
    whole = max(0, round(seconds))
    for size, unit, part, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "min"), (60, "min", 1, "s")):
        if whole >= size:
            rest = whole % size // part
            return f"{whole // size} {unit} {rest} {small}" if rest else f"{whole // size} {unit}"
    return f"{whole} s"


MISSING = "–"


def decimals_for(values: Iterable[float | None]) -> int:
    """The number of decimals, from 1 to 5, that shows about four digits of the largest value of a column."""
    finite = [abs(value) for value in values if value is not None and math.isfinite(value)]
    largest = max(finite, default=1.0)
    if largest == 0:
        return 3
    return min(5, max(1, 3 - math.floor(math.log10(largest))))


def number(value: float | None, decimals: int) -> str:
    """A number with a typographic minus sign, or a dash if it is missing."""
    if value is None or not math.isfinite(value):
        return MISSING
    return f"{value:.{decimals}f}".replace("-", "−")


def decimals_by(spread: float | None, otherwise: int) -> int:
    """The number of decimals that shows two significant digits of an SD, or of half the width of an interval.

    2 for 0.84, 1 for 4.7, 0 for 12 and more. ``otherwise`` if there is no spread, or if it is 0.
    """
    if spread is None or not math.isfinite(spread) or spread <= 0:
        return otherwise
    exponent = int(f"{spread:.1e}".partition("e")[2])  # after rounding: 0.0997 is shown as 0.10
    return min(9, max(0, 1 - exponent))


def half_width(low: float | None, high: float | None) -> float | None:
    """Half the width of an interval; None if a bound is missing."""
    if low is None or high is None or not (math.isfinite(low) and math.isfinite(high)):
        return None
    return (high - low) / 2


def interval(low: float | None, high: float | None, otherwise: int) -> str:
    """``[low, high]`` with two significant digits of half its width, or a dash if a bound is missing."""
    half = half_width(low, high)
    if half is None:
        return MISSING
    decimals = decimals_by(half, otherwise)
    return f"[{number(low, decimals)}, {number(high, decimals)}]"


def mean_sd(mean: float | None, sd: float | None, otherwise: int) -> str:
    """``mean ± SD`` with two significant digits of the SD; without an SD the mean with ``otherwise`` decimals."""
    if sd is None or not math.isfinite(sd):
        return number(mean, otherwise)
    decimals = decimals_by(sd, min(3, otherwise))  # an SD of 0 says nothing about digits
    return f"{number(mean, decimals)} ± {number(sd, decimals)}"


def amount(value: float, digits: int = 3) -> str:
    """A quantity with ``digits`` significant digits and thin spaces between thousands: ``12 300``, ``0.042``."""
    if not math.isfinite(value):
        return MISSING
    if value == 0:
        return "0"
    decimals = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{decimals}f}".replace(",", "\u202f").replace("-", "−")


def integer(value: float) -> str:
    """An integer with thin spaces between thousands, or a dash if it is not finite."""
    return f"{int(value):,}".replace(",", "\u202f") if math.isfinite(value) else MISSING


def count(value: int, noun: str) -> str:
    """``1 run``, ``2 runs``, ``12 300 updates``."""
    return f"{integer(value)} {noun}" + ("" if value == 1 else "s")


def enumeration(words: Iterable[str]) -> str:
    """``A``, ``A and B``, ``A, B and C``."""
    items = list(words)
    return items[0] if len(items) == 1 else ", ".join(items[:-1]) + f" and {items[-1]}" if items else ""
