"""One process that trains a run: resuming, logs, snapshots, saved states, divergence."""

from __future__ import annotations

import datetime
import sys
import threading
import time
from typing import Any, TextIO

import torch
from torch import Tensor

from sngan_repro.config.run_paths import RunPaths
from sngan_repro.config.specs import RunSpec
from sngan_repro.core import runtime
from sngan_repro.core.files import remove_temporaries, write_json
from sngan_repro.core.schema import shortened
from sngan_repro.data.dataset import PreparedData
from sngan_repro.training.checkpoint import clear_results, load_state
from sngan_repro.training.cuda_graph import RunContext
from sngan_repro.training.files import TrainingFiles
from sngan_repro.training.log import TensorBoard
from sngan_repro.training.measures import Measures
from sngan_repro.training.options import DEFAULT_OPTIONS, TrainOptions
from sngan_repro.training.trainer import Trainer


class Session:
    """One process that trains a run: the Trainer, and the files that it writes on the way.

    It is a context manager: at its end, everything that was given to the thread of the files is written.
    :mod:`sngan_repro.training.results` writes the files at the end.
    """

    def __init__(
        self,
        spec: RunSpec,
        run: RunPaths,
        data: PreparedData,
        context: RunContext,
        options: TrainOptions = DEFAULT_OPTIONS,
        out: TextIO | None = None,
    ) -> None:
        """out: where progress is printed; default: standard error. Use it inside ``context.on_stream()``."""
        self.spec, self.run_paths, self.context, self.options = spec, run, context, options
        self.device = context.device
        self.out = out or sys.stderr
        # A saved state is resumed only if it agrees in all of these.
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
        self.files = self._new_files()
        # Saved beside the trainer's own state, and with the snapshots and images of the files:
        self.kept: dict[str, Any] = {
            "measured": [],
            "last_finite": (0, self._copy_weights()),
            "diverged": None,
            "seconds": 0.0,
            "resumed": 0,
            "updates_by_mode": {},
            "started": now(),
        }
        self._resume()
        self.measures = Measures(self.trainer, data)
        if options.tensorboard:
            self.files.board = TensorBoard(run.tensorboard, self.trainer.steps)
        self.clock = self._saved_at = self._flushed_at = time.monotonic()
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
            self.options.stream_images,
            self.options.compile,
        )

    def _new_files(self) -> TrainingFiles:
        return TrainingFiles(self.run_paths, self.spec, self.device, self.trainer.total_steps, self.out)

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.files.close()

    def _resume(self) -> None:
        remove_temporaries(self.run_paths.root)  # left by a killed process; this process holds the lock
        state, message = load_state(self.run_paths, self.identity)
        if state is not None:
            try:
                self.files.log.restore(state["log"])
                self.trainer.load(state["trainer"])
                if self.trainer.steps != state["steps"]:
                    raise ValueError(f"its parts are of the updates {self.trainer.steps} and {state['steps']}")
                kept = {name: _of_type(state["kept"][name], start) for name, start in self.kept.items()}
                self.files.snapshots = _of_type(state["kept"]["snapshots"], [])
                self.files.images = _of_type(state["kept"]["images"], [])
                self.kept = {**kept, "resumed": kept["resumed"] + 1}
            except Exception as error:  # a state that lacks a part, or whose parts do not fit, fails in many ways
                reason = shortened(f"{type(error).__name__}: {error}")
                state, message = None, f"starting from update 0: the saved state does not fit ({reason})"
                self.trainer = self._new_trainer()
                self.files = self._new_files()
        if state is None:
            clear_results(self.run_paths)
        write_json(self.run_paths.spec, self.spec.to_dict())
        self.files.beat(self.trainer.steps)
        self.files.wait()  # the heartbeat comes before the first line of the log: `status` relies on it
        self._print(message)

    def _print(self, message: str) -> None:
        print(f"{self.spec.name}: {message}", file=self.out, flush=True)

    def run(self, stop: threading.Event) -> bool:
        """Train to the end (True) or, saving the state, until ``stop`` is set (False). All files are written then."""
        trainer, log, printed = self.trainer, self.files.log, set[str]()
        by_mode: dict[str, int] = self.kept["updates_by_mode"]
        while trainer.steps < trainer.total_steps and self.kept["diverged"] is None:
            self.measures.before()
            numbers = trainer.advance()
            by_mode[trainer.mode] = by_mode.get(trainer.mode, 0) + 1
            log.add(trainer.steps, trainer.log_names, numbers)
            for reason in trainer.reasons:
                if reason not in printed:
                    printed.add(reason)
                    self._print(reason)
            self._after_step(trainer.steps)
            if stop.is_set():
                self.save()
                self.files.beat(trainer.steps, "interrupted")
                self.files.wait()
                return False
        self.files.wait()
        return True

    def _after_step(self, steps: int) -> None:
        if (measured := self.measures.after()) is not None:
            self.kept["measured"].append((steps, measured))
            self.files.write_measured(steps, measured)
        regular = steps % self.spec.training.log_every == 0
        if regular or steps in self.snapshot_steps:
            self.flush()
            if self.kept["diverged"] is None:
                self.kept["last_finite"] = (steps, self._copy_weights())
        if steps in self.snapshot_steps and self.kept["diverged"] is None:
            self.write_snapshot(steps)
        if time.monotonic() - self._saved_at >= self.options.checkpoint_seconds:
            self.save()
        self.files.beat(steps)

    def flush(self, check_weights: bool = True) -> None:
        """Give the gathered rows of the log to the files, and look for a divergence.

        This waits for the device, once. A later check would save the wait, but updates made until then would have to be
        undone: a run ends at the update that is reported. Weights are checked at fixed updates only, so that an
        interruption does not change the reported update.
        """
        now, steps, log = time.monotonic(), self.trainer.steps, self.files.log
        images_per_step = self.spec.training.batch_size * self.spec.optimizer.n_dis
        rate = (steps - self._flushed_steps) / max(now - self._flushed_at, 1e-9)
        self._flushed_at, self._flushed_steps = now, steps
        checks = [log.losses_are_finite(), *([self.trainer.weights_are_finite()] if check_weights else [])]
        rows = log.take()
        losses_finite, *weights_finite = torch.stack(checks).tolist()
        if not losses_finite and rows is not None and (first := rows.first_non_finite()) is not None:
            diverged, name = first
            self.kept["diverged"] = {"steps": diverged, "reason": f"non-finite {log.columns[1:][name]}"}
        elif not all(weights_finite):
            self.kept["diverged"] = {"steps": steps, "reason": "non-finite weights"}
        if rows is not None:
            self.files.write_log(rows, rate, rate * images_per_step, self._probabilities())

    def _probabilities(self) -> dict[str, float]:
        """The newest means of D's sigmoid: of real images, and of generated ones before and after D's step."""
        _, measured = self.kept["measured"][-1] if self.kept["measured"] else (0, {})
        names = {"D(x)": "d/sigmoid_real", "D(G(z)) before": "d/sigmoid_fake", "after": "d/sigmoid_fake_after"}
        return {shown: measured[name] for shown, name in names.items() if name in measured}

    def _copy_weights(self) -> dict[str, Tensor]:
        return {name: value.clone() for name, value in self.trainer.sampled_weights().items()}

    def write_snapshot(self, steps: int, weights: dict[str, Tensor] | None = None, last_finite: bool = False) -> None:
        """Save G and its fixed samples after ``steps`` updates."""
        if weights is not None:
            self.trainer.G.load_state_dict(weights)
            self.trainer.G_ema.load_state_dict(weights)
        trainer = self.trainer
        images_seen = self.spec.images_seen(steps, trainer.num_train)
        entry = {"steps": steps, "images_seen": images_seen}
        with self.context.alone():
            samples = trainer.fixed_samples()
        weights = trainer.sampled_weights()
        self.files.write_snapshot(entry, weights, samples, trainer.image, trainer.label_law, last_finite)

    def save(self) -> None:
        """Save the state."""
        self.flush(check_weights=False)
        now = time.monotonic()
        self.kept["seconds"] += now - self.clock
        self.clock = self._saved_at = now
        self.files.write_state(self.identity, self.trainer.steps, self.trainer.state(), self.kept)

    def save_trained(self) -> None:
        """Save the state at the end of the training, with a mark that it is the last one."""
        self.save()
        self.files.write_trained()
        self.files.wait()


def _of_type(value: Any, start: Any) -> Any:
    """A saved value of the type that it has at the start. Raises TypeError."""
    wanted = (dict, type(None)) if start is None else type(start)
    if not isinstance(value, wanted):
        raise TypeError(f"{type(value).__name__} in the place of {type(start).__name__}")
    return value


def now() -> str:
    """The present time in UTC, ISO 8601."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
