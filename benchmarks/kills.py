"""Kill a study again and again with SIGKILL, and compare its results with those of an undisturbed run.

    python -m benchmarks.kills --kills 100 --folder build/kills
    python -m benchmarks.kills --kills 100 --runs-per-gpu 3 --studies 2

Each round runs a tiny study (or several at once) and kills one process at a random time: Snakemake alone, one of its
jobs, or the whole process group. Then the same command runs again until it ends by itself. Snapshots and tables must
be equal to the byte, and scores to the last digit. The times of the kills follow from --seed and from the length of
the undisturbed run. With --runs-per-gpu one job trains several runs in threads, on a machine without a GPU, too.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from benchmarks.tiny_study import equal_results, results, start, write_study

LENGTH = {"seeds": [0, 1, 2], "budget": {"steps": 200}, "snapshots": {"count": 4}}
KINDS = {
    "snakemake": "Snakemake alone",
    "job": "one job",
    "group": "Snakemake and all its jobs",
    "nothing": "a command that had ended",
}


def children(group: int) -> list[int]:
    """The processes of a group, but its leader."""
    listed = subprocess.run(["ps", "-eo", "pid=,pgid="], capture_output=True, text=True, check=True).stdout
    pairs = [tuple(map(int, line.split())) for line in listed.splitlines()]
    return [pid for pid, of in pairs if of == group and pid != group]


def kill(process: subprocess.Popen[bytes], rng: random.Random) -> str:
    """Kill Snakemake, one of its jobs, or all of its group; the name of what was killed."""
    kind = rng.choice(["snakemake", "job", "group"])
    jobs = children(process.pid)
    try:
        if kind == "group":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            os.kill(rng.choice(jobs) if kind == "job" and jobs else process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return "nothing"
    return kind


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--per-round", type=int, default=5, help="kills of one run of the study")
    parser.add_argument("--studies", type=int, default=1, help="at once, with one data folder")
    parser.add_argument("--runs-per-gpu", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=Path("build/kills"))
    given = parser.parse_args()
    folder, rng = given.folder.absolute(), random.Random(given.seed)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    names = [f"study{number}" for number in range(given.studies)]
    for name in names:
        write_study(folder, name, **LENGTH)
    settings = {"checkpoint_seconds": 0.2, "runs_per_gpu": given.runs_per_gpu}
    began = time.monotonic()
    undisturbed = [start(folder, name, **settings) for name in names]
    if any(code != 0 for code in [process.wait() for process in undisturbed]):
        sys.exit(f"the undisturbed run failed; see {folder}")
    length = time.monotonic() - began
    expected, kinds = {name: results(folder, name) for name in names}, Counter[str]()
    rounds = wrong = commands = 0
    while kinds.total() < given.kills:
        shutil.rmtree(folder / "results")
        shutil.rmtree(folder / "data")
        for name in names:
            shutil.rmtree(folder / name / ".snakemake", ignore_errors=True)
        processes, killed = {name: start(folder, name, **settings) for name in names}, []
        for _ in range(min(given.per_round, given.kills - kinds.total())):
            time.sleep(rng.uniform(0.05, 0.95) * length / given.per_round)
            name = rng.choice(names)
            killed.append(kill(processes[name], rng))
            processes[name].wait()
            processes[name] = start(folder, name, **settings)
        for process in processes.values():
            process.wait()
        # A job that was killed is a failure of its round. The same command goes on.
        codes = [start(folder, name, **settings).wait() for name in names]
        right = all(code == 0 for code in codes) and all(equal_results(folder, name, expected[name]) for name in names)
        kinds.update(killed)
        rounds, wrong, commands = rounds + 1, wrong + (not right), commands + len(killed) + 2 * len(names)
        print(f"{kinds.total()} kills: {', '.join(killed)}: {'equal' if right else 'DIFFERENT'}", flush=True)
        if not right:
            shutil.copytree(folder / "results", folder / f"wrong{wrong}", symlinks=True)
    killed_of = ", ".join(f"{kinds[kind]} of {name}" for kind, name in KINDS.items() if kinds[kind])
    print(
        f"{kinds.total()} kills ({killed_of}) in {rounds} rounds and {commands} commands: "
        f"{rounds - wrong} rounds with equal results, {wrong} with others; an undisturbed run took {length:.0f} s"
    )
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
