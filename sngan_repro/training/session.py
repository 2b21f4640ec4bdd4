"""One process working on a run: the files around the Trainer. Resuming, logs, snapshots, divergence, the status."""

from __future__ import annotations

import datetime
import sys
import threading
import time
from dataclasses import dataclass
from typing import Any, TextIO

import numpy as np
import torch
from torch import Tensor

from sngan_repro.config.run_paths import RunPaths
from sngan_repro.config.specs import RunSpec
from sngan_repro.core import runtime
from sngan_repro.core.files import remove_temporaries, write_json, write_npy, write_text
from sngan_repro.data.dataset import PreparedData
from sngan_repro.methods import METHODS
from sngan_repro.nets import count_parameters, spectral_norms
from sngan_repro.nets.sampling import save_grid
from sngan_repro.nets.snapshot import save_snapshot
from sngan_repro.training.checkpoint import clear_results, load_state, save_state
from sngan_repro.training.cuda_graph import RunContext
from sngan_repro.training.log import Progress, TensorBoard, TrainLog, write_parquet
from sngan_repro.training.progress import Heartbeat
from sngan_repro.training.trainer import Trainer

PROGRESS_IMAGES = 16  # of the fixed samples, kept for every snapshot


@dataclass(frozen=True)
class TrainOptions:
    """How one process trains. No result depends on it."""

    checkpoint_seconds: float = 60.0
    """Between two saved states: the most that a kill costs."""
    tensorboard: bool = True
    """Write TensorBoard events."""
    cuda_graph: bool = True
    """On a GPU, run updates as a CUDA graph where the method allows it."""
    state_only: bool = False
    """Stop at the trained state, from which a second call writes the results at once."""
    keep_state: bool = False
    """Leave the trained state behind beside the results."""


DEFAULT_OPTIONS = TrainOptions()


