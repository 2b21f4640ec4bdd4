"""Criteria about D itself: its weights, its gradients, its accuracy, and the loss of a critic on held-out images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sngan_repro.analysis.claims.cells import Cell, above, below, combine, exceeds
from sngan_repro.analysis.claims.criteria import CRITERIA
from sngan_repro.analysis.claims.evidence import Evidence
from sngan_repro.analysis.claims.verdict import NotRun, Verdict, decide
from sngan_repro.core.schema import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pandas as pd

END = 0.75
"""Quantities at the end of a training are means over its last quarter, since single batches differ."""


def finite_values(frame: pd.DataFrame, names: Sequence[str], after_steps: int, what: str) -> np.ndarray:
    """The finite values of columns of a training log after an update; NotRun when there are none."""
    import numpy as np

    columns = [name for name in names if name in frame]
    values = frame.loc[frame["step"] > after_steps, columns].to_numpy(dtype=float).ravel()
    values = values[np.isfinite(values)]
    if not len(values):
        raise NotRun(f"needs {what} measured after update {after_steps}")
    return values


def _at_the_end(frame: pd.DataFrame, name: str, what: str) -> float:
    """The mean of the values of a column in the last quarter of the training."""
    return float(finite_values(frame, [name], int(END * frame["step"].max()), what).mean())


@CRITERIA.register("spectral_norm_near_one")
def spectral_norm_near_one(
    evidence: Evidence, *, method: str, setting: str, max_error: float = 0.05, after_steps: int = 10_000
) -> Verdict:
    """After an update the spectral norms of all normalised weights differ from 1 by less than ``max_error``."""

    def deviation(frame: pd.DataFrame) -> float:
        names = [str(name) for name in frame if str(name).startswith("spectral/")]
        return float(abs(finite_values(frame, names, after_steps, "spectral norms") - 1).max())

    cell = evidence.measured(f"largest deviation from 1 in {method}", method, setting, deviation)
    return decide([below(cell, max_error)])


@CRITERIA.register("input_gradient_at_most")
def input_gradient_at_most(
    evidence: Evidence, *, method: str, setting: str, bound: float = 1, after_steps: int = 0
) -> Verdict:
    """The norm of D's gradient by a real image was at most ``bound`` in all measurements of the training.

    The largest value that was measured bounds the Lipschitz constant from below only, so values below the bound do not
    support the claim: it then stays undecided.
    """

    def largest(frame: pd.DataFrame) -> float:
        return float(finite_values(frame, ["d/input_gradient_max"], after_steps, "input gradients of D").max())

    cell = evidence.measured(f"largest input gradient of {method}", method, setting, largest)
    component = below(cell, bound)
    verdict = decide([component])
    if verdict.name == "supported":
        reason = "no image with a larger gradient was met, and there may be others"
        return Verdict("undecided", verdict.components, verdict.shown, reason=reason)
    return verdict


@CRITERIA.register("smallest_critic_gap")
def smallest_critic_gap(evidence: Evidence, *, method: str, others: Sequence[str], setting: str) -> Verdict:
    """At the end the critic loss on held-out images exceeds that on training images by less than for each other."""
    evidence.need_methods([method, *others])

    def gap(frame: pd.DataFrame) -> float:
        held_out, train = (
            _at_the_end(frame, f"critic_loss/{split}", "critic losses on held-out images")
            for split in ("held_out", "train")
        )
        return held_out - train

    mine, *their = (evidence.measured(f"gap of {label}", label, setting, gap) for label in (method, *others))
    return decide([exceeds(other, mine, unit="critic loss") for other in their])


@CRITERIA.register("accuracy_rises_with_rate")
def accuracy_rises_with_rate(evidence: Evidence, *, method: str, other: str, settings: Sequence[str]) -> Verdict:
    """D's accuracy at the end grows with the learning rate of D for one method, and more than for another one.

    Accuracy: mean of the shares of real and of generated images on the right side of 0. Growth: slope against log2 of
    the rate over the settings, one per seed.
    """
    import numpy as np

    evidence.need_methods([method, other])
    evidence.need_settings(settings)
    rates = [evidence.study.settings[name].rates[0] for name in settings]
    if len(set(rates)) < 3:
        raise NotRun("needs three settings with different rates of D")

    def accuracy(frame: pd.DataFrame) -> float:
        return float(np.mean([_at_the_end(frame, f"d/accuracy_{kind}", "D's accuracy") for kind in ("real", "fake")]))

    def slope(label: str) -> Cell:
        cells = [evidence.measured(f"{label} at {name}", label, name, accuracy) for name in settings]
        return combine(f"slope of {label}", cells, lambda values: float(np.polyfit(np.log2(rates), values, 1)[0]))

    mine, their = slope(method), slope(other)
    unit = "accuracy per doubling"
    return decide([above(mine, 0, unit), exceeds(mine, their, unit=unit)])


@CRITERIA.register("accuracy_below")
def accuracy_below(evidence: Evidence, *, method: str, other: str, setting: str, after_steps: int = 1000) -> Verdict:
    """D's accuracy, its mean over the measurements after an update, is lower for a method than for another one.

    Accuracy: mean of the shares of real and of generated images on the right side of 0.
    """
    evidence.need_methods([method, other])

    def accuracy(frame: pd.DataFrame) -> float:
        names = ("d/accuracy_real", "d/accuracy_fake")
        parts = [finite_values(frame, [name], after_steps, "D's accuracy").mean() for name in names]
        return float(sum(parts)) / 2

    mine, their = (evidence.measured(f"accuracy of {label}", label, setting, accuracy) for label in (method, other))
    return decide([exceeds(their, mine, unit="share of images")])


@CRITERIA.register("log_within")
def log_within(
    evidence: Evidence,
    *,
    method: str,
    setting: str,
    column: str,
    low: float | None = None,
    high: float | None = None,
    after_steps: int = 0,
) -> Verdict:
    """The mean of a column of the training log, over the updates where it was measured, is between two bounds.

    low, high: None for no bound on that side; one of them is needed.
    """
    if low is None and high is None:
        raise ConfigError("log_within: options: give `low`, `high` or both")

    def mean(frame: pd.DataFrame) -> float:
        return float(finite_values(frame, [column], after_steps, f"the column '{column}'").mean())

    cell = evidence.measured(f"mean {column} of {method}", method, setting, mean)
    bounds = [] if low is None else [above(cell, low)]
    return decide(bounds if high is None else [*bounds, below(cell, high)])


@CRITERIA.register("effective_rank_above")
def effective_rank_above(
    evidence: Evidence, *, method: str, others: Sequence[str], num_layers: int, metric: str
) -> Verdict:
    """The effective rank of each of D's first layers is higher than for the others, each at its best setting.

    The best setting has the best mean of ``metric`` over all seeds; it is not what is tested here. The effective rank
    is exp(entropy) of the squared singular values divided by their sum.
    """
    evidence.need_methods([method, *others])
    name = evidence.metric(metric)

    def ranks(label: str) -> list[Cell]:
        setting = evidence.best_setting(label, name)
        return evidence.effective_ranks(label, setting)[:num_layers]

    mine = ranks(method)
    components = []
    for label in others:
        pairs = zip(mine, ranks(label), strict=True)
        components += [exceeds(first, second, unit="effective rank") for first, second in pairs]
    return decide(components)


@CRITERIA.register("cost_ratio_below")
def cost_ratio_below(evidence: Evidence, *, method: str, other: str, image_size: int, ratio: float) -> Verdict:
    """An update of the method takes less than ``ratio`` times as long as one of another method, alone on the device.

    One ratio per repeat of the measurement; the repeats take the place of the seeds.
    """
    mine, their = (evidence.seconds(label, image_size) for label in (method, other))
    cell = combine(f"time of {method} over {other} at {image_size} px", [mine, their], lambda pair: pair[0] / pair[1])
    return decide([below(cell, ratio, "ratio")])
