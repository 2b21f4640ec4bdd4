"""How often equal methods are called significantly different, with the choice of the best by the same scores."""

import numpy as np
import pandas as pd
import pytest
import synthetic

from sngan_repro.analysis.comparisons import comparison_rows
from sngan_repro.analysis.summary import Results
from sngan_repro.report import findings

pytestmark = pytest.mark.slow

FID = "fid600_train@classifier"
NAMES = ["sngan", "wgan_gp", "began", "ebgan", "bn", "ln"]


def significant(study, values):
    """True if any comparison is significant. values: (methods, settings, seeds); a lower score is better."""
    cells = [(m, s) for m in study.labels for s in study.settings]
    flat = values.reshape(len(cells), -1)
    keys = pd.DataFrame(cells, columns=["label", "setting"]).assign(dataset="digits", metric=FID)
    n = flat.shape[1]
    summary = keys.assign(mean=flat.mean(axis=1), n=n, num_runs=n, num_diverged=0)
    scores = keys.loc[keys.index.repeat(n)].reset_index(drop=True)
    scores = scores.assign(seed=list(range(n)) * len(cells), value=flat.ravel(), state="ok", last=True)
    rows = comparison_rows(study, Results(scores, scores.iloc[:0], scores.iloc[:0], scores.iloc[:0]), summary)
    assert len(rows) == len(study.labels) - 1
    return any(findings.verdict(row) == "significantly different" for row in rows)


@pytest.mark.parametrize(("methods", "n"), [(6, 10), (2, 6), (2, 12)])
def test_equal_methods_are_rarely_significantly_different(methods, n):
    settings = {name: {"lr": 0.001} for name in "ABC"}
    study = synthetic.make_study(methods=NAMES[:methods], settings=settings, seeds=list(range(n)), headline=[FID])
    random = np.random.default_rng(5)
    false = [significant(study, random.normal(10.0, 1.0, size=(methods, 3, n))) for _ in range(60)]
    assert np.mean(false) <= 0.09


def test_methods_far_apart_are_significantly_different():
    settings = {name: {"lr": 0.001} for name in "ABC"}
    study = synthetic.make_study(methods=NAMES, settings=settings, seeds=list(range(10)), headline=[FID])
    values = np.random.default_rng(5).normal(10.0, 1.0, size=(6, 3, 10)) + 100 * np.arange(6)[:, None, None]
    assert significant(study, values)