class Session:
    """One process working on a run: the files around the Trainer."""

    def __init__(
        self,
        spec: RunSpec,
        run: RunPaths,
        data: PreparedData,
        context: RunContext,
        options: TrainOptions = DEFAULT_OPTIONS,
        out: TextIO | None = None,
    ) -> None:
        """out: where progress is told; default: standard error. Use it inside ``context.on_stream()``."""
        self.spec, self.run_paths, self.context, self.options = spec, run, context, options
        self.device = context.device
        self.out = out or sys.stderr
        # What a resumed state must share.
        self.identity = {
            "spec": spec.to_dict(),
            "dataset_sha256": data.sha256,
            "device": self.device.type,
            "version": runtime.package_version(),
        }
        self.data = data
        self.trainer = self._new_trainer()
        total = self.trainer.total_steps
        self.steps_per_epoch = spec.steps_per_epoch(self.trainer.num_train)
        self.snapshot_steps = set(spec.snapshots.at(total, self.steps_per_epoch))
        self.spectral_every = spec.training.spectral_every or max(1, total // 20)
        self.log = TrainLog(run, self.device)
        self.progress = Progress(total, out=self.out)
        self.heartbeat = Heartbeat(run, spec, total)
        # What is kept besides the trainer's own state:
        self.kept: dict[str, Any] = {
            "snapshots": [],
            "spectral": [],
            "images": [],
            "last_finite": (0, self._copy_weights()),
            "diverged": None,
            "seconds": 0.0,
            "resumed": 0,
            "started": _now(),
        }
        self._resume()
        self.board = TensorBoard(run.tensorboard, self.trainer.steps) if options.tensorboard else None
        self._clock = self._saved_at = self._flushed_at = time.monotonic()
        self._flushed_steps = self.trainer.steps

    def _new_trainer(self) -> Trainer:
        data, num_classes = self.data, len(self.data.classes) if self.data.classes is not None else None
        return Trainer(
            self.spec,
            data.images("train"),
            self.device,
            self.options.cuda_graph,
            self.context,
            data.labels("train") if num_classes else None,
            num_classes,
        )

    def _resume(self) -> None:
        remove_temporaries(self.run_paths.root)  # of a process that was killed while it wrote; we hold the lock
        state, message = load_state(self.run_paths, self.identity)
        if state is not None:
            try:
                self.log.restore(state["log"]["columns"], state["log"]["num_rows"])
                self.trainer.load(state["trainer"])
                self.kept = state["kept"]
                self.kept["resumed"] += 1
            except (OSError, RuntimeError, KeyError, ValueError) as error:
                state, message = None, f"starting anew: the saved state does not fit: {error}"
                self.trainer = self._new_trainer()
                self.log = TrainLog(self.run_paths, self.device)
        if state is None:
            clear_results(self.run_paths)
        write_json(self.run_paths.spec, self.spec.to_dict())
        self.heartbeat.write(self.trainer.steps)  # before the first line of the log: `status` relies on it
        self._tell(message)

    def _tell(self, message: str) -> None:
        print(f"{self.spec.id}: {message}", file=self.out, flush=True)

    def run(self, stop: threading.Event) -> bool:
        """Train to the end (True) or, saving the state, until ``stop`` is set (False)."""
        trainer, log, told = self.trainer, self.log, ""
        try:
            while trainer.steps < trainer.total_steps and self.kept["diverged"] is None:
                numbers = trainer.advance()
                log.add(trainer.steps, trainer.log_names, numbers)
                if trainer.graphed_step.reason != told:
                    told = trainer.graphed_step.reason
                    self._tell(f"updates run eagerly: {told}")
                self._after_step(trainer.steps)
                if stop.is_set():
                    self._save()
                    self.heartbeat.write(trainer.steps, "interrupted")
                    return False
            return True
        finally:
            self.progress.close()

    def _after_step(self, steps: int) -> None:
        if steps % self.spectral_every == 0:
            with self.context.alone():
                self.kept["spectral"].append((steps, spectral_norms(self.trainer.D)))
        regular = steps % self.spec.training.log_every == 0
        if regular or steps in self.snapshot_steps:
            self._flush()
            if self.kept["diverged"] is None:
                self.kept["last_finite"] = (steps, self._copy_weights())
        if steps in self.snapshot_steps and self.kept["diverged"] is None:
            self._snapshot(steps)
        if time.monotonic() - self._saved_at >= self.options.checkpoint_seconds:
            self._save()
        self.heartbeat.write(steps)

    def _flush(self, check_weights: bool = True) -> None:
        """Read out the log and look for a divergence.

        Weights are checked at fixed updates only, so that an interruption does not move the update found.
        """
        now, steps = time.monotonic(), self.trainer.steps
        images_per_step = self.spec.training.batch_size * self.spec.optimizer.n_dis
        rate = (steps - self._flushed_steps) / max(now - self._flushed_at, 1e-9)
        rows = self.log.flush(rate * images_per_step)
        self._flushed_at, self._flushed_steps = now, steps
        bad = np.flatnonzero(~np.isfinite(rows[:, 1:3]).all(axis=1))
        if len(bad):
            first = rows[bad[0]]
            which = "d_loss" if not np.isfinite(first[1]) else "g_loss"
            self.kept["diverged"] = {"steps": int(first[0]), "reason": f"non-finite {which}"}
        elif check_weights and not self.trainer.is_finite():
            self.kept["diverged"] = {"steps": steps, "reason": "non-finite weights"}
        if len(rows):
            means = dict(zip(self.log.columns[1:], rows[:, 1:].mean(axis=0).tolist(), strict=True))
            self.progress.show(steps, rate, {name: means[name] for name in ("d_loss", "g_loss")})
            if self.board:
                self.board.add(steps, means)

    def _copy_weights(self) -> dict[str, Tensor]:
        return {name: value.clone() for name, value in self.trainer.sampled_weights().items()}

    def _snapshot(self, steps: int, weights: dict[str, Tensor] | None = None, last_finite: bool = False) -> None:
        """Save G and its fixed samples after ``steps`` updates."""
        if weights is not None:
            self.trainer.G.load_state_dict(weights)
            self.trainer.G_ema.load_state_dict(weights)
        trainer = self.trainer
        sha256 = save_snapshot(
            self.run_paths, self.spec, trainer.sampled_weights(), steps, trainer.image, trainer.label_law
        )
        images_per_step = self.spec.training.batch_size * self.spec.optimizer.n_dis
        entry = {"steps": steps, "images_seen": steps * images_per_step, "sha256": sha256, "last_finite": last_finite}
        self.kept["snapshots"].append(entry)
        with self.context.alone():
            images = self.trainer.fixed_samples()
        save_grid(self.run_paths.samples / f"{steps:08d}.png", images, columns=8)
        earlier = [kept[:PROGRESS_IMAGES].clone() for kept in self.kept["images"]]
        self.kept["images"] = [*earlier, torch.from_numpy(images)]  # all 64 of the newest only: it is saved often

    def _save(self) -> None:
        self._flush(check_weights=False)
        now = time.monotonic()
        self.kept["seconds"] += now - self._clock
        self._clock = self._saved_at = now
        log = {"columns": self.log.columns, "num_rows": self.log.num_rows}
        state = {"steps": self.trainer.steps, "trainer": self.trainer.state(), "kept": self.kept, "log": log}
        save_state(self.run_paths, self.identity, state)

    def save_trained(self) -> None:
        """Save the state at the end of the training, and mark it as such."""
        self._save()
        write_text(self.run_paths.trained, self.spec.digest())

    def finish(self) -> dict[str, Any]:
        """Write log, final samples and, last, status.json; remove the resume state."""
        kept, run = self.kept, self.run_paths
        diverged = kept["diverged"]
        if diverged:
            self._keep_last_finite()
        kept["seconds"] += time.monotonic() - self._clock
        if self.board:
            self.board.close()
        write_parquet(run.log, self._log_columns(diverged["steps"] if diverged else self.trainer.total_steps))
        write_npy(run.samples / "final.npy", kept["images"][-1].numpy())
        progress = [images[:PROGRESS_IMAGES].numpy() for images in kept["images"]]
        write_npy(run.samples / "progress.npy", np.stack(progress))  # (snapshots, 16, H, W, C)
        status = self._status()
        write_json(run.status, status)
        kept_files = {"lock", *(("state.pt", "log.f64", "trained", "together.log") if self.options.keep_state else ())}
        for file in run.resume.glob("*"):
            if file.name not in kept_files:
                file.unlink()
        return status

    def _keep_last_finite(self) -> None:
        steps, weights = self.kept["last_finite"]
        for entry in self.kept["snapshots"]:
            if entry["steps"] == steps:
                entry["last_finite"] = True
                return
        self._snapshot(steps, weights, last_finite=True)

    def _log_columns(self, last: int) -> dict[str, np.ndarray]:
        """The log as columns, with learning rates, and spectral norms where they were measured (NaN elsewhere)."""
        rows = self.log.rows()
        rows = rows[rows[:, 0] <= last]
        columns = dict(zip(self.log.columns, rows.T, strict=True))
        columns["step"] = columns["step"].astype(np.int64)
        columns["lr_d"], columns["lr_g"] = self.trainer.rates(columns["step"] - 1)
        for steps, norms in self.kept["spectral"]:
            for name, value in norms.items():
                column = columns.setdefault(f"spectral/{name}", np.full(len(rows), np.nan))
                if 1 <= steps <= len(rows):
                    column[steps - 1] = value
        return columns

    def _status(self) -> dict[str, Any]:
        kept, trainer = self.kept, self.trainer
        diverged = kept["diverged"]
        steps = diverged["steps"] if diverged else trainer.steps
        images_per_step = self.spec.training.batch_size * self.spec.optimizer.n_dis
        return {
            "state": "diverged" if diverged else "ok",
            "spec_digest": self.spec.digest(),
            "method": METHODS.record(self.spec.method.name),
            "dataset_sha256": self.identity["dataset_sha256"],
            "steps_total": trainer.total_steps,
            "steps_done": steps,
            "diverged_at": diverged["steps"] if diverged else None,
            "reason": diverged["reason"] if diverged else None,
            "steps_per_epoch": self.steps_per_epoch,
            "images_seen": steps * images_per_step,
            "snapshots": kept["snapshots"],
            "seconds": kept["seconds"],
            "images_per_second": steps * images_per_step / max(kept["seconds"], 1e-9),
            "updates_per_second": steps / max(kept["seconds"], 1e-9),
            "max_rss_mb": runtime.max_rss_mb(),
            "resumed": kept["resumed"],
            "num_parameters": {
                "generator": count_parameters(trainer.G),
                "discriminator": count_parameters(trainer.D),
            },
            "device": runtime.device_info(self.device),
            "updates_run_as": trainer.graphed_step.mode,
            "versions": runtime.versions(),
            "git_revision": runtime.git_revision(),
            "started": kept["started"],
            "finished": _now(),
        }


def _now() -> str:
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
