"""How long it takes to plan a study of many jobs, against bare Snakemake with as many jobs that do nothing.

The floor is a Snakefile of two trivial rules and one that collects, with the same number of jobs and the same kind of
paths. Beside it: `sngan-repro check` and `sngan-repro status` on the same study, which need no Snakemake.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import yaml

from benchmarks.common import ROOT, interleave, machine, median, parser, print_table, run_process, save, speedup

FLOOR = """
IDS = [f"digits/{{m}}/{{s}}/seed{{k}}" for m in "abcdef" for s in "ABC" for k in range({seeds})]
rule all:
    input: "scores.csv"
rule collect:
    input: [f"runs/{{i}}/scores.json" for i in IDS]
    output: "scores.csv"
    shell: "true"
rule score:
    input: "runs/{{d}}/{{m}}/{{s}}/seed{{k}}/status.json"
    output: "runs/{{d}}/{{m}}/{{s}}/seed{{k}}/scores.json"
    shell: "true"
rule train:
    output: "runs/{{d}}/{{m}}/{{s}}/seed{{k}}/status.json"
    shell: "true"
"""
RUNS_PER_SEED = 18  # of the study `quick`: six methods, three settings


def main() -> None:
    options = parser(__doc__).parse_args()
    sizes = [20] if options.quick else [100, 2000, 10_000]
    rounds = 1 if options.quick else 5
    study = yaml.safe_load((ROOT / "config/studies/quick.yaml").read_text(encoding="utf-8"))
    rows, times = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for size in sizes:
            seeds = -(-size // (2 * RUNS_PER_SEED))
            times[str(size)] = taken = measure(Path(folder) / str(size), study, seeds, rounds)
            jobs = 2 * seeds * RUNS_PER_SEED
            for name in taken:
                ratio = 1 / speedup(taken, name, "floor") if name != "floor" else 1.0
                rows.append([jobs, name, median(taken[name]), ratio])
    columns = ["jobs of runs", "what", "s (CPU)", "of the floor"]
    print_table("Planning a study", columns, rows)
    save("dag", {"machine": machine(), "columns": columns, "rows": rows, "times": times}, options.out)


def measure(folder: Path, study: dict, seeds: int, rounds: int) -> dict[str, list[float]]:
    """CPU seconds of each command: planning uses one core, and a busy machine moves these less than wall times."""
    folder.mkdir()
    file = folder / "large.yaml"
    file.write_text(yaml.safe_dump({**study, "seeds": list(range(seeds))}), encoding="utf-8")
    (folder / "Snakefile").write_text(FLOOR.format(seeds=seeds), encoding="utf-8")
    places = [f"results_dir={folder}/results", f"data_dir={folder}/data"]
    given = ["--study", str(file), "--results-dir", f"{folder}/results", "--data-dir", f"{folder}/data"]
    snakemake = [sys.executable, "-m", "snakemake", "-n", "-q", "--cores", "2"]
    ours = [sys.executable, "-m", "sngan_repro"]
    return interleave(
        {
            "floor": lambda: run_process([*snakemake, "--workflow-profile", "none"], cwd=folder).cpu,
            "dry run": lambda: run_process([*snakemake, "--config", f"study={file}", *places]).cpu,
            "check": lambda: run_process([*ours, "check", "--no-measure", *given]).cpu,
            "status": lambda: run_process([*ours, "status", *given]).cpu,
        },
        rounds,
        warmup=0,
    )


if __name__ == "__main__":
    main()
