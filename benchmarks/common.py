"""What the benchmarks share: options, the machine, alternating rounds, medians, tables and JSON.

A benchmark is short:

    options = parser("what it measures").parse_args()
    times = interleave({"plain": measure_plain, "fast": measure_fast}, rounds=2 if options.quick else 9)
    rows = [[name, median(values), speedup(times, name, "plain")] for name, values in times.items()]
    print_table("Title", ["variant", "s", "x"], rows)
    save("name", {"machine": machine(options.device), "rows": rows}, options.out)
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"

Variants = Mapping[str, Callable[[], float]]
"""Name -> a function that does the work once and returns what it took, in seconds (or MB, or any number)."""
Times = dict[str, list[float]]
"""Name -> one number per round; the same position of two variants is the same round."""


def parser(description: str | None) -> argparse.ArgumentParser:
    """The options of every benchmark: --device, --threads, --quick, --out."""
    made = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--device", default="cpu", help="cpu (default), cuda, cuda:1 or auto")
    made.add_argument("--threads", type=int, default=1, help="CPU threads of torch, BLAS and OpenMP (default 1)")
    made.add_argument("--quick", action="store_true", help="small and short: shows that it works, measures little")
    made.add_argument("--out", type=Path, default=RESULTS, help="folder of the JSON file (default benchmarks/results)")
    return made


def setup(options: argparse.Namespace) -> Any:
    """Threads and the device, as the commands of the package set them; returns the torch.device.

    torch is imported after the threads are set in the environment, since BLAS reads them once.
    """
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ[name] = str(options.threads)
    from sngan_repro.core import runtime

    return runtime.setup(options.device, options.threads)


def machine(device: Any = "cpu") -> dict[str, Any]:
    """Device (type, name, threads), cores, versions and revision: what a number means nothing without."""
    import torch

    from sngan_repro.core import runtime

    return {
        "device": runtime.device_info(torch.device(device)),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),  # of others, if it is more than the benchmark's own
        "versions": runtime.versions(),
        "revision": runtime.git_revision(),
    }


def seconds(work: Callable[[], object], device: Any = "cpu") -> Callable[[], float]:
    """``work`` as a variant of :func:`interleave`: wall seconds of one call, waiting for a GPU to finish."""

    def measure() -> float:
        _wait_for(device)
        started = time.perf_counter()
        work()
        _wait_for(device)
        return time.perf_counter() - started

    return measure


def _wait_for(device: Any) -> None:
    if str(device).startswith("cuda"):
        import torch

        torch.cuda.synchronize(device)


def interleave(variants: Variants, rounds: int, warmup: int = 1) -> Times:
    """Measure every variant once per round, in a new random order each round, after ``warmup`` unmeasured rounds."""
    order, times = random.Random(0), {name: [] for name in variants}
    for number in range(-warmup, rounds):
        for name in order.sample(list(variants), len(variants)):
            taken = variants[name]()
            if number >= 0:
                times[name].append(taken)
    return times


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def speedup(times: Times, name: str, baseline: str) -> float:
    """How many times less than the baseline a variant takes: the median over the rounds of the ratio in each."""
    return median([plain / taken for plain, taken in zip(times[baseline], times[name], strict=True)])


@dataclass(frozen=True)
class Process:
    """What one process took: wall and CPU seconds, the largest memory it held, and what it printed."""

    wall: float
    cpu: float
    peak_mb: float
    output: str


MEASURE = """
import json, os, sys, time
started = time.perf_counter()
_, status, used = os.wait4(os.posix_spawnp(sys.argv[2], sys.argv[2:], os.environ), 0)
wall, cpu = time.perf_counter() - started, used.ru_utime + used.ru_stime
with open(sys.argv[1], "w") as stream:
    json.dump([wall, cpu, used.ru_maxrss, os.waitstatus_to_exitcode(status)], stream)
"""
"""Starts the command from a small process: a process begins with the peak memory of the one that started it."""


def run_process(command: Sequence[str], cwd: Path = ROOT, **environment: str) -> Process:
    """Run a command to its end, with variables added to the environment; CalledProcessError when it fails.

    The package of this checkout is found first. CPU seconds and memory are those of the process itself and of the
    children it waited for (memory: of the largest).
    """
    merged = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    with tempfile.NamedTemporaryFile("r") as record, tempfile.TemporaryFile("w+") as output:
        measured = [sys.executable, "-I", "-S", "-c", MEASURE, record.name, *command]
        subprocess.run(measured, cwd=cwd, env=merged, stdout=output, stderr=subprocess.STDOUT, check=True)
        wall, cpu, peak, code = json.load(record)
        output.seek(0)
        text = output.read()
    if code:
        print(text, file=sys.stderr)
        raise subprocess.CalledProcessError(code, list(command), text)
    return Process(wall, cpu, peak / (1e6 if sys.platform == "darwin" else 1e3), text)


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """A Markdown table, ready for the documentation: numbers with three significant digits, None as a dash."""
    cells = [[_cell(value) for value in row] for row in rows]
    widths = [max(len(row[i]) for row in [list(columns), *cells]) for i in range(len(columns))]
    print(f"\n{title}\n")
    for row in [list(columns), ["-" * width for width in widths], *cells]:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |")
    sys.stdout.flush()


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return str(value)


def save(name: str, payload: Mapping[str, Any], out: Path = RESULTS) -> Path:
    """Write ``<name>-<device type>.json`` into a folder; the device is that of ``payload["machine"]``."""
    path = Path(out) / f"{name}-{payload['machine']['device']['type']}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(payload, indent=2) + "\n", encoding="utf-8")
    print(f"\n{path}")
    return path
