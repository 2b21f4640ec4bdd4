"""How much memory jobs hold: a training over thousands of updates, a scoring, an evaluator, and what data sets add.

A training must not grow: its resident memory is read from outside while it runs, and the slope is taken after the first
third. Linux only for that part.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.common import ROOT, machine, parser, print_table, run_process, save
from benchmarks.score import Size, scored_run

OURS = [sys.executable, "-m", "sngan_repro"]


def main() -> None:
    options = parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        growth = flatness(place, 200 if options.quick else 6000)
        print_table("A training, digits at 16 px, width 8", ["what", "value"], growth)
        numbers = [1200] if options.quick else [5000, 20_000]
        rows = [row for number in numbers for row in peaks(place / str(number), number)]
    columns = ["job", "images", "array, MB", "peak, MB", "beyond `import torch`, MB"]
    print_table("Peak memory against the size of the data set, 32 px RGB", columns, rows)
    save("memory", {"machine": machine(), "training": growth, "columns": columns, "rows": rows}, options.out)


def flatness(place: Path, updates: int) -> list[list[Any]]:
    """Resident memory of a training, as its command runs it."""
    data = {"source": "digits", "image_size": 16}
    run_process([*OURS, "prepare", "--spec", json.dumps(data), "--downloads", str(place), "--out", f"{place}/digits"])
    command = [*OURS, "train", "--spec", json.dumps(training(data, 8, updates)), "--run", f"{place}/run"]
    command += ["--dataset", f"{place}/digits", "--device", "cpu", "--threads", "1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with (place / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=ROOT)
        samples, progress = [], place / "run" / "resume" / "progress.json"
        while process.poll() is None:
            if (steps := _steps(progress)) is not None:
                samples.append((steps, _resident_mb(process.pid)))
            time.sleep(0.25)
    if process.returncode:
        raise RuntimeError((place / "log").read_text(encoding="utf-8"))
    # At the end the results are written, which needs more, once.
    later = [(steps, mb) for steps, mb in samples if updates / 3 <= steps < updates and mb > 0]
    rows: list[list[Any]] = [["updates", updates], ["readings", len(samples)]]
    if len(later) > 2:
        rows += [["MB at a third", later[0][1]], ["MB at the end", later[-1][1]]]
        rows += [["MB per 1000 updates after a third", 1000 * _slope(later)]]
    return rows


def _steps(progress: Path) -> int | None:
    try:
        return json.loads(progress.read_text(encoding="utf-8"))["steps"]
    except (OSError, ValueError):
        return None


def _resident_mb(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError):  # it has just ended
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _slope(points: list[tuple[int, float]]) -> float:
    """Of the line of least squares."""
    mean_x = sum(x for x, _ in points) / len(points)
    mean_y = sum(y for _, y in points) / len(points)
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def training(data: dict[str, Any], width: int, steps: int) -> dict[str, Any]:
    return {
        "seed": 0,
        "data": data,
        "method": {"name": "sngan"},
        "nets": {"width": width},
        "optimizer": {"lr": 1e-4},
        "training": {},
        "budget": {"steps": steps},
        "snapshots": {"count": 1},
    }


def peaks(place: Path, number: int) -> list[list[Any]]:
    """Peak memory of a training of one update, of an evaluator and of a scoring, with so many training images."""
    import torch

    place.mkdir()
    run, dataset, evaluator, protocol = scored_run(place, Size(1000, number, 32, 8, ()), torch.device("cpu"))
    floor = run_process([sys.executable, "-c", "import torch"]).peak_mb
    data = json.loads(run.spec.read_text(encoding="utf-8"))["data"]
    shared = ["--dataset", str(dataset), "--device", "cpu", "--threads", "1"]
    one = json.dumps(training(data, 8, 1))
    protocols, evaluators = f"[{protocol.to_json()}]", json.dumps({"classifier": str(evaluator)})
    options = '{"epochs": 1, "batch_size": 256}'
    commands = {
        "train": ["--spec", one, "--run", f"{place}/other", "--no-tensorboard"],
        "evaluator": ["--name", "classifier", "--options", options, "--out", f"{place}/another"],
        "score": ["--run", str(run.root), "--protocols", protocols, "--evaluators", evaluators],
    }
    array = (dataset / "images.npy").stat().st_size / 1e6
    found = {name: run_process([*OURS, name, *given, *shared]).peak_mb for name, given in commands.items()}
    return [[name, number, array, peak, peak - floor] for name, peak in found.items()]


if __name__ == "__main__":
    main()
