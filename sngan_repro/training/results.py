"""The files at the end of a training: log, final samples, and status.json, which is written last."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from sngan_repro.config.finished import run_checksums
from sngan_repro.core import runtime
from sngan_repro.core.files import remove, write_npy
from sngan_repro.core.sealed import write_sealed_json
from sngan_repro.methods import METHODS
from sngan_repro.nets import count_parameters
from sngan_repro.training.discriminator import save_discriminator
from sngan_repro.training.files import progress_images
from sngan_repro.training.log import write_parquet
from sngan_repro.training.optimizer import learning_rates
from sngan_repro.training.session import Session, now
from sngan_repro.training.spectra import write_spectra


def write_results(session: Session) -> dict[str, Any]:
    """Write log, final samples and, last, status.json; remove the resume state. Returns the status."""
    kept, run, files = session.kept, session.run_paths, session.files
    diverged = kept["diverged"]
    files.wait()
    if diverged:
        _keep_last_finite(session)
    else:  # D of a diverged training is not finite
        with session.context.alone():
            write_spectra(session.trainer.D, run.spectra)
        if session.spec.training.save_d:
            save_discriminator(session.trainer.D, session.spec, session.trainer.image, run.discriminator)
    kept["seconds"] += time.monotonic() - session.clock
    files.wait()
    files.close()
    write_parquet(run.log, _log_columns(session, diverged["steps"] if diverged else session.trainer.total_steps))
    write_npy(run.samples / "final.npy", files.images[-1].numpy())
    progress = [progress_images(images, session.trainer.label_law).numpy() for images in files.images]
    write_npy(run.samples / "progress.npy", np.stack(progress))  # (snapshots, 16, H, W, C)
    status = _status(session)
    write_sealed_json(run.status, status)
    kept_files = {"lock", *(("state.pt", "log.f64", "trained", "together.log") if session.options.keep_state else ())}
    for file in run.resume.glob("*"):
        if file.name not in kept_files:
            remove(file)
    return status


def _keep_last_finite(session: Session) -> None:
    """Of a diverged training, the last G with finite weights is a snapshot too."""
    steps, weights = session.kept["last_finite"]
    for entry in session.files.snapshots:
        if entry["steps"] == steps:
            entry["last_finite"] = True
            return
    session.write_snapshot(steps, weights, last_finite=True)


def _log_columns(session: Session, last: int) -> dict[str, np.ndarray]:
    """The log as columns, with learning rates, and what :mod:`measures` measured, NaN at the other updates."""
    log = session.files.log
    rows = log.rows()
    rows = rows[rows[:, 0] <= last]
    columns = dict(zip(log.columns, rows.T, strict=True))
    columns["step"] = columns["step"].astype(np.int64)
    rates = learning_rates(session.spec, session.trainer.total_steps, columns["step"] - 1)
    columns["lr_d"], columns["lr_g"] = rates
    for steps, measured in session.kept["measured"]:
        for name, value in measured.items():
            column = columns.setdefault(name, np.full(len(rows), np.nan))
            if 1 <= steps <= len(rows):
                column[steps - 1] = value
    return columns


def _status(session: Session) -> dict[str, Any]:
    kept, trainer = session.kept, session.trainer
    diverged = kept["diverged"]
    steps = diverged["steps"] if diverged else trainer.steps
    images_seen = session.spec.images_seen(steps, trainer.num_train)
    by_mode: dict[str, int] = kept["updates_by_mode"]
    return {
        "state": "diverged" if diverged else "ok",
        "spec_digest": session.spec.digest(),
        "method": METHODS.record(session.spec.method.name),
        "dataset_sha256": session.identity["dataset_sha256"],
        "steps_total": trainer.total_steps,
        "steps_done": steps,
        "diverged_at": diverged["steps"] if diverged else None,
        "reason": diverged["reason"] if diverged else None,
        "steps_per_epoch": session.steps_per_epoch,
        "images_seen": images_seen,
        "snapshots": session.files.snapshots,
        "seconds": kept["seconds"],
        "images_per_second": images_seen / max(kept["seconds"], 1e-9),
        "updates_per_second": steps / max(kept["seconds"], 1e-9),
        "max_rss_mb": runtime.max_rss_mb(),
        "resumed": kept["resumed"],
        "num_parameters": {
            "generator": count_parameters(trainer.G),
            "discriminator": count_parameters(trainer.D),
        },
        "device": runtime.device_info(session.device),
        # Of all jobs that trained this run: a job that finishes it makes few updates, or none.
        "updates_by_mode": by_mode,
        "updates_run_as": max(by_mode, key=by_mode.__getitem__, default=trainer.mode),
        "versions": runtime.versions(),
        "git_revision": runtime.git_revision(),
        "started": kept["started"],
        "finished": now(),
        "files": run_checksums(session.run_paths),
    }
