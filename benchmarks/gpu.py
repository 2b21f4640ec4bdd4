"""All measurements of docs/performance.md that need a GPU, one after the other, with a time limit for each.

A GPU is often lent for minutes. So the most important measurements come first, every line is printed as it comes, and a
measurement that runs out of time is stopped and named at the end. With --device cpu and --quick it shows that all run.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from benchmarks.common import ROOT, machine, parser, print_table, save, setup


def measurements(given: Any, out: Path) -> dict[str, tuple[int, list[str]]]:
    """name -> (longest time in seconds, command). In the order of their importance."""
    where = ["--device", given.device, "--out", str(out), *(["--quick"] if given.quick else [])]
    python = [sys.executable, "-m"]

    def bench(name: str, *options: str) -> list[str]:
        return [*python, f"benchmarks.{name}", *where, *options]

    resnet = ["--family", "resnet", "--size", "32", "--n-dis", "5", "--methods", "sngan"]
    gpu_tests = ["tests/training/test_gpu.py", "tests/evaluation/test_on_device.py"]
    short = ["--widths", "64", "--rounds", "3", "--seconds", "0.5"]
    folder = out / "whole"
    workflow = [*python, "snakemake", "--cores", "all", "--directory", str(ROOT), "--config"]
    workflow += [f"study={whole_study(folder, given)}", f"results_dir={folder / 'results'}", f"data_dir={given.data}"]
    workflow += [f"device={given.device}", f"runs_per_gpu={1 if given.device == 'cpu' else given.together}"]
    return {
        "tests": (120, [*python, "pytest", "-q", "-x", "-p", "no:cacheprovider", *gpu_tests]),
        "resnet": (90, bench("train", *resnet, "--widths", "64", "--rounds", "3")),
        "resampling": (30, bench("resampling", "--batch-size", "64", "--precision", "bf16")),
        "spectral norms": (40, bench("spectral_norm", "--batch-size", "64", "--precision", "bf16")),
        "profile of the resnet": (60, bench("profile", *resnet, "--updates", "5")),
        "profile": (60, bench("profile")),
        "runs together": (90, bench("pack", "--counts", "1", "8", "--ways", "threads", "--precisions", "bf16")),
        "training": (150, bench("train", *short)),
        "compiled": (120, bench("train", *short, "--methods", "sngan", "bn", "--compiled")),
        "scores": (120, bench("score", "--dimensions", "64", "--no-plain")),
        "streaming": (60, bench("stream")),
        "writing": (60, bench("write")),
        "whole study": (300, workflow),
    }


def whole_study(folder: Path, given: Any) -> Path:
    """Six methods and three settings, from the images to the tables. Returns the file of the study."""
    quick = given.quick
    methods = ["sngan", "wgan_gp", {"name": "began", "gamma": 0.7, "lambda_k": 0.05}, "ebgan", "bn", "ln"]
    settings = {
        "A": {"lr": 0.0002, "beta1": 0.5, "beta2": 0.999},
        "B": {"lr": 0.0002, "beta1": 0.0, "beta2": 0.9},
        "C": {"lr": 0.001, "beta1": 0.5, "beta2": 0.999},
    }
    study = {
        "title": "Six methods on a GPU",
        "datasets": {"images": {"source": "digits" if quick else "cifar10", "image_size": 16 if quick else 28}},
        "methods": methods[:1] if quick else methods,
        "settings": {"A": settings["A"]} if quick else settings,
        "seeds": [0],
        "budget": {"steps": 3 if quick else given.steps},
        "snapshots": {"count": 3},
        "training": {"precision": "fp32" if given.device == "cpu" else "bf16"},
        "nets": {"width": 4 if quick else 64},
        "scores": [{"evaluator": "classifier", "num_fake": 100 if quick else 6000, "kid_subset_size": 50}],
    }
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "gpu.yaml"
    file.write_text(yaml.safe_dump(study, sort_keys=False))
    return file


def run(command: list[str], limit: float) -> tuple[str, float]:
    """Run a command in the checkout. Returns ``ok``, ``failed`` or ``stopped``, and its seconds."""
    started = time.monotonic()
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
    try:
        state = "ok" if process.wait(limit) == 0 else "failed"
    except subprocess.TimeoutExpired:
        state = "stopped"
        for number in (signal.SIGTERM, signal.SIGKILL):
            os.killpg(process.pid, number)
            try:
                process.wait(10)
                break
            except subprocess.TimeoutExpired:
                continue
    return state, time.monotonic() - started


def stages(results: Path, started: float) -> list[list[Any]]:
    """Stage of a study, its jobs, and when its last job ended, in seconds after ``started`` (as by time.time())."""
    ended: dict[str, list[float]] = {}
    for record in results.glob("*/logs/**/*.json"):
        name = record.relative_to(next(results.glob("*/logs"))).parts[0]
        stage = name if "." not in name else name.removesuffix(".json").removesuffix("-images")
        ended.setdefault(stage, []).append(record.stat().st_mtime - started)
    return sorted([[stage, len(times), max(times)] for stage, times in ended.items()], key=lambda row: row[2])


def main() -> None:
    options = parser(__doc__)
    options.set_defaults(device="cuda")
    options.add_argument("--minutes", type=float, default=13.0, help="for all together (default %(default)s)")
    options.add_argument("--only", nargs="+", metavar="NAME", help="some of the measurements")
    options.add_argument("--data", type=Path, default=Path("data"), help="data_dir of the whole study (default: data)")
    options.add_argument("--together", type=int, default=6, help="runs_per_gpu of the whole study (default 6)")
    options.add_argument("--steps", type=int, default=10_000, help="updates of each of its runs (default 10,000)")
    given = options.parse_args()
    device, started = setup(given), time.monotonic()
    out = given.out.resolve()
    rows, parts = [], []
    for name, (limit, command) in measurements(given, out).items():
        left = given.minutes * 60 - (time.monotonic() - started)
        if given.only and name not in given.only:
            continue
        print(f"\n== {name}: at most {min(limit, left):.0f} s of {left:.0f} s left", flush=True)
        began = time.time()
        state, seconds = run(command, min(limit, left)) if left > 10 else ("no time left", 0.0)
        rows.append([name, state, seconds])
        if name == "whole study":
            parts = stages(out / "whole/results", began)
            print_table("The whole study", ["stage", "jobs", "its last one ended after, s"], parts)
    print_table("Measurements", ["measurement", "state", "s"], rows)
    save("gpu", {"machine": machine(device), "measurements": rows, "stages": parts}, out)
    sys.exit(any(state == "failed" for _, state, _ in rows))


if __name__ == "__main__":
    main()
