"""The input of a program: one JSON file, and the values of the names in its command. No torch here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sngan_repro.config.run_paths import RunPaths
from sngan_repro.config.specs import RunSpec
from sngan_repro.core.files import write_json, write_npy
from sngan_repro.data.dataset import PreparedData
from sngan_repro.methods.program import Program
from sngan_repro.training.program.contract import STATUS, file_name


@dataclass(frozen=True)
class Task:
    """One run of a program: the content of ``task.json``, and the words of its command."""

    values: dict[str, Any]
    """The content of task.json."""
    command: list[str]
    steps: list[int]
    """The updates at which samples are expected, increasing."""

    @property
    def out(self) -> Path:
        """The folder of all files that the program writes."""
        return Path(self.values["out"])


def make_task(spec: RunSpec, program: Program, run: RunPaths, data: PreparedData, threads: int, device: str) -> Task:
    """Write task.json and the training images of a run. A program never gets the test images."""
    folder = run.program.resolve()
    out = folder / "out"
    (out / "samples").mkdir(parents=True, exist_ok=True)
    (folder / "state").mkdir(exist_ok=True)
    num_train = data.num("train")
    per_epoch = spec.steps_per_epoch(num_train)
    total = spec.budget.total_steps(per_epoch)
    steps = spec.snapshots.at(total, per_epoch) if program.snapshots == "study" else [total]
    write_npy(folder / "images.npy", data.images("train"))
    write_npy(folder / "labels.npy", data.labels("train"))
    channels, height, width = data.image_shape
    lr_d, lr_g = spec.optimizer.rates
    optimizer = spec.optimizer
    setting = {"lr_d": lr_d, "lr_g": lr_g, "beta1": optimizer.beta1, "beta2": optimizer.beta2, "n_dis": optimizer.n_dis}
    values = {
        "seed": spec.seed,
        "options": spec.method.options,
        "setting": setting if program.settings else None,
        "images": str(folder / "images.npy"),
        "labels": str(folder / "labels.npy"),
        "classes": data.classes,
        "num_train": num_train,
        "height": height,
        "width": width,
        "channels": channels,
        "num_samples": spec.method.num_samples,
        "steps": total,
        "batch_size": spec.training.batch_size,
        "snapshots": [{"steps": number, "samples": str(out / "samples" / file_name(number))} for number in steps],
        "samples": str(out / "samples" / file_name(total)),
        "status": str(out / STATUS),
        "out": str(out),
        "state": str(folder / "state"),
        "threads": threads,
        "device": device,
    }
    write_json(folder / "task.json", values)
    words = {**values, **setting, **spec.method.options, "task": folder / "task.json", "folder": program.file.parent}
    return Task(values, program.words(words), steps)
