"""Criteria about the training logs."""

from __future__ import annotations

from dataclasses import replace
from math import log
from typing import TYPE_CHECKING, TypeVar

from sngan_repro.analysis.claims.cells import above, below
from sngan_repro.analysis.claims.criteria import CRITERIA
from sngan_repro.analysis.claims.evidence import Evidence
from sngan_repro.analysis.claims.verdict import NotRun, Verdict, decide

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

Rows = TypeVar("Rows", "np.ndarray", "pd.DataFrame")

WINDOW = 0.01
"""Length of the windows of rolling statistics, as a share of the training: the 2000 of 200,000 updates of the claim."""
MIN_WINDOW, MIN_COUNT = 10, 8  # updates in a window; windows
LATE, EARLY = (0.75, 1.0), (0.05, 0.3)
"""Parts of the training that the source compares: updates 150,000-200,000 and 10,000-60,000 of 200,000."""


def part(rows: Rows, share: tuple[float, float]) -> Rows:
    """The rows of a log, or of an array, between two shares of the training."""
    return rows[int(share[0] * len(rows)) : int(share[1] * len(rows))]


def rolling_sd(values: np.ndarray) -> np.ndarray:
    """SD within consecutive windows of WINDOW of the training; NotRun when fewer than MIN_COUNT of them fit."""
    import numpy as np

    window = max(MIN_WINDOW, round(WINDOW * len(values)))
    count = len(values) // window
    if count < MIN_COUNT:
        raise NotRun(f"needs a longer training: {len(values)} updates make {count} windows of {window}")
    return np.asarray(values)[: count * window].reshape(count, window).std(axis=1, ddof=1)


def change_point(values: np.ndarray) -> float:
    """The share of the series at which two constant levels fit it best (least squares)."""
    import numpy as np

    cuts = range(1, len(values))
    costs = [np.var(values[:cut]) * cut + np.var(values[cut:]) * (len(values) - cut) for cut in cuts]
    return (1 + int(np.argmin(costs))) / len(values)


@CRITERIA.register("spread_grows_late")
def spread_grows_late(
    evidence: Evidence, *, method: str, setting: str, factor: float = 2, change: tuple[float, float] = (0.35, 0.65)
) -> Verdict:
    """Late in training both losses vary more than ``factor`` times as much as early; the change is near the middle.

    Variation is the mean SD in short windows; the change point is that of two levels fitted to its logarithm.
    """
    import numpy as np

    components = []
    for name, loss in (("L_D", "d_loss"), ("L_G", "g_loss")):

        def ratio(frame: pd.DataFrame, loss: str = loss) -> float:
            spread = rolling_sd(frame[loss].to_numpy())
            return log(float(part(spread, LATE).mean()) / float(part(spread, EARLY).mean()))

        def when(frame: pd.DataFrame, loss: str = loss) -> float:
            return change_point(np.log(np.maximum(rolling_sd(frame[loss].to_numpy()), 1e-12)))

        spread = evidence.measured(f"late over early SD of {name}", method, setting, ratio)
        components.append(replace(above(spread, log(factor), "ratio"), logarithmic=True))
        moment = evidence.measured(f"change point of {name}", method, setting, when)
        unit = "share of the training"
        components.append(above(moment, change[0], unit, resolution=WINDOW))
        components.append(below(moment, change[1], unit, resolution=WINDOW))
    return decide(components)


@CRITERIA.register("loss_ratio")
def loss_ratio(evidence: Evidence, *, method: str, setting: str, low: float = 1.5, high: float = 2.5) -> Verdict:
    """In the last quarter the SD of L_G is between ``low`` and ``high`` times that of L_D; so is the 1-99 % range."""
    import numpy as np

    def sd_ratio(frame: pd.DataFrame) -> float:
        late = part(frame, LATE)
        return log(float(late["g_loss"].std()) / float(late["d_loss"].std()))

    def range_ratio(frame: pd.DataFrame) -> float:
        late = part(frame, LATE)
        g, d = (float(np.ptp(np.percentile(late[name], [1, 99]))) for name in ("g_loss", "d_loss"))
        return log(g / d)

    components = []
    for word, function in (("SD", sd_ratio), ("range", range_ratio)):
        cell = evidence.measured(f"{word} of L_G over L_D", method, setting, function)
        bounds = (above(cell, log(low), "ratio"), below(cell, log(high), "ratio"))
        components += [replace(bound, logarithmic=True) for bound in bounds]
    return decide(components)


@CRITERIA.register("power_iteration")
def power_iteration(
    evidence: Evidence, *, method: str, setting: str, max_error: float = 0.05, after_steps: int = 1000
) -> Verdict:
    """The median relative error of the estimated spectral norm, over layers and time, is below ``max_error``.

    The log holds the true norm of each layer's normalised weight, which is true norm over estimate.
    """
    import numpy as np

    def error(frame: pd.DataFrame) -> float:
        columns = [name for name in frame if str(name).startswith("spectral/")]
        late = frame.loc[frame["step"] > after_steps, columns].to_numpy()
        late = late[np.isfinite(late)]
        if not len(late):
            raise NotRun(f"needs spectral norms measured after update {after_steps}")
        return float(np.median(np.abs(1 / late - 1)))

    cell = evidence.measured("median relative error of the spectral norm", method, setting, error)
    return decide([below(cell, max_error, "relative")])


@CRITERIA.register("term_varies")
def term_varies(evidence: Evidence, *, option: str, column: str, setting: str, share: float = 0.01) -> Verdict:
    """A logged term of the method that has ``option`` switched on varies by more than a share of its mean (SD)."""
    labels = [
        label
        for entry, label in zip(evidence.study.methods, evidence.study.labels, strict=True)
        if label in evidence.labels and entry.options.get(option)
    ]
    if not labels:
        raise NotRun(f"needs a method with `{option}: true`")

    def variation(frame: pd.DataFrame) -> float:
        if column not in frame:
            raise NotRun(f"needs the column '{column}' in the training log of {labels[0]}")
        return float(frame[column].std() / abs(frame[column].mean()))

    cell = evidence.measured(f"SD over mean of {column} of {labels[0]}", labels[0], setting, variation)
    return decide([above(cell, share, "relative")])
