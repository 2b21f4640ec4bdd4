"""How long the trainings of a study take on this device: real runs of every method, several together, extrapolated.

Each method of the study is trained as the workflow does it, `runs_per_gpu` runs in one job with logs, snapshots and
saved states, for a fixed number of updates. The study's hours follow from its own number of updates.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.common import ROOT, machine, parser, print_table, save, setup


def write_study(folder: Path, study: Any, label: str, steps: int, precision: str) -> Path:
    """A study file with one method of a study, trained for ``steps`` updates."""
    import yaml

    values = study.to_dict()
    for key in ("name", "headline", "claims", "reference"):
        values.pop(key)
    values["methods"] = [
        {**{k: v for k, v in entry.items() if k != "options" and v}, **entry["options"]}
        for entry, own in zip(values["methods"], study.labels, strict=True)
        if own == label
    ]
    values["budget"], values["snapshots"] = {"steps": steps}, {"count": 2}
    values["training"] = {**values["training"], "precision": precision}
    path = folder / f"{label}.yaml"
    path.write_text(yaml.safe_dump(values))
    return path


def train_pack(study_file: Path, count: int, images: Path, device: str, threads: int) -> dict[str, float]:
    """Train the first ``count`` runs of a study in one job; returns updates/s of all, seconds of training and wall."""
    import torch

    from sngan_repro.config.run_paths import RunPaths
    from sngan_repro.core.files import read_json
    from sngan_repro.study.load import load_study

    runs = load_study(str(study_file)).runs()[:count]
    with tempfile.TemporaryDirectory() as folder:
        first = RunPaths(Path(folder) / runs[0].name)
        command = [sys.executable, "-m", "sngan_repro", "train", "--spec", runs[0].to_json(), "--run", str(first.root)]
        command += ["--dataset", str(images), "--device", device, "--threads", str(threads)]
        command += ["--together", str(count), "--study", str(study_file)]
        started = time.perf_counter()
        subprocess.run(command, cwd=ROOT, check=True, stderr=subprocess.DEVNULL)
        wall = time.perf_counter() - started
        status = read_json(first.status)
        seconds, updates = [status["seconds"]], status["steps_done"]
        for run in runs[1:]:
            paths = RunPaths(Path(folder) / run.name)
            if not paths.trained.exists():
                raise SystemExit(f"{run.id} did not train; its log:\n{paths.together_log.read_text()}")
            state = torch.load(paths.resume / "state.pt", weights_only=True)
            seconds.append(state["kept"]["seconds"])
            updates += state["steps"]
    rate = updates / max(seconds)
    return {"updates_per_second": rate, "seconds": max(seconds), "wall": wall, "state": status["state"] == "ok"}


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--study", default="southampton", help="a study's name or path (default southampton)")
    options.add_argument(
        "--images", type=Path, help="folder of prepared images of the study's size; default: random ones"
    )
    options.add_argument("--together", type=int, default=8, help="runs in one job (default 8)")
    options.add_argument("--steps", type=int, default=2000, help="updates of each run")
    options.add_argument("--precision", default=None, help="default: the study's own")
    given = options.parse_args()
    device = setup(given)
    from sngan_repro.study.layout import Layout
    from sngan_repro.study.load import load_study
    from sngan_repro.workflow.cost import total_steps

    study = load_study(given.study)
    precision = given.precision or study.training.precision
    count, steps = (2, 3) if given.quick else (given.together, given.steps)
    rows, records, hours = [], [], 0.0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        images = given.images or random_dataset(folder / "images", next(iter(study.datasets.values())))
        for label in study.labels:
            runs = [run for run in study.runs() if run.label == label]
            updates = sum(total_steps(run, Layout("none", folder, folder)) or 0 for run in runs)
            file = write_study(folder, study, label, steps, precision)
            found = train_pack(file, min(count, len(runs)), images, given.device, given.threads)
            needed = updates / found["updates_per_second"] / 3600
            hours += needed
            rows.append([label, len(runs), updates, found["updates_per_second"], found["seconds"], needed])
            records.append({"label": label, "runs": len(runs), "updates": updates, **found, "hours": needed})
            print(json.dumps(records[-1]), file=sys.stderr, flush=True)
    rows.append(["all", len(study.runs()), sum(row[2] for row in rows), None, sum(row[4] for row in rows), hours])
    columns = ["method", "runs", "updates", "updates/s together", "measured s", "hours"]
    print_table(f"Study {study.name} on one device, {count} runs together, {precision}", columns, rows)
    payload = {"machine": machine(device), "study": study.name, "together": count, "precision": precision}
    save("study", {**payload, "steps": steps, "records": records, "hours": hours}, given.out)


def random_dataset(folder: Path, spec: Any) -> Path:
    """A prepared dataset of random images, of the size that a study asks for."""
    import numpy as np

    from sngan_repro.core.files import file_sha256, write_json

    folder.mkdir(parents=True)
    shape = (2100, spec.image_size, spec.image_size, spec.channels or 3)
    np.save(folder / "images.npy", np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))
    np.save(folder / "labels.npy", np.arange(shape[0]) % 10)
    record = {
        "spec": spec.to_dict(),
        "spec_digest": spec.digest(),
        "source_title": "Random images",
        "num_train": 2000,
        "num_test": 100,
        "image_shape": [shape[3], *shape[1:3]],
        "classes": [str(number) for number in range(10)],
        "sha256": file_sha256(folder / "images.npy"),
        "labels_sha256": file_sha256(folder / "labels.npy"),
        "split": "none",
        "origin": {"path": None, "files": {}},
        "versions": {},
    }
    write_json(folder / "dataset.json", record)
    return folder


if __name__ == "__main__":
    sys.exit(main())
