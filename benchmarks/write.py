"""How long updates stop while files are written: by a thread, and with a wait for each file, as without the thread.

Rows "blocked": wall time of the call in the loop. Rows "whole run": a short training that writes often, from its start
to its results, in CPU seconds of the process and in wall seconds. The two ways take turns in one process.
"""

from __future__ import annotations

import io
import os
import resource
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

from benchmarks.common import interleave, machine, median, parser, print_table, save, setup, speedup


@contextmanager
def waiting(wait: bool) -> Iterator[None]:
    """In the block, a call that gives a file to the thread waits until it is on the disk, if ``wait``."""
    from sngan_repro.training.writer import Writer

    submit = Writer.submit

    def submit_and_wait(self: Any, job: Callable[[], None], num_bytes: int = 0) -> None:
        submit(self, job, num_bytes)
        self.wait()

    with patch.object(Writer, "submit", submit_and_wait if wait else submit):
        yield


def cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Runs:
    """Short trainings of one specification, each in a folder of its own."""

    def __init__(self, folder: Path, device: Any, width: int, size: int, steps: int) -> None:
        from sngan_repro.config.specs import RunSpec
        from sngan_repro.data.prepare import prepare

        self.folder, self.device, self.number = folder, device, 0
        self.images = folder / "images"
        data = {"source": "digits", "image_size": size}
        self.spec = RunSpec.model_validate(
            {
                "data": data,
                "method": {"name": "sngan", "options": {}},
                "optimizer": {"lr": 0.0002},
                "seed": 0,
                "nets": {"width": width},
                "budget": {"steps": steps},
                "snapshots": {"count": 10},
                "training": {"log_every": 10},
            }
        )
        prepare(self.spec.data, folder / "downloads", self.images)

    def new(self) -> Any:
        from sngan_repro.config.run_paths import RunPaths

        self.number += 1
        return RunPaths(self.folder / str(self.number))

    def blocked(self, wait: bool, what: str) -> float:
        """Seconds of one call of the loop that writes ``what``, after some updates."""
        from sngan_repro.data.dataset import PreparedData
        from sngan_repro.training.cuda_graph import RunContext
        from sngan_repro.training.options import TrainOptions
        from sngan_repro.training.session import Session

        context, options = RunContext(self.device), TrainOptions(checkpoint_seconds=1e6)
        data, run = PreparedData.open(self.images), self.new()
        with (
            waiting(wait),
            context.on_stream(),
            Session(self.spec, run, data, context, options, io.StringIO()) as session,
        ):
            trainer = session.trainer
            for kind in (what, what):  # the first call imports, and takes memory
                for _ in range(5):
                    numbers = trainer.advance()
                    session.files.log.add(trainer.steps, trainer.log_names, numbers)
                session.files.wait()
                if context.stream:
                    context.stream.synchronize()
                started = time.perf_counter()
                calls = {
                    "rows of the log": session.flush,
                    "snapshot": lambda: session.write_snapshot(trainer.steps),
                    "state": session.save,
                }
                calls[kind]()
                taken = time.perf_counter() - started
        return taken

    def whole(self, wait: bool) -> tuple[float, float]:
        """(CPU seconds, wall seconds) of a run that saves its state every second."""
        from sngan_repro.training.job import train
        from sngan_repro.training.options import TrainOptions

        options, stop = TrainOptions(checkpoint_seconds=1.0), threading.Event()
        cpu, wall = cpu_seconds(), time.perf_counter()
        with waiting(wait):
            train(self.spec, self.new(), self.images, self.device, options, stop=stop, out=io.StringIO())
        return cpu_seconds() - cpu, time.perf_counter() - wall


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--width", type=int, help="default: 64 on a GPU, 16 on a CPU")
    options.add_argument("--size", type=int, default=28, help="pixels (default 28)")
    options.add_argument("--steps", type=int, help="updates of a whole run (default: 2,000 on a GPU, 60 on a CPU)")
    given = options.parse_args()
    device = setup(given)
    gpu = device.type == "cuda"
    width, steps, rounds = given.width or (64 if gpu else 16), given.steps or (2000 if gpu else 60), 7
    size = given.size
    if given.quick:
        width, size, steps, rounds = 4, 16, 12, 1
    ways = {"waiting": True, "thread": False}
    rows: list[list[Any]] = []
    os.environ.setdefault("TQDM_DISABLE", "1")
    with tempfile.TemporaryDirectory() as folder:
        runs = Runs(Path(folder), device, width, size, steps)
        for what in ("rows of the log", "snapshot", "state"):
            variants = {name: (lambda wait=wait, what=what: runs.blocked(wait, what)) for name, wait in ways.items()}
            times = interleave(variants, rounds)
            rows.append(row(f"blocked: {what}, ms", times, 1000))
        wholes: dict[str, list[float]] = {name: [] for name in ways}

        def whole(name: str) -> float:
            cpu, wall = runs.whole(ways[name])
            wholes[name].append(wall)
            return cpu

        times = interleave({name: (lambda name=name: whole(name)) for name in ways}, rounds, warmup=0)
        rows.append(row("whole run, CPU s", times))
        rows.append(row("whole run, wall s", wholes))
    columns = ["what", "waiting", "thread", "x"]
    print_table(f"Writing of files, {size} px, width {width}", columns, rows)
    save("write", {"machine": machine(device), "columns": columns, "rows": rows}, given.out)


def row(what: str, times: dict[str, list[float]], factor: float = 1) -> list[Any]:
    """A row of the table, and print it at once."""
    medians = [factor * median(times[name]) for name in ("waiting", "thread")]
    made = [what, *medians, speedup(times, "thread", "waiting")]
    print(made, flush=True)
    return made


if __name__ == "__main__":
    main()
