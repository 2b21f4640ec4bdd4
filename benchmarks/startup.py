"""How long commands and jobs take to start: processes that do next to nothing, and what they import.

The jobs are the workflow's own on scikit-learn's digits at 16 pixels: one update of training with its results written,
one snapshot scored. `floor` rows are what Python and torch alone take.
"""

from __future__ import annotations

import json
import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.common import interleave, machine, median, parser, print_table, run_process, save

SNAKEFILE_IMPORTS = "from sngan_repro.workflow.plan import Plan"
STUDY = "; Plan({'study': 'config/studies/quick.yaml'})"
HEAVY = ("torch", "torchvision", "torch_fidelity", "torch._dynamo", "scipy", "pandas", "snakemake", "numpy")
PROTOCOL = {
    "evaluator": "classifier",
    "num_fake": 300,
    "is_splits": 1,
    "kid_subset_size": 100,
    "kid_subsets": 10,
}


def main() -> None:
    options = parser(__doc__).parse_args()
    rounds = 1 if options.quick else 7
    with tempfile.TemporaryDirectory() as folder:
        commands = light_commands() | ({} if options.quick else jobs(Path(folder)))
        walls: dict[str, list[float]] = {name: [] for name in commands}
        variants = {name: partial(started, command, walls[name]) for name, command in commands.items()}
        times = interleave(variants, rounds, warmup=0)
        rows = [
            [name, median(walls[name]), median(times[name]), heavy_imports(command)]
            for name, command in commands.items()
        ]
    columns = ["what", "s (wall)", "s (CPU)", "imports"]
    print_table("Starting", columns, rows)
    save("startup", {"machine": machine(), "columns": columns, "rows": rows, "times": times}, options.out)


def light_commands() -> dict[str, list[str]]:
    python, ours = [sys.executable, "-c"], [sys.executable, "-m", "sngan_repro"]
    return {
        "floor: python": [*python, "pass"],
        "floor: import torch": [*python, "import torch"],
        "sngan-repro --help": [*ours, "--help"],
        "sngan-repro methods": [*ours, "methods"],
        "what the Snakefile imports": [*python, SNAKEFILE_IMPORTS],
        "the same, and the study quick": [*python, SNAKEFILE_IMPORTS + STUDY],
        "import the trainer": [*python, "import sngan_repro.training.job"],
        "import the scorer": [*python, "import sngan_repro.evaluation.score"],
    }


def jobs(place: Path) -> dict[str, list[str]]:
    """A training of one update and the scoring of its snapshot, on digits prepared here."""
    ours = [sys.executable, "-m", "sngan_repro"]
    data = {"source": "digits", "image_size": 16}
    run_process([*ours, "prepare", "--spec", json.dumps(data), "--downloads", str(place), "--out", f"{place}/data"])
    evaluator = ["evaluator", "--name", "classifier", "--options", '{"epochs": 1}', "--dataset", f"{place}/data"]
    run_process([*ours, *evaluator, "--out", f"{place}/classifier", "--device", "cpu", "--threads", "1"])
    spec = {
        "seed": 0,
        "data": data,
        "method": {"name": "sngan"},
        "nets": {"width": 8},
        "optimizer": {"lr": 1e-4},
        "training": {},
        "budget": {"steps": 1},
        "snapshots": {"count": 1},
    }
    shared = ["--run", f"{place}/run", "--dataset", f"{place}/data", "--device", "cpu", "--threads", "1"]
    train = [*ours, "train", "--spec", json.dumps(spec), *shared, "--no-tensorboard"]
    run_process(train)
    evaluators = json.dumps({"classifier": f"{place}/classifier"})
    score = [*ours, "score", "--protocols", json.dumps([PROTOCOL]), "--evaluators", evaluators, *shared]
    return {"job: train, one update": train, "job: score, one snapshot": score}


def started(command: list[str], walls: list[float]) -> float:
    """CPU seconds of a process; its wall seconds go into the list."""
    found = run_process(command)
    walls.append(found.wall)
    return found.cpu


def heavy_imports(command: list[str]) -> str:
    """Which packages that are slow to import a command imports."""
    code, arguments = command[2], command[3:]
    run = f"runpy.run_module({code!r}, run_name='__main__', alter_sys=True)" if command[1] == "-m" else code
    tail = f"print('heavy:', *(m for m in {HEAVY!r} if m in sys.modules))"
    script = f"import atexit, runpy, sys; sys.argv = ['x', *{arguments!r}]; atexit.register(lambda: {tail}); {run}"
    output = run_process([sys.executable, "-c", script]).output
    return next(line for line in output.splitlines() if line.startswith("heavy:")).removeprefix("heavy:").strip() or "-"


if __name__ == "__main__":
    main()
