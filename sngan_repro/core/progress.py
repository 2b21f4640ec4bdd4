"""Progress bars on the error stream."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tqdm import tqdm

LOG_SECONDS = 30.0
"""Seconds between two lines in a log file."""


def progress_bar(total: int | None, title: str, unit: str) -> tqdm:
    """A progress bar; call ``update(number)`` on it and close it, best by ``with``.

    total: the number of units; None if it is not known. unit: such as "image"; "B" counts bytes in kB and MB.
    On a terminal the bar is drawn twice a second. In a log file it is printed every LOG_SECONDS, and not at all for
    work that takes less.
    """
    from tqdm import tqdm

    terminal = sys.stderr.isatty()
    seconds = 0.5 if terminal else LOG_SECONDS
    scaled = unit == "B"
    return tqdm(total=total, desc=title, unit=unit, unit_scale=scaled, mininterval=seconds, delay=seconds)
