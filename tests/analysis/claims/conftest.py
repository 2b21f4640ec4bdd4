"""Evidence made from numbers given by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from claims_support import EPOCHS_PER_UPDATE, make_study

from sngan_repro.analysis.claims.evidence import Evidence
from sngan_repro.analysis.summary import Results
from sngan_repro.evaluation.selection import REAL_DRAWS
from sngan_repro.study.reference import load_reference


@pytest.fixture
def make_evidence():
    """value(metric kind, label, setting, seed, place of the snapshot) -> score; real: metric name -> score or draws."""

    def make(
        value, study=None, real=None, diverged=(), reference="southampton", logs=None, spectra=None, times=None
    ) -> Evidence:
        study = study or make_study()
        scores, runs = [], []
        for run in study.runs():
            lost = run.id in diverged
            steps = (100, 150) if lost else (100, 200, 300, 400)
            row = {"dataset": run.dataset, "label": run.label, "setting": run.setting, "seed": run.seed}
            state = "diverged" if lost else "ok"
            runs.append(
                row
                | {"state": state, "steps_done": steps[-1], "epochs": steps[-1] * EPOCHS_PER_UPDATE, "folder": run.id}
            )
            for place, at_step in enumerate(steps):
                for metric in study.metric_names:
                    score = value(metric, run.label, run.setting, run.seed, place)
                    last = at_step == steps[-1]
                    scores.append(
                        row | {"steps": at_step, "metric": metric, "value": score, "state": state, "last": last}
                    )
        for metric in study.metric_names:
            found = (real or {}).get(metric, np.nan)
            for draw, score in enumerate(found if isinstance(found, list) else [found] * REAL_DRAWS):
                at = {"dataset": "cifar10", "label": "Real data", "setting": "", "seed": draw, "steps": np.nan}
                scores.append(at | {"metric": metric, "value": score, "state": "real", "last": True})
        frame = pd.DataFrame(scores)
        results = Results(frame, frame.iloc[:0], pd.DataFrame(runs), pd.DataFrame())
        published = load_reference(reference) if reference else None
        return Evidence(
            study, "cifar10", results, read_log=logs, read_spectra=spectra, times=times, reference=published
        )

    return make
